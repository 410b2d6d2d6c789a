"""Figures of training-set ladders: stored gaps against N, noise and time, and runs drawn as they go."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence

import matplotlib.pyplot as plt
from matplotlib.axes import Axes
from torch import Tensor

from gahr import plots, training, transition, zoo
from gahr.networks import count_parameters
from gahr.recipes import Recipe, build
from gahr.report import table

__all__ = [
    "Live",
    "bands",
    "decibels",
    "gap_table",
    "histories",
    "levels",
    "network_table",
    "onset_table",
    "picture_sizes",
    "transition_table",
]

_HALVES = {"a": "o-", "b": "s--"}
_HUES = [plots.COLORS[name] for name in ("blue", "orange", "green", "purple")]


def gap_table(stems: Mapping[str, str], sigmas: Sequence[float], sizes: Sequence[int]) -> str:
    """Gap of half A at some noise levels and sizes, and at the ladder's last; ``stems`` by printed name."""
    rows = []
    for name, stem in stems.items():
        rungs = transition.ladder(stem)
        for n in sorted({*sizes, max(rungs)}):
            found = transition.gap(rungs[n])
            gaps = dict(zip(found.sigma, found.db, strict=True))
            rows.append((name, n, *(f"{round(gaps[s], 2) + 0:.2f}" for s in sigmas), _mean(rungs[n])))
    head = ("gap in dB", "N", *(f"noise {s:g}" for s in sigmas), "mean")
    return table(head, rows)


def _mean(name: str) -> str:
    mean, se = transition.mean_gap(name)
    return f"{mean:.2f} ± {se:.2f}"


def transition_table(stems: Mapping[str, str], thresholds: Sequence[float]) -> str:
    """Where the mean gap falls under each threshold: bracket, and N* by both interpolations."""
    rows = []
    for name, stem in stems.items():
        for threshold, half in ((t, half) for t in thresholds for half in "ab"):
            line, power = (transition.locate(stem, half, threshold, None, way) for way in (False, True))
            bracket = f"{line.above:,} to {line.under:,}"
            rows.append((f"{name}, {half.upper()}", f"{threshold:g} dB", bracket, line, power))
    return table(("images, half", "threshold", "bracket", "N* by a line", "N* by a power law"), rows)


def network_table(stems: Sequence[str], sizes: Sequence[int]) -> str:
    """Parameters and mean gap of networks, half A, at some sizes and the ladder's last."""
    rows = []
    for stem in stems:
        rungs = transition.ladder(stem)
        recipe = zoo.describe(next(iter(rungs.values())))["recipe"]
        parameters = count_parameters(build(recipe["network"], recipe["blocks"]))
        rows.append((stem, parameters, *(_mean(rungs[n]) for n in (*sizes, max(rungs)))))
    return table(("network", "parameters", *(f"N = {n:,}" for n in sizes), "largest N"), rows)


def pair_table(stored: Mapping, sigmas: Sequence[float]) -> str:
    """How far apart the two halves' networks are on new images, as a share of their squared error.

    ``stored`` as `gahr.studies.pairs` returns it: model variance over the mean of both errors, at each N.
    """
    rows = []
    for n, row in stored["sizes"].items():
        share = dict(zip(row["sigma"], row["relative"], strict=True))
        rows.append((int(n), *(f"{share[s]:.3f}" for s in sigmas)))
    return table(("N", *(f"noise {s:g}" for s in sigmas)), rows, left=0)


def onset_table(names: Mapping[int, str], threshold: float) -> str:
    """Between which steps, and looks at each training image, the gap of runs first exceeds a threshold."""
    rows = []
    for n, name in names.items():
        facts = zoo.describe(name)
        before, after = transition.onset(facts["history"], threshold)
        looks = [f"{step * facts['recipe']['batch'] / n:,.0f}" for step in (before, after)]
        steps = f"{before:,} to {after:,}" if math.isfinite(after) else f"not by {before:,}"
        rows.append((n, steps, " to ".join(looks) if math.isfinite(after) else f"not by {looks[0]}"))
    return table(("N", "steps", "looks at each image"), rows, left=0)


