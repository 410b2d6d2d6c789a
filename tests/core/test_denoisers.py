"""Denoisers that come with the book: blind networks, Wiener filters, thresholds."""

import numpy as np
import pytest
import torch
from torch import nn

from gahr import bases, denoisers, intervals, jacobian, measures, networks, sampling, scores
from gahr.denoisers import Blind, Projection, Threshold, Wiener, add_noise, need_sigma, shrinkage
from gahr.images import synthetic


def test_noise_has_the_stated_spread_and_its_own_seed():
    x = torch.full((4, 1, 64, 64), 0.5)
    y = add_noise(x, 0.2, seed=3)
    assert (y - x).mean().abs() < 4 * 0.2 / 128
    assert (y - x).std().item() == pytest.approx(0.2, rel=0.03)
    torch.manual_seed(99)
    assert torch.equal(y, add_noise(x, 0.2, seed=3))
    assert not torch.equal(y, add_noise(x, 0.2, seed=4))
    assert torch.equal(add_noise(x, 0.0), x)
    torch.testing.assert_close((add_noise(x, 0.4, seed=3) - x), 2 * (y - x))  # same z, other sigma
    assert add_noise(x.double(), 0.1).dtype == torch.float64


def test_noise_of_two_images_differs():
    y = add_noise(torch.zeros(2, 1, 8, 8), 1.0)
    assert not torch.equal(y[0], y[1])


def test_blind_subtracts_the_prediction_whatever_sigma():
    network = networks.BFCNN(4, 3).eval()
    f, y = Blind(network), torch.rand(2, 1, 8, 8)
    with torch.no_grad():
        assert torch.equal(f(y), y - network(y))
        assert torch.equal(f(y, 0.1), f(y, 10.0))


def test_wiener_against_the_normal_equations():
    x = synthetic.gaussian(300, 6, seed=1).double()
    f = Wiener.fit(x)
    flat = x.flatten(1).numpy()
    mean, covariance, sigma = flat.mean(0), np.cov(flat.T), 0.07
    y = add_noise(x[:5], sigma, seed=2)
    gain = covariance @ np.linalg.inv(covariance + sigma**2 * np.eye(36))
    expected = mean + (y.flatten(1).numpy() - mean) @ gain.T
    np.testing.assert_allclose(f(y, sigma).flatten(1), expected, atol=1e-9)
    assert (f.values.diff() <= 0).all()  # largest first


def test_a_truncated_wiener_filter_treats_the_rest_as_white():
    generator = torch.Generator().manual_seed(0)
    vectors = torch.linalg.qr(torch.randn(9, 9, generator=generator, dtype=torch.float64))[0].T
    mean = torch.rand(1, 1, 3, 3, generator=generator, dtype=torch.float64)
    values = torch.tensor([2.0, 0.5], dtype=torch.float64)
    short = Wiener(mean, values, vectors[:2], rest=0.1)
    full = Wiener(mean, torch.cat([values, torch.full((7,), 0.1).double()]), vectors)
    y = torch.randn(4, 1, 3, 3, generator=generator, dtype=torch.float64)
    torch.testing.assert_close(short(y, 0.4), full(y, 0.4))


def test_no_linear_denoiser_beats_wiener_on_its_class():
    x = synthetic.gaussian(4000, 8, seed=1)
    f, sigma = Wiener.fit(x[:3000]), 0.1
    test = x[3000:]
    y = add_noise(test, sigma, seed=5)
    best = (f(y, sigma) - test).square().mean()
    for wrong in (0.5, 2.0):
        assert best < (f(y, wrong * sigma) - test).square().mean()
    assert best < 0.7 * sigma**2


def test_threshold_by_hand():
    rotation = torch.tensor([[0.6, 0.8], [-0.8, 0.6]])
    f = Threshold(rotation, factor=1.5, keep=1)
    y = 0.1 * rotation[:1] + 2.0 * rotation[1:]  # coefficients 0.1 (kept) and 2
    expected = 0.1 * rotation[:1] + (2.0 - 1.5 * 0.2) * rotation[1:]
    torch.testing.assert_close(f(y.view(1, 1, 1, 2), 0.2), expected.view(1, 1, 1, 2))
    negative = 0.1 * rotation[:1] - 2.0 * rotation[1:]
    expected = 0.1 * rotation[:1] - (2.0 - 0.3) * rotation[1:]
    torch.testing.assert_close(f(negative.view(1, 1, 1, 2), 0.2), expected.view(1, 1, 1, 2))
    small = 0.1 * rotation[:1] + 0.29 * rotation[1:]
    torch.testing.assert_close(f(small.view(1, 1, 1, 2), 0.2), 0.1 * rotation[:1].view(1, 1, 1, 2))


def test_threshold_removes_noise_from_a_smooth_image():
    x = synthetic.c_alpha(4, 16, alpha=3, seed=0)
    y = add_noise(x, 0.1, seed=1)
    f = Threshold(bases.dct(16, 16))
    assert (f(y, 0.1) - x).square().mean() < 0.6 * 0.1**2


