"""Numbers that claims rest on, against closed forms and brute force."""

import math

import numpy as np
import pytest
import torch

from gahr import measures
from gahr.analysis import memorization
from gahr.denoisers import add_noise


def draw(*shape, seed=0):
    return torch.rand(shape, generator=torch.Generator().manual_seed(seed))


def test_psnr_by_hand():
    x = torch.zeros(2, 1, 2, 2)
    estimate = x.clone()
    estimate[0] = 0.1
    estimate[1, 0, 0, 0] = 0.2  # mean square 0.01
    torch.testing.assert_close(measures.psnr(x, estimate), torch.tensor([20.0, 20.0]))
    assert measures.psnr(x, x).tolist() == [math.inf] * 2


def test_decibels_of_a_number_and_of_many():
    assert measures.decibels(0.001) == pytest.approx(30) and measures.decibels(0.0) == math.inf
    found = measures.decibels(torch.tensor([[1.0, 0.1], [0.01, 0.0]], dtype=torch.float64))
    assert found.dtype == torch.float64 and found.tolist() == [[0.0, 10.0], [20.0, math.inf]]
    x = draw(1, 1, 8, 8)
    mse = (x - 0.5).square().mean()
    assert measures.decibels(mse) == measures.psnr(x, torch.full_like(x, 0.5))  # of one image it is its PSNR


def test_psnr_averages_logarithms_as_the_authors_do():
    x = torch.zeros(2, 1, 1, 1)
    values = torch.tensor([0.1, 0.001]).view(2, 1, 1, 1)
    curve = measures.psnr_curve(lambda y, sigma: values, x, (0.5,))
    assert curve["psnr"][0] == pytest.approx((20 + 60) / 2)
    assert curve["se"][0] == pytest.approx(np.std([20, 60], ddof=1) / math.sqrt(2))


def test_psnr_curve_of_doing_nothing_and_of_a_shrinker():
    # f(y) = x0 + k (y - x0) leaves k sigma z: the output PSNR is -20 log10(k sigma), any image
    x = draw(1, 1, 64, 64).expand(20, 1, 64, 64)
    sigmas = (0.02, 0.1, 0.5)
    for k in (1.0, 0.25):
        curve = measures.psnr_curve(lambda y, sigma, k=k: x[:1] + k * (y - x[:1]), x, sigmas)
        assert curve["sigma"] == list(sigmas)
        for found, error, sigma in zip(curve["psnr"], curve["se"], sigmas, strict=True):
            assert 0 < error < 0.1
            assert found == pytest.approx(-20 * math.log10(k * sigma), abs=0.05)


def test_psnr_table_is_independent_of_batches_and_tells_sigma():
    x, told = draw(7, 1, 8, 8), []

    def f(y, sigma):
        told.append((len(y), sigma))
        return 0.9 * y

    table = measures.psnr_table(f, x, (0.1, 0.2), repeats=3, batch=3)
    assert table.shape == (2, 3, 7)
    assert told.pop(3) == (1, 0.1)  # the last batch of the first was asked twice
    assert told == [(3, 0.1), (3, 0.1), (1, 0.1)] * 3 + [(3, 0.2), (3, 0.2), (1, 0.2)] * 3
    torch.testing.assert_close(table, measures.psnr_table(f, x, (0.1, 0.2), repeats=3))
    assert not torch.equal(table[0, 0], table[0, 1])  # each repeat has its own noise
    torch.testing.assert_close(table[0, 0], measures.psnr(x, 0.9 * add_noise(x, 0.1, seed=0)))
    other = measures.psnr_table(f, x, (0.1, 0.2), repeats=3, seed=50_000)
    assert not torch.equal(table, other)


def test_standard_errors_are_over_images_or_for_one_image_over_draws():
    x = draw(1, 1, 8, 8)
    one = measures.psnr_curve(lambda y, sigma: y, x, (0.1,), repeats=40)
    table = measures.psnr_table(lambda y, sigma: y, x, (0.1,), repeats=40)[0, :, 0]
    assert one["se"][0] == pytest.approx(table.std().item() / math.sqrt(40), rel=1e-5)
    many = draw(5, 1, 8, 8)
    curve = measures.psnr_curve(lambda y, sigma: y, many, (0.1,), repeats=4)
    table = measures.psnr_table(lambda y, sigma: y, many, (0.1,), repeats=4)[0]
    assert curve["se"][0] == pytest.approx(table.mean(0).std().item() / math.sqrt(5), rel=1e-5)
    assert math.isnan(measures.psnr_curve(lambda y, sigma: y, x, (0.1,))["se"][0])


