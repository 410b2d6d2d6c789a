"""Figures of the transition show the numbers they were given; a live run draws what is reported."""

import matplotlib.pyplot as plt
import pytest

from gahr import plots
from gahr.analysis.transition import Gaps
from gahr.figures import transition as figures


@pytest.fixture(autouse=True)
def close():
    yield
    plt.close("all")


@pytest.fixture
def axes():
    figure, axes = plots.figure(1, 2)
    yield axes[0]
    figure.canvas.draw()  # what cannot be drawn is found out here


def line(ax, label):
    """The line, bar or band that the legend calls so."""
    return dict(zip(*reversed(ax.get_legend_handles_labels()), strict=True))[label]


def points(ax, label):
    return line(ax, label).get_xydata().tolist()


def test_levels_draws_every_second_gap_the_mean_and_one_decibel(axes):
    sigma, zero = (0.01, 0.1, 0.5, 1.0), (0.0,) * 4
    gaps = {10: Gaps(sigma, (9, 8, 7, 6), zero), 100: Gaps(sigma, (4, 3, 2, 1), zero)}
    figures.levels(axes[0], gaps, {10: 7.5, 100: 2.5})
    assert points(axes[0], "0.1") == [[10, 8], [100, 3]]
    assert points(axes[0], "1") == [[10, 6], [100, 1]]
    assert points(axes[0], "mean") == [[10, 7.5], [100, 2.5]]
    assert list(line(axes[0], "1 dB").get_ydata()) == [1, 1] and len(axes[0].lines) == 4
    figures.levels(axes[0], gaps, {10: 7.5, 100: 2.5}, pale=True)
    *beside, mean = axes[0].lines[4:]
    assert [found.get_xydata().tolist() for found in beside] == [[[10, 8], [100, 3]], [[10, 6], [100, 1]]]
    assert mean.get_alpha() < 1 and len(axes[0].get_legend_handles_labels()[1]) == 4  # pale, without a name


def test_gaps_below_one_decibel_are_drawn_to_scale(axes):
    figures.gap_scale(axes[0])
    low, half, one = axes[0].transData.transform([(0, 0), (0, 0.5), (0, 1)])[:, 1]
    assert one - half == pytest.approx(half - low)


def test_bands_span_every_value_that_was_found(axes):
    found = {0.3: [[900, 400, 500], [2000, 4500, 3000]], 1: [[300, 200], [700, 600]]}
    figures.bands(axes[0], (0.1, 0.3), found)
    shades = [shade.get_paths()[0].vertices for shade in axes[0].collections]
    for rows, corners in zip(found.values(), shades, strict=True):
        for sigma, row in zip((0.1, 0.3), rows, strict=True):
            inside = corners[abs(corners[:, 0] - sigma) < 1e-9, 1]
            assert [inside.min(), inside.max()] == [min(row), max(row)]
    assert list(line(axes[0], "0.3 dB").get_ydata()) == [500, 3000]


def test_picture_sizes_have_two_standard_errors_and_join_what_was_found(axes):
    gaps = {(10, "a"): {100: (5.0, 0.5), 1000: (1.0, 0.1)}, (20, "a"): {100: (7.0, 0.2)}}
    figures.picture_sizes(axes, gaps, {(10, "a"): [90, 60, 70], (20, "b"): [400, 500]})
    low, high = line(axes[0], "10 x 10")[2][0].get_segments()[0][:, 1]
    assert (low, high) == pytest.approx((4.0, 6.0))
    for side, half, ends in ((10, "A", [60, 90]), (20, "B", [400, 500])):
        bar = line(axes[1], f"{side} x {side}, half {half}")
        assert list(bar.get_ydata()) == ends and bar.get_xdata()[0] == pytest.approx(side, rel=0.05)
    assert line(axes[1], "10 x 10, half A").get_color() == line(axes[0], "10 x 10")[0].get_color()


def test_histories_draw_the_gap_against_the_given_clock(axes):
    runs = {10: [(20.0, 0.1), (300.0, 4.0)], 1000: [(0.5, 0.0), (40.0, 0.2)]}
    figures.histories(axes[0], runs, "looks")
    assert points(axes[0], "N = 10") == [[20, 0.1], [300, 4]]
    assert points(axes[0], "N = 1,000") == [[0.5, 0], [40, 0.2]]
    assert axes[0].get_xlabel() == "looks" and list(axes[0].get_xticks()) == [1, 10, 100]


def test_live_rows_become_a_line_and_the_end_a_dot():
    drawn = []
    with figures.Live(100) as live:
        live._show = lambda: drawn.append(list(live.line.get_xdata()))
        live.begin(6)
        live.row({"step": 10, "train": [20.0, 12.0], "held_out": [19.0, 9.0]})
        live.row({"step": 100, "train": [25.0, 13.0], "held_out": [18.0, 8.0]})
        live.end(100, mean=5.0, se=0.5)
    assert live.line.get_xydata().tolist() == [[10, 2], [100, 6]] and drawn == [[10], [10, 100], [10, 100]]
    dot, _, (bar,) = line(live.ax, "N = 6")
    assert dot.get_xydata().tolist() == [[100, 5]]
    assert bar.get_segments()[0][:, 1] == pytest.approx([4, 6])
    assert live.ax.get_ylim()[1] > 6 and list(live.ax.get_xticks()) == [10, 100]
    assert not plt.fignum_exists(live.figure.number)


def test_live_runs_of_one_size_share_a_color_and_a_name():
    with figures.Live(100) as live:
        lines = []
        for n in (6, 60, 6):
            live.begin(n)
            live.row({"step": 10, "train": [20.0], "held_out": [19.0]})
            live.end(10, mean=1.0, se=0.1)
            lines.append(live.line)
    first, other, again = (found.get_color() for found in lines)
    assert first == again != other
    assert live.ax.get_legend_handles_labels()[1] == ["N = 6", "N = 60"]
    places = [line(live.ax, name)[0].get_xdata()[0] for name in ("N = 6", "N = 60")]
    assert places == pytest.approx([10, 10], rel=0.1) and places[0] < places[1]  # side by side
    assert (
        lines[0].get_xydata().tolist() == lines[2].get_xydata().tolist() == [[10, 1]]
    )  # each run its own line
