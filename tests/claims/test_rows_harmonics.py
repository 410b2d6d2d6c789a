"""Rows on C^alpha images: what the finders say of numbers of our own making."""

import pytest

from book.claims import harmonics
from gahr import zoo


@pytest.fixture
def stored(monkeypatch):
    results = {}
    monkeypatch.setattr(zoo, "result", lambda name: results[name])
    return results


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


def test_waves_must_lead_along_the_contour_by_two_standard_errors(stored):
    about = {"basis": "network", "measure": "waves, less mirror"}
    rows = [about | {"alpha": a, "mean": m, "se": 0.02} for a, m in ((4, 0.05), (3, 0.03), (1, -0.05))]
    stored[harmonics.WAVES] = {"means": [row | {"basis": "cosines", "mean": 0.0} for row in rows] + rows}
    assert harmonics.waving(4)[1:] == ("+0.05", "holds")
    assert harmonics.waving(3)[2] == "unclear"
    assert harmonics.waving(1)[2] == "differs"


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
    assert len(measured) == len(table) - 1 == 8 and all(claim.rule for claim in measured)
    assert not any("calpha" in claim.claim for claim in table)


def test_the_other_architecture_has_rows_of_its_own(stored):
    shares = [
        {"alpha": a, "network": n, "seed": k, "share": v + 0.01 * k}
        for a, n, v in ((2, "BF-CNN", 0.5), (4, "BF-CNN", 0.4), (2, "UNet", 0.1), (4, "UNet", 0.9))
        for k in range(3)
    ]
    stored[harmonics.BFCNN] = {"shares": shares}
    assert harmonics.localized(2, 4, harmonics.BFCNN)[2] == "holds"
    assert harmonics.localized(4, 2, harmonics.BFCNN)[2] == "differs"


def test_two_optimizers_are_held_against_two_seeds(stored):
    def pairs(less):
        seeds = {"second": "another seed", "each": [0.8, 0.9, 0.85], "mean": 0.85}
        both = {"second": "Adam", "each": [v - less for v in seeds["each"]], "mean": 0.85 - less}
        akin = {"second": "Adam, the same seed", "each": [1, 1, 1], "mean": 1}  # must not count
        return {"pairs": [seeds, akin, both]}

    for less, verdict in ((0.0, "holds"), (0.1, "differs")):
        stored["calpha40-optimizers"] = pairs(less)
        assert harmonics.optimizers()[2] == verdict
    assert harmonics.optimizers()[0].startswith("0.750 and 0.850: -0.1")
