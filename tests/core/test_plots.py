"""Figures: each is drawn on the given axes, labelled, and shows the numbers it was given."""

import math

import matplotlib.pyplot as plt
import numpy as np
import pytest
import torch

from gahr import plots


@pytest.fixture(autouse=True)
def tidy():
    with plt.rc_context():
        yield
    plt.close("all")


@pytest.fixture
def ax():
    return plots.figure()[1][0, 0]


def draw(*shape):
    return torch.rand(shape, generator=torch.Generator().manual_seed(0))


def test_a_figure_has_a_two_dimensional_array_of_axes():
    figure, axes = plots.figure(2, 3, size=(1.0, 1.5))
    assert axes.shape == (2, 3)
    assert figure.get_size_inches().tolist() == [3.0, 3.0]
    assert plots.figure()[1].shape == (1, 1)


def test_colors_are_distinct_and_valid():
    assert len({plt.matplotlib.colors.to_rgb(color) for color in plots.COLORS.values()}) == len(plots.COLORS)


@pytest.mark.parametrize("shape", [(6, 7), (1, 6, 7), (1, 1, 6, 7)])
@pytest.mark.parametrize("kind", [torch.Tensor, np.ndarray])
def test_an_image_is_gray_from_zero_to_one(ax, shape, kind):
    x = 0.2 + 0.5 * draw(*shape)
    plots.image(ax, x if kind is torch.Tensor else x.numpy(), title="a face")
    (drawn,) = ax.images
    np.testing.assert_allclose(drawn.get_array(), x.view(6, 7))
    assert drawn.get_clim() == (0, 1) and drawn.get_cmap().name == "gray"
    assert ax.get_title() == "a face" and len(ax.get_xticks()) == len(ax.get_yticks()) == 0


def test_signed_images_have_zero_in_the_middle(ax):
    x = torch.tensor([[-0.1, 0.0], [0.05, 0.4]], requires_grad=True)
    plots.image(ax, x, signed=True)
    low, high = ax.images[0].get_clim()
    assert -low == high == pytest.approx(0.4)
    middle = ax.images[0].get_cmap()(0.5)
    assert min(middle[:3]) > 0.9  # zero is white
    plots.image(ax, torch.zeros(2, 2), signed=True)  # nothing to scale by


@pytest.mark.parametrize("shape", [(4,), (2, 8, 8), (2, 1, 8, 8)])
def test_more_than_one_gray_image_is_refused(ax, shape):
    with pytest.raises(ValueError, match="one gray image is drawn at a time"):
        plots.image(ax, torch.zeros(shape))


def test_a_row_of_images_hides_what_is_left_over():
    _, axes = plots.figure(1, 4)
    plots.images(axes[0], draw(3, 1, 5, 5), titles=["a", "b", "c"], label="half A")
    assert [ax.get_title() for ax in axes[0]] == ["a", "b", "c", ""]
    assert [len(ax.images) for ax in axes[0]] == [1, 1, 1, 0]
    assert axes[0, 0].get_ylabel() == "half A" and not axes[0, 3].axison


def test_a_gallery_fills_row_by_row():
    plots.gallery(draw(5, 1, 4, 4), titles=list("abcde"), columns=3, labels=("one", "two"), signed_from=4)
    axes = np.array(plt.gcf().axes).reshape(2, 3)
    assert [ax.get_title() for ax in axes.ravel()] == ["a", "b", "c", "d", "e", ""]
    assert [row[0].get_ylabel() for row in axes] == ["one", "two"]
    assert axes[1, 0].images[0].get_cmap().name == "gray"
    assert axes[1, 1].images[0].get_cmap().name != "gray"
    assert not axes[1, 2].axison


def test_psnr_curves_are_drawn_against_input_psnr(ax):
    curve = {"sigma": [0.01, 0.1, 1.0], "psnr": [41.0, 28.0, 17.0], "se": [0.1, 0.2, 0.3]}
    plots.psnr(ax, {"network": curve, "Wiener": curve | {"psnr": [40.5, 25.0, 16.0]}}, dashed=["Wiener"])
    network, wiener, nothing = ax.lines
    np.testing.assert_allclose(network.get_xdata(), [40, 20, 0], atol=1e-9)
    assert network.get_ydata().tolist() == [41.0, 28.0, 17.0]
    assert network.get_linestyle() == "-" and wiener.get_linestyle() == "--"
    np.testing.assert_allclose(nothing.get_xdata(), nothing.get_ydata())  # output = input
    band = ax.collections[0].get_paths()[0].vertices
    assert band[:, 1].max() == pytest.approx(41.2) and band[:, 1].min() == pytest.approx(16.4)
    assert [t.get_text() for t in ax.get_legend().get_texts()] == ["network", "Wiener", "no denoising"]
    assert "input PSNR (dB)" in ax.get_xlabel() and ax.get_ylabel() == "output PSNR (dB)"
    ax.figure.canvas.draw()  # every glyph of the labels exists


