"""Best bases are orthonormal, better than any fixed basis of their family, and see directions."""

import math

import numpy as np
import pytest
import torch

from gahr import bases, denoisers, measures
from gahr.analysis import bestbasis, calpha
from gahr.images import synthetic

SIGMA = 0.1


@pytest.fixture
def edge():
    """A sharp edge at 30 degrees between two flat regions."""
    axis = torch.arange(40.0) - 19.5
    across = axis[:, None] * math.cos(math.pi / 6) + axis[None, :] * math.sin(math.pi / 6)
    return (0.2 + 0.6 * (across > 0).float())[None, None]


@pytest.mark.parametrize("find", [bestbasis.packets, bestbasis.blocks])
@pytest.mark.parametrize("chosen_from_noisy", [False, True])
def test_coefficients_keep_the_energy(find, chosen_from_noisy):
    x = torch.rand(1, 1, 40, 40, generator=torch.Generator().manual_seed(0), dtype=torch.float64)
    noisy = denoisers.add_noise(x, SIGMA) if chosen_from_noisy else None
    c = find(x, SIGMA, noisy)
    assert c.shape == (1600,) and c.square().sum().item() == pytest.approx(x.square().sum().item())


def test_the_oracle_packets_are_no_worse_than_wavelets(edge):
    fixed = bases.oracle_error(bases.wavelet(40, 40).double() @ edge.double().flatten(), SIGMA, None)
    best = bases.oracle_error(bestbasis.packets(edge.double(), SIGMA), SIGMA, None)
    chosen = bases.oracle_error(
        bestbasis.packets(edge.double(), SIGMA, denoisers.add_noise(edge, SIGMA)), SIGMA, None
    )
    assert best <= fixed + 1e-9 and best <= chosen + 1e-9


def test_the_oracle_blocks_are_no_worse_than_cosines_of_any_one_size(edge):
    best = bases.oracle_error(bestbasis.blocks(edge.double(), SIGMA), SIGMA, None).item()
    for side in (20, 10, 5):
        tiles = edge.double().unfold(2, side, side).unfold(3, side, side).reshape(-1, side * side)
        assert (
            best
            <= bases.oracle_error(tiles @ bases.dct(side, side).double().T, SIGMA, None).sum().item() + 1e-9
        )


def test_blocks_find_the_direction_of_an_edge(edge):
    blind = bases.oracle_error(bestbasis.blocks(edge, SIGMA, angles=0), SIGMA, None)
    noisy = denoisers.add_noise(edge, SIGMA)
    seeing, chosen = (
        bases.oracle_error(bestbasis.blocks(edge, SIGMA, y), SIGMA, None) for y in (None, noisy)
    )
    assert seeing < 0.6 * blind and seeing <= chosen < 0.8 * blind
    stack = bestbasis._directions(20, 12)
    counts = [(np.abs(b @ edge[0, 0, :20, 20:].double().numpy().ravel()) > 1e-9).sum() for b in stack[1:]]
    assert int(np.argmin(counts)) == 10  # across 30 degrees the other way: 150 of 180, in twelfths


def test_every_direction_is_an_orthonormal_basis():
    for basis in bestbasis._directions(5, 6):
        assert np.allclose(basis @ basis.T, np.eye(25))


def test_fast_transforms_give_the_coefficients_of_the_matrices(edge):
    x = edge + 0.1 * torch.rand(edge.shape, generator=torch.Generator().manual_seed(0))
    for kind, matrix in (("cosines", bases.dct(40, 40)), ("wavelets", bases.wavelet(40, 40))):
        found, true = bestbasis.fixed(x, kind).sort().values, (matrix @ x.flatten()).sort().values
        assert torch.allclose(found, true, atol=1e-4)


def test_an_oracle_in_cosines_or_wavelets_falls_short_at_edges_as_theory_says():
    """Discontinuous along a line: squared coefficients fall as k^(-3/2) and k^(-2)."""
    axis = (torch.arange(1024.0) + 0.5) / 1024 - 0.5
    x = (torch.hypot(axis[:, None], axis) < 0.3).double()[None, None]
    sigmas = (2.0, 4.0, 8.0)
    for kind, expected in (("cosines", 1 / 3), ("wavelets", 1 / 2)):
        error = torch.stack([bases.oracle_error(bestbasis.fixed(x, kind), s, None) for s in sigmas])
        found = measures.slope(-10 * torch.log10(error)[:, None], sigmas).value
        assert found == pytest.approx(expected, abs=0.02)


def test_bad_input_is_refused(edge):
    with pytest.raises(ValueError, match="not divisible by 2"):
        bestbasis.packets(edge, SIGMA, levels=4)
    with pytest.raises(ValueError, match="sizes must divide"):
        bestbasis.blocks(edge, SIGMA, sizes=(20, 8))
    with pytest.raises(ValueError, match="x must be one image"):
        bestbasis.blocks(torch.ones(2, 1, 40, 40), SIGMA)
    with pytest.raises(ValueError, match="sigma"):
        bestbasis.blocks(edge, 0.0)
    with pytest.raises(KeyError, match="kind of basis"):
        bestbasis.fixed(edge, "curvelets")


