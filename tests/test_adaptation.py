"""The drawings on adapted bases hold what they were given."""

import matplotlib.pyplot as plt
import pytest
import torch

from gahr import adaptation, bases, plots


@pytest.fixture
def axes():
    figure, axes = plots.figure(1, 3)
    yield axes[0]
    figure.canvas.draw()  # what cannot be drawn is found out here
    plt.close(figure)


def labels(ax):
    return ax.get_legend_handles_labels()[1]


def test_the_papers_values_stand_at_the_same_share_of_directions(axes):
    basis = bases.symmetric(torch.diag(torch.linspace(1.2, 0, 1600)), (1, 40, 40))
    x = torch.full((1, 1, 40, 40), 0.5)
    adaptation.spectrum(axes[:2], basis, basis.lam, x, 0.1 * x)
    marks = next(line for line in axes[0].lines if line.get_label() == "the paper's network")
    assert marks.get_xdata()[0] == pytest.approx(5.5 / 4 + 0.5) and marks.get_ydata()[0] == 1.244
    noise, clean = axes[1].lines
    assert noise.get_ydata() == pytest.approx(0.05) and clean.get_ydata() == pytest.approx(0.5)


def test_the_table_puts_a_rank_at_its_share_of_directions():
    lam = 1 - (torch.arange(1600) + 0.5) / 1600
    rows = adaptation.beside_paper(lam, every=20).splitlines()
    cells = [cell.strip() for cell in rows[2].strip("|").split("|")]
    assert cells == ["5", "0.88", "1.244", f"{1 - 5.5 / 6400:.3f}"] and len(rows) == 4


def test_calibration_draws_every_table_and_the_ideal(axes):
    adaptation.calibration(axes[0], {"10": {"lam": [0.1, 1.0], "error": [2.0, 3.0], "se": [0.1, 0.2]}})
    assert sorted(labels(axes[0])) == ["N = 10", "an ideal denoiser"]
    assert axes[0].get_yscale() == "log"


def test_shares_are_of_every_leading_space(axes):
    e = torch.eye(6)
    adaptation.shares(axes[0], e[:3], {"swapped": e[[1, 0, 2]]}, torch.ones(3))
    swapped, ambiguity, random = axes[0].lines
    assert list(swapped.get_ydata()) == [0, 1, 1] and list(ambiguity.get_ydata()) == [1, 1, 1]
    assert random.get_ydata() == pytest.approx([1 / 6, 2 / 6, 3 / 6])


def test_levels_are_of_three_pairs_and_of_one_picture_at_two_levels(axes):
    row = {
        f"{name} shared": {"mean": value} for name, value in (("halves", 0.7), ("noise", 0.8), ("image", 0.3))
    }
    stored = {"levels": [0.05, 0.15], "cut": 50, "rows": [row, row], "between": [[1, 0.4], [0.4, 1]]}
    adaptation.levels(axes[0], stored)
    assert [list(line.get_ydata()) for line in axes[0].lines] == [[0.7] * 2, [0.8] * 2, [0.3] * 2, [0.4, 1]]


def test_sizes_are_sorted(axes):
    adaptation.sizes(axes[0], {"pixels": torch.eye(4)}, torch.tensor([[[[0.1, -0.4], [0.3, 0.2]]]]), 0.15)
    assert axes[0].lines[0].get_ydata() == pytest.approx([0.4, 0.3, 0.2, 0.1])


def test_gains_are_over_the_oracle_in_cosines(axes):
    names = ("own basis", "network", "wavelets", "cosines led by the estimate")
    rows = [{name: {"mean": level + i} for i, name in enumerate(names)} for level in (20.0, 10.0)]
    for row, cosines in zip(rows, (19.0, 12.0), strict=True):
        row["cosines"] = {"mean": cosines}
    adaptation.gains(axes[0], {"levels": [0.1, 1.0], "rows": rows})
    assert [list(line.get_ydata()) for line in axes[0].lines[:2]] == [[1.0, -2.0], [2.0, -1.0]]


def test_the_ladder_has_a_line_for_each_n_and_a_point_for_each_number(axes):
    def number(mean):
        return {"mean": mean, "se": [0.1] * len(mean) if isinstance(mean, list) else 0.1}

    row = {name: number(3.0) for name in ("dimension", "error", "kept")} | {"lam": number([1.0, 0.2])}
    row |= {f"{name} shared": number([0.1, 0.7]) for name in ("halves", "noise", "image")}
    row["halves mixed"] = number([1.0, 0.9])
    adaptation.ladder(axes, {"cuts": [1, 50], "sizes": {"1": row, "100": row}})
    assert labels(axes[0]) == ["N = 1", "N = 100"] and len(labels(axes[1])) == 3
    halves = axes[2].containers[0].lines[0]
    assert list(halves.get_xdata()) == [1, 100] and list(halves.get_ydata()) == [0.7, 0.7]


def test_bars_are_two_standard_errors():
    ax = plots.figure()[1][0, 0]
    adaptation._bars(ax, [1], [{"mean": 3.0, "se": 0.1}], "")
    assert ax.containers[0].lines[2][0].get_segments()[0][:, 1] == pytest.approx([2.8, 3.2])
    ax = plots.figure()[1][0, 0]
    adaptation.calibration(ax, {"10": {"lam": [0.1], "error": [2.0], "se": [0.1]}})
    assert ax.containers[0].lines[2][0].get_segments()[0][:, 1] == pytest.approx([1.8, 2.2])
