"""The basis in which a denoiser shrinks: its Jacobian, taken apart; and fixed bases to compare.

Around a noisy image a bias-free network is the matrix ``J(y)``, and ``f(y) = J(y) y``. `J` is nearly
but not quite symmetric, so there are two ways to take it apart: singular vectors (`singular`, which
rebuild ``f(y)``) and eigenvectors of its symmetric part (`symmetric`, nearest to the paper's). Both give
the whole basis, or its leading part from products with ``J``; `at` is the second at one image.
"""

from __future__ import annotations

import dataclasses
import math
import warnings

import numpy as np
import torch
from torch import Tensor

from gahr._checks import (
    check_count,
    check_images,
    check_known,
    check_number,
    check_shape,
    check_square,
    check_tensor,
)
from gahr._lanczos import Search, leading
from gahr.denoisers import Denoiser, shrinkage
from gahr.jacobian import Linearization, linearize

__all__ = [
    "Basis",
    "Leading",
    "at",
    "dct",
    "oracle_error",
    "oracle_gains",
    "singular",
    "symmetric",
    "wavelet",
]


@dataclasses.dataclass(frozen=True)
class Basis:
    """Shrinkage factors and the directions they act on, in images of a shape ``(C, H, W)``.

    Parameters
    ----------
    lam
        Factors, decreasing, ``(k,)``.
    e, out
        The input directions, orthonormal rows, ``(k, d)``: for singular vectors, what is measured. And the
        output directions: what is written. Both are the same for a symmetric matrix.
    """

    lam: Tensor
    e: Tensor
    out: Tensor
    shape: tuple[int, int, int]

    def images(self, ranks: list[int] | slice = slice(None)) -> Tensor:
        """Directions as images, ``(len(ranks), C, H, W)``."""
        return self.e[ranks].view(-1, *self.shape)

    def coefficients(self, x: Tensor) -> Tensor:
        """Inner products ``<x, e_k>``, ``(B, k)``."""
        if check_images(x, "x").shape[1:] != self.shape:
            raise ValueError(f"this basis is of images of shape {self.shape}; got {tuple(x.shape[1:])}.")
        return x.flatten(1).to(self.e) @ self.e.T


@dataclasses.dataclass(frozen=True)
class Leading(Basis):
    """The leading part of a basis, and how well it is known.

    Parameters
    ----------
    residual
        For each direction, relative to the largest factor, ``(k,)``: ``||J^T u - s v||`` for singular
        vectors, where ``J v = s u``; ``||S v - lam v||`` for eigenvectors. A factor is off by no
        more than this; a subspace by an angle of about this over the gap to the factors left out.
    passes
        Directions that were multiplied with ``J`` or its transpose.
    """

    residual: Tensor
    passes: int


def at(f: Denoiser, y: Tensor, k: int | None = None, sigma: float | None = None, **search: float) -> Basis:
    """The basis in which a denoiser shrinks one image: `linearize` there, then take `symmetric`.

    Introduced in chapter 7.

    Parameters
    ----------
    f, y, sigma
        As for `gahr.jacobian.linearize`: the denoiser, the noisy image ``(1, C, H, W)``, and its noise level.
    k, **search
        As for `singular`: how many directions, by default all d; a few are found much sooner.

    Raises
    ------
    ValueError
        What `gahr.jacobian.linearize` and `symmetric` refuse.
    RuntimeError
        If the tolerance is not reached.

    Examples
    --------
    >>> def f(y, sigma=None):
    ...     return y * torch.tensor([[0.5, 0.1], [0.9, 0.2]])
    >>> y = torch.ones(1, 1, 2, 2)
    >>> at(f, y).lam
    tensor([0.9000, 0.5000, 0.2000, 0.1000])
    >>> at(f, y, 2).lam
    tensor([0.9000, 0.5000])
    """
    return symmetric(linearize(f, y, sigma), k, **search)


