"""The studies of chapter 8, on C^alpha images: slopes of PSNR curves, and bases along contours."""

from __future__ import annotations

import statistics
from collections.abc import Callable, Sequence
from pathlib import Path

import torch
from torch import Tensor

from book.studies import calpha
from gahr import _files, bases, images, measures, zoo
from gahr.analysis import bestbasis, subspaces
from gahr.analysis import harmonics as along
from gahr.analysis import slopes as of

ALPHAS = (1, 2, 3, 4, 5)
SIGMAS = tuple(round(10 ** (k / 10 - 2), 4) for k in range(21))
"""From 0.01 to 1, every 2 dB of input PSNR."""
RANGES = ((0.01, 0.1), (0.03, 0.25), (0.1, 0.4), (0.1, 1.0), (0.3, 1.0), (0.5, 1.0))
FACTORS = (2.0, 3.0, 6.0)
"""Other ranges of noise, and other factors in the rule, to see how much the slope depends on it."""
SEEDS = tuple(range(1, 13))
"""Pictures whose bases are taken: the first twelve seeds, chosen before any was looked at."""
SIGMA, COUNT = 0.15, 20
"""Their noise, and how many vectors of each basis are measured: as many as the paper's Figure 4 shows."""

CONTOURS, BACKGROUND = (1.5, 2.0, 4.0), 8.0
"""As in the paper's Figure 17: regularity of the contours, rough to smooth, and of the backgrounds."""
TRAINED = "calpha40a{:g}b{:g}-unet16-fresh-a"
UNEQUAL_SIGMA, UNEQUAL_COUNT = 0.2, 10
SHOWN = 2
"""Seed of the picture at which the vectors themselves are kept."""

OPTIMIZERS = {
    "Muon": "calpha40a4-unet16-fresh-a-1000",
    "Muon, another seed": "calpha40a4-unet16-fresh-a-1000-seed1",
    "Adam": "calpha40a4-unet16-fresh-a-adam",
}
"""Networks whose kernels were trained by different optimizers, and a second seed of one of them; the steps
were chosen for about equal PSNR."""


def network(alpha: float) -> str:
    """The network that saw fresh images of this regularity."""
    return f"calpha40a{alpha:g}-unet16-fresh-a"


# ------------------------------------------------------------------------------------------------
# Slopes of PSNR curves


def oracle(x: Tensor, find: Callable[[Tensor, float], Tensor]) -> Tensor:
    """PSNR in dB of the best factors in a basis, ``(levels, B)``; ``find`` gives the coefficients."""
    rows = [measures.decibels(bases.oracle_error(find(x, s), s, x) / x[0].numel()) for s in SIGMAS]
    return torch.stack(rows)


def one_by_one(find: Callable[[Tensor, float], Tensor]) -> Callable[[Tensor, float], Tensor]:
    """Coefficients of many pictures from a function that takes one."""
    return lambda x, sigma: torch.stack([find(picture[None], sigma) for picture in x])


