"""The study of shuffled faces and its rows in the replication table, on made-up numbers."""

import math

import pytest
import torch

from gahr import _rows_shuffled, _shuffled, bases, locality, permutations, plots, synthetic, zoo
from gahr.denoisers import Wiener, add_noise


def test_shuffling_wraps_a_denoiser_of_shuffled_images():
    x = synthetic.gaussian(50, 8, seed=3)
    y = add_noise(x, 0.1)
    plain, mixed = Wiener.fit(x), Wiener.fit(synthetic.shuffled(x))
    torch.testing.assert_close(_shuffled.Shuffling(mixed)(y, 0.1), plain(y, 0.1), atol=1e-4, rtol=0)


def test_gaps_and_slopes_of_tables_that_are_known():
    sigmas = (0.01, 0.1, 0.3, 1.0)
    entry = -20 * torch.log10(torch.tensor(sigmas))[:, None]
    ease = torch.randn(1, 40, generator=torch.Generator().manual_seed(0))
    found = _shuffled.gaps(0.5 * entry + 20 + ease, 0.3 * entry + 18 + ease, sigmas)
    assert found["gap"] == pytest.approx((0.2 * entry[:, 0] + 2).tolist(), abs=1e-4)
    assert max(found["se"]) < 1e-5  # by face, what is common to a face drops out
    for name, value in (("first", 0.5), ("second", 0.3), ("difference", -0.2)):
        assert found["slopes"]["all"][name] == pytest.approx([value] * 3, abs=1e-5)


def test_a_jacobian_is_described_in_the_order_of_the_picture():
    J = torch.diag(torch.linspace(1.2, 0, 64))
    found = _shuffled.describe(J, torch.ones(64, 64) + J)
    assert found["singular"][0] == pytest.approx(1.2) and found["diagonal"] == pytest.approx(1)
    assert found["trace"] == pytest.approx(64 * 0.6) and found["above"]["0.5"] == int((J > 0.5).sum())
    assert found["asymmetry"] == 0 and abs(found["neighbours"]) < 0.1


STUDY = {
    "ranks": [1, 2, 4, 5, 7, 8, 10, 11, 13, 14],
    "gaps": {
        "sigma": [0.3],
        "gap": [3.1],
        "se": [0.1],
        "slopes": {"all": {"first": [0.4, 0.39, 0.41], "second": [0.2, 0.19, 0.21]}},
    },
    "jacobians": {
        "shuffled": [
            {"symmetric": [1.2, 1.1, 1.1, 1.02, 1.0, 0.9, 0.95, 0.85, 0.9, 0.8]}
            | {"above": {"0.1": 40}, "neighbours": 0.3},
            {"above": {"0.1": 10}, "neighbours": 0.5},
        ],
        "faces": [{"above": {"0.1": 10}, "neighbours": 0.9}, {"above": {"0.1": 20}, "neighbours": 0.7}],
    },
}


@pytest.fixture
def made_up(monkeypatch):
    monkeypatch.setattr(zoo, "result", {"shuffled40-spectra": STUDY}.__getitem__)


def test_rows_find_what_they_say(made_up):
    text, margin, verdict = _rows_shuffled.gap(0.3, 3)
    assert text == "3.1 (2.9 to 3.3) dB" and margin == "+0.1 dB" and verdict == "unclear"
    assert _rows_shuffled.slopes()[0].startswith("0.5 (0.475 to 0.525)")
    assert _rows_shuffled.slopes()[2] == "holds"
    text, margin, verdict = _rows_shuffled.eigenvalues()  # at 1.25, 4.25, 7.25, 10.25 and 13.25
    assert text == "1.18, 1.08, 0.975, 0.925, 0.875" and verdict == "holds"
    assert _rows_shuffled.decay()[0] == "2.25 (0.5 to 4) times as many"
    assert _rows_shuffled.decay()[2] == "unclear"
    assert _rows_shuffled.noisy()[2] == "holds" and _rows_shuffled.noisy()[0].startswith("0.4 (0.3 to 0.5)")


def test_every_row_can_fail(made_up, monkeypatch):
    worse = {
        "ranks": STUDY["ranks"],
        "gaps": {
            "sigma": [0.3],
            "gap": [1.0],
            "se": [0.1],
            "slopes": {"all": {"first": [0.4, 0.39, 0.41], "second": [0.39, 0.38, 0.4]}},
        },
        "jacobians": {"shuffled": [{"symmetric": [2.0] * 10, "above": {"0.1": 1}, "neighbours": 0.0}]}
        | {"faces": [{"above": {"0.1": 10}, "neighbours": 0.9}]},
    }
    monkeypatch.setattr(zoo, "result", lambda name: worse)
    assert {claim.find()[2] for claim in _rows_shuffled.claims()} == {"differs"}


