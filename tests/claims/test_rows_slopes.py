"""Rows on slopes: what the finders say of numbers of our own making."""

import pytest

from book.claims import slopes
from gahr import zoo
from gahr.analysis.slopes import minimax_slope


@pytest.fixture
def stored(monkeypatch):
    results = {}
    monkeypatch.setattr(zoo, "result", lambda name: results[name])
    return results


def with_slopes(stored, values, width=0.01):
    about = {"basis": "network", "range": "rule"}
    rows = [
        about | {"alpha": a, "slope": v, "low": v - width, "high": v + width}
        for a, v in enumerate(values, start=1)
    ]
    others = [{"alpha": a, "basis": "cosines", "range": "rule"} for a in (1, 2, 3, 4, 5)]
    stored[slopes.SLOPES] = {"slopes": [*others, *rows]}


def test_slopes_are_judged_by_the_rule_s_levels(stored):
    with_slopes(stored, [0.46, 0.57, 0.66, 0.8, 0.83])
    assert slopes.slope(1, 0.46) == ("0.46 (0.45 to 0.47)", "+0.05", "holds")
    assert slopes.slope(3, 0.75)[1:] == ("-0.04", "differs")
    assert slopes.slope(2, 0.615)[2] == "unclear"  # 0.57 is near enough, the end of its interval is not
    assert slopes.slope(4, minimax_slope(4))[2] == "holds"


def test_growth_asks_that_intervals_are_apart(stored):
    with_slopes(stored, [0.4, 0.5, 0.6, 0.7, 0.8])
    assert slopes.growing()[1:] == ("+0.080", "holds")
    with_slopes(stored, [0.4, 0.5, 0.6, 0.7, 0.71])
    assert slopes.growing()[2] == "unclear"
    with_slopes(stored, [0.4, 0.5, 0.6, 0.7, 0.6])
    assert slopes.growing()[2] == "differs"


def test_the_oracle_that_is_told_the_contour_may_lead_by_little(stored):
    rows = [{"alpha": 1, "basis": "cut softly", "lead": [-0.5, 1.5, 9.0], "lead_se": [0.1, 0.2, 0.1]}]
    rows.append(
        {"alpha": 2, "basis": "polynomials on two sides", "lead": [1.0, 1.0, 9.0], "lead_se": [0.1] * 3}
    )
    rows.append({"alpha": 1, "basis": "wavelets"})
    rows.append({"alpha": 1, "basis": "cut a pixel lower", "lead": [8.0] * 3, "lead_se": [0.1] * 3})
    stored[slopes.FOLLOWED] = {"sigma": [0.01, 0.2, 0.5], "rows": rows}  # 0.5 is beyond the rule
    assert slopes.near_optimal() == ("1.5 (1.1 to 1.9) dB", "+0.5 dB", "holds")
    for lead, verdict in ((2.1, "unclear"), (2.5, "differs")):
        rows[1]["lead"][0] = lead
        assert slopes.near_optimal()[2] == verdict


def test_every_row_has_a_rule_and_a_finder():
    table = slopes.claims()
    assert len(table) == 13 and all(claim.find and claim.rule for claim in table)
    assert sum("BF-CNN" in claim.claim for claim in table) == 2


def test_the_other_architecture_has_slopes_of_its_own(stored):
    rows = [{"alpha": 2, "network": "BF-CNN", "slope": 0.65, "low": 0.64, "high": 0.66}]
    rows.append({"alpha": 2, "network": "UNet", "slope": 0.1, "low": 0.1, "high": 0.1})
    stored[slopes.BFCNN] = {"slopes": rows}
    assert slopes.bfcnn_slope(2)[2] == "holds"
    rows[0] |= {"slope": 0.6, "low": 0.59, "high": 0.61}
    assert slopes.bfcnn_slope(2)[2] == "differs"
