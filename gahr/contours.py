"""Figures and tables on C^alpha images: slopes, and bases along contours, from the stored studies."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

import numpy as np
import torch
from matplotlib.axes import Axes
from torch import Tensor

from gahr import bases, bestbasis, denoisers, geometry, harmonics, plots, regularity, spectra, synthetic
from gahr._rows_harmonics import EIGENVALUES, NARROWER, PAPER, at_rank
from gahr.linearization import linearize
from gahr.report import table

__all__ = [
    "LEVELS",
    "basis_table",
    "eigenvalue_table",
    "ends",
    "glance",
    "height_table",
    "led",
    "local",
    "measure_table",
    "oracle_slopes",
    "oracle_table",
    "range_table",
    "slope_table",
    "slopes",
    "strips",
]

LEVELS: tuple[float, ...] = tuple(2.0**k for k in range(-6, 3))
"""Noise levels for pictures of 40 pixels; larger ones get proportionally more."""

_THEORIES = {"C-alpha": 0.0, "contour alone": 0.5, "background alone": 1.0}
"""What to take off alpha before ``alpha / (alpha + 1)``: the regularity that filtered noise lacks."""


def oracle_slopes(side: int, kind: str, alpha: float = 5.0, pictures: int = 4) -> Tensor:
    """Local slope of PSNR against noise, between neighbouring `LEVELS`, of an oracle, ``(levels - 1,)``.

    Parameters
    ----------
    side
        Of the pictures. Noise is ``side / 40`` times the level: equal noise for equal areas.
    kind
        ``"cosines"`` or ``"wavelets"``, for C^alpha images; or ``"Gaussian field"``, whose optimum is exact.
    alpha
        Regularity as the generator has it: amplitudes fall as ``|k|^-alpha``.
    pictures
        How many are averaged.
    """
    sigmas = [level * side / 40 for level in LEVELS]
    if kind == "Gaussian field":
        power = synthetic.gaussian_power(side, alpha)
        error = [s**2 * denoisers.shrinkage(power, s).mean() for s in sigmas]
    else:
        x = synthetic.c_alpha(pictures, side, alpha, seed=8)
        found = torch.stack([bestbasis.fixed(each[None], kind) for each in x])
        error = [bases.oracle_error(found, s).mean() for s in sigmas]
    return regularity.local_slopes(-10 * torch.log10(torch.stack(error)), LEVELS)


def ends(axes: Sequence[Axes], large: int = 1024) -> None:
    """Three panels: how slopes bend where pictures end, for an oracle in two bases and an exact optimum."""
    middle = [(a * b) ** 0.5 for a, b in zip(LEVELS, LEVELS[1:], strict=False)]
    limits = {"cosines": 1 / 3, "wavelets": 1 / 2, "Gaussian field": 4 / 5}
    for ax, (kind, limit) in zip(axes, limits.items(), strict=True):
        for side, line in ((40, "-"), (large, "--")):
            ax.semilogx(middle, oracle_slopes(side, kind), line, label=f"{side:,} pixels")
        ax.axhline(limit, color=plots.COLORS["gray"], ls=":")
        ax.set(title=kind, xlabel="noise x 40 / side", ylim=(0, 1))
    axes[0].set_ylabel("local slope")
    axes[0].legend()


def _spans(stored: dict, choice: str = "rule") -> Tensor:
    """Slopes and both ends of their intervals, ``(3, classes)``."""
    return torch.tensor([row["slope"][choice] for row in stored["classes"].values()]).T


def slopes(axes: Sequence[Axes], stored: dict) -> None:
    """PSNR curves with the fitted levels shaded; slopes beside the paper's and three theories."""
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
    axes[1].plot(list(PAPER), list(PAPER.values()), "s", label="the paper's")
    for name, off in _THEORIES.items():
        theory = [regularity.minimax_slope(a - off) for a in alphas]
        axes[1].plot(alphas, theory, "--", lw=1.2, label=f"theory, {name}")
    axes[1].set(xlabel="alpha", ylabel="slope", xticks=alphas)
    axes[1].legend()


def slope_table(stored: dict) -> str:
    """Our slope with its interval, the paper's, and what three theories say."""
    rows = []
    for name, (value, low, high) in zip(stored["classes"], _spans(stored).T.tolist(), strict=True):
        a = int(name)
        best = [f"{regularity.minimax_slope(a - off):.2f}" for off in _THEORIES.values()]
        apart = f"{value - regularity.minimax_slope(a):+.2f}"
        rows.append((a, f"{value:.3f} ({low:.3f} to {high:.3f})", PAPER.get(a, "-"), apart, *best))
    head = ("alpha", "our slope (95 %)", "paper's", "ours less theory", *_THEORIES)
    return table(head, rows, left=0)


def local(ax: Axes, stored: dict) -> None:
    """Slope between neighbouring noise levels, one line for each class."""
    entry = -20 * np.log10(stored["sigma"])
    for name, row in stored["classes"].items():
        ax.plot((entry[1:] + entry[:-1]) / 2, row["local"], label=f"alpha = {name}")
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


def basis_table(stored: dict) -> str:
    """The slopes, over the rule's levels, of the networks and of an oracle in several bases."""
    rows = []
    for kind in next(iter(stored["classes"].values()))["fixed"]:
        cells = [_width(*row["fixed"][kind]) for row in stored["classes"].values()]
        rows.append((kind if kind == "network" else f"oracle, {kind}", *cells))
    theory = [f"{regularity.minimax_slope(int(name)):.2f}" for name in stored["classes"]]
    head = ("slope", *(f"alpha = {name}" for name in stored["classes"]))
    return table(head, [*rows, ("theory, C-alpha", *theory)])


