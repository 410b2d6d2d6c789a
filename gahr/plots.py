"""The book's figures: each function draws on given axes and returns nothing; one style for all."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence

import matplotlib.pyplot as plt
import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from torch import Tensor

from gahr import measures
from gahr._checks import check_count

__all__ = [
    "COLORS",
    "against_noise",
    "field",
    "figure",
    "gallery",
    "image",
    "images",
    "log_ticks",
    "psnr",
    "scored",
    "spectrum",
]

COLORS = {
    "blue": "#0072B2",
    "orange": "#D55E00",
    "green": "#009E73",
    "purple": "#CC79A7",
    "sky": "#56B4E9",
    "yellow": "#E69F00",
    "gray": "#5B6470",
}
"""The Okabe-Ito palette, which colour-blind readers can tell apart; shared with the page's CSS."""

_STYLE = {
    "axes.prop_cycle": plt.cycler(color=list(COLORS.values())),
    "axes.spines.top": False,
    "axes.spines.right": False,
    "axes.grid": True,
    "axes.titlesize": 10,
    "axes.labelsize": 9.5,
    "grid.color": "#E6E8EB",
    "grid.linewidth": 0.6,
    "axes.axisbelow": True,
    "font.size": 9.5,
    "figure.facecolor": "white",
    "savefig.facecolor": "white",
    "savefig.bbox": "tight",
    "figure.dpi": 110,
    "savefig.dpi": 110,
    "legend.frameon": False,
    "legend.fontsize": 8.5,
    "lines.linewidth": 1.8,
    "image.interpolation": "nearest",
}


def figure(
    rows: int = 1, columns: int = 1, size: tuple[float, float] = (3.2, 2.6)
) -> tuple[Figure, np.ndarray]:
    """New figure in the book's style, with a 2-D array of axes; ``size`` in inches is of one panel."""
    plt.rcParams.update(_STYLE)
    shape = (size[0] * columns, size[1] * rows)
    return plt.subplots(rows, columns, figsize=shape, squeeze=False, layout="constrained")


def _array(x: Tensor | np.ndarray) -> np.ndarray:
    """One image: gray ``(H, W)``, or colours ``(H, W, 3)``."""
    x = x.detach().cpu().float().numpy() if isinstance(x, Tensor) else np.asarray(x)
    while x.ndim > 2 and x.shape[0] == 1:
        x = x[0]
    if x.ndim == 3 and len(x) == 3:
        return np.moveaxis(x, 0, 2)
    if x.ndim != 2 or not x.size:
        raise ValueError(
            f"one gray image is drawn at a time, (H, W), or one of colours, (3, H, W); got {x.shape}."
        )
    return x


def image(
    ax: Axes, x: Tensor | np.ndarray, title: str = "", signed: bool = False, stretch: bool = False
) -> None:
    """One image, gray or in colour, from 0 (black) to 1 (white).

    With ``stretch`` the scale is stretched to the image's own range, for noise that leaves [0, 1]. With
    ``signed``, orange is below 0, white is 0, purple is above; of colours 0 is gray.
    """
    x = _array(x)
    low, high = np.quantile(x, [0.01, 0.99]) if stretch and not signed else (0, 1)
    low, high = min(low, 0), max(high, 1)
    if signed:
        high = np.abs(x).max() or 1.0
        low = -high
    if x.ndim == 3:
        ax.imshow(np.clip((x - low) / (high - low), 0, 1))
    else:
        ax.imshow(x, cmap="PuOr" if signed else "gray", vmin=low, vmax=high)
    ax.set_title(title, fontsize=8.5)
    ax.set_xticks([])
    ax.set_yticks([])
    ax.grid(False)
    for spine in ax.spines.values():
        spine.set_visible(False)


def images(
    axes: Iterable[Axes],
    x: Sequence[Tensor] | Tensor,
    titles: Sequence[str] | None = None,
    signed: bool = False,
    label: str = "",
    stretch: bool = False,
) -> None:
    """A row of images, each with its title; ``label`` names the row; see `image` for the rest."""
    axes = list(np.ravel(axes))
    for i, ax in enumerate(axes):
        if i >= len(x):
            ax.set_axis_off()
            continue
        image(ax, x[i], titles[i] if titles else "", signed, stretch)
    if label:
        axes[0].set_ylabel(label, rotation=90, fontsize=9)


