"""How smooth C^alpha pictures are, against samples of a known regularity."""

import pytest
import torch

from gahr.analysis import calpha
from gahr.images import synthetic


@pytest.mark.parametrize("seed", [0, 8])
def test_contours_are_those_of_the_images(seed):
    """Images that differ in the contour only differ only between the two contours."""
    one, two = (synthetic.c_alpha(12, 40, alpha, beta=3.0, seed=seed) for alpha in (1.0, 4.0))
    heights = torch.stack([calpha.contour(12, 40, alpha, seed).round() for alpha in (1.0, 4.0)])
    pairs = torch.stack([heights[..., 1:], heights[..., :-1]])  # the mask is averaged over two columns
    low, high = pairs.amin((0, 1))[:, None], pairs.amax((0, 1))[:, None]
    rows = torch.arange(1.0, 40)[None, :, None]  # the first row and column reflect their neighbours
    changed = (one - two)[:, 0, 1:, 1:].abs() > 1e-6
    assert not (changed & ~((rows >= low) & (rows <= high))).any()
    surely = heights[..., 1:].amin(0)[:, None], heights[..., 1:].amax(0)[:, None]
    assert changed.sum() > 0.8 * ((rows > surely[0]) & (rows < surely[1])).sum()


def test_a_step_is_measured_on_its_contour():
    x = torch.full((2, 1, 12, 4), 0.2)
    x[0, :, 6:] = 0.7
    heights = torch.tensor([[6.0] * 4, [1.0] * 4])  # the second has no columns with room on both sides
    assert calpha.step(x, heights).tolist() == pytest.approx([0.5, 0.0])
    with pytest.raises(ValueError, match=r"heights must be \(2, 4\)"):
        calpha.step(x, heights[:, :3])


def test_differences_of_a_polynomial_vanish_at_its_order():
    t = torch.arange(50.0)
    assert calpha.structure(t**2, 3, (1, 4)).tolist() == pytest.approx([0, 0], abs=1e-9)
    assert calpha.structure(t**2, 2, (1, 3)).tolist() == pytest.approx([4, 18**2])
    with pytest.raises(ValueError, match="too few"):
        calpha.structure(t, 10, (5,))


@pytest.mark.parametrize("alpha", [1.5, 2.0, 3.0, 4.0])
def test_filtered_noise_is_less_regular_than_its_filter_says(alpha):
    heights = calpha.contour(64, 4096, alpha, seed=1)
    assert calpha.holder(heights, 5, (8, 16, 32)) == pytest.approx(alpha - 0.5, abs=0.06)


def test_columns_without_room_on_either_side_are_left_out():
    x = torch.full((1, 1, 12, 4), 0.2)
    x[:, :, 6:], x[:, :, 11] = 0.7, 0.9
    assert calpha.step(x, torch.tensor([[6.0, 6.0, 10.0, 10.0]])).item() == pytest.approx(
        0.5
    )  # two columns lack room below


def test_a_step_is_taken_three_pixels_away():
    x = torch.arange(12.0).view(1, 1, 12, 1).expand(1, 1, 12, 4)
    assert calpha.step(x, torch.full((1, 4), 6.0)).item() == 6  # 3 pixels below less 3 above


def test_structure_is_the_mean_of_squares():
    f = torch.tensor([0.0, 1.0, 4.0, 5.0, 8.0])  # steps of 1 and 3
    assert calpha.structure(f, 1, (1,)).item() == pytest.approx(5)
