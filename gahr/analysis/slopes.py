"""Slopes of PSNR curves, and what the smoothness of a class promises.

For images that are ``alpha`` times differentiable away from contours that are themselves ``alpha``
times differentiable, the best squared error falls as ``sigma^(2 alpha / (alpha + 1))``: output PSNR
against input PSNR has the slope ``alpha / (alpha + 1)`` (paper, section 3.2 and appendix E).
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from typing import NamedTuple

import torch
from torch import Tensor

from gahr import measures
from gahr._calls import Caller
from gahr._checks import check_count, check_images, check_number, check_tensor, stream
from gahr.denoisers import Denoiser
from gahr.intervals import Interval

__all__ = [
    "WEAK",
    "ByRule",
    "LEVELS",
    "between",
    "by_rule",
    "local_slopes",
    "minimax_slope",
    "pooled",
    "usable",
    "without_floor",
]


LEVELS = tuple(round(10 ** (k / 10 - 2), 4) for k in range(21))
"""Noise levels from 0.01 to 1, every 2 dB of input PSNR."""

WEAK = (0.01, 0.05)
"""Noise levels that chapter 12 calls weak."""


def between(curve: Mapping, levels: tuple[float, float]) -> Interval:
    """Slope of a stored PSNR curve between two noise levels, which are included.

    Parameters
    ----------
    curve, levels
        ``sigma`` and ``psnr``, as `gahr.zoo.describe` has them under ``curves``; least and largest level.

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


def local_slopes(psnr: Tensor, sigmas: Sequence[float]) -> Tensor:
    """Slope of output against input PSNR between neighbouring noise levels, ``(levels - 1, ...)``.

    ``psnr`` is in dB, ``(levels, ...)``, at ``sigmas`` in the same order.

    Examples
    --------
    >>> local_slopes(torch.tensor([30.0, 20.0, 16.0]), (0.01, 0.1, 1.0))
    tensor([0.5000, 0.2000])
    """
    check_tensor(psnr, "psnr", "decibels (levels, ...)")
    entry = -20 * torch.log10(torch.as_tensor(sigmas, dtype=psnr.dtype).to(psnr))
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
    floor, prior
        That on clean images; and that of the best constant picture: the variance of a pixel, averaged.

    Examples
    --------
    >>> usable(torch.tensor([0.001, 0.01, 0.05]), floor=0.001, prior=0.1)
    [False, True, False]
    """
    check_number(factor, "factor", 1.0)
    check_tensor(mse, "mse", "errors (levels,)")
    return [factor * floor <= error <= prior / factor for error in mse.tolist()]


class ByRule(NamedTuple):
    """A slope and the noise levels that a rule chose for it."""

    slope: Interval
    levels: tuple[float, ...]
    floor: float
    prior: float


@torch.no_grad()
def by_rule(
    f: Denoiser, x: Tensor, sigmas: Sequence[float] = LEVELS, factor: float = 4.0, seed: int = 0
) -> ByRule:
    """Slope of a denoiser's PSNR curve over the noise levels that chapter 11's rule allows (`usable`).

    Parameters
    ----------
    f, x
        The denoiser, and clean images that it was not trained on, at least two, ``(B, C, H, W)``.
    sigmas, factor
        Noise levels to choose from, at least three of them as far as ``factor`` from both ends of the curve.
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
    estimate = Caller(f).in_batches(x, min(sigmas), 250)
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


def pooled(error: Tensor, sigmas: Sequence[float], draws: int = 1000, seed: int = 0) -> Interval:
    """Slope of the PSNR of the *mean* squared error, with a bootstrap interval over images.

    `gahr.measures.slope` averages the slopes of the images' own curves instead. The two differ where
    errors differ much between images: the mean is ruled by the worst. ``error`` holds squared errors,
    ``(levels, B)``, of which no level's mean may be 0; ``draws`` are resamples of the images.

    Raises
    ------
    ValueError
        If the errors are not ``(levels, B)``, or the mean of some level is not positive.

    Examples
    --------
    >>> error = torch.tensor([[0.01], [0.02]]) * torch.tensor([1.0, 3.0])
    >>> round(pooled(error, (0.1, 0.2)).value, 4)
    0.5
    """
    draws = check_count(draws, "draws", 1)
    check_tensor(error, "error", "squared errors (levels, B)")
    if error.ndim != 2 or len(error) != len(sigmas):
        raise ValueError(f"errors must be ({len(sigmas)}, B), a row a level; got {tuple(error.shape)}.")
    error, n = error.cpu().double(), error.shape[1]
    picks = torch.randint(n, (draws, n), generator=stream(seed))
    mean = torch.cat([error.mean(1, keepdim=True), error[:, picks].mean(2)], 1)
    if (mean <= 0).any():
        raise ValueError("at some noise level the mean error is not positive; leave that level out.")
    entry = -20 * torch.log10(torch.tensor(sigmas, dtype=torch.float64))
    entry = (entry - entry.mean())[:, None]
    found = (entry * measures.decibels(mean)).sum(0) / entry.square().sum()
    low, high = found[1:].quantile(torch.tensor([0.025, 0.975], dtype=torch.float64)).tolist()
    if n < 2:  # one image tells no spread
        low = high = math.nan
    return Interval(found[0].item(), low, high)


def without_floor(
    table: Tensor, clean: Tensor, sigmas: Sequence[float], draws: int = 500, seed: int = 0
) -> Interval:
    """Slope of the PSNR curve after the error on clean images is taken off, with a 95 % interval.

    A network that does not return a clean image unchanged makes an error at any noise level, and
    its curve levels off. If that error simply adds to the rest, the rest is the mean squared error
    less this floor. It need not simply add: read the slope as what the floor may have hidden.

    Parameters
    ----------
    table, sigmas
        Output PSNR in dB, ``(levels, B)``, and the noise levels. Where the mean error is not above the
        floor, leave the level out.
    clean
        PSNR of the same images when the denoiser is given the clean ones, ``(B,)``.
    draws, seed
        Bootstrap resamples of the images.

    Raises
    ------
    ValueError
        If at some level the mean error is not above the floor: leave that level out.

    Notes
    -----
    Errors are averaged before decibels are taken (`pooled`), since the difference of two errors may be
    negative for a single image.
    """
    check_tensor(table, "table", "PSNRs (levels, B)"), check_tensor(clean, "clean", "PSNRs (B,)")
    error, floor = (10 ** (-psnr.cpu().double() / 10) for psnr in (table, clean))
    if error.ndim != 2 or error.shape != (len(sigmas), len(floor)):
        raise ValueError(f"table must be ({len(sigmas)}, {len(floor)}); got {tuple(table.shape)}.")
    if ((error - floor).mean(1) <= 0).any():
        raise ValueError("at some noise level the error is not above the floor; leave that level out.")
    return pooled(error - floor, sigmas, draws, seed)
