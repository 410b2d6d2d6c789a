"""The sampler on priors whose samples are known, and its bookkeeping."""

import math

import pytest
import torch

from gahr import networks
from gahr.analysis import inverse
from gahr.denoisers import Blind
from gahr.sampling import Sampling, sample, solve

SHAPE = (1, 16, 16)
D = 256


class Flat:
    """The ideal blind denoiser of a Gaussian that varies in a few directions only.

    The noise level is read off the directions without signal, so it needs no telling.
    """

    def __init__(self, variances, pattern=0.0):
        generator = torch.Generator().manual_seed(12345)  # no image's own stream
        self.lam = torch.tensor(variances)
        count = max(1, len(variances))
        self.v = torch.linalg.qr(torch.randn(D, count, generator=generator))[0].T[: len(variances)]
        wave = pattern * torch.randn(1, D, generator=generator)
        self.mean = 0.5 + wave - wave @ self.v.T @ self.v  # the pattern avoids the prior's directions

    def coefficients(self, x):
        return (x.flatten(1) - self.mean) @ self.v.T

    def __call__(self, y, sigma=None):
        away = y.flatten(1) - self.mean
        signal = away @ self.v.T
        noise = (away - signal @ self.v).square().sum(1, keepdim=True) / (D - len(self.lam))
        gain = self.lam / (self.lam + noise)
        return (self.mean + (signal * gain) @ self.v).view_as(y)


# ------------------------------------------------------------------------------------------------
# What is drawn


@pytest.mark.parametrize(("beta", "n"), [(1.0, 3000), (0.5, 800)])
def test_samples_of_a_narrow_gaussian_have_its_mean_and_covariance(beta, n):
    f = Flat([0.02, 0.01, 0.0025], pattern=0.1)
    x = sample(f, SHAPE, n, Sampling(step=0.05, beta=beta, end=0.01)).x
    c = f.coefficients(x)
    error = f.lam.sqrt() / math.sqrt(n)
    assert (c.mean(0).abs() < 4 * error).all()
    torch.testing.assert_close(x.flatten(1).mean(0), f.mean[0], atol=0.01, rtol=0)
    covariance = torch.cov(c.T)
    scale = torch.outer(f.lam, f.lam).sqrt() / math.sqrt(n)
    tolerance = 4 * scale * (1 + torch.eye(3)) + 0.03 * torch.diag(f.lam)  # 3 %: lambda over start^2, end
    assert ((covariance - torch.diag(f.lam)).abs() < tolerance).all()
    rest = x.flatten(1) - f.mean - c @ f.v
    assert rest.abs().max() < 1e-3  # nothing is left where the prior has nothing


def test_directions_wider_than_the_start_come_out_too_narrow():
    f = Flat([4.0, 0.01])
    x = sample(f, SHAPE, 2000, Sampling(step=0.05, beta=1.0, end=0.02)).x
    variance = f.coefficients(x).var(0)
    # along the flow the spread of y stays proportional to sqrt(lambda + sigma^2), from start to end
    expected = f.lam**2 / ((f.lam + 1) * (f.lam + 0.02**2))
    torch.testing.assert_close(variance, expected, rtol=0.2, atol=0)
    assert variance[0] < 0.3 * f.lam[0]
    wide = sample(f, SHAPE, 2000, Sampling(step=0.05, beta=1.0, start=8.0, end=0.02)).x
    assert f.coefficients(wide).var(0)[0] > 0.8 * f.lam[0]


def test_the_start_is_noise_around_the_stated_mean():
    f = Flat([])
    for start, mean in ((1.0, 0.5), (2.0, -0.3)):
        y = sample(f, SHAPE, 50, Sampling(step=0.5, beta=1.0, start=start, end=0.3, mean=mean)).path[0]
        assert y.mean().item() == pytest.approx(mean, abs=4 * start / math.sqrt(50 * D))
        assert y.std().item() == pytest.approx(start, rel=0.05)


# ------------------------------------------------------------------------------------------------
# Seeds


QUICK = Sampling(step=0.2, beta=0.4, end=0.1)


