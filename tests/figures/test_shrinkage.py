"""The drawings on adapted bases hold what they were given."""

import matplotlib

matplotlib.use("Agg")
import matplotlib.pyplot as plt
import pytest
import torch

from gahr import plots
from gahr.figures import shrinkage


@pytest.fixture
def axes():
    figure, axes = plots.figure(1, 3)
    yield axes[0]
    figure.canvas.draw()  # what cannot be drawn is found out here
    plt.close(figure)


def drawn(ax):
    """Values of each line by its label."""
    return {line.get_label(): list(line.get_ydata()) for line in ax.lines}


def bars(ax):
    """Middle and both ends of every error bar, by label."""
    found = {}
    for container in ax.containers:
        middle, _, (sticks,) = container.lines
        ends = [stick[:, 1].tolist() for stick in sticks.get_segments()]
        found[container.get_label()] = list(zip(middle.get_ydata().tolist(), ends, strict=True))
    return found


def test_factors_and_printed_values_stand_at_their_ranks_and_coefficients_by_size(axes):
    factors = {"eigenvalues": torch.tensor([1.2, 0.5]), "singular values": torch.tensor([1.3, 0.6])}
    noise, clean = torch.tensor([-0.25, 0.5]), torch.tensor([2.0, -1.0])
    shrinkage.spectrum(axes[:2], factors, {0.5: 1.1}, noise, clean)
    assert drawn(axes[0])["eigenvalues"] == pytest.approx([1.2, 0.5])
    (marks,) = (line for line in axes[0].lines if line.get_label() == "the paper's network")
    assert list(marks.get_xdata()) == [1.5] and list(marks.get_ydata()) == [1.1]  # ranks are drawn from 1
    assert drawn(axes[1]) == {"noise": [0.25, 0.5], "clean": [2.0, 1.0]}


def test_calibration_draws_every_table_with_two_standard_errors_and_the_ideal(axes):
    table = [{"lam": 0.25, "error": 2.0, "se": 0.25}, {"lam": 1.0, "error": 3.0, "se": 0.5}]
    shrinkage.calibration(axes[0], [{"n": n} | row for n in (10, 14000) for row in table])
    found = bars(axes[0])
    assert found["N = 10"] == found["N = 14,000"] == [(2.0, [1.5, 2.5]), (3.0, [2.0, 4.0])]
    (ideal,) = (line for line in axes[0].lines if line.get_label() == "an ideal denoiser")
    assert list(ideal.get_xdata()) == list(ideal.get_ydata()) and axes[0].get_yscale() == "log"


def test_levels_are_of_three_pairs(axes):
    rows = [
        {"sigma": sigma, "measure": measure, "pair": pair, "mean": mean if measure == "shared" else 9.0}
        for sigma in (0.05, 0.15)
        for measure in ("captured", "shared")
        for pair, mean in (("halves", 0.7), ("noise", 0.8), ("image", 0.3))
    ]
    stored = {"levels": [0.05, 0.15], "cut": 50, "rows": rows}
    shrinkage.levels(axes[0], stored)
    assert drawn(axes[0]) == {
        "half B's network": [0.7] * 2,
        "other noise": [0.8] * 2,
        "other face": [0.3] * 2,
    }


def test_gains_are_over_the_oracle_in_cosines(axes):
    names = ("own basis", "network", "wavelets", "cosines led by the estimate")
    rows = []
    for level, cosines in ((20.0, 19.0), (10.0, 12.0)):
        means = {name: level + i for i, name in enumerate(names)} | {"cosines": cosines}
        rows += [{"measure": "psnr", "basis": name, "mean": mean} for name, mean in means.items()]
    shrinkage.gains(axes[0], {"levels": [0.1, 1.0], "rows": rows})
    found = drawn(axes[0])
    assert found["own basis"] == [1.0, -2.0] and found["network"] == [2.0, -1.0]


def test_the_ladder_has_a_line_for_each_n_and_a_point_for_each_number(axes):
    numbers = [
        ({"measure": name}, mean) for name, mean in (("dimension", 3.0), ("error", 4.0), ("kept", 0.25))
    ]
    numbers += [({"measure": "lam", "k": k}, mean) for k, mean in ((1, 1.0), (50, 0.2))]
    for pair in ("halves", "noise", "image"):
        about = {"measure": "shared", "pair": pair}
        numbers += [(about | {"k": k}, mean) for k, mean in ((1, 0.1), (50, 0.7))]
    numbers += [({"measure": "mixed", "pair": "halves", "k": k}, mean) for k, mean in ((1, 1.0), (50, 0.9))]
    rows = [
        {"n": n, "images": images} | about | {"mean": mean if images == "held-out" else 9.0, "se": 0.25}
        for n in (1, 100)
        for images in ("held-out", "training")
        for about, mean in numbers
    ]
    shrinkage.ladder(axes, {"cuts": [1, 50], "rows": rows})
    assert drawn(axes[0]) == {"N = 1": [1.0, 0.2], "N = 100": [1.0, 0.2]}
    found = bars(axes[1])
    assert found["sum of eigenvalues"] == [(3.0, [2.5, 3.5])] * 2
    kept, ends = found["above 1/2"][0]
    assert kept == 0.25 and ends == pytest.approx([0.0125, 0.4875])  # a bar stops above zero
    found = {name: [value for value, _ in rows] for name, rows in bars(axes[2]).items()}
    assert found == {name: [0.7, 0.7] for name in ("two halves", "other noise", "other image")}
    for ax in axes[1:]:  # named where they run, in their own colour
        lines = {name.get_text(): name.get_color() for name in ax.texts}
        assert lines == {each.get_label(): each.lines[0].get_color() for each in ax.containers}
