"""Image classes by name: every name in the table gives the images that the table says."""

import itertools
import re

import numpy as np
import pytest
import torch

from gahr import images
from gahr.images import classes, synthetic

PHOTOGRAPHS = ("fashion32", "fashion16", "faces40", "faces20", "faces10", "shuffled40")
DRAWN = ("calpha40a2", "calpha16a1.5b8", "discs16", "sinusoids16", "ray40", "ray16")
HALVES = ("a", "b", "held-out")
TABLE = re.findall(r"``(\w[\w.]*)``", classes.__doc__.split("\n\nDrawn classes")[0])


@pytest.fixture(scope="module")
def pixels():
    """Made-up 8-bit faces for the first file numbers of every half."""
    ids = np.concatenate([images.split_indices("faces40", 12, half) for half in HALVES])
    return {"images": np.random.default_rng(0).integers(0, 256, (36, 40, 40), dtype=np.uint8), "ids": ids}


@pytest.fixture
def faces(pixels, tmp_path, monkeypatch):
    np.savez(tmp_path / "faces.npz", **pixels)
    monkeypatch.setenv("GAHR_CELEBA", str(tmp_path / "faces.npz"))


def side(name):
    return int(re.search(r"\d+", name)[0])


def test_the_table_is_read():
    assert len(TABLE) >= 9 and set(PHOTOGRAPHS) <= set(TABLE)


@pytest.mark.parametrize("name", sorted({*TABLE, *PHOTOGRAPHS, *DRAWN}))
def test_every_class_has_the_stated_shape_and_range(name, faces):
    assert classes.is_drawn(name) == (name not in PHOTOGRAPHS)
    for half in HALVES:
        x = classes.load(name, 4, half)
        assert x.shape == (4, 1, side(name), side(name)) and x.dtype == torch.float32
        low = -1 if name.startswith("sinusoids") else 0
        assert low <= x.min() < x.max() <= 1 and x.isfinite().all()
        assert all(image.std() > 1e-3 for image in x)
        assert torch.equal(x, classes.load(name, 4, half))


def test_sinusoids_have_both_signs():
    assert classes.load("sinusoids16", 20, "a").min() < -0.3


@pytest.mark.parametrize("name", [*PHOTOGRAPHS, *DRAWN])
def test_halves_and_held_out_images_have_nothing_in_common(name, faces):
    sets = [classes.load(name, 12, half) for half in HALVES]
    if classes.is_drawn(name):
        sets += [classes.fresh(name, 12, seed) for seed in (0, 1)]
    for one, two in itertools.combinations(sets, 2):
        assert torch.cdist(one.flatten(1), two.flatten(1)).min() > 1e-4
    for one in sets:
        assert len(one.flatten(1).unique(dim=0)) == 12


@pytest.mark.parametrize("name", [*PHOTOGRAPHS, *DRAWN])
@pytest.mark.parametrize("half", HALVES)
def test_small_sets_lie_inside_large_ones(name, half, faces):
    small, large = classes.load(name, 3, half), classes.load(name, 12, half)
    # half B of the photographs grows from its end
    backward = half == "b" and not classes.is_drawn(name)
    assert torch.equal(small, large[-3:] if backward else large[:3])


def test_drawn_sets_go_on_beyond_one_chunk():
    x = classes.load("discs8", 2100, "b")
    assert len(x) == 2100 and len(x.flatten(1).unique(dim=0)) == 2100
    assert torch.equal(x[:1500], classes.load("discs8", 1500, "b"))


