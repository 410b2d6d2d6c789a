"""Linear measurements of an image: what inverse problems know, in one small interface.

A measurement is an ``m x d`` matrix with orthonormal rows. `Measurement.measure` applies it,
`Measurement.lift` applies its transpose, and `Measurement.project` does both.
"""

from __future__ import annotations

import torch
from torch import Tensor

from gahr._checks import check_images

__all__ = [
    "Measurement",
    "compressive",
    "inpainting",
    "random_pixels",
    "spectral",
    "super_resolution",
]


class Measurement:
    """A linear measurement with orthonormal rows.

    Parameters
    ----------
    rows
        ``(m, d)``, orthonormal.
    shape
        ``(C, H, W)`` of the images measured, ``d = C H W``.

    Raises
    ------
    ValueError
        If the rows are not orthonormal or do not fit the shape.
    """

    def __init__(self, rows: Tensor, shape: tuple[int, int, int]) -> None:
        d = _count(shape)
        if rows.ndim != 2 or rows.shape[1] != d or not 1 <= rows.shape[0] <= d:
            raise ValueError(f"rows must be (m, {d}) with 1 <= m <= {d}; got {tuple(rows.shape)}.")
        if not (rows @ rows.T - torch.eye(len(rows))).abs().max() <= 1e-4:
            raise ValueError("the rows of a measurement must be orthonormal; orthonormalize them first.")
        self.rows, self.shape = rows, tuple(shape)

    @property
    def fraction(self) -> float:
        """Measured numbers per pixel."""
        return self.rows.shape[0] / self.rows.shape[1]

    def measure(self, x: Tensor) -> Tensor:
        """Measurements of images ``(B, C, H, W)``, as ``(B, m)``."""
        check_images(x, "x")
        if tuple(x.shape[1:]) != self.shape:
            raise ValueError(f"this measures images of shape {self.shape}; got {tuple(x.shape[1:])}.")
        return x.flatten(1) @ self.rows.T

    def lift(self, measurements: Tensor) -> Tensor:
        """The image of smallest norm with these measurements, ``(B, C, H, W)``."""
        if measurements.ndim != 2 or measurements.shape[1] != len(self.rows):
            raise ValueError(f"measurements must be (B, {len(self.rows)}); got {tuple(measurements.shape)}.")
        return (measurements @ self.rows).view(-1, *self.shape)

    def project(self, x: Tensor) -> Tensor:
        """The measured part of images: `lift` of `measure`."""
        return self.lift(self.measure(x))


def _pixels(seen: Tensor) -> Measurement:
    rows = torch.eye(seen.numel())[seen.flatten()]
    return Measurement(rows, tuple(seen.shape))


def inpainting(shape: tuple[int, int, int], top: int, left: int, height: int, width: int) -> Measurement:
    """All pixels but a hidden rectangle."""
    _count(shape)
    seen = torch.ones(shape, dtype=torch.bool)
    if min(top, left, height, width) >= 0:
        seen[:, top : top + height, left : left + width] = False
    if seen.all() or not seen.any():
        raise ValueError(f"the rectangle must hide some pixels of {tuple(shape)} and not all.")
    return _pixels(seen)


def random_pixels(shape: tuple[int, int, int], fraction: float = 0.1, seed: int = 0) -> Measurement:
    """A random fraction of the pixels."""
    d = _count(shape)
    seen = torch.zeros(d, dtype=torch.bool)
    seen[_choose(d, fraction, seed)] = True
    return _pixels(seen.view(shape))


def super_resolution(shape: tuple[int, int, int], factor: int = 4) -> Measurement:
    """Averages over blocks of ``factor x factor`` pixels (scaled to orthonormal rows)."""
    _count(shape)
    channels, height, width = shape
    if factor < 1 or height % factor or width % factor:
        raise ValueError(f"{height}x{width} pixels do not divide into blocks of {factor}x{factor}.")
    identity = torch.eye(channels * height * width).view(-1, channels, height, width)
    means = torch.nn.functional.avg_pool2d(identity, factor) * factor
    return Measurement(means.flatten(1).T.contiguous(), shape)


def compressive(shape: tuple[int, int, int], fraction: float = 0.1, seed: int = 0) -> Measurement:
    """Inner products with random orthonormal patterns."""
    d = _count(shape)
    white = torch.randn(d, len(_choose(d, fraction, seed)), generator=torch.Generator().manual_seed(seed))
    return Measurement(torch.linalg.qr(white)[0].T.contiguous(), shape)


def spectral(shape: tuple[int, int, int], cutoff: int) -> Measurement:
    """The ``cutoff x cutoff`` lowest cosine frequencies: a blurred image."""
    from gahr.bases import dct

    _count(shape)
    channels, height, width = shape
    if channels != 1 or not 1 <= cutoff <= min(height, width):
        raise ValueError(f"needs one channel and a cutoff of 1 to {min(height, width)}; got {cutoff}.")
    order = torch.arange(height)[:, None].expand(height, width), torch.arange(width).expand(height, width)
    low = (torch.maximum(*order) < cutoff).flatten()
    return Measurement(dct(height, width, ordered=False)[low], shape)


def _count(shape: tuple[int, int, int]) -> int:
    """Numbers in an image of this shape."""
    if len(shape) != 3 or min(shape) < 1:
        raise ValueError(f"shape must be (C, H, W); got {tuple(shape)}.")
    return shape[0] * shape[1] * shape[2]


def _choose(d: int, fraction: float, seed: int) -> Tensor:
    if not 0 < fraction <= 1:
        raise ValueError(f"fraction must be in (0, 1]; got {fraction}.")
    count = max(1, round(fraction * d))
    return torch.randperm(d, generator=torch.Generator().manual_seed(seed))[:count]