def singular(
    J: Tensor | Linearization,
    k: int | None = None,
    *,
    shape: tuple[int, int, int] | None = None,
    **search: float,
) -> Basis:
    """Singular values and vectors of the Jacobian, largest first.

    Parameters
    ----------
    J
        The matrix, ``(d, d)``, or what `gahr.jacobian.linearize` returns.
    k
        How many. By default all d, from the whole matrix. With a `Linearization` the leading ``k`` are
        found from products alone, and every direction comes with its residual.
    shape
        ``(C, H, W)`` of an image. A matrix does not know it; a `Linearization` does.
    **search
        Of the search from products, and not used otherwise. ``tol``: largest residual allowed, relative to
        the largest singular value (1e-4). ``block``: directions added at a time (4); no value that is
        repeated more often is found for certain. ``most``: directions kept at once, at least
        ``k + 2 block`` (``6 k + 10 block``): memory grows with it, and when it is reached the search
        restarts from its best directions. ``seed``: of the first directions (0).

    Returns
    -------
    basis
        A `Leading` if it was found from products, otherwise a `Basis`.

    Raises
    ------
    ValueError
        If the matrix is not square or not finite, the shape is missing or another one, a number is out of
        range, or fewer than ``k`` values stand above the tolerance.
    RuntimeError
        If the tolerance is not reached.

    Notes
    -----
    From products: block Golub-Kahan (Lanczos on ``J^T J``) with full orthogonalization and thick restarts
    (Golub, Luk & Overton 1981; Wu & Simon 2000).
    """
    shape, settings = _shape(J, shape), Search(**search)
    if isinstance(J, Tensor) or k is None:
        left, values, right = torch.linalg.svd(_matrix(J))
        return _first(Basis(values, right, left.T.contiguous(), shape), k)

    def apply(v: Tensor) -> tuple[Tensor, Tensor]:
        image = J.jvp(v)
        return image, J.vjp(image)

    squares, (v, image, _), residual, tried = leading(apply, J.y, k, settings, squared=True)
    values = squares.sqrt()
    return Leading(values, v, image / values[:, None], shape, residual, 2 * tried)


def symmetric(
    J: Tensor | Linearization,
    k: int | None = None,
    *,
    shape: tuple[int, int, int] | None = None,
    **search: float,
) -> Basis:
    """Eigenvalues and eigenvectors of ``(J + J^T) / 2``, largest first: in order of value, not of size.

    The sum of all is the trace of ``J``, the effective dimension, and ``<y, J y>`` needs nothing else.
    Parameters, result, errors and method are those of `singular`.
    """
    shape, settings = _shape(J, shape), Search(**search)
    if isinstance(J, Tensor) or k is None:
        matrix = _matrix(J)
        values, vectors = torch.linalg.eigh((matrix + matrix.T) / 2)
        e = vectors.T.flip(0).contiguous()
        return _first(Basis(values.flip(0), e, e, shape), k)

    def apply(v: Tensor) -> tuple[Tensor]:
        return ((J.jvp(v) + J.vjp(v)) / 2,)

    values, (v, _), residual, tried = leading(apply, J.y, k, settings, squared=False)
    return Leading(values, v, v, shape, residual, 2 * tried)


def _matrix(J: Tensor | Linearization) -> Tensor:
    return J if isinstance(J, Tensor) else check_square(J.matrix())


def _shape(J: Tensor | Linearization, shape: tuple[int, int, int] | None) -> tuple[int, int, int]:
    """Shape of an image, as it was told or as ``J`` knows it."""
    shape = shape if shape is None else check_shape(shape)
    if not isinstance(J, Linearization):
        d = len(check_square(J))
        if shape is None or math.prod(shape) != d:
            raise ValueError(f"shape must be the (C, H, W) of an image of {d} pixels; got {shape}.")
        return tuple(shape)
    if shape is not None and tuple(shape) != J.shape:
        raise ValueError(f"J was taken at an image of shape {J.shape}; got shape {tuple(shape)}.")
    return J.shape


def _first(basis: Basis, k: int | None) -> Basis:
    """The first ``k`` directions of a whole basis, or all."""
    if k is None:
        return basis
    k = check_count(k, "k", 1, len(basis.lam))
    return dataclasses.replace(basis, lam=basis.lam[:k], e=basis.e[:k], out=basis.out[:k])


