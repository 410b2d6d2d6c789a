"""What a denoiser is: a function ``f(y, sigma=None)`` that returns an estimate of the clean image.

A *blind* denoiser ignores ``sigma`` and works at every noise level; Wiener filters and thresholds
need it. Everything that follows in the package (scores, samplers, Jacobians) takes any such ``f``.
"""

from __future__ import annotations

from typing import Protocol

import torch
from torch import Tensor, nn

from gahr import networks
from gahr._checks import check_images, check_known, check_number

__all__ = ["Blind", "DCTThreshold", "Denoiser", "WaveletThreshold", "Wiener", "add_noise"]


class Denoiser(Protocol):
    """Anything that maps noisy images ``(B, C, H, W)`` to estimates of the same shape."""

    def __call__(self, y: Tensor, sigma: float | None = None) -> Tensor:
        """Estimate the clean images from ``y = x + sigma z``."""
        ...


def add_noise(x: Tensor, sigma: float, seed: int = 0) -> Tensor:
    """Return ``y = x + sigma z`` with standard normal ``z`` drawn from ``seed``.

    Parameters
    ----------
    x
        Clean images, ``(B, C, H, W)``.
    sigma
        Standard deviation of the noise on the intensity scale [0, 1].
    seed
        The same seed gives the same noise, whatever the machine's other random draws.

    Raises
    ------
    ValueError
        If ``sigma`` is negative or ``x`` is not a batch of images.
    """
    check_images(x, "x")
    check_number(sigma, "sigma", 0.0)
    z = torch.randn(x.shape, generator=torch.Generator().manual_seed(seed))
    return x + sigma * z.to(x)


class Blind(nn.Module):
    """A denoiser from a network that predicts the noise: ``f(y) = y - network(y)``.

    Parameters
    ----------
    network
        Maps ``(B, C, H, W)`` to the predicted noise of the same shape.

    Examples
    --------
    >>> f = Blind(networks.UNet(channels=4, blocks=1).eval())
    >>> f(torch.rand(2, 1, 8, 8)).shape
    torch.Size([2, 1, 8, 8])
    """

    def __init__(self, network: nn.Module) -> None:
        super().__init__()
        self.network = network

    def forward(self, y: Tensor, sigma: float | None = None) -> Tensor:
        """Estimate the clean images; ``sigma`` is accepted and ignored: the network is blind."""
        return y - self.network(y)

    def check(self, y: Tensor) -> Tensor:
        """Return ``y`` if the network can take it; raise a sentence that says why not."""
        return networks.check_input(self.network, y)
