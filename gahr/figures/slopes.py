"""Figures of chapter 10: how fast coefficients fall in several bases, and what slopes follow."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np
from matplotlib.axes import Axes
from torch import Tensor

from gahr import plots

__all__ = ["BASES", "ends", "fall"]

BASES = {
    "network": plots.COLORS["blue"],
    "cut along the contour": plots.COLORS["orange"],
    "cut softly": plots.COLORS["orange"],
    "cut a pixel lower": plots.COLORS["orange"],
    "led by two sides": plots.COLORS["sky"],
    "wavelets": plots.COLORS["green"],
    "cosines": plots.COLORS["purple"],
    "polynomials on two sides": plots.COLORS["gray"],
    "polynomials, a pixel lower": plots.COLORS["gray"],
}
"""A basis's colour, the same in all figures of chapters 10 and 11."""


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
