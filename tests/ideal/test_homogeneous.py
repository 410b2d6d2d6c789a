"""The best homogeneous estimator of one image, against other integrals, draws and its own limits."""

import math

import numpy as np
import pytest
import torch
from scipy import special

from gahr import measures
from gahr.denoisers import add_noise
from gahr.ideal.homogeneous import BestHomogeneous

POWERS = {"uniform": 0.0, "quadratic": 0.5}


def picture(d, length, seed=0):
    """A random positive image ``(1, 1, 1, d)`` of a given norm."""
    x0 = 0.1 + torch.rand(1, 1, 1, d, dtype=torch.float64, generator=torch.Generator().manual_seed(seed))
    return x0 * (length / x0.norm())


def draw(x0, n, noise, seed=0):
    """Noisy copies of ``x0``, each at its own level as in training, or all at the level ``noise``."""
    generator = torch.Generator().manual_seed(seed)
    sigma = torch.rand(n, 1, 1, 1, dtype=torch.float64, generator=generator)
    sigma = {"uniform": sigma, "quadratic": sigma**2}.get(noise, noise)
    return x0 + sigma * torch.randn(n, *x0.shape[1:], dtype=torch.float64, generator=generator)


def brute_gain(cotangent, d, length, power):
    """``|x0| E[r | u] / E[r^2 | u]``: sigma integrated by hand (a gamma function), r on a dense grid."""
    sine = 1 / math.hypot(1, cotangent)
    along, across, k = length * cotangent * sine, length * sine, (d + power - 1) / 2
    r = along + across * np.sinh(np.linspace(-25, 25, 100_001))  # dense around the ridge, far on both sides
    r, step = r[r > 0], np.gradient(r)[r > 0]
    half = ((r - along) ** 2 + across**2) / 2
    with np.errstate(divide="ignore"):  # log of 0 where nothing is left
        log_density = (d - 1) * np.log(r) - k * np.log(half) + np.log(special.gammaincc(k, half))
    weight = np.exp(log_density - log_density.max()) * step
    return length * (weight @ r) / (weight @ r**2)


@pytest.mark.parametrize("noise", POWERS)
@pytest.mark.parametrize(("d", "length"), [(2, 0.5), (2, 4.0), (3, 1.0), (64, 0.1), (64, 4.0), (1600, 12.0)])
def test_the_gain_is_what_another_integral_gives(d, length, noise):
    f = BestHomogeneous(picture(d, length), noise)
    sigma = np.array([0.003, 0.03, 0.3, 0.9, 1.1, 3.0])
    cotangents = np.append(length / sigma, [0.0, -0.5, -2.0]) / (d - 1) ** 0.5
    expected = [brute_gain(one, d, length, POWERS[noise]) for one in cotangents]
    found = f.gain(torch.from_numpy(cotangents), torch.ones(len(cotangents), dtype=torch.float64))
    np.testing.assert_allclose(found, expected, rtol=1e-6)


@pytest.mark.parametrize("d", [2, 3, 7])
def test_told_the_level_the_gain_has_a_closed_form(d):
    length, sigma = 2.0, 0.4
    cosines = np.array([0.05, 0.3, 0.7, 0.95, 0.999])
    b = cosines * length / sigma
    moments = [np.sqrt(np.pi / 2) * special.erfc(-b / 2**0.5), None]  # of exp(-(v - b)^2 / 2), v > 0
    moments[1] = b * moments[0] + np.exp(-(b**2) / 2)
    for n in range(1, d + 1):
        moments.append(b * moments[n] + n * moments[n - 1])
    f = BestHomogeneous(picture(d, length), sigma)
    found = f.gain(torch.from_numpy(cosines), torch.from_numpy(np.sqrt(1 - cosines**2)))
    np.testing.assert_allclose(found, length / sigma * moments[d] / moments[d + 1], rtol=1e-8)