def test_tables_show_the_numbers():
    lam = torch.tensor([1.0, 0.8, 0.4, 0.2])
    table = permutations.rank_table({5: 1.1, 3: 0.9}, {"ours": lam.repeat_interleave(2)}, 2)
    assert "| 5 | 1.1 | 0.900 | 0.400 |" in table and "| 3 | 0.9 | 1.000 | 0.800 |" in table
    history = [{"step": s, "held_out": [v] * 5} for s, v in ((10, 1.0), (20, 4.0), (30, 6.0), (40, 7.0))]
    slow = [{"step": s, "held_out": [v] * 5} for s, v in ((10, 0.0), (20, 1.0), (30, 2.0), (40, 3.0))]
    said = permutations.head_start({"history": history, "recipe": {"steps": 40}}, {"history": slow})
    assert said.startswith("After 20 of its 40 steps") and "gained 2.0 dB at noise 0.02" in said
    assert permutations.decibel(0.5) == pytest.approx(-10 * math.log10(0.5))


def test_the_error_of_a_gap_is_that_of_a_mean():
    sigmas = (0.01, 0.1, 0.3, 1.0)
    more = torch.randn(1, 40, generator=torch.Generator().manual_seed(0)).expand(4, 40)
    found = _shuffled.gaps(20 + more, torch.full((4, 40), 18.0), sigmas)
    assert found["se"] == pytest.approx([more[0].std().item() / math.sqrt(40)] * 4, rel=1e-4)


def test_neighbours_are_those_of_the_leading_directions():
    """Factors that fall with frequency: the first output directions are smooth."""
    e = bases.dct(8, 8)
    J = e.T @ (torch.linspace(1.2, 0.1, 64)[:, None] * e)
    assert _shuffled.describe(J, J)["neighbours"] > 0.3


def test_tables_of_orders_and_gaps_hold_what_their_heads_say():
    study = {
        "gaps": {"sigma": [0.3], "gap": [3.0], "se": [0.1]},
        "psnr": {"faces": [24.0], "shuffled": [21.0], "wiener": [23.0]},
    }
    assert permutations.gap_table(study).splitlines()[2] == "| 0.3 | 24.00 | 21.00 | 3.00 ± 0.10 | 2.00 |"
    generator = torch.Generator().manual_seed(0)
    A = torch.randn(16, 16, generator=generator).double()
    C, mean, order = (
        A @ A.T / 16,
        torch.rand(1, 1, 4, 4, generator=generator),
        torch.randperm(16, generator=generator),
    )
    row = (
        permutations.orders_table(C, mean, {"mixed": order}, 0.3, 1).splitlines()[2].strip("| ").split(" | ")
    )
    moved = locality.moved(mean, order)
    expected = [
        locality.convolution_mse(locality.rearranged(C, order), moved, 0.3),
        locality.window_mse(locality.rearranged(C, order), 0.3, 1),
    ]
    assert row == ["mixed", *(f"{permutations.decibel(v):.2f}" for v in expected)]
    ax = plots.figure()[1][0, 0]
    permutations.profiles(ax, {"faces": torch.eye(16)}, (0, 1, 2), "")
    assert list(ax.lines[0].get_xdata()) == [0, 1] and list(ax.lines[0].get_ydata()) == [1, 0]


def test_tables_of_links_and_factors_hold_what_their_heads_say():
    M, other = torch.randn(2, 9, 9, generator=torch.Generator().manual_seed(0))
    row = permutations.link_table({"M": M}, other).splitlines()[2].strip("| ").split(" | ")
    assert row == ["M", f"{locality.diagonal_share(M):.0%}", f"{locality.likeness(M, other):.2f}"]
    found = {"above": {"0.5": 3, "0.1": 40}, "trace": 12.0, "neighbours": 0.25}
    row = permutations.jacobian_table({"faces": [found]}).splitlines()[2].strip("| ").split(" | ")
    assert row == ["faces", "3 (3, 3)", "40 (40, 40)", "12 (12, 12)", "0.25"]
    ax = plots.figure()[1][0, 0]
    permutations.windows(ax, {"radius": [0, 1], "faces": [0.1, 0.01]}, {"faces": 1e-3}, 1e-4)
    assert [list(line.get_ydata()) for line in ax.lines] == [[10, 20], [30, 30], [40, 40]]
