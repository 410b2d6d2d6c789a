"""How smooth C^alpha pictures are: their contours, and the regularity that can be read off samples."""

from __future__ import annotations

from collections.abc import Sequence

import torch
from torch import Tensor

from gahr._checks import check_count, check_images, check_tensor, stream

__all__ = ["contour", "holder", "step", "structure"]


def contour(n: int, size: int = 40, alpha: float = 2.0, seed: int = 0) -> Tensor:
    """The contours of `gahr.images.synthetic.c_alpha` with the same arguments, before they are rounded.

    ``(n, size)``, double, in pixels from the top, one for each column; in the image rounded to a pixel. What
    lies below the contour has rows at or beyond its height.
    """
    n, size = check_count(n, "n", 1), check_count(size, "size", 1)
    white = 2 * torch.rand(n, size, generator=stream(seed), dtype=torch.float32).double() - 1
    k = (torch.fft.fftfreq(size, dtype=torch.float64) * size).abs().clamp_min(1.0)
    return torch.fft.ifft(torch.fft.fft(white) * k**-alpha).real * size + size // 2


def step(x: Tensor, heights: Tensor, away: int = 3) -> Tensor:
    """Mean gray ``away`` pixels below a contour less that above it, ``(B,)``: how visible it is.

    Of images ``(B, 1, H, W)`` with their contours, ``(B, W)``, as from `contour`. Columns in which either
    pixel would lie outside the image do not count.
    """
    rows = check_images(x, "x").shape[2]
    at = _rounded(x, heights)
    inside = (at - away >= 0) & (at + away < rows)
    low, high = ((at + side * away).clamp(0, rows - 1)[:, None] for side in (1, -1))
    difference = (x[:, 0].gather(1, low) - x[:, 0].gather(1, high))[:, 0] * inside
    return difference.sum(1) / inside.sum(1).clamp_min(1)


def _rounded(x: Tensor, heights: Tensor) -> Tensor:
    if check_tensor(heights, "heights", "one a column (B, W)").shape != (len(x), x.shape[-1]):
        raise ValueError(
            f"heights must be ({len(x)}, {x.shape[-1]}), one a column; got {tuple(heights.shape)}."
        )
    return heights.to(x.device).round().long()


def structure(f: Tensor, order: int, lags: Sequence[int]) -> Tensor:
    """Mean square of the ``order``-th difference at each lag, along the last axis, ``(len(lags),)``.

    The first difference of the samples ``f``, ``(..., T)``, at lag ``h`` (in grid points) is ``f(t + h) -
    f(t)``; the second is the difference of that. The order must be above the regularity that one wants to
    see.
    """
    check_tensor(f, "f", "samples (..., T)")
    if not len(lags) or order < 1 or min(lags) < 1 or order * max(lags) >= f.shape[-1]:
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