def decibels(ax: Axes) -> None:
    """A vertical axis for gaps: linear up to 1 dB, logarithmic above."""
    ax.set_yscale("symlog", linthresh=1)
    ax.set_yticks([0, 0.5, 1, 3, 10, 30], ["0", "0.5", "1", "3", "10", "30"])
    ax.set_yticks([], minor=True)


def levels(ax: Axes, stem: str, half: str = "a") -> None:
    """Gap against N of a stored ladder, one line for each noise level, and the mean in black."""
    rungs = transition.ladder(stem, half)
    gaps = [transition.gap(rung) for rung in rungs.values()]
    for k, sigma in enumerate(gaps[0].sigma):
        shade = plt.cm.viridis(k / len(gaps[0].sigma))
        label = f"{sigma:g}" if k % 2 else None
        ax.plot(list(rungs), [g.db[k] for g in gaps], lw=1.2, color=shade, label=label)
    mean = [transition.mean_gap(rung)[0] for rung in rungs.values()]
    ax.plot(list(rungs), mean, "o--", ms=4, lw=1.3, color="black", label="mean")
    decibels(ax)
    plots.log_ticks(ax, [n for n in (1, 10, 100, 1000, 10_000) if n >= min(rungs)])
    ax.set(xlabel="training images N", ylim=(-0.2, 50))


def bands(ax: Axes, stem: str, thresholds: Sequence[float]) -> None:
    """N* against the noise level; each band spans both halves and both interpolations."""
    sigma = transition.gap(next(iter(transition.ladder(stem).values()))).sigma
    for threshold, color in zip(thresholds, _HUES, strict=False):
        ways = [(half, way) for half in "ab" for way in (False, True)]
        found = [[transition.locate(stem, half, threshold, s, way).n for half, way in ways] for s in sigma]
        low, high = [min(row) for row in found], [max(row) for row in found]
        ax.fill_between(sigma, low, high, color=color, alpha=0.35, lw=0, label=f"{threshold:g} dB")
    plots.log_ticks(ax, (0.01, 0.1, 1), (100, 1000, 10_000))
    ax.set(xlabel="noise level", ylim=(90, 14_000))


def picture_sizes(axes: Sequence[Axes], stems: Mapping[int, str], threshold: float) -> None:
    """Left: mean gap against N, with two standard errors. Right: N* against the side of the pictures.

    ``stems`` maps sides in pixels to stored ladders. A bar on the right joins the two interpolations,
    one bar for each half.
    """
    for (side, stem), color in zip(stems.items(), _HUES, strict=False):
        for half, style in _HALVES.items():
            rungs = transition.ladder(stem, half)
            mean, se = zip(*map(transition.mean_gap, rungs.values()), strict=True)
            label = f"{side} x {side}" if half == "a" else None
            look = {"fmt": style, "ms": 3.5, "lw": 1.3, "color": color}
            axes[0].errorbar(list(rungs), mean, [2 * s for s in se], label=label, **look)
            ends = [transition.locate(stem, half, threshold, None, way).n for way in (False, True)]
            place = side * (0.96 if half == "a" else 1.04)
            axes[1].plot([place] * 2, ends, style, ms=4, color=color)
    decibels(axes[0])
    plots.log_ticks(axes[0], (10, 100, 1000, 10_000))
    axes[0].set(xlabel="training images N", ylabel="mean gap (dB)", ylim=(-0.3, 40))
    axes[0].legend()
    plots.log_ticks(axes[1], list(stems), (30, 100, 300, 1000, 3000))
    axes[1].set(xlabel="side (pixels)", ylabel=f"N* at {threshold:g} dB")
    axes[1].set(xlim=(min(stems) * 0.8, max(stems) * 1.25), ylim=(30, 6000))