SIGMAS = (0.02, 0.05, 0.1, 0.3)


def test_slope_of_straight_lines_is_exact():
    entry = -20 * torch.log10(torch.tensor(SIGMAS))
    table = 0.7 * entry[:, None] + 5 * draw(1, 9)
    for shape in (table, table[:, None].expand(4, 3, 9)):
        found = measures.slope(shape, SIGMAS)
        assert found == pytest.approx((0.7, 0.7, 0.7), abs=1e-6)
    assert measures.slope(entry[:, None], SIGMAS).value == pytest.approx(1)  # doing nothing


def test_slope_is_least_squares():
    table = draw(4, 6) * 10
    entry = -20 * np.log10(SIGMAS)
    expected = np.polyfit(entry, table.mean(1).numpy(), 1)[0]
    assert measures.slope(table, SIGMAS).value == pytest.approx(expected, rel=1e-5)


def test_the_interval_covers_the_truth_about_95_times_in_100():
    entry = -20 * torch.log10(torch.tensor(SIGMAS))
    generator = torch.Generator().manual_seed(0)
    hits, trials, width = 0, 200, 0.0
    for trial in range(trials):
        each = 0.6 + 0.1 * torch.randn(60, generator=generator)
        noise = 0.2 * torch.randn(4, 60, generator=generator)
        found = measures.slope(each * entry[:, None] + noise, SIGMAS, draws=300, seed=trial)
        hits += found.low <= 0.6 <= found.high
        width += (found.high - found.low) / trials
    assert 0.88 * trials <= hits <= 0.99 * trials
    assert width == pytest.approx(2 * 1.96 * 0.1 / math.sqrt(60), rel=0.15)


# ------------------------------------------------------------------------------------------------
# Likeness


def test_similarity_with_and_without_the_mean():
    x = draw(3, 1, 6, 6)
    y = x + 0.1 * draw(3, 1, 6, 6, seed=1)
    a, b = x.flatten(1).double().numpy(), y.flatten(1).double().numpy()
    correlation = [np.corrcoef(p, q)[0, 1] for p, q in zip(a, b, strict=True)]
    cosine = [p @ q / np.linalg.norm(p) / np.linalg.norm(q) for p, q in zip(a, b, strict=True)]
    np.testing.assert_allclose(measures.similarity(x, y), correlation, atol=1e-5)
    np.testing.assert_allclose(measures.similarity(x, y, center=False), cosine, atol=1e-5)
    torch.testing.assert_close(measures.similarity(x, 0.3 + 0.5 * x), torch.ones(3))
    torch.testing.assert_close(measures.similarity(x, 1 - x), -torch.ones(3))


@pytest.mark.parametrize("block", [1, 4, 100])
@pytest.mark.parametrize("center", [True, False])
def test_nearest_against_brute_force(block, center):
    x, train = draw(5, 1, 4, 4), draw(11, 1, 4, 4, seed=1)
    index, value = measures.nearest(x, train, center, block)
    for i in range(5):
        alike = measures.similarity(x[i : i + 1].expand_as(train), train, center)
        assert index[i] == alike.argmax()
        assert value[i].item() == pytest.approx(alike.max().item(), abs=1e-6)
    planted = 0.1 + 0.5 * train[[7, 3]]
    assert measures.nearest(planted, train, True, block)[0].tolist() == [7, 3]


def test_memorized_fraction_counts_planted_copies():
    train, new = draw(20, 1, 8, 8), draw(6, 1, 8, 8, seed=1)
    copies = train[[4, 9]] + 0.02 * draw(2, 1, 8, 8, seed=2)
    assert memorization.memorized_fraction(new, train) == 0
    assert memorization.memorized_fraction(copies, train) == 1
    assert memorization.memorized_fraction(torch.cat([copies, new]), train) == pytest.approx(0.25)


def test_memorized_is_a_third_of_the_second_distance():
    train = torch.tensor([0.0, 1.0, 9.0]).view(3, 1, 1, 1)
    samples = torch.tensor([0.24, 0.26]).view(2, 1, 1, 1)  # ratios 0.316 and 0.351
    assert memorization.memorized_fraction(samples, train) == 0.5
    assert memorization.memorized_fraction(samples, train, ratio=0.5) == 1
    assert memorization.memorized_fraction(samples, train, ratio=0.3) == 0


