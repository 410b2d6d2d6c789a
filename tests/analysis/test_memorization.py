"""Whole copies and patchworks, on images made by a known recipe."""

import pytest
import torch

from book.studies import two_networks
from gahr import images, measures, networks, zoo
from gahr.analysis import memorization
from gahr.denoisers import Blind


def pictures(n, seed=0, side=16):
    return torch.rand(n, 1, side, side, generator=torch.Generator().manual_seed(seed))


def test_full_contrast_reaches_white():
    assert torch.equal(memorization.bright(0.3 * pictures(3)).amax((1, 2, 3)), torch.ones(3))
    assert not memorization.bright(torch.zeros(1, 1, 2, 2)).any()


def test_a_dim_copy_fails_the_distance_ratio_and_passes_the_ray_ratio():
    train = pictures(20)
    dim = 0.3 * train
    assert memorization.distance_ratio(dim, train).min() > 0.5
    assert memorization.ray_ratio(dim, train).max() < 1e-5


def test_the_ray_ratio_is_the_ratio_of_distances_at_the_best_factors():
    train, x = pictures(6), pictures(4, seed=1)
    flat, rays = x.flatten(1).double(), train.flatten(1).double()
    factor = (flat @ rays.T) / rays.square().sum(1)
    distance = (flat[:, None] - factor[..., None] * rays).norm(dim=2).sort(dim=1).values
    assert torch.allclose(memorization.ray_ratio(x, train), distance[:, 0] / distance[:, 1])
    with pytest.raises(ValueError, match="at least 2 training images"):
        memorization.ray_ratio(x, train[:1])


def test_a_picture_of_four_quarters_is_taken_apart():
    train = pictures(9)
    x = train[:1].clone()
    x[..., :8, 8:], x[..., 8:, :8], x[..., 8:, 8:] = (
        0.5 * train[4, :, :8, 8:],
        2 * train[7, :, 8:, :8],
        train[8, :, 8:, 8:],
    )
    found = memorization.patchwork(x, train, size=8, stride=8)
    assert found.source[0].tolist() == [[0, 4], [7, 8]]
    assert found.mixed.item() == pytest.approx(0, abs=1e-9) and found.single.item() > 0.05
    assert torch.allclose(found.collage, x, atol=1e-6)
    assert found.main.item() == 0.25


def test_a_whole_copy_is_one_piece_and_gains_nothing_by_mixing():
    train = pictures(9)
    found = memorization.patchwork(0.4 * train[3:5], train)
    assert [set(source.flatten().tolist()) for source in found.source] == [{3}, {4}]
    assert torch.allclose(found.single, found.mixed) and found.single.abs().max() < 1e-9
    assert torch.equal(found.main, torch.ones(2, dtype=torch.float64))
    assert torch.allclose(found.collage, 0.4 * train[3:5], atol=1e-6)


def test_mixing_never_explains_less_and_both_match_a_loop():
    train, x = pictures(5), pictures(3, seed=4)
    found = memorization.patchwork(x, train, size=4, stride=4)
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
    source = memorization.patchwork(x, train, size=8, stride=8).source
    assert source[0].tolist() == [[-1, -1], [1, 1]]


@pytest.mark.parametrize(
    ("change", "says"),
    [({"size": 17}, "between 1 and the image's side 16"), ({"stride": 0}, "stride")],
)
def test_patches_that_do_not_fit_are_refused(change, says):
    with pytest.raises(ValueError, match=says):
        memorization.patchwork(pictures(2), pictures(2), **change)


def test_images_that_cannot_be_explained_are_refused():
    with pytest.raises(ValueError, match="black image"):
        memorization.patchwork(torch.zeros(1, 1, 16, 16), pictures(2))
    for ruler in (memorization.patchwork, memorization.ray_ratio):
        with pytest.raises(ValueError, match="train"):
            ruler(pictures(2), pictures(2, side=8))


def test_features_find_a_shifted_picture_more_often_than_pixels():
    f = zoo.halves("fashion32-unet16-n14000")[0]
    x = images.load("fashion32", 100, "held-out")
    shifted = torch.roll(x, 2, dims=3)
    seen, moved = two_networks.features(f, x), two_networks.features(f, shifted)
    assert seen.shape == (100, 128, 4, 4)
    center, own = seen.mean(0), torch.arange(100)
    by_features = measures.nearest(moved - center, seen - center, center=False)[0] == own
    by_pixels = measures.nearest(shifted, x)[0] == own
    assert by_features.float().mean() > by_pixels.float().mean() + 0.1


def test_features_are_those_of_the_middle_block():
    f = Blind(networks.initialize(networks.UNet(channels=4, blocks=2), 0).eval())
    kept = []
    f.network.mid_block.register_forward_hook(lambda module, given, out: kept.append(out))
    x = torch.rand(3, 1, 16, 16)
    f(x)
    assert torch.allclose(two_networks.features(f, x), kept[0], atol=1e-6)


def test_a_network_of_one_scale_has_no_middle():
    with pytest.raises(ValueError, match="a BFCNN has no middle block; use a UNet"):
        two_networks.features(Blind(networks.BFCNN(channels=4, layers=3).eval()), torch.rand(1, 1, 8, 8))


def test_the_distance_ratio_tells_copies_from_others():
    train = torch.eye(4).view(4, 1, 2, 2)
    x = torch.stack([train[0] * 0.9, (train[0] + train[1]) / 2])
    ratio = memorization.distance_ratio(x, train)
    assert ratio.tolist() == pytest.approx([0.1 / 1.81**0.5, 1.0])
    assert memorization.memorized_fraction(x, train) == (ratio < 1 / 3).double().mean()
    with pytest.raises(ValueError, match="needs at least 2 training images; got 1"):
        memorization.distance_ratio(x, train[:1])


def test_the_closest_training_image_is_found_at_any_brightness():
    train = images.load("fashion32", 20, "a")
    assert torch.equal(memorization.closest(0.3 * train[[7, 2]] + 0.1, train), train[[7, 2]])


def test_a_patch_of_a_colour_picture_has_all_its_colours():
    train = torch.rand(5, 3, 16, 16, generator=torch.Generator().manual_seed(0))
    x = torch.cat([0.5 * train[1:2, :, :8], train[3:4, :, 8:]], 2)
    found = memorization.patchwork(x, train, size=8, stride=8)
    assert found.source.tolist() == [[[1, 1], [3, 3]]]
    assert found.mixed.item() == pytest.approx(0, abs=1e-6) and found.single.item() > 0.05
    torch.testing.assert_close(found.collage, x)
    recoloured = x[:, [1, 2, 0]]  # the same patches in other colours are no copies
    assert memorization.patchwork(recoloured, train, size=8, stride=8).mixed.item() > 0.05
