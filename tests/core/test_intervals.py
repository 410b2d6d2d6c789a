"""Intervals cover what they should; gaps have the spread that they say."""

import math

import pytest
import torch

from gahr import intervals


@pytest.mark.parametrize("n", [5, 6, 16, 64])
def test_the_median_s_interval_covers_it(n):
    draws = torch.rand(2000, n, generator=torch.Generator().manual_seed(n)) ** 3  # median 1/8
    found = [intervals.median(row) for row in draws[:500]]
    covered = sum(low <= 0.125 <= high for _, low, high in found) / 500
    assert covered > (0.93 if n > 5 else 0.9)
    if n == 64:
        assert covered < 0.99 and str(intervals.median(range(64))) == "31.50 (23.00 to 40.00)"


def test_a_median_needs_numbers():
    with pytest.raises(ValueError, match="a median needs numbers; got 2 values, 1 of them NaN"):
        intervals.median([0.1, math.nan])


def test_partial_correlation_removes_a_common_cause():
    generator = torch.Generator().manual_seed(0)
    x, y, z = torch.randn(3, 100_000, generator=generator)
    x, y = x + 2 * z, y - z
    r = torch.corrcoef(torch.stack([x, y, z]))
    assert r[0, 1] < -0.6 and abs(intervals.partial_correlation(r[0, 1], r[0, 2], r[1, 2])) < 0.02


def test_gap_has_the_spread_it_says():
    generator = torch.Generator().manual_seed(0)
    common = torch.rand(500, 200, generator=generator) + 0.5
    a, b = (common * (1 + torch.rand(500, 200, generator=generator)) for _ in range(2))
    found = [intervals.gap(2 * one, other) for one, other in zip(a, b, strict=True)]
    db = torch.tensor([g.db for g in found])
    assert db.mean().item() == pytest.approx(10 * math.log10(2), abs=0.05)
    assert sum(g.se for g in found) / 500 == pytest.approx(db.std().item(), rel=0.1)
    with pytest.raises(ValueError, match="same images"):
        intervals.gap(a[0], b[0, :5])
