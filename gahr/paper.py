"""Every number that the paper prints, once, and the one rule by which its ranks become ours.

Kadkhodaie, Guth, Simoncelli and Mallat, ICLR 2024, arXiv 2310.02557. Its pictures have 80x80 pixels, ours
mostly 40x40.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from torch import Tensor

__all__ = [
    "CALPHA_EIGENVALUES",
    "DISC_EIGENVALUES",
    "FACE_EIGENVALUES",
    "NARROWER",
    "PIXELS",
    "SHARE",
    "SHUFFLED_EIGENVALUES",
    "SLOPES",
    "at_ranks",
    "place",
]

PIXELS = 80 * 80
SHARE = 4.0
"""Ranks at 80x80 over ranks at 40x40 at the same share of all directions."""
NARROWER = 2 ** (2 / 5)
"""The same for C^alpha images of alpha = 4: ``M ~ sigma^(-2 / (alpha + 1))``, and half the side counts as
twice the noise."""

FACE_EIGENVALUES: dict[int, float] = {
    5: 1.244, 17: 1.115, 29: 1.046, 41: 1.008, 53: 0.973, 65: 0.93, 77: 0.896,
    89: 0.857, 101: 0.822, 113: 0.792, 125: 0.758, 137: 0.718, 149: 0.689, 161: 0.663,
    173: 0.637, 185: 0.612, 197: 0.59, 209: 0.569, 221: 0.551, 233: 0.53, 245: 0.51,
}  # fmt: skip
"""Figure 3: one face at sigma = 0.15, by rank counted from 0."""

SHUFFLED_EIGENVALUES: dict[int, float] = {5: 1.182, 17: 1.07, 29: 0.974, 41: 0.91, 53: 0.87}
"""Figure 21: one face with shuffled pixels at sigma = 0.3, by rank counted from 0."""

DISC_EIGENVALUES: tuple[float, ...] = (1.177, 1.067, 1.004, 0.999, 0.945, 0.674, 0.552, 0.39, 0.304, 0.278)
"""Figure 5: the first ten at one disc, sigma = 0.04."""

CALPHA_EIGENVALUES: tuple[float, ...] = (
    (1.147, 1.072, 1.056, 1.046, 1.032, 1.019, 1.01, 0.997, 0.996, 0.984)
    + (0.948, 0.943, 0.897, 0.891, 0.83, 0.811, 0.767, 0.759, 0.736, 0.65)
)  # fmt: skip
"""Figure 4: the first twenty at one image of alpha = 4; its noise level is not known to us."""

SLOPES: dict[int, float] = {1: 0.46, 2: 0.61, 3: 0.75, 5: 0.83}
"""Figure 4: PSNR slopes by alpha; that of alpha = 4 cannot be read in the text we have."""


def place(rank: float, ratio: float = SHARE) -> float:
    """Where a rank of the paper's, counted from 0, falls among ours, counted from 0.

    Eigenvalue ``k`` stands for the ``k``-th of equal parts of a spectrum, whose middle is at ``k + 1/2``.
    Middles are matched: ``(k + 1/2) / ratio - 1/2``, and no place is before our first. ``ratio`` is that of
    ranks at 80x80 over ranks at 40x40. The default, 4, takes the same share of all directions: where every
    part of a picture has its own details, directions grow with its pixels. C^alpha images have the same few
    contours at every size, and `NARROWER`.

    Examples
    --------
    >>> [place(rank) for rank in (0, 5, 17)]
    [0.0, 0.875, 3.875]
    """
    return max(0.0, (rank + 0.5) / ratio - 0.5)


def at_ranks(
    values: Tensor | Sequence[float],
    ranks: Sequence[float],
    ratio: float = SHARE,
    known: Sequence[int] | None = None,
) -> list[float]:
    """Our eigenvalues where the paper's have the given ranks, by a straight line between two of ours.

    Parameters
    ----------
    values, known
        Ours, decreasing, ``(n,)``, and their ranks, counted from 0; all from the first by default.
    ranks, ratio
        The paper's, counted from 0, and how they become ours; see `place`. Ours must reach as far.

    Raises
    ------
    ValueError
        If ours do not reach as far.

    Examples
    --------
    >>> at_ranks([1.0, 0.5, 0.25], [0, 2, 6])
    [1.0, 0.9375, 0.46875]
    """
    known = np.arange(len(values)) if known is None else np.asarray(known)
    places = [place(rank, ratio) for rank in ranks]
    if max(places) > known[-1] or min(places) < known[0]:
        raise ValueError(
            f"need eigenvalues of ranks {min(places):g} to {max(places):g}, counted from 0; "
            f"got {known[0]} to {known[-1]}."
        )
    return np.interp(places, known, np.asarray(values, dtype=float)).tolist()
