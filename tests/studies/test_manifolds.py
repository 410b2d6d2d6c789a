"""The studies of chapter 12, where the answer is known."""

import math

import pytest
import torch

from book.studies import manifolds as _optima
from gahr import bases, denoisers, images, zoo
from gahr.analysis import manifolds, subspaces
from gahr.notebook import pick


def column(found, pair, name):
    return [row[name] for row in pick(found["gaps"], pair=pair)]


def test_gaps_and_slopes_of_known_errors():
    sigmas = (0.01, 0.02, 0.05, 0.5)
    line = torch.tensor([2 * s**2 / 1600 for s in sigmas], dtype=torch.float64)
    each = line[:, None] * (1 + 0.5 * torch.rand(4, 50, generator=torch.Generator().manual_seed(0)))
    errors = {key: each * k for k, key in enumerate(("told", "blind", "free", "free, blind"), 1)}
    errors["network"] = torch.full_like(each, 1e-4)
    found = _optima.compared(errors, sigmas, 2)
    assert column(found, "blindness", "sigma") == list(sigmas)
    assert column(found, "blindness", "db") == pytest.approx([10 * math.log10(2)] * 4)
    assert column(found, "bounds", "db") == pytest.approx([10 * math.log10(3)] * 4)
    assert column(found, "both", "se") == pytest.approx([0] * 4, abs=1e-6)
    assert column(found, "told to line", "db") == pytest.approx([10 * math.log10(1.25)] * 4, abs=0.3)
    slopes = {row["denoiser"]: row["slope"] for row in found["slopes"]}
    assert slopes["told"] == pytest.approx(1, abs=0.05) and abs(slopes["network"]) < 1e-9
    assert pick(found["errors"], denoiser="network")[0]["mse"] == pytest.approx([1e-4] * 4)


def test_examples_are_images_of_the_class():
    x, found = images.load("discs40", 1000, "held-out"), _optima.examples("discs40", 3)
    for disc in _optima.drawer("discs40")(found).float():
        assert (x - disc).abs().flatten(1).amax(1).min() < 1e-5
    assert ((found[:, 3] - found[:, 4]).abs() >= 0.3).all()
    for name in ("ray40", "sinusoids40"):
        x = _optima.drawer(name)(_optima.examples(name, 2)).float()
        for f in _optima.exact(name).values():
            assert (f(x, 0.001) - x).abs().max() < 1e-3
    with pytest.raises(KeyError, match="class"):
        _optima.exact("clothes")


def test_exact_basis_of_a_cone_is_its_plane():
    draw, parameters = _optima.drawer("sinusoids40"), _optima.examples("sinusoids40", 1)
    plane = manifolds.tangent(draw, parameters[0])
    y = draw(parameters).float()
    basis = _optima.exact_basis(_optima.exact("sinusoids40")["told"], y, 0.05, plane)
    assert basis.lam.tolist() == pytest.approx([1, 1], abs=1e-3)
    assert subspaces.angles(basis.e, plane).max() < 1e-4


def test_the_network_is_held_against_the_best_that_is_as_blind():
    ones = torch.ones(2, 30, dtype=torch.float64)
    errors = {"told": ones, "blind": 2 * ones, "free": ones, "free, blind": ones, "network": 20 * ones}
    found = _optima.compared(errors, (0.01, 0.02, 0.05)[:2], 2)
    assert column(found, "network", "db") == pytest.approx([10, 10])


def test_at_weak_noise_a_disc_has_five_factors_of_one():
    draw, parameters = _optima.drawer("discs40"), _optima.examples("discs40", 1)
    plane = manifolds.tangent(draw, parameters[0], step=1e-5)
    y = denoisers.add_noise(draw(parameters).float(), 0.01, seed=0)
    lam = _optima.exact_basis(_optima.exact("discs40")["told"], y, 0.01, plane).lam
    assert lam[:5].sum().item() == pytest.approx(5, abs=1) and lam[5] < 0.3


def test_directions_in_the_plane_have_no_angle_to_it():
    e = torch.eye(6)
    basis = bases.Basis(torch.tensor([1.0, 0.6, 0.3, 0.05, 0.0, 0.0]), e, e, (1, 2, 3))
    found = _optima._beside(basis, e[:2].double(), 2)
    assert (
        found["inside"] == pytest.approx(1)
        and found["angles"] == pytest.approx([0, 0])
        and found["above"] == [2, 3, 4]
    )
    assert _optima._beside(basis, e[[0, 5]].double(), 2)["inside"] == pytest.approx(0.5)


def test_factors_of_a_network_are_eigenvalues_of_the_symmetric_part(monkeypatch):
    """A shift by one pixel has singular values of 1; the eigenvalues of its symmetric part are cosines."""
    monkeypatch.setattr(zoo, "load", lambda name: lambda y, sigma=None: y.roll(1, 3))
    rows = {row["which"]: row for row in _optima.tangents("ray40", 1, (0.1,))["rows"]}
    cosines = torch.cos(2 * math.pi * torch.arange(40) / 40)
    above = [40 * int((cosines > t).sum()) for t in _optima.THRESHOLDS]
    assert rows["network"]["above"] == above and above[0] < 600
    assert rows["network"]["sum"] == pytest.approx(0, abs=0.1)
    assert 0 < rows["network"]["to_exact"][0] < 90 and "to_exact" not in rows["exact"]


def test_the_error_to_be_expected_is_the_mean_of_the_errors():
    best = _optima.exact("ray40")["told"]
    x = images.load("ray40", 200, "held-out")
    errors, expected = (find(best, x, (0.05, 0.5)) for find in (manifolds.errors, _optima.expected))
    assert (errors.mean(1) / expected.mean(1)).tolist() == pytest.approx([1, 1], abs=0.3)
    assert (expected.std(1) < 0.5 * errors.std(1)).all()
    line = 0.05**2 / 1600
    assert expected[0].mean().item() == pytest.approx(line, rel=0.03)
