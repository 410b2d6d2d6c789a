"""Numbers with their intervals, and what two sets of numbers have to do with each other."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import NamedTuple

from torch import Tensor

from gahr._checks import check_numbers, check_tensor

__all__ = ["Gap", "Interval", "gap", "median", "partial_correlation", "superiority"]


class Interval(NamedTuple):
    """A number with its 95 % interval; NaN where nothing tells the spread."""

    value: float
    low: float
    high: float

    def __str__(self) -> str:
        return f"{self.value:.2f} ({self.low:.2f} to {self.high:.2f})"


def median(values: Sequence[float] | Tensor) -> Interval:
    """Median, with an interval that covers the population's in 95 % of cases, whatever its shape.

    The interval runs between two of the ordered values. With fewer than 6 no two are far enough
    apart, and it runs from the smallest to the largest. A single value tells no spread: NaN.

    Examples
    --------
    >>> median(range(64))
    Interval(value=31.5, low=23.0, high=40.0)
    """
    from scipy import stats

    ordered = check_numbers(values, "values (a median needs numbers)").flatten().sort().values
    n = len(ordered)
    if not n or ordered.isnan().any():
        raise ValueError(f"a median needs numbers; got {n} values, {int(ordered.isnan().sum())} of them NaN.")
    if n == 1:
        return Interval(ordered.item(), math.nan, math.nan)
    outside = max(0, int(stats.binom.ppf(0.025, n, 0.5)) - 1)
    return Interval(ordered.quantile(0.5).item(), ordered[outside].item(), ordered[n - 1 - outside].item())


def superiority(x: Sequence[float] | Tensor, y: Sequence[float] | Tensor) -> float:
    """How often a value of ``x`` is above one of ``y``; ties count one half. 0.5: no difference.

    Examples
    --------
    >>> superiority([0.9, 0.2], [0.1, 0.2, 0.3])
    0.75
    """
    x, y = check_numbers(x, "x"), check_numbers(y, "y")
    if not x.numel() or not y.numel():
        raise ValueError("superiority needs numbers of both kinds.")
    difference = x[:, None] - y
    return ((difference > 0).double() + 0.5 * (difference == 0).double()).mean().item()


def partial_correlation(xy: Tensor, xz: Tensor, yz: Tensor) -> Tensor:
    """Correlation of x and y that is left once each is predicted, linearly, from z.

    Examples
    --------
    >>> import torch
    >>> partial_correlation(torch.tensor(0.36), torch.tensor(0.6), torch.tensor(0.6))  # all of it through z
    tensor(0.)
    """
    return (xy - xz * yz) / ((1 - xz**2) * (1 - yz**2)).sqrt()


class Gap(NamedTuple):
    """A ratio of mean errors in dB, and its standard error."""

    db: float
    se: float


def gap(error: Tensor, reference: Tensor) -> Gap:
    """How far a denoiser's mean error lies above a reference's on the same noisy images, in dB.

    Both are squared errors of the same images, ``(B,)``, at least two; or the reference is known exactly:
    one number in a tensor, ``()``. The standard error is that of a ratio of two means (first order), with
    the images as sample.

    Examples
    --------
    >>> import torch
    >>> error = torch.tensor([1.0, 2.0, 3.0])
    >>> gap(10 * error, error)
    Gap(db=10.0, se=0.0)
    """
    for value, name in ((error, "error"), (reference, "reference")):
        check_tensor(value, name, "squared errors (B,)")
    if error.ndim != 1 or len(error) < 2 or reference.shape not in ((), error.shape):
        raise ValueError(
            f"need errors of the same images, (B,) with B > 1; got {tuple(error.shape)}, "
            f"{tuple(reference.shape)}."
        )
    over = error.double() / error.double().mean()
    under = reference.double() / reference.double().mean()
    db = 10 * math.log10(error.double().mean() / reference.double().mean())
    return Gap(db, 10 / math.log(10) * ((over - under).std() / len(over) ** 0.5).item())
