"""Figures and tables of shuffled pixels: gaps, windows, links between pixels, shortfalls."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence

from matplotlib.axes import Axes
from torch import Tensor

from gahr import locality, plots, report

__all__ = [
    "decibel",
    "gap_table",
    "head_start",
    "jacobian_table",
    "link_table",
    "orders_table",
    "profiles",
    "rank_table",
    "short_table",
    "shortfalls",
    "slope_table",
    "windows",
]

_ROWS = {"wiener": "Wiener filter"}
_HUES = {"faces": "blue", "in order": "blue", "shuffled": "orange"}


def decibel(mse: float) -> float:
    """PSNR of a mean error, in dB; lower than the mean of PSNRs.

    Examples
    --------
    >>> decibel(0.01)
    20.0
    """
    return -10 * math.log10(mse)


def windows(
    ax: Axes, found: Mapping[str, Sequence[float]], networks: Mapping[str, float], limit: float
) -> None:
    """PSNR of the best linear denoisers of a window against its radius.

    Parameters
    ----------
    ax
        Where to draw.
    found
        ``radius``, and the mean error for ``faces`` and ``shuffled``.
    networks
        Mean errors of networks of the same two names: dashed lines.
    limit
        Mean error of the Wiener filter: a dotted line.
    """
    for name, mse in networks.items():
        color = plots.COLORS[_HUES[name]]
        line = [decibel(value) for value in found[name]]
        ax.plot(found["radius"], line, "o-", ms=4, color=color, label=f"window, {name}")
        ax.axhline(decibel(mse), color=color, ls="--", lw=1.2, label=f"network, {name}")
    ax.axhline(decibel(limit), color=plots.COLORS["gray"], ls=":", label="Wiener filter")
    ax.set(xlabel="radius of the window (pixels)", ylabel="PSNR of the mean error (dB)")
    ax.legend(loc="center left", bbox_to_anchor=(1, 0.5))


def profiles(ax: Axes, matrices: Mapping[str, Tensor], edges: Sequence[float], label: str) -> None:
    """How strongly pixels are linked, against their distance, as `gahr.locality.profile` has it."""
    for name, M in matrices.items():
        color = plots.COLORS[_HUES.get(name, "green")]
        ax.plot(edges[:-1], locality.profile(M, edges), "o-", ms=3, color=color, label=name)
    plots.log_ticks(ax, [1, 3, 10, 30], [0.001, 0.01, 0.1])
    ax.set_xlabel(label)


def shortfalls(ax: Axes, short: Mapping[tuple[str, str], Sequence[float]], noise: Sequence[float]) -> None:
    """Decibels short of the optimum against the noise level; keys are a network's kind and the order."""
    kinds = list(dict.fromkeys(kind for kind, _ in short))
    for (kind, order), values in short.items():
        style, color = ("o-", "s--")[kinds.index(kind) % 2], plots.COLORS[_HUES[order]]
        ax.plot(noise, values, style, ms=4, color=color, label=f"{kind}, {order}")
    ax.axhline(0, color=plots.COLORS["gray"], lw=0.9, ls=":")
    plots.log_ticks(ax, noise)
    ax.set(xlabel="noise level", ylabel="short of the optimum (dB)")
    ax.legend(loc="upper center")


def gap_table(study: Mapping) -> str:
    """PSNR of both networks, their gap with its standard error, and what the Wiener filter has more."""
    gap, psnr = study["gaps"], study["psnr"]
    columns = (gap["sigma"], psnr["faces"], psnr["shuffled"], gap["gap"], gap["se"], psnr["wiener"])
    rows = [
        (f"{s:g}", f"{a:.2f}", f"{b:.2f}", f"{c:.2f} ± {e:.2f}", f"{w - b:.2f}")
        for s, a, b, c, e, w in zip(*columns, strict=True)
    ]
    head = ("noise", "faces (dB)", "shuffled (dB)", "gap (dB)", "Wiener less shuffled (dB)")
    return report.table(head, rows, left=0)