@pytest.mark.parametrize("noise_seed", [None, 70])
def test_images_do_not_depend_on_their_batch(noise_seed):
    f = Flat([0.02, 0.01])
    three = sample(f, SHAPE, 3, QUICK, seed=5, noise_seed=noise_seed)
    for i in range(3):
        shifted = None if noise_seed is None else noise_seed + i
        alone = sample(f, SHAPE, 1, QUICK, seed=5 + i, noise_seed=shifted)
        torch.testing.assert_close(alone.x[0], three.x[i], atol=1e-5, rtol=0)
        assert alone.steps[0] == three.steps[i]


def test_shared_seeds_give_two_equal_denoisers_equal_samples():
    one, two = Flat([0.02]), Flat([0.02])
    torch.manual_seed(1)
    first = sample(one, SHAPE, 2, QUICK, seed=3)
    torch.manual_seed(2)
    assert torch.equal(first.x, sample(two, SHAPE, 2, QUICK, seed=3).x)
    other = sample(two, SHAPE, 2, QUICK, seed=3, noise_seed=8)
    assert torch.equal(first.path[0], other.path[0])  # the same start,
    assert (first.x - other.x).abs().max() > 1e-3  # other noise on the way
    assert (first.x - sample(two, SHAPE, 2, QUICK, seed=9).x).abs().max() > 1e-3
    assert not torch.equal(first.path[0][0], first.path[0][1])


def test_beta_one_injects_nothing():
    settings = Sampling(step=0.2, beta=1.0, end=0.1)
    assert [settings.injected(t) for t in (1, 5, 50)] == [0, 0, 0]
    f = Flat([0.02])
    first = sample(f, SHAPE, 2, settings, seed=3)
    assert torch.equal(first.x, sample(f, SHAPE, 2, settings, seed=3, noise_seed=8).x)


# ------------------------------------------------------------------------------------------------
# Steps


def test_injected_noise_and_schedules_by_hand():
    paper = Sampling()
    assert (paper.step, paper.beta, paper.start, paper.end, paper.schedule) == (0.01, 0.1, 1.0, 0.05, "fixed")
    assert paper.injected(1) == paper.injected(900) == pytest.approx(math.sqrt(0.999**2 - 0.99**2))
    assert paper.expected_steps == pytest.approx(math.log(20) / -math.log(0.999), abs=1)
    assert Sampling(beta=1.0).expected_steps == pytest.approx(298, abs=1)
    growing = Sampling(step=0.01, beta=0.5, schedule="growing")
    assert growing.step_size(1) == 0.01
    assert growing.step_size(100) == pytest.approx(1 / 1.99)
    assert growing.step_size(10**6) == pytest.approx(1, abs=1e-3)
    h = growing.step_size(7)
    assert growing.injected(7) == pytest.approx(math.sqrt((1 - 0.5 * h) ** 2 - (1 - h) ** 2))
    assert growing.expected_steps < Sampling(step=0.01, beta=0.5).expected_steps / 10


@pytest.mark.parametrize(
    "settings",
    [
        Sampling(step=0.05, beta=1.0),
        Sampling(step=0.05, beta=0.3),
        Sampling(step=0.01, beta=0.3, schedule="growing"),
        Sampling(step=0.02, beta=0.8, start=2.0, end=0.01),
    ],
)
def test_an_ideal_denoiser_takes_the_expected_steps(settings):
    taken = sample(Flat([]), SHAPE, 8, settings).steps.double().mean().item()
    assert taken == pytest.approx(settings.expected_steps, rel=0.05, abs=1)


@pytest.mark.parametrize("schedule", ["fixed", "growing"])
def test_each_step_by_hand(schedule):
    settings = Sampling(step=0.1, beta=0.5, end=0.3, schedule=schedule)
    f = Flat([0.02])
    found = sample(f, SHAPE, 1, settings, seed=4, keep=1)
    stream = torch.Generator().manual_seed(4)
    y = 0.5 + torch.randn(SHAPE, generator=stream)[None]
    for t in range(1, int(found.steps[0]) + 1):
        torch.testing.assert_close(found.path[t - 1], y, atol=1e-5, rtol=0)
        h = 0.1 if schedule == "fixed" else 0.1 * t / (1 + 0.1 * (t - 1))
        move = f(y) - y
        sigma = move.square().mean().sqrt()
        assert found.sigma[t - 1, 0].item() == pytest.approx(sigma.item(), rel=1e-4)
        noise = torch.randn(SHAPE, generator=stream)[None]
        y = y + h * move + math.sqrt((1 - 0.5 * h) ** 2 - (1 - h) ** 2) * sigma * noise
    torch.testing.assert_close(found.x, f(y), atol=1e-5, rtol=0)


