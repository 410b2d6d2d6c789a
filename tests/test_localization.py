"""Where vectors are: figures and tables say what was stored."""

import matplotlib

from gahr import harmonics

matplotlib.use("Agg")
import matplotlib.pyplot as plt
import pytest
import torch

from gahr import _unequal, localization, plots, synthetic


@pytest.fixture(autouse=True)
def close():
    yield
    plt.close("all")


def geo():
    return {"classes": {"2": {"share": [0.5, 0.6]}, "4": {"share": [0.2, 0.4]}}}


def alone():
    near = {"1.5": {"share": [0.9, 0.3]}, "4": {"share": [0.2, 0.4]}}
    far = {"1.5": {"share": [0.2, 0.4]}, "4": {"share": [0.9, 0.3]}}
    return {"networks": {"trained": far, "contour": near, "smoothest": near}}


def test_shares_are_compared_picture_by_picture():
    rows = localization.share_table(geo(), alone(), pairs=((2, 4),)).splitlines()[2:]
    assert rows[0] == "| whole picture, 2 less 4 | +0.250 ± 0.050 | 2 of 2 |"
    assert rows[1] == "| contour alone, 1.5 less 4, trained on such pictures | -0.300 ± 0.400 | 1 of 2 |"
    assert rows[2] == "| contour alone, 1.5 less 4, nearest network | +0.300 ± 0.400 | 1 of 2 |"
    _, axes = plots.figure(1, 4)
    localization.shares(axes[0], geo(), alone())
    assert list(axes[0, 0].lines[2].get_ydata()) == pytest.approx([0.55, 0.3])
    assert list(axes[0, 2].lines[2].get_xdata()) == [1.5, 4.0]


def test_stored_vectors_are_drawn_beside_their_picture():
    e = torch.randn(3, 40, 40, generator=torch.Generator().manual_seed(0))
    kept = {"lam": [1.25, 1.0, 0.5], "vectors": _unequal.packed(e)}
    _, axes = plots.figure(2, 3)
    localization.trained_vectors(axes, {"background": 8.0, "shown": {"1.5": kept, "4": kept}})
    x = synthetic.c_alpha(1, 40, 1.5, 8.0, _unequal.SHOWN)
    assert torch.tensor(axes[0, 0].images[0].get_array()).allclose(x[0, 0])
    drawn = torch.tensor(axes[1, 2].images[0].get_array())
    assert torch.corrcoef(torch.stack([drawn.flatten(), e[1].flatten()]))[0, 1] > 0.999
    assert axes[1, 2].get_title() == "1.00" and axes[1, 0].get_ylabel() == "4 and 8"


def test_the_line_of_an_even_picture_is_its_share():
    _, axes = plots.figure(1, 4)
    near = {"1.5": {"share": [0.9, 0.3]}, "4": {"share": [0.2, 0.4]}}
    localization.shares(axes[0], {"classes": near}, {"networks": dict.fromkeys(localization.KINDS, near)})
    even = harmonics.share(torch.ones(1, 40, 40), torch.full((40,), 20.0)).item()
    assert axes[0, 0].lines[3].get_ydata()[0] == pytest.approx(even)
