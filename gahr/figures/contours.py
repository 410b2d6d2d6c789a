"""Figures of chapter 8: where bases lie about contours, from stored results."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence

import numpy as np
from matplotlib.axes import Axes
from torch import Tensor

from gahr import _files, plots

__all__ = ["shares", "trained_vectors"]

STRIP = 9 / 40
"""A strip's share of a picture's area: 9 rows of 40."""


def shares(axes: Iterable[Axes], panels: Mapping[str, Mapping[float, Sequence[float]]]) -> None:
    """Share of energy near the contour: a thin line for each picture, and a thick one for their mean.

    Parameters
    ----------
    axes
        One for each panel.
    panels
        By title, the shares of all pictures for each regularity of the contour.
    """
    axes = list(axes)
    for ax, (title, rows) in zip(axes, panels.items(), strict=True):
        data = np.array(list(rows.values()))
        ax.plot(list(rows), data, color=plots.COLORS["sky"], lw=0.7)
        ax.plot(list(rows), data.mean(1), "o-", color=plots.COLORS["blue"], label="mean")
        ax.axhline(STRIP, color=plots.COLORS["gray"], ls=":", label="share of the area")
        ax.set(title=title, xlabel="alpha of the contour", ylim=(0, 1))
        ax.set_xticks(list(rows), [f"{place:g}" for place in rows])
    axes[0].set_ylabel("share near the contour")


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
