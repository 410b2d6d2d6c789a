"""The studies and rows of chapter 7, on denoisers whose basis is known and on made-up results."""

import json
import math

import pytest
import torch

from book.claims import shrinkage
from book.studies import shrinkage as _adapted
from gahr import bases, images, paper, zoo
from gahr.analysis import subspaces
from gahr.denoisers import Wiener
from gahr.ideal.mixtures import FiniteSet
from gahr.notebook import pick


@pytest.fixture
def wiener():
    """A Wiener filter of 4x4 pixels with known factors at sigma 0.15."""
    draw = torch.randn((16, 16), generator=torch.Generator().manual_seed(0), dtype=torch.float64)
    vectors = torch.linalg.qr(draw)[0].T.contiguous()
    values = torch.logspace(0, -5, 16, dtype=torch.float64)
    f = Wiener(torch.full((1, 1, 4, 4), 0.5).double(), values, vectors)
    return lambda y, sigma=None: f(y, 0.15), values, vectors


def draws(values, vectors, count):
    z = torch.randn((count, 16), generator=torch.Generator().manual_seed(1), dtype=torch.float64)
    return 0.5 + (z * values.sqrt() @ vectors).view(count, 1, 4, 4)


def values(rows, measure):
    return [row["value"] for row in pick(rows, measure=measure)]


def test_an_ideal_denoiser_is_calibrated_and_another_is_not(wiener):
    f, values, vectors = wiener
    x = draws(values, vectors, 120)
    rows = _adapted.calibration(f, x, 0.15)
    assert all(abs(row["error"] - row["lam"]) < 4 * row["se"] < 0.6 for row in rows)
    assert sum(row["directions"] for row in rows) == 120 * 16
    assert all(row["from"] < row["lam"] <= row["to"] for row in rows)
    wrong = _adapted.calibration(lambda y, sigma=None: 0.5 * f(y), x, 0.15)
    assert any(abs(row["error"] - row["lam"]) > 4 * row["se"] for row in wrong)


def test_a_view_knows_the_factors_and_the_error(wiener):
    f, values, vectors = wiener
    x = draws(values, vectors, 1)
    seen = _adapted.view(f, x)
    factors = values / (values + 0.15**2)
    assert torch.allclose(seen.basis.lam, factors)
    found = {row["measure"]: row["value"] for row in _adapted.summary(seen, x, 0.15)}
    assert found["above_1"] == 0 and found["kept"] == int((factors > 0.5).sum())
    assert found["dimension"] == pytest.approx(factors.sum().item()) and found["asymmetry"] < 1e-6
    assert found["error"] == pytest.approx(((f(x) - x).square().sum() / 0.15**2).item())


def test_views_of_one_filter_agree_whole_or_leading_and_others_do_not(wiener):
    f, variances, vectors = wiener
    x = draws(variances, vectors, 2)
    a, b = _adapted.view(f, x[:1]), _adapted.view(f, x[1:], leading=4)
    same = _adapted.agreement(a, b, (1, 4))
    assert values(same, "shared") == pytest.approx([1, 1], abs=1e-4) == values(same, "captured")
    assert values(same, "mixed") == [1, 1]
    other = Wiener(torch.zeros(1, 1, 4, 4).double(), variances, torch.eye(16).double())
    found = _adapted.agreement(a, _adapted.view(lambda y, s=None: other(y, 0.15), x[:1]), (1, 4))
    (row,) = pick(found, measure="shared", k=4)
    assert row["value"] == pytest.approx(vectors[:4, :4].square().sum().item() / 4)


def test_between_two_pictures_an_eigenvalue_exceeds_1_if_they_are_further_apart_than_two_sigma():
    x = torch.stack([torch.zeros(1, 4, 4), torch.full((1, 4, 4), 0.2)]).double()  # 0.8 apart
    for sigma, most in ((0.2, 4.0), (0.4, 1.0), (0.8, 0.25)):
        best = FiniteSet(x)
        seen = _adapted.view(lambda y, s=None, at=sigma, f=best: f(y, at), x.mean(0, keepdim=True))
        assert seen.basis.lam[0].item() == pytest.approx(most)  # D^2 / (4 sigma^2)


def test_numbers_over_images_get_their_mean_and_its_standard_error():
    found = [[{"measure": "kept", "value": value}, {"k": 5, "value": 0.0}] for value in (1.0, 2.0, 6.0)]
    kept, other = _adapted._means(found)
    assert other == {"k": 5, "mean": 0.0, "se": 0.0} and kept["measure"] == "kept"
    assert kept["mean"] == pytest.approx(3) and kept["se"] == pytest.approx((7 / 3) ** 0.5)
    assert math.isnan(_adapted._means(found[:1])[0]["se"])


def test_what_an_oracle_reaches_in_pixels_has_a_closed_form(wiener):
    f, values, vectors = wiener
    x = draws(values, vectors, 1)
    pixels = {"cosines": torch.eye(16).double()}
    found = _adapted._oracles(_adapted.view(f, x), x, 0.15, pixels)
    c = x.flatten().square()
    mse = (c * 0.15**2 / (c + 0.15**2)).mean()
    (row,) = pick(found, measure="psnr", basis="cosines")
    assert row["value"] == pytest.approx(-10 * torch.log10(mse).item())


