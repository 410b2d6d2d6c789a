"""The study of shuffled faces and its rows in the replication table, on made-up numbers."""

import math

import pytest
import torch

from book.claims import shuffled
from book.studies import shuffled as _shuffled
from gahr import bases, zoo
from gahr.denoisers import Wiener, add_noise
from gahr.images import synthetic
from gahr.notebook import pick


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
    for row, sigma, gap in zip(found["gaps"], sigmas, 0.2 * entry[:, 0] + 2, strict=True):
        assert row["sigma"] == sigma and row["db"] == pytest.approx(gap.item(), abs=1e-4)
        assert row["se"] < 1e-5  # by face, what is common to a face drops out
    for name, value in (("first", 0.5), ("second", 0.3), ("difference", -0.2), ("ratio", 0.6)):
        (row,) = pick(found["slopes"], range="all", of=name)
        assert [row[key] for key in ("slope", "low", "high")] == pytest.approx([value] * 3, abs=1e-5)


def test_a_ratio_resamples_pairs():
    """Slopes that differ widely between faces, but always by one factor: the ratio is sure."""
    sigmas = [0.01, 0.1, 1.0]
    entry = -20 * torch.tensor(sigmas).log10()[:, None]
    each = entry * torch.rand(1, 40, generator=torch.Generator().manual_seed(0))
    found = _shuffled.ratio(each, 0.4 * each, sigmas)
    assert list(found.values()) == pytest.approx([0.4] * 3, abs=1e-5)
    apart = _shuffled.ratio(each, 0.4 * each.flip(1), sigmas)
    assert apart["high"] - apart["low"] > 0.05


def test_a_jacobian_is_described_in_the_order_of_the_picture():
    J = torch.diag(torch.linspace(1.2, 0, 64))
    found = _shuffled.describe(J, torch.ones(64, 64) + J, spectra=True)
    assert found["symmetric"][0] == pytest.approx(1.2) and found["diagonal"] == pytest.approx(1)
    assert found["trace"] == pytest.approx(64 * 0.6) and found["above 0.5"] == int((J > 0.5).sum())
    assert found["asymmetry"] == 0 and abs(found["neighbours"]) < 0.1


def slopes(first, second):
    spans = {"first": first, "second": second, "ratio": second / first}
    return [
        {"range": which, "of": of, "slope": v + more, "low": v + more - 0.01, "high": v + more + 0.01}
        for which, more in (("all", 0.0), ("strong", 0.05))
        for of, v in spans.items()
    ]


STUDY = {
    "ranks": [1, 2, 4, 5, 7, 8, 10, 11, 13, 14],
    "gaps": [{"sigma": 0.1, "db": 9.0, "se": 1.0}, {"sigma": 0.3, "db": 3.1, "se": 0.1}],
    "slopes": slopes(0.4, 0.2),
    "jacobians": [
        {"denoiser": "wiener", "above 0.1": 99, "neighbours": 0.99},
        {"denoiser": "faces", "face": 0, "above 0.1": 10, "neighbours": 0.9},
        {"denoiser": "shuffled", "face": 0, "above 0.1": 40, "neighbours": 0.3}
        | {"symmetric": [1.2, 1.1, 1.1, 1.02, 1.0, 0.9, 0.95, 0.85, 0.9, 0.8]},
        {"denoiser": "faces", "face": 1, "above 0.1": 20, "neighbours": 0.7},
        {"denoiser": "shuffled", "face": 1, "above 0.1": 10, "neighbours": 0.5},
    ],
}


@pytest.fixture
def made_up(monkeypatch):
    monkeypatch.setattr(zoo, "result", {"shuffled40-spectra": STUDY}.__getitem__)


def test_rows_find_what_they_say(made_up):
    text, margin, verdict = shuffled.gap(0.3, 3)
    assert text == "3.1 (2.9 to 3.3) dB" and margin == "+0.1 dB" and verdict == "unclear"
    assert shuffled.slopes()[0].startswith("0.5 (0.49 to 0.51)")
    assert shuffled.slopes()[2] == "holds"
    assert shuffled.slopes("strong")[0].startswith("0.55 (0.54 to 0.56)")
    text, margin, verdict = shuffled.eigenvalues()  # at 1.875, 4.875, ... counted from 1
    assert text == "1.11, 1.03, 0.912, 0.862, 0.812" and verdict == "holds"
    assert shuffled.decay()[0] == "2.25 (0.5 to 4) times as many"
    assert shuffled.decay()[2] == "unclear"
    assert shuffled.noisy()[2] == "holds" and shuffled.noisy()[0].startswith("0.4 (0.3 to 0.5)")


def test_every_row_can_fail(made_up, monkeypatch):
    worse = {
        "ranks": STUDY["ranks"],
        "gaps": [{"sigma": sigma, "db": 1.0, "se": 0.1} for sigma in (0.1, 0.3)],
        "slopes": slopes(0.4, 0.39),
        "jacobians": [
            {"denoiser": "faces", "face": 0, "above 0.1": 10, "neighbours": 0.9},
            {"denoiser": "shuffled", "face": 0, "above 0.1": 1, "neighbours": 0.0}
            | {"symmetric": [2.0] * 10},
        ],
    }
    monkeypatch.setattr(zoo, "result", lambda name: worse)
    assert {claim.find()[2] for claim in shuffled.claims()} == {"differs"}


def test_the_error_of_a_gap_is_that_of_a_mean():
    sigmas = (0.01, 0.1, 0.3, 1.0)
    more = torch.randn(1, 40, generator=torch.Generator().manual_seed(0)).expand(4, 40)
    found = _shuffled.gaps(20 + more, torch.full((4, 40), 18.0), sigmas)
    error = more[0].std().item() / math.sqrt(40)
    assert [row["se"] for row in found["gaps"]] == pytest.approx([error] * 4, rel=1e-4)


def test_neighbours_are_those_of_the_leading_directions():
    """Factors that fall with frequency: the first output directions are smooth."""
    e = bases.dct(8, 8)
    J = e.T @ (torch.linspace(1.2, 0.1, 64)[:, None] * e)
    assert _shuffled.describe(J, J)["neighbours"] > 0.3
