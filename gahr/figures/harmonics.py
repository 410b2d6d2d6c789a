"""Figures and tables on C^alpha images: slopes, and bases along contours, from stored results."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence

import numpy as np
from matplotlib.axes import Axes
from torch import Tensor

from gahr import _files, paper, plots
from gahr.notebook import pick, table

__all__ = [
    "basis_table",
    "ends",
    "local",
    "measure_table",
    "oracle_table",
    "shares",
    "slopes",
    "trained_vectors",
]

STRIP = 9 / 40
"""A strip's share of a picture's area: 9 rows of 40."""


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
            ax.plot(middle, values, line, label=f"{side:,} pixels")
        ax.axhline(limits[kind], color=plots.COLORS["gray"], ls=":")
        ax.set(title=kind, xlabel="noise x 40 / side   less →", ylim=(0, 1))
        plots.log_ticks(ax, [s for s in (0.03, 0.1, 0.3, 1, 3) if middle[0] <= s <= middle[-1]])
        ax.invert_xaxis()
    axes[0].set_ylabel("local slope")
    axes[0].legend()


def _spans(stored: dict, **columns: object) -> list[tuple[float, float, float]]:
    """Slopes with both ends of their intervals, one for each class."""
    return [(row["slope"], row["low"], row["high"]) for row in pick(stored["slopes"], **columns)]


def _alphas(stored: dict) -> list[int]:
    return [row["alpha"] for row in stored["classes"]]


def slopes(axes: Sequence[Axes], stored: dict, theories: Mapping[str, Sequence[float]]) -> None:
    """PSNR curves with the fitted levels shaded; slopes beside the paper's and those of theories.

    Parameters
    ----------
    axes
        Two.
    stored
        The stored result ``calpha40-slopes``.
    theories
        By name, a slope for each of its classes.
    """
    entry = -20 * np.log10(stored["sigma"])
    alphas = _alphas(stored)
    for row in pick(stored["curves"], basis="network"):
        axes[0].plot(entry, row["psnr"], "-o", ms=3, label=f"alpha = {row['alpha']}")
    _shade(axes[0], stored)
    axes[0].set(xlabel="input PSNR (dB)   more noise ← → less noise", ylabel="output PSNR (dB)")
    axes[0].legend()
    value, low, high = np.array(_spans(stored, basis="network", range="rule")).T
    axes[1].errorbar(alphas, value, [value - low, high - value], fmt="o", capsize=3, label="ours")
    axes[1].plot(list(paper.SLOPES), list(paper.SLOPES.values()), "s", label="the paper's")
    for name, values in theories.items():
        axes[1].plot(alphas, values, "--", lw=1.2, label=f"theory, {name}")
    axes[1].set(xlabel="alpha", ylabel="slope", xticks=alphas)
    axes[1].legend()


def local(ax: Axes, stored: dict, limit: float) -> None:
    """Slope between neighbouring noise levels by class; a theory's, dotted; the rule's levels, shaded."""
    entry = -20 * np.log10(stored["sigma"])
    for row in stored["classes"]:
        ax.plot((entry[1:] + entry[:-1]) / 2, row["local"], label=f"alpha = {row['alpha']}")
    ax.axhline(limit, color=plots.COLORS["gray"], ls=":")
    _shade(ax, stored)
    ax.set(xlabel="input PSNR (dB)   more noise ← → less noise", ylabel="local slope")
    ax.legend()


def _shade(ax: Axes, stored: dict) -> None:
    """The noise levels that the rule chooses."""
    ends = -20 * np.log10([stored["rule"][0], stored["rule"][-1]])
    ax.axvspan(*ends, color="0.92", zorder=0)


def _width(value: float, low: float, high: float) -> str:
    return f"{value:.2f}\N{NO-BREAK SPACE}±\N{NO-BREAK SPACE}{(high - low) / 2:.2f}"


def _cells(stored: dict, **columns: object) -> list[str]:
    return [_width(*span) for span in _spans(stored, **columns)]


def _embolden(row: list[str], place: int) -> None:
    """Mark the one number of a table to look at."""
    row[place] = f"**{row[place]}**"


def _heads(stored: dict) -> list[str]:
    return [f"alpha = {alpha}" for alpha in _alphas(stored)]


def basis_table(stored: dict, theories: Mapping[str, Sequence[float]], shown: Sequence[str]) -> str:
    """The slopes over the rule's levels: networks, the paper's, theories', and an oracle's in several bases.

    ``theories``: by name, a slope for each class. ``shown``: which bases of the curves, the network first;
    its slope of the last class is bold.
    """
    names = {name: name if name == "network" else f"oracle, {name}" for name in shown}
    rows = [[text, *_cells(stored, basis=kind, range="rule")] for kind, text in names.items()]
    _embolden(rows[0], -1)
    rows[1:1] = [
        ["the paper's networks", *(str(paper.SLOPES.get(alpha, "-")) for alpha in _alphas(stored))],
        *([f"theory, {name}", *(f"{value:.2f}" for value in v)] for name, v in theories.items()),
    ]
    return table(("slope", *_heads(stored)), rows)


def measure_table(measured: Mapping[str, Sequence[Mapping]]) -> str:
    """Means and standard errors of measures of `book.studies.calpha.summary`, a row for each name.

    ``measured``: by the name to print, rows of the stored result ``calpha40-harmonics`` of one class and
    basis. The alignment of the first is bold, and how far its purity along the contour exceeds the mirror's.
    """
    keys = ("aligned", "aligned, mirror", "purity", "purity, mirror", "purity, less mirror")
    rows = [
        [name, *(_error(pick(found, measure=key)[0], ".2f") for key in keys)]
        for name, found in measured.items()
    ]
    _embolden(rows[0], 1)
    _embolden(rows[0], -1)
    return table(("first 20 vectors", *keys), rows)


def _error(row: Mapping, form: str) -> str:
    return f"{row['mean']:{form}}\N{NO-BREAK SPACE}±\N{NO-BREAK SPACE}{row['se']:.2f}"


def oracle_table(geo: dict, kinds: Sequence[str]) -> str:
    """What an oracle reaches in one basis after another, in dB above the network's own basis.

    The last row is the network with its own factors; the row above it has its last class in bold.
    """
    reached = pick(geo["rows"], measure="oracle")
    rows = [[kind, *(_error(row, "+.2f") for row in pick(reached, basis=kind))] for kind in kinds]
    _embolden(rows[-1], -1)
    itself = pick(geo["rows"], measure="itself")
    rows.append(["the network, with its own factors", *(_error(row, "+.2f") for row in itself)])
    return table(("dB", *(f"alpha = {row['alpha']}" for row in itself)), rows)


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
