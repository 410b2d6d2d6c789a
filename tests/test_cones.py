"""The cones' exact denoisers: against those told sigma, dense grids, and the projection."""

import math

import numpy as np
import pytest
import torch

from gahr import cones, ideal, images, manifolds, synthetic
from gahr.cones import ExactCone
from gahr.denoisers import add_noise


def ray(size):
    return ExactCone(images.portrait(size))


@pytest.mark.parametrize("sigma", [0.003, 0.1, 1.0])
def test_told_it_is_the_ideal(sigma):
    for f, best, x in (
        (ray(16), ideal.Ray(images.portrait(16)), synthetic.scaled(images.portrait(16), 50)),
        (ExactCone(cones.waves(16)), ideal.SinusoidCone(16), synthetic.sinusoids(50, 16)),
    ):
        y = add_noise(x, sigma, seed=3).double()
        torch.testing.assert_close(f(y, sigma), best(y, sigma).to(y), atol=1e-6, rtol=1e-6)


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
    projection = manifolds.Projection(rows, (1, 20, 20))
    y = add_noise(0.5 * axes[:1], 0.02, seed=1).double()
    found, plain = ExactCone(axes)(y, 0.02), projection(y)
    assert (found - plain).abs().max() < 1e-5  # the density 1 / intensity pulls in a little
    assert (ExactCone(axes)(3 * y, 0.02)).norm() < 1.01 * axes[0].norm() < projection(3 * y).norm()


def test_blindness_costs_nearly_nothing_at_many_pixels():
    x = synthetic.sinusoids(400, 40)
    f = ExactCone(cones.waves(40))
    blind = manifolds.errors(lambda y, sigma: f(y), x, (0.3,))[0]
    told = manifolds.errors(f, x, (0.3,))[0]
    found = manifolds.gap(blind, told)
    assert abs(found.db) < 0.05
    line = manifolds.gap(told, torch.tensor(2 * 0.3**2 / 1600))
    assert abs(line.db) < 4 * line.se + 0.1


def test_what_is_refused():
    with pytest.raises(ValueError, match="orthogonal"):
        ExactCone(torch.rand(2, 1, 8, 8))
    with pytest.raises(ValueError, match="not zero"):
        ExactCone(torch.zeros(1, 1, 8, 8))
    with pytest.raises(ValueError, match="only one wave"):
        cones.waves(8, (4, 0))
    with pytest.raises(ValueError, match="images are"):
        ray(16)(torch.zeros(1, 1, 8, 8))
    with pytest.raises(ValueError, match="sigma must be in"):
        ray(16)(torch.zeros(1, 1, 16, 16), -1.0)
