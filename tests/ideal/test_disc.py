"""The exact denoiser of the disc class, against sampling from the generator by brute force."""

import math

import numpy as np
import pytest
import torch

from gahr import intervals
from gahr.analysis import manifolds
from gahr.denoisers import add_noise
from gahr.ideal import discs
from gahr.ideal._intensities import Fit
from gahr.ideal.discs import ExactDiscs, draw
from gahr.images import synthetic

SIZE = 8  # the tiny case
TRUE = torch.tensor([[3.6, 4.7, 1.5, 0.95, 0.1], [4.9, 3.1, 1.9, 0.3, 0.5], [2.2, 5.8, 0.9, 0.02, 0.8]])


def parameters(n, size, seed, low=0.0, high=1.0):
    """Of the discs that `synthetic.discs` draws; intensities uniform in another range if asked."""
    u = torch.rand(5, n, 1, 1, generator=torch.Generator().manual_seed(seed))[..., 0, 0]
    u[3:] = low + (high - low) * u[3:]
    return torch.stack(
        [size * (0.25 + 0.5 * u[0]), size * (0.25 + 0.5 * u[1]), size * (0.1 + 0.15 * u[2]), *u[3:]], 1
    )


def weighted(x, log_weight):
    """Weighted mean of images ``(n, d)``, its standard error and the spread, by self-normalized sampling."""
    weight = np.exp(log_weight - log_weight.max())
    weight /= weight.sum()
    mean = weight @ x
    square = (x - mean) ** 2
    return mean, np.sqrt(weight**2 @ square), np.sqrt(weight @ square)


def away(x, y):
    return ((x - y.flatten().numpy()) ** 2).sum(1)


def agree(found, mean, error, spread):
    """Every pixel within five standard errors of sampling and a fiftieth of the posterior's spread."""
    off = np.abs(found.flatten().numpy() - mean) / (5 * error + 0.02 * spread + 1e-6)
    assert off.max() < 1, f"{off.max():.2f} times what is allowed"


def test_discs_are_drawn_as_the_class_draws_them():
    for size in (8, 40):
        torch.testing.assert_close(
            draw(parameters(20, size, 3), size), synthetic.discs(20, size, 3), atol=2e-6, rtol=0
        )


@pytest.fixture(scope="module")
def bounded_draws():
    return synthetic.discs(600_000, SIZE, seed=1).flatten(1).numpy()


@pytest.mark.parametrize("sigma", [0.3, 0.5, 0.8])
def test_against_the_generator(sigma, bounded_draws):
    f = ExactDiscs(SIZE)
    for y in add_noise(draw(TRUE, SIZE), sigma, seed=7).split(1):
        agree(f(y, sigma), *weighted(bounded_draws, -away(bounded_draws, y) / (2 * sigma**2)))


@pytest.mark.parametrize("sigma", [0.2, 0.4])
def test_without_bounds(sigma):
    x = draw(parameters(600_000, SIZE, 2, -1.5, 2.5), SIZE).flatten(1).numpy()
    f = ExactDiscs(SIZE, bounded=False)
    for y in add_noise(draw(TRUE[:2], SIZE), sigma, seed=8).split(1):
        agree(f(y, sigma), *weighted(x, -away(x, y) / (2 * sigma**2)))


@pytest.mark.parametrize("sigma", [0.25, 0.9])
def test_blind(sigma, bounded_draws):
    x = bounded_draws
    level = np.random.default_rng(0).uniform(0, 1, len(x))
    f = ExactDiscs(SIZE)
    for y in add_noise(draw(TRUE, SIZE), sigma, seed=9).split(1):
        agree(f(y), *weighted(x, -away(x, y) / (2 * level**2) - SIZE**2 * np.log(level)))


@pytest.mark.parametrize("sigma", [0.005, 0.05])
def test_around_a_peak(sigma):
    """At little noise: importance sampling from a wide normal around the truth."""
    size, true = 16, torch.tensor([7.3, 8.4, 3.1, 0.8, 0.3]).double()
    slopes = (draw(true + 1e-3 * torch.eye(5), size) - draw(true - 1e-3 * torch.eye(5), size)).flatten(
        1
    ) / 2e-3
    factor = 1.6 * sigma * torch.linalg.cholesky(torch.linalg.inv(slopes @ slopes.T))
    white = torch.randn(200_000, 5, generator=torch.Generator().manual_seed(0)).double()
    y = add_noise(draw(true[None], size), sigma, seed=4)
    x = draw(true + white @ factor.T, size).flatten(1).numpy()
    log_weight = -away(x, y) / (2 * sigma**2) + white.square().sum(1).numpy() / 2
    for bounded in (True, False):
        agree(ExactDiscs(size, bounded)(y, sigma), *weighted(x, log_weight))


@pytest.mark.parametrize("sigma", [0.05, 0.4])
def test_covariance_is_the_jacobian(sigma):
    size = 12
    f, y = (
        ExactDiscs(size),
        add_noise(draw(1.5 * TRUE[:1] * torch.tensor([1, 1, 1, 2 / 3, 2 / 3]), size), sigma, seed=2),
    )
    y, h = y.double(), 1e-2 * sigma
    exact = f.covariance(y, sigma) / sigma**2
    for seed in range(4):
        v = torch.randn(y.shape, generator=torch.Generator().manual_seed(seed)).double()
        slope = (f(y + h * v, sigma) - f(y - h * v, sigma)).flatten() / (2 * h)
        assert (exact @ v.flatten() - slope).norm() < 0.03 * slope.norm()


