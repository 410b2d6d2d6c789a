"""The longer drawings of the chapters on memory: each draws on given axes and returns nothing."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence

import numpy as np
import torch
from matplotlib.axes import Axes
from matplotlib.colors import ListedColormap
from matplotlib.pyplot import colormaps
from torch import Tensor

from gahr import copies, measures, plots, rulers
from gahr.denoisers import add_noise
from gahr.ideal import FiniteSet

__all__ = ["against_noise", "fractions", "learners", "provenance", "spans", "two_panels"]

_TICKS = (0.01, 0.03, 0.1, 0.3, 1.0)


def two_panels(axes: Sequence[Axes], curves: Mapping[int, Mapping[str, Mapping]]) -> None:
    """The paper's Figure 1: output against input PSNR, on training images and on new ones.

    Parameters
    ----------
    axes
        Two.
    curves
        For each N what the manifest holds: ``train`` and ``held_out``, each with ``sigma``, ``psnr``.
    """
    shades = colormaps["viridis"](np.linspace(0, 0.92, len(curves)))
    for ax, kind, name in zip(axes, ("train", "held_out"), ("training", "new"), strict=True):
        for (n, both), shade in zip(curves.items(), shades, strict=True):
            entry = -20 * np.log10(both[kind]["sigma"])
            ax.plot(entry, both[kind]["psnr"], "o-", ms=3, color=shade, label=f"N = {n:,}")
        ends = [entry.min(), entry.max()]
        ax.plot(ends, ends, ":", color="black", lw=1, label="unit slope")
        ax.set(xlabel="input PSNR (dB)", ylabel=f"output PSNR (dB), {name} images", ylim=(8, 54))
        top = ax.secondary_xaxis("top", functions=(lambda v: v, lambda v: v))
        top.set_xticks(-20 * np.log10(_TICKS), [f"{sigma:g}" for sigma in _TICKS])
        top.set_xlabel("noise level $\\sigma$")
    axes[-1].legend(fontsize=7.5, loc="center left", bbox_to_anchor=(1, 0.5))


def against_noise(
    ax: Axes, sigmas: Sequence[float], lines: Mapping[str, Sequence[float]], dashed: Iterable[str] = ()
) -> None:
    """Lines against the noise level, weaker noise to the right; those in ``dashed`` black and dashed."""
    for name, values in lines.items():
        look = {"color": "black", "ls": "--"} if name in dashed else {"marker": "o", "ms": 3}
        ax.plot(sigmas, values, label=name, **look)
    plots.log_ticks(ax, _TICKS)
    ax.invert_xaxis()
    ax.set_xlabel("noise level $\\sigma$")
    ax.legend(fontsize=7.5, loc="upper left")


def learners(
    x: Tensor, train: Mapping[int, Tensor], sigma: float, sizes: Sequence[int] = (10, 100, 1000)
) -> None:
    """A picture under noise, and what the perfect learners of some training sets answer, with their PSNR.

    Parameters
    ----------
    x
        The clean picture, ``(1, C, H, W)``.
    train
        Training sets by their size, ``(N, C, H, W)``.
    sigma
        Noise level.
    sizes
        Which of the sets.
    """
    y = add_noise(x, sigma, seed=1)
    answers = {f"perfect, {n:,}": FiniteSet(train[n])(y, sigma) for n in sizes}
    titles = ["noisy"]
    for name, answer in answers.items():
        psnr = measures.psnr(x, answer).item()
        titles.append(f"{name}\n" + ("exact" if psnr > 100 else f"{psnr:.1f} dB"))
    plots.gallery([y, *answers.values()], titles, len(titles), (1.6, 1.9))


def fractions(
    ax: Axes, groups: Mapping[str, Sequence[float] | Tensor], above: bool, mark: float, style: str = "-"
) -> None:
    """The fraction of values above (or below) a threshold, against the threshold, one line a group.

    Parameters
    ----------
    ax
        Where.
    groups
        Values for each name; the first name has the first color.
    above
        Count what is above the threshold; otherwise what is below.
    mark
        A threshold in use, drawn as a thin line.
    style
        Of the lines. Only solid lines enter the legend.
    """
    thresholds = np.linspace(0.6 if above else 0, 1, 161)
    for (name, values), color in zip(groups.items(), plots.COLORS.values(), strict=False):
        values = np.asarray(values)
        beyond = values[:, None] > thresholds if above else values[:, None] < thresholds
        label = name if style == "-" else None
        ax.plot(thresholds, beyond.mean(0), style, color=color, lw=1.5, label=label)
    ax.axvline(mark, color="gray", lw=0.8)


def spans(ax: Axes, groups: Mapping[str, Mapping[int, Sequence[float]]]) -> None:
    """Median and range of the middle 80 % of values against N, one line a group.

    Groups are shifted a little to the side of each other.
    """
    colors = (plots.COLORS[name] for name in ("orange", "gray", "blue", "green"))
    for k, ((name, rows), color) in enumerate(zip(groups.items(), colors, strict=False)):
        places = [n * 1.1**k for n in rows]
        middle = [rulers.median(values).value for values in rows.values()]
        ax.plot(places, middle, "o-", ms=4, color=color, label=name)
        ends = np.array([np.quantile(values, [0.1, 0.9]) for values in rows.values()])
        ax.vlines(places, *ends.T, color=color, lw=1.2)
    plots.log_ticks(ax, (1, 10, 100, 1000, 10_000))
    ax.set_xlabel("training images N")
    ax.legend(loc="lower right")


def provenance(axes: Sequence[Axes], x: Tensor, train: Tensor, found: copies.Patchwork, i: int) -> None:
    """A picture, the training image nearest to it, its collage, and a map of the patches' sources.

    Parameters
    ----------
    axes
        Four.
    x
        The pictures that were taken apart, ``(B, 1, H, W)``.
    train
        What they were explained by.
    found
        The result of `gahr.copies.patchwork`.
    i
        Which picture.

    Notes
    -----
    In the map the training image used most is blue, then come orange, green, purple, sky and yellow;
    rarer ones are light gray, nearly empty patches white.
    """
    near = rulers.closest(x[i : i + 1], train)
    plots.images(axes[:3], copies.bright(torch.cat([x[i : i + 1], near, found.collage[i : i + 1]])))
    plots.image(axes[3], torch.zeros(found.source.shape[1:]))
    colors = ListedColormap(["white", *list(plots.COLORS.values())[:6], "#D5D9DE"])
    axes[3].images[0].remove()
    axes[3].imshow(copies.ranks(found.source[i]).clamp_max(6).numpy(), cmap=colors, vmin=-1, vmax=6)
