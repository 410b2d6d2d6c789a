"""The basis in which a denoiser shrinks: its Jacobian, taken apart; and fixed bases to compare.

Around a noisy image a bias-free network is the matrix ``J(y)``, and ``f(y) = J(y) y``. `J` is nearly
but not quite symmetric, so there are two ways to take it apart: singular vectors (`singular`, which
rebuild ``f(y)``) and eigenvectors of its symmetric part (`symmetric`, nearest to the paper's).
"""

from __future__ import annotations

import dataclasses
import warnings

import numpy as np
import torch
from torch import Tensor

from gahr._checks import check_images
from gahr.denoisers import Denoiser, need_evaluation, need_gradient, shrinkage

__all__ = [
    "Basis",
    "asymmetry",
    "dct",
    "jacobian",
    "oracle_error",
    "oracle_gains",
    "singular",
    "symmetric",
    "wavelet",
]


@dataclasses.dataclass(frozen=True)
class Basis:
    """Shrinkage factors and the directions they act on.

    Parameters
    ----------
    lam
        Factors, decreasing, ``(k,)``.
    e
        The input directions: orthonormal rows, ``(k, d)``. For singular vectors, what is measured.
    out
        The output directions, ``(k, d)``: what is written. The same as ``e`` for a symmetric matrix.
    shape
        ``(C, H, W)`` of an image.
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
        return x.flatten(1).to(self.e) @ self.e.T


def jacobian(f: Denoiser, y: Tensor, sigma: float | None = None, chunk: int = 200) -> Tensor:
    """The whole Jacobian of a denoiser at one image, ``(d, d)``: row i is the gradient of output i.

    Parameters
    ----------
    f
        The denoiser, differentiable by torch.
    y
        One image, ``(1, C, H, W)``.
    sigma
        Passed on to the denoiser.
    chunk
        Rows computed at once: memory grows with it.

    Raises
    ------
    ValueError
        If ``y`` holds more than one image, ``f`` is in training mode, or no gradient passes through it.

    Notes
    -----
    Source: paper, section 3.1. Cost: d backward passes.
    """
    check_images(y, "y")
    if len(y) != 1:
        raise ValueError(f"the Jacobian is taken at one image, (1, C, H, W); got {len(y)} images.")
    if hasattr(f, "check"):
        f.check(y)
    need_evaluation(f)
    need_gradient(lambda image: f(image, sigma), y)
    d = y.numel()
    rows = torch.func.jacrev(lambda image: f(image, sigma).flatten(), chunk_size=chunk)(y.detach())
    return rows.reshape(d, d).detach()


def asymmetry(J: Tensor) -> float:
    """``||J - J^T|| / ||J||`` (Frobenius): 0 if symmetric, at most 2; sqrt(2) if unrelated."""
    _check_square(J)
    return ((J - J.T).norm() / J.norm()).item()


def singular(J: Tensor, shape: tuple[int, int, int]) -> Basis:
    """Singular values and vectors of the Jacobian, largest first."""
    _check_square(J)
    left, values, right = torch.linalg.svd(J)
    return Basis(values, right, left.T.contiguous(), tuple(shape))


def symmetric(J: Tensor, shape: tuple[int, int, int]) -> Basis:
    """Eigenvalues and eigenvectors of the symmetric part ``(J + J^T) / 2``, largest first.

    Their sum is the trace of ``J``, the effective dimension, and ``<y, J y>`` needs nothing else.
    """
    _check_square(J)
    values, vectors = torch.linalg.eigh((J + J.T) / 2)
    e = vectors.T.flip(0).contiguous()
    return Basis(values.flip(0), e, e, tuple(shape))


def oracle_gains(coefficients: Tensor, sigma: float) -> Tensor:
    """Best factors if the clean coefficients were known, ``c^2 / (c^2 + sigma^2)`` (after equation 11)."""
    return shrinkage(coefficients.square(), sigma)


def oracle_error(coefficients: Tensor, sigma: float) -> Tensor:
    """Squared error of `oracle_gains`, summed over directions (equation 12): sigma^2 sum of gains."""
    return sigma**2 * oracle_gains(coefficients, sigma).sum(-1)


def dct(height: int, width: int, ordered: bool = True) -> Tensor:
    """Orthonormal cosine basis of images, rows ``(d, d)``, from coarse to fine if ``ordered``."""
    from scipy import fft

    down, across = (fft.dct(np.eye(side), norm="ortho", axis=0) for side in (height, width))
    rows = torch.from_numpy(np.einsum("ai,bj->abij", down, across).reshape(height * width, -1)).float()
    if not ordered:
        return rows
    a, b = np.meshgrid(np.arange(height) / height, np.arange(width) / width, indexing="ij")
    return rows[torch.from_numpy(np.argsort((a**2 + b**2).ravel(), kind="stable"))]


def wavelet(height: int, width: int, name: str = "db2", levels: int = 3) -> Tensor:
    """Orthonormal wavelet basis of images (PyWavelets, periodic), rows ``(d, d)``, coarse to fine.

    Raises
    ------
    ValueError
        If the sides are not divisible by ``2**levels`` or the wavelet is not orthogonal.
    """
    import pywt

    if height % 2**levels or width % 2**levels:
        raise ValueError(f"{height}x{width} is not divisible by 2^{levels}; use fewer levels.")
    if not pywt.Wavelet(name).orthogonal:
        raise ValueError(f"{name} is not an orthogonal wavelet; try db2 or sym4.")
    pixels = np.eye(height * width).reshape(-1, height, width)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # "level too high": periodic boundaries make it harmless
        bands = pywt.wavedec2(pixels, name, mode="periodization", level=levels, axes=(1, 2))
    parts = [bands[0]] + [band for triple in bands[1:] for band in triple]
    analysis = np.concatenate([part.reshape(height * width, -1) for part in parts], axis=1)
    return torch.from_numpy(analysis.T.copy()).float()


def _check_square(J: Tensor) -> None:
    if J.ndim != 2 or J.shape[0] != J.shape[1]:
        raise ValueError(f"J must be a square matrix (d, d); got {tuple(J.shape)}.")
    if not torch.isfinite(J).all():
        raise ValueError("J contains NaN or infinite values.")
