"""The drawings of the chapter on the transition: gaps against N, noise and time, and runs as they go."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence

import matplotlib.pyplot as plt
import numpy as np
from matplotlib.axes import Axes

from gahr import plots
from gahr.analysis import transition

__all__ = ["Live", "bands", "gap_scale", "histories", "levels", "picture_sizes"]

_HALVES = {"a": "o-", "b": "s--"}
_HUES = [plots.COLORS[name] for name in ("blue", "orange", "green", "purple")]


def _powers(low: float, high: float) -> list[float]:
    """Powers of ten from ``low`` to ``high``."""
    return [10.0**k for k in range(math.ceil(math.log10(low)), math.floor(math.log10(high)) + 1)]


def gap_scale(ax: Axes) -> None:
    """A vertical axis for gaps: linear up to 1 dB, logarithmic above."""
    ax.set_yscale("symlog", linthresh=1)
    ax.set_yticks([0, 0.5, 1, 3, 10, 30], ["0", "0.5", "1", "3", "10", "30"])
    ax.set_yticks([], minor=True)


def levels(
    ax: Axes, gaps: Mapping[int, transition.Gaps], means: Mapping[int, float], pale: bool = False
) -> None:
    """Gap against N, a line for every second noise level, and the mean over all of them; dotted, 1 dB.

    Gaps and means are in dB, by N. ``pale`` lines are faint and have no names: for a second set.
    """
    sigmas = next(iter(gaps.values())).sigma
    look = {"alpha": 0.4, "zorder": 1.5} if pale else {"zorder": 2}
    for k, sigma in list(enumerate(sigmas))[1::2]:
        shade, label = plt.cm.viridis(k / len(sigmas)), None if pale else f"{sigma:g}"
        ax.plot(list(gaps), [gap.db[k] for gap in gaps.values()], lw=1.4, color=shade, label=label, **look)
    label = None if pale else "mean"
    ax.plot(list(means), list(means.values()), "o--", ms=4, lw=1.3, color="black", label=label, **look)
    gap_scale(ax)
    if not pale:
        ax.axhline(1, color="black", lw=0.9, ls=":", label="1 dB")
    plots.log_ticks(ax, _powers(min(gaps), max(gaps)))
    ax.set(xlabel="training images N", ylim=(-0.2, 50))


def bands(ax: Axes, sigmas: Sequence[float], found: Mapping[float, Sequence[Sequence[float]]]) -> None:
    """N* against the noise level: for each threshold a line, in a band from the least to the largest value.

    ``found`` has, by threshold in dB, the values of N* that were found at each noise level; the line is
    their median.
    """
    for (threshold, rows), color in zip(found.items(), _HUES, strict=False):
        values = np.array(rows)
        ax.plot(sigmas, np.median(values, 1), color=color, label=f"{threshold:g} dB")
        ax.fill_between(sigmas, values.min(1), values.max(1), color=color, alpha=0.2, lw=0)
    plots.log_ticks(ax, (0.01, 0.1, 1), (100, 1000, 10_000))
    ax.set(xlabel="noise level", ylim=(90, 14_000))


def picture_sizes(
    axes: Sequence[Axes],
    gaps: Mapping[tuple[int, str], Mapping[int, tuple[float, float]]],
    found: Mapping[tuple[int, str], Sequence[float]],
) -> None:
    """Left: mean gap against N, with two standard errors. Right: N* against the side of the pictures.

    By side in pixels and half, ``gaps`` has the mean gap and its standard error, in dB, by N, and ``found``
    the values of N* that were found; a bar joins the least and the largest.
    """
    hues = dict(zip(sorted({side for side, _ in gaps}), _HUES, strict=False))
    for (side, half), rows in gaps.items():
        mean, se = zip(*rows.values(), strict=True)
        label = f"{side} x {side}" if half == "a" else None
        look = {"ms": 3.5, "lw": 1.3, "color": hues[side], "label": label}
        axes[0].errorbar(list(rows), mean, [2 * s for s in se], fmt=_HALVES[half], **look)
    for (side, half), values in found.items():
        place = side * (0.96 if half == "a" else 1.04)
        ends = min(values), max(values)
        name = f"{side} x {side}, half {half.upper()}"
        axes[1].plot([place] * 2, ends, _HALVES[half], ms=4, color=hues[side], label=name)
    gap_scale(axes[0])
    plots.log_ticks(axes[0], (10, 100, 1000, 10_000))
    axes[0].set(xlabel="training images N", ylabel="mean gap (dB)", ylim=(-0.3, 40))
    axes[0].legend()
    plots.log_ticks(axes[1], list(hues), (30, 100, 300, 1000, 3000))
    axes[1].set(xlabel="side (pixels)", ylabel="N*", ylim=(30, 6000))
    axes[1].set(xlim=(min(hues) * 0.8, max(hues) * 1.25))


def histories(ax: Axes, runs: Mapping[int, Sequence[tuple[float, float]]], clock: str) -> None:
    """Gap of runs as they went: by N, pairs of a time and the gap in dB; ``clock`` names the axis."""
    for k, (n, rows) in enumerate(runs.items()):
        look = {"ms": 3, "lw": 1.5, "color": plt.cm.viridis(k / len(runs))}
        ax.plot(*zip(*rows, strict=True), "o-", label=f"N = {n:,}", **look)
    times = [time for rows in runs.values() for time, _ in rows]
    plots.log_ticks(ax, _powers(min(times), max(times)))
    gap_scale(ax)
    ax.set(xlabel=clock, ylabel="gap (dB)", ylim=(-0.3, 10))


class Live:
    """A figure of training runs, redrawn as they go; used as a context, which ends with the last drawing.

    It trains nothing: it draws the rows that a run reports, up to the step ``last``. In a notebook the figure
    is displayed at once and updated in place, so the stored page keeps the final one. Elsewhere it is only
    drawn.

    Examples
    --------
    >>> with Live(10) as live:
    ...     live.begin(4)
    ...     live.row({"step": 10, "train": [20.0, 10.0], "held_out": [19.0, 9.5]})
    ...     live.end(10, mean=0.7, se=0.1)
    >>> live.ax.get_legend_handles_labels()[1]
    ['N = 4']
    """

    def __init__(self, last: int) -> None:
        self.figure, axes = plots.figure(1, 1, size=(6.4, 3.3))
        self.ax, self.colors, self.reach = axes[0, 0], {}, [0.0, 0.5]
        plots.log_ticks(self.ax, _powers(10, 1.4 * last))
        self.ax.set(xlabel="training step", ylabel="gap (dB)", xlim=(8, 1.4 * last))
        self.panel = None

    def __enter__(self) -> Live:
        try:
            from IPython import get_ipython
            from IPython.display import display
        except ImportError:
            return self
        if get_ipython() is not None:
            self.panel = display(self.figure, display_id=True)
        return self

    def __exit__(self, *_: object) -> None:
        self.ax.legend(loc="upper left")
        self._show()
        plt.close(self.figure)

    def begin(self, n: int) -> None:
        """Begin a run of ``n`` training images: a new line, in the color of this ``n``."""
        self.n = n
        color = self.colors.setdefault(n, _HUES[len(self.colors) % len(_HUES)])
        (self.line,) = self.ax.plot([], [], lw=1, alpha=0.6, color=color)

    def row(self, row: Mapping) -> None:
        """Draw one row of the run's history: its gap at its step. Hand this to the training as ``report``."""
        ((step, gap),) = transition.progress([row])
        self.line.set_data([*self.line.get_xdata(), step], [*self.line.get_ydata(), gap])
        self._make_room(gap)
        self._show()

    def end(self, steps: int, mean: float, se: float) -> None:
        """End the run with a dot: its mean gap after ``steps`` steps, with two standard errors.

        The dots of a second N stand a little to the right, so that they hide none.
        """
        label = f"N = {self.n:,}"
        if label in self.ax.get_legend_handles_labels()[1]:
            label = None
        color = self.colors[self.n]
        place = steps * 1.06 ** list(self.colors).index(self.n)
        self.ax.errorbar(place, mean, 2 * se, fmt="o", ms=5, color=color, label=label)
        self._make_room(mean - 2 * se, mean + 2 * se)

    def _make_room(self, *values: float) -> None:
        """The vertical axis holds all that was drawn, bars too."""
        self.reach = [min(*self.reach, *values), max(*self.reach, *values)]
        low, high = self.reach
        self.ax.set_ylim(low - 0.05 * (high - low), high + 0.05 * (high - low))

    def _show(self) -> None:
        if self.panel is not None:
            self.panel.update(self.figure)