def slope_table(study: Mapping, ranges: Mapping[str, tuple[float, float]]) -> str:
    """Slopes of both networks and their difference, with 95 % intervals, over some noise levels."""
    rows = []
    for name, (low, high) in ranges.items():
        parts = study["gaps"]["slopes"][name].values()
        rows.append((f"{low:g} to {high:g}", *(f"{v:.3f} ({a:.3f}, {b:.3f})" for v, a, b in parts)))
    return report.table(("noise levels", "slope, faces", "shuffled", "difference"), rows)


def head_start(first: Mapping, second: Mapping) -> str:
    """When the first run was ahead of the second's end, and how fast the second still learned.

    ``first``, ``second``: as `gahr.zoo.describe` has them.
    """
    end, before = second["history"][-1], second["history"][-3]
    steps = (
        row["step"]
        for row in first["history"]
        if all(a > b for a, b in zip(row["held_out"], end["held_out"], strict=True))
    )
    gained = [a - b for a, b in zip(end["held_out"], before["held_out"], strict=True)]
    return (
        f"After {next(steps):,} of its {first['recipe']['steps']:,} steps the network of faces was ahead, at "
        f"all of five noise levels, of where the other ended after {end['step']:,}. From step "
        f"{before['step']:,} to its end the other gained {gained[0]:.1f} dB at noise 0.02 and "
        f"{gained[3]:.1f} dB at noise 0.2."
    )


def rank_table(paper: Mapping[int, float], spectra: Mapping[str, Tensor], ratio: float) -> str:
    """The paper's eigenvalues beside ours: at rank over ``ratio``, by a straight line, and at the same."""
    head = ["rank k", "paper"] + [f"{name}, at {at}" for name in spectra for at in (f"k/{ratio:g}", "k")]
    rows = [
        (k, f"{value:g}", *(f"{_at(lam, place):.3f}" for lam in spectra.values() for place in (k / ratio, k)))
        for k, value in paper.items()
    ]
    return report.table(head, rows, left=0)


def _at(lam: Tensor, rank: float) -> float:
    below = int(rank)
    low, high = lam[below - 1].item(), lam[min(below, len(lam) - 1)].item()
    return low + (rank - below) * (high - low)


def jacobian_table(jacobians: Mapping[str, Sequence[Mapping]]) -> str:
    """Directions kept, trace and smoothness of vectors: mean over images, with least and most."""
    rows = []
    for name, found in jacobians.items():
        numbers = [[row["above"][least] for row in found] for least in ("0.5", "0.1")]
        numbers.append([row["trace"] for row in found])
        spans = [f"{sum(v) / len(v):.0f} ({min(v):.0f}, {max(v):.0f})" for v in numbers]
        smooth = [row["neighbours"] for row in found]
        rows.append((_ROWS.get(name, name), *spans, f"{sum(smooth) / len(smooth):.2f}"))
    return report.table(("", "factors above 0.5", "above 0.1", "trace", "correlation of neighbours"), rows)


def link_table(matrices: Mapping[str, Tensor], other: Tensor) -> str:
    """Share of each matrix's energy on its diagonal, and `gahr.locality.likeness` to the Wiener filter's."""
    rows = [
        (name, f"{locality.diagonal_share(M):.0%}", f"{locality.likeness(M, other):.2f}")
        for name, M in matrices.items()
    ]
    head = ("", "energy on the diagonal", "correlation with the Wiener filter, off it")
    return report.table(head, rows)


def orders_table(M: Tensor, mean: Tensor, orders: Mapping[str, Tensor], sigma: float, radius: int = 2) -> str:
    """PSNR of the best convolution and the best window for images whose pixels are put in some orders."""
    rows = []
    for name, order in orders.items():
        C, m = locality.rearranged(M, order.flatten()), mean.flatten()[order.flatten()]
        mse = locality.convolution_mse(C, m, sigma), locality.window_mse(C, sigma, radius)
        rows.append((name, *(f"{decibel(value):.2f}" for value in mse)))
    side = 2 * radius + 1
    return report.table(("order", "convolution (dB)", f"window {side}x{side} (dB)"), rows)


def short_table(short: Mapping[str, Sequence[float]], noise: Sequence[float], head: str) -> str:
    """Decibels at each noise level, one row for each name."""
    rows = [(name, *(f"{value:+.2f}" for value in values)) for name, values in short.items()]
    return report.table((head, *(f"noise {s:g}" for s in noise)), rows)
