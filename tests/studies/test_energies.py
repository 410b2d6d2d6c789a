"""What the antisymmetric part of a Jacobian is made of, against matrices of which that is known."""

import math

import pytest
import torch

from book.studies import asymmetry, energies
from gahr import denoisers
from gahr.analysis import subspaces
from gahr.denoisers import add_noise
from gahr.jacobian import linearize

g = torch.Generator().manual_seed(0)
SYMMETRIC = torch.randn(9, 9, generator=g).double()
SYMMETRIC = SYMMETRIC + SYMMETRIC.T
LASTING = torch.randn(9, 9, generator=g).double()
LASTING = LASTING - LASTING.T


def passing(seed):
    part = torch.randn(9, 9, generator=torch.Generator().manual_seed(seed)).double()
    return part - part.T


def test_what_lasts_and_what_passes_are_told_apart():
    draws = [SYMMETRIC + LASTING + passing(seed) for seed in range(400)]
    found = energies.energies(draws)
    assert found.mean_antisymmetric == pytest.approx(LASTING.square().sum().item(), rel=0.05)
    assert found.antisymmetric == pytest.approx(LASTING.square().sum().item() + 144, rel=0.05)  # 72 of 2
    assert found.mean_whole == pytest.approx((SYMMETRIC + LASTING).square().sum().item(), rel=0.05)


def test_the_mean_over_few_draws_has_no_bias():
    few = [energies.energies([passing(10 * k + i) for i in range(3)]).mean_antisymmetric for k in range(300)]
    assert sum(few) / 300 == pytest.approx(0, abs=8)  # with bias: 48


def test_products_tell_the_same_as_matrices():
    generator = torch.Generator().manual_seed(1)
    M = torch.randn(36, 36, generator=generator)
    images = [torch.randn(1, 1, 6, 6, generator=generator) for _ in range(3)]

    def f(y, sigma=None):
        return (y.flatten(1) @ M.T).view_as(y)

    J = [linearize(f, y) for y in images]
    exact, found = energies.energies([one.matrix() for one in J]), energies.energies(J, passes=3000)
    assert exact.ratio == pytest.approx((2 * (M - M.T).norm() / 2 / M.norm()).item(), rel=1e-5)
    assert exact.ratio_of_mean == pytest.approx(exact.ratio, rel=1e-5)  # nothing changes with the noise
    assert found.ratio == pytest.approx(exact.ratio, rel=0.03)
    rows = torch.linalg.qr(torch.randn(36, 5, generator=generator))[0].T
    P = rows @ M @ rows.T
    expected = ((P - P.T).norm() / P.norm()).item()
    for whole in (J[0], M):
        assert subspaces.within(whole, rows) == pytest.approx(expected, rel=1e-4)


def test_a_lasting_turn_costs_what_the_bound_says_and_a_passing_one_is_not_counted():
    sigma, x = 0.2, torch.rand(1, 1, 3, 3, generator=torch.Generator().manual_seed(2)).double()
    K = LASTING / LASTING.norm()

    def turned(y, sigma=None):  # the ideal denoiser of this one picture returns it
        return x + ((y - x).flatten(1) @ K.T).view_as(y)

    ys = [add_noise(x, sigma, seed=m) for m in range(400)]
    error = sum((turned(y) - x).square().sum().item() for y in ys) / len(ys)
    found = energies.energies([linearize(turned, y).matrix() for y in ys[:2]])
    assert energies.least_excess(found, sigma) == pytest.approx(sigma**2, rel=1e-6)
    assert error == pytest.approx(sigma**2, rel=0.1)

    def curved(y, sigma=None):  # an error of degree two: its gradient has the mean 0
        n = (y - x).flatten(1)
        return x + ((n @ K.T) * n.sum(1, keepdim=True)).view_as(y)

    found = energies.energies([linearize(curved, y).matrix() for y in ys])
    assert found.antisymmetric > 0.05
    assert energies.least_excess(found, sigma) < 0.1 * sigma**2 * found.antisymmetric


def test_a_term_of_rank_one_fills_one_plane_and_a_blind_wiener_filter_has_no_other():
    assert energies.pair_share(LASTING) < 0.9
    x = torch.rand(50, 16, generator=torch.Generator().manual_seed(3)).double()
    x = (x * 0.5 ** torch.arange(16)).view(50, 1, 4, 4)
    f = denoisers.BlindWiener(denoisers.Wiener.fit(x))
    J = linearize(f, add_noise(x[:1], 0.1, seed=0)).matrix()
    assert (J - J.T).norm() > 0.01
    assert energies.pair_share(J) == pytest.approx(1)


def test_left_and_right_vectors_stand_at_the_angle_of_a_turn():
    turn = torch.tensor([[math.cos(0.3), -math.sin(0.3)], [math.sin(0.3), math.cos(0.3)]]).double()
    J = torch.block_diag(3 * turn, turn, torch.eye(2).double() / 2)  # singular values 3, 3, 1, 1, .5, .5
    for k, expected in ((2, math.cos(0.3)), (4, math.cos(0.3)), (6, (2 * math.cos(0.3) + 1) / 3)):
        assert asymmetry.left_and_right(J, k) == pytest.approx(expected)
    assert asymmetry.left_and_right(-J @ J.T, 6) == pytest.approx(-1)


def test_one_draw_is_refused():
    with pytest.raises(ValueError, match="at least two draws; got 1"):
        energies.energies([SYMMETRIC])
