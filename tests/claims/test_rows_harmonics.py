"""Rows on C^alpha images: what the finders say of numbers of our own making."""

import pytest

from book.claims import harmonics
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
    stored[harmonics.SLOPES] = {"slopes": [*others, *rows]}


def test_slopes_are_judged_by_the_rule_s_levels(stored):
    with_slopes(stored, [0.46, 0.57, 0.66, 0.8, 0.83])
    assert harmonics.slope(1, 0.46) == ("0.46 (0.45 to 0.47)", "+0.05", "holds")
    assert harmonics.slope(3, 0.75)[1:] == ("-0.04", "differs")
    assert harmonics.slope(2, 0.615)[2] == "unclear"  # 0.57 is near enough, the end of its interval is not
    assert harmonics.slope(4, minimax_slope(4))[2] == "holds"


def test_growth_asks_that_intervals_are_apart(stored):
    with_slopes(stored, [0.4, 0.5, 0.6, 0.7, 0.8])
    assert harmonics.growing()[1:] == ("+0.080", "holds")
    with_slopes(stored, [0.4, 0.5, 0.6, 0.7, 0.71])
    assert harmonics.growing()[2] == "unclear"
    with_slopes(stored, [0.4, 0.5, 0.6, 0.7, 0.6])
    assert harmonics.growing()[2] == "differs"


def with_alignment(pairs, se=0.01):
    """A pair for each class: along the picture's edges, and along those of its mirror image."""
    rows = []
    for alpha, numbers in enumerate(pairs, start=1):
        for measure, mean in zip(("aligned", "aligned, mirror"), numbers, strict=True):
            about = {"alpha": alpha, "basis": "network", "measure": measure}
            rows += [about | {"mean": mean, "se": se}, about | {"basis": "cosines", "mean": 9, "se": 0}]
    return {"rows": rows}


def test_alignment_must_exceed_the_mirror_s_in_every_class(stored):
    for last, verdict in ((0.7, "holds"), (0.62, "unclear"), (0.5, "differs")):
        stored[harmonics.HARMONICS] = with_alignment([(0.8, 0.6)] * 4 + [(last, 0.6)])
        assert harmonics.aligned()[2] == verdict
        assert float(harmonics.aligned()[1]) == pytest.approx(last - 0.6)


def test_localization_is_compared_picture_by_picture(stored):
    """Pictures differ far more among themselves than the two classes do."""
    smooth = [0.1, 0.3, 0.5, 0.7, 0.9]
    rough = [value + 0.05 for value in smooth]

    def shares(**columns):
        return [columns | {"share": v} for v in (smooth if 4 in columns.values() else rough)]

    stored[harmonics.HARMONICS] = {"shares": shares(alpha=2) + shares(alpha=4)}
    rows = shares(network="trained", contour=1.5) + shares(network="trained", contour=4.0)
    stored[harmonics.UNEQUAL] = {"rows": shares(network="other", contour=1.5) + rows}
    assert harmonics.localized(2, 4)[1:] == ("+0.05", "holds")
    assert harmonics.localized(4, 2)[2] == "differs"
    assert harmonics.unequal("trained")[2] == "holds"


def test_every_row_has_a_rule_and_a_finder():
    table = harmonics.claims()
    measured = [claim for claim in table if claim.find]
    assert len(measured) == len(table) - 1 == 19 and all(claim.rule for claim in measured)
    assert not any("calpha" in claim.claim for claim in table)


def test_the_other_architecture_has_rows_of_its_own(stored):
    shares = [
        {"alpha": a, "network": n, "seed": k, "share": v + 0.01 * k}
        for a, n, v in ((2, "BF-CNN", 0.5), (4, "BF-CNN", 0.4), (2, "UNet", 0.1), (4, "UNet", 0.9))
        for k in range(3)
    ]
    slopes = [{"alpha": 2, "network": "BF-CNN", "slope": 0.65, "low": 0.64, "high": 0.66}]
    slopes.append({"alpha": 2, "network": "UNet", "slope": 0.1, "low": 0.1, "high": 0.1})
    stored[harmonics.BFCNN] = {"shares": shares, "slopes": slopes}
    assert harmonics.localized(2, 4, harmonics.BFCNN)[2] == "holds"
    assert harmonics.localized(4, 2, harmonics.BFCNN)[2] == "differs"
    assert harmonics.bfcnn_slope(2)[2] == "holds"
    slopes[0] |= {"slope": 0.6, "low": 0.59, "high": 0.61}
    assert harmonics.bfcnn_slope(2)[2] == "differs"


def test_two_optimizers_are_held_against_two_seeds(stored):
    def pairs(less):
        seeds = {"second": "another seed", "each": [0.8, 0.9, 0.85], "mean": 0.85}
        both = {"second": "Adam", "each": [v - less for v in seeds["each"]], "mean": 0.85 - less}
        return {"pairs": [seeds, both]}

    for less, verdict in ((0.0, "holds"), (0.1, "differs")):
        stored["calpha40-optimizers"] = pairs(less)
        assert harmonics.optimizers()[2] == verdict
    assert harmonics.optimizers()[0].startswith("0.750 and 0.850: -0.1")
