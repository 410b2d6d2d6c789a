"""Permutations, locality of matrices, and local linear denoisers, against closed forms."""

import pytest
import torch

from book.studies import shuffled as study
from gahr import ideal, images
from gahr.analysis import locality
from gahr.images import synthetic


def field(size=8, decay=1.5):
    """Covariance of stationary images, (d, d), from its power spectrum, and that spectrum."""
    power = synthetic.gaussian_power(size, decay, 0.1).double()
    correlation = torch.fft.ifft2(power).real
    rolls = [torch.roll(correlation, (a, b), (0, 1)).flatten() for a in range(size) for b in range(size)]
    return torch.stack(rolls), power


def test_blocks_are_moved_whole_and_every_pixel_once():
    order = locality.order(12, 4, seed=3)
    assert torch.equal(order.sort().values, torch.arange(144))
    tiles = order.view(3, 4, 3, 4).transpose(1, 2).reshape(9, 4, 4)
    steps = tiles - tiles[:, :1, :1]
    assert (steps == (12 * torch.arange(4)[:, None] + torch.arange(4))).all()
    assert torch.equal(locality.order(12, 12), torch.arange(144))
    with pytest.raises(ValueError, match="block must divide size"):
        locality.order(12, 5)


def test_a_rearranged_matrix_does_to_moved_images_what_the_matrix_does_to_images():
    generator = torch.Generator().manual_seed(0)
    M, x = torch.randn(36, 36, generator=generator), torch.randn(1, 1, 6, 6, generator=generator)
    order = locality.order(6)
    done = (M @ x.flatten()).view_as(x)
    moved = study.rearranged(M, order) @ locality.moved(x, order).flatten()
    torch.testing.assert_close(moved, locality.moved(done, order).flatten())
    assert torch.equal(study.restored(study.rearranged(M, order), order), M)
    with pytest.raises(ValueError, match="square matrix of square images"):
        study.rearranged(torch.ones(5, 5), order)


def test_the_whole_covariance_is_that_of_its_parts():
    C, _ = field(4)
    values, vectors = torch.linalg.eigh(C)
    kept, rest = values.clamp_min(0).flip(0)[:5], 0.25
    M = locality.whole(kept, vectors.T.flip(0)[:5], rest)
    found = torch.linalg.eigvalsh(M).sort().values
    expected = torch.cat([kept, torch.full((11,), rest, dtype=torch.float64)]).sort().values
    torch.testing.assert_close(found, expected)


def test_distances_and_the_diagonal_of_a_known_matrix():
    apart = locality.distances(5)
    assert (
        apart[0, 1] == 1 and apart[0, 6] == pytest.approx(2**0.5) and apart[0, 24] == pytest.approx(32**0.5)
    )
    M = torch.exp(-apart)
    assert study.diagonal_share(M) == pytest.approx(25 / M.square().sum().item())


def test_likeness_ignores_the_diagonal_and_scale():
    M = torch.randn(9, 9, generator=torch.Generator().manual_seed(0))
    assert locality.likeness(M, -2 * M + 7 * torch.eye(9)) == pytest.approx(-1)
    other = torch.randn(9, 9, generator=torch.Generator().manual_seed(1))
    assert abs(locality.likeness(M, other)) < 0.4


def test_neighbours_tell_waves_from_checkerboards_and_noise():
    row = torch.arange(32.0)
    wave = torch.sin(2 * torch.pi * row / 32)[:, None].expand(32, 32)
    board = (-1.0) ** (row[:, None] + row)
    noise = torch.randn(32, 32, generator=torch.Generator().manual_seed(0))
    found = study.neighbours(torch.stack([wave, board, noise])[:, None])
    assert found[0] > 0.97 and found[1] == pytest.approx(-1) and abs(found[2]) < 0.08


def test_windows_go_from_one_pixel_to_the_wiener_filter():
    C, power = field(6)
    sigma = 0.07
    best = (power * sigma**2 / (power + sigma**2)).mean().item()
    one = 0.1**2 * sigma**2 / (0.1**2 + sigma**2)
    found = [locality.window_mse(C, sigma, radius) for radius in range(6)]
    assert found[0] == pytest.approx(one) and found[5] == pytest.approx(best)
    assert all(a > b for a, b in zip(found, found[1:], strict=False))
    assert locality.window_mse(C, sigma, 50) == pytest.approx(best)


def test_a_window_ignores_what_it_cannot_see():
    C, _ = field(6)
    hidden = locality.distances(6) > 2**0.5 + 0.01
    assert locality.window_mse(C.masked_fill(hidden, 9.0), 0.1, 0) == pytest.approx(
        locality.window_mse(C, 0.1, 0)
    )
    blurred = C.clone()
    blurred[locality.distances(6) > 4 * 2**0.5] = 0  # two pixels of a window of 3 are never so far apart
    assert locality.window_mse(blurred, 0.1, 1) == pytest.approx(locality.window_mse(C, 0.1, 1))


def test_convolution_is_optimal_for_stationary_images_and_not_when_they_are_shuffled():
    C, power = field()
    sigma, mean = 0.05, torch.full((64,), 0.5)
    best = (power * sigma**2 / (power + sigma**2)).mean().item()
    assert locality.convolution_mse(C, mean, sigma) == pytest.approx(best)
    shuffled = study.rearranged(C, locality.order(8))
    assert torch.linalg.eigvalsh(shuffled).numpy() == pytest.approx(
        torch.linalg.eigvalsh(C).numpy(), abs=1e-12
    )
    assert locality.convolution_mse(shuffled, mean, sigma) > 1.3 * best
    # what differs from the constant is a signal like any other
    wave = 0.2 * torch.cos(2 * torch.pi * torch.arange(8.0) / 8)[:, None].expand(8, 8)
    extra = power.clone()
    extra[1, 0] += 64 * 0.2**2 / 4
    extra[7, 0] += 64 * 0.2**2 / 4
    expected = (extra * sigma**2 / (extra + sigma**2)).mean().item()
    assert locality.convolution_mse(C, wave, sigma) == pytest.approx(expected)


def test_the_wiener_error_of_faces_does_not_change_by_a_permutation():
    mean, values, vectors, rest = images.covariance("faces40")
    order = locality.order(40)
    f = ideal.Gaussian(mean, values, vectors, rest)
    g = ideal.Gaussian(locality.moved(mean, order), values, vectors[:, order], rest)
    y = images.portrait() + 0.1 * torch.randn(1, 1, 40, 40, generator=torch.Generator().manual_seed(0))
    torch.testing.assert_close(g(locality.moved(y, order), 0.1), locality.moved(f(y, 0.1), order))
