"""What a view says of a denoiser whose basis is known: a linear filter that is diagonal in cosines."""

import dataclasses

import pytest
import torch

from book.studies import calpha
from gahr import bases, denoisers
from gahr.analysis import harmonics
from gahr.images import synthetic

COSINES = bases.dct(40, 40)


def linear(y, sigma=None):
    """Factors that fall from 1, each a little smaller than the one before."""
    factors = torch.linspace(1, 0, 1600).square()
    return ((y.flatten(1) @ COSINES.T * factors) @ COSINES).view_as(y)


def blur(y, sigma=None):
    return torch.nn.functional.avg_pool2d(y, 3, stride=1, padding=1)


@pytest.fixture(scope="module")
def views():
    return [calpha.look(linear, 4.0, seed, 0.15) for seed in (1, 2)]


def test_a_view_is_of_the_picture_that_was_asked_for(views):
    x = synthetic.c_alpha(1, 40, 4.0, seed=2)
    assert torch.equal(views[1].x, x) and not torch.equal(views[0].x, x)
    assert torch.equal(views[1].heights, calpha.contour(1, 40, 4.0, 2)[0])
    assert torch.equal(views[1].y, denoisers.add_noise(x, 0.15))
    assert torch.allclose(views[1].estimate, linear(views[1].y))


def test_the_basis_of_a_filter_is_found(views):
    assert views[0].asymmetry < 1e-5
    overlap = (views[0].basis.e[:30] @ COSINES[:30].T).square().sum().item() / 30
    assert overlap == pytest.approx(1, abs=1e-3)
    first = calpha.leading(views[0], "network", 30)
    assert first.shape == (30, 40, 40)


def test_a_basis_that_does_not_adapt_is_the_same_at_another_picture(views):
    found = calpha.oracle_db(*views)
    assert found["network, at another picture"] == pytest.approx(found["network"], abs=0.2)
    assert found["network"] == pytest.approx(found["cosines"], abs=0.2)
    for name in ("wavelet packets", "directional blocks"):
        by_oracle, from_noisy = (
            found[f"{name}, chosen {how}"] for how in ("by an oracle", "from the noisy picture")
        )
        assert by_oracle >= from_noisy - 1e-6
    assert found["wavelet packets, chosen by an oracle"] >= found["wavelets"]


def test_cosines_are_waves_but_follow_no_edge(views):
    for kind in ("network", "cosines"):
        numbers = calpha.summary(views[0], kind)
        assert numbers["aligned"] == pytest.approx(numbers["aligned, mirror"], abs=0.02)
        less = numbers["purity"] - numbers["purity, mirror"]
        assert numbers["purity, less mirror"] == pytest.approx(less)
    wavelets = calpha.summary(views[0], "wavelets")
    cosines = calpha.summary(views[0], "cosines")
    assert abs(cosines["purity, less mirror"]) < 1e-4 < abs(wavelets["purity, less mirror"])
    assert cosines["purity"] > wavelets["purity"] and cosines["length"] > 3 * wavelets["length"]
    with pytest.raises(KeyError, match="kind of basis"):
        calpha.leading(views[0], "curvelets")


def test_a_lender_lends_its_vectors_and_not_its_contour(views):
    lent = calpha.summary(views[0], "wavelets", lender=views[1])
    e = calpha.leading(views[1], "wavelets")
    assert lent["share"] == pytest.approx(harmonics.share(e, views[0].heights).mean().item())
    assert lent["share"] != pytest.approx(calpha.summary(views[1], "wavelets")["share"], abs=1e-3)


def test_backgrounds_may_be_smoother_than_the_contour():
    rough, smooth = (calpha.look(blur, 1.0, 3, 0.1, beta=beta) for beta in (None, 8.0))
    assert torch.equal(rough.heights, smooth.heights) and not torch.equal(rough.x, smooth.x)
    assert torch.equal(smooth.x, synthetic.c_alpha(1, 40, 1.0, 8.0, seed=3))


def test_a_view_is_of_the_jacobian_at_the_noisy_picture():
    """The Jacobian of half the square is the noisy picture itself, on the diagonal."""
    view = calpha.look(lambda y, sigma=None: y.square() / 2, 4.0, 3, 0.2)
    assert torch.allclose(view.basis.lam, view.y.flatten().sort(descending=True).values, atol=1e-5)


def test_fixed_bases_begin_with_what_carries_most_of_the_picture(views):
    carried = (calpha.leading(views[0], "cosines", 30).flatten(1) @ views[0].x.flatten()).square()
    every = (COSINES @ views[0].x.flatten()).square().sort(descending=True).values
    assert torch.allclose(carried, every[:30], rtol=1e-4)


def test_the_oracle_reaches_what_the_closed_form_says(views):
    c = (COSINES @ views[0].x.flatten()).square()
    mse = (c * 0.15**2 / (c + 0.15**2)).mean()
    assert calpha.oracle_db(*views)["cosines"] == pytest.approx(-10 * torch.log10(mse).item(), abs=1e-3)


def test_the_oracle_refuses_the_leading_part_of_a_basis(views):
    few = dataclasses.replace(views[0], basis=bases.at(linear, views[0].y, 5, 0.15, tol=1e-2))
    for pair in ((few, views[1]), (views[1], few)):
        with pytest.raises(ValueError, match="5 coefficients of an image of 1600 pixels"):
            calpha.oracle_db(*pair)


def test_order_is_one_if_frequency_rises_down_the_list_and_minus_one_if_it_falls(views, monkeypatch):
    flat = dataclasses.replace(views[0], heights=torch.full((40,), 20.0))
    j, k = torch.arange(40) + 0.5, torch.arange(1, 11)
    waves = torch.cos(torch.pi * k[:, None] * j / 40)[:, None].expand(-1, 40, -1)
    monkeypatch.setattr(calpha, "leading", lambda view, kind, count: waves[:count])
    assert calpha.summary(flat, "network", 10)["order"] == pytest.approx(1, abs=1e-6)
    monkeypatch.setattr(calpha, "leading", lambda view, kind, count: waves.flip(0)[:count])
    assert calpha.summary(flat, "network", 10)["order"] == pytest.approx(-1, abs=1e-6)


def test_the_mirror_exchanges_left_and_right(views):
    """To turn the picture is to turn the vectors."""
    numbers, turned = calpha.summary(views[0], "wavelets"), calpha.leading(views[0], "wavelets").flip(-1)
    aligned = harmonics.alignment(turned, views[0].x).mean().item()
    pure = harmonics.purity(turned, views[0].heights).mean().item()
    assert numbers["aligned, mirror"] == pytest.approx(aligned, abs=1e-4) != numbers["aligned"]
    assert numbers["purity, mirror"] == pytest.approx(pure, abs=1e-4) != numbers["purity"]


def test_vectors_that_are_turned_span_the_same_space(views):
    own, turned = (calpha.leading(views[0], kind, 6).flatten(1) for kind in ("network", "network, turned"))
    assert torch.allclose(turned.T @ turned, own.T @ own, atol=1e-4)
    assert (own * turned).sum(1).abs().max() < 0.95