def slopes(count: int = 1000, few: int = 60) -> dict:
    """PSNR curves of networks and of oracles in fixed and searched bases, and slopes of fitted lines.

    Parameters
    ----------
    count
        Held-out images for networks and fixed bases.
    few
        How many of them for the bases that are searched for.

    Returns
    -------
    found
        ``rule``: the noise levels where, for all five classes, the network's error is at least 4
        times its error without noise and at most a quarter of a pixel's variance. ``ranges``: this and
        other ranges of noise, by name. ``classes``: for each ``alpha`` the error without noise (``floor``),
        a pixel's variance (``prior``), the ``levels`` that its own curve allows, and slopes between
        neighbouring levels (``local``). ``curves``: mean PSNR in dB by ``alpha`` and ``basis``, one number
        for each ``sigma``. ``slopes``: by ``alpha``, ``basis`` and ``range``, with bootstrap intervals over
        images; over ``own`` levels, and with the ``floor`` taken off, too.
    """
    tables, floors, priors, clean = {}, {}, {}, {}
    for alpha in ALPHAS:
        f, x = zoo.load(network(alpha)), images.load(f"calpha40a{alpha}", count, "held-out")
        with torch.no_grad():
            clean[alpha] = measures.psnr(x, torch.cat([f(part) for part in x.split(250)]))
        tables[alpha] = measures.psnr_table(f, x, SIGMAS)[:, 0]
        floors[alpha] = (10 ** (-clean[alpha] / 10)).mean().item()
        priors[alpha] = (x - x.mean(0)).square().mean().item()

    def inside(alpha: int, factor: float = 4.0) -> list[float]:
        mse = (10 ** (-tables[alpha] / 10)).mean(1)
        fit = of.usable(mse, floors[alpha], priors[alpha], factor)
        return [s for s, fits in zip(SIGMAS, fit, strict=True) if fits]

    def common(factor: float) -> list[float]:
        return [s for s in SIGMAS if all(s in inside(alpha, factor) for alpha in ALPHAS)]

    rule = common(4.0)
    if len(rule) < 3:
        raise ValueError("fewer than three noise levels are far enough from both ends of all curves.")
    ranges = {"rule": rule} | {f"factor {factor:g}": common(factor) for factor in FACTORS}
    for low, high in RANGES:
        ranges[f"{low:g} to {high:g}"] = [s for s in SIGMAS if 0.99 * low <= s <= 1.01 * high]
    ranges = {name: levels for name, levels in ranges.items() if len(levels) > 2}
    classes, curves, fitted = [], [], []
    for alpha in ALPHAS:
        own, table = inside(alpha), tables[alpha]
        local = of.local_slopes(table, SIGMAS).mean(1).tolist()
        about = {"alpha": alpha, "floor": floors[alpha], "prior": priors[alpha]}
        classes.append(about | {"levels": own, "local": local})
        for kind, each in _kinds(table, images.load(f"calpha40a{alpha}", count, "held-out"), few).items():
            curves.append({"alpha": alpha, "basis": kind, "psnr": each.mean(1).tolist()})
            fitted.append({"alpha": alpha, "basis": kind, "range": "rule"} | _slope(each, rule))
        about = {"alpha": alpha, "basis": "network"}
        others = {name: levels for name, levels in ranges.items() if name != "rule"}
        for name, levels in (others | ({"own": own} if len(own) > 2 else {})).items():
            fitted.append(about | {"range": name} | _slope(table, levels))
        at_rule = table[[SIGMAS.index(s) for s in rule]]
        rest = of.without_floor(at_rule, clean[alpha], rule)
        fitted.append(about | {"range": "rule, floor taken off"} | _span(rest))
    return {
        "images": count,
        "searched": few,
        "sigma": list(SIGMAS),
        "rule": rule,
        "ranges": [{"range": name, "low": min(v), "high": max(v)} for name, v in ranges.items()],
        "classes": classes,
        "curves": curves,
        "slopes": fitted,
    }


def _kinds(table: Tensor, x: Tensor, few: int) -> dict[str, Tensor]:
    """PSNR in dB of the network, ``table``, and of oracles in four bases, each ``(levels, B)``."""
    cosines, wavelets = (x.flatten(1) @ basis(40, 40).T for basis in (bases.dct, bases.wavelet))
    return {
        "network": table,
        "cosines": oracle(x, lambda x, s: cosines),
        "wavelets": oracle(x, lambda x, s: wavelets),
        "wavelet packets": oracle(x[:few], one_by_one(bestbasis.packets)),
        "directional blocks": oracle(x[:few], one_by_one(bestbasis.blocks)),
    }


def _slope(table: Tensor, levels: Sequence[float]) -> dict[str, float]:
    """Slope over some of `SIGMAS`, with the ends of its interval."""
    return _span(measures.slope(table[[SIGMAS.index(s) for s in levels]], tuple(levels)))


def _span(found: tuple[float, float, float]) -> dict[str, float]:
    return dict(zip(("slope", "low", "high"), found, strict=True))


# ------------------------------------------------------------------------------------------------
# Bases at single pictures


def harmonics(seeds: Sequence[int] = SEEDS) -> dict:
    """Geometry of the leading vectors, eigenvalues, and what an oracle reaches in each basis.

    Returns
    -------
    found
        ``rows``, by ``alpha``, ``basis`` and ``measure``, means over pictures and their standard errors:
        the measures of `book.studies.calpha.summary`; ``oracle``, PSNR in dB above that in the network's
        own basis, and ``itself``, that of the network with its own factors; ``trace`` and ``asymmetry``.
        ``shares``: share of energy near the contour, of the network's vectors, for each picture (``seed``).
        ``spectra``: by ``rank``, from 1, mean, least and largest eigenvalue over pictures.
    """
    rows, shares, spectra = [], [], []
    for alpha in ALPHAS:
        f = zoo.load(network(alpha))
        views = [calpha.look(f, float(alpha), seed, SIGMA) for seed in seeds]
        rows += [{"alpha": alpha} | row for row in _measured(views)]
        for seed, view in zip(seeds, views, strict=True):
            shares.append({"alpha": alpha, "seed": seed, "share": _share(view, COUNT)})
        lam = zip(*(view.basis.lam[:COUNT].tolist() for view in views), strict=True)
        for rank, values in enumerate(lam, 1):
            span = {"mean": statistics.mean(values), "least": min(values), "most": max(values)}
            spectra.append({"alpha": alpha, "rank": rank} | span)
    settings = {"sigma": SIGMA, "count": COUNT, "pictures": len(seeds)}
    return settings | {"rows": rows, "shares": shares, "spectra": spectra}


