"""Rows of the replication table on low-dimensional classes: section 3.2 and Figures 5, 19 and 20."""

from __future__ import annotations

import math
import statistics
from functools import partial

import torch

from book.claims.claim import Found, _bounded, curve_images, images
from book.claims.generalization import FRESH, Claim, looks
from gahr import measures, paper, zoo
from gahr.analysis import slopes
from gahr.intervals import Interval
from gahr.notebook import pick

FIGURES = {"discs40": ("Fig. 5", 0.04, 5), "ray40": ("Fig. 19", 0.04, 1), "sinusoids40": ("Fig. 20", 0.08, 2)}
"""Where in the paper, its noise level, the dimension."""
PLAIN, WEIGHTED = "{}-a-mse", "{}-a-mse-quadratic"
CLOTHES = "fashion32-unet16-n14000"
EXPECTED = "expected to line"


def claims() -> list[Claim]:
    """All rows, in the paper's order."""
    flat = "Chapter 12 gives the distance from the exact optimum at every noise level."
    rows = []
    for name, (source, sigma, m) in FIGURES.items():
        level = 10 * math.log10(1600 / m)
        theirs = 10 * math.log10(6400 / m)
        kind = name.removesuffix("40")
        scale = f"{kind}, 40x40, 16 channels, {FRESH}; one network"
        tangents = f"{scale}; {images(f'{name}-tangents')} pictures"
        optima = f"{images(f'{name}-optima')} held-out pictures"
        both = f"{scale}; {optima}, network and optimum by squared errors on the same noise"
        rows += [
            Claim(
                source,
                f"the optimum is a line of slope 1, {theirs:.2f} dB above the input at 80x80",
                f"exact optimum at sigma = 0.01 within 0.5 dB of 10 log10(d / m), here {level:.2f} dB",
                f"{kind}, 40x40, no network; {optima}, by {_by(name)}",
                partial(line, name),
                "With so few dimensions the error differs much from picture to picture: two standard errors "
                "of its mean are as wide as the rule.",
                "theorem",
            ),
            Claim(
                source,
                "the network's slope is below 1 at weak noise",
                "slope over sigma from 0.01 to 0.05 at most 0.9",
                f"{scale}; {optima}",
                partial(slope, name),
                "Where few factors beyond the class's own are large, the line bends little: chapter 12.",
                fact=f"{kind}: the network is not optimal at weak noise",
            ),
            Claim(
                source,
                "the network falls short of the optimum at weak noise",
                "at sigma = 0.01 at least 1 dB below the exact optimum that does not know sigma either",
                both,
                partial(short, name),
                fact=f"{kind}: the network is not optimal at weak noise",
            ),
            Claim(
                source,
                "the leading directions span the tangent space",
                f"largest of {m} principal angles at most 30 degrees at sigma = {sigma}, mean over images",
                tangents,
                partial(angle, name, sigma),
                "Chapter 12 gives the same angle for the exact optimum, which is not zero either.",
                f"{kind}: the leading directions are tangent",
            ),
            Claim(
                source,
                f"their {m} factors are near 1" if m > 1 else "their factor is near 1",
                f"between 0.75 and 1.25 at sigma = {sigma}, mean over images",
                tangents,
                partial(factors, name, sigma, 0, m, 0.75, 1.25),
                flat,
                f"{kind}: the leading directions are tangent",
            ),
            Claim(
                source,
                "more vectors follow that are not zero"
                + (
                    f", of factors {', '.join(f'{v:g}' for v in paper.DISC_EIGENVALUES[5:])}"
                    if m == 5
                    else ""
                ),
                f"the next five between 0.1 and 0.8 at sigma = {sigma}, mean over images",
                tangents,
                partial(factors, name, sigma, m, m + 5, 0.1, 0.8),
                "Our pictures are smaller: there is less room on the contour and on the background.",
                f"{kind}: more directions follow",
            ),
            Claim(
                source,
                "their number grows as the noise falls",
                "more factors above 0.1 at sigma = 0.01 than at 0.16, in every image",
                tangents,
                partial(growth, name),
                "Two ends only.",
                f"{kind}: more directions follow",
            ),
        ]
    rows.append(
        Claim(
            "Figs. 11, 19",
            "flattening at weak noise comes from training that gives weak noise little weight",
            "sigma = U^2 in training raises the slope over sigma from 0.01 to 0.05",
            f"clothes, 32x32, 16 channels, N = 14,000, {looks(14_000)}, first recipe, 6,000 steps; one "
            "network with sigma = U, one with sigma = U^2; "
            f"{curve_images(WEIGHTED.format(CLOTHES), 'held_out')}",
            partial(weighting, CLOTHES),
        )
    )
    return rows


