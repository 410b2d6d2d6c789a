"""Chapter 12's figures, on made-up numbers; and what its page takes from the store."""

import matplotlib

matplotlib.use("Agg")

import pytest

from gahr import plots, zoo
from gahr.figures import manifolds
from gahr.notebook import pick


def drawn(ax):
    """Heights of the lines that the legend names."""
    return {line.get_label(): list(line.get_ydata()) for line in ax.lines}


def test_bars_of_gaps_are_two_standard_errors():
    rows = [
        {"pair": pair, "sigma": s, "db": db, "se": se}
        for pair, s, db, se in (
            ("network", 0.01, 3.0, 0.5),
            ("both", 0.01, 9.0, 1.0),
            ("network", 0.1, 1.0, 0.1),
        )
    ]
    found = {"gaps": rows}
    ax = plots.figure()[1][0, 0]
    manifolds.gaps(ax, {"ray": found})
    ((bars,), label) = ax.get_legend_handles_labels()
    assert label == ["ray"] and list(bars.lines[0].get_ydata()) == [3.0, 1.0]
    ends = [segment[:, 1].tolist() for segment in bars.lines[2][0].get_segments()]
    assert ends == [pytest.approx([2, 4]), pytest.approx([0.8, 1.2])]


def test_parts_have_a_line_for_each_name_and_a_band_for_the_optimum():
    found = {"error": [4.0, 3.0], "floor": [1.0, 0.2], "exact optimum": [2.0, 2.0]}
    twice = {name: [2 * v for v in each] for name, each in found.items()}
    axes = plots.figure(1, 2)[1][0]
    manifolds.parts(axes, [0.01, 0.1], {"discs": found, "ray": twice})
    assert [ax.get_title() for ax in axes] == ["discs", "ray"]
    assert drawn(axes[0]) == found
    assert drawn(axes[1])["error"] == [8, 6]
    assert axes[0].get_ylim()[0] == 0


def test_a_network_as_good_as_the_optimum_is_still_seen():
    """Its line is narrower than the band, drawn over it, and has a colour of its own."""
    ax = plots.figure()[1][0, 0]
    manifolds.parts([ax], [0.01, 0.1], {"ray": {"error": [1.0, 1.0], "exact optimum": [1.0, 1.0]}})
    band, line = ax.lines
    assert band.get_linewidth() > 2 * line.get_linewidth() and band.get_alpha() < 1
    assert band.get_color() != line.get_color() and band.get_zorder() <= line.get_zorder()


def test_stored_results_agree_with_the_manifest():
    """The network's error of the study is that of its held-out curve, on fewer pictures."""
    found = zoo.result("ray40-optima")
    curve = zoo.describe(found["network"])["curves"]["held_out"]
    (row,) = pick(found["errors"], denoiser="network")
    assert row["mse"] == pytest.approx(curve["mse"], rel=0.25)