def gallery(
    pictures: Sequence[Tensor],
    titles: Sequence[str] | None = None,
    columns: int = 6,
    size: tuple[float, float] = (1.4, 1.55),
    labels: Sequence[str] = (),
    signed_from: int | None = None,
    stretch: bool = False,
) -> None:
    """Pictures row by row in a figure of their own; those from ``signed_from`` on are signed.

    ``labels`` name the rows; ``size`` is of one picture, in inches.
    """
    columns = check_count(columns, "columns", 1)
    if pictures is None or not len(pictures):
        raise ValueError("a gallery needs at least one picture.")
    _, axes = figure(-(-len(pictures) // columns), columns, size)
    places = axes.ravel()
    plain = len(places) if signed_from is None else signed_from
    images(places[:plain], pictures[:plain], titles, stretch=stretch)
    images(places[plain:], pictures[plain:], titles and titles[plain:], signed=True)
    for row, label in zip(axes, labels, strict=False):
        row[0].set_ylabel(label, rotation=90, fontsize=9)


def scored(x: Tensor, estimates: Mapping[str, Tensor]) -> list[str]:
    r"""Titles for estimates of one image: the name of each, and its PSNR in dB below.

    Examples
    --------
    >>> import torch
    >>> scored(torch.zeros(1, 1, 2, 2), {"noisy": torch.full((1, 1, 2, 2), 0.1)})
    ['noisy\n20.0 dB']
    """
    return [f"{name}\n{measures.psnr(x, e).mean().item():.1f} dB" for name, e in estimates.items()]


def psnr(
    ax: Axes, curves: Mapping[str, Mapping[str, Sequence[float]]], dashed: Iterable[str] = (), title: str = ""
) -> None:
    """Output PSNR against input PSNR, one line for each curve, and the line where nothing is gained.

    A curve holds lists ``sigma``, ``psnr`` and optionally ``se``; its band is two standard errors.
    """
    lowest, highest = np.inf, -np.inf
    for name, curve in curves.items():
        entry = -20 * np.log10(np.asarray(curve["sigma"]))
        out = np.asarray(curve["psnr"])
        (line,) = ax.plot(entry, out, "--" if name in dashed else "-", marker="o", ms=3, label=name)
        if "se" in curve:
            width = 2 * np.asarray(curve["se"])
            ax.fill_between(entry, out - width, out + width, color=line.get_color(), alpha=0.18, lw=0)
        lowest, highest = min(lowest, entry.min()), max(highest, entry.max())
    ax.plot([lowest, highest], [lowest, highest], color=COLORS["gray"], lw=0.9, ls=":", label="no denoising")
    ax.set_xlabel("input PSNR (dB)   more noise ← → less noise")
    ax.set_ylabel("output PSNR (dB)")
    ax.set_title(title)
    ax.legend()


def against_noise(
    ax: Axes, sigmas: Sequence[float], lines: Mapping[str, Sequence[float]], dashed: Iterable[str] = ()
) -> None:
    """Lines against the noise level, weaker noise to the right; those in ``dashed`` black and dashed."""
    for name, values in lines.items():
        look = {"color": "black", "ls": "--"} if name in dashed else {"marker": "o", "ms": 3}
        ax.plot(sigmas, values.cpu() if isinstance(values, Tensor) else values, label=name, **look)
    log_ticks(ax, [s for s in (0.01, 0.03, 0.1, 0.3, 1.0) if min(sigmas) <= s <= max(sigmas)])
    ax.invert_xaxis()
    ax.set_xlabel("noise level $\\sigma$")
    ax.legend(fontsize=7.5, loc="upper left")


def spectrum(ax: Axes, spectra: Mapping[str, Tensor], count: int | None = None) -> None:
    """Shrinkage factors against rank, on a logarithmic rank axis."""
    for name, values in spectra.items():
        values = values[:count]
        ax.plot(np.arange(1, len(values) + 1), values.cpu(), label=name)
    ax.axhline(1, color=COLORS["gray"], lw=0.9, ls=":")
    ax.set_xscale("log")
    ax.set_xlabel("rank k")
    ax.set_ylabel("shrinkage factor $\\lambda_k$")
    ax.legend()


def log_ticks(ax: Axes, x: Sequence[float] = (), y: Sequence[float] = ()) -> None:
    """Logarithmic axes with plain numbers at the given places and no others."""
    for axis, places in ((ax.xaxis, x), (ax.yaxis, y)):
        if len(places):
            getattr(ax, f"set_{axis.axis_name}scale")("log", subs=[])
            axis.set_ticks(places, [f"{place:g}" for place in places])
            axis.set_ticks([], minor=True)  # else the other powers of ten are named, as 10^5


def field(ax: Axes, arrows: Tensor, density: Tensor, extent: float, title: str = "") -> None:
    """Arrows on a grid over a density in the plane: ``arrows`` ``(n, n, 2)``, ``density`` ``(m, m)``.

    Both cover the square from ``-extent`` to ``extent``; arrows are drawn with one common length
    scale, shortened where they are long so that directions stay readable.
    """
    arrows, density = arrows.cpu(), density.cpu().numpy()
    side = np.linspace(-extent, extent, len(arrows))
    ax.imshow(
        density, origin="lower", extent=[-extent, extent] * 2, cmap="Blues", vmin=0, interpolation="bilinear"
    )
    length = arrows.norm(dim=-1, keepdim=True)
    drawn = (arrows / (length + length.median())).numpy()
    look = {"color": COLORS["orange"], "width": 0.004, "headwidth": 3.5, "headlength": 4}
    ax.quiver(side, side, drawn[..., 0], drawn[..., 1], scale=0.9 * len(arrows), **look)
    ax.set_title(title)
    ax.set_xlabel("$y_1$")
    ax.set_ylabel("$y_2$")
    ax.grid(False)
