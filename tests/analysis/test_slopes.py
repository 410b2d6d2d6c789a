"""Slopes of curves whose slopes are known."""

import math

import pytest
import torch

from gahr import denoisers, measures
from gahr.analysis import slopes
from gahr.images import synthetic


def test_the_minimax_slope_inverts_the_decay_of_coefficients():
    """Coefficients whose squares fall as k^-(alpha + 1) give it, by the oracle's error (equation 13)."""
    k = torch.arange(1, 10**6, dtype=torch.float64)
    for alpha in (1.0, 2.0, 4.0):
        squares = k ** -(alpha + 1)
        low, high = (torch.log(torch.minimum(squares, torch.tensor(s**2)).sum()).item() for s in (1e-3, 1e-2))
        measured = (high - low) / (2 * math.log(10))
        assert measured == pytest.approx(slopes.minimax_slope(alpha), abs=0.01)
    with pytest.raises(ValueError, match="alpha"):
        slopes.minimax_slope(-1)


def test_local_slopes_of_a_straight_curve_are_its_slope():
    sigmas = (0.02, 0.1, 0.3)
    curve = 12 - 20 * 0.6 * torch.log10(torch.tensor(sigmas))
    found = slopes.local_slopes(torch.stack([curve, 2 * curve], 1), sigmas)
    assert found.shape == (2, 2) and torch.allclose(found, torch.tensor([[0.6, 1.2]]), atol=1e-5)


def test_the_optimum_for_a_gaussian_field_has_its_slope_at_any_size():
    """Amplitudes fall as |k|^-beta, so the n-th variance as n^-beta: the slope is (beta - 1) / beta."""
    levels = [2.0**k for k in range(-4, 1)]
    for beta in (3.0, 5.0):
        for side in (40, 256):
            power = synthetic.gaussian_power(side, beta)
            sigmas = [level * side / 40 for level in levels]
            mse = torch.stack([s**2 * denoisers.shrinkage(power, s).mean() for s in sigmas])
            found = slopes.local_slopes(measures.decibels(mse), levels).mean().item()
            assert found == pytest.approx((beta - 1) / beta, abs=0.03)


def test_taking_a_floor_off_uncovers_the_slope_below_it():
    sigmas, generator = (0.1, 0.2, 0.5, 1.0), torch.Generator().manual_seed(0)
    scale = 0.01 + 0.02 * torch.rand(60, generator=generator)
    floor = 1e-3 * (1 + torch.rand(60, generator=generator))
    error = scale * torch.tensor(sigmas)[:, None] ** 1.5 + floor
    table, clean = -10 * torch.log10(error), -10 * torch.log10(floor)
    found = slopes.without_floor(table, clean, sigmas)
    assert found.value == pytest.approx(0.75, abs=1e-4) and found.low <= found.value <= found.high
    assert measures.slope(table, sigmas).value < 0.65
    with pytest.raises(ValueError, match="not above the floor"):
        slopes.without_floor(table, table[0] - 1, sigmas)
    with pytest.raises(ValueError, match=r"table must be \(3, 60\)"):
        slopes.without_floor(table, clean, sigmas[:3])


def test_levels_near_either_end_are_not_fitted():
    mse = torch.tensor([0.9e-3, 3.9e-3, 4.1e-3, 0.02, 0.0249, 0.026])
    assert slopes.usable(mse, 1e-3, 0.1) == [False, False, True, True, True, False]
    assert slopes.usable(mse, 1e-3, 0.1, factor=1.0)[1:] == [True] * 5
    with pytest.raises(ValueError, match="factor"):
        slopes.usable(mse, 1e-3, 0.1, factor=0.5)


def test_the_interval_without_the_floor_is_that_of_a_mean():
    n, spread = 400, 0.3
    gain = 1 + spread * torch.randn(n, generator=torch.Generator().manual_seed(0)).clamp(-2.5, 2.5)
    error = torch.stack([torch.full((n,), 1e-2), gain])
    found = slopes.without_floor(-10 * torch.log10(error), torch.full((n,), 300.0), (0.1, 1.0))
    sd = (
        10 / math.log(10) * (gain.std() / gain.mean()).item() / math.sqrt(n) / 20
    )  # of 10 log10 of a mean, over 20 dB
    assert found.high - found.low == pytest.approx(2 * 1.96 * sd, rel=0.15)


def test_pooled_is_ruled_by_the_worst_image():
    """One image of slope 0 whose error is everything, nine of slope 1: the mean's curve is flat."""
    sigmas = (0.01, 0.02, 0.04)
    error = torch.tensor(sigmas)[:, None].square() * torch.full((1, 10), 1e-6)
    error[:, 0] = 1.0
    assert slopes.pooled(error, sigmas).value == pytest.approx(0, abs=1e-4)
    assert measures.slope(measures.decibels(error), sigmas).value == pytest.approx(0.9, abs=1e-4)
    with pytest.raises(ValueError, match="a row a level"):
        slopes.pooled(error.T, sigmas)
    with pytest.raises(ValueError, match="not positive"):
        slopes.pooled(0 * error, sigmas)


# ------------------------------------------------------------------------------------------------
# A slope by the rule


class Errs(torch.nn.Module):
    """Returns its pictures with a squared error of ``c sigma^(2 power)``, and never less than a floor."""

    def __init__(self, x, power, floor):
        super().__init__()
        self.x, self.power, self.floor = x, power, floor

    def forward(self, y, sigma=None):
        begin = (
            int((self.x.flatten(1) - y.flatten(1)[:1]).abs().sum(1).argmin()) if len(y) < len(self.x) else 0
        )
        return self.x[begin : begin + len(y)] + max(0.1 * sigma**self.power, self.floor)


@pytest.mark.parametrize("power", [0.4, 0.75])
def test_the_slope_by_the_rule_is_the_exponent(power):
    x = torch.rand(20, 1, 8, 8, generator=torch.Generator().manual_seed(0))
    floor = 0.1 * 0.05**power  # no better below noise of 0.05
    found = slopes.by_rule(Errs(x, power, floor), x)
    assert found.slope.value == pytest.approx(power, abs=1e-4)
    assert found.floor == pytest.approx(floor**2, rel=1e-4)
    assert found.prior == pytest.approx((x - x.mean(0)).square().mean().item(), rel=1e-5)
    inside = [
        s for s in slopes.LEVELS if 4 * floor**2 <= max(0.01 * s ** (2 * power), floor**2) <= found.prior / 4
    ]
    assert found.levels == tuple(inside) and len(inside) >= 3


def test_no_slope_without_room_or_pictures():
    x = torch.rand(20, 1, 8, 8, generator=torch.Generator().manual_seed(0))
    with pytest.raises(ValueError, match=r"0 of 21 noise levels are a factor 4 from both ends .*needs three"):
        slopes.by_rule(Errs(x, 0.5, 0.2), x)
    with pytest.raises(ValueError, match="at least two images"):
        slopes.by_rule(Errs(x, 0.5, 0.0), x[:1])
