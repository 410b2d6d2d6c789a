"""Figures and tables of chapter 8: bases along contours, from stored results."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence

import numpy as np
from matplotlib.axes import Axes
from torch import Tensor

from gahr import _files, plots
from gahr.figures._tables import embolden, error
from gahr.notebook import pick, table

__all__ = ["judged", "measure_table", "shares", "trained_vectors"]

ALIGNED = ("aligned", "aligned, mirror")
WAVES = ("waves", "waves, mirror", "waves, less mirror")
STRIP = 9 / 40
"""A strip's share of a picture's area: 9 rows of 40."""


def measure_table(geo: dict, counted: dict, alpha: int, kinds: Sequence[str]) -> str:
    """Alignment, and the share of waves, by basis: means and standard errors over pictures.

    Parameters
    ----------
    geo, counted
        The stored results ``calpha40-harmonics`` and ``calpha40-waves``.
    alpha
        The class.
    kinds
        The bases. The alignment of the first and its lead in waves are bold.
    """
    heads = dict.fromkeys(ALIGNED, geo["rows"]) | dict.fromkeys(WAVES, counted["means"])
    rows = []
    for kind in kinds:
        found = [pick(stored, alpha=alpha, basis=kind, measure=key) for key, stored in heads.items()]
        rows.append([kind, *(error(row, ".2f") for (row,) in found)])
    embolden(rows[0], 1)
    embolden(rows[0], -1)
    return table(("", *heads), rows)


def judged(
    column: Sequence[Axes], strip: Tensor, profile: Tensor, power: Tensor, purity: Tensor, start: Tensor
) -> None:
    """Is it a wave? A strip, below it its profile, and its spectrum.

    Parameters
    ----------
    column
        Three axes, one above the other.
    strip
        What lies around a line, straightened, ``(rows, columns)``.
    profile, power
        Its profile along the line, and its share of power at each frequency.
    purity, start
        The share of the best window of four frequencies, and where the window begins.
    """
    above, middle, below = column
    plots.image(above, strip, signed=True)
    middle.plot(profile.tolist(), color=plots.COLORS["blue"])
    middle.axhline(0, color=plots.COLORS["gray"], lw=0.8)
    for half in (-0.5, 0.5):
        middle.axhline(half * profile.abs().max().item(), color=plots.COLORS["gray"], lw=0.8, ls=":")
    middle.set(yticks=[], xlabel="column", xlim=(-0.5, len(profile) - 0.5))
    below.axvspan(start.item() - 0.5, start.item() + 3.5, color="0.85")
    below.bar(range(power.shape[-1]), power.flatten().tolist(), color=plots.COLORS["blue"])
    below.set(xlabel="frequency", ylim=(0, 0.65), title=f"purity {purity.item():.2f}")


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
        ax.set(title=title, xlabel="alpha", ylim=(0, 1))
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
