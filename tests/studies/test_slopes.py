"""The stored study of slopes on C^alpha images, on denoisers whose slopes are known."""

import math

import pytest
import torch
from known_slopes import blocks, flat

from book.studies import calpha, slopes
from gahr import bases, images, zoo
from gahr.analysis import bestbasis
from gahr.analysis.calpha import contour
from gahr.analysis.slopes import LEVELS
from gahr.images import synthetic
from gahr.notebook import pick


def test_projecting_on_true_directions_has_slope_one_up_to_the_prior(monkeypatch):
    monkeypatch.setattr(images, "load", flat)
    monkeypatch.setattr(zoo, "load", lambda name: blocks())
    found = slopes.slopes(count=300, few=1)
    assert found["rule"] == [s for s in LEVELS if s**2 / 16 < 1 / 48]
    for row in found["classes"]:
        assert row["prior"] == pytest.approx(1 / 12, abs=0.01) and row["floor"] < 1e-10
        assert row["local"] == pytest.approx([1] * 20, abs=0.1)
    of_network = pick(found["slopes"], basis="network")
    assert len(of_network) == 5 * (len(found["ranges"]) + 2)  # each class by itself; floor taken off
    for row in of_network:
        assert row["low"] <= row["slope"] <= row["high"] and row["slope"] == pytest.approx(1, abs=0.02)
    for row in pick(found["slopes"], basis="cosines", range="rule"):
        assert row["slope"] == pytest.approx(1, abs=0.01)  # one coefficient
    assert len(pick(found["curves"], basis="cosines")) == 5


def test_levels_near_the_floor_are_left_out_for_all(monkeypatch):
    """One class whose denoiser errs by 0.01 a pixel without noise narrows the range of all five."""
    monkeypatch.setattr(images, "load", flat)
    monkeypatch.setattr(zoo, "load", lambda name: blocks(0.01 if name == calpha.network(3) else 0.0))
    found = slopes.slopes(count=300, few=1)
    least = (16 * 3e-4) ** 0.5  # sigma^2 / 16 + 1e-4 is 4e-4 there
    assert found["rule"] == [s for s in LEVELS if s > least and s**2 / 16 < 1 / 48]
    assert min(pick(found["classes"], alpha=1)[0]["levels"]) == 0.01
    monkeypatch.setattr(zoo, "load", lambda name: blocks(0.2))
    with pytest.raises(ValueError, match="fewer than three noise levels"):
        slopes.slopes(count=20, few=1)


def test_the_oracle_of_one_picture_at_a_time_is_that_of_many():
    x = torch.rand(3, 1, 40, 40, generator=torch.Generator().manual_seed(0))
    cosines = bases.dct(40, 40)
    many = slopes.oracle(x, lambda x, s: x.flatten(1) @ cosines.T)
    single = slopes.oracle(x, slopes.one_by_one(lambda x, s: bestbasis.fixed(x, "cosines")))
    assert many.shape == (len(LEVELS), 3) and torch.allclose(many, single, atol=1e-3)


def test_the_oracle_of_a_gray_picture_has_a_closed_form():
    """One coefficient, 40 times the gray; all others are zero."""
    x = torch.tensor([0.25, 0.75])[:, None, None, None].expand(2, 1, 40, 40)
    cosines = bases.dct(40, 40)
    found = slopes.oracle(x, lambda x, s: x.flatten(1) @ cosines.T)
    for k, sigma in enumerate(LEVELS):
        for i, c in enumerate((10.0**2, 30.0**2)):
            mse = c * sigma**2 / (c + sigma**2) / 1600
            assert found[k, i].item() == pytest.approx(-10 * math.log10(mse), abs=0.01)


def test_an_oracle_that_is_told_the_contour_is_measured_beside_fixed_bases(monkeypatch):
    """Pictures of two grays: two coefficients if the contour is the right one, many in fixed bases."""

    def flat_regions(n, size, alpha, beta=None, seed=0):
        return 0.25 + 0.5 * synthetic.coverage(contour(n, size, alpha, seed))

    monkeypatch.setattr(slopes, "ALPHAS", (3,))
    monkeypatch.setattr(synthetic, "c_alpha", flat_regions)
    found = slopes.followed(count=3, seed=4)
    (told,), (wavelets,) = (pick(found["rows"], basis=kind) for kind in ("cut softly", "wavelets"))
    for s, psnr in list(zip(LEVELS, told["psnr"], strict=True))[:-4]:
        assert psnr == pytest.approx(-10 * math.log10(2 * s**2 / 1600), abs=0.2)  # sigma^2 for each of two
    assert told["psnr"][0] > wavelets["psnr"][0] + 10
    (led,), (lower,) = (pick(found["rows"], basis=b) for b in ("led by two sides", "cut a pixel lower"))
    assert led["psnr"] == pytest.approx(told["psnr"], abs=1e-3)  # two grays are all there is
    assert lower["psnr"][0] < told["psnr"][0] - 10
    (smooth,) = pick(found["rows"], basis="polynomials on two sides")  # the constant is one of them
    assert smooth["psnr"] == pytest.approx(told["psnr"], abs=1e-3)
    (wrong,) = pick(found["rows"], basis="polynomials, a pixel lower")
    assert wrong["psnr"][0] < told["psnr"][0] - 10
    (network,) = pick(found["rows"], basis="network")  # blind to flat pictures' two grays: it is worse
    apart = [a - b for a, b in zip(told["psnr"], network["psnr"], strict=True)]
    assert told["lead"] == pytest.approx(apart, abs=1e-4) and min(apart) > 1
    assert network["lead"] == [0] * len(LEVELS) and 0 < max(told["lead_se"]) < 10
    assert found["rule"] == zoo.result("calpha40-slopes")["rule"] and found["images"] == 3
    assert told["low"] <= told["slope"] <= told["high"] and 0.9 < told["slope"] <= 1


def test_what_is_stored_was_measured_at_the_levels_of_today():
    assert tuple(zoo.result("calpha40-slopes")["sigma"]) == LEVELS
