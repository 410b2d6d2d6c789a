"""Stored study ``calpha40-unequal``: pictures as in the paper's Figure 17, whose contour alone varies."""

from __future__ import annotations

from pathlib import Path

from book.studies.along import SEEDS
from book.studies.slopes import network
from gahr import _files, zoo
from gahr.analysis import calpha, harmonics

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
                view = calpha.look(f, a, seed, SIGMA, beta=BACKGROUND)
                e = calpha.leading(view, "network", COUNT)
                shares[kind][f"{a:g}"]["share"].append(harmonics.share(e, view.heights).mean().item())
                if kind == "trained" and seed == SHOWN:
                    shown[f"{a:g}"] = {
                        "lam": view.basis.lam[:COUNT].tolist(),
                        "vectors": _files.pack_vectors(e),
                    }
    settings = {"sigma": SIGMA, "count": COUNT, "background": BACKGROUND, "pictures": len(seeds)}
    return settings | {"networks": shares, "shown": shown}
