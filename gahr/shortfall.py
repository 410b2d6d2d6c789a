"""Tables and figures of chapter 9: how far networks fall short of exact optima, from the stored studies."""

from __future__ import annotations

import functools
import math
from collections.abc import Callable, Sequence

import torch
from matplotlib.axes import Axes

from gahr import _rows_manifolds, classes, manifolds, plots, report, zoo

__all__ = [
    "CLASSES",
    "angle_table",
    "cost_table",
    "count_table",
    "counts",
    "curves",
    "floor_share",
    "floor_table",
    "gap",
    "gap_table",
    "gaps",
    "slope_table",
    "training",
    "weight_table",
]

CLASSES = {"discs": "discs40", "ray": "ray40", "waves": "sinusoids40"}
"""The classes of the chapter and their names in `gahr.classes`."""

SOME = (0.01, 0.05, 0.1, 0.3, 1.0)
COSTS = {"blindness": "sigma", "bounds": "the bounds", "both": "either"}


def _optima(name: str) -> dict:
    return zoo.result(f"{CLASSES[name]}-optima")


def _tangents(name: str) -> dict:
    return zoo.result(f"{CLASSES[name]}-tangents")


def gap(name: str, pair: str, sigma: float) -> manifolds.Gap:
    """A gap in dB and its standard error; ``pair`` is ``"network"``, ``"blindness"``, ``"bounds"``, ..."""
    found = _optima(name)
    k = found["sigma"].index(sigma)
    return manifolds.Gap(*(found["gaps"][pair][key][k] for key in ("db", "se")))


def _noise(sigmas: Sequence[float]) -> list[str]:
    return [f"noise {sigma:g}" for sigma in sigmas]


def cost_table(sigmas: Sequence[float] = SOME) -> str:
    """What the exact optimum loses by not knowing sigma, the bounds of intensities, or either."""
    rows = [
        (name, text, *("{:.3f} ± {:.3f}".format(*gap(name, pair, s)) for s in sigmas))
        for name in CLASSES
        for pair, text in COSTS.items()
    ]
    return report.table(("class", "not knowing", *_noise(sigmas)), rows, left=2)


def gap_table(sigmas: Sequence[float] = SOME) -> str:
    """How far each network lies above the exact blind optimum, in dB with standard errors."""
    rows = [(name, *("{:.2f} ± {:.2f}".format(*gap(name, "network", s)) for s in sigmas)) for name in CLASSES]
    return report.table(("class", *_noise(sigmas)), rows)


def slope_table() -> str:
    """Slopes at weak noise with 95 % intervals, networks and exact blind optima."""
    text = "{:.2f} ({:.2f} to {:.2f})"
    rows = [
        (name, *(text.format(*_optima(name)["slopes"][key]) for key in ("network", "blind")))
        for name in CLASSES
    ]
    return report.table(("class", "network", "exact"), rows)


def curves(axes: Sequence[Axes]) -> None:
    """PSNR of the mean squared error: network, exact blind optimum, and the tangent projection's line."""
    for ax, name in zip(axes, CLASSES, strict=True):
        found = _optima(name)
        line = [found["dimension"] * s**2 / found["pixels"] for s in found["sigma"]]
        mse = {"network": found["mse"]["network"], "exact, blind": found["mse"]["blind"], "line": line}
        shown = {
            key: {"sigma": found["sigma"], "psnr": [-10 * math.log10(e) for e in each]}
            for key, each in mse.items()
        }
        plots.psnr(ax, shown, ["line"], name)
        ax.set_xlabel("input PSNR (dB)")


def gaps(ax: Axes) -> None:
    """Gap of each network to the exact blind optimum against the noise level, with two standard errors."""
    for name in CLASSES:
        found = _optima(name)
        row = found["gaps"]["network"]
        ax.errorbar(found["sigma"], row["db"], [2 * se for se in row["se"]], marker="o", ms=3, label=name)
    plots.log_ticks(ax, x=(0.01, 0.03, 0.1, 0.3, 1.0))
    ax.set(xlabel="noise level", ylabel="gap to the optimum (dB)", ylim=(0, None))
    ax.legend()


def _mean(name: str, which: str, value: Callable[[dict], float]) -> list[float]:
    """Mean over pictures at each noise level of a number from a row of the study."""
    found = _tangents(name)
    rows = [row for row in found["rows"] if row["which"] == which]
    each = [[value(row) for row in rows if row["sigma"] == s] for s in found["sigma"]]
    return [sum(values) / len(values) for values in each]