def test_the_part_that_is_lost_is_that_of_the_antisymmetric_half(monkeypatch):
    """A quarter turn of the first two pixels is antisymmetric: all of f(y) is lost there."""
    monkeypatch.setattr(paper, "FACE_EIGENVALUES", {5: 1.0})  # 16 pixels do not have the paper's ranks
    J = torch.zeros(16, 16).double()
    J[0, 1], J[1, 0] = -1.0, 1.0
    y = torch.zeros(1, 1, 4, 4).double()
    y[..., 0, 0], y[..., 0, 1] = 3.0, 4.0
    a = _adapted.View(J, bases.symmetric(J, shape=(1, 4, 4)), (J @ y.flatten()).view_as(y))
    assert _adapted._symmetry(a, y)["lost"] == pytest.approx(1)


def test_near_equal_factors_are_known_within_the_root_mean_square_difference(wiener, monkeypatch):
    f, values, vectors = wiener
    x = draws(values, vectors, 1)
    widths = []
    mixed = subspaces.shared_when_mixed
    monkeypatch.setattr(
        subspaces, "shared_when_mixed", lambda lam, width: widths.append(width) or mixed(lam, width)
    )
    a, b = _adapted.view(f, x), _adapted.view(lambda y, s=None: 0.5 * f(y), x)
    _adapted.agreement(a, b, (1, 4))
    factors = values[:4] / (values[:4] + 0.15**2)
    assert widths[0] == pytest.approx((factors / 2).square().mean().sqrt().item())


def test_the_studies_run_on_few_images(monkeypatch):
    monkeypatch.setattr(_adapted, "CUTS", (1, 5))
    load = images.load
    monkeypatch.setattr(images, "load", lambda *args: load(*args)[..., 8:24, 8:24])  # a part, to be fast
    found = _adapted.clothes(2, (1, 10), 2)
    json.dumps(found)
    assert {row["n"] for row in found["rows"]} == {1, 10} == {row["n"] for row in found["calibration"]} | {1}
    shared = pick(found["rows"], n=10, measure="shared", pair="halves")
    assert [row["k"] for row in shared] == [1, 5] and all(0 <= row["mean"] <= 1 for row in shared)


# ------------------------------------------------------------------------------------------------
# Rows


PRINTED = list(paper.FACE_EIGENVALUES.values())
CONTROLS = {
    (shrinkage.TRAINED, "within 50"): 0.1,
    (shrinkage.TRAINED, "left and right 50"): 0.97,
    (shrinkage.TRAINED, "ratio of mean"): 0.15,
    ("network, told", "lost"): 0.01,
}


def made_up(
    asymmetry=0.1, lost=0.01, largest=(1.3, 1.2), above_1=12, printed=PRINTED, halves=0.8, control=None
):
    first, agreement = [], []
    for image in (0, 1):
        for half, value in zip("ab", largest, strict=True):
            row = {"image": image, "half": half, "largest": value}
            first.append(row | {"above_1": above_1, "printed": printed if half == "a" else [9.0] * 21})
        for pair, value in (("halves", halves), ("image", 0.2)):
            agreement.append({"image": image, "pair": pair, "measure": "shared", "value": value})
            agreement.append({"image": image, "pair": pair, "measure": "captured", "value": 0.0})
    symmetry = [{"image": image, "asymmetry": asymmetry, "lost": lost} for image in (0, 1)]
    rows = [
        {"denoiser": denoiser, "sigma": 0.15, "measure": measure, "mean": mean, "se": 0.01}
        for (denoiser, measure), mean in (CONTROLS | (control or {})).items()
    ]
    return {"first": first, "agreement": agreement, "symmetry": symmetry, "rows": rows}


def verdicts(monkeypatch, result):
    monkeypatch.setattr(zoo, "result", lambda name: result)
    return {claim.claim: claim.find() for claim in shrinkage.claims()}


def test_what_agrees_with_the_paper_holds(monkeypatch):
    found = verdicts(monkeypatch, made_up())
    assert [verdict for _, _, verdict in found.values()] == ["holds"] * len(found)
    assert len(found) == len(shrinkage.claims())


@pytest.mark.parametrize(
    ("change", "number", "text"),
    [
        ({"asymmetry": 0.3}, 0, "0.3"),
        ({"control": {(shrinkage.TRAINED, "within 50"): 0.3}}, 1, "0.3 (0.28 to 0.32)"),
        ({"control": {(shrinkage.TRAINED, "left and right 50"): 0.9}}, 2, "0.9 (0.88 to 0.92)"),
        ({"control": {(shrinkage.TRAINED, "ratio of mean"): 0.23}}, 3, "0.23"),
        ({"lost": 0.06}, 4, "0.06"),
        ({"control": {("network, told", "lost"): 0.08}}, 5, "0.08"),
        ({"largest": (1.2, 0.9)}, 6, "0.9"),
        ({"above_1": 30}, 7, "1.875"),
        ({"printed": [1.0, *PRINTED[1:]]}, 8, "1, 1.11"),
        ({"printed": [*PRINTED[:-1], 0.6]}, 9, "0.6"),
        ({"halves": 0.4}, 10, "0.25: shares 0.40 and 0.20"),
    ],
)
def test_what_does_not_differs(monkeypatch, change, number, text):
    found = list(verdicts(monkeypatch, made_up(**change)).values())
    assert found[number][2] == "differs" and text in found[number][0]
    assert [verdict for _, _, verdict in found].count("holds") == len(found) - 1


