"""The studies of chapters 8 and 9, on C^alpha images: bases along contours."""

from __future__ import annotations

import itertools
import math
import statistics
from collections.abc import Sequence
from pathlib import Path

import torch
from torch import Tensor

from book.studies import calpha
from book.studies.calpha import ALPHAS, network, span
from gahr import _files, bases, images, measures, zoo
from gahr.analysis import harmonics as along
from gahr.analysis import slopes as of
from gahr.analysis import subspaces
from gahr.analysis.calpha import contour
from gahr.images import synthetic
from gahr.notebook import pick

SEEDS = tuple(range(1, 13))
"""Pictures whose bases are taken: the first twelve seeds, chosen before any was looked at."""
SIGMA, COUNT = 0.15, 20
"""Their noise, and how many vectors of each basis are measured: as many as the paper's Figure 4 shows."""

WAVE_COUNT = 40
"""How many vectors of each basis waves are counted among."""
FORTY, FIRST, APART = 40, 101, 3.5
"""Waves are counted at so many pictures, from this seed on (the rule was made while looking at the twelve
above, so others are counted), whose contours lie so many pixels from their mirror images at least, on
average: along a contour that is nearly its own mirror image no lead can show."""
RULES = ((2, 0.5), (3, 0.5), (2, 0.8), (3, 0.8))
"""Swings and purity that a wave must have, from the book's rule to a stricter one. The last was chosen with
drawn vectors alone, before it was tried on a network's: it passes two of three wave packets, and one of fifty
bands with random ups and downs. Later it turned out that `cut_cosines` hardly pass it: it decides nothing."""

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


def apart(alpha: float, count: int = FORTY) -> list[int]:
    """The first seeds, from `FIRST` on, of contours that lie `APART` from their mirror images.

    Examples
    --------
    >>> apart(4.0, 3)
    [103, 104, 105]
    """
    lines = ((seed, contour(1, 40, alpha, seed)[0]) for seed in itertools.count(FIRST))
    far = (seed for seed, line in lines if (line - line.flip(0)).abs().mean() > APART)
    return list(itertools.islice(far, count))


