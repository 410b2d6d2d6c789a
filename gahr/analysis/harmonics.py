"""Does a basis follow a picture's contours, and does it oscillate along them? In numbers.

Vectors are looked at as images ``(k, H, W)``, or in colour ``(k, C, H, W)``: then what is squared is summed
over the channels. Two ways to ask. `alignment` needs only the picture: it
compares the direction in which a vector changes with the direction in which the picture changes.
The others need a contour that is known, one height for each column: they cut out a strip around
it, straighten it, and look at rows (along the contour) and columns (across).
"""

from __future__ import annotations

import math

import torch
from torch import Tensor
from torch.nn import functional as F

from gahr._checks import check_count, check_images, check_number, check_tensor

__all__ = [
    "across",
    "alignment",
    "frequency",
    "length",
    "normals",
    "purity",
    "share",
    "sign_changes",
    "straighten",
    "waves",
]


def _vectors(e: Tensor) -> Tensor:
    """Vectors as images ``(k, C, H, W)``."""
    e = check_tensor(e, "vectors", "images (k, H, W)")
    e = e[:, None] if e.ndim == 3 else e
    if e.ndim != 4 or not len(e):
        raise ValueError(f"vectors are images, (k, H, W) or (k, C, H, W); got {tuple(e.shape)}.")
    return e


def _gradient(e: Tensor) -> tuple[Tensor, Tensor]:
    """Central differences of images ``(..., H, W)``, down and across, one-sided at the borders."""
    return torch.gradient(e, dim=(-2, -1))


def normals(x: Tensor, scale: float = 1.0) -> tuple[Tensor, Tensor]:
    """Direction across the local edge, and how strong the edge is.

    Parameters
    ----------
    x
        One clean picture, ``(1, C, H, W)``. An edge between two colours counts, if equally bright, too.
    scale
        Width in pixels of the Gaussian that averages the products of derivatives.

    Returns
    -------
    angle
        ``(H, W)``, in radians from the downward axis, up to multiples of pi.
    strength
        ``(H, W)``, the difference of the structure tensor's two eigenvalues: large on an edge, small
        where the picture is flat or changes alike in all directions.

    Notes
    -----
    The structure tensor of colours is the sum of the channels' (Di Zenzo 1986).
    """
    if len(check_images(x, "x")) != 1:
        raise ValueError(f"x must be one picture, (1, C, H, W); got {tuple(x.shape)}.")
    down, right = _gradient(x[0])
    products = torch.stack([down**2 - right**2, 2 * down * right]).sum(1, keepdim=True)
    products = _smooth(products, scale)
    return torch.atan2(products[1, 0], products[0, 0]) / 2, products[:, 0].norm(dim=0)


def _smooth(x: Tensor, scale: float) -> Tensor:
    reach = math.ceil(3 * check_number(scale, "scale", 0.0, open_low=True))
    bell = torch.exp(-((torch.arange(-reach, reach + 1).to(x) / scale) ** 2) / 2)
    bell = bell / bell.sum()
    x = F.pad(x, (reach,) * 4, mode="replicate")
    return F.conv2d(F.conv2d(x, bell.view(1, 1, -1, 1)), bell.view(1, 1, 1, -1))


def alignment(e: Tensor, x: Tensor, scale: float = 1.0) -> Tensor:
    """Share of each vector's changes that go across the picture's edges, ``(k,)``.

    The squared derivative of the vector across the local edge over its squared gradient, summed with
    the edge's strength as the weight: 1 if the vector changes only across edges, 1/2 if it knows
    nothing of them, 0 if it changes only along them. Introduced in chapter 8.

    Parameters
    ----------
    e
        Vectors as images, ``(k, H, W)`` or ``(k, C, H, W)``.
    x
        The clean picture, ``(1, C, H, W)``.
    scale
        See `normals`.

    Examples
    --------
    >>> edge = torch.zeros(1, 1, 8, 8)
    >>> edge[..., 4:, :] = 1
    >>> alignment(torch.cat([edge[0], edge[0].mT]), edge)
    tensor([1., 0.])
    """
    angle, strength = normals(x, scale)
    e = _vectors(e)
    if e.shape[2:] != angle.shape:
        raise ValueError(f"vectors are {tuple(e.shape[2:])}, the picture is {tuple(angle.shape)}.")
    down, right = _gradient(e)
    normal = (down * angle.cos() + right * angle.sin()).square() * strength
    total = (down**2 + right**2) * strength
    return normal.sum((1, 2, 3)) / total.sum((1, 2, 3)).clamp_min(1e-30)


def straighten(e: Tensor, heights: Tensor, reach: int = 4) -> Tensor:
    """A strip around a contour, each column moved so that the contour is the middle row.

    Parameters
    ----------
    e
        Vectors as images, ``(k, H, W)`` or ``(k, C, H, W)``.
    heights
        Row of the contour in each column, ``(W,)``; rounded to a pixel.
    reach
        Pixels on either side.

    Returns
    -------
    strip
        ``(k, 2 reach + 1, W)``, or ``(k, C, 2 reach + 1, W)``; zero where it leaves the image.

    Examples
    --------
    >>> e = torch.arange(4.0)[:, None] + torch.zeros(1, 4, 2)  # each pixel holds its row
    >>> straighten(e, torch.tensor([1.0, 2.0]), reach=1)[0].tolist()
    [[0.0, 1.0], [1.0, 2.0], [2.0, 3.0]]
    """
    strip = _strip(e, heights, reach)
    return strip if e.ndim == 4 and e.shape[1] > 1 else strip[:, 0]