def counts(axes: Sequence[Axes]) -> None:
    """How many factors lie above thresholds, against the noise level: network solid, exact dashed."""
    for ax, name in zip(axes, CLASSES, strict=True):
        found = _tangents(name)
        for k, (color, level) in enumerate(zip(plots.COLORS.values(), found["thresholds"], strict=False)):
            for which, style in (("network", "-"), ("exact", "--")):
                number = _mean(name, which, lambda row, k=k: row["above"][k])
                ax.plot(found["sigma"], number, style, color=color, label=f"{which}, above {level:g}")
        plots.log_ticks(ax, x=(0.01, 0.03, 0.1), y=(1, 10, 100, 1000))
        ax.set(title=name, xlabel="noise level", ylabel="number of factors")
    axes[-1].legend(loc="center left", bbox_to_anchor=(1, 0.5))


def count_table(threshold: float = 0.1) -> str:
    """Number of the networks' factors above a threshold, mean over pictures."""
    rows = []
    for name in CLASSES:
        k = _tangents(name)["thresholds"].index(threshold)
        rows.append((name, *(f"{v:.0f}" for v in _mean(name, "network", lambda row, k=k: row["above"][k]))))
    return report.table((f"factors above {threshold:g}", *_noise(_tangents("discs")["sigma"])), rows)


def angle_table() -> str:
    """Largest principal angle to the tangent space and mean squared cosine, mean over pictures."""
    rows = []
    for name in CLASSES:
        for which in ("network", "exact"):
            worst, inside = (
                _mean(name, which, value) for value in (lambda r: max(r["angles"]), lambda r: r["inside"])
            )
            text = [f"{a:.0f}° ({i:.2f})" for a, i in zip(worst, inside, strict=True)]
            rows.append((name, which, *text))
    return report.table(("class", "directions", *_noise(_tangents("discs")["sigma"])), rows, left=2)


@functools.lru_cache(maxsize=8)
@torch.no_grad()
def _floor(name: str) -> float:
    """Mean squared error of the network on clean pictures, the first of those of the study."""
    found = _optima(name)
    clean = classes.load(CLASSES[name], min(200, found["images"]), "held-out")
    return (zoo.load(found["network"])(clean) - clean).square().mean().item()


def floor_share(name: str, sigma: float) -> float:
    """Error of the network on clean pictures over its error at a noise level."""
    found = _optima(name)
    return _floor(name) / found["mse"]["network"][found["sigma"].index(sigma)]


def floor_table(sigmas: Sequence[float] = (0.01, 0.03, 0.1)) -> str:
    """PSNR on clean pictures, and that error as a share of the error at weak noise."""
    rows = []
    for name in CLASSES:
        share = (f"{floor_share(name, s):.0%}" for s in sigmas)
        rows.append((name, f"{-10 * math.log10(_floor(name)):.1f} dB", *share))
    return report.table(("class", "clean picture", *(f"share at {s:g}" for s in sigmas)), rows)


def training(ax: Axes, name: str = "discs", dimension: int = 5, first: int = 150) -> None:
    """Distance of a network from the tangent projection's line while it was trained, in dB."""
    rows = zoo.describe(_optima(name)["network"])["history"]
    rows = [row for row in rows if row["step"] >= first]
    for k, sigma in enumerate((0.02, 0.05, 0.1, 0.2, 0.5)):  # where training looks at held-out pictures
        line = manifolds.asymptote(_optima(name)["pixels"], dimension, sigma)
        short = [line - row["held_out"][k] for row in rows]
        ax.plot([row["step"] for row in rows], short, "o-", ms=3, label=f"{sigma:g}")
    plots.log_ticks(ax, x=(300, 1000, 3000, 6000))
    ax.set(xlabel="step", ylabel="short of the line (dB)", ylim=(0, None))
    ax.legend(title="noise", loc="center left", bbox_to_anchor=(1, 0.5))


def weight_table(
    stem: str = "fashion32-unet16-n14000-a",
    sigmas: Sequence[float] = SOME,
    between: tuple[float, float] = _rows_manifolds.WEAK,
) -> str:
    """Held-out PSNR of two networks, trained with uniform and with squared noise levels, and their slopes.

    Parameters
    ----------
    stem
        The first; the name of the second ends in ``-quadratic``.
    sigmas
        Noise levels to show.
    between
        Least and largest noise level of the slope.
    """
    rows, head = [], "slope, {:g} to {:g}".format(*between)
    for noise, name in (("uniform", stem), ("squared", f"{stem}-quadratic")):
        held_out = zoo.describe(name)["curves"]["held_out"]
        found = dict(zip(held_out["sigma"], held_out["psnr"], strict=True))
        slope = _rows_manifolds.held_out_slope(name, between)
        rows.append((noise, *(f"{found[s]:.2f}" for s in sigmas), f"{slope:.3f}"))
    return report.table(("noise in training", *_noise(sigmas), head), rows)