def test_model_variance_of_two_shrinkers():
    # f - g = (a - b) y, so the number is (a - b)^2 / 2 times the mean square of y
    x = 0.5 * torch.ones(50, 1, 20, 20)
    found = measures.model_variance(lambda y, s: 0.9 * y, lambda y, s: 0.7 * y, x, 0.3)
    assert found.shape == (50,)
    expected = 0.5 * 0.2**2 * (0.25 + 0.09)
    assert found.mean().item() == pytest.approx(expected, rel=0.02)
    f = lambda y, sigma: sigma * y  # noqa: E731
    assert (measures.model_variance(f, f, x, 0.3) == 0).all()


def test_model_variance_is_the_variance_of_the_trained_function():
    # many "trained" functions y + e with e ~ N(0, 0.2^2): half the squared difference estimates 0.04
    x = torch.zeros(1, 1, 8, 8)
    generator = torch.Generator().manual_seed(0)
    values = []
    for _ in range(200):
        e, g = 0.2 * torch.randn(2, 1, 1, 8, 8, generator=generator)
        values.append(measures.model_variance(lambda y, s, e=e: y + e, lambda y, s, g=g: y + g, x, 0.1))
    assert torch.cat(values).mean().item() == pytest.approx(0.04, rel=0.05)


def test_comparing_two_shrinkers_has_a_closed_form():
    # f - g = (a - b) y, and f - x = (a - 1) x + a sigma z
    a, b, level, sigma = 0.9, 0.6, 0.5, 0.3
    x = torch.full((400, 1, 16, 16), level)
    found = measures.compare(lambda y, s: a * y, lambda y, s: b * y, x, sigma)
    square = level**2 + sigma**2  # E y^2
    variance = 0.5 * (a - b) ** 2 * square
    mse = sum(((k - 1) * level) ** 2 + (k * sigma) ** 2 for k in (a, b)) / 2
    # 102,400 pixels: four standard errors of these means are 1 to 1.5 %
    assert found["variance"] == pytest.approx(variance, rel=0.015)
    assert found["mse"] == pytest.approx(mse, rel=0.015)
    assert found["relative"] == pytest.approx(variance / mse, rel=0.015)
    # each image's variance is (a - b)^2 / 2 times a mean of 256 squares of N(level, sigma^2)
    spread = 0.5 * (a - b) ** 2 * math.sqrt((2 * sigma**4 + 4 * level**2 * sigma**2) / 256)
    assert found["se"] == pytest.approx(spread / math.sqrt(400), rel=0.15)


def test_independent_errors_have_relative_variance_one_and_equal_ones_none():
    x = draw(40, 1, 32, 32)
    one, two = 0.2 * torch.randn(2, 40, 1, 32, 32, generator=torch.Generator().manual_seed(1))

    def at(error):
        return lambda y, sigma: x + error

    independent = measures.compare(at(one), at(two), x, 0.1)
    assert independent["relative"] == pytest.approx(1, abs=0.03)
    assert independent["variance"] == pytest.approx(0.04, rel=0.03)
    equal = measures.compare(at(one), at(one), x, 0.1)
    assert equal["variance"] == equal["relative"] == 0 and equal["mse"] == pytest.approx(0.04, rel=0.03)
    opposite = measures.compare(at(one), at(-one), x, 0.1)
    assert opposite["relative"] == pytest.approx(2, rel=1e-4)
    exact = measures.compare(at(0), at(0), x, 0.1)
    assert exact["mse"] == 0 and math.isnan(exact["relative"])


def test_comparing_agrees_with_model_variance_in_any_batches():
    x, told = draw(7, 1, 8, 8), []

    def f(y, sigma):
        told.append((len(y), sigma))
        return 0.8 * y

    def g(y, sigma):
        return y.square()

    found = measures.compare(f, g, x, 0.2, seed=3, batch=3)
    each = measures.model_variance(f, g, x, 0.2, seed=3)
    assert told[:3] == [(3, 0.2), (3, 0.2), (1, 0.2)]
    assert found["variance"] == pytest.approx(each.mean().item(), rel=1e-5)
    assert found["se"] == pytest.approx(each.std().item() / math.sqrt(7), rel=1e-5)
    y = add_noise(x, 0.2, 3)
    errors = [(h(y, 0.2) - x).square().mean().item() for h in (f, g)]
    assert found["mse"] == pytest.approx(sum(errors) / 2, rel=1e-5)
    assert found != measures.compare(f, g, x, 0.2, seed=4)
    assert math.isnan(measures.compare(f, g, x[:1], 0.2)["se"])  # one image tells no spread


IMAGES, OTHER = torch.rand(4, 1, 4, 4), torch.rand(4, 1, 5, 5)
NAN = torch.full((4, 1, 4, 4), math.nan)


