"""Stored study ``calpha40-unequal``: pictures as in the paper's Figure 17, whose contour alone varies."""

from __future__ import annotations

from pathlib import Path

from torch import Tensor

from gahr import geometry, harmonics, rulers, zoo
from gahr._along import SEEDS
from gahr._slopes import network

CONTOURS = (1.5, 2.0, 4.0)
"""Regularity of the contours, rough to smooth."""
BACKGROUND = 8.0
TRAINED = "calpha40a{:g}b{:g}-unet16-fresh-a"
SIGMA = 0.2
COUNT = 10
"""Vectors of each basis that are measured."""
SHOWN = 2
"""Seed of the picture at which the vectors themselves are kept."""


def unequal(seeds: tuple[int, ...] = SEEDS, runs: str | Path | None = None) -> dict:
    """How near the contour the leading vectors stay, for three choices of network.

    Parameters
    ----------
    seeds
        Of the pictures; for that of `SHOWN` the trained networks' vectors are kept, to be drawn.
    runs
        Folder with the runs of the set ``calpha-unequal`` (``GAHR_RUNS`` by default).

    Returns
    -------
    found
        ``networks``: for ``trained`` (each on such pictures), ``contour`` (shipped, on pictures whose
        alpha is nearest to the contour's) and ``smoothest`` (shipped, alpha = 5), and for each
        regularity of the contour, ``share`` of energy near it, for each picture. ``shown``: the
        trained networks' first vectors at one picture, packed, and their eigenvalues ``lam``.

    Notes
    -----
    Source: paper, appendix C.1, Figure 17.
    """
    chosen = {
        "trained": {a: zoo.load_run(TRAINED.format(a, BACKGROUND), runs) for a in CONTOURS},
        "contour": {a: zoo.load(network(max(2, round(a)))) for a in CONTOURS},
        "smoothest": dict.fromkeys(CONTOURS, zoo.load(network(5))),
    }
    shares: dict = {kind: {f"{a:g}": {"share": []} for a in CONTOURS} for kind in chosen}
    shown = {}
    for kind, networks in chosen.items():
        for a, f in networks.items():
            for seed in seeds:
                view = geometry.look(f, a, seed, SIGMA, beta=BACKGROUND)
                e = geometry.leading(view, "network", COUNT)
                shares[kind][f"{a:g}"]["share"].append(harmonics.share(e, view.heights).mean().item())
                if kind == "trained" and seed == SHOWN:
                    shown[f"{a:g}"] = {"lam": view.basis.lam[:COUNT].tolist(), "vectors": packed(e)}
    settings = {"sigma": SIGMA, "count": COUNT, "background": BACKGROUND, "pictures": len(seeds)}
    return settings | {"networks": shares, "shown": shown}


def packed(e: Tensor) -> str:
    """Vectors ``(K, H, W)`` as text, 8 bits a pixel, each scaled to its largest entry."""
    return rulers.pack((e / e.abs().amax((1, 2), keepdim=True) / 2 + 0.5)[:, None])


def unpacked(text: str, side: int = 40) -> Tensor:
    """What `packed` wrote, ``(K, H, W)``, in [-1, 1].

    Examples
    --------
    >>> import torch
    >>> e = torch.linspace(-3, 3, 2 * 16).view(2, 4, 4)
    >>> (unpacked(packed(e), 4) * 3 - e).abs().max() < 3 / 128 + 1e-6
    tensor(True)
    """
    return 2 * rulers.unpack(text, (1, side, side))[:, 0] - 1
