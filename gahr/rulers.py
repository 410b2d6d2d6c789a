"""What samples are held against: a baseline that knows only the covariance, and rulers of likeness."""

from __future__ import annotations

import base64
import zlib
from collections.abc import Sequence
from typing import NamedTuple

import torch
from torch import Tensor, nn

from gahr import measures
from gahr._checks import check_images
from gahr.denoisers import Blind, Wiener

__all__ = [
    "Interval",
    "Unaided",
    "closest",
    "copies",
    "distance_ratio",
    "excess",
    "features",
    "median",
    "pack",
    "partial",
    "summary",
    "superiority",
    "unpack",
]


class Unaided(nn.Module):
    """A Wiener filter that finds the noise level by itself, so that it can be sampled.

    It compares the energy in the quarter of directions where clean images vary least with the
    little that is there without noise.

    Parameters
    ----------
    wiener
        With its whole basis, as `gahr.denoisers.Wiener.fit` makes it.

    Raises
    ------
    ValueError
        If the filter does not have all directions.
    """

    def __init__(self, wiener: Wiener) -> None:
        super().__init__()
        if len(wiener.values) != wiener.mean.numel():
            raise ValueError(
                f"the filter must keep all {wiener.mean.numel()} directions; it has {len(wiener.values)}."
            )
        self.wiener = wiener
        self.weak = wiener.values.argsort()[: max(1, len(wiener.values) // 4)]

    def forward(self, y: Tensor, sigma: float | None = None) -> Tensor:
        """Estimate the clean images; ``sigma`` is accepted and ignored."""
        mean, values, vectors = self.wiener.mean, self.wiener.values, self.wiener.vectors
        coefficients = (check_images(y, "y") - mean).flatten(1) @ vectors.T
        excess = coefficients[:, self.weak].square() - values[self.weak]
        level = excess.mean(1, keepdim=True).clamp_min(1e-8)
        return mean + ((coefficients * values / (values + level)) @ vectors).view_as(y)


@torch.no_grad()
def features(f: Blind, x: Tensor, batch: int = 256) -> Tensor:
    """What the coarsest layer of a UNet says of each image, ``(B, channels, H', W')``.

    Its pixels are so large that a shift by one or two of the image's changes little.

    Raises
    ------
    ValueError
        If the network has no middle block.
    """
    if not hasattr(f.network, "mid_block"):
        raise ValueError(f"a {type(f.network).__name__} has no middle block; use a UNet.")
    found = []
    for part in f.check(x).split(batch):
        for block in range(f.network.blocks):
            part = nn.functional.avg_pool2d(f.network.encoder[str(block)](part), 2)
        found.append(f.network.mid_block(part))
    return torch.cat(found)


def closest(x: Tensor, train: Tensor) -> Tensor:
    """The training image most similar to each image, means removed, ``(B, C, H, W)``."""
    return train[measures.nearest(x, train)[0]]


def distance_ratio(x: Tensor, train: Tensor) -> Tensor:
    """Distance of each image to the nearest training image, over that to the second nearest, ``(B,)``.

    Near 0 for a copy, near 1 for an image that belongs to none. See `gahr.measures.memorized_fraction`.
    """
    check_images(x, "x")
    if len(check_images(train, "train")) < 2:
        raise ValueError("a second nearest image needs at least 2 training images; got 1.")
    distances = torch.cdist(x.flatten(1), train.flatten(1), compute_mode="donot_use_mm_for_euclid_dist")
    first, second = distances.topk(2, dim=1, largest=False).values.T
    return first / second


# ------------------------------------------------------------------------------------------------
# Numbers about numbers


class Interval(NamedTuple):
    """A median with its 95 % interval."""

    value: float
    low: float
    high: float

    def __str__(self) -> str:
        return f"{self.value:.2f} ({self.low:.2f} to {self.high:.2f})"


def median(values: Sequence[float] | Tensor) -> Interval:
    """Median, with an interval that covers the population's in 95 % of cases, whatever its shape.

    The interval runs between two of the ordered values. With fewer than 6 no two are far enough
    apart, and it runs from the smallest to the largest.

    Examples
    --------
    >>> median(range(64))
    Interval(value=31.5, low=23.0, high=40.0)
    """
    ordered = torch.as_tensor(values, dtype=torch.float64).sort().values
    n = len(ordered)
    if not n or ordered.isnan().any():
        raise ValueError(f"a median needs numbers; got {n} values, {int(ordered.isnan().sum())} of them NaN.")
    below = torch.distributions.Binomial(n, torch.tensor(0.5, dtype=torch.float64))
    chances = below.log_prob(torch.arange(n + 1, dtype=torch.float64)).exp().cumsum(0)
    outside = max(0, int((chances <= 0.025).sum()) - 1)
    return Interval(ordered.quantile(0.5).item(), ordered[outside].item(), ordered[n - 1 - outside].item())


def superiority(x: Sequence[float] | Tensor, y: Sequence[float] | Tensor) -> float:
    """How often a value of ``x`` is above one of ``y``; ties count one half. 0.5: no difference.

    Examples
    --------
    >>> superiority([0.9, 0.2], [0.1, 0.2, 0.3])
    0.75
    """
    x, y = (torch.as_tensor(v, dtype=torch.float64) for v in (x, y))
    difference = x[:, None] - y
    return ((difference > 0).double() + 0.5 * (difference == 0).double()).mean().item()


def copies(row: dict, kind: str = "centered") -> list[float]:
    """Similarity of each sample, of both networks, to its nearest training image, from a stored row."""
    return row["copy"]["a"][kind] + row["copy"]["b"][kind]


def excess(row: dict) -> tuple[float, float]:
    """How often a sample is nearer to its nearest training image than a new image is to its own.

    Parameters
    ----------
    row
        Of a stored result ``...-samples``.

    Returns
    -------
    by_pixels, by_features
        See `superiority`: 0.5 is no copying.
    """
    deep = row["features"]
    return (
        superiority(copies(row), row["held_out"]["centered"]),
        superiority(deep["copy"]["a"] + deep["copy"]["b"], deep["held_out"]),
    )


def summary(stored: dict) -> dict[str, Interval]:
    """Median correlations of a stored result ``...-samples``, at its largest N, each beside its control.

    Returns
    -------
    found
        ``"A, B"`` on shared noise, ``"none injected"``, ``"nothing shared"``; then new images with the
        nearest training image (``"new, nearest"``), and samples with theirs (``"with nearest"``).
    """
    row = stored["sizes"][max(stored["sizes"], key=int)]
    return {
        "A, B": median(row["between"]["centered"]),
        "none injected": median(stored["deterministic"]["between"]["centered"]),
        "nothing shared": median(stored["shared"]["networks"]["nothing"]["centered"]),
        "new, nearest": median(row["held_out"]["centered"]),
        "with nearest": median(copies(row)),
    }


def partial(xy: Tensor, xz: Tensor, yz: Tensor) -> Tensor:
    """Correlation of x and y that is left once each is predicted, linearly, from z.

    Examples
    --------
    >>> partial(torch.tensor(0.36), torch.tensor(0.6), torch.tensor(0.6))  # all of it through z
    tensor(0.)
    """
    return (xy - xz * yz) / ((1 - xz**2) * (1 - yz**2)).sqrt()


# ------------------------------------------------------------------------------------------------
# Pictures inside a stored result


def pack(x: Tensor) -> str:
    """Images as text, 8 bits a pixel, for a stored result; intensities are clipped to [0, 1]."""
    pixels = (check_images(x, "x").clamp(0, 1) * 255).round().to(torch.uint8)
    return base64.b64encode(zlib.compress(pixels.numpy().tobytes(), 9)).decode("ascii")


def unpack(text: str, shape: tuple[int, int, int]) -> Tensor:
    """The images that `pack` wrote, ``(B, C, H, W)``.

    Examples
    --------
    >>> x = torch.tensor([0.0, 0.2, 1.0, 1.7]).view(2, 1, 1, 2)
    >>> unpack(pack(x), (1, 1, 2)).flatten()
    tensor([0.0000, 0.2000, 1.0000, 1.0000])
    """
    pixels = torch.frombuffer(bytearray(zlib.decompress(base64.b64decode(text))), dtype=torch.uint8)
    return pixels.view(-1, *shape).float() / 255