def test_a_trajectory_records_the_way():
    n, settings = 6, Sampling(step=0.1, beta=0.2, end=0.2)
    found = sample(Flat([0.01]), SHAPE, n, settings, keep=10)
    last = int(found.steps.max())
    assert found.x.shape == (n, *SHAPE)
    assert found.times[:3] == [0, 10, 20] and found.times[-1] == last
    assert found.path.shape == (len(found.times), n, *SHAPE)
    assert found.sigma.shape == (last + 1, n)
    assert len(set(found.steps.tolist())) > 1  # each image stops on its own
    for i, steps in enumerate(found.steps.tolist()):
        assert found.sigma[steps, i] <= settings.end < found.sigma[steps - 1, i]
        assert torch.isnan(found.sigma[steps + 1 :, i]).all()
        assert torch.isfinite(found.sigma[: steps + 1, i]).all()
    ends = sample(Flat([0.01]), SHAPE, n, settings)
    assert ends.times == [0, last] and ends.path.shape[0] == 2
    assert torch.equal(ends.path[-1], found.path[-1])


# ------------------------------------------------------------------------------------------------
# Failing


def test_a_diverging_denoiser_is_stopped():
    with pytest.raises(RuntimeError, match="sampling diverges: .* above twice the start"):
        sample(lambda y: 5 * y, SHAPE, 1)
    with pytest.raises(ValueError, match=r"f\(y\) contains NaN"):
        sample(lambda y: y * math.nan, SHAPE, 1)
    late = Sampling(step=0.5, beta=1.0)
    with pytest.raises(RuntimeError, match="sampling diverges: after 1 steps .* nan"):
        sample(lambda y: 0.5 + 0 * y + (math.nan if y.std() < 0.8 else 0), SHAPE, 1, late)


def test_a_sampler_that_does_not_arrive_says_so():
    with pytest.raises(RuntimeError, match=r"2 of 2 images have not reached sigma = 0.05 after 3 steps"):
        sample(Flat([]), SHAPE, 2, Sampling(max_steps=3))


@pytest.mark.parametrize(
    ("settings", "sentence"),
    [
        ({"step": 0.0}, r"step must be in \(0, 1\]"),
        ({"step": 1.5}, r"step must be in \(0, 1\]"),
        ({"beta": 0.0}, r"beta must be in \(0, 1\]"),
        ({"start": math.inf}, "start must be in"),
        ({"end": 2.0}, r"end must be in \(0, 1\]; got 2.0"),
        ({"mean": math.nan}, "mean must be in"),
        ({"max_steps": 0}, "max_steps must be in"),
    ],
)
def test_impossible_settings_are_refused(settings, sentence):
    with pytest.raises(ValueError, match=sentence):
        Sampling(**settings)
    with pytest.raises(KeyError, match="unknown schedule 'grow'; did you mean 'growing'"):
        Sampling(schedule="grow")


def test_impossible_shapes_are_refused():
    with pytest.raises(ValueError, match=r"shape must be \(C, H, W\); got \(16, 16\)"):
        sample(Flat([]), (16, 16))
    with pytest.raises(ValueError, match=r"n must be in \[1, inf\); got 0"):
        sample(Flat([]), SHAPE, 0)
    with pytest.raises(ValueError, match="divisible by 4"):
        sample(Blind(networks.UNet(2, 2).eval()), (1, 10, 10))


# ------------------------------------------------------------------------------------------------
# Inverse problems


MEASUREMENTS = {
    "inpainting": inverse.inpainting(SHAPE, 4, 5, 6, 7),
    "random pixels": inverse.random_pixels(SHAPE, 0.3, seed=1),
    "super-resolution": inverse.super_resolution(SHAPE, 4),
    "compressive": inverse.compressive(SHAPE, 0.1, seed=1),
    "spectral": inverse.spectral(SHAPE, 5),
}


