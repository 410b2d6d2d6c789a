"""Figures of ladders show the numbers they were given; a live run draws what training returns."""

import matplotlib
import pytest
import torch

from gahr import recipes

matplotlib.use("Agg")
import matplotlib.pyplot as plt

from gahr import ladders, measures, plots, transition, zoo
from gahr.recipes import Recipe


@pytest.fixture(autouse=True)
def close():
    yield
    plt.close("all")


def test_levels_draws_every_stored_gap_and_the_mean():
    _, axes = plots.figure()
    ladders.levels(axes[0, 0], "fashion32-unet16")
    lines, rungs = axes[0, 0].lines, transition.ladder("fashion32-unet16")
    assert len(lines) == len(measures.SIGMAS) + 1
    for k, line in enumerate(lines[:-1]):
        assert list(line.get_xdata()) == list(rungs)
        assert list(line.get_ydata()) == [transition.gap(name).db[k] for name in rungs.values()]
    assert list(lines[-1].get_ydata()) == [transition.mean_gap(name)[0] for name in rungs.values()]


def test_bands_hold_every_way_to_find_the_transition():
    _, axes = plots.figure()
    ladders.bands(axes[0, 0], "faces40-unet16", (1,))
    corners = axes[0, 0].collections[0].get_paths()[0].vertices
    for half in "ab":
        for way in (False, True):
            n = transition.locate("faces40-unet16", half, 1, 0.3, way).n
            inside = corners[abs(corners[:, 0] - 0.3) < 1e-9, 1]
            assert inside.min() <= n <= inside.max()


def test_looks_are_steps_times_batch_over_n():
    _, axes = plots.figure(1, 2)
    ladders.histories(axes[0], {100: "fashion32-unet16-n100-a"})
    steps, looks = (ax.lines[0].get_xdata() for ax in axes[0])
    assert looks == pytest.approx([step * 64 / 100 for step in steps])


def test_the_share_of_variance_is_printed_for_each_size():
    row = {"sigma": [0.1, 0.3], "relative": [0.5, 0.0624]}
    stored = {"sizes": {"10": row, "1000": row | {"relative": [0.25, 0.125]}}}
    assert ladders.pair_table(stored, (0.3, 0.1)).splitlines()[2:] == [
        "| 10 | 0.062 | 0.500 |",
        "| 1,000 | 0.125 | 0.250 |",
    ]


def test_a_ladder_at_a_step_is_a_column_of_the_records():
    names = {n: f"fashion32-unet16-n{n}-a" for n in (10, 100)}
    _, axes = plots.figure()
    ladders.at_step(axes[0, 0], names, 1778)
    rows = [zoo.describe(name)["history"] for name in names.values()]
    expected = [next(r for s, r in transition.progress(row) if s == 1778) for row in rows]
    assert list(axes[0, 0].lines[0].get_ydata()) == expected
    with pytest.raises(ValueError, match=r"n10-a has no record at step 1779; it has \[10, 18"):
        ladders.at_step(axes[0, 0], names, 1779)


def test_bars_join_the_two_interpolations():
    _, axes = plots.figure(1, 2)
    ladders.picture_sizes(axes[0], {10: "faces10-unet16", 20: "faces20-unet16"}, 1)
    bar = axes[0, 1].lines[0].get_ydata()
    assert list(bar) == [transition.locate("faces10-unet16", "a", 1, None, way).n for way in (False, True)]


def test_a_live_run_is_drawn_row_by_row_and_ends_at_the_mean_gap():
    generator = torch.Generator().manual_seed(0)
    x, new = torch.rand(2, 6, 1, 8, 8, generator=generator)
    recipe = Recipe("fashion32", 6, "a", "unet2", blocks=1, steps=20, batch=4, precision="fp32")
    drawn = []
    with ladders.Live(20) as live:
        live._show = lambda: drawn.append(len(live.ax.lines[0].get_xdata()))
        mean, se = live.train(recipe, x, new)
    assert list(live.ax.lines[0].get_xdata()) == [10, 18, 20] and drawn == [1, 2, 3, 3]
    dot = live.ax.containers[0].lines[0]
    assert (dot.get_xdata()[0], dot.get_ydata()[0]) == (20, mean) and se > 0
    assert not plt.fignum_exists(live.figure.number)


