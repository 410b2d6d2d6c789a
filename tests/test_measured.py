"""Which images a run loads, measures and records: nothing is exchanged on the way to its curves."""

import hashlib
import math

import numpy as np
import pytest
import torch
from PIL import Image

from gahr import classes, images, locality, measures, recipes, training
from gahr.denoisers import Blind


class Gray(torch.nn.Module):
    """Answers 0.2 everywhere."""

    def __init__(self):
        super().__init__()
        self.unused = torch.nn.Parameter(torch.zeros(1))

    def forward(self, y):
        return y - 0.2


def test_training_and_held_out_images_are_not_exchanged():
    x, new = torch.full((3, 1, 4, 4), 0.2), torch.full((5, 1, 4, 4), 0.8)
    curves, row = training._curves(Blind(Gray()), x, new), training._glance(Gray(), x, new)
    for train, held_out in (
        (curves["train"]["psnr"], curves["held_out"]["psnr"]),
        (row["train"], row["held_out"]),
    ):
        assert train[0] > 100 and held_out[0] == pytest.approx(-20 * math.log10(0.6), abs=1e-3)


def test_a_recipe_loads_its_half_and_a_thousand_held_out_images():
    x, held_out = training.load_images(recipes.Recipe("discs8", 3, "b"))
    assert torch.equal(x, classes.load("discs8", 3, "b"))
    assert torch.equal(held_out, classes.load("discs8", 1000, "held-out"))


def test_the_hash_is_of_rounded_pixels():
    x = torch.tensor([[[[0.0, 0.102, 0.502, 1.0]]]])  # 0, 26.01, 128.01, 255
    x[0, 0, 0, 1:3] -= 0.001  # 25.755, 127.755
    found = training.data_identity(recipes.Recipe("toy", 1, "a"), x)["sha256"]
    assert found == hashlib.sha256(bytes([0, 26, 128, 255])).hexdigest()


def test_mse_of_a_curve_is_the_mean_of_errors():
    x, values = torch.zeros(2, 1, 1, 1), torch.tensor([0.1, 0.001]).view(2, 1, 1, 1)
    curve = measures.psnr_curve(lambda y, s: values, x, (0.5,))
    assert curve["mse"][0] == pytest.approx((1e-2 + 1e-6) / 2, rel=1e-4)


def test_a_distance_on_an_edge_belongs_to_the_next_bin():
    M = torch.exp(-locality.distances(5))
    assert locality.profile(M, (0, 1, 1.4, 2)) == pytest.approx([1, math.exp(-1), math.exp(-(2**0.5))])


def test_fresh_images_are_not_those_of_a_half():
    for half in ("a", "b", "held-out"):
        assert not torch.equal(classes.fresh("discs8", 1000, 0), classes.load("discs8", 1000, half))


def test_estimates_of_another_shape_are_refused():
    x = torch.rand(3, 1, 4, 4)
    for measure in (measures.compare, measures.model_variance):
        with pytest.raises(ValueError, match=r"y and g\(y\) must have the same shape"):
            measure(lambda y, sigma: y, lambda y, sigma: y[:, 0], x, 0.1)


def test_pictures_of_16_bits_are_refused(tmp_path):
    Image.fromarray(np.linspace(0, 65535, 64).reshape(8, 8).astype(np.uint16)).save(tmp_path / "deep.png")
    with pytest.raises(ValueError, match="deep.png has more than 8 bits"):
        images.folder(tmp_path, 8)
