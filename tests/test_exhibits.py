"""The drawings hold what they were given."""

import matplotlib.pyplot as plt
import numpy as np
import pytest
import torch

from gahr import copies, exhibits, plots


@pytest.fixture
def axes():
    figure, axes = plots.figure(1, 4)
    yield axes[0]
    figure.canvas.draw()  # what cannot be drawn is found out here
    plt.close(figure)


def test_two_panels_put_noise_on_the_left_and_mark_unit_slope(axes):
    half = {"sigma": [0.1, 1.0], "psnr": [25.0, 12.0]}
    curves = {n: {"train": half, "held_out": half | {"psnr": [15.0, 11.0]}} for n in (10, 1000)}
    exhibits.two_panels(axes[:2], curves)
    for ax, psnr in zip(axes, ([25, 12], [15, 11]), strict=False):
        assert [line.get_label() for line in ax.lines] == ["N = 10", "N = 1,000", "unit slope"]
        assert ax.lines[0].get_xdata() == pytest.approx([20, 0]) and list(ax.lines[0].get_ydata()) == psnr
        assert list(ax.lines[2].get_xdata()) == list(ax.lines[2].get_ydata()) == [0, 20]


def test_weaker_noise_is_to_the_right(axes):
    exhibits.against_noise(axes[0], [0.01, 1.0], {"best": [3, 4], "network": [1, 2]}, dashed=["best"])
    assert axes[0].get_xlim()[0] > axes[0].get_xlim()[1]
    assert [line.get_linestyle() for line in axes[0].lines] == ["--", "-"]


@pytest.mark.parametrize("above", [True, False])
def test_fractions_start_or_end_at_one_and_count(axes, above):
    exhibits.fractions(axes[0], {"four": torch.tensor([0.7, 0.8, 0.9, 0.95])}, above, mark=0.85)
    line, mark = axes[0].lines
    at = np.interp(0.85, line.get_xdata(), line.get_ydata())
    assert at == 0.5 and line.get_ydata()[0 if above else -1] == 1 and mark.get_xdata()[0] == 0.85


def test_spans_show_the_median_and_the_middle(axes):
    exhibits.spans(axes[0], {"samples": {1: list(range(11)), 100: [5.0] * 11}, "new": {1: [0.0], 100: [1.0]}})
    assert list(axes[0].lines[0].get_xdata()) == [1, 100] and list(axes[0].lines[0].get_ydata()) == [5, 5]
    assert axes[0].collections[0].get_segments()[0][:, 1] == pytest.approx([1, 9])


def test_provenance_maps_the_most_used_image_to_the_first_color(axes):
    train = torch.rand(4, 1, 16, 16, generator=torch.Generator().manual_seed(0))
    x = train[2:3].clone()
    x[..., :8, :8] = train[3, :, :8, :8]
    x[..., 8:, 8:] = 0
    exhibits.provenance(axes, x, train, copies.patchwork(x, train, 8, 8), 0)
    assert axes[3].images[-1].get_array().tolist() == [[1, 0], [0, -1]]
    assert len(axes[3].images) == 1
    assert np.allclose(axes[1].images[0].get_array(), copies.bright(train[2:3])[0, 0])


def test_perfect_learners_answer_with_their_own_pictures():
    train = {n: torch.rand(n, 1, 8, 8, generator=torch.Generator().manual_seed(n)) for n in (2, 5)}
    x = torch.rand(1, 1, 8, 8, generator=torch.Generator().manual_seed(0))
    exhibits.learners(x, train, 1e-3, sizes=(2, 5))
    axes = plt.gcf().axes
    assert [ax.get_title().splitlines()[0] for ax in axes] == ["noisy", "perfect, 2", "perfect, 5"]
    for ax, n in zip(axes[1:], train, strict=True):
        shown = torch.tensor(ax.images[0].get_array())
        assert (
            min((shown - own[0]).abs().max() for own in train[n]) < 1e-4
        )  # one of its own, and not a new one
    plt.close("all")
