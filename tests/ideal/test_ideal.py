"""Posterior means that are known exactly, each against integration by brute force."""

import math

import numpy as np
import pytest
import torch

from gahr import measures, scores
from gahr.denoisers import add_noise
from gahr.ideal.mixtures import BlindMemory, FiniteSet, Gaussian, GaussianMixture
from gahr.images import synthetic
from gahr.sampling import Sampling, sample


def image(points):
    """Points ``(B, d)`` as images ``(B, 1, 1, d)``."""
    return torch.as_tensor(points, dtype=torch.float64)[:, None, None, :]


def integrate(y, points, weights, sigma):
    """``E[x | y]`` as a sum over a dense set of points with prior weights."""
    exponent = -0.5 * ((y[None] - points) ** 2).sum(1) / sigma**2
    posterior = weights * np.exp(exponent - exponent.max())
    return posterior @ points / posterior.sum()


def plane(extent=6.0, count=601):
    axis = np.linspace(-extent, extent, count)
    return np.stack(np.meshgrid(axis, axis, indexing="ij"), -1).reshape(-1, 2)


def normal(points, mean, covariance):
    away = points - np.asarray(mean)
    inside = (away @ np.linalg.inv(covariance) * away).sum(1)
    return np.exp(-0.5 * inside) / np.sqrt(np.linalg.det(2 * np.pi * np.asarray(covariance)))


PLACES = np.array([[0.0, 0.0], [1.0, -0.5], [-1.5, 2.0], [0.3, 0.9]])
COVARIANCE = np.array([[0.5, 0.3], [0.3, 0.4]])


@pytest.mark.parametrize("sigma", [0.2, 0.7, 2.0])
def test_gaussian(sigma):
    mean = [0.4, -0.2]
    f = Gaussian.from_covariance(image([mean]), torch.from_numpy(COVARIANCE))
    grid = plane()
    expected = [integrate(y, grid, normal(grid, mean, COVARIANCE), sigma) for y in PLACES]
    np.testing.assert_allclose(f(image(PLACES), sigma)[:, 0, 0], expected, atol=1e-6)


def test_gaussian_error_is_the_trace_of_the_posterior_covariance():
    f = Gaussian.from_covariance(image([[0.0, 0.0]]), torch.from_numpy(COVARIANCE))
    for sigma in (0.1, 1.0):
        gain = COVARIANCE @ np.linalg.inv(COVARIANCE + sigma**2 * np.eye(2))
        assert f.mse(sigma) == pytest.approx(np.trace(COVARIANCE - gain @ COVARIANCE), rel=1e-9)
    vectors = torch.eye(5, dtype=torch.float64)[:2]
    short = Gaussian(torch.zeros(1, 1, 1, 5).double(), torch.tensor([1.0, 0.5]).double(), vectors, rest=0.2)
    expected = 1 / 2 + 0.5 / 1.5 + 3 * 0.2 / 1.2
    assert short.mse(1.0) == pytest.approx(expected)


def test_gaussian_error_is_what_is_measured():
    x = synthetic.gaussian(4000, 8, seed=0).double()
    power = synthetic.gaussian_power(8).double()
    wave = torch.fft.fft2(torch.eye(64).double().view(64, 8, 8)).view(64, 64) / 8
    covariance = (wave.conj().T @ (power.flatten()[:, None] * wave)).real
    f = Gaussian.from_covariance(torch.full((1, 1, 8, 8), 0.5).double(), covariance)
    error = scores.squared_error(f, x, 0.1, seed=1)
    assert error.mean().item() == pytest.approx(f.mse(0.1), abs=4 * error.std().item() / math.sqrt(4000))


MIXTURE = (
    [0.6, 0.3, 0.1],
    [[-1.0, 0.0], [1.5, 1.0], [0.5, -2.0]],
    [[[0.2, 0.1], [0.1, 0.3]], [[0.05, 0.0], [0.0, 0.4]], [[0.3, -0.1], [-0.1, 0.1]]],
)


@pytest.mark.parametrize("sigma", [0.15, 0.5, 1.5])
def test_mixture(sigma):
    f, grid = GaussianMixture(*MIXTURE), plane(7.0, 701)
    prior = sum(w * normal(grid, m, c) for w, m, c in zip(*MIXTURE, strict=True))
    expected = [integrate(y, grid, prior, sigma) for y in PLACES]
    np.testing.assert_allclose(f(image(PLACES), sigma)[:, 0, 0], expected, atol=1e-6)
    cell = (14 / 700) ** 2
    for y in PLACES:
        noise = normal(grid, y, sigma**2 * np.eye(2))
        density = (prior * noise).sum() * cell
        assert f.log_density(image(y[None]), sigma).item() == pytest.approx(math.log(density), abs=1e-6)


