"""Figures of coefficients and slopes show the numbers they were given."""

import matplotlib

matplotlib.use("Agg")
import matplotlib.pyplot as plt
import pytest
import torch
from axes_read import dotted, drawn

from gahr import plots
from gahr.figures import slopes as figures


@pytest.fixture(autouse=True)
def close():
    yield
    plt.close("all")


def test_bends_are_drawn_beside_what_an_edge_allows():
    _, axes = plots.figure(1, 2)
    bent = {"cosines": {40: [0.5, 0.4], 1024: [0.4, 0.3]}, "field": {40: [0.9, 0.8], 1024: [0.8, 0.8]}}
    figures.ends(axes[0], bent, {"field": 4 / 5, "cosines": 1 / 3}, levels=(0.25, 1.0, 4.0))
    for ax, (kind, limit) in zip(axes[0], (("cosines", 1 / 3), ("field", 4 / 5)), strict=True):
        found = drawn(ax)
        assert found["40 pixels"] == ([0.5, 2.0], bent[kind][40])
        assert found["1,024 pixels"] == ([0.5, 2.0], bent[kind][1024])
        assert ax.get_title() == kind and dotted(ax) == limit


def test_a_basis_has_one_colour_in_every_figure():
    _, axes = plots.figure(1, 2)
    k = torch.arange(1, 1001, dtype=torch.float64)[None]
    figures.fall(axes[0, 0], {"wavelets": k**-1, "cosines": k**-1}, {"wavelets": 2})
    figures.ends(axes[0, 1:], {"wavelets": {40: [0.5], 80: [0.6]}}, {"wavelets": 0.5}, [0.1, 0.2])
    wavelets, guide, cosines = (line.get_color() for line in axes[0, 0].lines)
    assert wavelets == guide == axes[0, 1].lines[1].get_color() == figures.BASES["wavelets"] != cosines


def test_coefficients_are_sorted_and_averaged_beside_their_powers():
    _, axes = plots.figure(1, 1)
    k = torch.arange(1, 1001, dtype=torch.float64)
    falling = torch.stack([k**-1, 3 * k.flip(0) ** -1])  # squares like k^-2, in two orders
    figures.fall(axes[0, 0], {"mine": falling, "other": falling}, {"mine": 2})
    curve, guide, other = axes[0, 0].lines
    places = curve.get_xdata()
    assert curve.get_ydata() == pytest.approx(5 / places**2) and guide.get_linestyle() == ":"
    assert guide.get_ydata() == pytest.approx(curve.get_ydata())
    assert [line.get_label() for line in (curve, other)] == ["mine", "other"]
