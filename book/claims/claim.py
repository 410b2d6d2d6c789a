"""How each of our numbers beside the paper's is found in what is stored: text, margin and verdict.

The margin is the distance to the rule's nearer bound; outside it is negative.
"""

from __future__ import annotations

import math
from collections.abc import Callable

import torch

from gahr import intervals, measures, paper, zoo
from gahr.analysis import pairs, transition
from gahr.notebook import judge, pick
from gahr.training import recipes

COPY = 0.95
"""Centered similarity above which a picture counts as the same: the paper's, appendix B.1."""

RANKS = (
    f"at the same share of all directions: rank k of {paper.PIXELS:,}, counted from 0, is rank "
    f"(k + 1/2) / {paper.SHARE:g} - 1/2 of {paper.PIXELS / paper.SHARE:,.0f}, on a straight line between two "
    "of ours"
)
"""What `gahr.paper.place` and `gahr.paper.at_ranks` do, in a rule's words."""

Found = tuple[str, str, str]


def count(find: Callable[[], int]) -> str:
    """A number of pictures as text, for a row's scale; the sign of what is not measured where none is stored.

    >>> count(lambda: 1000), count(lambda: zoo.result("no-such-result")["images"])
    ('1,000', '…')
    """
    try:
        return f"{find():,}"
    except KeyError:
        return "…"


def images(result: str) -> str:
    """How many pictures a stored result rests on, as text."""
    return count(lambda: zoo.result(result)["images"])


def curve_images(name: str, *which: str) -> str:
    """How many pictures a network's curves rest on: ``"train"``, ``"held_out"`` or both, as text."""
    numbers = [count(lambda which=which: zoo.describe(name)["curves"][which]["images"]) for which in which]
    said = {"train": "training", "held_out": "held-out"}
    text = " and ".join(f"{number} {said[each]}" for number, each in zip(numbers, which, strict=True))
    return f"{text} picture" if numbers == ["1"] else f"{text} pictures"


def _bounded(
    found: intervals.Interval, least: float = -math.inf, most: float = math.inf, unit: str = ""
) -> Found:
    """Number and interval as text, distance to the nearer bound (negative: outside), and verdict."""
    value, low, high = (f"{number:.4g}" for number in found)
    text = value if low == high else f"{value} ({low} to {high})"
    margin = min(found.value - least, most - found.value)
    return f"{text}{unit}", f"{margin:+.3g}{unit}", judge(*found, least, most)


def _two(numbers: list[float]) -> intervals.Interval:
    """Mean of the two halves, with both as its interval."""
    return intervals.Interval(sum(numbers) / len(numbers), min(numbers), max(numbers))


def _curve(name: str, which: str) -> dict[float, float]:
    curve = zoo.describe(name)["curves"][which]
    return dict(zip(curve["sigma"], curve["psnr"], strict=True))


def _gap(name: str) -> dict[float, float]:
    """Training minus held-out PSNR at each noise level."""
    found = transition.gap(zoo.describe(name))
    return dict(zip(found.sigma, found.db, strict=True))


def slope(n: int, stem: str = "fashion32-unet16") -> Found:
    found = []
    for half in "ab":
        curve = zoo.describe(f"{stem}-n{n}-{half}")["curves"]["train"]
        strong = [k for k, sigma in enumerate(curve["sigma"]) if sigma >= 0.1]
        pooled = measures.decibels([curve["mse"][k] for k in strong])  # errors are averaged, not decibels
        found.append(measures.slope(pooled[:, None], tuple(curve["sigma"][k] for k in strong)).value)
    return _bounded(_two(found), 0.9, 1.1)


def flat(n: int, stem: str = "fashion32-unet16") -> Found:
    weak = [[p for s, p in _curve(f"{stem}-n{n}-{half}", "held_out").items() if s <= 0.4] for half in "ab"]
    return _bounded(_two([max(values) - min(values) for values in weak]), most=2, unit=" dB")


def apart(n: int, stem: str = "fashion32-unet16") -> Found:
    least = [min(g for s, g in _gap(f"{stem}-n{n}-{half}").items() if s <= 0.4) for half in "ab"]
    return _bounded(_two(least), least=10, unit=" dB")


def rising(stem: str, largest: int) -> Found:
    """How far new pictures stay below the largest N's: strong noise's least less weak noise's most."""
    more = []
    for half in "ab":
        some, all_ = (_curve(f"{stem}-n{n}-{half}", "held_out") for n in (1000, largest))
        short = {sigma: all_[sigma] - some[sigma] for sigma in some}
        weak = max(value for sigma, value in short.items() if sigma <= 0.05)
        more.append(min(value for sigma, value in short.items() if sigma >= 0.3) - weak)
    return _bounded(_two(more), least=0, unit=" dB")


def closed(stem: str) -> Found:
    names, worst, allowed = [f"{stem}-{half}" for half in "ab"], [], True
    for name in names:
        gap = transition.gap(zoo.describe(name))
        worst.append(max(gap.db))
        allowed &= all(g <= max(0.3, 2 * se) for g, se in zip(gap.db, gap.se, strict=True))
    text, margin, _ = _bounded(_two(worst), most=0.3, unit=" dB")
    return text, margin, "holds" if allowed else "differs"