@pytest.mark.parametrize("sigma", [0.1, 0.5, 3.0])
def test_mixture_score_is_the_gradient_of_its_log_density(sigma):
    f, step = GaussianMixture(*MIXTURE), 1e-5
    y = image(PLACES)
    for k in range(2):
        shift = torch.zeros(1, 1, 1, 2, dtype=torch.float64)
        shift[..., k] = step
        slope = (f.log_density(y + shift, sigma) - f.log_density(y - shift, sigma)) / (2 * step)
        torch.testing.assert_close(f.score(y, sigma)[:, 0, 0, k], slope, atol=1e-5, rtol=1e-6)


def test_mixture_samples_have_its_moments():
    f, n = GaussianMixture(*MIXTURE), 20_000
    x = f.sample(n, seed=0)
    assert x.shape == (n, 1, 1, 2) and torch.equal(x, f.sample(n, seed=0))
    assert not torch.equal(x, f.sample(n, seed=1))
    weights, means, covariances = (np.asarray(part) for part in MIXTURE)
    mean = weights @ means
    away = means - mean
    covariance = np.einsum("k,kij->ij", weights, covariances) + np.einsum("k,ki,kj->ij", weights, away, away)
    found = x[:, 0, 0].double().numpy()
    np.testing.assert_allclose(found.mean(0), mean, atol=5 * math.sqrt(covariance.max() / n))
    np.testing.assert_allclose(np.cov(found.T), covariance, atol=0.06)


@pytest.mark.parametrize("sigma", [0.05, 0.3, 2.0])
def test_finite_set(sigma):
    x = torch.rand(7, 1, 3, 3, dtype=torch.float64, generator=torch.Generator().manual_seed(0))
    y = add_noise(x[:3], sigma, seed=1)
    flat = x.flatten(1).numpy()
    f = FiniteSet(x)
    expected = [integrate(one, flat, np.ones(7), sigma) for one in y.flatten(1).numpy()]
    np.testing.assert_allclose(f(y, sigma).flatten(1), expected, atol=1e-10)
    weights = f.weights(y, sigma)
    torch.testing.assert_close(weights.sum(1), torch.ones(3, dtype=torch.float64))


def test_finite_set_memorizes_at_little_noise_and_averages_at_much():
    x = torch.rand(5, 1, 4, 4, generator=torch.Generator().manual_seed(0))
    f = FiniteSet(x)
    torch.testing.assert_close(f(x + 0.01, 1e-3), x)
    torch.testing.assert_close(f(x, 1e4), x.mean(0, keepdim=True).expand_as(x))


IDEALS = {
    "gaussian": lambda x: Gaussian.from_covariance(
        x.mean(0, keepdim=True), torch.diag(torch.tensor([0.0] + 35 * [0.1]))
    ),
    "mixture": lambda x: GaussianMixture([0.5, 0.5], x[:2].flatten(1), torch.eye(36).repeat(2, 1, 1) * 0.01),
    "finite set": FiniteSet,
}


@pytest.mark.parametrize("sigma", [1e-6, 1e-3, 30.0, 1e5])
@pytest.mark.parametrize("name", IDEALS)
def test_extreme_noise_levels_stay_finite(name, sigma):
    x = synthetic.sinusoids(4, 6, seed=0)
    f = IDEALS[name](x)
    z = torch.randn(x.shape, generator=torch.Generator().manual_seed(0))
    for y in (x + sigma * z, -5 * x, torch.zeros_like(x), 100 + x):
        estimate = f(y, sigma)
        assert estimate.shape == y.shape and estimate.dtype == y.dtype
        assert torch.isfinite(estimate).all()
    if name != "gaussian":  # at little noise an ideal denoiser leaves its own images alone
        own = {"finite set": x, "mixture": x[:2]}[name]
        if sigma < 0.01:
            torch.testing.assert_close(f(own, sigma), own, atol=1e-4, rtol=0)


@pytest.mark.parametrize("name", IDEALS)
def test_each_must_be_told_the_noise_level_and_its_size(name):
    x = synthetic.sinusoids(4, 6, seed=0)
    f = IDEALS[name](x)
    with pytest.raises(ValueError, match="must be told the noise level"):
        f(x)
    with pytest.raises(ValueError, match="sigma must be in"):
        f(x, -1.0)
    with pytest.raises(ValueError, match="y contains NaN"):
        f(torch.full_like(x, math.nan), 0.1)
    with pytest.raises(ValueError, match=r"got .*25|coordinates|shape \(1, 6, 6\); got \(1, 5, 5\)"):
        f(torch.zeros(1, 1, 5, 5), 0.1)


