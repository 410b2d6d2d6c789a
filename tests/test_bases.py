"""Jacobians and what they are taken apart into; fixed bases to compare with."""

import math

import numpy as np
import pytest
import pywt
import torch
from scipy import fft

from gahr import bases, networks
from gahr.denoisers import Blind, Threshold


def draw(*shape, seed=0):
    return torch.randn(shape, dtype=torch.float64, generator=torch.Generator().manual_seed(seed))


@pytest.mark.parametrize("chunk", [1, 7, 64])
def test_jacobian_of_a_matrix_is_the_matrix(chunk):
    A = draw(12, 12)
    J = bases.jacobian(lambda y, sigma: (A @ y.flatten()).view_as(y), draw(1, 1, 3, 4, seed=1), chunk=chunk)
    torch.testing.assert_close(J, A)


@pytest.mark.parametrize("make", [lambda: networks.UNet(3, 2), lambda: networks.BFCNN(4, 4)])
def test_jacobian_of_a_network_against_finite_differences(lively, make):
    f = Blind(lively(make()))
    y = draw(1, 1, 8, 8, seed=2)
    J, step = bases.jacobian(f, y), 1e-7
    shifts = step * torch.eye(64, dtype=torch.float64).view(64, 1, 8, 8)
    with torch.no_grad():
        columns = (f(y + shifts) - f(y - shifts)).flatten(1) / (2 * step)
    torch.testing.assert_close(J, columns.T, atol=1e-5, rtol=1e-5)
    assert not J.requires_grad


def test_jacobian_is_told_sigma():
    f = Threshold(torch.eye(4), factor=1.0, keep=0)
    y = torch.tensor([0.05, 0.2, -0.3, 0.09]).view(1, 1, 2, 2)
    expected = torch.diag(torch.tensor([0.0, 1.0, 1.0, 0.0]))
    torch.testing.assert_close(bases.jacobian(f, y, sigma=0.1), expected)


@pytest.mark.parametrize(
    ("J", "expected"),
    [
        (torch.tensor([[1.0, 2.0], [2.0, 5.0]]), 0.0),
        (torch.tensor([[0.0, 1.0], [-1.0, 0.0]]), 2.0),
        (torch.tensor([[1.0, 1.0], [0.0, 0.0]]), math.sqrt(2) / math.sqrt(2)),
    ],
)
def test_asymmetry_by_hand(J, expected):
    assert bases.asymmetry(J) == pytest.approx(expected)


def test_asymmetry_of_unrelated_entries():
    assert bases.asymmetry(draw(200, 200)) == pytest.approx(math.sqrt(2), rel=0.03)


@pytest.mark.parametrize("take", [bases.singular, bases.symmetric])
def test_bases_are_orthonormal_ordered_and_reconstruct(take):
    J = draw(12, 12, seed=3)
    basis = take(J, (1, 3, 4))
    whole = J if take is bases.singular else (J + J.T) / 2
    torch.testing.assert_close(basis.out.T @ (basis.lam[:, None] * basis.e), whole)
    for rows in (basis.e, basis.out):
        torch.testing.assert_close(rows @ rows.T, torch.eye(12, dtype=torch.float64))
    assert (basis.lam.diff() <= 0).all()
    assert basis.images([0, 5]).shape == (2, 1, 3, 4) and basis.images().shape == (12, 1, 3, 4)
    torch.testing.assert_close(basis.images([5])[0].flatten(), basis.e[5])
    x = draw(2, 1, 3, 4, seed=4)
    torch.testing.assert_close(basis.coefficients(x), x.flatten(1) @ basis.e.T)
    torch.testing.assert_close(  # what the matrix does is: measure with e, shrink, write with out
        (basis.coefficients(x) * basis.lam) @ basis.out, x.flatten(1) @ whole.T
    )


def test_symmetric_eigenvalues_sum_to_the_trace():
    J = draw(12, 12, seed=5)
    basis = bases.symmetric(J, (1, 3, 4))
    torch.testing.assert_close(basis.lam.sum(), J.trace())
    assert basis.lam[-1] < 0  # signs are kept
    y = draw(12, seed=6)
    torch.testing.assert_close((basis.lam * (basis.e @ y).square()).sum(), y @ J @ y)


