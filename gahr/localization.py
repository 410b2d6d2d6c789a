"""Figures and tables on where the leading vectors are: near rough contours, or everywhere."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

import numpy as np
from matplotlib.axes import Axes

from gahr import _unequal, plots, synthetic
from gahr.report import table

__all__ = ["KINDS", "share_table", "shares", "trained_vectors"]

KINDS = {"trained": "trained on such pictures", "contour": "nearest network", "smoothest": "network of 5"}
"""Networks that see Figure 17's pictures, as `gahr._unequal` names them and as the page does."""


def shares(axes: Sequence[Axes], geo: dict, alone: dict) -> None:
    """Share of energy near the contour: whole pictures; the contour alone, seen by three kinds of network."""
    panels = [("whole picture", {name: row["share"] for name, row in geo["classes"].items()})]
    for which, title in KINDS.items():
        panels.append((title, {name: row["share"] for name, row in alone["networks"][which].items()}))
    for ax, (title, rows) in zip(axes, panels, strict=True):
        places, data = [float(name) for name in rows], np.array(list(rows.values()))
        ax.plot(places, data, color=plots.COLORS["sky"], lw=0.7)
        ax.plot(places, data.mean(1), "o-", color=plots.COLORS["blue"])
        ax.axhline(9 / 40, color=plots.COLORS["gray"], ls=":")
        ax.set(title=title, xlabel="alpha of the contour", ylim=(0, 1))
        ax.set_xticks(places, [f"{place:g}" for place in places])
    axes[0].set_ylabel("share near the contour")


def share_table(geo: dict, alone: dict, pairs: Iterable[tuple[int, int]] = ((1, 2), (2, 4), (4, 5))) -> str:
    """By how much the share is larger for rough contours, picture by picture."""
    rows = []
    for rough, smooth in pairs:
        shares = (geo["classes"][str(a)]["share"] for a in (rough, smooth))
        rows.append((f"whole picture, {rough} less {smooth}", *_paired(*shares)))
    for which, title in KINDS.items():
        got = list(alone["networks"][which].values())
        rows.append((f"contour alone, 1.5 less 4, {title}", *_paired(got[0]["share"], got[-1]["share"])))
    return table(("share of energy near the contour", "difference", "larger in"), rows)


def _paired(rough: Sequence[float], smooth: Sequence[float]) -> tuple[str, str]:
    d = np.subtract(rough, smooth)
    error = d.std(ddof=1) / len(d) ** 0.5
    return f"{d.mean():+.3f} ± {error:.3f}", f"{int((d > 0).sum())} of {len(d)}"


def trained_vectors(axes: np.ndarray, alone: dict) -> None:
    """A row for each regularity of the contour: the picture, and the stored vectors of its own network."""
    for row, (name, kept) in zip(axes, alone["shown"].items(), strict=True):
        x = synthetic.c_alpha(1, 40, float(name), alone["background"], _unequal.SHOWN)
        plots.images(row[:1], [x], label=f"{name} and {alone['background']:g}")
        titles = [f"{value:.2f}" for value in kept["lam"]]
        plots.images(row[1:], _unequal.unpacked(kept["vectors"])[: len(row) - 1], titles, signed=True)