def test_it_is_homogeneous_and_blind():
    x0 = picture(64, 4.0).view(1, 1, 8, 8)
    f, y = BestHomogeneous(x0), add_noise(x0.expand(5, -1, -1, -1), 0.3)
    for c in (1e-3, 3.0, 1e4):
        torch.testing.assert_close(f(c * y), c * f(y), rtol=1e-10, atol=0)
    assert torch.equal(f(y, sigma=0.7), f(y))
    assert f(y.float()).dtype == torch.float32 and f(y).shape == y.shape
    _, along = torch.autograd.functional.jvp(f, y, y)  # Euler: J(y) y = f(y)
    torch.testing.assert_close(along, f(y), rtol=1e-9, atol=1e-12)
    torch.testing.assert_close(f(x0), x0, rtol=1e-6, atol=0)


@pytest.mark.parametrize("noise", ["uniform", "quadratic", 0.3])
def test_every_other_homogeneous_estimator_is_worse(noise):
    x0 = picture(64, 4.0)
    f, y = BestHomogeneous(x0, noise), draw(x0, 60_000, noise, seed=1)
    best = f(y)
    angle = torch.acos((y * x0).sum((1, 2, 3)) / y.flatten(1).norm(dim=1) / 4.0)
    wide = (angle > angle.median()).double()[:, None, None, None]
    rivals = {
        "larger": 1.01 * best,
        "smaller": 0.99 * best,
        "larger at wide angles": (1 + 0.015 * wide) * best,
        "smaller at wide angles": (1 - 0.015 * wide) * best,
        "projection": (y * x0).sum((1, 2, 3), keepdim=True) / 16 * x0,
        "length": y.flatten(1).norm(dim=1)[:, None, None, None] / math.hypot(4, 8 * 0.3) * x0,
        "told another level": BestHomogeneous(x0, 0.5)(y),
    }
    error = (best - x0).square().sum((1, 2, 3))
    for name, rival in rivals.items():
        excess = (rival - x0).square().sum((1, 2, 3)) - error
        assert excess.mean() > 4 * excess.std() / len(y) ** 0.5, name


@pytest.mark.parametrize("noise", POWERS)
def test_at_every_angle_no_factor_would_help(noise):
    x0 = picture(16, 2.0)
    y = draw(x0, 200_000, noise, seed=2)
    estimate, r = BestHomogeneous(x0, noise)(y), y.flatten(1).norm(dim=1)
    slope = r * ((estimate - x0) * x0).sum((1, 2, 3))  # of the squared error, in the gain
    order = ((y * x0).sum((1, 2, 3)) / r).argsort()
    for part in slope[order].split(10_000):
        assert part.mean().abs() < 4.5 * part.std() / len(part) ** 0.5


@pytest.mark.parametrize("noise", ["uniform", "quadratic", 0.2])
@pytest.mark.parametrize(("d", "length"), [(2, 1.0), (64, 4.0)])
def test_the_expected_error_is_the_mean_over_draws(d, length, noise):
    x0 = picture(d, length)
    f = BestHomogeneous(x0, noise)
    for sigma in (0.03, 0.2, 1.0):
        error = (f(draw(x0, 40_000, sigma, seed=3)) - x0).square().sum((1, 2, 3))
        assert abs(error.mean() - f.mse(sigma)) < 4 * error.std() / len(error) ** 0.5
        assert f.psnr(sigma) == pytest.approx(10 * math.log10(d / f.mse(sigma)))


def test_the_mean_psnr_is_what_the_book_measures():
    x0 = picture(64, 4.0)
    f = BestHomogeneous(x0)
    curve = measures.psnr_curve(f, x0, (0.05, 0.3, 1.0), repeats=2000)
    for sigma, mean, se in zip(curve["sigma"], curve["psnr"], curve["se"], strict=True):
        assert abs(f.mean_psnr(sigma) - mean) < 4 * se + 0.02
    # the mean of -10 log10 z^2 for a normal z
    luck = 10 / math.log(10) * (np.euler_gamma + math.log(2))
    assert f.mean_psnr(0.05) - f.psnr(0.05) == pytest.approx(luck, abs=0.1)


