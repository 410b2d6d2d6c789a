"""How smooth a class is, and what that promises: exponents of a generator, slopes of PSNR curves.

For images that are ``alpha`` times differentiable away from contours that are themselves ``alpha``
times differentiable, the best squared error falls as ``sigma^(2 alpha / (alpha + 1))``: output PSNR
against input PSNR has the slope ``alpha / (alpha + 1)`` (paper, section 3.2 and appendix E).
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import NamedTuple

import torch
from torch import Tensor

from gahr import measures
from gahr._checks import check_images, check_number
from gahr.denoisers import Denoiser
from gahr.measures import Slope

__all__ = [
    "WEAK",
    "ByRule",
    "LEVELS",
    "between",
    "by_rule",
    "contour",
    "holder",
    "local_slopes",
    "minimax_slope",
    "step",
    "structure",
    "usable",
    "without_floor",
]


LEVELS = tuple(round(10 ** (k / 10 - 2), 4) for k in range(21))
"""Noise levels from 0.01 to 1, every 2 dB of input PSNR."""

WEAK = (0.01, 0.05)
"""Noise levels that chapter 9 calls weak."""


def between(curve: Mapping, levels: tuple[float, float]) -> Slope:
    """Slope of a stored PSNR curve between two noise levels, which are included.

    Parameters
    ----------
    curve
        ``sigma`` and ``psnr``, as `gahr.zoo.describe` has them under ``curves``.
    levels
        Least and largest.

    Raises
    ------
    ValueError
        If fewer than two levels are left.

    Examples
    --------
    >>> round(between({"sigma": [0.1, 0.01, 0.001], "psnr": [20.0, 36.0, 40.0]}, WEAK[:1] + (0.1,)).value, 3)
    0.8
    """
    low, high = levels
    kept = [(s, p) for s, p in zip(curve["sigma"], curve["psnr"], strict=True) if low <= s <= high]
    return measures.slope(torch.tensor([[p] for _, p in kept]), tuple(s for s, _ in kept))


def minimax_slope(alpha: float) -> float:
    """Slope of the best PSNR curve for regularity ``alpha``: ``alpha / (alpha + 1)``.

    Examples
    --------
    >>> minimax_slope(1), minimax_slope(3)
    (0.5, 0.75)
    """
    return check_number(alpha, "alpha", 0.0) / (alpha + 1)


def contour(n: int, size: int = 40, alpha: float = 2.0, seed: int = 0) -> Tensor:
    """The contours of `gahr.images.synthetic.c_alpha` with the same arguments, before they are rounded.

    Parameters
    ----------
    n, size, alpha, seed
        As for the images.

    Returns
    -------
    heights
        ``(n, size)``, double, in pixels from the top, one for each column; in the image rounded to a
        pixel. What lies below the contour has rows at or beyond its height.
    """
    white = 2 * torch.rand(n, size, generator=torch.Generator().manual_seed(seed)).double() - 1
    k = (torch.fft.fftfreq(size, dtype=torch.float64) * size).abs().clamp_min(1.0)
    return torch.fft.ifft(torch.fft.fft(white) * k**-alpha).real * size + size // 2


def step(x: Tensor, heights: Tensor, away: int = 3) -> Tensor:
    """Mean gray ``away`` pixels below a contour less that above it, ``(B,)``: how visible it is.

    Columns in which either pixel would lie outside the image do not count.

    Parameters
    ----------
    x
        Images, ``(B, 1, H, W)``.
    heights
        Their contours, ``(B, W)``, as from `contour`.
    away
        Pixels.
    """
    rows = check_images(x, "x").shape[2]
    at = _rounded(x, heights)
    inside = (at - away >= 0) & (at + away < rows)
    low, high = ((at + side * away).clamp(0, rows - 1)[:, None] for side in (1, -1))
    difference = (x[:, 0].gather(1, low) - x[:, 0].gather(1, high))[:, 0] * inside
    return difference.sum(1) / inside.sum(1).clamp_min(1)


def _rounded(x: Tensor, heights: Tensor) -> Tensor:
    if heights.shape != (len(x), x.shape[-1]):
        raise ValueError(
            f"heights must be ({len(x)}, {x.shape[-1]}), one a column; got {tuple(heights.shape)}."
        )
    return heights.round().long()


def structure(f: Tensor, order: int, lags: Sequence[int]) -> Tensor:
    """Mean square of the ``order``-th difference at each lag, along the last axis, ``(len(lags),)``.

    The first difference at lag ``h`` is ``f(t + h) - f(t)``; the second is the difference of that.

    Parameters
    ----------
    f
        Samples on a grid, ``(..., T)``.
    order
        How often the difference is taken: more than the regularity that one wants to see.
    lags
        In grid points.
    """
    if order < 1 or min(lags) < 1 or order * max(lags) >= f.shape[-1]:
        raise ValueError(
            f"{f.shape[-1]} samples are too few for differences of order {order} at lags {lags}."
        )
    found = []
    for lag in lags:
        difference = f.double()
        for _ in range(order):
            difference = difference[..., lag:] - difference[..., :-lag]
        found.append(difference.square().mean())
    return torch.stack(found)


def holder(f: Tensor, order: int, lags: Sequence[int] = (2, 4, 8)) -> float:
    """Regularity of samples in the sense of Holder, from how their differences grow with the lag.

    The root mean square of the differences of a random function of regularity ``a`` grows as
    ``lag^a``, if ``a`` is below ``order``. For a stationary Gaussian function the largest
    difference grows alike, up to a logarithm.

    Parameters
    ----------
    f, order, lags
        As for `structure`.

    Examples
    --------
    >>> walk = torch.randn(50, 500, generator=torch.Generator().manual_seed(0)).cumsum(1)
    >>> round(holder(walk, 1), 1)  # a random walk has regularity 1/2
    0.5
    """
    u = torch.tensor(lags, dtype=torch.float64).log()
    v = structure(f, order, lags).log() / 2
    u = u - u.mean()
    return ((u * v).sum() / u.square().sum()).item()


def local_slopes(psnr: Tensor, sigmas: Sequence[float]) -> Tensor:
    """Slope of output against input PSNR between neighbouring noise levels, ``(levels - 1, ...)``.

    Parameters
    ----------
    psnr
        In dB, ``(levels, ...)``.
    sigmas
        The noise levels, in the same order.

    Examples
    --------
    >>> local_slopes(torch.tensor([30.0, 20.0, 16.0]), (0.01, 0.1, 1.0))
    tensor([0.5000, 0.2000])
    """
    entry = -20 * torch.log10(torch.as_tensor(sigmas, dtype=psnr.dtype))
    return (psnr.diff(dim=0).movedim(0, -1) / entry.diff()).movedim(-1, 0)


def usable(mse: Tensor, floor: float, prior: float, factor: float = 4.0) -> list[bool]:
    """Which noise levels a slope may be fitted to: those far from both ends of the curve.

    At weak noise the curve ends at the error that the denoiser makes even without noise; at strong
    noise at the error of a denoiser that ignores its input. Between a ``factor`` above the one and a
    ``factor`` below the other a power law has room to show.

    Parameters
    ----------
    mse
        Mean squared error per pixel at each level, ``(levels,)``.
    floor
        Mean squared error on clean images.
    prior
        Mean squared error of the best constant picture: the variance of a pixel, averaged.
    factor
        How far from the ends.

    Examples
    --------
    >>> usable(torch.tensor([0.001, 0.01, 0.05]), floor=0.001, prior=0.1)
    [False, True, False]
    """
    check_number(factor, "factor", 1.0)
    return [factor * floor <= error <= prior / factor for error in mse.tolist()]


class ByRule(NamedTuple):
    """A slope and the noise levels that a rule chose for it."""

    slope: Slope
    levels: tuple[float, ...]
    floor: float
    prior: float


@torch.no_grad()
def by_rule(
    f: Denoiser, x: Tensor, sigmas: Sequence[float] = LEVELS, factor: float = 4.0, seed: int = 0
) -> ByRule:
    """Slope of a denoiser's PSNR curve over the noise levels that chapter 8's rule allows (`usable`).

    Parameters
    ----------
    f
        The denoiser.
    x
        Clean images that it was not trained on, at least two, ``(B, C, H, W)``.
    sigmas
        Noise levels to choose from.
    factor
        How far from both ends of the curve.
    seed
        Of the noise.

    Returns
    -------
    found
        ``slope`` with its 95 % interval over images, the ``levels`` that were used, and both ends as mean
        squared errors per pixel: ``floor`` on clean images (at the smallest level, if ``f`` asks), and
        ``prior`` of the images' mean.

    Raises
    ------
    ValueError
        If there are fewer than two images, or fewer than three levels are far enough from both ends.
    """
    if len(check_images(x, "x")) < 2:
        raise ValueError("a slope with an interval needs at least two images.")
    estimate = torch.cat([f(part, min(sigmas)) for part in x.split(250)])
    floor, prior = (error.square().mean().item() for error in (estimate - x, x - x.mean(0)))
    table = measures.psnr_table(f, x, tuple(sigmas), seed)[:, 0]
    inside = usable((10 ** (-table / 10)).mean(1), floor, prior, factor)
    levels = tuple(sigma for sigma, fits in zip(sigmas, inside, strict=True) if fits)
    if len(levels) < 3:
        raise ValueError(
            f"{len(levels)} of {len(sigmas)} noise levels are a factor {factor:g} from both ends "
            f"(without noise {floor:.2g}, best constant {prior:.2g}); a slope needs three."
        )
    return ByRule(measures.slope(table[torch.tensor(inside)], levels), levels, floor, prior)


def without_floor(
    table: Tensor, clean: Tensor, sigmas: Sequence[float], draws: int = 500, seed: int = 0
) -> Slope:
    """Slope of the PSNR curve after the error on clean images is taken off, with a 95 % interval.

    A network that does not return a clean image unchanged makes an error at any noise level, and
    its curve levels off. If that error simply adds to the rest, the rest is the mean squared error
    less this floor. It need not simply add: read the slope as what the floor may have hidden.

    Parameters
    ----------
    table
        Output PSNR in dB, ``(levels, B)``.
    clean
        PSNR of the same images when the denoiser is given the clean ones, ``(B,)``.
    sigmas
        Noise levels.
    draws, seed
        Bootstrap resamples of the images.

    Raises
    ------
    ValueError
        If at some level the mean error is not above the floor: leave that level out.

    Notes
    -----
    Unlike `gahr.measures.slope` this takes the PSNR of the mean squared error, since the difference
    of two errors may be negative for a single image.
    """
    error, floor = 10 ** (-table.double() / 10), 10 ** (-clean.double() / 10)
    if error.ndim != 2 or error.shape != (len(sigmas), len(floor)):
        raise ValueError(f"table must be ({len(sigmas)}, {len(floor)}); got {tuple(table.shape)}.")
    picks = torch.randint(len(floor), (draws, len(floor)), generator=torch.Generator().manual_seed(seed))
    rest = torch.cat([(error - floor).mean(1, keepdim=True), (error - floor)[:, picks].mean(2)], 1)
    if (rest <= 0).any():
        raise ValueError("at some noise level the error is not above the floor; leave that level out.")
    entry = -20 * torch.log10(torch.tensor(sigmas, dtype=torch.float64))
    entry = (entry - entry.mean())[:, None]
    slopes = (entry * measures.decibels(rest)).sum(0) / entry.square().sum()
    low, high = slopes[1:].quantile(torch.tensor([0.025, 0.975], dtype=torch.float64)).tolist()
    return Slope(slopes[0].item(), low, high)