def _measured(views: list[calpha.View]) -> list[dict]:
    """What is measured of each basis, over pictures; each picture borrows the next one's as a control."""
    pairs = list(zip(views, [*views[1:], views[0]], strict=True))
    summaries = {kind: [calpha.summary(v, kind, COUNT) for v in views] for kind in calpha.KINDS}
    summaries["network, at another picture"] = [
        calpha.summary(v, "network", COUNT, lender=other) for v, other in pairs
    ]
    rows = []
    for kind, numbers in summaries.items():
        for measure in numbers[0]:
            rows.append(_mean(kind, measure, [each[measure] for each in numbers]))
    reached = [calpha.oracle_db(v, other) for v, other in pairs]
    for kind in reached[0]:
        rows.append(_mean(kind, "oracle", [each[kind] - each["network"] for each in reached]))
    itself = [measures.psnr(v.x, v.estimate).item() for v in views]
    above = [db - each["network"] for db, each in zip(itself, reached, strict=True)]
    rows.append(_mean("network", "itself", above))
    rows.append(_mean("network", "trace", [v.basis.lam.sum().item() for v in views]))
    rows.append(_mean("network", "asymmetry", [v.asymmetry for v in views]))
    return rows


def _mean(basis: str, measure: str, values: list[float]) -> dict:
    """Mean and its standard error."""
    se = statistics.stdev(values) / len(values) ** 0.5
    return {"basis": basis, "measure": measure, "mean": statistics.mean(values), "se": se}


def _share(view: calpha.View, count: int) -> float:
    """Share of energy near the contour, mean of the network's leading vectors."""
    return along.share(calpha.leading(view, "network", count), view.heights).mean().item()


def unequal(seeds: Sequence[int] = SEEDS, runs: str | Path | None = None) -> dict:
    """How near the contour the leading vectors stay where it alone varies, for three choices of network.

    Parameters
    ----------
    seeds
        Of the pictures; for that of `SHOWN` the trained networks' vectors are kept, to be drawn.
    runs
        Folder with the runs of the set ``calpha-unequal`` (``GAHR_RUNS`` by default).

    Returns
    -------
    found
        ``rows``: share of energy near the contour for each regularity of it (``contour``), each picture
        (``seed``), and each ``network``: ``trained`` (on such pictures), ``contour`` (shipped, on pictures
        whose alpha is nearest to the contour's) and ``smoothest`` (shipped, alpha = 5). ``shown``: the
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
    rows, shown = [], []
    for kind, networks in chosen.items():
        for a, f in networks.items():
            for seed in seeds:
                view = calpha.look(f, a, seed, UNEQUAL_SIGMA, beta=BACKGROUND)
                share = _share(view, UNEQUAL_COUNT)
                rows.append({"network": kind, "contour": a, "seed": seed, "share": share})
                if kind == "trained" and seed == SHOWN:
                    vectors = _files.pack_vectors(calpha.leading(view, "network", UNEQUAL_COUNT))
                    lam = view.basis.lam[:UNEQUAL_COUNT].tolist()
                    shown.append({"contour": a, "lam": lam, "vectors": vectors})
    settings = {"sigma": UNEQUAL_SIGMA, "count": UNEQUAL_COUNT, "background": BACKGROUND}
    return settings | {"pictures": len(seeds), "rows": rows, "shown": shown}


def _summaries(views: list[calpha.View]) -> list[dict]:
    """Each measure of a network's first vectors, its mean over pictures and standard error."""
    numbers = [calpha.summary(view, "network", COUNT) for view in views]
    return [_mean("network", measure, [each[measure] for each in numbers]) for measure in numbers[0]]