def test_small_faces_are_means_over_squares(faces, pixels):
    x = classes.load("faces40", 3, "a")[:, 0].numpy()
    expected = pixels["images"][:3] / 255
    np.testing.assert_allclose(x, expected, atol=1e-6)
    for name, cell in (("faces20", 2), ("faces10", 4)):
        squares = expected.reshape(3, 40 // cell, cell, 40 // cell, cell).mean((2, 4))
        np.testing.assert_allclose(classes.load(name, 3, "a")[:, 0], squares, atol=1e-6)


def test_shuffled_faces_share_one_permutation(faces):
    x, y = (
        torch.cat([classes.load(name, 12, half) for half in HALVES]) for name in ("faces40", "shuffled40")
    )
    # 36 random grays tell 1,600 pixels apart: each column of y is exactly one column of x
    columns = {tuple(column): k for k, column in enumerate(x.flatten(1).T.tolist())}
    order = [columns[tuple(column)] for column in y.flatten(1).T.tolist()]
    assert sorted(order) == list(range(1600))
    assert sum(k == at for at, k in enumerate(order)) < 20  # few pixels stay
    torch.testing.assert_close(synthetic.unshuffled(y), x)


def test_a_ray_is_one_image_times_factors():
    x, face = classes.load("ray40", 50, "a").flatten(1), images.portrait().flatten()
    factors = x @ face / face.square().sum()
    torch.testing.assert_close(x, factors[:, None] * face, atol=1e-5, rtol=0)
    assert factors.max() - factors.min() > 0.3


def test_regularity_is_that_of_the_name():
    rough, smooth, mixed = (classes.load(f"calpha40{name}", 200, "a") for name in ("a1", "a4", "a4b1"))
    steps = [(x[..., 1:] - x[..., :-1]).abs().median().item() for x in (rough, smooth, mixed)]
    assert steps[0] > 1.5 * steps[1]  # the typical pixel lies in a background
    assert steps[2] > 1.5 * steps[1]
    assert torch.equal(classes.load("calpha40a2", 2, "a"), classes.load("calpha40a2b2", 2, "a"))


def test_fresh_images_depend_on_the_seed_alone():
    for name in DRAWN:
        one = classes.fresh(name, 3, 7)
        torch.manual_seed(5)
        assert torch.equal(one, classes.fresh(name, 3, 7))
        assert not torch.equal(one, classes.fresh(name, 3, 8))


@pytest.mark.parametrize("half", HALVES)
def test_no_step_of_any_run_draws_the_images_of_a_half(half):
    # a run with seed 1 draws with the numbers from 1,000,003 on, which are also those of half A
    x = classes.load("discs8", 1000, half)
    for step in range(5):
        for seed in (step, classes._SEEDS[half] + step):
            new = classes.fresh("discs8", 1000, seed)
            assert torch.cdist(new[:5].flatten(1), x.flatten(1)).min() > 1e-4


@pytest.mark.parametrize("name", PHOTOGRAPHS)
def test_there_are_no_fresh_photographs(name):
    with pytest.raises(ValueError, match=f"{name} is a class of photographs: give a number of images"):
        classes.fresh(name, 3, 0)


@pytest.mark.parametrize(
    ("call", "error", "sentence"),
    [
        (
            lambda: classes.load("fashon32", 1, "a"),
            KeyError,
            "unknown image class 'fashon32'; did you mean 'fash",
        ),
        (lambda: classes.load("faces41", 1, "a"), KeyError, "did you mean 'faces4"),
        (lambda: classes.load("disks40", 1, "a"), KeyError, "did you mean 'discs40'"),
        (lambda: classes.load("discs", 1, "a"), KeyError, "did you mean 'discs40'"),
        (lambda: classes.load("discs40a2", 1, "a"), KeyError, "unknown image class 'discs40a2'"),
        (lambda: classes.load("calpha40", 1, "a"), KeyError, "did you mean 'calpha40a2'"),
        (lambda: classes.load("calpha40a1.2.3", 1, "a"), KeyError, "unknown image class 'calpha40a1.2.3'"),
        (lambda: classes.fresh("calpha", 1, 0), KeyError, "did you mean 'calpha40a2'"),
        (lambda: classes.load("discs16", 1, "c"), KeyError, "unknown half 'c'"),
        (lambda: classes.load("discs16", 1, "heldout"), KeyError, "did you mean 'held-out'"),
        (lambda: classes.load("discs16", 0, "a"), ValueError, "discs16, a: n must be at least 1; got 0"),
        (lambda: classes.load("fashion32", 10**6, "a"), ValueError, "n must be between 1 and"),
        (lambda: classes.load("faces20", 2, "a"), FileNotFoundError, "set GAHR_CELEBA"),
    ],
)
def test_mistakes_are_named(call, error, sentence):
    with pytest.raises(error, match=sentence):
        call()


def test_fresh_images_are_not_those_of_a_half():
    for half in ("a", "b", "held-out"):
        assert not torch.equal(classes.fresh("discs8", 1000, 0), classes.load("discs8", 1000, half))
