"""Figures and tables of networks beside rivals show the numbers they were given."""

import matplotlib

matplotlib.use("Agg")
import matplotlib.pyplot as plt
import pytest
from axes_read import dotted, drawn, lines_of

from gahr import plots
from gahr.figures import rivals as figures


@pytest.fixture(autouse=True)
def close():
    yield
    plt.close("all")


def stored():
    """Two classes whose slopes are 0.4 and 0.6."""
    classes, curves, slopes = [], [], []
    for alpha, slope in ((1, 0.4), (3, 0.6)):
        classes.append({"alpha": alpha, "local": [slope, slope / 2]})
        curves.append({"alpha": alpha, "basis": "network", "psnr": [10.0, 12.0, 14.0]})
        curves.append({"alpha": alpha, "basis": "cosines", "psnr": [11.0, 13.0, 15.0]})
        spans = {"rule": (slope, slope - 0.02, slope + 0.02), "0.01 to 0.1": (slope / 4, 0.0, 0.2)}
        spans |= {"own": spans["rule"], "rule, floor taken off": (slope + 0.1, slope, slope + 0.2)}
        slopes.append({"alpha": alpha, "basis": "cosines", "range": "rule"} | interval(0.3, 0.29, 0.31))
        for name, span in spans.items():
            slopes.append({"alpha": alpha, "basis": "network", "range": name} | interval(*span))
    ranges = [{"range": "rule", "low": 0.1, "high": 1.0}, {"range": "0.01 to 0.1", "low": 0.01, "high": 0.1}]
    found = {"sigma": [0.01, 0.1, 1.0], "rule": [0.1, 1.0], "ranges": ranges, "classes": classes}
    return found | {"curves": curves, "slopes": slopes}


def interval(slope, low, high):
    return {"slope": slope, "low": low, "high": high}


def test_slopes_are_drawn_as_stored_beside_the_papers_and_theories():
    _, axes = plots.figure(1, 2)
    figures.slopes(axes[0], stored(), {"of mine": [0.5, 0.75]}, ("cosines",))
    assert drawn(axes[0, 0])["alpha = 1"] == ([40, 20, 0], [10, 12, 14])
    found = drawn(axes[0, 1])
    assert found["theory, of mine"] == ([1, 3], [0.5, 0.75])
    assert dict(zip(*found["the paper's networks"], strict=True))[2] == 0.61
    assert found["oracle, cosines"] == ([1, 3], [0.3, 0.3])
    (ours,) = axes[0, 1].containers
    assert ours.get_label() == "networks" and list(ours.lines[0].get_ydata()) == pytest.approx([0.4, 0.6])


def test_bars_of_slopes_reach_from_the_low_end_to_the_high_one():
    about = {"alpha": 1, "basis": "network"}
    given = {"sigma": [0.1, 1.0], "rule": [0.1, 1.0], "classes": [{"alpha": 1}]}
    given["curves"] = [about | {"psnr": [10.0, 12.0]}]
    given["slopes"] = [about | {"range": "rule"} | interval(0.4, 0.3, 0.45)]
    _, axes = plots.figure(1, 2)
    figures.slopes(axes[0], given, {})
    (ours,) = axes[0, 1].containers
    (sticks,) = ours.lines[2]
    assert sticks.get_segments()[0][:, 1] == pytest.approx([0.3, 0.45])


def test_local_slopes_stand_between_their_levels_with_the_rules_shaded():
    _, axes = plots.figure()
    figures.local(axes[0, 0], stored(), 5 / 6)
    assert drawn(axes[0, 0])["alpha = 3"] == ([30, 10], [0.6, 0.3])
    assert dotted(axes[0, 0]) == 5 / 6
    (shaded,) = axes[0, 0].patches
    assert sorted((shaded.get_x(), shaded.get_x() + shaded.get_width())) == [0, 20]


def test_slopes_stand_above_the_papers_and_what_theories_allow():
    theories = {"true C^alpha": [1 / 2, 3 / 4], "these pictures": [0, 2 / 3]}
    rows = lines_of(figures.basis_table(stored(), theories, ("network", "cosines")))[2:]
    assert rows[0] == "| networks | 0.40 | **0.60** |"
    assert rows[1] == "| the paper's networks | 0.46 | 0.75 |"
    assert rows[2] == "| theory, true C^alpha | 0.50 | 0.75 |"
    assert rows[3] == "| theory, these pictures | 0.00 | 0.67 |"
    assert rows[4] == "| oracle, cosines | 0.30 | 0.30 |"
    assert len(lines_of(figures.basis_table(stored(), theories, ("network",)))[2:]) == 4


def test_a_slope_that_the_paper_does_not_print_is_left_out():
    given = stored()
    for name in ("classes", "slopes"):
        given[name] = [row | {"alpha": 4} for row in given[name] if row["alpha"] == 3]
    assert "| the paper's networks | - |" in figures.basis_table(given, {"limit": [0.8]}, ("network",))