def _sharing(first: list[calpha.View], second: list[calpha.View]) -> dict:
    """Energy that two networks' first vectors share at the same pictures: each picture's, and the mean."""
    both = ((a.basis.e[:COUNT], b.basis.e[:COUNT]) for a, b in zip(first, second, strict=True))
    each = [subspaces.shared(a, b)[-1].item() for a, b in both]
    return {"each": each} | _mean("network", "shared", each)


def optimizers(seeds: Sequence[int] = SEEDS, runs: str | Path | None = None) -> dict:
    """Whether the optimizer makes the basis: networks of two optimizers beside networks of two seeds.

    Parameters
    ----------
    seeds
        Of the pictures, alpha = 4.
    runs
        Folder with the runs of the set ``optimizers`` (``GAHR_RUNS`` by default).

    Returns
    -------
    found
        ``networks``: for each the ``steps`` and held-out ``psnr`` in dB at each ``sigma``.
        ``rows``: by ``network`` and ``measure``, as in `harmonics`. ``pairs``: for each pair of networks the
        energy that their first `COUNT` vectors share, mean over pictures, ``se`` and each picture's.

    Notes
    -----
    Source: the paper, section 4, leaves open whether the architecture or the optimization is biased.
    """
    known, rows, views = [], [], {}
    for name, run in OPTIMIZERS.items():
        f, facts = zoo.load_run(run, runs), zoo.describe(run)
        curve = facts["curves"]["held_out"]
        steps = facts["recipe"]["steps"]
        known.append({"network": name, "steps": steps, "sigma": curve["sigma"], "psnr": curve["psnr"]})
        views[name] = [calpha.look(f, 4.0, seed, SIGMA) for seed in seeds]
        rows += [{"network": name} | row for row in _summaries(views[name])]
    others = [name for name in OPTIMIZERS if name != "Muon"]
    pairs = [{"first": "Muon", "second": other} | _sharing(views["Muon"], views[other]) for other in others]
    settings = {"sigma": SIGMA, "count": COUNT, "pictures": len(seeds)}
    return settings | {"networks": known, "rows": rows, "pairs": pairs}


BFCNN = "calpha40a{}-bfcnn32-fresh-a"
"""The other architecture, for the paper's Figure 16: networks of 32 channels, a sixth of the steps."""


def bfcnn(alphas: Sequence[int] = (2, 4), seeds: Sequence[int] = SEEDS, count: int = 1000) -> dict:
    """Slopes and bases of another architecture, beside the UNet's at the same pictures.

    Parameters
    ----------
    alphas
        Regularities of the pictures; the runs are the set ``bfcnn-calpha``, in ``GAHR_RUNS``.
    seeds
        Of the pictures whose bases are taken.
    count
        Held-out images for the slopes.

    Returns
    -------
    found
        ``slopes``: by ``alpha`` and ``network``, over the noise levels that the rule allows each curve by
        itself. ``rows``: as in `harmonics`. ``shares``: by ``alpha``, ``network`` and ``seed``. ``pairs``: by
        ``alpha``, energy that both leading spaces share, with each picture's.

    Notes
    -----
    Source: paper, appendix C.1, Figure 16.
    """
    slopes, rows, shares, pairs = [], [], [], []
    for alpha in alphas:
        x = images.load(f"calpha40a{alpha}", count, "held-out")
        both = {"BF-CNN": zoo.load_run(BFCNN.format(alpha)), "UNet": zoo.load(network(alpha))}
        views = {}
        for name, f in both.items():
            about = {"alpha": alpha, "network": name}
            found = of.by_rule(f, x, SIGMAS)
            ends = {"from": min(found.levels), "to": max(found.levels)}
            slopes.append(about | _span(found.slope) | ends)
            views[name] = [calpha.look(f, float(alpha), seed, SIGMA) for seed in seeds]
            rows += [about | row for row in _summaries(views[name])]
            both_ways = zip(seeds, views[name], strict=True)
            shares += [about | {"seed": seed, "share": _share(view, COUNT)} for seed, view in both_ways]
        pairs.append({"alpha": alpha} | _sharing(*views.values()))
    settings = {"sigma": SIGMA, "count": COUNT, "pictures": len(seeds), "images": count}
    return settings | {"slopes": slopes, "rows": rows, "shares": shares, "pairs": pairs}


STUDIES = {
    "calpha40-bfcnn": bfcnn,
    "calpha40-slopes": slopes,
    "calpha40-harmonics": harmonics,
    "calpha40-unequal": unequal,
    "calpha40-optimizers": optimizers,
}
