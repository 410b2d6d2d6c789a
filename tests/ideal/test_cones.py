"""The cones' exact denoisers: against integration by brute force, and the projection."""

import math

import numpy as np
import pytest
import torch

from gahr import images, intervals
from gahr.analysis import manifolds
from gahr.denoisers import Projection, add_noise
from gahr.ideal import cones
from gahr.ideal.cones import ExactCone
from gahr.images import synthetic


def ray(size):
    return ExactCone(images.portrait(size))


def integrate(y, points, weights, sigma):
    """``E[x | y]`` as a sum over a dense set of points with prior weights."""
    exponent = -0.5 * ((y[None] - points) ** 2).sum(1) / sigma**2
    posterior = weights * np.exp(exponent - exponent.max())
    return posterior @ points / posterior.sum()


@pytest.mark.parametrize("sigma", [0.05, 0.4, 3.0])
def test_told_a_ray_is_integrated(sigma):
    image = torch.tensor([[[[0.3, 0.9], [0.1, 0.6]]]], dtype=torch.float64)
    generator = torch.Generator().manual_seed(0)
    factors = torch.tensor([-2.0, -0.3, 0.0, 0.4, 0.99, 1.2, 4.0])[:, None, None, None]
    y = factors * image + sigma * torch.randn(7, 1, 2, 2, dtype=torch.float64, generator=generator)
    y = torch.cat([y, torch.zeros_like(image)])  # nothing seen: half the image at much noise, not nothing
    points = np.linspace(0, 1, 200_001)[:, None] * image.flatten().numpy()
    weights = np.ones(len(points))
    weights[[0, -1]] = 0.5  # trapezoid rule
    expected = [integrate(one, points, weights, sigma) for one in y.flatten(1).numpy()]
    np.testing.assert_allclose(ExactCone(image)(y, sigma).flatten(1), expected, atol=1e-6)


@pytest.mark.parametrize("frequency", [(1, 1), (0, 1), (1, 2)])
@pytest.mark.parametrize("sigma", [0.1, 0.5, 3.0])
def test_told_plane_waves_are_integrated(sigma, frequency):
    size = 6
    row, column = np.meshgrid(np.arange(size), np.arange(size), indexing="ij")
    angle = (2 * np.pi * (frequency[0] * row + frequency[1] * column) / size).ravel()
    a = np.linspace(0, 1, 801)  # trapezoid rule in intensity; phases are periodic
    phase = 2 * np.pi * np.arange(240) / 240
    points = (a[:, None, None] * np.sin(angle + phase[:, None])).reshape(-1, size**2)
    weights = np.where((a == 0) | (a == 1), 0.5, 1.0).repeat(240)
    x = synthetic.sinusoids(4, size, frequency, seed=2).double()
    x[3] *= 1.2 / x[3].abs().max()  # outside the cone
    y = add_noise(x, sigma, seed=1)
    expected = [integrate(one, points, weights, sigma) for one in y.flatten(1).numpy()]
    found = ExactCone(cones.waves(size, frequency))(y, sigma)
    np.testing.assert_allclose(found.flatten(1), expected, atol=3e-4)


@pytest.mark.parametrize("count", [1, 2])
@pytest.mark.parametrize("sigma", [0.1, 0.6])
def test_the_variance_is_that_of_a_dense_grid(sigma, count):
    axes = span(count)
    intensity, angle = (np.arange(1000) + 0.5) / 1000, 2 * math.pi * np.arange(360) / 360
    angle = angle if count == 2 else np.zeros(1)
    turns = np.stack([np.cos(angle), np.sin(angle)], 1)[:, :count] @ axes.flatten(1).numpy()
    x = (intensity[:, None, None] * turns).reshape(-1, 25)
    y = add_noise(torch.cat([0.9 * axes[:1], 0.1 * axes[:1]]), sigma, seed=3)
    expected = []
    for one in y.flatten(1).numpy():
        log_weight = -((x - one) ** 2).sum(1) / (2 * sigma**2)
        weight = np.exp(log_weight - log_weight.max())
        weight /= weight.sum()
        expected.append((weight @ (x - weight @ x) ** 2).mean())
    np.testing.assert_allclose(ExactCone(axes).variance(y, sigma), expected, rtol=1e-3)


