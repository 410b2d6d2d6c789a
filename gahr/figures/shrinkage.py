"""The drawings of the chapter on shrinkage: spectra, shared spaces, oracles; each draws on given axes."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np
from matplotlib.axes import Axes
from torch import Tensor

from gahr import plots
from gahr.figures.two_networks import looks
from gahr.notebook import pick

__all__ = ["calibration", "gains", "ladder", "levels", "spectrum"]


def spectrum(
    axes: Sequence[Axes],
    factors: Mapping[str, Tensor],
    printed: Mapping[float, float],
    noise: Tensor,
    clean: Tensor,
) -> None:
    """The paper's Figure 3: factors, with the values it prints, and coefficients against rank.

    ``factors`` are eigenvalues or singular values by name, decreasing, each ``(d,)``; ``printed`` the
    paper's by their place among ours, counted from 0; ``noise`` and ``clean`` coefficients of the image and
    of what was added to it, ``(d,)``.
    """
    plots.spectrum(axes[0], factors)
    places = [place + 1 for place in printed]
    axes[0].plot(places, list(printed.values()), "kx", ms=5, label="the paper's network")
    axes[0].legend()
    for dots, name, color in ((noise, "noise", "gray"), (clean, "clean", "orange")):
        ranks = np.arange(1, len(dots) + 1)
        axes[1].plot(ranks, dots.abs(), ".", ms=2.5, color=plots.COLORS[color], label=name)
    axes[1].set(xscale="log", yscale="log", xlabel="rank k", ylabel="|coefficient|", ylim=(1e-3, 30))
    axes[1].legend(markerscale=3)


def calibration(ax: Axes, rows: Sequence[Mapping[str, float]]) -> None:
    """Squared error along eigenvectors against eigenvalue, for each N, with two standard errors."""
    for n, found in _by_n(rows).items():
        lam, error, se = (np.array([row[name] for row in found]) for name in ("lam", "error", "se"))
        ax.errorbar(lam, error, 2 * se, marker="o", ms=4, capsize=2, label=f"N = {n:,}")
    line = np.linspace(0.01, 1.3, 100)
    ax.plot(line, line, ":", color=plots.COLORS["gray"], label="an ideal denoiser")
    ax.set(yscale="log", xlabel="eigenvalue", ylabel="squared error / $\\sigma^2$")
    ax.legend()


def _by_n(rows: Sequence[Mapping[str, float]]) -> dict[int, list[Mapping[str, float]]]:
    return {n: pick(rows, n=n) for n in dict.fromkeys(row["n"] for row in rows)}


def levels(ax: Axes, stored: Mapping) -> None:
    """Shared energy at one cut against the noise level, from the stored result ``adapted-faces``."""
    keys = {"half B's network": "halves", "other noise": "noise", "other face": "image"}
    lines = {name: _means(pick(stored["rows"], measure="shared", pair=key)) for name, key in keys.items()}
    plots.against_noise(ax, stored["levels"], lines)
    ax.set(ylabel=f"shared energy, k = {stored['cut']}", ylim=(0, 1.02))


def gains(ax: Axes, stored: Mapping) -> None:
    """PSNR above the oracle in cosines, in dB, against noise, from the stored result ``adapted-faces``."""
    psnr = {
        name: np.array(_means(pick(stored["rows"], measure="psnr", basis=name)))
        for name in ("own basis", "cosines led by the estimate", "wavelets", "network", "cosines")
    }
    cosines = psnr.pop("cosines")
    lines = {name: values - cosines for name, values in psnr.items()}
    plots.against_noise(ax, stored["levels"], lines, dashed=["network"])
    ax.legend(fontsize=7.5, loc="center left", bbox_to_anchor=(1, 0.5))
    ax.axhline(0, color=plots.COLORS["gray"], lw=0.9, ls=":")
    ax.set_ylabel("dB above an oracle in cosines")


def ladder(axes: Sequence[Axes], stored: Mapping, cut: int = 50) -> None:
    """Spectrum, dimension and shared space against N, from the stored result ``adapted-bases``.

    The sizes N have a legend; the lines of the other two panels are named where they run.
    """
    rows = pick(stored["rows"], images="held-out")
    spectra = _by_n(pick(rows, measure="lam"))
    for look, found in zip(looks(list(spectra)).values(), spectra.values(), strict=True):
        axes[0].plot(stored["cuts"], _means(found), **look)
    names = {"dimension": "sum of eigenvalues", "error": "squared error / $\\sigma^2$", "kept": "above 1/2"}
    for name, label in names.items():
        _bars(axes[1], pick(rows, measure=name), label)
    names = {"halves": "two halves", "noise": "other noise", "image": "other image"}
    for pair, label in names.items():
        _bars(axes[2], pick(rows, measure="shared", pair=pair, k=cut), label)
    axes[0].set(xscale="log", xlabel="rank k", ylabel="eigenvalue $\\lambda_k$")
    axes[0].legend(fontsize=7.5)
    axes[1].set(yscale="log", ylabel="directions")
    axes[2].set(ylabel=f"shared energy, k = {cut}", ylim=(0, 1.02))
    for ax in axes[1:]:
        plots.log_ticks(ax, (1, 100, 10_000))
        ax.set_xlabel("training images N")
    _name_lines(axes[1], ((0, (8, 42)), (0, (8, 12)), (0.4, (10, -12))))
    _name_lines(axes[2], [(1, (8, 0))] * 3)


def _name_lines(ax: Axes, places: Sequence[tuple[float, tuple[float, float]]]) -> None:
    """Each line's name in its colour: how far along the line, and how far from it, in points."""
    for container, (share, offset) in zip(ax.containers, places, strict=True):
        points = container.lines[0].get_xydata()
        at = {"xytext": offset, "textcoords": "offset points", "va": "center"}
        color = container.lines[0].get_color()
        point = points[int(share * (len(points) - 1))]
        ax.annotate(container.get_label(), point, color=color, fontsize=7.5, **at)


def _means(rows: Sequence[Mapping[str, float]]) -> list[float]:
    return [row["mean"] for row in rows]


def _bars(ax: Axes, rows: Sequence[Mapping[str, float]], label: str) -> None:
    """Means against N with two standard errors, which on a logarithmic axis must not reach zero."""
    mean = np.array(_means(rows))
    bar = np.minimum(2 * np.array([row["se"] for row in rows]), 0.95 * mean)
    ax.errorbar([row["n"] for row in rows], mean, bar, marker="o", ms=3, capsize=2, label=label)
