"""The longer drawings of the chapter on memory: each draws on given axes and returns nothing."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np
import torch
from matplotlib.axes import Axes
from matplotlib.colors import ListedColormap
from matplotlib.pyplot import colormaps
from torch import Tensor

from gahr import plots
from gahr.analysis import memorization

__all__ = ["provenance", "two_panels"]

_TICKS = (0.01, 0.03, 0.1, 0.3, 1.0)


def two_panels(axes: Sequence[Axes], curves: Mapping[int, Mapping[str, Mapping]]) -> None:
    """The paper's Figure 1: output against input PSNR, on training images and on new ones.

    ``curves`` has for each N what the manifest holds: ``train`` and ``held_out``, each with ``sigma``,
    ``psnr``.
    """
    shades = colormaps["viridis"](np.linspace(0, 0.92, len(curves)))
    top = 2 + max(max(both[kind]["psnr"]) for both in curves.values() for kind in ("train", "held_out"))
    for ax, kind, name in zip(axes, ("train", "held_out"), ("training", "new"), strict=True):
        for (n, both), shade in zip(curves.items(), shades, strict=True):
            entry = -20 * np.log10(both[kind]["sigma"])
            ax.plot(entry, both[kind]["psnr"], "o-", ms=3, color=shade, label=f"N = {n:,}")
        ends = [entry.min(), entry.max()]
        ax.plot(ends, ends, ":", color="black", lw=1, label="unit slope")
        ax.set(xlabel="input PSNR (dB)", ylabel=f"output PSNR (dB), {name} images", ylim=(8, top))
        upper = ax.secondary_xaxis("top", functions=(lambda v: v, lambda v: v))
        upper.set_xticks(-20 * np.log10(_TICKS), [f"{sigma:g}" for sigma in _TICKS])
        upper.set_xlabel("noise level $\\sigma$")
    axes[-1].legend(fontsize=7.5, loc="center left", bbox_to_anchor=(1, 0.5))


def provenance(axes: Sequence[Axes], pictures: Sequence[Tensor], source: Tensor) -> None:
    """A picture, others beside it, each at full contrast, and a map of the sources of its patches.

    There is one more of the axes than pictures, each ``(1, H, W)``. ``source`` says which training image
    explains each patch, ``(rows, columns)``, as in `gahr.analysis.memorization.Patchwork`. The one used
    most is blue, then come orange, green, purple, sky and yellow; rarer ones are light gray, nearly empty
    patches white.
    """
    *beside, last = axes
    plots.images(beside, memorization.bright(torch.stack(list(pictures))))
    plots.image(last, torch.zeros(source.shape))
    last.images[0].remove()
    colors = ListedColormap(["white", *list(plots.COLORS.values())[:6], "#D5D9DE"])
    last.imshow(memorization.ranks(source).clamp_max(6).numpy(), cmap=colors, vmin=-1, vmax=6)
