"""Chapter 13's figures, on made-up numbers."""

import matplotlib

matplotlib.use("Agg")

import pytest

from gahr import plots
from gahr.figures import shuffled


def drawn(ax):
    """Points of the lines, by the name that a legend gives them."""
    return {line.get_label(): list(zip(line.get_xdata(), line.get_ydata(), strict=True)) for line in ax.lines}


def test_windows_and_the_levels_that_they_are_held_against():
    ax = plots.figure()[1][0, 0]
    shuffled.windows(ax, [0, 2], {"faces": [10, 20], "shuffled": [10, 12]}, {"faces": 30, "shuffled": 15}, 21)
    found = drawn(ax)
    assert found["window, faces"] == [(0, 10), (2, 20)] and found["window, shuffled"] == [(0, 10), (2, 12)]
    heights = {name: {y for _, y in points} for name, points in found.items()}
    assert heights["network, faces"] == {30} and heights["network, shuffled"] == {15}
    assert heights["Wiener filter"] == {21}


def test_links_are_drawn_where_their_range_begins():
    axes = plots.figure(1, 2)[1][0]
    found = ({"faces": [0.1, 0.01]}, {"Wiener filter": [0.02, 0.03]})
    shuffled.links(axes, [1, 2, 4], found, ("in the face", "on the grid"))
    assert drawn(axes[0]) == {"faces": [(1, 0.1), (2, 0.01)]}
    assert drawn(axes[1]) == {"Wiener filter": [(1, 0.02), (2, 0.03)]}
    assert [ax.get_xlabel() for ax in axes] == ["distance in the face", "distance on the grid"]


def test_shortfalls_tell_kinds_by_line_and_orders_by_colour():
    ax = plots.figure()[1][0, 0]
    short = {(kind, order): [1.0, 2.0] for kind in ("UNet", "dense") for order in ("in order", "shuffled")}
    short["UNet", "shuffled"] = [5.0, 3.0]
    shuffled.shortfalls(ax, short, [0.1, 0.5], [2.0, 8.0])
    assert drawn(ax)["UNet, shuffled"] == [(0.1, 5.0), (0.5, 3.0)]
    assert drawn(ax)["no denoising"] == [(0.1, 2.0), (0.5, 8.0)]
    lines = {line.get_label(): line for line in ax.lines}
    assert lines["UNet, shuffled"].get_linestyle() != lines["dense, shuffled"].get_linestyle()
    assert lines["UNet, shuffled"].get_color() == lines["dense, shuffled"].get_color()
    assert lines["UNet, shuffled"].get_color() != lines["UNet, in order"].get_color()


def test_an_order_that_no_hue_is_known_for_is_refused():
    with pytest.raises(KeyError, match="sorted"):
        shuffled.shortfalls(plots.figure()[1][0, 0], {("UNet", "sorted"): [1.0]}, [0.1], [1.0])
