"""Scores, score matching, the divergence bound and Stein's estimate, where the truth is known."""

import math

import numpy as np
import pytest
import torch

from gahr import bases, scores
from gahr.denoisers import Threshold, Wiener, add_noise
from gahr.ideal.mixtures import Gaussian, GaussianMixture

MIXTURE = GaussianMixture(
    [0.7, 0.3], [[-1.0, 0.5], [1.0, -0.5]], [[[0.1, 0.05], [0.05, 0.2]], [[0.3, 0.0], [0.0, 0.05]]]
)


@pytest.mark.parametrize("sigma", [0.1, 0.5, 2.0])
def test_miyasawa_on_the_mixture(sigma):
    y = 2 * torch.randn(50, 1, 1, 2, dtype=torch.float64, generator=torch.Generator().manual_seed(0))
    torch.testing.assert_close(scores.score(MIXTURE, y, sigma), MIXTURE.score(y, sigma), atol=1e-8, rtol=1e-8)


def test_score_is_told_sigma():
    told = []

    def f(y, sigma=None):
        told.append(sigma)
        return 3 * y

    y = torch.ones(1, 1, 2, 2)
    torch.testing.assert_close(scores.score(f, y, 0.5), 8 * y)
    assert told == [0.5, 0.5]  # a denoiser that was not met before is asked twice
    scores.score(f, y, 0.5)
    assert told == [0.5] * 3


def test_score_matching_is_denoising():
    x, sigma, seed = MIXTURE.sample(500, seed=1).double(), 0.4, 7
    z = add_noise(torch.zeros_like(x), 1.0, seed)
    y = x + sigma * z
    residual = MIXTURE.score(y, sigma) + z / sigma
    expected = sigma**2 * residual.square().sum((1, 2, 3))
    loss = scores.dsm_loss(MIXTURE, x, sigma, seed)
    torch.testing.assert_close(loss, expected)
    torch.testing.assert_close(loss, scores.squared_error(MIXTURE, x, sigma, seed) / sigma**2)


def test_the_true_score_has_the_smallest_loss():
    # Vincent: the loss exceeds the smallest by sigma^2 E||s - s*||^2
    x, sigma = MIXTURE.sample(20_000, seed=2).double(), 0.5

    def worse(y, sigma=None):
        return MIXTURE(y, sigma) + 0.1 * y

    gap = scores.dsm_loss(worse, x, sigma) - scores.dsm_loss(MIXTURE, x, sigma)
    y = add_noise(x, sigma)
    expected = sigma**2 * (0.1 * y / sigma**2).square().sum((1, 2, 3)).mean()
    error = gap.std() / math.sqrt(len(x))
    assert (gap.mean() - expected).abs() < 4 * error
    assert expected > 5 * error


def test_squared_error_by_hand():
    x = torch.rand(2, 1, 3, 3, generator=torch.Generator().manual_seed(0))
    y = add_noise(x, 0.3, seed=5)
    found = scores.squared_error(lambda y, sigma: (1 - sigma) * y, x, 0.3, seed=5)
    torch.testing.assert_close(found, (0.7 * y - x).square().sum((1, 2, 3)))


# ------------------------------------------------------------------------------------------------
# The divergence bound


@pytest.mark.parametrize(("true", "model"), [((1.0, 0.2), (0.5, 0.3)), ((0.1, 2.0), (0.4, 1.0))])
def test_the_bound_between_two_gaussians_is_their_divergence(true, model):
    # both scores are gradients of heat flows, so here the bound is an equality
    sigmas = torch.logspace(-4, 4, 4001, dtype=torch.float64)
    excess, divergence = 0.0, 0.0
    for a, b in zip(true, model, strict=True):
        gain, wrong = a / (a + sigmas**2), b / (b + sigmas**2)
        excess = excess + (wrong - gain) ** 2 * (a + sigmas**2)
        divergence += 0.5 * (a / b - 1 - math.log(a / b))
    assert scores.kl_bound(excess, sigmas) == pytest.approx(divergence, rel=1e-4)


def test_the_bound_from_measured_errors():
    sigmas = np.geomspace(0.02, 50, 60)
    true, wrong = (
        Gaussian.from_covariance(torch.zeros(1, 1, 1, 2).double(), torch.diag(torch.tensor(v)).double())
        for v in ([1.0, 0.2], [0.5, 0.3])
    )
    white = torch.randn(20_000, 2, dtype=torch.float64, generator=torch.Generator().manual_seed(0))
    x = (white * torch.tensor([1.0, 0.2]).sqrt())[:, None, None, :]
    excess = []
    for k, sigma in enumerate(sigmas):
        gap = scores.squared_error(wrong, x, sigma, seed=k) - scores.squared_error(true, x, sigma, seed=k)
        excess.append(gap.mean().item())
    divergence = sum(0.5 * (a / b - 1 - math.log(a / b)) for a, b in ((1.0, 0.5), (0.2, 0.3)))
    assert scores.kl_bound(excess, sigmas) == pytest.approx(divergence, rel=0.05)


@pytest.mark.parametrize(
    ("excess", "sigmas", "sentence"),
    [
        ([1.0, 1.0], [0.1], "excess and sigmas must have the same shape"),
        ([1.0], [0.1], "at least two increasing positive"),
        ([1.0, 1.0], [0.2, 0.1], "at least two increasing positive"),
        ([1.0, 1.0], [0.0, 0.1], "at least two increasing positive"),
        ([1.0, 1.0], [0.1, math.nan], "at least two increasing positive"),
        ([1.0, math.nan], [0.1, 0.2], "excess contains NaN"),
    ],
)
def test_the_bound_refuses_bad_levels(excess, sigmas, sentence):
    with pytest.raises(ValueError, match=sentence):
        scores.kl_bound(excess, sigmas)


# ------------------------------------------------------------------------------------------------
# Trace and Stein's estimate


DENOISERS = {
    "wiener": lambda x: Wiener.fit(add_noise(x, 0.1, seed=9)),
    "threshold": lambda x: Threshold(bases.dct(8, 8)),
}


@pytest.mark.parametrize("name", DENOISERS)
def test_sure_averages_to_the_true_error(name):
    sigma, n = 0.15, 1500
    axis = torch.linspace(0, 1, 8)
    x = (0.3 + 0.4 * (axis[:, None] > axis[None, :])).view(1, 1, 8, 8)
    few = torch.rand(100, 1, 1, 1, generator=torch.Generator().manual_seed(3)) * x
    f, many = DENOISERS[name](few), x.expand(n, 1, 8, 8)
    y = add_noise(many, sigma, seed=4)
    estimate = scores.sure(f, y, sigma, probes=8, seed=5)
    truth = (f(y, sigma) - x).square().flatten(1).sum(1)
    gap = estimate - truth
    error = gap.std().item() / math.sqrt(n)
    assert abs(gap.mean().item()) < 4 * error
    assert error < 0.08 * truth.mean().item()  # the agreement says something


def test_sure_of_doing_nothing_is_the_noise():
    y = torch.rand(3, 1, 4, 4)
    torch.testing.assert_close(scores.sure(lambda y, sigma: y, y, 0.3, probes=2), torch.full((3,), 16 * 0.09))


@pytest.mark.parametrize("sigma", [0.0, -1.0, math.nan])
def test_scores_need_positive_noise(sigma):
    y = torch.rand(1, 1, 4, 4)
    for function in (scores.score, scores.sure, scores.dsm_loss):
        with pytest.raises(ValueError, match="sigma must be in"):
            function(lambda y, sigma: y, y, sigma)