@pytest.mark.parametrize(("sigma", "blind"), [(0.02, False), (0.3, False), (0.3, True)])
def test_it_knows_its_own_error(sigma, blind):
    """The posterior variance is the mean squared error, and the error is orthogonal to the estimate."""
    f, x = ExactDiscs(12), synthetic.discs(60, 12, seed=5)
    y, told = add_noise(x, sigma, seed=6), None if blind else sigma
    estimate = f(y, told)
    error = (estimate - x).double().square().flatten(1).sum(1)
    claimed = torch.stack([f.covariance(one[None], told).trace() for one in y])
    off = error - claimed
    assert abs(off.mean()) < 4 * off.std() / 60**0.5
    inner = ((estimate - x) * estimate).double().flatten(1).sum(1)
    assert abs(inner.mean()) < 4 * inner.std() / 60**0.5


def test_little_noise_costs_five_directions():
    sigma, x = 0.002, synthetic.discs(200, 24, seed=2)
    error = manifolds.errors(ExactDiscs(24), x, (sigma,))[0]
    found = intervals.gap(24**2 * error / sigma**2, torch.tensor(5.0))
    assert abs(found.db) < 4 * found.se and found.se < 0.3


def test_more_nodes_change_nothing():
    x = synthetic.discs(12, 16, seed=3)
    for sigma in (0.01, 0.1):
        y = add_noise(x, sigma, seed=1)
        few, many = (ExactDiscs(16, nodes=n)(y, sigma) for n in (10, 16))
        assert (few - many).norm() < 0.05 * (many - x).norm()


def test_in_the_middle_the_bounds_are_not_felt():
    y = add_noise(draw(torch.tensor([[8.0, 7.0, 3.0, 0.7, 0.4]]), 16), 0.02, seed=1)
    box, plane = (ExactDiscs(16, bounded)(y, 0.02) for bounded in (True, False))
    torch.testing.assert_close(box, plane, atol=2e-5, rtol=0)
    outside = y + 0.8  # where they are: the disc's intensity was to be 1.5
    assert ExactDiscs(16)(outside, 0.02).max() < 1.001 < ExactDiscs(16, False)(outside, 0.02).max()


def test_intensities_are_least_squares():
    mask = np.clip(np.random.default_rng(0).normal(0.5, 0.6, 50), 0, 1)
    y = np.random.default_rng(1).normal(size=50)
    y -= y.mean()
    fit = Fit.of(np.array([mask @ y]), np.array([mask.sum()]), np.array([mask @ mask]), 50)
    design = np.stack([mask, 1 - mask], 1)
    solution, rest = np.linalg.lstsq(design, y, rcond=None)[:2]
    np.testing.assert_allclose([fit.a[0], fit.b[0]], solution)
    assert y @ y - fit.explained[0] == pytest.approx(rest[0])
    evidence, mean, covariance = fit.flat(0.3)
    np.testing.assert_allclose(covariance[0], 0.09 * np.linalg.inv(design.T @ design))
    grid = np.linspace(-8, 8, 801)
    a, b = np.meshgrid(grid, grid, indexing="ij")
    loss = ((y[:, None] - mask[:, None] * a.ravel() - (1 - mask[:, None]) * b.ravel()) ** 2).sum(0)
    total = np.exp(-(loss - rest[0]) / 0.18).sum() * 0.02**2
    assert evidence[0] - fit.explained[0] / 0.18 == pytest.approx(math.log(total), abs=1e-6)


def test_what_is_refused():
    with pytest.raises(ValueError, match="five parameters"):
        draw(torch.zeros(2, 4))
    with pytest.raises(ValueError, match=r"size must be in \[4"):
        ExactDiscs(2)
    f = ExactDiscs(8)
    with pytest.raises(ValueError, match=r"these discs are \(1, 8, 8\)"):
        f(torch.zeros(1, 1, 9, 9), 0.1)
    with pytest.raises(ValueError, match="sigma must be in"):
        f(torch.zeros(1, 1, 8, 8), 0.0)
    with pytest.raises(ValueError, match="one image"):
        f.covariance(torch.zeros(2, 1, 8, 8), 0.1)


def test_the_grid_covers_the_class():
    f = ExactDiscs(40)
    drawn = parameters(5000, 40, 0)[:, :3].numpy()
    assert (drawn >= f.low).all() and (drawn <= f.high).all()
    assert (np.abs(drawn.min(0) - f.low) < 0.05).all() and (np.abs(drawn.max(0) - f.high) < 0.05).all()
    assert math.prod(discs.CELLS) == len(f.places)


def test_without_noise_the_peak_is_found():
    """Where the truth lies midway between nodes two of them tie, and the box must go on shrinking."""
    x = draw(torch.tensor([[8.0, 7.0, 3.0, 0.9, 0.2], [8.0, 8.0, 2.8, 0.1, 0.7]]), 16)
    for sigma in (0.003, 0.01):
        assert (ExactDiscs(16)(x, sigma) - x).abs().max() < 0.2 * sigma