def _at(name: str, pair: str, sigma: float) -> Interval:
    """A stored gap with two standard errors on either side."""
    (row,) = pick(zoo.result(f"{name}-optima")["gaps"], pair=pair, sigma=sigma)
    return Interval(row["db"], row["db"] - 2 * row["se"], row["db"] + 2 * row["se"])


def _rows(name: str, sigma: float, which: str = "network") -> list[dict]:
    return pick(zoo.result(f"{name}-tangents")["rows"], which=which, sigma=sigma)


def _mean(values: list[float]) -> Interval:
    """Mean over images, with two standard errors on either side."""
    middle, error = statistics.mean(values), 2 * statistics.stdev(values) / len(values) ** 0.5
    return Interval(middle, middle - error, middle + error)


def _expected(name: str) -> bool:
    """Whether the optimum's posterior variance is stored."""
    return any(row["pair"] == EXPECTED for row in zoo.result(f"{name}-optima")["gaps"])


def _by(name: str) -> str:
    """How the optimum's error is found, in words."""
    try:
        return "posterior variance" if _expected(name) else "squared errors"
    except KeyError:
        return "what is stored"


def line(name: str) -> Found:
    """By posterior variance where it is stored: the error to be expected, without the chance of the noise."""
    pair = EXPECTED if _expected(name) else "told to line"
    return _bounded(_at(name, pair, 0.01), -0.5, 0.5, " dB")


def slope(name: str) -> Found:
    (row,) = pick(zoo.result(f"{name}-optima")["slopes"], denoiser="network")
    return _bounded(Interval(row["slope"], row["low"], row["high"]), most=0.9)


def short(name: str) -> Found:
    """From the blind optimum, by squared errors on one noise: their differences vary less than either.

    Posterior variance has no chance in it, but then the chance of the network's own error is not cancelled.
    """
    return _bounded(_at(name, "network", 0.01), least=1, unit=" dB")


def angle(name: str, sigma: float) -> Found:
    """The worst direction's angle, and beside it the exact optimum's."""
    here, best = (
        _mean([max(row["angles"]) for row in _rows(name, sigma, which)]) for which in ("network", "exact")
    )
    text, margin, verdict = _bounded(here, most=30, unit=" degrees")
    return f"{text}; optimum {best.value:.2g}", margin, verdict


def factors(name: str, sigma: float, first: int, last: int, least: float, most: float) -> Found:
    """Smallest and largest of some factors, each the mean over images."""
    each = torch.tensor([row["lam"][first:last] for row in _rows(name, sigma)]).mean(0).tolist()
    inside = least <= min(each) and max(each) <= most
    margin = min(min(each) - least, most - max(each))
    text = ", ".join(f"{value:.3g}" for value in each)
    return text, f"{margin:+.3g}", "holds" if inside else "differs"


def growth(name: str) -> Found:
    place = zoo.result(f"{name}-tangents")["thresholds"].index(0.1)
    weak, strong = ([row["above"][place] for row in _rows(name, sigma)] for sigma in (0.01, 0.16))
    more = [a - b for a, b in zip(weak, strong, strict=True)]
    means = f"{statistics.mean(weak):.0f} against {statistics.mean(strong):.0f}"
    text = f"{means}, more in {sum(d > 0 for d in more)} of {len(more)}"
    return text, f"{min(more) - 1:+d}", "holds" if min(more) > 0 else "differs"


def held_out_slope(name: str) -> float:
    """Slope of a network's held-out curve at weak noise: of the PSNR of the mean error."""
    curve = zoo.describe(name)["curves"]["held_out"]
    mean = {"sigma": curve["sigma"], "psnr": measures.decibels(curve["mse"]).tolist()}
    return slopes.between(mean, slopes.WEAK).value


def weighting(stem: str) -> Found:
    plain, weighted = (held_out_slope(name.format(stem)) for name in (PLAIN, WEIGHTED))
    more = weighted - plain
    return f"{weighted:.3f} against {plain:.3f}", f"{more:+.3f}", "holds" if more > 0 else "differs"
