"""What a Jacobian is taken apart into, whole and leading; oracles; fixed bases to compare with."""

import math

import numpy as np
import pytest
import pywt
import torch
from scipy import fft

from gahr import bases, ideal, images, networks
from gahr.denoisers import Blind, Wiener, add_noise, shrinkage
from gahr.jacobian import jacobian, linearize


def draw(*shape, seed=0):
    return torch.randn(shape, dtype=torch.float64, generator=torch.Generator().manual_seed(seed))


def times(A):
    """The linear denoiser of a matrix."""
    return lambda y, sigma: (y.flatten(1) @ A.T).view_as(y)


def of_matrix(A, chunk=64):
    return linearize(times(A), draw(1, 1, 1, len(A)), chunk=chunk)


def known(values, seed=0):
    """A matrix with these singular values, and its singular vectors as rows, ``(A, u, v)``."""
    d = len(values)
    u, v = (torch.linalg.qr(draw(d, d, seed=seed + i))[0].T for i in (1, 2))
    return u.T @ (values[:, None] * v), u, v


def sine(found, true):
    """How far a subspace is from another (both orthonormal rows): norm of the sines of the angles."""
    return (found - (found @ true.T) @ true).norm()


@pytest.mark.parametrize("take", [bases.singular, bases.symmetric])
def test_bases_are_orthonormal_ordered_and_reconstruct(take):
    J = draw(12, 12, seed=3)
    basis = take(J, shape=(1, 3, 4))
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
    basis = bases.symmetric(J, shape=(1, 3, 4))
    torch.testing.assert_close(basis.lam.sum(), J.trace())
    assert basis.lam[-1] < 0  # signs are kept
    y = draw(12, seed=6)
    torch.testing.assert_close((basis.lam * (basis.e @ y).square()).sum(), y @ J @ y)


@pytest.mark.parametrize("take", [bases.singular, bases.symmetric])
def test_matrix_and_products_have_the_same_bases(take):
    A = draw(12, 12, seed=7)
    J, whole = of_matrix(A), take(A, shape=(1, 1, 12))
    for found, k in ((take(A, 5, shape=(1, 1, 12)), 5), (take(J), 12), (take(J, 5, tol=1e-9), 5)):
        assert found.shape == (1, 1, 12)
        torch.testing.assert_close(found.lam, whole.lam[:k])
        for part, true in ((found.e, whole.e[:k]), (found.out, whole.out[:k])):
            torch.testing.assert_close((part * true).sum(1).abs(), torch.ones(k).double())
    assert isinstance(found, bases.Leading) and found.residual.max() <= 1e-9


def test_basis_at_an_image_is_that_of_the_jacobian_there(lively):
    f, y = Blind(lively(networks.UNet(3, 2))), draw(1, 1, 8, 8)
    J = jacobian(f, y)
    values = torch.linalg.eigvalsh((J + J.T) / 2).flip(0)
    whole, few = bases.at(f, y), bases.at(f, y, 3, tol=1e-9)
    torch.testing.assert_close(whole.lam, values)
    torch.testing.assert_close(few.lam, values[:3])
    assert sine(few.e, whole.e[:3]) < 1e-6 and few.shape == whole.shape == (1, 8, 8)


def test_basis_at_an_image_is_told_sigma():
    variances, sigma = 0.8 ** torch.arange(16, dtype=torch.float64), 0.4
    f = Wiener(draw(1, 1, 4, 4), variances, torch.eye(16).double())
    for k in (None, 4):
        torch.testing.assert_close(
            bases.at(f, draw(1, 1, 4, 4, seed=1), k, sigma).lam, shrinkage(variances, sigma)[:k]
        )


def test_oracle_gains_minimize_the_error():
    c, sigma = torch.tensor([0.0, 0.05, 0.1, 0.4, -2.0], dtype=torch.float64), 0.1
    trial = torch.linspace(0, 1, 100_001, dtype=torch.float64)[:, None]
    errors = (1 - trial) ** 2 * c**2 + trial**2 * sigma**2
    best = errors.min(0)
    torch.testing.assert_close(bases.oracle_gains(c, sigma), trial[best.indices, 0], atol=1e-5, rtol=0)
    torch.testing.assert_close(bases.oracle_error(c, sigma, None), best.values.sum(), atol=1e-8, rtol=0)
    batch = torch.stack([c, 2 * c])
    assert bases.oracle_error(batch, sigma, None).shape == (2,)
    between = torch.minimum(c**2, torch.tensor(sigma**2)).sum()
    assert between / 2 <= bases.oracle_error(c, sigma, None) <= between