def test_a_curve_may_lack_its_standard_error(ax):
    plots.psnr(ax, {"network": {"sigma": [0.1, 1.0], "psnr": [28.0, 17.0]}})
    assert len(ax.collections) == 0


def test_spectra_begin_at_rank_one(ax):
    lam = torch.linspace(1.2, 0, 50)
    plots.spectrum(ax, {"singular": lam, "symmetric": lam / 2}, count=20)
    assert ax.lines[0].get_xdata().tolist() == list(range(1, 21))
    np.testing.assert_allclose(ax.lines[0].get_ydata(), lam[:20])
    assert ax.get_xscale() == "log" and ax.get_xlabel() == "rank k" and "lambda" in ax.get_ylabel()
    assert [t.get_text() for t in ax.get_legend().get_texts()] == ["singular", "symmetric"]


def test_a_field_points_where_it_is_told(ax):
    side = torch.linspace(-2, 2, 5)
    rows, columns = torch.meshgrid(side, side, indexing="ij")
    arrows = -torch.stack([columns, rows], -1)  # towards the origin; last axis is (across, up)
    plots.field(ax, arrows, torch.rand(9, 9), extent=2.0, title="a bowl")
    quiver = ax.collections[0]
    across, up = quiver.U.reshape(5, 5), quiver.V.reshape(5, 5)
    assert across[2, 4] < 0 < across[2, 0] and up[4, 2] < 0 < up[0, 2]
    assert abs(across[0, 2]) < 1e-6 and abs(up[2, 0]) < 1e-6
    assert math.isclose(ax.images[0].get_extent()[1], 2.0) and ax.images[0].origin == "lower"
    assert ax.get_title() == "a bowl" and ax.get_xlabel() and ax.get_ylabel()
    ax.figure.canvas.draw()


def test_against_noise_weaker_noise_is_to_the_right(ax):
    plots.against_noise(ax, [0.01, 1.0], {"best": [3, 4], "network": [1, 2]}, dashed=["best"])
    left, right = ax.transData.transform([(1.0, 0), (0.01, 0)])[:, 0]
    assert left < right
    best, network = ax.get_legend_handles_labels()[0]
    assert (best.get_linestyle(), network.get_linestyle()) == ("--", "-")
    assert network.get_xydata().tolist() == [[0.01, 1], [1, 2]]
    assert [text.get_text() for text in ax.get_legend().get_texts()] == ["best", "network"]


def test_against_noise_has_no_empty_decades(ax):
    plots.against_noise(ax, [0.02, 1.0], {"network": [1, 2]})
    assert list(ax.get_xticks()) == [0.03, 0.1, 0.3, 1.0] and min(ax.get_xlim()) > 0.01


def test_colours_are_drawn_as_they_are(ax):
    x = torch.rand(1, 3, 4, 5, generator=torch.Generator().manual_seed(0))
    plots.image(ax, x)
    assert np.allclose(ax.images[-1].get_array(), x[0].permute(1, 2, 0))
    signed = torch.tensor([-2.0, 0.0, 1.0]).view(3, 1, 1)
    plots.image(ax, signed, signed=True)
    assert np.allclose(ax.images[-1].get_array(), [[[0, 0.5, 0.75]]])


def test_logarithmic_ticks_are_plain_numbers_at_the_given_places_and_no_others(ax):
    ax.plot([1, 1e5], [1e-6, 1])
    plots.log_ticks(ax, (10, 100), (0.001, 1))
    ax.figure.canvas.draw()
    for axis, names in ((ax.xaxis, ["10", "100"]), (ax.yaxis, ["0.001", "1"])):
        drawn = [label.get_text() for label in axis.get_ticklabels(which="both")]
        assert [name for name in drawn if name] == names
