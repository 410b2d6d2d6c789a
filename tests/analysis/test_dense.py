"""A network without geography, and the world in which it is tried."""

import pytest
import torch

from gahr import denoisers
from gahr.analysis import dense, locality


def test_dense_is_homogeneous_and_refuses_other_sizes():
    network = dense.Dense(8, 32)
    y = torch.randn(2, 1, 8, 8, generator=torch.Generator().manual_seed(0))
    torch.testing.assert_close(network(3 * y), 3 * network(y))
    with pytest.raises(ValueError, match=r"takes \(B, 1, 8, 8\)"):
        network(torch.zeros(1, 1, 8, 9))
    assert len(dense.Dense(8, 32, layers=1).layers) == 1


def test_shuffled_weights_trained_on_shuffled_noise_are_the_same_network():
    """A permutation of input and output commutes with every step of training."""
    order = locality.order(8)
    network, other = (dense.Dense(8, 32).double() for _ in range(2))
    with torch.no_grad():
        other.layers[0].weight.copy_(network.layers[0].weight[:, order])
        other.layers[-1].weight.copy_(network.layers[-1].weight[order])
    y = torch.randn(4, 1, 8, 8, generator=torch.Generator().manual_seed(0)).double()
    torch.testing.assert_close(other(locality.moved(y, order)), locality.moved(network(y), order))
    for one, batch in ((network, y), (other, locality.moved(y, order))):
        one(batch).square().sum().backward()
    torch.testing.assert_close(other.layers[1].weight.grad, network.layers[1].weight.grad)


def test_dense_returns_what_its_matrices_leave_of_the_input():
    network, y = dense.Dense(8, 32, layers=1), torch.randn(2, 1, 8, 8)
    with torch.no_grad():
        network.layers[0].weight.copy_(0.25 * torch.eye(64))
    torch.testing.assert_close(network(y), 0.75 * y)


def test_dense_learns_to_denoise():
    """Well above doing nothing within seconds; else it would lose nothing by shuffling, having nothing."""
    x, new, best = dense.clouds((0.5,), n=1000, new=100, size=8)
    network = dense.Dense(8, 128)
    adam = torch.optim.Adam(network.parameters(), 2e-3)
    for step in range(150):
        chance = torch.Generator().manual_seed(step)
        clean = x[torch.randint(len(x), (64,), generator=chance)]
        z = 0.5 * torch.randn(clean.shape, generator=chance)
        adam.zero_grad()
        (network(clean + z) - z).square().mean().backward()
        adam.step()
    y = denoisers.add_noise(new, 0.5)
    error = (y - network(y) - new).square().mean().item()
    assert best[0.5] < error < 0.5**2 / 2


def test_the_best_error_of_clouds_is_that_of_their_filter():
    x, new, best = dense.clouds((1e-3, 0.1, 100.0), n=3000, new=50, size=8)
    assert best[1e-3] == pytest.approx(1e-6, rel=1e-2) and best[100.0] == pytest.approx(0.25**2, rel=1e-2)
    f = denoisers.Wiener.fit(x)
    error = (f(denoisers.add_noise(x, 0.1), 0.1) - x).square().mean().item()
    assert error == pytest.approx(best[0.1], rel=0.05)