def histories(axes: Sequence[Axes], names: Mapping[int, str]) -> None:
    """Gap of stored runs as they went. Left: against the step. Right: against looks at each image."""
    for k, (n, name) in enumerate(names.items()):
        facts = zoo.describe(name)
        steps, gaps = zip(*transition.progress(facts["history"]), strict=True)
        looks = [step * facts["recipe"]["batch"] / n for step in steps]
        look = {"ms": 3, "lw": 1.5, "color": plt.cm.viridis(k / len(names)), "label": f"N = {n:,}"}
        axes[0].plot(steps, gaps, "o-", **look)
        axes[1].plot(looks, gaps, "o-", **look)
    plots.log_ticks(axes[0], (10, 100, 1000, 6000))
    plots.log_ticks(axes[1], (0.1, 1, 10, 100, 1000, 10_000))
    for ax, name in zip(axes, ("training step", "looks at each training image"), strict=True):
        decibels(ax)
        ax.set(xlabel=name, ylabel="gap (dB)", ylim=(-0.3, 40))
        ax.label_outer()
    axes[0].legend()


def at_step(ax: Axes, names: Mapping[int, str], step: int) -> None:
    """Gap against N as it stood at a recorded step of stored runs; dotted, 1 dB.

    Raises
    ------
    ValueError
        If the runs have no record at that step; the message lists those they have.
    """
    gaps = []
    for name in names.values():
        record = dict(transition.progress(zoo.describe(name)["history"]))
        if step not in record:
            raise ValueError(f"{name} has no record at step {step}; it has {sorted(record)}.")
        gaps.append(record[step])
    ax.plot(list(names), gaps, "o-", color=plots.COLORS["blue"])
    ax.axhline(1, color=plots.COLORS["gray"], ls=":")
    decibels(ax)
    plots.log_ticks(ax, (1, 10, 100, 1000, 10_000))
    ax.set(
        xlim=(min(names) / 1.5, 1.5 * max(names)),
        xlabel="training images N",
        ylabel="gap (dB)",
        ylim=(-0.3, 40),
        title=f"after {step:,} steps",
    )


class Live:
    """A figure of training runs, redrawn as they go; used as a context, which ends with the last drawing.

    In a notebook the figure is displayed at once and updated in place, so the stored page keeps the
    final one. Elsewhere it is only drawn.

    Parameters
    ----------
    last
        Largest number of steps, for the horizontal axis.

    Examples
    --------
    >>> x = training.load_images(Recipe("discs40", 4, "a"))[0]
    >>> with Live(10) as live:
    ...     mean, se = live.train(Recipe("discs40", 4, "a", "unet2", blocks=1, steps=10, batch=2), x, x)
    >>> abs(mean) < 0.5
    True
    """

    def __init__(self, last: int) -> None:
        self.figure, axes = plots.figure(1, 1, size=(6.4, 3.3))
        self.ax, self.colors = axes[0, 0], {}
        plots.log_ticks(self.ax, [10**k for k in range(1, 7) if 10**k <= last])
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

    def train(self, recipe: Recipe, x: Tensor, held_out: Tensor) -> tuple[float, float]:
        """Train one network; a thin line follows its gap, a dot is its mean gap, which is returned.

        Parameters
        ----------
        recipe, x, held_out
            As for `gahr.training.train`.

        Returns
        -------
        mean, se
            As `gahr.transition.mean_gap` has them.
        """
        first = recipe.n not in self.colors
        color = self.colors.setdefault(recipe.n, _HUES[len(self.colors) % len(_HUES)])
        (line,), rows = self.ax.plot([], [], lw=1, alpha=0.6, color=color), []

        def report(row: dict) -> None:
            rows.append(row)
            line.set_data(*zip(*transition.progress(rows), strict=True))
            self.ax.relim()
            self.ax.autoscale_view(scalex=False)
            self._show()

        _, facts = training.train(recipe, x, held_out, report=report, compiled=False)
        mean, se = transition.mean_gap(facts)
        label = f"N = {recipe.n:,}" if first else None
        self.ax.errorbar(recipe.steps, mean, 2 * se, fmt="o", ms=5, color=color, label=label)
        return mean, se

    def _show(self) -> None:
        if self.panel is not None:
            self.panel.update(self.figure)
