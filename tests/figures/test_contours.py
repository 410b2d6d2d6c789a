"""Figures about contours show the numbers they were given."""

import matplotlib

matplotlib.use("Agg")
import matplotlib.pyplot as plt
import pytest
import torch

from gahr import plots
from gahr._files import pack_vectors
from gahr.figures import contours


@pytest.fixture(autouse=True)
def close():
    yield
    plt.close("all")


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
