"""Each finder of the rows on manifolds, on made-up results whose answer is known."""

import pytest

from book.claims import manifolds
from book.claims.table import VERDICTS
from book.studies import manifolds as _optima
from gahr import zoo


def row(image, sigma, lam, above, angles, which="network"):
    return {"image": image, "sigma": sigma, "which": which, "lam": lam, "above": above, "angles": angles}


RESULTS = {
    "ray40-optima": {
        "gaps": [
            {"pair": "told to line", "sigma": 0.05, "db": 9.0, "se": 1.0},
            {"pair": "told to line", "sigma": 0.01, "db": 0.3, "se": 0.15},
            {"pair": "network", "sigma": 0.01, "db": 4.0, "se": 0.5},
        ],
        "slopes": [
            {"denoiser": "told", "slope": 1.0, "low": 1.0, "high": 1.0},
            {"denoiser": "network", "slope": 0.6, "low": 0.5, "high": 0.95},
        ],
    },
    "ray40-tangents": {
        "thresholds": [0.5, 0.1, 0.02],
        "rows": [
            row(0, 0.04, [1.2, 0.5, 0.3, 0.2, 0.2, 0.05], [1, 5, 9], [10.0]),
            row(1, 0.04, [1.0, 0.7, 0.3, 0.2, 0.2, 0.05], [1, 5, 9], [40.0]),
            *(row(k, 0.04, [9.0] * 6, [9, 9, 9], [80.0], "exact") for k in range(2)),
            *(row(k, s, [], [0, n, 0], []) for k, s, n in ((0, 0.01, 7), (1, 0.01, 5))),
            *(row(k, s, [], [0, n, 0], []) for k, s, n in ((0, 0.16, 3), (1, 0.16, 5))),
        ],
    },
}


@pytest.fixture(autouse=True)
def made_up(monkeypatch):
    monkeypatch.setattr(zoo, "result", RESULTS.__getitem__)


def test_finders():
    assert manifolds.line("ray40") == ("0.3 (0 to 0.6) dB", "+0.2 dB", "unclear")
    assert manifolds.claims()[7].scale.endswith("by squared errors")
    RESULTS["ray40-optima"]["gaps"].append({"pair": "expected to line", "sigma": 0.01, "db": 0.1, "se": 0.1})
    assert manifolds.line("ray40") == ("0.1 (-0.1 to 0.3) dB", "+0.4 dB", "holds")
    assert manifolds.slope("ray40") == ("0.6 (0.5 to 0.95)", "+0.3", "unclear")
    assert manifolds.short("ray40") == ("4 (3 to 5) dB", "+3 dB", "holds")
    assert manifolds.claims()[7].scale.endswith("by posterior variance")
    assert manifolds.angle("ray40", 0.04) == ("25 (-5 to 55) degrees; optimum 80", "+5 degrees", "unclear")
    assert manifolds.factors("ray40", 0.04, 0, 1, 0.75, 1.25) == ("1.1", "+0.15", "holds")
    found = manifolds.factors("ray40", 0.04, 1, 6, 0.1, 0.8)
    assert found == ("0.6, 0.3, 0.2, 0.2, 0.05", "-0.05", "differs")
    assert manifolds.growth("ray40") == ("6 against 4, more in 1 of 2", "-1", "differs")


def test_weighting(monkeypatch):
    curves = {"x-a-mse": [1e-4, 10**-3.8, 1.0], "x-a-mse-quadratic": [10**-4.39794, 10**-3.79588, 1.0]}
    rows = {
        name: {"curves": {"held_out": {"sigma": [0.01, 0.02, 0.5], "mse": e}}} for name, e in curves.items()
    }
    monkeypatch.setattr(zoo, "describe", rows.__getitem__)
    assert manifolds.held_out_slope("x-a-mse-quadratic") == pytest.approx(1, abs=1e-4)
    assert manifolds.weighting("x")[0] == "1.000 against 0.332"
    assert manifolds.weighting("x")[2] == "holds"


def test_rows_are_whole():
    rows = manifolds.claims()
    assert len({(r.source, r.claim, r.scale) for r in rows}) == len(rows)
    assert all(r.rule and r.find for r in rows) and "differs" in VERDICTS
    assert set(manifolds.FIGURES) == set(_optima.DIMENSION)
    assert {k: m for k, (_, _, m) in manifolds.FIGURES.items()} == _optima.DIMENSION