def test_the_cost_of_a_coefficient_is_bounded_by_the_threshold():
    cost = bestbasis._cost(0.1, False, 3.0)
    assert cost(np.array([0.2, -1.0])) == pytest.approx(0.04 + 0.09)


def test_each_channel_has_a_best_basis_of_its_own(edge):
    x = torch.cat([edge, edge.mT, 0.3 * edge.flip(3)], 1)
    y = denoisers.add_noise(x, SIGMA)
    for find in (bestbasis.packets, bestbasis.blocks):
        for noisy in (None, y):
            each = [
                find(x[:, c : c + 1], SIGMA, None if noisy is None else y[:, c : c + 1]) for c in range(3)
            ]
            assert torch.equal(find(x, SIGMA, noisy), torch.cat(each))
    for kind in ("cosines", "wavelets"):
        whole = torch.cat([bestbasis.fixed(x[:, c : c + 1], kind) for c in range(3)])
        assert torch.equal(bestbasis.fixed(x, kind), whole)
    with pytest.raises(ValueError, match="noisy must have the shape of x"):
        bestbasis.packets(x, SIGMA, y[:, :1])


def two_regions(seed=0):
    """Two cosines that meet along a contour whose pixels are mixed, the mask, and noise."""
    generator = torch.Generator().manual_seed(seed)
    below = synthetic.coverage(calpha.contour(1, 40, 3.0, 2))
    noise = torch.rand(1, 1, 40, 40, generator=generator)
    upper, lower = bases.dct(40, 40)[[3, 8]].view(2, 1, 1, 40, 40)
    return below * lower + (1 - below) * upper, below, noise


def test_regions_of_one_wave_each_need_no_finer_vectors():
    """The ninth cosine below the edge is the 17th vector, the fourth above it the eighth."""
    x, below, noise = two_regions()
    c = bestbasis.cut_softly(x.double(), below)
    assert c[17:].abs().max() < 1e-6 and c[16].abs() > 0.1
    c = bestbasis.cut_softly(noise.double(), below)
    assert c.square().sum().item() == pytest.approx(noise.double().square().sum().item())
    other = bestbasis.cut_softly(x.double(), below.flip(3))  # the mirror image's edge
    assert other[17:].square().sum() > 0.05


def test_soft_cuts_are_made_orthonormal_in_turn():
    generator = torch.Generator().manual_seed(0)
    x, below = torch.rand(2, 1, 1, 6, 6, generator=generator, dtype=torch.float64)
    waves, found = bases.dct(6, 6).double().numpy(), []
    mask = below.flatten().numpy()
    for wave in waves[:18]:
        for vector in (wave * mask, wave * (1 - mask)):
            for e in found:
                vector = vector - (vector @ e) * e
            found.append(vector / np.linalg.norm(vector))
    expected = np.abs(np.stack(found) @ x.flatten().numpy())
    assert bestbasis.cut_softly(x, below).abs().numpy() == pytest.approx(expected, abs=1e-6)


def test_a_mask_must_fit_the_picture():
    x = torch.zeros(1, 1, 8, 8)
    with pytest.raises(ValueError, match=r"below must be \(1, 1, 8, 8\); got \(1, 1, 8, 4\)"):
        bestbasis.cut_softly(x, torch.zeros(1, 1, 8, 4))
    with pytest.raises(ValueError, match=r"x must be one image"):
        bestbasis.cut_softly(torch.zeros(2, 1, 8, 8), torch.zeros(1, 1, 8, 8))


def test_leaders_come_first_and_cosines_fill_up():
    x = torch.rand(1, 1, 8, 8, generator=torch.Generator().manual_seed(3)).double()
    mask = (torch.arange(8)[:, None] < 5).double().expand(8, 8)
    c = bestbasis.led(x, torch.stack([mask, 1 - mask]))
    assert c.square().sum().item() == pytest.approx(x.square().sum().item())
    first = [(x[0, 0] * side).sum().item() / side.sum().sqrt().item() for side in (mask, 1 - mask)]
    assert c[:2].abs().tolist() == pytest.approx(first)
    flat = torch.ones(1, 8, 8).double()  # is the first cosine itself: nothing changes but the missing last
    from_cosines = bestbasis.fixed(x, "cosines").abs().sort().values
    assert bestbasis.led(x, flat)[0].abs().item() == pytest.approx(from_cosines[-1].item())


def test_bad_leaders_are_refused():
    x = torch.zeros(1, 1, 8, 8)
    with pytest.raises(ValueError, match="leaders must be"):
        bestbasis.led(x, torch.zeros(8, 8))
    with pytest.raises(ValueError, match="number of leaders"):
        bestbasis.led(x, torch.zeros(64, 8, 8))
