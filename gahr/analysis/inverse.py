"""Linear measurements of an image: what inverse problems know, in one small interface.

A measurement is an ``m x d`` matrix with orthonormal rows. `Rows.measure` applies it, `Rows.lift` applies
its transpose, and `Rows.project` does both: all that `gahr.sampling.solve` asks.
"""

from __future__ import annotations

import math

import torch
from torch import Tensor

from gahr._checks import check_count, check_images, check_number, check_orthonormal, check_shape, stream

__all__ = ["Pixels", "Rows", "compressive", "inpainting", "random_pixels", "spectral", "super_resolution"]


class Rows:
    """A linear measurement with orthonormal rows, ``(m, d)``, of images of a shape ``(C, H, W)``."""

    def __init__(self, rows: Tensor, shape: tuple[int, int, int]) -> None:
        d = math.prod(check_shape(shape))
        if not isinstance(rows, Tensor) or rows.ndim != 2 or not 1 <= len(rows) <= d == rows.shape[1]:
            got = tuple(rows.shape) if isinstance(rows, Tensor) else type(rows).__name__
            raise ValueError(f"rows must be (m, {d}) with 1 <= m <= {d}; got {got}.")
        self._rows, self.shape, self.count = check_orthonormal(rows, "rows"), tuple(shape), len(rows)

    @property
    def rows(self) -> Tensor:
        """The whole matrix, ``(m, d)``."""
        return self._rows

    @property
    def fraction(self) -> float:
        """Measured numbers per pixel."""
        return self.count / math.prod(self.shape)

    def measure(self, x: Tensor) -> Tensor:
        """Measurements of images ``(B, C, H, W)``, as ``(B, m)``."""
        check_images(x, "x")
        if tuple(x.shape[1:]) != self.shape:
            raise ValueError(f"this measures images of shape {self.shape}; got {tuple(x.shape[1:])}.")
        return self._apply(x.flatten(1))

    def lift(self, measurements: Tensor) -> Tensor:
        """The image of smallest norm with these measurements, ``(B, C, H, W)``."""
        if not isinstance(measurements, Tensor) or not measurements.is_floating_point():
            raise TypeError(f"measurements must be a float tensor; got {type(measurements).__name__}.")
        if measurements.ndim != 2 or measurements.shape[1] != self.count:
            raise ValueError(f"measurements must be (B, {self.count}); got {tuple(measurements.shape)}.")
        return self._transpose(measurements).view(-1, *self.shape)

    def project(self, x: Tensor) -> Tensor:
        """The measured part of images: `lift` of `measure`."""
        return self.lift(self.measure(x))

    def _apply(self, flat: Tensor) -> Tensor:
        return flat @ self._rows.T.to(flat)

    def _transpose(self, measurements: Tensor) -> Tensor:
        return measurements @ self._rows.to(measurements)


class Pixels(Rows):
    """Some pixels as they are, by a bool mask ``(C, H, W)``: for large images all that there is room for."""

    def __init__(self, seen: Tensor) -> None:
        if not isinstance(seen, Tensor) or seen.dtype != torch.bool or seen.ndim != 3 or not seen.any():
            got = f"{seen.dtype}, {tuple(seen.shape)}" if isinstance(seen, Tensor) else type(seen).__name__
            raise ValueError(f"seen must be a bool mask (C, H, W) that is not all False; got {got}.")
        self.seen, self.shape, self.count = seen.flatten(), tuple(seen.shape), int(seen.sum())

    @property
    def rows(self) -> Tensor:
        """The whole matrix, ``(m, d)``: made when it is asked for."""
        return torch.eye(len(self.seen))[self.seen]

    def _apply(self, flat: Tensor) -> Tensor:
        return flat[:, self.seen.to(flat.device)]

    def _transpose(self, measurements: Tensor) -> Tensor:
        flat = measurements.new_zeros(len(measurements), len(self.seen))
        flat[:, self.seen.to(flat.device)] = measurements
        return flat


def inpainting(shape: tuple[int, int, int], top: int, left: int, height: int, width: int) -> Rows:
    """All pixels but a hidden rectangle."""
    shape = check_shape(shape)
    top, left = check_count(top, "top", 0), check_count(left, "left", 0)
    height, width = check_count(height, "height", 0), check_count(width, "width", 0)
    seen = torch.ones(shape, dtype=torch.bool)
    seen[:, top : top + height, left : left + width] = False
    if seen.all() or not seen.any():
        raise ValueError(f"the rectangle must hide some pixels of {tuple(shape)} and not all.")
    return Pixels(seen)


def random_pixels(shape: tuple[int, int, int], fraction: float = 0.1, seed: int = 0) -> Rows:
    """A random fraction of the pixels, each with all its channels."""
    _, height, width = shape = check_shape(shape)
    seen = torch.zeros(height * width, dtype=torch.bool)
    seen[_choose(height * width, fraction, seed)] = True
    return Pixels(seen.view(1, height, width).expand(shape))


def super_resolution(shape: tuple[int, int, int], factor: int = 4) -> Rows:
    """Averages over blocks of ``factor x factor`` pixels (scaled to orthonormal rows)."""
    channels, height, width = shape = check_shape(shape)
    factor = check_count(factor, "factor", 1)
    if height % factor or width % factor:
        raise ValueError(f"{height}x{width} pixels do not divide into blocks of {factor}x{factor}.")
    identity = torch.eye(channels * height * width).view(-1, channels, height, width)
    means = torch.nn.functional.avg_pool2d(identity, factor) * factor
    return Rows(means.flatten(1).T.contiguous(), shape)


def compressive(shape: tuple[int, int, int], fraction: float = 0.1, seed: int = 0) -> Rows:
    """Inner products with random orthonormal patterns."""
    d = math.prod(check_shape(shape))
    white = torch.randn(d, len(_choose(d, fraction, seed)), generator=stream(seed), dtype=torch.float32)
    return Rows(torch.linalg.qr(white)[0].T.contiguous(), shape)


def spectral(shape: tuple[int, int, int], cutoff: int) -> Rows:
    """The ``cutoff x cutoff`` lowest cosine frequencies of each channel: a blurred image."""
    from gahr.bases import dct

    channels, height, width = shape = check_shape(shape)
    cutoff = check_count(cutoff, "cutoff", 1, min(height, width))
    order = torch.arange(height)[:, None].expand(height, width), torch.arange(width).expand(height, width)
    low = (torch.maximum(*order) < cutoff).flatten()
    return Rows(dct(height, width, False, channels)[low.repeat(channels)], shape)


def _choose(d: int, fraction: float, seed: int) -> Tensor:
    fraction = check_number(fraction, "fraction", 0.0, 1.0, open_low=True)
    return torch.randperm(d, generator=stream(seed))[: max(1, round(fraction * d))]
