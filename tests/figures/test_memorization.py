"""The drawings hold what they were given."""

import matplotlib.pyplot as plt
import numpy as np
import pytest
import torch

from gahr import plots
from gahr.figures import memorization as figures


@pytest.fixture
def axes():
    figure, axes = plots.figure(1, 4)
    yield axes[0]
    figure.canvas.draw()  # what cannot be drawn is found out here
    plt.close(figure)


def line(ax, label):
    """The line that the legend calls so."""
    return dict(zip(*reversed(ax.get_legend_handles_labels()), strict=True))[label]


def test_two_panels_put_noise_on_the_left_and_mark_unit_slope(axes):
    half = {"sigma": [0.1, 1.0], "psnr": [25.0, 12.0]}
    curves = {n: {"train": half, "held_out": half | {"psnr": [15.0, 11.0]}} for n in (10, 1000)}
    figures.two_panels(axes[:2], curves)
    for ax, psnr in zip(axes, ([25, 12], [15, 11]), strict=False):
        assert ax.get_legend_handles_labels()[1] == ["N = 10", "N = 1,000", "unit slope"]
        found = line(ax, "N = 10")
        assert found.get_xdata() == pytest.approx([20, 0]) and list(found.get_ydata()) == psnr
        assert line(ax, "unit slope").get_xydata().tolist() == [[0, 0], [20, 20]]


def test_provenance_maps_the_most_used_image_to_the_first_color(axes):
    pictures = torch.rand(3, 1, 16, 16, generator=torch.Generator().manual_seed(0))
    figures.provenance(axes, pictures, torch.tensor([[3, 2], [2, -1]]))
    (drawn,) = axes[3].images
    assert drawn.get_array().tolist() == [[1, 0], [0, -1]]
    names = [plots.COLORS["blue"], plots.COLORS["orange"], "white"]
    for rank, name in zip((0, 1, -1), names, strict=True):
        assert drawn.cmap(drawn.norm(rank)) == pytest.approx(plt.matplotlib.colors.to_rgba(name))


def test_pictures_beside_the_map_are_at_full_contrast(axes):
    pictures = torch.rand(3, 1, 16, 16, generator=torch.Generator().manual_seed(0))
    figures.provenance(axes, 0.3 * pictures, torch.zeros(2, 2, dtype=torch.long))
    for ax, x in zip(axes, pictures, strict=False):
        np.testing.assert_allclose(ax.images[0].get_array(), x[0] / x.max(), rtol=1e-5)
