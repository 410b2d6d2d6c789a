"""Block Lanczos with full orthogonalization and thick restarts: the search behind `gahr.bases.singular`.

Sources: Golub, Luk and Overton (1981); Wu and Simon (2000). `scipy.sparse.linalg.eigsh` does the same on a
CPU, one vector at a time.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import NamedTuple

import torch
from torch import Tensor

from gahr._checks import check_count, check_number, stream

__all__ = ["Search", "leading"]


class Search(NamedTuple):
    """Settings of the search; `gahr.bases.singular` says what they mean."""

    tol: float = 1e-4
    block: int = 4
    most: int | None = None
    seed: int = 0


def leading(
    apply: Callable[[Tensor], tuple[Tensor, ...]], y: Tensor, k: int, search: Search, squared: bool
) -> tuple[Tensor, list[Tensor], Tensor, int]:
    """Largest eigenvalues of a symmetric map, and their vectors, from products with it.

    ``apply`` takes rows ``(n, d)`` and returns rows, one tensor or more; the last is what the map makes of
    them. ``y`` is any tensor of d numbers with the rows' dtype and device. ``squared`` says that the map is
    ``J^T J``, and residuals are those of singular triplets of ``J``.

    Returned are the values, ``(k,)``; the vectors and ``apply`` of them, each ``(k, d)``; the residuals
    relative to the largest value, ``(k,)``; and how many vectors were tried. Fewer than ``k`` singular
    values above the tolerance are a `ValueError`, a tolerance that is not reached a `RuntimeError`.
    """
    d, (tol, block, most, seed) = y.numel(), search
    k, block = check_count(k, "k", 1, d), check_count(block, "block", 1)
    tol = check_number(tol, "tol", 10 * torch.finfo(y.dtype).eps, 0.1)
    most = min(check_count(6 * k + 10 * block if most is None else most, "most", k + 2 * block), d)
    generator = stream(seed)

    def draw() -> Tensor:
        return torch.randn((block, d), generator=generator, dtype=torch.float64).to(y)

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
        across = (rows[0] @ added[-1].T).cpu().double()
        small = torch.cat([torch.cat([small, across[: len(small)]], 1), across.T])
        values, turn = torch.linalg.eigh((small + small.T) / 2)
        values, turn = values.flip(0).to(new), turn.T.flip(0).to(new)
        largest = values.abs().max()
        if squared:
            largest = largest.clamp_min(0).sqrt()
        whole = len(rows[0]) == d
        if whole or (len(rows[0]) >= k and not ritz(slice(k - 1, k))[1] > tol):  # the last, then all
            best, residual = ritz(slice(k))
            if whole or not residual.max() > tol:
                break
        if tried > 40 * (k + 4 * block) + d:
            raise RuntimeError(
                f"after {tried} directions the residual is {ritz(slice(k))[1].max():.1e}; asked was {tol:g}. "
                "Allow a larger tol or more directions (most)."
            )
        new = _orthonormal(rows[-1][-len(new) :][: d - len(rows[0])], rows[0], draw)
        if len(rows[0]) + len(new) > most:
            rows = ritz(slice(k + block))[0]
            small = values[: k + block].cpu().double().diag()
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