def test_being_told_the_level_helps_there_and_hurts_elsewhere():
    x0 = picture(1024, 8.0)
    blind = BestHomogeneous(x0)
    for level in (0.05, 0.2, 0.6):
        told = BestHomogeneous(x0, level)
        assert told.mse(level) < 0.95 * blind.mse(level)
        assert told.mse(2 * level) > blind.mse(2 * level)


@pytest.mark.parametrize("noise", POWERS)
def test_little_noise_blind_the_curve_is_a_line_of_slope_one(noise):
    x0 = picture(1024, 15.0)
    f = BestHomogeneous(x0, noise)
    sigmas = tuple(sigma for sigma in measures.SIGMAS if sigma <= 0.2)
    curve = [f.psnr(sigma) for sigma in sigmas]
    for sigma, value in zip(sigmas, curve, strict=True):
        assert value == pytest.approx(10 * math.log10(1024) - 20 * math.log10(sigma), abs=0.1)
    assert measures.slope(torch.tensor(curve)[:, None], sigmas).value == pytest.approx(1, abs=0.01)


def test_little_noise_told_the_error_stops_growing():
    d, length = 1600, 12.0
    for sigma in (0.01, 0.1, 0.3):
        expected = sigma**2 / (1 + 2 * d * (sigma / length) ** 2)
        assert BestHomogeneous(picture(d, length), sigma).mse(sigma) == pytest.approx(expected, rel=0.02)


@pytest.mark.parametrize("noise", ["uniform", "quadratic", 0.1])
@pytest.mark.parametrize(("d", "length"), [(2, 0.1), (2, 40.0), (6400, 0.1), (6400, 40.0)])
def test_extremes_stay_finite(d, length, noise):
    x0 = picture(d, length)
    f = BestHomogeneous(x0, noise)
    z = torch.randn(x0.shape, dtype=torch.float64, generator=torch.Generator().manual_seed(0))
    for y in (x0, -5 * x0, torch.zeros_like(x0), x0 + 1e-6 * z, x0 + z, 1e5 * z, -100 + x0):
        assert torch.isfinite(f(y)).all()
        if noise != 0.1:
            assert ((f(y) * x0).sum() >= 0) and f(y).norm() <= 100 * max(y.norm(), length) * max(1, length)
    assert all(0 < f.mse(sigma) < math.inf for sigma in (1e-4, 0.01, 1.0, 10.0))


@pytest.mark.parametrize(
    ("make", "sentence"),
    [
        (lambda: BestHomogeneous(torch.ones(2, 1, 4, 4)), "x0 must be a single image"),
        (lambda: BestHomogeneous(torch.zeros(1, 1, 4, 4)), "not all zero"),
        (lambda: BestHomogeneous(torch.full((1, 1, 4, 4), math.nan)), "x0 contains NaN"),
        (lambda: BestHomogeneous(torch.ones(4, 4)), "x0 must have shape"),
        (lambda: BestHomogeneous(torch.ones(1, 1, 1, 1)), "at least two pixels"),
        (lambda: BestHomogeneous(torch.ones(1, 1, 4, 4), "squared"), "noise must be 'uniform', 'quadratic'"),
        (lambda: BestHomogeneous(torch.ones(1, 1, 4, 4), 0.0), "noise must be in"),
        (lambda: BestHomogeneous(torch.ones(1, 1, 4, 4)).mse(-1.0), "sigma must be in"),
        (lambda: BestHomogeneous(torch.ones(1, 1, 4, 4))(torch.ones(1, 1, 5, 5)), "made for images of shape"),
        (
            lambda: BestHomogeneous(torch.ones(1, 1, 4, 4))(torch.full((1, 1, 4, 4), math.nan)),
            "y contains NaN",
        ),
    ],
)
def test_bad_input_is_refused(make, sentence):
    with pytest.raises(ValueError, match=sentence):
        make()
