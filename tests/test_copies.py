"""Whole copies and patchworks, on images made by a known recipe."""

import math

import pytest
import torch

from gahr import copies, denoisers, measures, rulers
from gahr.denoisers import add_noise
from gahr.ideal import FiniteSet
from gahr.sampling import Sampling, sample


def pictures(n, seed=0, side=16):
    return torch.rand(n, 1, side, side, generator=torch.Generator().manual_seed(seed))


@pytest.mark.parametrize("sigma", [0.05, 0.3, 1.0])
def test_recall_reads_the_noise_level(sigma):
    train = pictures(5)
    y = add_noise(train.repeat(20, 1, 1, 1), sigma, seed=1)
    level = copies.Recall(train).level(y)
    # the mean of 100 estimates, each with a standard deviation of sigma / sqrt(2 d)
    assert level.mean().item() == pytest.approx(sigma, rel=4 / math.sqrt(2 * 256 * 100))


def test_recall_is_the_finite_set_at_the_level_it_reads():
    train = pictures(4, side=8)
    f, y = copies.Recall(train), add_noise(train, 1.5, seed=2)
    told = [FiniteSet(train)(one[None], level.item()) for one, level in zip(y, f.level(y), strict=True)]
    assert torch.allclose(f(y), torch.cat(told), atol=1e-5)
    assert (FiniteSet(train).weights(y, 1.5).max(1).values < 0.99).any()  # it does average here
    assert torch.equal(f(y, 0.1), f(y))  # blind


def test_recall_is_not_homogeneous_and_its_samples_are_the_training_images():
    train = pictures(3)
    f = copies.Recall(train)
    assert torch.allclose(f(2 * train), train, atol=1e-6)
    drawn = sample(f, (1, 16, 16), 8, Sampling(step=0.2, beta=0.5)).x
    assert measures.nearest(drawn, train)[1].min() > 1 - 1e-6
    assert torch.allclose(copies.brightness(drawn, train), torch.ones(8), atol=1e-5)


def test_brightness_takes_the_most_parallel_image_not_the_nearest():
    train = torch.tensor([[[[1.0, 0.0]]], [[[0.2, 0.2]]]])
    assert copies.brightness(torch.tensor([[[[0.3, 0.0]]]]), train).item() == pytest.approx(0.3)


def test_at_the_level_of_doubt_a_sixth_of_the_noise_misleads():
    pair = pictures(2)
    sigma = copies.doubt(pair)[0].item()
    y = add_noise(pair[:1].repeat(4000, 1, 1, 1), sigma)
    wrong = (FiniteSet(pair).weights(y, sigma)[:, 1] > 0.5).double().mean().item()
    assert wrong == pytest.approx(0.1587, abs=4 * math.sqrt(0.16 * 0.84 / 4000))
    with pytest.raises(ValueError, match="at least 2 training images"):
        copies.doubt(pair[:1])


def test_the_error_of_the_perfect_memory_of_two_is_an_integral():
    pair, sigma = pictures(2), 2.0
    far = (pair[0] - pair[1]).norm().item()
    z = torch.linspace(-8, 8, 4001, dtype=torch.float64)
    wrong = 1 / (1 + torch.exp(far**2 / (2 * sigma**2) + far * z / sigma))  # weight of the other image
    density = torch.exp(-z.square() / 2)
    mse = far**2 / 256 * (wrong.square() * density).sum() / density.sum()
    found = copies.perfect(pair, (0.001, sigma), noisy=20_000)
    assert found[0] > 290  # no error
    assert found[1].item() == pytest.approx(copies.decibels(mse).item(), abs=0.2)


def test_full_contrast_reaches_white():
    assert torch.equal(copies.bright(0.3 * pictures(3)).amax((1, 2, 3)), torch.ones(3))
    assert not copies.bright(torch.zeros(1, 1, 2, 2)).any()


def test_a_dim_copy_fails_the_distance_ratio_and_passes_the_ray_ratio():
    train = pictures(20)
    dim = 0.3 * train
    assert rulers.distance_ratio(dim, train).min() > 0.5
    assert copies.ray_ratio(dim, train).max() < 1e-5


def test_the_ray_ratio_is_the_ratio_of_distances_at_the_best_factors():
    train, x = pictures(6), pictures(4, seed=1)
    flat, rays = x.flatten(1).double(), train.flatten(1).double()
    factor = (flat @ rays.T) / rays.square().sum(1)
    distance = (flat[:, None] - factor[..., None] * rays).norm(dim=2).sort(dim=1).values
    assert torch.allclose(copies.ray_ratio(x, train), distance[:, 0] / distance[:, 1])
    with pytest.raises(ValueError, match="at least 2 training images"):
        copies.ray_ratio(x, train[:1])