def test_oracle_does_not_pass_over_what_a_leading_part_leaves_out():
    x, sigma = draw(2, 1, 3, 4, seed=1), 0.5
    whole, few = (bases.symmetric(draw(12, 12), k, shape=(1, 3, 4)) for k in (None, 5))
    error = bases.oracle_error(whole.coefficients(x), sigma, x)
    torch.testing.assert_close(error, bases.oracle_error(whole.coefficients(x), sigma, None))
    assert (
        bases.oracle_error(few.coefficients(x), sigma, None) < error
    ).all()  # nobody looked at the other seven
    with pytest.raises(ValueError, match=r"5 coefficients of an image of 12 pixels.*whole basis \(k=None\)"):
        bases.oracle_error(few.coefficients(x), sigma, x)


# ------------------------------------------------------------------------------------------------
# The leading part


@pytest.mark.parametrize("most", [None, 36])
@pytest.mark.parametrize("seed", [0, 1])
def test_leading_part_of_a_nearly_degenerate_matrix(most, seed):
    values = 1.004 ** -torch.arange(300, dtype=torch.float64)
    A, u, v = known(values)
    J, tol = of_matrix(A), 1e-4
    found = bases.singular(J, 20, tol=tol, most=most, seed=seed)
    assert found.residual.max() <= tol
    residual = (found.out @ A - found.lam[:, None] * found.e).norm(dim=1)
    torch.testing.assert_close(found.residual, residual, rtol=1e-6, atol=1e-12)
    torch.testing.assert_close(found.e @ A.T, found.lam[:, None] * found.out)
    torch.testing.assert_close(found.lam, values[:20], rtol=1e-6, atol=0)
    gap = values[19] - values[20]
    for part, true in ((found.e, v), (found.out, u)):
        torch.testing.assert_close(part @ part.T, torch.eye(20, dtype=torch.float64))
        assert sine(part, true[:20]) <= 1.1 * residual.norm() / gap  # Wedin
    assert found.images([0]).shape == (1, 1, 1, 300)


def test_a_smaller_tolerance_is_paid_for_and_kept():
    A = known(1.004 ** -torch.arange(300, dtype=torch.float64))[0]
    rough, fine = (bases.singular(of_matrix(A), 10, tol=tol) for tol in (1e-2, 1e-10))
    assert rough.residual.max() > 1e-10 >= fine.residual.max()
    assert rough.passes < fine.passes


def test_eigenvalues_are_not_singular_values():
    A, _, _ = known(torch.linspace(1, 0.1, 100, dtype=torch.float64))
    A = A + torch.diag(torch.linspace(-3, 0, 100, dtype=torch.float64))
    J, whole = of_matrix(A), bases.symmetric(A, shape=(1, 1, 100))
    found = bases.symmetric(J, 6, tol=1e-8)
    torch.testing.assert_close(found.lam, whole.lam[:6])  # the largest, not those of largest size
    S = (A + A.T) / 2
    residual = (found.e @ S - found.lam[:, None] * found.e).norm(dim=1)
    assert (residual <= 1e-8 * torch.linalg.matrix_norm(S, 2)).all()
    assert torch.equal(found.e, found.out)
    assert sine(found.e, whole.e[:6]) <= 1.1 * residual.norm() / (whole.lam[5] - whole.lam[6])
    torch.testing.assert_close(
        bases.singular(J, 6, tol=1e-8).lam, bases.singular(A, shape=(1, 1, 100)).lam[:6]
    )


def test_repeated_values_are_all_found_up_to_the_block():
    values = torch.cat([torch.ones(12), torch.full((3,), 0.5), torch.zeros(45)]).double()
    J = of_matrix(known(values)[0])
    for block in (12, 20, 100):
        torch.testing.assert_close(bases.singular(J, 15, block=block).lam, values[:15])
        with pytest.raises(ValueError, match="found only 15 singular values"):
            bases.singular(J, 16, block=block)
    torch.testing.assert_close(
        bases.symmetric(of_matrix(torch.eye(40).double()), 30).lam, torch.ones(30).double()
    )


def test_all_directions_may_be_asked_for():
    A = draw(12, 12)
    found, whole = bases.singular(of_matrix(A), 12), bases.singular(A, shape=(1, 1, 12))
    torch.testing.assert_close(found.lam, whole.lam)
    torch.testing.assert_close(found.out.T @ (found.lam[:, None] * found.e), A)


def test_wiener_filter_in_its_own_basis():
    vectors = torch.linalg.qr(draw(64, 64))[0].T.contiguous()
    variances = 0.9 ** torch.arange(64, dtype=torch.float64)
    f, sigma = Wiener(draw(1, 1, 8, 8, seed=3), variances, vectors), 0.3
    J, gains = linearize(f, draw(1, 1, 8, 8, seed=4), sigma), shrinkage(variances, sigma)
    for take in (bases.singular, bases.symmetric):
        found = take(J, 5, tol=1e-9)
        torch.testing.assert_close(found.lam, gains[:5])
        assert sine(found.e, vectors[:5]) < 1e-6