def cut_cosines(heights: Tensor, count: int) -> Tensor:
    """Harmonics as theory would have them: the broadest cosines, each cut softly at a contour, as images.

    The first ``count`` vectors, orthonormal, of the basis of `gahr.analysis.bestbasis.cut_softly`.

    Examples
    --------
    >>> below, above = cut_cosines(torch.full((40,), 20.0), 2)
    >>> bool(below[:15].abs().max() < 0.001), bool(above[25:].abs().max() < 0.001)
    (True, True)
    """
    below = synthetic.coverage(heights[None])[0].flatten()
    waves = bases.dct(len(heights), len(heights))[: -(-count // 2)]
    system = torch.stack([waves * below, waves * (1 - below)], 1).flatten(0, 1)[:count]
    return torch.linalg.qr(system.T)[0].T.view(-1, len(heights), len(heights))


def waves(count: int = FORTY) -> dict:
    """How many of the leading vectors are waves along the contour, and along its mirror image.

    Returns
    -------
    found
        ``rows``: by ``alpha``, ``seed`` and ``basis`` the share of its first `WAVE_COUNT` vectors that
        `gahr.analysis.harmonics.waves` counts ``along`` the contour, and along its mirror image (``mirror``),
        for each of the ``rules``. Bases are those of `book.studies.calpha.KINDS`, the network's at the next
        picture, and `cut_cosines`. Each picture has noise of its own.
        ``means``: by ``alpha``, ``basis`` and ``measure``, means over pictures and their standard errors by
        the first rule, of the difference, too.

    Notes
    -----
    Source: paper, appendix C.1, Figure 18, which shows vectors; the count is ours.
    """
    rows = []
    for alpha in ALPHAS:
        f, seeds = zoo.load(network(alpha)), apart(float(alpha), count)
        views = [calpha.look(f, float(alpha), seed, SIGMA, noise=seed) for seed in seeds]
        for seed, view, other in zip(seeds, views, [*views[1:], views[0]], strict=True):
            found = {kind: calpha.leading(view, kind, WAVE_COUNT) for kind in calpha.KINDS}
            found["network, at another picture"] = calpha.leading(other, "network", WAVE_COUNT)
            found["cosines, cut at the contour"] = cut_cosines(view.heights, WAVE_COUNT)
            about = {"alpha": alpha, "seed": seed}
            rows += [about | {"basis": kind} | _waving(e, view.heights) for kind, e in found.items()]
    settings = {"sigma": SIGMA, "count": WAVE_COUNT, "pictures": count, "rules": RULES}
    return settings | {"means": _wave_means(rows), "rows": rows}


def _waving(e: Tensor, heights: Tensor) -> dict[str, list[float]]:
    """Share of the vectors that are waves along the contour, and along its mirror image, by each rule."""
    lines = {"along": heights, "mirror": heights.flip(0)}
    return {name: [_share_of_waves(e, line, *rule) for rule in RULES] for name, line in lines.items()}


def _share_of_waves(e: Tensor, heights: Tensor, swings: int, pure: float) -> float:
    return along.waves(e, heights, swings=swings, pure=pure).float().mean().item()


def _wave_means(rows: list[dict]) -> list[dict]:
    means = []
    for alpha in ALPHAS:
        for kind in dict.fromkeys(row["basis"] for row in rows):
            means += [{"alpha": alpha} | row for row in _wave_rows(kind, pick(rows, alpha=alpha, basis=kind))]
    return means


def _wave_rows(basis: str, found: list[dict]) -> list[dict]:
    """Means over pictures of both shares and of their difference, with standard errors."""
    own, mirror = ([row[way][0] for row in found] for way in ("along", "mirror"))
    less = [a - b for a, b in zip(own, mirror, strict=True)]
    named = {"waves": own, "waves, mirror": mirror, "waves, less mirror": less}
    return [_mean(basis, name, values) for name, values in named.items()]


def unequal(seeds: Sequence[int] = SEEDS, runs: str | Path | None = None) -> dict:
    """How near the contour the leading vectors stay where it alone varies, by picture and by network.

    Parameters
    ----------
    seeds
        Of the pictures; for that of `SHOWN` the trained networks' vectors are kept, to be drawn.
    runs
        Folder with the runs of the set ``calpha-unequal`` (``GAHR_RUNS`` by default).

    Returns
    -------
    found
        ``rows``: share of energy near the contour, and alignment with the picture's edges (``aligned``) and
        its mirror image's (``mirror``), for each regularity of the contour (``contour``), each picture
        (``seed``), and each ``network``: ``of 1.5`` and so on (trained on such contours, and shown all),
        ``smoothest`` (shipped, alpha = 5, shown all), and ``trained`` (each contour seen by the network that
        was trained on its like). ``shown``: the trained networks' first vectors at one picture, packed, and
        their eigenvalues ``lam``.

    Notes
    -----
    Source: paper, appendix C.1, Figure 17, which has ``trained``; the others are controls.
    """
    networks = {f"of {a:g}": zoo.load_run(TRAINED.format(a, BACKGROUND), runs) for a in CONTOURS}
    networks["smoothest"] = zoo.load(network(5))
    rows, shown = [], []
    for kind, f in networks.items():
        for a in CONTOURS:
            own = kind == f"of {a:g}"
            for seed in seeds:
                view = calpha.look(f, a, seed, UNEQUAL_SIGMA, beta=BACKGROUND)
                e = calpha.leading(view, "network", UNEQUAL_COUNT)
                own_edges, mirror = (along.alignment(e, x).mean().item() for x in (view.x, view.x.flip(-1)))
                row = {"contour": a, "seed": seed, "share": _share(view, UNEQUAL_COUNT)}
                row |= {"aligned": own_edges, "mirror": mirror}
                rows += [{"network": name} | row for name in (kind, "trained")[: 1 + own]]
                if own and seed == SHOWN:
                    vectors = _files.pack_vectors(e)
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


def optimizers(seeds: Sequence[int] = SEEDS, runs: str | Path | None = None, wave_count: int = FORTY) -> dict:
    """Whether the optimizer makes the basis: networks of two optimizers beside networks of two seeds.

    Parameters
    ----------
    seeds
        Of the pictures, alpha = 4.
    runs
        Folder with the runs of the set ``optimizers`` (``GAHR_RUNS`` by default).
    wave_count
        How many pictures of `apart` waves are counted at.

    Returns
    -------
    found
        ``networks``: for each the ``steps`` and held-out ``psnr`` in dB at each ``sigma``.
        ``rows``: by ``network`` and ``measure``, as in `harmonics`. ``waves``: the same for shares of waves,
        at the pictures and among the vectors of `waves`. ``pairs``: for each pair of networks the energy that
        their first `COUNT` vectors share, mean over pictures, ``se`` and each picture's. ``controls``: the
        same of the first network and what should share less with it: networks of other alphas, its own
        vectors at the next picture, and as many cosines, the broadest.

    Notes
    -----
    Source: the paper, section 4, leaves open whether the architecture or the optimization is biased.
    """
    known, rows, waving, views = [], [], [], {}
    for name, run in OPTIMIZERS.items():
        f, facts = zoo.load_run(run, runs), zoo.describe(run)
        curve = facts["curves"]["held_out"]
        steps = facts["recipe"]["steps"]
        known.append({"network": name, "steps": steps, "sigma": curve["sigma"], "psnr": curve["psnr"]})
        views[name] = [calpha.look(f, 4.0, seed, SIGMA) for seed in seeds]
        rows += [{"network": name} | row for row in _summaries(views[name])]
        others = (calpha.look(f, 4.0, seed, SIGMA, noise=seed) for seed in apart(4.0, wave_count))
        found = [_waving(calpha.leading(v, "network", WAVE_COUNT), v.heights) for v in others]
        waving += [{"network": name} | row for row in _wave_rows("network", found)]
    named = itertools.combinations(OPTIMIZERS, 2)
    pairs = [{"first": a, "second": b} | _sharing(views[a], views[b]) for a, b in named]
    found = {"networks": known, "rows": rows, "waves": waving, "pairs": pairs}
    found["controls"] = _controls(views["Muon"], seeds)
    return {"sigma": SIGMA, "count": COUNT, "pictures": len(seeds)} | found


def _controls(own: list[calpha.View], seeds: Sequence[int]) -> list[dict]:
    """What a network's first vectors share with others that should be less like them."""
    rows = [{"second": "itself, at another picture"} | _sharing(own, [*own[1:], own[0]])]
    for alpha in (1, 2, 5):
        other = zoo.load(network(alpha))
        views = [calpha.look(other, 4.0, seed, SIGMA) for seed in seeds]
        rows.append({"second": f"a network of alpha = {alpha}"} | _sharing(own, views))
    side = math.isqrt(own[0].basis.e.shape[1])
    cosines = bases.dct(side, side)[:COUNT].to(own[0].basis.e)
    each = [subspaces.shared(view.basis.e[:COUNT], cosines)[-1].item() for view in own]
    return [*rows, {"second": "the broadest cosines", "each": each} | _mean("network", "shared", each)]


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
            found = of.by_rule(f, x, of.LEVELS)
            ends = {"from": min(found.levels), "to": max(found.levels)}
            slopes.append(about | span(found.slope) | ends)
            views[name] = [calpha.look(f, float(alpha), seed, SIGMA) for seed in seeds]
            rows += [about | row for row in _summaries(views[name])]
            both_ways = zip(seeds, views[name], strict=True)
            shares += [about | {"seed": seed, "share": _share(view, COUNT)} for seed, view in both_ways]
        pairs.append({"alpha": alpha} | _sharing(*views.values()))
    settings = {"sigma": SIGMA, "count": COUNT, "pictures": len(seeds), "images": count}
    return settings | {"slopes": slopes, "rows": rows, "shares": shares, "pairs": pairs}


STUDIES = {
    "calpha40-bfcnn": bfcnn,
    "calpha40-harmonics": harmonics,
    "calpha40-unequal": unequal,
    "calpha40-optimizers": optimizers,
    "calpha40-waves": waves,
}
