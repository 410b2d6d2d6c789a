"""The leading part of a denoiser's Jacobian, its trace and its asymmetry, without its matrix.

`gahr.bases` takes the whole matrix apart, which costs one pass for each pixel and then a full
decomposition. Here ``J`` and its transpose are only multiplied with directions, some hundreds in
all, and every direction found comes with its residual.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Callable
from typing import NamedTuple

import torch
from torch import Tensor

from gahr._checks import check_number
from gahr.bases import Basis
from gahr.linearization import Linearization

__all__ = ["Estimate", "Leading", "asymmetry", "singular", "symmetric", "trace"]


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


def singular(
    J: Linearization, k: int, tol: float = 1e-4, block: int = 4, most: int | None = None, seed: int = 0
) -> Leading:
    """Leading singular values and vectors, largest first, as `gahr.bases.singular` gives them all.

    Parameters
    ----------
    J
        From `linearize`.
    k
        How many.
    tol
        Largest residual allowed, relative to the largest singular value.
    block
        Directions added at a time. No value that is repeated more often is found for certain.
    most
        Directions kept at once, at least ``k + 2 block``: memory grows with it. By default
        ``6 k + 10 block``. When it is reached the search restarts from its best directions.
    seed
        Of the first directions.

    Raises
    ------
    ValueError
        If a number is out of range, or fewer than ``k`` values stand above the tolerance.
    RuntimeError
        If the tolerance is not reached.

    Notes
    -----
    Block Golub-Kahan (Lanczos on ``J^T J``) with full orthogonalization and thick restarts (Golub,
    Luk & Overton 1981; Wu & Simon 2000).
    """

    def apply(v: Tensor) -> tuple[Tensor, Tensor]:
        image = J.jvp(v)
        return image, J.vjp(image)

    squares, (v, image, _), residual, tried = _lanczos(apply, J, k, tol, block, most, seed, squared=True)
    values = squares.sqrt()
    return Leading(values, v, image / values[:, None], J.shape, residual, 2 * tried)


def symmetric(
    J: Linearization, k: int, tol: float = 1e-4, block: int = 4, most: int | None = None, seed: int = 0
) -> Leading:
    """Largest eigenvalues and eigenvectors of ``(J + J^T) / 2``, in order of value, not of size.

    Parameters, errors and method are those of `singular`; `gahr.bases.symmetric` gives all of them.
    """

    def apply(v: Tensor) -> tuple[Tensor]:
        return ((J.jvp(v) + J.vjp(v)) / 2,)

    values, (v, _), residual, tried = _lanczos(apply, J, k, tol, block, most, seed, squared=False)
    return Leading(values, v, v, J.shape, residual, 2 * tried)


def _lanczos(
    apply: Callable[[Tensor], tuple[Tensor, ...]],
    J: Linearization,
    k: int,
    tol: float,
    block: int,
    most: int | None,
    seed: int,
    squared: bool,
) -> tuple[Tensor, list[Tensor], Tensor, int]:
    """Largest eigenvalues of the symmetric map that is the last of ``apply``'s results.

    Returns the values, the vectors and ``apply`` of them, the residuals, and the vectors tried.
    """
    k, block = int(check_number(k, "k", 1, J.d)), int(check_number(block, "block", 1))
    tol = check_number(tol, "tol", 10 * torch.finfo(J.y.dtype).eps, 0.1)
    most = min(int(check_number(6 * k + 10 * block if most is None else most, "most", k + 2 * block)), J.d)
    generator = torch.Generator().manual_seed(seed)

    def draw() -> Tensor:
        return torch.randn((block, J.d), generator=generator, dtype=torch.float64).to(J.y)

    def ritz(some: slice) -> tuple[list[Tensor], Tensor]:
        vectors = [turn[some] @ part for part in rows]
        off = (vectors[-1] - values[some, None] * vectors[0]).norm(dim=1)
        if squared:  # of J^T J: the residual of a triplet is that over its singular value
            off = off / values[some].clamp_min(0).sqrt().clamp_min(tol * largest)
        return vectors, off / largest

    new, rows, tried = _orthonormal(draw(), draw()[:0], draw), [], 0
    small = torch.zeros(0, 0, dtype=torch.float64)  # the map among the directions
    while True:
        added = [new, *apply(new)]  # orthonormal directions, and what the map makes of them
        rows = [torch.cat(pair) for pair in zip(rows, added, strict=True)] if rows else added
        tried += len(new)
        across = (rows[0] @ added[-1].T).double().cpu()
        small = torch.cat([torch.cat([small, across[: len(small)]], 1), across.T])
        values, turn = torch.linalg.eigh((small + small.T) / 2)
        values, turn = values.flip(0).to(new), turn.T.flip(0).to(new)
        largest = values.abs().max()
        if squared:
            largest = largest.clamp_min(0).sqrt()
        whole = len(rows[0]) == J.d
        if whole or (len(rows[0]) >= k and not ritz(slice(k - 1, k))[1] > tol):  # the last, then all
            best, residual = ritz(slice(k))
            if whole or not residual.max() > tol:
                break
        if tried > 40 * (k + 4 * block) + J.d:
            raise RuntimeError(
                f"after {tried} directions the residual is {ritz(slice(k))[1].max():.1e}; asked was {tol:g}. "
                "Allow a larger tol or more directions (most)."
            )
        new = _orthonormal(rows[-1][-len(new) :][: J.d - len(rows[0])], rows[0], draw)
        if len(rows[0]) + len(new) > most:
            rows = ritz(slice(k + block))[0]
            small = values[: k + block].double().cpu().diag()
    if squared and not values[k - 1] > (tol * largest) ** 2:
        above = int((values > (tol * largest) ** 2).sum())
        raise ValueError(
            f"found only {above} singular values above {tol:g} times the largest; k is {k}. "
            "Ask for fewer, or for a larger block if many are equal."
        )
    return values[:k], best, residual, tried


def _orthonormal(new: Tensor, old: Tensor, draw: Callable[[], Tensor]) -> Tensor:
    """Orthonormal rows spanning ``new`` without its part in ``old``; where nothing is left, random ones."""
    tiny = torch.finfo(new.dtype).eps
    new = new / new.norm(dim=1, keepdim=True).clamp_min(1e-30)
    new = new - (new @ old.T) @ old + tiny * draw()[: len(new)]
    for _ in range(3):
        new = torch.linalg.qr(new.T)[0].T
        new = new - (new @ old.T) @ old
    return torch.linalg.qr(new.T)[0].T.contiguous()


class Estimate(NamedTuple):
    """A number estimated from random directions, and its standard error."""

    value: float
    error: float


def trace(J: Linearization, passes: int = 300, seed: int = 0) -> Estimate:
    """The trace of ``J``, the denoiser's effective dimension: the sum of eigenvalues, not of singular values.

    Parameters
    ----------
    J
        From `linearize`.
    passes
        Directions multiplied with ``J``: the error falls about as their inverse.
    seed
        Of the random directions.

    Notes
    -----
    Hutch++ (Meyer, Musco, Musco & Woodruff 2021): a third of the passes finds a subspace, a third
    gives the trace inside it exactly, and a third estimates the rest, whose spread gives the error.
    """
    third = int(check_number(passes, "passes", 6)) // 3
    generator = torch.Generator().manual_seed(seed)
    inside = torch.linalg.qr(J.jvp(_signs(third, J, generator)).T)[0].T.contiguous()
    known = (inside * J.jvp(inside)).double().sum()
    rest = _signs(third, J, generator)
    rest = rest - (rest @ inside.T) @ inside
    samples = (rest * J.jvp(rest)).double().sum(1)
    return Estimate((known + samples.mean()).item(), samples.std().item() / third**0.5)


def asymmetry(J: Linearization, passes: int = 200, seed: int = 0) -> Estimate:
    """``||J - J^T|| / ||J||`` (Frobenius), as `gahr.bases.asymmetry`, with its standard error.

    Parameters are those of `trace`; half the passes go through the transpose.

    Notes
    -----
    For random signs ``z``, ``||A||^2`` is the mean of ``||A z||^2`` (Hutchinson 1990).
    """
    half = int(check_number(passes, "passes", 6)) // 2
    z = _signs(half, J, torch.Generator().manual_seed(seed))
    there, back = J.jvp(z).double(), J.vjp(z).double()
    apart = (there - back).square().sum(1)
    size = (there.square().sum(1) + back.square().sum(1)) / 2
    ratio = apart.mean() / size.mean()
    spread = (apart - ratio * size).std() / size.mean() / half**0.5
    return Estimate(ratio.sqrt().item(), (spread / (2 * ratio.sqrt().clamp_min(1e-12))).item())


def _signs(n: int, J: Linearization, generator: torch.Generator) -> Tensor:
    return (2.0 * torch.randint(0, 2, (n, J.d), generator=generator) - 1).to(J.y)