def test_memorizer_of_five_pictures_keeps_four_directions():
    f, y = ideal.FiniteSet(draw(5, 1, 4, 4)), draw(1, 1, 4, 4, seed=1)
    J = linearize(f, y, 3.0)
    found = bases.symmetric(J, 4)
    torch.testing.assert_close(found.lam, torch.linalg.eigvalsh(J.matrix()).flip(0)[:4])
    with pytest.raises(
        ValueError, match="found only 4 singular values above 0.0001 times the largest; k is 5"
    ):
        bases.singular(J, 5)


@pytest.mark.parametrize("kind", ["singular", "symmetric"])
def test_leading_50_of_a_shipped_network(trained, kind):
    _, _, J, matrix, tol = trained
    take = getattr(bases, kind)
    found, whole = take(J, 50, tol=tol), take(matrix, shape=J.shape)
    torch.testing.assert_close(found.lam, whole.lam[:50], rtol=1e-3, atol=0)
    S = matrix if kind == "singular" else (matrix + matrix.T) / 2
    forward = (found.e @ S.T - found.lam[:, None] * found.out).norm(dim=1)
    back = (found.out @ S - found.lam[:, None] * found.e).norm(dim=1)
    assert forward.max() < 1e-3 and back.max() < 1e-3
    assert found.residual.max() <= tol
    rounding = 1e-5
    assert (back <= found.residual * whole.lam[0] + rounding).all()
    gap = found.lam[49] - whole.lam[50]
    bound = (torch.cat([forward, back]).norm() + rounding) / gap
    assert bound < 0.2  # radians: the comparison says something
    assert sine(found.e, whole.e[:50]) <= bound and sine(found.out, whole.out[:50]) <= bound
    assert found.passes < 1600  # fewer than pixels: else the whole matrix is as cheap


def test_larger_images_than_it_was_trained_on(face):
    f = face[0]
    y = add_noise(images.portrait(64), 0.15)[:, :, 8:]
    found = bases.singular(linearize(f, y, chunk=16), 5)
    assert found.images().shape == (5, 1, 56, 64)
    for s, v, u in zip(found.lam, found.images(), found.out.view(-1, 1, 56, 64), strict=True):
        there = torch.func.jvp(f, (y,), (v[None],))[1]  # by torch alone, on the network itself
        back = torch.func.vjp(f, y)[1](u[None])[0]
        assert (there - s * u).norm() < 1e-4 and (back - s * v).norm() < 2e-4


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


# ------------------------------------------------------------------------------------------------
# Bad input


LINE = of_matrix(torch.diag(1.0001 ** -torch.arange(200, dtype=torch.float64)))


@pytest.mark.parametrize(
    ("call", "sentence"),
    [
        (lambda: bases.wavelet(20, 16), r"20x16 is not divisible by 2\^3; use fewer levels"),
        (lambda: bases.wavelet(16, 16, "bior2.2", 2), "bior2.2 is not an orthogonal wavelet; try db2"),
        (
            lambda: bases.singular(torch.ones(2, 3), shape=(1, 1, 2)),
            r"must be a square matrix .* got \(2, 3\)",
        ),
        (lambda: bases.symmetric(torch.ones(3), shape=(1, 1, 3)), "J must be a square matrix"),
        (lambda: bases.symmetric(torch.eye(4), 5, shape=(1, 2, 2)), r"k must be in \[1, 4\]; got 5"),
        (lambda: bases.symmetric(torch.eye(4)), "shape must be .* of an image of 4 pixels; got None"),
        (lambda: bases.singular(torch.eye(4), shape=(1, 2, 3)), r"4 pixels; got \(1, 2, 3\)"),
        (lambda: bases.singular(LINE, shape=(1, 10, 20)), r"taken at .* \(1, 1, 200\); got .* \(1, 10, 20\)"),
        (lambda: bases.singular(torch.full((2, 2), math.nan), shape=(1, 1, 2)), "J contains NaN"),
        (lambda: bases.singular(LINE, 0), r"k must be in \[1, 200\]; got 0"),
        (lambda: bases.singular(LINE, 201), r"k must be in \[1, 200\]; got 201"),
        (lambda: bases.symmetric(LINE, 2, tol=1e-17), "tol must be in"),
        (lambda: bases.symmetric(LINE, 2, block=0), "block must be in"),
        (lambda: bases.symmetric(LINE, 2, block=4, most=9), r"most must be in \[10, inf\); got 9"),
        (lambda: bases.singular(of_matrix(torch.zeros(50, 50).double()), 2), "found only 0 singular values"),
    ],
)
def test_bad_input_is_refused(call, sentence):
    with pytest.raises(ValueError, match=sentence):
        call()


def test_a_tolerance_that_is_not_reached_is_said():
    with pytest.raises(RuntimeError, match=r"the residual is .*; asked was 1e-12. Allow a larger tol"):
        bases.singular(LINE, 5, tol=1e-12, block=1, most=7)
