"""Figures and tables of chapter 9: coefficients in several bases, and slopes of PSNR curves."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np
from matplotlib.axes import Axes
from torch import Tensor

from gahr import paper, plots
from gahr.figures._tables import embolden
from gahr.notebook import pick, table

__all__ = ["BASES", "basis_table", "ends", "fall", "local", "slopes"]

BASES = {
    "network": plots.COLORS["blue"],
    "cut along the contour": plots.COLORS["orange"],
    "cut softly": plots.COLORS["orange"],
    "wavelets": plots.COLORS["green"],
    "cosines": plots.COLORS["purple"],
    "directional blocks": plots.COLORS["gray"],
}
"""A basis's colour, the same in all figures of the chapter."""


def fall(ax: Axes, coefficients: Mapping[str, Tensor], powers: Mapping[str, float]) -> None:
    """Squared coefficients from large to small, mean over pictures, by basis; powers of k to compare, dotted.

    Parameters
    ----------
    ax
        Gets logarithmic axes.
    coefficients
        By basis, ``(pictures, d)``.
    powers
        For some of the bases the ``p`` of a fall like ``k^-p``, drawn through the basis's 30th coefficient.
    """
    for kind, c in coefficients.items():
        squared = c.double().square().sort(dim=1, descending=True).values.mean(0).numpy()
        k = np.unique(np.geomspace(1, len(squared), 200).round().astype(int))
        (line,) = ax.loglog(k, squared[k - 1], color=BASES.get(kind), label=kind)
        if kind in powers:
            guide = squared[29] * (k / 30) ** -powers[kind]
            ax.plot(k, guide, ":", color=line.get_color(), lw=1.2)
    ax.set(xlabel="k, from the largest on", ylabel="squared coefficient", xlim=(1, 1e5), ylim=(1e-8, 1e6))
    ax.legend()


def ends(
    axes: Sequence[Axes],
    bent: Mapping[str, Mapping[int, Sequence[float]]],
    limits: Mapping[str, float],
    levels: Sequence[float],
) -> None:
    """How slopes bend where pictures end, a panel for each denoiser.

    Parameters
    ----------
    axes
        As many as there are denoisers.
    bent
        For each denoiser, and for each side of a picture, the local slopes between neighbouring
        ``levels``; the second side is dashed.
    limits
        For each denoiser the slope of an unlimited picture.
    levels
        Noise levels at 40 pixels, increasing; weak noise is drawn to the right, as in the other figures.
    """
    middle = [(a * b) ** 0.5 for a, b in zip(levels, levels[1:], strict=False)]
    for ax, (kind, sides) in zip(axes, bent.items(), strict=True):
        for (side, values), line in zip(sides.items(), ("-", "--"), strict=True):
            ax.plot(middle, values, line, color=BASES.get(kind), label=f"{side:,} pixels")
        ax.axhline(limits[kind], color=plots.COLORS["gray"], ls=":")
        ax.set(title=kind, xlabel="noise x 40 / side   less →", ylim=(0, 1))
        plots.log_ticks(ax, [s for s in (0.01, 0.03, 0.1, 0.3, 1, 3) if middle[0] <= s <= middle[-1]])
        ax.invert_xaxis()
    axes[0].set_ylabel("local slope")
    axes[0].legend(loc="lower left")


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
        axes[0].plot(entry, row["psnr"], "-o", ms=3, label=f"alpha = {row['alpha']}")
    _shade(axes[0], stored)
    axes[0].set(xlabel="input PSNR (dB)   more noise ← → less noise", ylabel="output PSNR (dB)")
    axes[0].legend()
    value, low, high = np.array(_spans(stored, basis="network", range="rule")).T
    axes[1].errorbar(alphas, value, [value - low, high - value], fmt="-o", capsize=3, label="networks")
    look = {"color": BASES["network"], "mfc": "none", "ms": 8, "label": "the paper's networks"}
    axes[1].plot(list(paper.SLOPES), list(paper.SLOPES.values()), "s", **look)
    for name, values in theories.items():
        axes[1].plot(alphas, values, "--", color="0.4", lw=1.2, label=f"theory, {name}")
    for kind in rivals:
        values = [row["slope"] for row in pick(stored["slopes"], basis=kind, range="rule")]
        axes[1].plot(alphas, values, "-^", color=BASES.get(kind), ms=4, lw=1, label=f"oracle, {kind}")
    axes[1].set(xlabel="alpha", ylabel="slope", xticks=alphas)
    axes[1].legend(loc="center left", bbox_to_anchor=(1, 0.5))


def local(ax: Axes, stored: dict, limit: float) -> None:
    """Slope between neighbouring noise levels by class; a theory's, dotted; the rule's levels, shaded."""
    entry = -20 * np.log10(stored["sigma"])
    for row in stored["classes"]:
        ax.plot((entry[1:] + entry[:-1]) / 2, row["local"], label=f"alpha = {row['alpha']}")
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
    embolden(rows[0], -1)
    rows[1:1] = [
        ["the paper's networks", *(str(paper.SLOPES.get(alpha, "-")) for alpha in _alphas(stored))],
        *([f"theory, {name}", *(f"{value:.2f}" for value in v)] for name, v in theories.items()),
    ]
    return table(("slope", *(f"alpha = {alpha}" for alpha in _alphas(stored))), rows)


def _spans(stored: dict, **columns: object) -> list[tuple[float, float, float]]:
    """Slopes with both ends of their intervals, one for each class."""
    return [(row["slope"], row["low"], row["high"]) for row in pick(stored["slopes"], **columns)]


def _alphas(stored: dict) -> list[int]:
    return [row["alpha"] for row in stored["classes"]]


def _shade(ax: Axes, stored: dict) -> None:
    """The noise levels that the rule chooses."""
    ends = -20 * np.log10([stored["rule"][0], stored["rule"][-1]])
    ax.axvspan(*ends, color="0.92", zorder=0)