def _strip(e: Tensor, heights: Tensor, reach: int) -> Tensor:
    """The same with all channels, ``(k, C, 2 reach + 1, W)``."""
    e, reach = _vectors(e), check_count(reach, "reach", 0)
    if not isinstance(heights, Tensor):
        raise TypeError(f"heights must be a tensor, one a column; got {type(heights).__name__}.")
    if heights.shape != e.shape[3:]:
        raise ValueError(f"heights must be one a column, ({e.shape[3]},); got {tuple(heights.shape)}.")
    at = heights.to(e.device).round().long() + torch.arange(-reach, reach + 1, device=e.device)[:, None]
    inside = (at >= 0) & (at < e.shape[2])
    rows = at.clamp(0, e.shape[2] - 1).expand(*e.shape[:2], -1, -1)
    return e.gather(2, rows) * inside


def share(e: Tensor, heights: Tensor, reach: int = 4) -> Tensor:
    """Share of each vector's energy within ``reach`` pixels above or below the contour, ``(k,)``."""
    strip = _strip(e, heights, reach).square().sum((1, 2, 3))
    return strip / _vectors(e).square().sum((1, 2, 3))


def across(e: Tensor, heights: Tensor, reach: int = 4) -> Tensor:
    """Share of each vector's changes, in the straightened strip, that go across the contour, ``(k,)``.

    As `alignment`, by differences of neighbouring pixels: 1 is across, 1/2 neither, 0 along.
    """
    strip = _strip(e, heights, reach)
    over, along = (strip.diff(dim=dim).square().mean((1, 2, 3)) for dim in (2, 3))
    return over / (over + along).clamp_min(1e-30)


def _power(strip: Tensor) -> Tensor:
    """Power of the cosines along the rows of a strip, summed over its rows and channels, ``(k, W)``."""
    columns = torch.arange(strip.shape[3])
    cosines = torch.cos(math.pi / len(columns) * columns[:, None] * (columns + 0.5))
    cosines = cosines / cosines.norm(dim=1, keepdim=True)
    return (strip @ cosines.T.to(strip)).square().sum((1, 2))


def frequency(e: Tensor, heights: Tensor, reach: int = 4) -> Tensor:
    """Mean frequency of each vector along the contour, in half waves per image, ``(k,)``.

    The mean of the cosines' frequencies, weighted by their power. White noise has (W - 1) / 2.
    """
    power = _power(_strip(e, heights, reach))
    return power @ torch.arange(power.shape[1]).to(power) / power.sum(1).clamp_min(1e-30)


def purity(e: Tensor, heights: Tensor, reach: int = 4, band: int = 4) -> Tensor:
    """Share of the best ``band`` neighbouring frequencies in each vector's power along the contour.

    1 for a wave of one frequency; a little above ``band / W`` for white noise.
    """
    power = _power(_strip(e, heights, reach))
    band = check_count(band, "band", 1, power.shape[1])
    return power.unfold(1, band, 1).sum(2).amax(1) / power.sum(1).clamp_min(1e-30)


def sign_changes(e: Tensor, heights: Tensor, reach: int = 4, height: float = 0.5) -> Tensor:
    """How often each vector swings from one sign to the other along the contour, ``(k,)`` whole numbers.

    The straightened strip's best profile along the contour is its leading right singular vector, over all
    rows and channels. Only places where it is at least ``height`` of its largest value count: so small side
    lobes do not. A spot and a bar have none, a cosine of k half-periods has k. Introduced in chapter 9.
    """
    height = check_number(height, "height", 0.0, 1.0, open_low=True)
    strip = _strip(e, heights, reach).flatten(1, 2)
    profile = torch.linalg.svd(strip, full_matrices=False)[2][:, 0]
    large = profile.abs() >= height * profile.abs().amax(1, keepdim=True)
    counts = [line[high].sign().diff().ne(0).sum() for line, high in zip(profile, large, strict=True)]
    return torch.stack(counts)


def waves(e: Tensor, heights: Tensor, reach: int = 4, swings: int = 2, pure: float = 0.5) -> Tensor:
    """Which vectors are waves along the contour, ``(k,)`` booleans.

    A wave swings at least ``swings`` times (twice: up, down and up) between lobes that are at least half as
    high as the highest (`sign_changes`), and at least the part ``pure`` of its power is in four neighbouring
    frequencies (`purity`). Spots, bars and noise are none. Broad waves are, along any line: compare with the
    mirror image's.

    Examples
    --------
    >>> place = torch.arange(40) + 0.5
    >>> lines = [torch.cos(math.pi / 40 * 6 * place), torch.exp(-((place - 20) ** 2) / 18)]
    >>> e = torch.stack([line.expand(9, 40) for line in lines])  # a wave, and a spot
    >>> waves(e, torch.full((40,), 4.0))
    tensor([ True, False])
    """
    swings, pure = check_count(swings, "swings", 0), check_number(pure, "pure", 0.0, 1.0)
    return (sign_changes(e, heights, reach) >= swings) & (purity(e, heights, reach) >= pure)


def length(e: Tensor, heights: Tensor, reach: int = 4) -> Tensor:
    """Part of the contour that each vector covers, ``(k,)``: 1 if all columns alike, 1/W if one.

    The squared sum of the columns' energies in the strip over W times the sum of their squares.
    """
    energy = _strip(e, heights, reach).square().sum((1, 2))
    return energy.sum(1).square() / (energy.shape[1] * energy.square().sum(1)).clamp_min(1e-30)
