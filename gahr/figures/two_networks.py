"""Drawings of two networks and the pictures that they draw from the same noise."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import torch
from matplotlib.axes import Axes

from gahr import plots
from gahr.intervals import median

__all__ = ["looks", "sharing"]


def looks(sizes: Sequence[int]) -> dict[int, dict[str, object]]:
    """How the line of each of six N is drawn, by N; the same in every figure of the chapter.

    The last but one is wide and pale and the last narrow, so that both are seen where they coincide.

    Examples
    --------
    >>> looks((1, 10, 100, 1000, 10_000, 14_000))[10]["label"]
    'N = 10'
    """
    names = ("purple", "orange", "yellow", "green", "sky", "blue")
    shapes = zip(names, "os^Dos", (1.4,) * 4 + (4.5, 1.4), (4,) * 4 + (7, 3), strict=True)
    return {
        n: {"color": plots.COLORS[name], "marker": marker, "lw": lw, "ms": ms, "label": f"N = {n:,}"}
        for n, (name, marker, lw, ms) in zip(sizes, shapes, strict=False)
    }


def sharing(ax: Axes, groups: Mapping[str, Mapping[str, Sequence[float]]], colors: Sequence[str]) -> None:
    """Correlations of pairs, a row of dots with its median for each control, in groups from above.

    The median stands as a bar among the dots, and as a number, with its 95 % interval, on the right.

    Parameters
    ----------
    ax
        Where.
    groups
        Correlations, by the words of the group, then of the row.
    colors
        Names in `gahr.plots.COLORS`, one for each group.
    """
    row, ticks = 0.0, {}
    for (group, controls), color in zip(groups.items(), colors, strict=True):
        ticks[row] = group
        for name, values in controls.items():
            row += 1
            ticks[row] = name
            jitter = torch.linspace(-0.25, 0.25, len(values))
            ax.plot(values, row + jitter, "o", ms=2.5, alpha=0.45, color=plots.COLORS[color])
            middle = median(values)
            ax.plot([middle.value] * 2, [row - 0.4, row + 0.4], color="black", lw=2)
            ax.text(1.05, row, str(middle), va="center", fontsize=8.5)
        row += 1.5
    ax.set_yticks(list(ticks), ticks.values())
    for label in ax.get_yticklabels():
        label.set_fontweight("bold" if label.get_text() in groups else "normal")
    ax.tick_params(axis="y", length=0)
    ax.grid(False, axis="y")
    ax.set(xlabel="correlation of the two samples", xlim=(-0.1, 1.02))
    ax.invert_yaxis()