@pytest.mark.parametrize(
    ("call", "sentence"),
    [
        (lambda: measures.psnr(IMAGES, OTHER), "x and estimate must have the same shape"),
        (lambda: measures.psnr(NAN, IMAGES), "x contains NaN"),
        (lambda: measures.psnr(IMAGES, NAN), "estimate contains NaN"),
        (lambda: measures.psnr_curve(lambda y, s: y, IMAGES, (0.1, 0.0)), r"sigma must be in \(0, inf\)"),
        (lambda: measures.psnr_curve(lambda y, s: y, IMAGES[0]), "x must have shape"),
        (lambda: measures.slope(torch.ones(3, 5), (0.1, 0.2)), "table has 3 levels for 2 sigmas"),
        (lambda: measures.slope(torch.ones(1, 5), (0.1,)), "need 2 or more"),
        (lambda: measures.slope(torch.ones(2), (0.1, 0.2)), r"table must hold .* got \(2,\)"),
        (lambda: measures.slope(torch.full((2, 3), math.nan), (0.1, 0.2)), "table must hold finite PSNRs"),
        (lambda: measures.slope(torch.ones(2, 3), (0.1, 0.1)), "different positive noise levels"),
        (lambda: measures.slope(torch.ones(2, 3), (0.0, 0.1)), r"sigma must be in \(0, inf\); got 0.0"),
        (lambda: measures.similarity(IMAGES, OTHER), "x and y must have the same shape"),
        (lambda: measures.similarity(IMAGES, NAN), "y contains NaN"),
        (lambda: measures.nearest(IMAGES, OTHER), "x and train must hold images of one shape"),
        (lambda: measures.nearest(IMAGES, NAN), "train contains NaN"),
        (lambda: memorization.memorized_fraction(IMAGES, OTHER), "samples and train must hold images of one"),
        (lambda: memorization.memorized_fraction(IMAGES, IMAGES[:2]), "at least 3 training images; got 2"),
        (lambda: memorization.memorized_fraction(IMAGES, IMAGES, ratio=0), r"ratio must be in \(0, 1\]"),
        (lambda: measures.model_variance(lambda y, s: y, lambda y, s: y, IMAGES, -1), "sigma must be in"),
        (lambda: measures.compare(lambda y, s: y, lambda y, s: y, IMAGES, -1), "sigma must be in"),
        (lambda: measures.compare(lambda y, s: y, lambda y, s: y, NAN, 0.1), "x contains NaN"),
    ],
)
def test_bad_input_is_refused(call, sentence):
    with pytest.raises(ValueError, match=sentence):
        call()


def test_every_level_and_repeat_has_noise_of_its_own():
    x = torch.zeros(2, 1, 8, 8)
    seen = []
    measures.psnr_table(lambda y, s: seen.append(y / s) or y, x, (0.1, 0.2), repeats=2)
    assert len({tuple(z.flatten().tolist()) for z in seen}) == 4


def test_the_interval_of_a_slope_covers_95_percent():
    entry = -20 * torch.log10(torch.tensor([0.1, 1.0]))[:, None]
    each = 0.6 + 0.1 * torch.randn(400, generator=torch.Generator().manual_seed(0))
    found = measures.slope(each * entry, (0.1, 1.0), draws=20_000)
    assert found.high - found.low == pytest.approx(2 * 1.96 * each.std().item() / 20, rel=0.04)


def test_mse_of_a_curve_is_the_mean_of_errors():
    x, values = torch.zeros(2, 1, 1, 1), torch.tensor([0.1, 0.001]).view(2, 1, 1, 1)
    curve = measures.psnr_curve(lambda y, s: values, x, (0.5,))
    assert curve["mse"][0] == pytest.approx((1e-2 + 1e-6) / 2, rel=1e-4)


def test_estimates_of_another_shape_are_refused():
    x = torch.rand(3, 1, 4, 4)
    for measure in (measures.compare, measures.model_variance):
        with pytest.raises(
            ValueError, match=r"g must return the shape of y, \(3, 1, 4, 4\); got \(3, 1, 4, 2\)"
        ):
            measure(lambda y, sigma: y, lambda y, sigma: y[..., :2], x, 0.1)


def test_a_denoiser_of_nan_is_not_compared():
    x = torch.rand(3, 1, 4, 4)
    with pytest.raises(ValueError, match=r"g\(y\) contains NaN"):
        measures.compare(lambda y, sigma: y, lambda y, sigma: math.nan * y, x, 0.1)