@pytest.mark.parametrize(
    ("make", "sentence"),
    [
        (lambda: GaussianMixture([0.5, 0.4], [[0.0], [1.0]], [[[1.0]], [[1.0]]]), "sum to 1"),
        (lambda: GaussianMixture([1.5, -0.5], [[0.0], [1.0]], [[[1.0]], [[1.0]]]), "must be positive"),
        (lambda: GaussianMixture([math.nan, 1], [[0.0], [1.0]], [[[1.0]], [[1.0]]]), "must be positive"),
        (lambda: GaussianMixture([1.0], [[0.0], [1.0]], [[[1.0]], [[1.0]]]), r"weights must be \(2,\)"),
        (lambda: FiniteSet(torch.rand(3, 4)), "x must have shape"),
    ],
)
def test_impossible_priors_are_refused(make, sentence):
    with pytest.raises(ValueError, match=sentence):
        make()


def pictures(n, seed=0, side=16):
    return torch.rand(n, 1, side, side, generator=torch.Generator().manual_seed(seed))


@pytest.mark.parametrize("sigma", [0.05, 0.3, 1.0])
def test_a_blind_memory_reads_the_noise_level(sigma):
    train = pictures(5)
    y = add_noise(train.repeat(20, 1, 1, 1), sigma, seed=1)
    level = BlindMemory(train).level(y)
    # the mean of 100 estimates, each with a standard deviation of sigma / sqrt(2 d)
    assert level.mean().item() == pytest.approx(sigma, rel=4 / math.sqrt(2 * 256 * 100))


def test_a_blind_memory_is_the_finite_set_at_the_level_it_reads():
    train = pictures(4, side=8)
    f, y = BlindMemory(train), add_noise(train, 1.5, seed=2)
    told = [FiniteSet(train)(one[None], level.item()) for one, level in zip(y, f.level(y), strict=True)]
    assert torch.allclose(f(y), torch.cat(told), atol=1e-5)
    assert (FiniteSet(train).weights(y, 1.5).max(1).values < 0.99).any()  # it does average here
    assert torch.equal(f(y, 0.1), f(y))  # blind


def test_at_half_the_distance_a_sixth_of_the_noise_misleads_the_memory_of_two():
    pair = pictures(2)
    sigma = (pair[0] - pair[1]).norm().item() / 2
    y = add_noise(pair[:1].repeat(4000, 1, 1, 1), sigma)
    wrong = (FiniteSet(pair).weights(y, sigma)[:, 1] > 0.5).double().mean().item()
    assert wrong == pytest.approx(0.1587, abs=4 * math.sqrt(0.16 * 0.84 / 4000))


def test_the_error_of_the_memory_of_two_is_an_integral():
    pair, sigma = pictures(2), 2.0
    far = (pair[0] - pair[1]).norm().item()
    z = torch.linspace(-8, 8, 4001, dtype=torch.float64)
    wrong = 1 / (1 + torch.exp(far**2 / (2 * sigma**2) + far * z / sigma))  # weight of the other image
    density = torch.exp(-z.square() / 2)
    mse = far**2 / 256 * (wrong.square() * density).sum() / density.sum()
    found = measures.psnr_curve(FiniteSet(pair), pair, (0.001, sigma), repeats=10_000)["mse"]
    assert found[0] == 0
    assert measures.decibels(found[1]) == pytest.approx(measures.decibels(mse.item()), abs=0.2)


def test_a_blind_memory_is_not_homogeneous_and_its_samples_are_the_training_images():
    train = pictures(3)
    f = BlindMemory(train)
    assert torch.allclose(f(2 * train), train, atol=1e-6)
    drawn = sample(f, (1, 16, 16), 8, Sampling(step=0.2, beta=0.5)).x
    which, alike = measures.nearest(drawn, train)
    assert alike.min() > 1 - 1e-6 and torch.allclose(drawn, train[which], atol=1e-5)


def test_the_level_of_a_memory_makes_the_picture_most_probable():
    """The level makes the image most probable: sigma^2 = sum w_i |y - x_i|^2 / d."""
    x = torch.rand(6, 1, 4, 4, generator=torch.Generator().manual_seed(0))
    y = add_noise(x, 1.0, seed=1).double()
    f = BlindMemory(x)
    for one, level in zip(y, f.level(y), strict=True):
        weights = FiniteSet(x).weights(one[None], level.item())[0]
        mean = (weights * (one - x.double()).flatten(1).square().mean(1)).sum()
        assert level.item() ** 2 == pytest.approx(mean.item(), rel=1e-3)


def test_a_mixture_has_a_density_without_noise_and_no_denoiser():
    mixture = GaussianMixture(torch.tensor([1.0]), torch.zeros(1, 2), 4 * torch.eye(2)[None])
    y = torch.tensor([[1.0, -2.0]]).view(1, 1, 1, 2)
    assert mixture.log_density(y, 0.0).item() == pytest.approx(-math.log(2 * math.pi * 4) - 5 / 8)
    assert torch.allclose(mixture.score(y, 0.0), -y / 4)
    with pytest.raises(ValueError, match="sigma must be in"):
        mixture(y, 0.0)
