"""The drawings of the chapter on shrinkage: spectra, shared spaces, oracles; each draws on given axes."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np
from matplotlib.axes import Axes
from torch import Tensor

from gahr import exhibits, plots, subspaces
from gahr._adapted import FIGURE3, PAPER
from gahr.bases import Basis
from gahr.report import table

__all__ = ["beside_paper", "calibration", "gains", "ladder", "levels", "shares", "sizes", "spectrum"]


def spectrum(axes: Sequence[Axes], basis: Basis, singular: Tensor, clean: Tensor, noise: Tensor) -> None:
    """The paper's Figure 3: factors, with the values it prints, and coefficients against rank.

    Parameters
    ----------
    axes
        Two.
    basis
        All eigenvectors of the Jacobian's symmetric part.
    singular
        Its singular values, ``(d,)``.
    clean, noise
        The image, and what was added to it, ``(1, C, H, W)``.
    """
    d = len(basis.lam)
    plots.spectrum(axes[0], {"eigenvalues": basis.lam, "singular values": singular})
    places = [(k + 0.5) * d / PAPER + 0.5 for k in FIGURE3]
    axes[0].plot(places, list(FIGURE3.values()), "kx", ms=5, label="the paper's network")
    axes[0].legend()
    for x, name, color in ((noise, "noise", plots.COLORS["gray"]), (clean, "clean", plots.COLORS["orange"])):
        dots = basis.coefficients(x)[0].abs()
        axes[1].plot(np.arange(1, d + 1), dots, ".", ms=2.5, color=color, label=name)
    axes[1].set(xscale="log", yscale="log", xlabel="rank k", ylabel="|coefficient|", ylim=(1e-3, 30))
    axes[1].legend(markerscale=3)


def beside_paper(lam: Tensor, every: int = 4) -> str:
    """Table of eigenvalues that Figure 3 prints, and ours at the same share of all directions.

    Parameters
    ----------
    lam
        All eigenvalues, decreasing, ``(d,)``.
    every
        Of the 21 printed ones, every so many, from the first.
    """
    ranks = list(FIGURE3)[::every]
    ours = subspaces.scaled(lam, ranks, len(lam), PAPER)
    head = (f"rank of {PAPER:,}", f"rank of {len(lam):,}", "the paper's eigenvalue", "ours")
    places = [f"{(k + 0.5) * len(lam) / PAPER - 0.5:.2f}" for k in ranks]
    rows = zip(ranks, places, [FIGURE3[k] for k in ranks], [f"{own:.3f}" for own in ours], strict=True)
    return table(head, rows, left=0)


def calibration(ax: Axes, tables: Mapping[str, Mapping[str, Sequence[float]]]) -> None:
    """Squared error along eigenvectors against eigenvalue, for each N, with two standard errors."""
    for n, found in tables.items():
        bar = 2 * np.array(found["se"])
        ax.errorbar(found["lam"], found["error"], bar, marker="o", ms=4, capsize=2, label=f"N = {int(n):,}")
    line = np.linspace(0.01, 1.3, 100)
    ax.plot(line, line, ":", color=plots.COLORS["gray"], label="an ideal denoiser")
    ax.set(yscale="log", xlabel="eigenvalue", ylabel="squared error / $\\sigma^2$")
    ax.legend()


def shares(ax: Axes, e: Tensor, others: Mapping[str, Tensor], ambiguity: Tensor) -> None:
    """Shared energy of one leading space with others, for every k; with two rulers.

    Parameters
    ----------
    ax
        One.
    e
        Orthonormal rows in order of rank, ``(n, d)``.
    others
        As many rows each.
    ambiguity
        From `gahr.subspaces.mixed`, ``(n,)``.
    """
    k = np.arange(1, len(e) + 1)
    for name, rows in others.items():
        ax.plot(k, subspaces.shared(e, rows), label=name)
    ax.plot(k, ambiguity, "k--", lw=1, label="ambiguity")
    ax.plot(k, k / e.shape[1], "k:", lw=1, label="random")
    ax.set(xlabel="k", ylabel="shared energy", ylim=(0, 1.02))
    ax.legend(fontsize=7.5)


def levels(ax: Axes, stored: Mapping) -> None:
    """Shared energy at one cut against the noise level, from the stored result ``adapted-faces``."""
    keys = {"half B's network": "halves", "other noise": "noise", "other face": "image"}
    lines = {name: [row[f"{key} shared"]["mean"] for row in stored["rows"]] for name, key in keys.items()}
    reference = stored["levels"].index(0.15)
    lines["portrait, sigma = 0.15"] = stored["between"][reference]
    exhibits.against_noise(ax, stored["levels"], lines)
    ax.set(ylabel=f"shared energy, k = {stored['cut']}", ylim=(0, 1.5), yticks=np.arange(0, 1.1, 0.2))


def sizes(ax: Axes, rivals: Mapping[str, Tensor], x: Tensor, sigma: float) -> None:
    """Coefficients of one image in several bases, each sorted by size, and the noise level."""
    for name, basis in rivals.items():
        found = (basis @ x.flatten()).abs().sort(descending=True).values
        ax.plot(np.arange(1, len(found) + 1), found, label=name)
    ax.axhline(sigma, color=plots.COLORS["gray"], ls=":", label="noise level")
    ax.set(xscale="log", yscale="log", xlabel="rank by size", ylabel="|coefficient|", ylim=(1e-3, 30))
    ax.legend()


def gains(ax: Axes, stored: Mapping) -> None:
    """PSNR above the oracle in cosines, in dB, against noise, from the stored result ``adapted-faces``."""
    lines = {
        name: [row[name]["mean"] - row["cosines"]["mean"] for row in stored["rows"]]
        for name in ("own basis", "network", "wavelets", "cosines led by the estimate")
    }
    exhibits.against_noise(ax, stored["levels"], lines)
    ax.legend(fontsize=7.5, loc="lower left")
    ax.axhline(0, color=plots.COLORS["gray"], lw=0.9, ls=":")
    ax.set_ylabel("dB above an oracle in cosines")


def ladder(axes: Sequence[Axes], stored: Mapping, cut: int = 50) -> None:
    """Spectrum, dimension and shared space against N, from the stored result ``adapted-bases``."""
    rows, n = stored["sizes"], [int(name) for name in stored["sizes"]]
    for name, row in rows.items():
        axes[0].plot(stored["cuts"], row["lam"]["mean"], "o-", ms=3, label=f"N = {int(name):,}")
    names = {"dimension": "sum of eigenvalues", "error": "squared error / $\\sigma^2$", "kept": "above 1/2"}
    for name, label in names.items():
        _bars(axes[1], n, [row[name] for row in rows.values()], label)
    at = stored["cuts"].index(cut)
    names = {"halves shared": "two halves", "noise shared": "other noise", "image shared": "other image"}
    names["halves mixed"] = "ambiguity"
    for name, label in names.items():
        both = [{key: value[at] for key, value in row[name].items()} for row in rows.values()]
        _bars(axes[2], n, both, label)
    axes[0].set(xscale="log", xlabel="rank k", ylabel="eigenvalue")
    axes[1].set(xscale="log", yscale="log", xlabel="N", ylabel="directions")
    axes[2].set(xscale="log", xlabel="N", ylabel=f"shared energy, k = {cut}", ylim=(0, 1.5))
    axes[2].set_yticks(np.arange(0, 1.1, 0.2))
    for ax in axes:
        ax.legend(fontsize=7.5)


def _bars(ax: Axes, n: Sequence[int], rows: Sequence[Mapping[str, float]], label: str) -> None:
    """Means with two standard errors, which on a logarithmic axis must not reach zero."""
    mean = np.array([row["mean"] for row in rows])
    bar = np.minimum(2 * np.array([row["se"] for row in rows]), 0.95 * mean)
    ax.errorbar(n, mean, bar, marker="o", ms=3, capsize=2, label=label)