def test_shrinkage_and_sigma():
    assert shrinkage(torch.tensor(0.04), 0.1).item() == pytest.approx(0.8)
    assert need_sigma(0.3, "it") == 0.3
    with pytest.raises(ValueError, match=r"a Wiener filter must be told the noise level: call f\(y, sigma\)"):
        Wiener(torch.zeros(1, 1, 1, 1), torch.ones(1), torch.ones(1, 1))(torch.zeros(1, 1, 1, 1))
    with pytest.raises(ValueError, match="sigma must be in"):
        need_sigma(0.0, "it")


def test_a_threshold_keeps_the_mean_and_cuts_at_five_quarters_of_the_noise():
    e = bases.dct(4, 4)
    y = (2.0 * e[0] + 1.0 * e[3]).view(1, 1, 4, 4)
    expected = (2.0 * e[0] + (1 - 1.25 * 0.4) * e[3]).view(1, 1, 4, 4)
    torch.testing.assert_close(denoisers.Threshold(e)(y, 0.4), expected)


@pytest.mark.parametrize(
    ("call", "says"),
    [
        (lambda: denoisers.Threshold(torch.ones(2, 3)), "square matrix"),
        (lambda: denoisers.Threshold(torch.eye(4), keep=5), r"keep must be in \[0, 4\]; got 5"),
        (
            lambda: denoisers.Wiener(torch.zeros(1, 1, 2, 2), torch.ones(2), torch.eye(4)),
            r"vectors must have shape \(2, 4\)",
        ),
        (
            lambda: denoisers.Wiener(torch.zeros(1, 1, 2, 2), -torch.ones(4), torch.eye(4)),
            "cannot be negative",
        ),
        (
            lambda: denoisers.Wiener(torch.zeros(1, 1, 2, 2), torch.ones(4), torch.eye(4), rest=-1.0),
            "cannot be negative",
        ),
        (lambda: denoisers.Wiener.fit(torch.zeros(1, 1, 2, 2)), "at least 2 images; got 1"),
    ],
)
def test_filters_that_cannot_be_are_refused(call, says):
    with pytest.raises(ValueError, match=says):
        call()


@pytest.mark.parametrize(
    "measure",
    [
        lambda f, x: measures.psnr_curve(f, x, (0.1,)),
        lambda f, x: measures.compare(f, f, x, 0.1),
        lambda f, x: measures.model_variance(f, f, x, 0.1),
        lambda f, x: sampling.sample(f, (1, 8, 8), 1),
        lambda f, x: jacobian.jacobian(f, x[:1]),
    ],
)
@pytest.mark.parametrize("tied", [nn.BatchNorm2d(1), nn.Dropout2d()])
def test_networks_in_training_mode_are_not_measured(measure, tied):
    f = Blind(nn.Sequential(nn.Conv2d(1, 1, 3, padding=1, bias=False), tied).train())
    with pytest.raises(ValueError, match=r"training mode.*call f.eval\(\)"):
        measure(f, torch.rand(4, 1, 8, 8))


@pytest.mark.parametrize(
    "differentiate",
    [
        lambda f, y: jacobian.jacobian(f, y),
        lambda f, y: jacobian.linearize(f, y, 0.1),
        lambda f, y: jacobian.probe_trace(f, y),
        lambda f, y: scores.sure(f, y, 0.1),
    ],
)
def test_a_jacobian_of_zero_is_not_made_up_where_gradients_are_cut(differentiate):
    y = torch.rand(1, 1, 8, 8)
    differentiate(lambda y, sigma=None: 0.5 * y, y)
    for cut in (torch.no_grad()(lambda y, sigma=None: 0.5 * y), lambda y, sigma=None: 0.5 * y.detach()):
        with pytest.raises(ValueError, match="no gradient passes through f"):
            differentiate(cut, y)


def test_the_wavelet_threshold_keeps_the_coarsest():
    f, coarse = Threshold(bases.wavelet(32, 32), keep=16), bases.wavelet(32, 32)[:16]
    y = torch.rand(1, 1, 32, 32, generator=torch.Generator().manual_seed(0))
    torch.testing.assert_close(coarse @ f(y, 0.2).flatten(), coarse @ y.flatten(), atol=1e-4, rtol=0)


def test_projection_leaves_the_noise_of_its_dimension():
    rows = torch.linalg.qr(torch.randn(100, 3, generator=torch.Generator().manual_seed(0)))[0].T
    f = Projection(rows, (1, 10, 10))
    x = (torch.randn(4000, 3, generator=torch.Generator().manual_seed(1)) @ rows).view(-1, 1, 10, 10)
    for sigma in (0.1, 0.5):
        error = (f(add_noise(x, sigma)) - x).square().flatten(1).mean(1)
        off = intervals.gap(error, torch.tensor(3 * sigma**2 / 100))
        assert abs(off.db) < 4 * off.se
    assert (f(x) - x).abs().max() < 1e-5
    with pytest.raises(ValueError, match="orthonormal"):
        Projection(2 * rows, (1, 10, 10))
    with pytest.raises(ValueError, match="rows must be"):
        Projection(rows, (1, 9, 9))
