"""Figures and tables of chapter 11: slopes of networks beside those of their rivals, from stored results."""

from __future__ import annotations

import itertools
from collections.abc import Mapping, Sequence

import numpy as np
from matplotlib.axes import Axes
from matplotlib.pyplot import colormaps

from gahr import paper, plots
from gahr.figures.slopes import BASES
from gahr.notebook import pick, table

__all__ = ["BASES", "basis_table", "local", "slopes"]


def slopes(
    axes: Sequence[Axes], stored: dict, theories: Mapping[str, Sequence[float]], rivals: Sequence[str] = ()
) -> None:
    """PSNR curves with the fitted levels shaded; slopes beside the paper's, a theory's and an oracle's.

    Parameters
    ----------
    axes
        Two.
    stored
        The stored result ``calpha40-slopes``.
    theories
        By name, a slope for each of its classes.
    rivals
        Bases of the curves, in which an oracle chose the factors.
    """
    entry = -20 * np.log10(stored["sigma"])
    alphas = _alphas(stored)
    for row in pick(stored["curves"], basis="network"):
        axes[0].plot(entry, row["psnr"], "-o", ms=3, color=_shade_of(row["alpha"]), label=_name(row))
    _shade(axes[0], stored)
    axes[0].set(xlabel="input PSNR (dB)   more noise ← → less noise", ylabel="output PSNR (dB)")
    axes[0].legend()
    value, low, high = np.array(_spans(stored, basis="network", range="rule")).T
    axes[1].errorbar(alphas, value, [value - low, high - value], fmt="-o", capsize=3, label="networks")
    look = {"color": BASES["network"], "mfc": "none", "ms": 8, "label": "the paper's networks"}
    axes[1].plot(list(paper.SLOPES), list(paper.SLOPES.values()), "s", **look)
    for (name, values), line in zip(theories.items(), itertools.cycle(("--", ":", "-.")), strict=False):
        axes[1].plot(alphas, values, line, color="0.4", lw=1.4, label=f"theory, {name}")
    for kind in rivals:
        values = [row["slope"] for row in pick(stored["slopes"], basis=kind, range="rule")]
        axes[1].plot(alphas, values, "-^", color=BASES.get(kind), ms=4, lw=1, label=f"oracle, {kind}")
    axes[1].set(xlabel="alpha", ylabel="slope", xticks=alphas)
    axes[1].legend(loc="center left", bbox_to_anchor=(1, 0.5))


def local(ax: Axes, stored: dict, limit: float) -> None:
    """Slope between neighbouring noise levels by class; a theory's, dotted; the rule's levels, shaded."""
    entry = -20 * np.log10(stored["sigma"])
    for row in stored["classes"]:
        middle = (entry[1:] + entry[:-1]) / 2
        ax.plot(middle, row["local"], color=_shade_of(row["alpha"]), label=_name(row))
    ax.axhline(limit, color=plots.COLORS["gray"], ls=":")
    _shade(ax, stored)
    ax.set(xlabel="input PSNR (dB)   more noise ← → less noise", ylabel="local slope")
    ax.legend()


def basis_table(stored: dict, theories: Mapping[str, Sequence[float]], shown: Sequence[str]) -> str:
    """The slopes over the rule's levels: networks, the paper's, theories', and an oracle's in several bases.

    ``theories``: by name, a slope for each class. ``shown``: which bases of the curves, the network first;
    its slope of the last class is bold.
    """
    names = {name: "networks" if name == "network" else f"oracle, {name}" for name in shown}
    rows = [
        [text, *(f"{value:.2f}" for value, _, _ in _spans(stored, basis=kind, range="rule"))]
        for kind, text in names.items()
    ]
    rows[0][-1] = f"**{rows[0][-1]}**"
    rows[1:1] = [
        ["the paper's networks", *(str(paper.SLOPES.get(alpha, "-")) for alpha in _alphas(stored))],
        *([f"theory, {name}", *(f"{value:.2f}" for value in v)] for name, v in theories.items()),
    ]
    return table(("slope", *(f"alpha = {alpha}" for alpha in _alphas(stored))), rows)


def _name(row: dict) -> str:
    return f"alpha = {row['alpha']}"


def _shade_of(alpha: float) -> tuple[float, ...]:
    """Classes are shaded from dark to light, so that they are not taken for bases."""
    return colormaps["viridis"](min(alpha - 1, 4) / 4.6)


def _spans(stored: dict, **columns: object) -> list[tuple[float, float, float]]:
    """Slopes with both ends of their intervals, one for each class."""
    return [(row["slope"], row["low"], row["high"]) for row in pick(stored["slopes"], **columns)]


def _alphas(stored: dict) -> list[int]:
    return [row["alpha"] for row in stored["classes"]]


def _shade(ax: Axes, stored: dict) -> None:
    """The noise levels that the rule chooses."""
    ends = -20 * np.log10([stored["rule"][0], stored["rule"][-1]])
    ax.axvspan(*ends, color="0.92", zorder=0)
