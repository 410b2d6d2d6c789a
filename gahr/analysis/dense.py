"""A network with no notion of place, and a world in which the least error is known.

A convolution knows which pixels are neighbours. `Dense` does not: it treats its pixels alike, so a
permutation of them changes nothing that it can learn.
"""

from __future__ import annotations

import itertools
from collections.abc import Sequence

import torch
from torch import Tensor, nn

from gahr._checks import check_count, check_images
from gahr.denoisers import shrinkage
from gahr.images import synthetic

__all__ = ["Dense", "clouds"]


class Dense(nn.Module):
    """Bias-free multilayer perceptron, full matrices and ReLUs, for images ``(B, 1, size, size)``.

    What it returns is the noise, as with the other networks: the input less the estimate. Few directions
    make up an image and all make up the noise, so that hidden layers not much wider than the image
    would have to learn at length to let noise pass. It has ``layers`` matrices, at least one, with ``width``
    units between them.
    """

    def __init__(self, size: int, width: int = 512, layers: int = 3, seed: int = 0) -> None:
        super().__init__()
        d, layers = check_count(size, "size", 1) ** 2, check_count(layers, "layers", 1)
        self.size, generator = size, torch.Generator().manual_seed(seed)
        widths = [d, *[check_count(width, "width", 1)] * (layers - 1), d]
        self.layers = nn.ModuleList(nn.Linear(a, b, bias=False) for a, b in itertools.pairwise(widths))
        for layer in self.layers:
            nn.init.kaiming_normal_(layer.weight, nonlinearity="relu", generator=generator)

    def forward(self, y: Tensor) -> Tensor:
        """Predicted noise, shape of ``y``."""
        if check_images(y, "y").shape[1:] != (1, self.size, self.size):
            raise ValueError(f"this network takes (B, 1, {self.size}, {self.size}); got {tuple(y.shape)}.")
        hidden = y.flatten(1)
        for layer in self.layers[:-1]:
            hidden = torch.relu(layer(hidden))
        return y - self.layers[-1](hidden).view_as(y)


def clouds(
    noise: Sequence[float], n: int = 4000, new: int = 500, size: int = 16, contrast: float = 0.25
) -> tuple[Tensor, Tensor, dict[float, float]]:
    """Smooth Gaussian images of mean zero, ``n`` to train on, ``new`` to measure on, and the least errors.

    Those are the Wiener filter's, per pixel, by noise level. ``contrast`` is a pixel's standard deviation.
    """
    x, y = (synthetic.gaussian(k, size, 1.5, contrast, seed) - 0.5 for k, seed in ((n, 1), (new, 2)))
    power = synthetic.gaussian_power(size, 1.5, contrast)
    return x, y, {s: s**2 * shrinkage(power, s).mean().item() for s in noise}