def test_tables_hold_what_the_arithmetic_finds():
    clothes = {"clothes": "fashion32-unet16"}
    mean, se = transition.mean_gap("fashion32-unet16-n10-a")
    rows = ladders.gap_table(clothes, (0.1,), (10,)).splitlines()
    gap = transition.gap("fashion32-unet16-n10-a").db[measures.SIGMAS.index(0.1)]
    assert rows[2] == f"| clothes | 10 | {gap:.2f} | {mean:.2f} ± {se:.2f} |" and "14,000" in rows[3]
    row = ladders.transition_table(clothes, (1,)).splitlines()[2]
    found = transition.locate("fashion32-unet16", "a", 1)
    assert row.startswith(f"| clothes, A | 1 dB | {found.above:,} to {found.under:,} | {found} |")
    row = ladders.network_table(["faces20-unet16"], (10,)).splitlines()[2].split(" | ")
    shipped = zoo.load("faces20-unet16-n13000-a").network
    assert row[1] == f"{sum(p.numel() for p in shipped.parameters()):,}"


def test_the_onset_is_counted_in_looks_too():
    row = ladders.onset_table({100: "fashion32-unet16-n100-a"}, 1).splitlines()[2]
    before, after = transition.onset(zoo.describe("fashion32-unet16-n100-a")["history"], 1)
    assert row == f"| 100 | {before:,} to {after:,} | {before * 0.64:,.0f} to {after * 0.64:,.0f} |"
    assert "not by 6,000" in ladders.onset_table({14000: "fashion32-unet16-n14000-a"}, 1)


def test_the_table_of_transitions_has_both_interpolations():
    cells = (
        ladders.transition_table({"clothes": "fashion32-unet16"}, (1,))
        .splitlines()[2]
        .strip("| ")
        .split(" | ")
    )
    line, power = (str(transition.locate("fashion32-unet16", "a", 1, None, way)) for way in (False, True))
    assert cells[-2:] == [line, power] and line != power


def test_bars_of_picture_sizes_are_two_standard_errors():
    _, axes = plots.figure(1, 2)
    ladders.picture_sizes(axes[0], {10: "faces10-unet16"}, 1)
    bar = axes[0, 0].containers[0].lines[2][0].get_segments()[0][:, 1]
    mean, se = transition.mean_gap(next(iter(transition.ladder("faces10-unet16").values())))
    assert bar == pytest.approx([mean - 2 * se, mean + 2 * se])


def test_bars_of_live_runs_are_two_standard_errors():
    x, new = torch.rand(2, 6, 1, 8, 8, generator=torch.Generator().manual_seed(0))
    recipe = recipes.Recipe("fashion32", 6, "a", "unet2", blocks=1, steps=10, batch=4, precision="fp32")
    with ladders.Live(10) as live:
        mean, se = live.train(recipe, x, new)
    bar = live.ax.containers[0].lines[2][0].get_segments()[0][:, 1]
    assert bar == pytest.approx([mean - 2 * se, mean + 2 * se])


def test_bands_span_both_halves_and_both_interpolations():
    _, axes = plots.figure()
    ladders.bands(axes[0, 0], "faces40-unet16", (1,))
    corners = axes[0, 0].collections[0].get_paths()[0].vertices
    at = [transition.locate("faces40-unet16", h, 1, 0.3, w).n for h in "ab" for w in (False, True)]
    inside = corners[abs(corners[:, 0] - 0.3) < 1e-9, 1]
    assert [inside.min(), inside.max()] == pytest.approx([min(at), max(at)])


def test_the_dotted_line_is_at_one_decibel():
    _, axes = plots.figure()
    ladders.at_step(axes[0, 0], {n: f"fashion32-unet16-n{n}-a" for n in (10, 100)}, 1778)
    assert axes[0, 0].lines[1].get_ydata()[0] == 1