@pytest.mark.parametrize("sigma", [1e-6, 1e-3, 30.0, 1e5])
def test_extreme_noise_levels_stay_finite(sigma):
    x = synthetic.sinusoids(4, 6, seed=0)
    z = torch.randn(x.shape, generator=torch.Generator().manual_seed(0))
    for f, own in ((ExactCone(x[:1]), 0.5 * x[:1]), (ExactCone(cones.waves(6)), x)):
        for y in (x + sigma * z, -5 * x, torch.zeros_like(x), 100 + x):
            estimate = f(y, sigma)
            assert estimate.shape == y.shape and estimate.dtype == y.dtype
            assert torch.isfinite(estimate).all()
        if sigma < 0.01:  # at little noise an ideal denoiser leaves its own images alone
            torch.testing.assert_close(f(own, sigma), own, atol=1e-4, rtol=0)


def span(count, side=5):
    """One image, or two that are orthogonal and of equal length."""
    one = torch.rand(1, 1, side, side, generator=torch.Generator().manual_seed(0)).double() + 0.2
    two = one.flip(3) - one * (one * one.flip(3)).sum() / one.square().sum()
    return torch.cat([one, two * one.norm() / two.norm()])[:count]


@pytest.mark.parametrize("count", [1, 2])
@pytest.mark.parametrize("sigma", [0.05, 0.4, 1.0])
def test_blind_is_the_mean_over_a_dense_grid(sigma, count):
    """Few pixels, so that the noise level stays open: a grid over sigma, intensity and angle."""
    axes = span(count)
    level, intensity = (np.arange(200) + 0.5) / 200, (np.arange(150) + 0.5) / 150
    angle = 2 * math.pi * np.arange(400) / 400 if count == 2 else np.zeros(1)
    turns = np.stack([np.cos(angle), np.sin(angle)], 1)[:, :count] @ axes.flatten(1).numpy()
    x = (intensity[:, None, None] * turns).reshape(-1, 25)
    f = ExactCone(axes)
    for seed in range(3):
        y = add_noise(0.6 * axes[:1], sigma, seed=seed)
        away = ((x - y.flatten().numpy()) ** 2).sum(1)
        log_weight = -away / (2 * level[:, None] ** 2) - 25 * np.log(level[:, None])
        weight = np.exp(log_weight - log_weight.max()).sum(0)
        expected = torch.from_numpy(weight @ x / weight.sum())
        torch.testing.assert_close(f(y).flatten(), expected, atol=1e-3, rtol=0)


def test_far_from_the_bounds_it_projects():
    axes = cones.waves(20)
    rows = axes.flatten(1) / axes.flatten(1).norm(dim=1, keepdim=True)
    projection = Projection(rows, (1, 20, 20))
    y = add_noise(0.5 * axes[:1], 0.02, seed=1).double()
    found, plain = ExactCone(axes)(y, 0.02), projection(y)
    assert (found - plain).abs().max() < 1e-5  # the density 1 / intensity pulls in a little
    assert (ExactCone(axes)(3 * y, 0.02)).norm() < 1.01 * axes[0].norm() < projection(3 * y).norm()


def test_blindness_costs_nearly_nothing_at_many_pixels():
    x = synthetic.sinusoids(400, 40)
    f = ExactCone(cones.waves(40))
    blind = manifolds.errors(lambda y, sigma: f(y), x, (0.3,))[0]
    told = manifolds.errors(f, x, (0.3,))[0]
    found = intervals.gap(blind, told)
    assert abs(found.db) < 0.05
    line = intervals.gap(told, torch.tensor(2 * 0.3**2 / 1600))
    assert abs(line.db) < 4 * line.se + 0.1


def test_what_is_refused():
    with pytest.raises(ValueError, match="orthogonal"):
        ExactCone(torch.rand(2, 1, 8, 8))
    with pytest.raises(ValueError, match="not zero"):
        ExactCone(torch.zeros(1, 1, 8, 8))
    with pytest.raises(ValueError, match="only one wave"):
        cones.waves(8, (4, 0))
    with pytest.raises(ValueError, match="only one wave"):
        cones.waves(8, (0, 0))
    with pytest.raises(ValueError, match="images are"):
        ray(16)(torch.zeros(1, 1, 8, 8))
    with pytest.raises(ValueError, match="sigma must be in"):
        ray(16)(torch.zeros(1, 1, 16, 16), -1.0)