def oracle_gains(coefficients: Tensor, sigma: float) -> Tensor:
    """Best factors if the clean coefficients were known, ``c^2 / (c^2 + sigma^2)`` (after equation 11)."""
    check_tensor(coefficients, "coefficients", "inner products (..., d)")
    return shrinkage(coefficients.square(), sigma)


def oracle_error(coefficients: Tensor, sigma: float, x: Tensor | None) -> Tensor:
    """Squared error of `oracle_gains`, summed over directions (equation 12): sigma^2 sum of gains.

    Parameters
    ----------
    coefficients, sigma
        In all d directions of a basis, ``(..., d)``, and the noise level. Those of a leading part say
        nothing of the rest, and are refused.
    x
        The clean images, ``(B, C, H, W)``, so that no direction is left out unseen. ``None`` where there
        are none: the coefficients are then taken for all of them.

    Raises
    ------
    ValueError
        If there are fewer coefficients than ``x`` has pixels.
    """
    check_number(sigma, "sigma", 0.0, open_low=True)
    check_tensor(coefficients, "coefficients", "inner products (..., d)")
    k = coefficients.shape[-1]
    if x is not None and k != x[0].numel():
        raise ValueError(
            f"{k} coefficients of an image of {x[0].numel()} pixels: the error in the other directions "
            "would be left out. Take a whole basis (k=None)."
        )
    return sigma**2 * oracle_gains(coefficients, sigma).sum(-1)


def dct(height: int, width: int, ordered: bool = True, channels: int = 1) -> Tensor:
    """Orthonormal cosine basis of images, rows ``(d, d)``, from coarse to fine if ``ordered``.

    Where there are ``channels`` each has the whole basis; all that is coarse comes first.
    """
    from scipy import fft

    channels, height, width = check_shape((channels, height, width))
    down, across = (fft.dct(np.eye(side), norm="ortho", axis=0) for side in (height, width))
    rows = torch.from_numpy(np.einsum("ai,bj->abij", down, across).reshape(height * width, -1)).float()
    if ordered:
        a, b = np.meshgrid(np.arange(height) / height, np.arange(width) / width, indexing="ij")
        rows = rows[torch.from_numpy(np.argsort((a**2 + b**2).ravel(), kind="stable"))]
    return _in_channels(rows, channels, ordered)


def _in_channels(rows: Tensor, channels: int, ordered: bool) -> Tensor:
    """One basis ``(d, d)`` for each channel: row after row of all channels, or channel after channel."""
    both = (rows, torch.eye(channels).to(rows))
    whole = torch.einsum("ij,cd->icdj" if ordered else "ij,cd->cidj", *both)
    return whole.reshape(len(rows) * channels, -1)


def wavelet(height: int, width: int, name: str = "db2", levels: int = 3, channels: int = 1) -> Tensor:
    """Orthonormal wavelet basis of images (PyWavelets, periodic), rows ``(d, d)``, coarse to fine.

    Channels are treated as by `dct`.

    Raises
    ------
    ValueError
        If the sides are not divisible by ``2**levels``, or there is no such orthogonal wavelet.
    """
    import pywt

    channels, height, width = check_shape((channels, height, width))
    levels = check_count(levels, "levels", 0)
    if height % 2**levels or width % 2**levels:
        raise ValueError(f"{height}x{width} is not divisible by 2^{levels}; use fewer levels.")
    check_wavelet(name)
    pixels = np.eye(height * width).reshape(-1, height, width)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # "level too high": periodic boundaries make it harmless
        bands = pywt.wavedec2(pixels, name, mode="periodization", level=levels, axes=(1, 2))
    parts = [bands[0]] + [band for triple in bands[1:] for band in triple]
    analysis = np.concatenate([part.reshape(height * width, -1) for part in parts], axis=1)
    return _in_channels(torch.from_numpy(analysis.T.copy()).float(), channels, True)


def check_wavelet(name: str) -> str:
    """Return ``name`` if it is that of an orthogonal wavelet; raise otherwise."""
    import pywt

    check_known(name, pywt.wavelist(kind="discrete"), "wavelet")
    if not pywt.Wavelet(name).orthogonal:
        raise ValueError(f"{name} is not an orthogonal wavelet; try db2 or sym4.")
    return name