def test_the_paper_crosses_1_between_the_ranks_that_the_rule_uses():
    assert len(PRINTED) == 21 and sorted(PRINTED, reverse=True) == PRINTED
    assert paper.FACE_EIGENVALUES[41] > 1 > paper.FACE_EIGENVALUES[53]
    assert shrinkage.ABOVE == (42 / 6400, 53 / 6400)


def test_factors_mix_if_they_are_nearer_than_the_difference_of_the_networks():
    """Factors that move by 0.03 mix what lies nearer than that, and nothing else."""
    e = torch.eye(4)
    for apart, expected in ((0.05, 1.0), (0.02, 0.5)):
        lam = torch.tensor([1.0, 1 - apart, 0.5, 0.2])
        a, b = (
            _adapted.View(torch.diag(v), bases.Basis(v, e, e, (1, 2, 2)), None) for v in (lam, lam + 0.03)
        )
        assert values(_adapted.agreement(a, b, (1, 4)), "mixed") == pytest.approx([expected, 1])


@pytest.fixture
def shrinkers(monkeypatch):
    def load(name):
        k = 0.8 if name.endswith("-a") else 0.6
        return lambda y, sigma=None: k * y * y.mean((1, 2, 3), keepdim=True) if "n10" in name else k * y

    monkeypatch.setattr(zoo, "load", load)
    monkeypatch.setattr(_adapted, "CUTS", (1, 5))
    real = images.load
    monkeypatch.setattr(images, "load", lambda *args: real(*args)[..., 12:20, 12:20])


def test_other_noise_is_other_noise(shrinkers):
    rows = _adapted.clothes(2, (1, 10), 2)["rows"]
    assert pick(rows, n=1, measure="apart")[0]["mean"] == pytest.approx(0.25, abs=1e-5)
    (row,) = pick(rows, n=10, measure="shared", pair="noise", k=1)
    assert row["mean"] < 0.9999  # its first direction is the noisy picture


def test_equal_errors_leave_no_doubt_however_many_directions_there_are():
    """It is the same in all directions of all pictures, though some pictures have more directions."""

    def f(y, sigma=None):  # answers 0.6; factors are 0.4 at the brighter pixels and 0 at the others
        return 0.6 + 0.4 * (y > 0.5) * (y - y.detach())

    rows = _adapted.calibration(f, torch.full((5, 1, 4, 4), 0.5).double(), 0.2)
    assert [row["lam"] for row in rows] == pytest.approx([0, 0.4])
    assert [row["error"] for row in rows] == pytest.approx([0.25, 0.25])
    assert [row["se"] for row in rows] == pytest.approx([0, 0], abs=1e-6)


def test_numbers_of_a_size_are_means_of_both_halves(shrinkers):
    rows = _adapted.clothes(2, (1, 10), 2)["rows"]
    (row,) = pick(rows, n=1, images="held-out", measure="dimension")
    assert row["mean"] == pytest.approx(0.7 * 64, rel=1e-4)  # of factors 0.8 and 0.6


def test_captured_forgives_an_exchange_of_equal_factors_and_shared_does_not():
    e = torch.linalg.qr(torch.randn(8, 8, generator=torch.Generator().manual_seed(0)).double())[0].T
    lam = torch.tensor([1, 1, 0.5, 0.5, 0.5, 0.1, 0, -0.1]).double()
    S = e.T @ torch.diag(lam) @ e
    other = e[[0, 1, 4, 3, 2]]
    found = _adapted.captured(other, other @ S, lam[:5])
    assert torch.allclose(found, torch.ones(5).double())
    assert subspaces.shared(e[:5], other)[2].item() == pytest.approx(2 / 3)
    last = e[[6, 7]]
    assert _adapted.captured(last, last @ S, lam[:2]).tolist() == pytest.approx([0, -0.1 / 2])
    turn = torch.randn((8, 8), generator=torch.Generator().manual_seed(3), dtype=torch.float64)
    again = _adapted.captured(other, other @ (S + turn - turn.T), lam[:5])  # J and its symmetric part
    assert torch.allclose(again, found)
    for rows, products, factors in (
        (e[:2], torch.eye(3), torch.ones(2)),
        (e[:2], e[:2], torch.ones(3)),
        (torch.ones(2, 4), torch.ones(2, 4), torch.ones(2)),
    ):
        with pytest.raises(ValueError):
            _adapted.captured(rows, products, factors)
