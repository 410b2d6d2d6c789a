"""Where memorization ends: the gap between training and held-out PSNR, and the N at which it closes."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from typing import NamedTuple

from gahr._checks import check_number, check_numbers

__all__ = ["Gaps", "Transition", "crossing", "gap", "locate", "mean_gap", "onset", "progress"]


class Gaps(NamedTuple):
    """PSNR on training images minus PSNR on held-out images, in dB, at each noise level."""

    sigma: tuple[float, ...]
    db: tuple[float, ...]
    se: tuple[float, ...]
    """Standard error of each difference, in dB."""


class Transition(NamedTuple):
    """The training-set size from which on a gap stays under a threshold."""

    n: float
    """By interpolation; 0 or infinite if it lies below the first rung or above the last."""
    low: float
    high: float
    """``n`` with every gap lowered and raised by two standard errors."""
    above: float
    under: float
    """The rungs between which it lies: the last above the threshold (0: none), and the next
    (infinite: none). This much is known without interpolation."""

    def __str__(self) -> str:
        """``n`` and its interval with two digits: more are not known."""
        if self.n == 0 or math.isinf(self.n):
            return f"below {self.under:,}" if self.n == 0 else f"above {self.above:,}"
        if self.low == self.high:  # no errors were given
            return _two_digits(self.n)
        return f"{_two_digits(self.n)} ({_two_digits(self.low)} to {_two_digits(self.high)})"


def _two_digits(n: float) -> str:
    return f"{float(f'{n:.2g}'):,.0f}"


def gap(facts: Mapping) -> Gaps:
    """Training minus held-out PSNR at each noise level, with standard errors.

    ``facts`` are a network's, as `gahr.zoo.describe` has them and `gahr.training.loop.train` returns them.
    One of fresh images has no training set, and no training curve: that is a `ValueError`.
    """
    if not isinstance(facts, Mapping):
        raise TypeError(f"facts must be a network's, as zoo.describe has them; got {type(facts).__name__}.")
    curves = facts["curves"]
    if not {"train", "held_out"} <= set(curves):
        raise ValueError(
            f"a gap needs curves 'train' and 'held_out'; there is {', '.join(curves) or 'none'}."
        )
    train, new = curves["train"], curves["held_out"]
    if list(train["sigma"]) != list(new["sigma"]):
        raise ValueError("the two curves were measured at different noise levels.")
    return Gaps(
        tuple(train["sigma"]),
        tuple(a - b for a, b in zip(train["psnr"], new["psnr"], strict=True)),
        tuple(math.hypot(*pair) for pair in zip(train["se"], new["se"], strict=True)),
    )


def _average(sigma: Sequence[float], values: Sequence[float]) -> float:
    """Mean over noise levels uniform between the smallest and the largest, by trapezoids."""
    if len(sigma) < 2 or list(sigma) != sorted(set(sigma)):
        raise ValueError(f"sigma must be at least two increasing noise levels; got {list(sigma)}.")
    knots = list(zip(sigma, values, strict=True))
    area = sum((t - s) * (a + b) / 2 for (s, a), (t, b) in zip(knots, knots[1:], strict=False))
    return area / (sigma[-1] - sigma[0])


def mean_gap(facts: Mapping) -> tuple[float, float]:
    """Gap averaged over noise levels, uniform from the smallest to the largest, and its standard error.

    All levels are measured on the same images, so their errors go up and down together: the
    standard error is averaged too, which is the most that it can be.

    Takes what `gap` takes; both numbers are in dB. Source: paper, Figure 15, which averages over sigma
    in [0, 1].

    Examples
    --------
    >>> curve = {"sigma": [0.0, 0.5, 1.0], "psnr": [30, 24, 20], "se": [0.3] * 3}
    >>> new = curve | {"psnr": [28, 24, 20], "se": [0.4] * 3}
    >>> mean, se = mean_gap({"curves": {"train": curve, "held_out": new}})
    >>> round(mean, 3), round(se, 3)
    (0.5, 0.5)
    """
    found = gap(facts)
    return _average(found.sigma, found.db), _average(found.sigma, found.se)


def crossing(
    n: Sequence[float],
    gaps: Sequence[float],
    threshold: float,
    se: Sequence[float] | None = None,
    logarithmic: bool = False,
) -> Transition:
    """Training-set size from which on the gap stays under a threshold.

    Between two rungs nothing was measured. ``n`` assumes that the gap, or its logarithm, falls in a
    straight line against log N; another assumption gives another number between the same two rungs.

    Parameters
    ----------
    n, gaps, se
        Training-set sizes, increasing; the gap at each, and its standard error if known, in dB.
    threshold
        In dB.
    logarithmic
        Interpolate log gap, not the gap. A gap that is not positive has no logarithm; it counts as
        a tenth of the threshold.

    Examples
    --------
    >>> found = crossing((10, 100, 1000), (20, 10, 0), threshold=5)
    >>> round(found.n), found.above, found.under
    (316, 100, 1000)
    >>> print(crossing((10, 100, 1000), (20, 10, 0), threshold=5, se=(0.2, 0.2, 0.1)))
    320 (290 to 340)
    """
    plain = check_numbers(n, "n").ndim == 1 == check_numbers(gaps, "gaps").ndim
    if not plain or len(n) < 2 or len(gaps) != len(n) or list(n) != sorted(set(n)) or n[0] <= 0:
        raise ValueError(f"n must be at least two increasing sizes, and gaps as many; got {n} and {gaps}.")
    check_number(threshold, "threshold", 0, open_low=True)
    se = [0.0] * len(n) if se is None else se
    if len(se) != len(n) or not all(map(math.isfinite, (*gaps, *se))) or min(se) < 0:
        raise ValueError(f"gaps and se must be finite, one for each size, se not negative; got {gaps}, {se}.")
    found = [_place(n, gaps, threshold, logarithmic)]
    for sign in (-2, 2):
        moved = [g + sign * error for g, error in zip(gaps, se, strict=True)]
        found.append(_place(n, moved, threshold, logarithmic))
    (value, above, under), low, high = found
    return Transition(value, low[0], high[0], above, under)


def _place(
    n: Sequence[float], gaps: Sequence[float], threshold: float, logarithmic: bool
) -> tuple[float, float, float]:
    """Interpolated crossing and the two rungs around it."""
    last = max((i for i, g in enumerate(gaps) if g >= threshold), default=-1)
    if last < 0 or last == len(n) - 1:
        return (0, 0, n[0]) if last < 0 else (math.inf, n[last], math.inf)
    a, b = gaps[last], gaps[last + 1]
    if logarithmic:
        a, b, threshold = (math.log(max(g, threshold / 10)) for g in (a, b, threshold))
    start, end = math.log(n[last]), math.log(n[last + 1])
    value = math.exp(start + (end - start) * (a - threshold) / (a - b))
    return value, n[last], n[last + 1]


def locate(
    rungs: Mapping[int, Mapping], threshold: float, sigma: float | None = None, logarithmic: bool = False
) -> Transition:
    """`crossing` of a ladder: of its mean gap, or of the gap at one of its noise levels ``sigma``.

    ``rungs`` holds facts by training-set size, smallest first, as `gahr.zoo.ladder` returns them.
    """
    found = [mean_gap(facts) if sigma is None else _at(gap(facts), sigma) for facts in rungs.values()]
    gaps, se = zip(*found, strict=True)
    return crossing(list(rungs), gaps, threshold, se, logarithmic)


def _at(found: Gaps, sigma: float) -> tuple[float, float]:
    if sigma not in found.sigma:
        raise ValueError(f"sigma must be one of {', '.join(map(str, found.sigma))}; got {sigma!r}.")
    place = found.sigma.index(sigma)
    return found.db[place], found.se[place]


def progress(history: Sequence[Mapping]) -> list[tuple[int, float]]:
    """Steps and gap of a run as it went: the plain mean, in dB, over the few noise levels watched.

    ``history`` holds rows as `gahr.training.loop.train` reports and stores them.

    Examples
    --------
    >>> progress([{"step": 10, "train": [20.0, 10.0], "held_out": [19.0, 9.5]}])
    [(10, 0.75)]
    """
    rows = [(row["step"], row["train"], row["held_out"]) for row in history]
    return [(step, (sum(train) - sum(new)) / len(new)) for step, train, new in rows]


def onset(history: Sequence[Mapping], threshold: float) -> tuple[int, float]:
    """Steps between which the gap first exceeds a threshold: the last row before, and the first above.

    Takes the history of `progress` and a threshold in dB. 0 if the first row is above, infinite if none is.
    """
    before = 0
    for step, value in progress(history):
        if value > threshold:
            return before, step
        before = step
    return before, math.inf
