"""Figures of chapter 13: local linear denoisers, links between pixels, shortfalls."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from matplotlib.axes import Axes

from gahr import notebook, plots

__all__ = ["links", "short_table", "shortfalls", "windows"]

_HUES = {"faces": "blue", "in order": "blue", "shuffled": "orange"}


def windows(
    ax: Axes,
    radius: Sequence[int],
    found: Mapping[str, Sequence[float]],
    networks: Mapping[str, float],
    limit: float,
) -> None:
    """PSNR of the best linear denoisers of a window against its radius in pixels.

    ``found`` has it for ``faces`` and ``shuffled``, in dB, one for each radius; ``networks`` that of
    networks of the same two names (dashed), ``limit`` that of the Wiener filter (dotted).
    """
    for name, psnr in networks.items():
        color = plots.COLORS[_HUES[name]]
        ax.plot(radius, found[name], "o-", ms=4, color=color, label=f"window, {name}")
        ax.axhline(psnr, color=color, ls="--", lw=1.2, label=f"network, {name}")
    ax.axhline(limit, color=plots.COLORS["gray"], ls=":", label="Wiener filter")
    ax.set(xlabel="radius of the window (pixels)", ylabel="PSNR of the mean error (dB)")
    ax.legend(loc="center left", bbox_to_anchor=(1, 0.5))


def links(
    axes: Sequence[Axes],
    edges: Sequence[float],
    found: Sequence[Mapping[str, Sequence[float]]],
    labels: Sequence[str],
) -> None:
    """How strongly pixels are linked, against their distance, one of the axes for each way to measure it.

    ``edges`` bound the ranges of distances. For each of the axes ``found`` has root mean square entries of
    some matrices, one for each range, and ``labels`` says how distance is meant.
    """
    for ax, matrices, label in zip(axes, found, labels, strict=True):
        for name, values in matrices.items():
            color = plots.COLORS[_HUES.get(name, "green")]
            ax.plot(edges[:-1], values, "o-", ms=3, color=color, label=name)
        plots.log_ticks(ax, [1, 3, 10, 30], [0.001, 0.01, 0.1])
        ax.set(xlabel=f"distance {label}", ylim=(3e-4, 0.1))
    axes[0].set_ylabel("entry (root mean square)")
    axes[0].legend()


def shortfalls(
    ax: Axes,
    short: Mapping[tuple[str, str], Sequence[float]],
    noise: Sequence[float],
    nothing: Sequence[float],
) -> None:
    """Decibels short of the optimum against the noise level.

    Keys are a network's kind and the order; ``nothing`` is what a denoiser that does nothing is short of.
    """
    kinds = list(dict.fromkeys(kind for kind, _ in short))
    for (kind, order), values in short.items():
        style, color = ("o-", "s--")[kinds.index(kind) % 2], plots.COLORS[_HUES[order]]
        ax.plot(noise, values, style, ms=4, color=color, label=f"{kind}, {order}")
    ax.plot(noise, nothing, ":", color=plots.COLORS["gray"], label="no denoising")
    ax.axhline(0, color=plots.COLORS["gray"], lw=0.9)
    plots.log_ticks(ax, noise)
    ax.set(xlabel="noise level", ylabel="short of the optimum (dB)")
    ax.legend(loc="center left", bbox_to_anchor=(1, 0.5))


def short_table(short: Mapping[str, Sequence[float]], noise: Sequence[float], head: str) -> str:
    """Decibels at each noise level, one row for each name.

    Examples
    --------
    >>> print(short_table({"UNet": [6.2, -0.1]}, [0.05, 0.1], "cost (dB)"))
    | cost (dB) | noise 0.05 | noise 0.1 |
    |:--|--:|--:|
    | UNet | +6.20 | -0.10 |
    """
    rows = [(name, *(f"{value:+.2f}" for value in values)) for name, values in short.items()]
    return notebook.table((head, *(f"noise {s:g}" for s in noise)), rows)
