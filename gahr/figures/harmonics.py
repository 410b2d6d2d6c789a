"""Figures and tables on C^alpha images: slopes, and bases along contours, from stored results."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence

import numpy as np
import torch
from matplotlib.axes import Axes
from torch import Tensor

from gahr import _files, paper, plots
from gahr.notebook import table

__all__ = [
    "basis_table",
    "ends",
    "height_table",
    "local",
    "measure_table",
    "oracle_table",
    "range_table",
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
        Noise levels at 40 pixels, increasing.
    """
    middle = [(a * b) ** 0.5 for a, b in zip(levels, levels[1:], strict=False)]
    for ax, (kind, sides) in zip(axes, bent.items(), strict=True):
        for (side, values), line in zip(sides.items(), ("-", "--"), strict=True):
            ax.semilogx(middle, values, line, label=f"{side:,} pixels")
        ax.axhline(limits[kind], color=plots.COLORS["gray"], ls=":")
        ax.set(title=kind, xlabel="noise x 40 / side", ylim=(0, 1))
    axes[0].set_ylabel("local slope")
    axes[0].legend()


def _spans(stored: dict, choice: str = "rule") -> Tensor:
    """Slopes and both ends of their intervals, ``(3, classes)``."""
    return torch.tensor([row["slope"][choice] for row in stored["classes"].values()]).T


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
    alphas = [int(name) for name in stored["classes"]]
    for name, row in stored["classes"].items():
        axes[0].plot(entry, row["psnr"]["network"], "-o", ms=3, label=f"alpha = {name}")
    axes[0].axvspan(*(-20 * np.log10(stored["ranges"]["rule"])), color="0.92", zorder=0)
    axes[0].set(xlabel="input PSNR (dB)   more noise ← → less noise", ylabel="output PSNR (dB)")
    axes[0].legend()
    value, low, high = _spans(stored)
    axes[1].errorbar(
        alphas, value, torch.stack([value - low, high - value]), fmt="o", capsize=3, label="ours"
    )
    axes[1].plot(list(paper.SLOPES), list(paper.SLOPES.values()), "s", label="the paper's")
    for name, values in theories.items():
        axes[1].plot(alphas, values, "--", lw=1.2, label=f"theory, {name}")
    axes[1].set(xlabel="alpha", ylabel="slope", xticks=alphas)
    axes[1].legend()


def local(ax: Axes, stored: dict, limit: float) -> None:
    """Slope between neighbouring noise levels, one line for each class, and a theory's, dotted."""
    entry = -20 * np.log10(stored["sigma"])
    for name, row in stored["classes"].items():
        ax.plot((entry[1:] + entry[:-1]) / 2, row["local"], label=f"alpha = {name}")
    ax.axhline(limit, color=plots.COLORS["gray"], ls=":")
    ax.set(xlabel="input PSNR (dB)   more noise ← → less noise", ylabel="local slope")
    ax.legend()


def _width(value: float, low: float, high: float) -> str:
    return f"{value:.2f} ± {(high - low) / 2:.2f}"


def range_table(stored: dict) -> str:
    """The slopes over other noise levels, and with the networks' floor taken off."""
    rows = [
        (name, f"{low:g} to {high:g}", *(_width(*span) for span in _spans(stored, name).T.tolist()))
        for name, (low, high) in stored["ranges"].items()
    ]
    own = (_width(*span) for span in _spans(stored, "own").T.tolist())
    rows.append(("rule, each class by itself", "its own", *own))
    off = [_width(*row["without floor"]) for row in stored["classes"].values()]
    rows.append(("rule, floor taken off", "as the rule", *off))
    return table(("choice", "noise levels", *(f"alpha = {name}" for name in stored["classes"])), rows, left=2)


def basis_table(stored: dict, theory: Sequence[float]) -> str:
    """The slopes, over the rule's levels, of the networks and of an oracle in several bases."""
    rows = []
    for kind in next(iter(stored["classes"].values()))["fixed"]:
        cells = [_width(*row["fixed"][kind]) for row in stored["classes"].values()]
        rows.append((kind if kind == "network" else f"oracle, {kind}", *cells))
    head = ("slope", *(f"alpha = {name}" for name in stored["classes"]))
    return table(head, [*rows, ("theory, C-alpha", *(f"{value:.2f}" for value in theory))])


def height_table(stored: dict, alpha: int, sigmas: Sequence[float] = (0.01, 0.1, 0.2512, 1.0)) -> str:
    """Mean PSNR in dB of the network and of an oracle in several bases, at some noise levels."""
    at = [stored["sigma"].index(sigma) for sigma in sigmas]
    rows = [
        (kind if kind == "network" else f"oracle, {kind}", *(f"{psnr[k]:.1f}" for k in at))
        for kind, psnr in stored["classes"][str(alpha)]["psnr"].items()
    ]
    return table((f"PSNR in dB, alpha = {alpha}", *(f"noise {s:.2f}" for s in sigmas)), rows)


def measure_table(measured: Mapping[str, Mapping[str, Sequence[float]]]) -> str:
    """Means and standard errors of the measures of `gahr.analysis.calpha.summary`, a row for each basis."""
    keys = next(iter(measured.values()))
    rows = [(name, *("{:.2f} ± {:.2f}".format(*row[key]) for key in keys)) for name, row in measured.items()]
    return table(("first 20 vectors", *keys), rows)


def oracle_table(geo: dict) -> str:
    """What an oracle reaches in one basis after another, in dB above the network's own basis."""
    classes = geo["classes"].values()
    names = [name for name in next(iter(classes))["oracle"] if name != "network"]
    rows = [(name, *("{:+.2f} ± {:.2f}".format(*row["oracle"][name]) for row in classes)) for name in names]
    itself = ("{:+.2f} ± {:.2f}".format(*row["network itself"]) for row in classes)
    rows.append(("the network, with its own factors", *itself))
    return table(("dB", *(f"alpha = {name}" for name in geo["classes"])), rows)


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


def trained_vectors(axes: np.ndarray, alone: dict, pictures: Mapping[str, Tensor]) -> None:
    """A row for each regularity of the contour: the picture, and the stored vectors of its own network.

    Parameters
    ----------
    axes
        As many rows as regularities.
    alone
        The stored result ``calpha40-unequal``.
    pictures
        For each regularity, by the name that the result has for it, the picture ``(1, 1, H, W)``.
    """
    for row, (name, kept) in zip(axes, alone["shown"].items(), strict=True):
        plots.images(row[:1], [pictures[name]], label=f"{name} and {alone['background']:g}")
        titles = [f"{value:.2f}" for value in kept["lam"]]
        plots.images(row[1:], _files.unpack_vectors(kept["vectors"])[: len(row) - 1], titles, signed=True)
