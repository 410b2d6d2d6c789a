"""How local a linear map of images is, and what the best local linear denoisers reach.

A matrix ``(d, d)`` maps square gray images of d pixels. A permutation of pixels is written as an
``order``: entry i is the pixel that comes to place i, as in `gahr.images.synthetic.shuffled`.
"""

from __future__ import annotations

import math

import torch
from torch import Tensor

from gahr._checks import check_count, check_images, check_number, check_seed, check_tensor
from gahr.images import synthetic

__all__ = ["convolution_mse", "distances", "likeness", "moved", "order", "side", "whole", "window_mse"]


def order(size: int, block: int = 1, seed: int = 0) -> Tensor:
    """Random permutation of an image's square blocks, each kept whole, as pixel indices ``(d,)``.

    With ``block = 1`` it is the permutation of `gahr.images.synthetic.shuffled`.

    Examples
    --------
    >>> x = torch.rand(1, 1, 8, 8)
    >>> torch.equal(moved(x, order(8)), synthetic.shuffled(x))
    True
    """
    if check_seed(size, "size") < 1 or check_seed(block, "block") < 1 or size % block:
        raise ValueError(f"block must divide size; got size = {size}, block = {block}.")
    count = size // block
    places = torch.arange(count * count, dtype=torch.float32).view(1, 1, count, count)
    taken = synthetic.shuffled(places, seed).long()[0, 0]
    row, column = (
        (part * block).repeat_interleave(block, 0).repeat_interleave(block, 1)
        for part in (taken // count, taken % count)
    )
    inside = torch.arange(size) % block
    return ((row + inside[:, None]) * size + column + inside[None, :]).flatten()


def moved(x: Tensor, order: Tensor) -> Tensor:
    """Images with their pixels put in another order, shape of ``x``."""
    d = check_images(x, "x").shape[2] * x.shape[3]
    return x.flatten(2)[..., check_order(order, d)].view_as(x)


def whole(values: Tensor, vectors: Tensor, rest: float) -> Tensor:
    """Covariance matrix ``(d, d)``, float64, from the last results of `gahr.images.covariance`."""
    values, vectors = values.double(), vectors.double()
    return (vectors.T * (values - rest)) @ vectors + rest * torch.eye(vectors.shape[1]).to(vectors)


def distances(size: int) -> Tensor:
    """Distance between any two pixels of a square image, in pixels, ``(d, d)``."""
    axis = torch.arange(size, dtype=torch.float64)
    points = torch.stack(torch.meshgrid(axis, axis, indexing="ij"), -1).view(-1, 2)
    return torch.cdist(points, points)


def side(M: Tensor) -> int:
    """Side in pixels of the square images that a matrix ``(d, d)`` maps; raise if it maps none."""
    square = check_tensor(M, "M", "a square matrix (d, d)").ndim == 2 and M.shape[0] == M.shape[1]
    if not square or math.isqrt(len(M)) ** 2 != len(M):
        raise ValueError(f"expected a square matrix of square images' pixels; got {tuple(M.shape)}.")
    return math.isqrt(len(M))


def check_order(order: Tensor, d: int) -> Tensor:
    """Return ``order`` if it is one index for each of d pixels, and raise otherwise."""
    if not isinstance(order, Tensor) or order.shape != (d,) or order.is_floating_point():
        got = tuple(order.shape) if isinstance(order, Tensor) else type(order).__name__
        raise ValueError(f"order must be pixel indices, ({d},); got {got}.")
    return order


def likeness(M: Tensor, other: Tensor) -> float:
    """Correlation of the off-diagonal entries of two matrices: whether they link the same pixels."""
    for matrix, name in ((M, "M"), (other, "other")):
        check_tensor(matrix, name, "a square matrix (d, d)")
    off = ~torch.eye(len(M), dtype=torch.bool)
    pair = torch.stack([M[off].double(), other.to(M.device)[off].double()])
    return torch.corrcoef(pair)[0, 1].item()


def window_mse(covariance: Tensor, sigma: float, radius: int) -> float:
    """Error per pixel of the best linear denoiser that sees a square window around each pixel.

    ``covariance``, ``(d, d)``, is of the clean images, whose mean is known to the denoiser. The window is
    ``2 radius + 1`` pixels wide, cut off at the border, and each pixel has weights of its own. With
    ``radius = size - 1`` this is the Wiener filter.
    """
    size = side(covariance)
    radius = min(check_count(radius, "radius", 0), size - 1)
    check_number(sigma, "sigma", 0.0, open_low=True)
    C, step = covariance.cpu().double(), torch.arange(-radius, radius + 1)
    pixels = torch.arange(size * size)
    row = (pixels // size)[:, None, None] + step[:, None]
    column = (pixels % size)[:, None, None] + step[None, :]
    valid = ((row >= 0) & (row < size) & (column >= 0) & (column < size)).flatten(1)
    seen = (row * size + column).flatten(1).where(valid, 0)
    left = []
    for i in pixels.split(max(1, 4_000_000 // seen.shape[1] ** 2)):
        k, ok = seen[i], valid[i].double()
        within = C[k[:, :, None], k[:, None, :]] * ok[:, :, None] * ok[:, None, :]
        within += sigma**2 * torch.eye(k.shape[1], dtype=torch.float64)
        target = C[k, i[:, None]] * ok
        weights = torch.linalg.solve(within, target)
        left.append(C[i, i] - (weights * target).sum(1))
    return torch.cat(left).mean().item()


def convolution_mse(covariance: Tensor, mean: Tensor, sigma: float) -> float:
    """Error per pixel of the best linear denoiser that treats all places alike.

    It is one filter, as large as the image and periodic, and one constant. All it can use of the images,
    of ``covariance`` ``(d, d)`` and ``mean`` (d entries), is their power spectrum, averaged over places.
    """
    size = side(covariance)
    check_number(sigma, "sigma", 0.0, open_low=True)
    mean = mean.flatten().to(covariance.device).double()
    away = mean - mean.mean()
    moment = covariance.double() + away[:, None] * away
    waves = torch.fft.fft2(moment.view(size, size, -1), dim=(0, 1))
    waves = torch.fft.ifft2(waves.view(size, size, size, size), dim=(2, 3))
    power = torch.diagonal(waves.reshape(len(moment), -1)).real.clamp_min(0)
    return (power * sigma**2 / (power + sigma**2)).mean().item()
