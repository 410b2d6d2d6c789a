"""Chapter 9's tables and figures, on made-up results and on the stored ones."""

import matplotlib

matplotlib.use("Agg")

import pytest

from gahr import plots, shortfall, zoo


def made_up(name):
    row = {"which": "network", "above": [1, 2, 3], "angles": [1.0, 4.0], "inside": 0.5}
    if name.endswith("tangents"):
        rows = [row | {"sigma": s, "image": k} for s in (0.01, 0.1) for k in (0, 1)]
        rows[1] = rows[1] | {"above": [1, 6, 3], "angles": [2.0, 10.0]}
        exact = [r | {"which": "exact", "above": [1, 1, 1]} for r in rows]
        return {"sigma": [0.01, 0.1], "thresholds": [0.5, 0.1, 0.02], "rows": rows + exact}
    gaps = {k: {"db": [3.0, 1.0], "se": [0.5, 0.1]} for k in ("network", "blindness", "bounds", "both")}
    return {
        "sigma": [0.01, 0.1],
        "dimension": 2,
        "pixels": 1600,
        "gaps": gaps,
        "slopes": {"network": [0.1, 0.0, 0.2], "blind": [1.0, 0.9, 1.1]},
        "mse": {"network": [1e-4, 1e-3], "blind": [1e-6, 1e-4]},
    }


def test_tables(monkeypatch):
    monkeypatch.setattr(zoo, "result", made_up)
    assert shortfall.gap("ray", "network", 0.1) == (1.0, 0.1)
    assert "| ray | 3.00 ± 0.50 | 1.00 ± 0.10 |" in shortfall.gap_table((0.01, 0.1))
    assert "| waves | the bounds | 3.000 ± 0.500 | 1.000 ± 0.100 |" in shortfall.cost_table((0.01, 0.1))
    assert "| discs | 0.10 (0.00 to 0.20) | 1.00 (0.90 to 1.10) |" in shortfall.slope_table()
    assert "| discs | 4 | 2 |" in shortfall.count_table(0.1)  # means over two pictures: (2 + 6) / 2, and 2
    assert "| ray | network | 7° (0.50) | 4° (0.50) |" in shortfall.angle_table()


def test_figures(monkeypatch):
    monkeypatch.setattr(zoo, "result", made_up)
    axes = plots.figure(1, 3)[1][0]
    shortfall.curves(axes)
    assert axes[0].lines[0].get_ydata() == pytest.approx([40, 30])
    assert axes[0].lines[2].get_ydata() == pytest.approx([69.03, 49.03], abs=0.01)
    axes = plots.figure(1, 3)[1][0]
    shortfall.counts(axes)
    assert [list(line.get_ydata()) for line in axes[1].lines[2:4]] == [[4, 2], [1, 1]]
    ax = plots.figure()[1][0, 0]
    shortfall.gaps(ax)
    assert list(ax.lines[0].get_ydata()) == [3.0, 1.0]


def test_stored_results_agree_with_the_manifest():
    """The network's error of the study is that of its held-out curve, on fewer pictures."""
    found = zoo.result("ray40-optima")
    curve = zoo.describe(found["network"])["curves"]["held_out"]
    assert found["mse"]["network"] == pytest.approx(curve["mse"], rel=0.25)
    assert 0 < shortfall.floor_share("ray", 0.01) < 1.1
    ax = plots.figure()[1][0, 0]
    shortfall.training(ax)
    last = zoo.describe("discs40-unet16-fresh-a")["history"][-1]["held_out"]
    assert ax.lines[4].get_ydata()[-1] == pytest.approx(25.05 + 6.02 - last[4], abs=0.01)
    assert "uniform" in shortfall.weight_table()


def test_bars_of_gaps_are_two_standard_errors():
    ax = plots.figure()[1][0, 0]
    shortfall.gaps(ax)
    found = zoo.result("discs40-optima")["gaps"]["network"]
    bar = ax.containers[0].lines[2][0].get_segments()[0][:, 1]
    assert bar == pytest.approx([found["db"][0] - 2 * found["se"][0], found["db"][0] + 2 * found["se"][0]])


def test_the_floor_is_in_decibels_of_squared_error(monkeypatch):
    monkeypatch.setattr(shortfall, "_floor", lambda name: 1e-4)
    assert "| 40.0 dB |" in shortfall.floor_table()
