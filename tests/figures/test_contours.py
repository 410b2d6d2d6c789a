"""Figures about contours show the numbers they were given."""

import matplotlib

matplotlib.use("Agg")
import matplotlib.pyplot as plt
import pytest
import torch
from axes_read import dotted, drawn

from gahr import plots
from gahr._files import pack_vectors
from gahr.analysis import harmonics as measures
from gahr.figures import contours


@pytest.fixture(autouse=True)
def close():
    yield
    plt.close("all")


def test_shares_are_drawn_for_every_picture_and_for_their_mean():
    _, axes = plots.figure(1, 2)
    panels = {"whole": {2.0: [0.5, 0.6], 4.0: [0.2, 0.4]}, "alone": {1.5: [0.9, 0.3], 4.0: [0.2, 0.4]}}
    contours.shares(axes[0], panels)
    places, means = drawn(axes[0, 0])["mean"]
    assert places == [2, 4] and means == pytest.approx([0.55, 0.3])
    thin = [list(line.get_ydata()) for line in axes[0, 1].lines if line.get_linewidth() == 0.7]
    assert thin == [[0.9, 0.2], [0.3, 0.4]] and axes[0, 1].get_title() == "alone"
    assert [tick.get_text() for tick in axes[0, 1].get_xticklabels()] == ["1.5", "4"]


def test_the_dotted_line_is_the_share_of_an_even_picture():
    _, axes = plots.figure()
    contours.shares(axes[0], {"": {4.0: [0.2]}})
    even = measures.share(torch.ones(1, 40, 40), torch.full((40,), 20.0)).item()
    assert dotted(axes[0, 0]) == pytest.approx(even)


def test_stored_vectors_are_drawn_beside_their_picture():
    e = torch.randn(3, 40, 40, generator=torch.Generator().manual_seed(0))
    kept = {"lam": [1.25, 1.0, 0.5], "vectors": pack_vectors(e)}
    pictures = {name: torch.full((1, 1, 40, 40), value) for name, value in ((1.5, 0.25), (4, 0.75))}
    shown = [{"contour": contour} | kept for contour in (1.5, 4.0)]
    _, axes = plots.figure(2, 3)
    contours.trained_vectors(axes, {"background": 8.0, "shown": shown}, pictures)
    (picture,) = axes[1, 0].images
    assert (picture.get_array() == 0.75).all() and axes[1, 0].get_ylabel() == "4 and 8"
    (second,) = axes[1, 2].images
    alike = torch.corrcoef(torch.stack([torch.tensor(second.get_array()).flatten(), e[1].flatten()]))
    assert alike[0, 1] > 0.999 and axes[1, 2].get_title() == "1.00"