def test_oracle_gains_minimize_the_error():
    c, sigma = torch.tensor([0.0, 0.05, 0.1, 0.4, -2.0], dtype=torch.float64), 0.1
    trial = torch.linspace(0, 1, 100_001, dtype=torch.float64)[:, None]
    errors = (1 - trial) ** 2 * c**2 + trial**2 * sigma**2
    best = errors.min(0)
    torch.testing.assert_close(bases.oracle_gains(c, sigma), trial[best.indices, 0], atol=1e-5, rtol=0)
    torch.testing.assert_close(bases.oracle_error(c, sigma), best.values.sum(), atol=1e-8, rtol=0)
    batch = torch.stack([c, 2 * c])
    assert bases.oracle_error(batch, sigma).shape == (2,)
    between = torch.minimum(c**2, torch.tensor(sigma**2)).sum()
    assert between / 2 <= bases.oracle_error(c, sigma) <= between


# ------------------------------------------------------------------------------------------------
# Fixed bases


@pytest.mark.parametrize("ordered", [True, False])
@pytest.mark.parametrize(("height", "width"), [(8, 8), (6, 10)])
def test_cosines_are_orthonormal_and_begin_with_the_constant(height, width, ordered):
    rows = bases.dct(height, width, ordered)
    d = height * width
    torch.testing.assert_close(rows @ rows.T, torch.eye(d), atol=1e-5, rtol=0)
    torch.testing.assert_close(rows[0], torch.full((d,), d**-0.5), atol=1e-6, rtol=0)


def test_cosines_are_scipy_s_and_go_from_coarse_to_fine():
    x = draw(6, 10).float()
    expected = fft.dctn(x.numpy(), norm="ortho")
    found = bases.dct(6, 10, ordered=False) @ x.flatten()
    np.testing.assert_allclose(found.numpy(), expected.ravel(), atol=1e-5)
    ordered = bases.dct(6, 10)
    spectra = np.abs([fft.dctn(row.numpy().reshape(6, 10), norm="ortho") for row in ordered])
    places = [np.unravel_index(s.argmax(), s.shape) for s in spectra]
    assert len(set(places)) == 60 and np.allclose(spectra.max((1, 2)), 1, atol=1e-5)
    frequency = [(a / 6) ** 2 + (b / 10) ** 2 for a, b in places]
    assert frequency == sorted(frequency)


@pytest.mark.parametrize(("name", "levels"), [("haar", 3), ("db2", 2), ("sym4", 1)])
def test_wavelets_are_orthonormal_and_pywavelets(name, levels):
    rows = bases.wavelet(16, 24, name, levels)
    torch.testing.assert_close(rows @ rows.T, torch.eye(16 * 24), atol=1e-4, rtol=0)
    x = draw(16, 24).numpy()
    bands = pywt.wavedec2(x, name, mode="periodization", level=levels)
    expected = np.concatenate([np.ravel(b) for b in [bands[0], *(b for triple in bands[1:] for b in triple)]])
    np.testing.assert_allclose(rows.double().numpy() @ x.ravel(), expected, atol=1e-4)
    coarse = 16 * 24 // 4**levels
    assert (rows[:coarse].sum(1) > 1).all()  # averages first,
    assert rows[coarse:].sum(1).abs().max() < 1e-3  # then differences


def test_the_book_s_default_wavelets_fit_both_image_sizes():
    for size in (32, 40):
        rows = bases.wavelet(size, size)
        torch.testing.assert_close(rows @ rows[:50].T, torch.eye(size**2)[:, :50], atol=1e-4, rtol=0)


@pytest.mark.parametrize(
    ("call", "sentence"),
    [
        (lambda: bases.wavelet(20, 16), r"20x16 is not divisible by 2\^3; use fewer levels"),
        (lambda: bases.wavelet(16, 16, "bior2.2", 2), "bior2.2 is not an orthogonal wavelet; try db2"),
        (lambda: bases.singular(torch.ones(2, 3), (1, 1, 2)), r"J must be a square matrix .* got \(2, 3\)"),
        (lambda: bases.symmetric(torch.ones(3), (1, 1, 3)), "J must be a square matrix"),
        (lambda: bases.asymmetry(torch.full((2, 2), math.nan)), "J contains NaN"),
        (lambda: bases.jacobian(lambda y, s: y, torch.ones(2, 1, 4, 4)), "at one image, .* got 2 images"),
        (lambda: bases.jacobian(lambda y, s: y, torch.ones(4, 4)), "y must have shape"),
        (lambda: bases.jacobian(Blind(networks.UNet(2, 2)), torch.ones(1, 1, 6, 6)), "divisible by 4"),
    ],
)
def test_bad_input_is_refused(call, sentence):
    with pytest.raises(ValueError, match=sentence):
        call()