def test_a_picture_of_four_quarters_is_taken_apart():
    train = pictures(9)
    x = train[:1].clone()
    x[..., :8, 8:], x[..., 8:, :8], x[..., 8:, 8:] = (
        0.5 * train[4, :, :8, 8:],
        2 * train[7, :, 8:, :8],
        train[8, :, 8:, 8:],
    )
    found = copies.patchwork(x, train, size=8, stride=8)
    assert found.source[0].tolist() == [[0, 4], [7, 8]]
    assert found.mixed.item() == pytest.approx(0, abs=1e-9) and found.single.item() > 0.05
    assert torch.allclose(found.collage, x, atol=1e-6)
    assert found.main.item() == 0.25
    assert str(found).split(" | ")[1:] == ["0.0%", "25%"]


def test_a_whole_copy_is_one_piece_and_gains_nothing_by_mixing():
    train = pictures(9)
    found = copies.patchwork(0.4 * train[3:5], train)
    assert [set(source.flatten().tolist()) for source in found.source] == [{3}, {4}]
    assert torch.allclose(found.single, found.mixed) and found.single.abs().max() < 1e-9
    assert torch.equal(found.main, torch.ones(2, dtype=torch.float64))
    assert torch.allclose(found.collage, 0.4 * train[3:5], atol=1e-6)


def test_mixing_never_explains_less_and_both_match_a_loop():
    train, x = pictures(5), pictures(3, seed=4)
    found = copies.patchwork(x, train, size=4, stride=4)
    assert (found.mixed <= found.single).all() and (found.mixed > 0).all()
    lost = torch.zeros(16, 5, dtype=torch.float64)
    for place in range(16):
        i, j = 4 * (place // 4), 4 * (place % 4)
        patch = x[0, 0, i : i + 4, j : j + 4].double().flatten()
        for n in range(5):
            known = train[n, 0, i : i + 4, j : j + 4].double().flatten()
            lost[place, n] = (patch - (patch @ known) / (known @ known) * known).square().sum()
    energy = x[0].double().square().sum()
    assert found.single[0].item() == pytest.approx((lost.sum(0).min() / energy).item())
    assert found.mixed[0].item() == pytest.approx((lost.min(1).values.sum() / energy).item())
    assert found.source[0].flatten().tolist() == lost.argmin(1).tolist()


def test_nearly_empty_patches_are_left_out():
    train = pictures(3)
    x = train[1:2].clone()
    x[..., :8, :] *= 0.01
    source = copies.patchwork(x, train, size=8, stride=8).source
    assert source[0].tolist() == [[-1, -1], [1, 1]]


@pytest.mark.parametrize(
    ("change", "says"),
    [({"size": 17}, "between 1 and the image's side 16"), ({"stride": 0}, "stride")],
)
def test_patches_that_do_not_fit_are_refused(change, says):
    with pytest.raises(ValueError, match=says):
        copies.patchwork(pictures(2), pictures(2), **change)


def test_images_that_cannot_be_explained_are_refused():
    with pytest.raises(ValueError, match="black image"):
        copies.patchwork(torch.zeros(1, 1, 16, 16), pictures(2))
    for ruler in (copies.patchwork, copies.ray_ratio, copies.brightness):
        with pytest.raises(ValueError, match="train"):
            ruler(pictures(2), pictures(2, side=8))


def test_a_share_is_strictly_between_its_thresholds():
    values = torch.tensor([0.1, 0.5, 0.5, 0.9])
    assert copies.share(values) == 1
    assert copies.share(values, above=0.5) == copies.share(values, below=0.5) == 0.25
    assert copies.share(values.tolist(), above=0.1, below=0.9) == 0.5


def test_the_level_of_a_memory_makes_the_picture_most_probable():
    """The level makes the image most probable: sigma^2 = sum w_i |y - x_i|^2 / d."""
    x = torch.rand(6, 1, 4, 4, generator=torch.Generator().manual_seed(0))
    y = denoisers.add_noise(x, 1.0, seed=1).double()
    f = copies.Recall(x)
    for one, level in zip(y, f.level(y), strict=True):
        weights = FiniteSet(x).weights(one[None], level.item())[0]
        mean = (weights * (one - x.double()).flatten(1).square().mean(1)).sum()
        assert level.item() ** 2 == pytest.approx(mean.item(), rel=1e-3)
