"""How far leading spaces agree: against principal angles, chance, perturbation theory."""

import math

import pytest
import torch

from gahr.analysis import subspaces


def orthonormal(n, d, seed=0):
    draw = torch.randn((d, n), generator=torch.Generator().manual_seed(seed), dtype=torch.float64)
    return torch.linalg.qr(draw)[0].T.contiguous()


def test_shared_is_the_mean_squared_cosine_of_the_principal_angles():
    a, b = orthonormal(6, 12, 1), orthonormal(6, 12, 2)
    for k in (1, 3, 6):
        angles = subspaces.angles(a[:k], b[:k]).deg2rad()
        assert subspaces.shared(a, b)[k - 1].item() == pytest.approx(angles.cos().square().mean().item())


def test_turning_by_an_angle_costs_its_squared_sine():
    theta = 0.3
    turned = torch.eye(4).double()[:2]
    turned[1] = torch.tensor([0, math.cos(theta), math.sin(theta), 0]).double()
    found = subspaces.shared(torch.eye(4).double()[:2], turned)
    assert found.tolist() == pytest.approx([1, 1 - math.sin(theta) ** 2 / 2])


def test_random_spaces_share_k_over_d():
    d, k, draws = 60, 15, 40
    found = [subspaces.shared(orthonormal(k, d, s), orthonormal(k, d, 1000 + s))[-1] for s in range(draws)]
    mean, error = torch.stack(found).mean().item(), (torch.stack(found).std() / draws**0.5).item()
    assert abs(mean - k / d) < 4 * error and error < 0.01


def test_mixed_is_what_random_mixing_gives():
    e, lam = orthonormal(20, 20), torch.tensor([2.0] * 3 + [1.0] * 12 + [0.0] * 5)
    found = []
    for seed in range(60):
        e_other = e.clone()
        e_other[3:15] = orthonormal(12, 12, 100 + seed) @ e[3:15]
        found.append(subspaces.shared(e, e_other))
    found = torch.stack(found)
    error = (found.std(0) / len(found) ** 0.5).clamp_min(1e-9)
    expected = subspaces.shared_when_mixed(lam, 0.1)
    assert (((found.mean(0) - expected) / error).abs()[[4, 6, 9, 12]] < 4).all()
    assert torch.allclose(found.mean(0)[[2, 14]], torch.ones(2).double()) and expected[[2, 14]].eq(1).all()


def test_factors_far_apart_are_not_mixed():
    assert subspaces.shared_when_mixed(torch.tensor([1.0, 0.6, 0.2]), 0.3).eq(1).all()


@pytest.mark.parametrize(
    "call",
    [
        lambda: subspaces.shared(torch.ones(2, 4), torch.eye(4)[:2]),
        lambda: subspaces.shared(torch.eye(4)[:2], torch.eye(4)[:3]),
        lambda: subspaces.shared_when_mixed(torch.tensor([0.0, 1.0]), 0.1),
        lambda: subspaces.shared_when_mixed(torch.tensor([1.0, 0.0]), -0.1),
    ],
)
def test_bad_input_is_refused(call):
    with pytest.raises(ValueError):
        call()


def test_angles():
    e = torch.eye(6)
    turned = torch.stack([e[0], math.cos(0.3) * e[1] + math.sin(0.3) * e[4], e[5]])
    expected = torch.tensor([0.0, math.degrees(0.3), 90.0]).double()
    torch.testing.assert_close(subspaces.angles(e[:3], turned), expected, atol=1e-4, rtol=0)
    torch.testing.assert_close(subspaces.angles(e[:3], 5 * turned.flip(0)), expected, atol=1e-4, rtol=0)
    with pytest.raises(ValueError, match="one length"):
        subspaces.angles(e, torch.eye(5))