def height_table(stored: dict, alpha: int, sigmas: Sequence[float] = (0.01, 0.1, 0.2512, 1.0)) -> str:
    """Mean PSNR in dB of the network and of an oracle in several bases, at some noise levels."""
    at = [stored["sigma"].index(sigma) for sigma in sigmas]
    rows = [
        (kind if kind == "network" else f"oracle, {kind}", *(f"{psnr[k]:.1f}" for k in at))
        for kind, psnr in stored["classes"][str(alpha)]["psnr"].items()
    ]
    return table((f"PSNR in dB, alpha = {alpha}", *(f"noise {s:.2f}" for s in sigmas)), rows)


def eigenvalue_table(geo: dict, ranks: Iterable[int] = (1, 2, 4, 8, 12, 16, 20)) -> str:
    """The paper's eigenvalues (alpha = 4, Figure 4) beside ours, at ranks scaled in three ways."""
    lam = geo["classes"]["4"]["lam"]

    def ours(rank: float) -> str:
        return "{:.2f} ({:.2f} to {:.2f})".format(*at_rank(lam, max(1.0, rank)))

    head = ("rank, 80x80", "paper's", "ours, same rank", f"rank / {NARROWER:.2f}", "rank / 2")
    rows = [(k, EIGENVALUES[k - 1], *(ours(k / s) for s in (1, NARROWER, 2))) for k in ranks]
    return table(head, rows, left=0)


def glance(
    f: denoisers.Denoiser,
    alpha: float,
    seed: int,
    sigma: float,
    count: int,
    size: int = 40,
    beta: float | None = None,
) -> geometry.View:
    """What `gahr.geometry.look` sees, but only the first ``count`` vectors, and without the matrix.

    Much quicker: the vectors come from products with the Jacobian, to a relative residual of 1e-3.
    The view's ``asymmetry`` is not computed (nan).

    Examples
    --------
    >>> f = lambda y, sigma=None: y.flatten(1).cumsum(1).view_as(y) / 64
    >>> first = glance(f, 2.0, 1, 0.1, count=3, size=8).basis.lam
    >>> torch.allclose(first, geometry.look(f, 2.0, 1, 0.1, size=8).basis.lam[:3], atol=1e-3)
    True
    """
    x = synthetic.c_alpha(1, size, alpha, beta, seed)
    y = denoisers.add_noise(x, sigma)
    basis = spectra.symmetric(linearize(f, y, sigma), count, tol=1e-3)
    heights = regularity.contour(1, size, alpha, seed)[0]
    with torch.no_grad():
        estimate = f(y, sigma)
    return geometry.View(x, y, estimate, heights, basis, float("nan"), sigma)


def led(f: denoisers.Denoiser, alpha: float, pictures: int = 12, sigma: float = 0.15) -> tuple[float, float]:
    """How much better an oracle does in cosines led by the estimate than in cosines: dB, standard error.

    The direction of the estimate is put first; the cosines are made orthogonal to it, one after
    another. Pictures of 40 pixels, seeds from 1 on, as in the stored study.
    """
    cosines, gains = bases.dct(40, 40), []
    for seed in range(1, pictures + 1):
        x = synthetic.c_alpha(1, 40, alpha, seed=seed)
        with torch.no_grad():
            estimate = f(denoisers.add_noise(x, sigma), sigma).flatten()
        basis = torch.linalg.qr(torch.cat([estimate[:, None], cosines.T], 1))[0].T
        errors = [bases.oracle_error(b @ x.flatten(), sigma) for b in (cosines, basis)]
        gains.append(10 * torch.log10(errors[0] / errors[1]).item())
    return float(np.mean(gains)), float(np.std(gains, ddof=1) / len(gains) ** 0.5)


def strips(axes: np.ndarray, view: geometry.View) -> None:
    """The picture and its first vectors, straightened along the contour, and along its mirror image."""
    for column, heights in zip(axes.T, (view.heights, view.heights.flip(0)), strict=True):
        plots.image(column[0], harmonics.straighten(view.x, heights))
        vectors = geometry.leading(view, "network", len(column) - 1)
        plots.images(column[1:], harmonics.straighten(vectors, heights), signed=True)
    for ax, title in zip(axes[0], ("along the contour", "along its mirror image"), strict=True):
        ax.set_title(title, fontsize=9)


def measure_table(geo: dict, alpha: int | None = None) -> str:
    """The measures of `gahr.geometry.summary`, mean and standard error over pictures.

    For every basis at one ``alpha``; without it, for the networks at every ``alpha``.
    """
    if alpha is None:
        named = {f"network, alpha = {a}": row["summary"]["network"] for a, row in geo["classes"].items()}
    else:
        named = geo["classes"][str(alpha)]["summary"]
    keys = next(iter(named.values()))
    rows = [(name, *("{:.2f} ± {:.2f}".format(*row[key]) for key in keys)) for name, row in named.items()]
    return table(("first 20 vectors", *keys), rows)


def oracle_table(geo: dict) -> str:
    """What an oracle reaches in one basis after another, in dB above the network's own basis."""
    classes = geo["classes"].values()
    names = [name for name in next(iter(classes))["oracle"] if name != "network"]
    rows = [(name, *("{:+.2f} ± {:.2f}".format(*row["oracle"][name]) for row in classes)) for name in names]
    itself = ("{:+.2f} ± {:.2f}".format(*row["network itself"]) for row in classes)
    rows.append(("the network, with its own factors", *itself))
    return table(("dB", *(f"alpha = {name}" for name in geo["classes"])), rows)
