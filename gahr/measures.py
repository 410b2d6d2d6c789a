"""How good, how alike, how far copied: the numbers that the book's claims rest on."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import overload

import torch
from torch import Tensor
from torch.nn import functional as F

from gahr._calls import Caller
from gahr._checks import (
    check_count,
    check_images,
    check_number,
    check_numbers,
    check_same_shape,
    check_seed,
    check_tensor,
    full,
    stream,
)
from gahr.denoisers import Denoiser, add_noise
from gahr.intervals import Interval

__all__ = [
    "SIGMAS",
    "compare",
    "decibels",
    "model_variance",
    "nearest",
    "psnr",
    "psnr_curve",
    "psnr_table",
    "similarity",
    "slope",
]

SIGMAS: tuple[float, ...] = (0.01, 0.015, 0.02, 0.03, 0.05, 0.07, 0.1, 0.15, 0.2, 0.3, 0.5, 1.0)
"""The twelve noise levels at which every network of the book is measured."""


def psnr(x: Tensor, estimate: Tensor) -> Tensor:
    """Peak signal-to-noise ratio of each image, ``10 log10(1 / MSE)``, in dB, shape ``(B,)``.

    The mean over images of this number is what the authors report. It is not the PSNR of the mean
    squared error: the mean of logarithms is larger than the logarithm of the mean would give.
    An exact estimate gives infinity.

    Examples
    --------
    >>> psnr(torch.zeros(1, 1, 2, 2), torch.full((1, 1, 2, 2), 0.1))
    tensor([20.])
    """
    check_images(x, "x", clean=True)
    check_same_shape(x, check_images(estimate, "estimate", clean=True), ("x", "estimate"))
    mse = (full(x) - full(estimate)).square().flatten(1).mean(1)
    return decibels(mse)


@overload
def decibels(mse: float) -> float: ...


@overload
def decibels(mse: Tensor | Sequence[float]) -> Tensor: ...


def decibels(mse: float | Tensor | Sequence[float]) -> float | Tensor:
    """PSNR of a mean squared error per pixel, ``-10 log10(mse)``, in dB; infinite where it is 0.

    Of an error averaged over images it is lower than the mean of the images' PSNRs. Several errors come back
    as a tensor; none may be negative.

    Examples
    --------
    >>> decibels(0.01)
    20.0
    >>> decibels([0.01, 0.0])
    tensor([20., inf])
    """
    if isinstance(mse, (int, float)):
        mse = check_number(mse, "mse", 0.0)
        return -10 * math.log10(mse) if mse else math.inf
    errors = mse if isinstance(mse, Tensor) else check_numbers(mse, "mse").to(torch.get_default_dtype())
    if (errors < 0).any():
        raise ValueError("mse must be in [0, inf): an error cannot be negative.")
    return -10 * errors.log10()


@torch.no_grad()
def psnr_table(
    f: Denoiser,
    x: Tensor,
    sigmas: Sequence[float] = SIGMAS,
    seed: int = 0,
    repeats: int = 1,
    batch: int = 256,
) -> Tensor:
    """Output PSNR of every image at every noise level, in dB, ``(levels, repeats, B)``.

    The noise depends on ``seed`` and on the level only, so two denoisers measured on the same
    images see exactly the same noisy images.

    Parameters
    ----------
    f, x
        The denoiser, and clean images, ``(B, C, H, W)``.
    sigmas
        Noise levels on the [0, 1] scale.
    seed, repeats
        Of the noise; and noise draws for each image: use several when there are few images.
    batch
        Images denoised at once.
    """
    check_images(x, "x", clean=True)
    ask, repeats, table = Caller(f), check_count(repeats, "repeats", 1), []
    sigmas, seed = _levels(sigmas), check_seed(seed)
    for level, sigma in enumerate(sigmas):
        for repeat in range(repeats):
            y = add_noise(x, sigma, seed=seed + 1000 * level + repeat)
            table.append(psnr(x, ask.in_batches(y, sigma, batch)))
    return torch.stack(table).view(len(sigmas), repeats, len(x))


def _levels(sigmas: Sequence[float]) -> list[float]:
    """Noise levels as numbers; at least one, all positive."""
    try:
        levels = [check_number(sigma, "sigma", 0.0, open_low=True) for sigma in sigmas]
    except TypeError:
        levels = []
    if not levels:
        raise TypeError(f"sigmas must be noise levels, as in (0.1, 0.2); got {sigmas!r}.")
    return levels


def psnr_curve(
    f: Denoiser,
    x: Tensor,
    sigmas: tuple[float, ...] = SIGMAS,
    seed: int = 0,
    repeats: int = 1,
    batch: int = 256,
) -> dict[str, list[float]]:
    """Output PSNR against noise level: mean over images, with its standard error.

    Parameters are those of `psnr_table`.

    Returns
    -------
    curve
        Lists ``sigma``, ``psnr`` and ``se`` (dB), and ``mse``, the mean squared error per pixel. The
        standard error is over images; with a single image it is over the noise draws.
    """
    table = psnr_table(f, x, sigmas, seed, repeats, batch)
    each = table.mean(1) if len(x) > 1 else table[:, :, 0]
    spread = each.std(1) if each.shape[1] > 1 else torch.full((len(each),), float("nan"))
    return {
        "sigma": _levels(sigmas),
        "psnr": table.mean((1, 2)).tolist(),
        "se": (spread / each.shape[1] ** 0.5).tolist(),
        "mse": (10 ** (-table / 10)).mean((1, 2)).tolist(),
    }


def slope(table: Tensor, sigmas: tuple[float, ...], draws: int = 1000, seed: int = 0) -> Interval:
    """Slope of output PSNR against input PSNR (dB per dB), with a bootstrap interval over images.

    Parameters
    ----------
    table
        Output PSNR in dB, ``(levels, B)`` or ``(levels, repeats, B)`` as from `psnr_table`.
    sigmas
        The noise levels to fit, at least two. Input PSNR is ``-20 log10 sigma``.
    draws, seed
        Bootstrap resamples of the images, or of the noise draws where there is one image. The interval is
        NaN where one image and one draw tell no spread.

    Examples
    --------
    >>> table = -20 * 0.5 * torch.log10(torch.tensor([[0.1], [0.2], [0.4]])) + torch.rand(1, 9)
    >>> round(slope(table, (0.1, 0.2, 0.4)).value, 4)
    0.5
    """
    each = check_tensor(table, "table", "PSNRs (levels, B)").detach().cpu().double()
    sigmas = _levels(sigmas)
    if table.ndim == 3:
        each = each.mean(1) if table.shape[2] > 1 else each[:, :, 0]
    if each.ndim != 2 or not torch.isfinite(each).all():
        raise ValueError(
            f"table must hold finite PSNRs, (levels, B) or (levels, repeats, B); got {tuple(table.shape)}."
        )
    if len(set(sigmas)) < len(sigmas):
        raise ValueError(f"sigmas must be different positive noise levels; got {tuple(sigmas)}.")
    if each.shape[0] != len(sigmas) or len(sigmas) < 2:
        raise ValueError(f"table has {each.shape[0]} levels for {len(sigmas)} sigmas; need 2 or more, equal.")
    t = -20 * torch.log10(torch.tensor(sigmas, dtype=torch.float64))
    t = t - t.mean()
    slopes = (t[:, None] * each).sum(0) / t.square().sum()  # the fit is linear: average per-image slopes
    return Interval(slopes.mean().item(), *_interval(slopes, draws, seed))


def _interval(each: Tensor, draws: int, seed: int) -> tuple[float, float]:
    """Bootstrap 95 % interval of a mean; NaN of a single number, which tells no spread."""
    draws, n = check_count(draws, "draws", 1), len(each)
    if n < 2:
        return math.nan, math.nan
    picks = torch.randint(n, (draws, n), generator=stream(seed))
    return tuple(each[picks].mean(1).quantile(torch.tensor([0.025, 0.975], dtype=torch.float64)).tolist())


def _unit(x: Tensor, center: bool) -> Tensor:
    flat = x.flatten(1)
    return F.normalize(flat - flat.mean(1, keepdim=True) if center else flat, dim=1)


def similarity(x: Tensor, y: Tensor, center: bool = True) -> Tensor:
    """Cosine similarity of each pair of images ``(B, C, H, W)``, shape ``(B,)``.

    With ``center`` each image's mean is removed first (then it is the correlation). The paper writes "cosine
    similarity" and its code has both; without centering any two photographs look alike.

    Examples
    --------
    >>> x = torch.tensor([[[[0.2, 0.4]]]])
    >>> [round(similarity(x, 1 - x, center).item(), 3) for center in (True, False)]
    [-1.0, 0.894]
    """
    check_same_shape(check_images(x, "x"), check_images(y, "y"), ("x", "y"))
    return (_unit(x, center) * _unit(y, center)).sum(1)


def nearest(x: Tensor, train: Tensor, center: bool = True, block: int = 4096) -> tuple[Tensor, Tensor]:
    """Most similar training image of each image: its index and the similarity, each ``(B,)``.

    A maximum over more images is larger by itself. Compare with the same number for held-out
    images before calling a sample a copy.
    """
    check_images(x, "x", clean=True)
    if check_images(train, "train", clean=True).shape[1:] != x.shape[1:]:
        raise ValueError(
            f"x and train must hold images of one shape; got {tuple(x.shape[1:])}, {tuple(train.shape[1:])}."
        )
    unit, block = _unit(x, center), check_count(block, "block", 1)
    alike = torch.cat([unit @ _unit(part, center).T for part in train.split(block)], 1)
    best = alike.max(1)
    return best.indices, best.values


@torch.no_grad()
def model_variance(f: Denoiser, g: Denoiser, x: Tensor, sigma: float, seed: int = 0) -> Tensor:
    """Half the squared difference of two estimates of the same noisy images, per pixel, ``(B,)``.

    With ``f`` and ``g`` trained on disjoint sets its mean is the variance of the trained function:
    the paper's measure of generalization (section 2.2). The book's two start from different weights, too.
    """
    one, two = _both(f, g, x, sigma, seed, len(x))
    return 0.5 * (one - two).square().flatten(1).mean(1)


def _both(f: Denoiser, g: Denoiser, x: Tensor, sigma: float, seed: int, batch: int) -> tuple[Tensor, Tensor]:
    """Two estimates of the same noisy images."""
    y = add_noise(check_images(x, "x"), sigma, seed)
    return Caller(f).in_batches(y, sigma, batch), Caller(g, "g(y)").in_batches(y, sigma, batch)


@torch.no_grad()
def compare(f: Denoiser, g: Denoiser, x: Tensor, sigma: float, seed: int = 0, batch: int = 256) -> dict:
    """Model variance of two denoisers beside their errors, on the same noisy images.

    Parameters are those of `model_variance`; ``batch`` images are denoised at once.

    Returns
    -------
    found
        ``variance`` as in `model_variance`, its standard error ``se`` over images, ``mse`` (per
        pixel, the mean of both denoisers), and ``relative``, variance over mse. Two denoisers with
        independent errors of equal size have ``relative = 1``; identical ones have 0.
    """
    one, two = _both(f, g, x, sigma, seed, batch)
    variance = 0.5 * (one - two).square().flatten(1).mean(1)
    mse = 0.5 * ((one - x).square() + (two - x).square()).mean().item()
    mean = variance.mean().item()
    se = (variance.std() / len(x) ** 0.5).item() if len(x) > 1 else math.nan
    return {"variance": mean, "se": se, "mse": mse, "relative": mean / mse if mse else math.nan}