def variance(small: int, large: int) -> Found:
    rows = zoo.result("fashion32-pairs")["rows"]
    (one,), (other,) = (pick(rows, n=n) for n in (small, large))
    falls = [a / b for a, b in zip(one["variance"], other["variance"], strict=True)]
    middle = intervals.median(falls).value
    return _bounded(intervals.Interval(middle, min(falls), max(falls)), least=10, unit=" times")


def owed(small: int, large: int) -> Found:
    """Most of the squared error that is variance owed to the pictures: A with B, less A with its twin."""
    found = []
    for n in (small, large):
        halves, twin = (
            pick(zoo.result(f"fashion32-{r}")["rows"], n=n)[0]["relative"] for r in ("pairs", "twin")
        )
        found.append([a - b for a, b in zip(halves, twin, strict=True)])
    least, most = min(found[0]), max(found[1])
    text, margin, verdict = _bounded(intervals.Interval(most, most, most), most=0.01)
    return f"{text}; at N = {small} at least {least:.2f}", margin, verdict


def _drawn(n: int, result: str = "fashion32-samples", noise: bool = True) -> list[dict]:
    """Rows of the samples of networks of ``n`` images, drawn with injected noise or without."""
    stored = zoo.result(result)
    return pick(stored["rows"], n=n, beta=stored["sampler"]["beta"] if noise else 1.0)


def _values(rows: list[dict], measure: str, by: str = "centered", **columns: str) -> list[float]:
    return pick(rows, measure=measure, by=by, **columns)[0]["values"]


def copies(n: int, least: float = COPY, most: float = math.inf) -> Found:
    return _bounded(intervals.median(pairs.copies(_drawn(n))), least, most)


def between(n: int, result: str = "fashion32-samples", noise: bool = True) -> Found:
    values = _values(_drawn(n, result, noise), "between", share="both")
    return _bounded(intervals.median(values), least=0.9)


def above_copies(n: int, by: str, result: str = "fashion32-samples") -> Found:
    rows = _drawn(n, result)
    between = torch.tensor(_values(rows, "between", by, share="both"))
    a, b = (torch.tensor(_values(rows, "copy", by, half=half)) for half in "ab")
    share = intervals.superiority(between, torch.cat([a, b]))
    drawn = torch.randint(len(a), (1000, len(a)), generator=torch.Generator().manual_seed(0))
    again = [intervals.superiority(between[i], torch.cat([a[i], b[i]])) for i in drawn]  # seeds, resampled
    low, high = torch.tensor(again).quantile(torch.tensor([0.025, 0.975])).tolist()
    return _bounded(intervals.Interval(share, low, high), least=0.5)


def _below() -> tuple[int, int]:
    values = _values(_drawn(14000), "between", share="both")
    return sum(value < 0.9 for value in values), len(values)


def agreeing(least: float) -> Found:
    from scipy.stats import binomtest

    below, count = _below()
    span = binomtest(count - below, count).proportion_ci(method="wilson")
    return _bounded(intervals.Interval(1 - below / count, span.low, span.high), least=least)


def parted() -> Found:
    below, count = _below()
    return f"{below} of {count} pairs", f"{below:+d} pairs", "holds" if below else "differs"


def nearest_across() -> list[float]:
    """Similarity of each of some pictures of half A to its nearest in half B, without their black frame."""
    rows = pick(zoo.result("fashion32-samples")["rows"], measure="across_halves, no frame", by="centered")
    return rows[0]["values"]


def across() -> Found:
    most = max(nearest_across())
    return _bounded(intervals.Interval(most, most, most), most=COPY)


def resolution() -> Found:
    small, large = (transition.mean_gap(zoo.describe(f"faces{size}-unet16-n100-a"))[0] for size in (10, 20))
    more = large - small
    text = f"{small:.2f} and {large:.2f} dB"
    return text, f"{more:+.2f} dB", judge(more, more, more, least=0)


def increase() -> Found:
    """N at which the mean gap is 1 dB, at three sizes, over both halves and both interpolations."""
    at, more = [], []
    for half in "ab":
        for power in (False, True):
            rungs = [zoo.ladder(f"faces{size}-unet16", half) for size in (10, 20, 40)]
            n = [transition.locate(each, 1, None, power).n for each in rungs]
            at.append(n)
            more.append(math.log10(n[2] / n[1]) - math.log10(n[1] / n[0]))
    spans = [f"{min(column):.0f} to {max(column):.0f}" for column in zip(*at, strict=True)]
    verdict = judge(sum(more) / len(more), min(more), max(more), most=0)
    return "N = " + ", ".join(spans), f"{-max(more):+.2f} to {-min(more):+.2f} decades", verdict


def parameters(blocks: int, paper: float) -> Found:
    count = sum(p.numel() for p in recipes.build("unet64", blocks).parameters())
    apart = count / 1e6 - paper
    return f"{count:,}", f"{apart:+.3f} M", "holds" if 0 <= apart < 0.1 else "differs"
