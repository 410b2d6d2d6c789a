"""Figures of chapter 8: where bases lie about contours, from stored results."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
from torch import Tensor

from gahr import _files, plots

__all__ = ["trained_vectors"]


def trained_vectors(axes: np.ndarray, alone: dict, pictures: Mapping[float, Tensor]) -> None:
    """A row for each regularity of the contour: the picture, and the stored vectors of its own network.

    Parameters
    ----------
    axes
        As many rows as regularities.
    alone
        The stored result ``calpha40-unequal``.
    pictures
        For each regularity the picture, ``(1, 1, H, W)``.
    """
    for row, kept in zip(axes, alone["shown"], strict=True):
        label = f"{kept['contour']:g} and {alone['background']:g}"
        plots.images(row[:1], [pictures[kept["contour"]]], label=label)
        titles = [f"{value:.2f}" for value in kept["lam"]]
        plots.images(row[1:], _files.unpack_vectors(kept["vectors"])[: len(row) - 1], titles, signed=True)