@pytest.mark.parametrize("name", MEASUREMENTS)
def test_solutions_agree_with_the_measurements(name):
    problem, f = MEASUREMENTS[name], Flat([0.05, 0.03, 0.02], pattern=0.1)
    white = torch.randn(2, 3, generator=torch.Generator().manual_seed(5))
    truth = (f.mean + white * f.lam.sqrt() @ f.v).view(2, *SHAPE)
    measurements = problem.measure(truth)
    found = solve(f, problem, measurements, QUICK, seed=2, keep=5)
    assert found.x.shape == (2, *SHAPE)
    assert (problem.measure(found.x) - measurements).abs().max() < 1e-3
    # and what was not measured comes from the prior, not from setting it to the mean
    blank = problem.lift(measurements) + 0.5 - problem.project(torch.full((2, *SHAPE), 0.5))
    assert (found.x - truth).norm() < 0.7 * (blank - truth).norm()


def test_solutions_do_not_depend_on_their_batch():
    f, problem = Flat([0.05, 0.03, 0.02]), MEASUREMENTS["random pixels"]
    white = torch.randn(6, 3, generator=torch.Generator().manual_seed(5))
    measurements = problem.measure((f.mean + 2 * white * f.lam.sqrt() @ f.v).view(6, *SHAPE))
    settings = Sampling(step=0.1, beta=0.3, end=0.2)
    found = solve(f, problem, measurements, settings, seed=2)
    assert (found.steps.diff() > 0).any()  # one that leaves early stands before another
    for i in range(6):
        alone = solve(f, problem, measurements[i : i + 1], settings, seed=2 + i)
        assert alone.steps[0] == found.steps[i]
        torch.testing.assert_close(alone.x[0], found.x[i], atol=1e-4, rtol=0)


def test_on_a_gaussian_solutions_have_the_conditional_mean_and_spread():
    # one measurement mixes a wide and a narrow direction; given it, they are correlated
    f, n = Flat([0.1, 0.001]), 300
    problem = inverse.Rows((f.v[0] + f.v[1])[None] / math.sqrt(2), SHAPE)
    truth = (f.mean + torch.tensor([[0.35, 0.05]]) @ f.v).view(1, *SHAPE)
    measured = problem.measure(truth).expand(n, 1)
    conditional = 0.4 * f.lam / f.lam.sum()  # 0.396 and 0.004
    variance = f.lam.prod() / f.lam.sum()
    slow = f.coefficients(solve(f, problem, measured, Sampling(step=0.1, beta=0.1, end=0.01)).x)
    torch.testing.assert_close(slow.mean(0), conditional, atol=0.015, rtol=0)
    torch.testing.assert_close(slow.var(0), variance.expand(2), rtol=0.35, atol=0)
    # without injected noise the prior is felt too little: the two directions share the measurement
    fast = f.coefficients(solve(f, problem, measured, Sampling(step=0.1, beta=1.0, end=0.01)).x)
    assert (fast.mean(0) - conditional).abs().max() > 0.04


def test_measurements_must_fit():
    f, problem = Flat([]), MEASUREMENTS["spectral"]
    with pytest.raises(ValueError, match=r"measurements must be \(B, 25\); got \(1, 24\)"):
        solve(f, problem, torch.zeros(1, 24))
    with pytest.raises(ValueError, match="contains NaN"):
        solve(f, problem, torch.full((1, 25), math.nan))


def test_a_solution_starts_from_the_settings_where_nothing_was_measured():
    problem = MEASUREMENTS["inpainting"]
    truth = torch.full((200, *SHAPE), 0.9)
    settings = Sampling(step=0.5, start=0.3, end=0.25, mean=0.2)
    found = solve(Flat([0.05, 0.03, 0.02]), problem, problem.measure(truth), settings, keep=1)
    free = problem.project(torch.ones(1, *SHAPE))[0] < 0.5  # of the hole
    hole, rest = found.path[0][:, free], found.path[0][:, ~free]
    assert hole.mean().item() == pytest.approx(0.2, abs=0.02) and rest.mean().item() == pytest.approx(
        0.9, abs=0.02
    )
    assert hole.std().item() == pytest.approx(0.3, abs=0.02) == rest.std().item()


def test_a_run_is_given_up_at_twice_the_start_and_not_before():
    with pytest.raises(RuntimeError, match="diverges: after 0 steps the estimated noise level is 2.8"):
        sample(lambda y: 0.5 - 2 * (y - 0.5), SHAPE, 1)
    sample(
        lambda y: 0.5 - 0.8 * (y - 0.5), SHAPE, 1, Sampling(step=0.2, beta=1.0)
    )  # 1.8 times the start is allowed


def test_no_more_steps_are_expected_than_are_allowed():
    assert Sampling(max_steps=3).expected_steps == 3
