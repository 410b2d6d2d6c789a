"""A figure of a judgement shows what the rule looked at."""

import matplotlib

matplotlib.use("Agg")
import matplotlib.pyplot as plt
import pytest
import torch

from gahr import plots
from gahr.figures import harmonics


@pytest.fixture(autouse=True)
def close():
    yield
    plt.close("all")


def test_a_judged_strip_shows_what_the_rule_looks_at():
    _, axes = plots.figure(3, 1)
    profile, power = torch.tensor([0.0, 2.0, -4.0, 1.0]), torch.tensor([[0.1, 0.4, 0.3, 0.2]])
    strip = torch.outer(torch.ones(3), profile)
    harmonics.judged(axes[:, 0], strip, profile, power, torch.tensor([0.9]), torch.tensor([1]))
    shown, curve, below = axes[:, 0]
    assert (shown.images[0].get_array() == strip.numpy()).all()
    assert curve.lines[0].get_ydata() == pytest.approx(profile)
    assert sorted(line.get_ydata()[0] for line in curve.lines[2:]) == [-2, 2]  # half of the largest height
    assert curve.collections[0].get_offsets()[:, 0].tolist() == [1, 2]  # the places that count
    assert [bar.get_height() for bar in below.patches[1:]] == pytest.approx(power[0])
    assert below.get_ylim() == (0, 1)  # a cosine has nearly all of its power at one frequency
    assert below.get_title() == "purity 0.90" and below.patches[0].get_x() == 0.5  # frequencies 1 to 4
