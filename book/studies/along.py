"""Stored study ``calpha40-harmonics``: bases at a dozen C^alpha pictures, and what geometry says of them."""

from __future__ import annotations

import statistics

from book.studies.slopes import ALPHAS, network
from gahr import measures, zoo
from gahr.analysis import calpha

SEEDS = tuple(range(1, 13))
"""Pictures: the first twelve seeds, all of them, chosen before any was looked at."""
COUNT = 20
"""Vectors of each basis that are measured: as many as the paper's Figure 4 shows."""
SIGMA = 0.15


def along(seeds: tuple[int, ...] = SEEDS) -> dict:
    """Geometry of the leading vectors, eigenvalues, and what an oracle reaches in each basis.

    Returns
    -------
    found
        For each alpha: ``summary`` (for each kind of basis the numbers of `gahr.analysis.calpha.summary`,
        mean over pictures and its standard error), ``share`` (for each picture, of the network's
        vectors), ``lam`` (mean, least and largest eigenvalue by rank), ``oracle`` (PSNR in dB
        below that in the network's own basis, mean and standard error), ``asymmetry``.
    """
    found = {}
    for alpha in ALPHAS:
        f = zoo.load(network(alpha))
        found[str(alpha)] = _class([calpha.look(f, float(alpha), seed, SIGMA) for seed in seeds])
    settings = {"sigma": SIGMA, "count": COUNT, "pictures": len(seeds)}
    return settings | {"classes": found}


def _class(views: list[calpha.View]) -> dict:
    others = [*views[1:], views[0]]
    summaries = {kind: [calpha.summary(v, kind, COUNT) for v in views] for kind in calpha.KINDS}
    summaries["network, at another picture"] = [
        calpha.summary(v, "network", COUNT, lender=other) for v, other in zip(views, others, strict=True)
    ]
    reached = [calpha.oracle_db(v, other) for v, other in zip(views, others, strict=True)]
    lam = [v.basis.lam[:COUNT].tolist() for v in views]
    return {
        "summary": {
            kind: {key: _mean([row[key] for row in rows]) for key in rows[0]}
            for kind, rows in summaries.items()
        },
        "share": [row["share"] for row in summaries["network"]],
        "lam": [[statistics.mean(column), min(column), max(column)] for column in zip(*lam, strict=True)],
        "oracle": {name: _mean([row[name] - row["network"] for row in reached]) for name in reached[0]},
        "network itself": _mean([_psnr(v) - row["network"] for v, row in zip(views, reached, strict=True)]),
        "trace": _mean([v.basis.lam.sum().item() for v in views]),
        "asymmetry": _mean([v.asymmetry for v in views]),
    }


def _psnr(view: calpha.View) -> float:
    return measures.psnr(view.x, view.estimate).item()


def _mean(values: list[float]) -> list[float]:
    """Mean and its standard error."""
    return [statistics.mean(values), statistics.stdev(values) / len(values) ** 0.5]
