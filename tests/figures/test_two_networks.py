"""Chapter 6's drawings, on made-up results."""

import matplotlib.pyplot as plt
import pytest
from matplotlib.colors import to_hex

from gahr import plots
from gahr.figures.two_networks import looks, sharing


def test_six_sizes_differ_in_color_and_the_last_is_narrower_than_the_one_under_it():
    found = looks((1, 10, 100, 1000, 10_000, 14_000))
    assert len({look["color"] for look in found.values()}) == 6
    assert found[14_000]["lw"] < found[10_000]["lw"] / 2 and found[1000]["label"] == "N = 1,000"


def test_every_control_has_its_dots_its_median_and_the_color_of_its_group():
    figure, axes = plots.figure()
    groups = {
        "A and B share": {"all": [0.9, 0.8, 0.7], "nothing": [0.1, 0.5]},
        "others share": {"all": [1.0]},
    }
    sharing(axes[0, 0], groups, ("blue", "orange"))
    dots, bars = axes[0, 0].lines[::2], axes[0, 0].lines[1::2]
    assert [list(row.get_xdata()) for row in dots] == [[0.9, 0.8, 0.7], [0.1, 0.5], [1.0]]
    assert [bar.get_xdata()[0] for bar in bars] == pytest.approx([0.8, 0.3, 1.0])
    assert [to_hex(row.get_color()).upper() for row in dots] == [
        plots.COLORS[name] for name in ("blue", "blue", "orange")
    ]
    assert [text.get_text()[:4] for text in axes[0, 0].texts] == ["0.80", "0.30", "1.00"]
    names = [label.get_text() for label in axes[0, 0].get_yticklabels()]
    assert names == ["A and B share", "all", "nothing", "others share", "all"]
    assert axes[0, 0].yaxis_inverted()  # the first group is on top
    figure.canvas.draw()
    plt.close(figure)
