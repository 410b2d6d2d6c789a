"""A network without geography, and the short training."""

import pytest
import torch

from gahr import denoisers, locality, networks, perceptron, recipes, synthetic


def recipe(**settings):
    about = {"steps": 200, "batch": 32, "learning_rate": 2e-3, "noise": "quadratic"} | settings
    return recipes.Recipe("gaussian8", 500, "a", "unet4", blocks=1, precision="fp32", **about)


def test_dense_is_homogeneous_and_refuses_other_sizes():
    network = perceptron.Dense(8, 32)
    y = torch.randn(2, 1, 8, 8, generator=torch.Generator().manual_seed(0))
    torch.testing.assert_close(network(3 * y), 3 * network(y))
    with pytest.raises(ValueError, match=r"takes \(B, 1, 8, 8\)"):
        network(torch.zeros(1, 1, 8, 9))
    assert len(perceptron.Dense(8, 32, layers=1).layers) == 1


def test_shuffled_weights_trained_on_shuffled_noise_are_the_same_network():
    """A permutation of input and output commutes with every step of training."""
    order = locality.order(8)
    network, other = (perceptron.Dense(8, 32).double() for _ in range(2))
    with torch.no_grad():
        other.layers[0].weight.copy_(network.layers[0].weight[:, order])
        other.layers[-1].weight.copy_(network.layers[-1].weight[order])
    y = torch.randn(4, 1, 8, 8, generator=torch.Generator().manual_seed(0)).double()
    torch.testing.assert_close(other(locality.moved(y, order)), locality.moved(network(y), order))
    for one, batch in ((network, y), (other, locality.moved(y, order))):
        one(batch).square().sum().backward()
    torch.testing.assert_close(other.layers[1].weight.grad, network.layers[1].weight.grad)


@pytest.mark.parametrize("make", [lambda: perceptron.Dense(8, 256), lambda: recipes.build("unet4", 1)])
def test_training_removes_noise(make):
    x = synthetic.gaussian(500, 8, 1.5, 0.25, seed=1) - 0.5
    torch.manual_seed(0)
    f = perceptron.fit(make(), recipe(steps=500, noise="uniform"), x)
    noise = 0.5 * torch.randn(x.shape, generator=torch.Generator().manual_seed(9))
    left = (f(x + noise) - x).square().mean().item()
    assert left < 0.6 * 0.25  # of the noise; predicting no noise at all leaves all of it
    assert not any(p.requires_grad for p in f.parameters()) and not f.training


def test_a_diverging_run_says_so():
    x = synthetic.gaussian(500, 8, 1.5, 0.25, seed=1) - 0.5
    network = networks.initialize(recipes.build("unet4", 1), 0)
    with torch.no_grad():
        next(network.parameters()).fill_(float("nan"))
    with pytest.raises(ValueError, match="the loss is nan"):
        perceptron.fit(network, recipe(steps=1), x)


def test_a_shortfall_is_in_decibels_of_squared_error(monkeypatch):
    monkeypatch.setattr(perceptron, "fit", lambda network, recipe, x: lambda y, sigma=None: y)
    new = torch.zeros(40, 1, 16, 16)
    found = perceptron.shortfall(None, None, None, new, {0.1: 0.001, 0.5: 0.25})
    assert found == pytest.approx([10, 0], abs=0.1)


def test_the_best_error_of_clouds_is_that_of_their_filter():
    x, new, best = perceptron.clouds((1e-3, 0.1, 100.0), n=3000, new=50, size=8)
    assert best[1e-3] == pytest.approx(1e-6, rel=1e-2) and best[100.0] == pytest.approx(0.25**2, rel=1e-2)
    f = denoisers.Wiener.fit(x)
    error = (f(denoisers.add_noise(x, 0.1), 0.1) - x).square().mean().item()
    assert error == pytest.approx(best[0.1], rel=0.05)


def test_the_rate_follows_the_recipe(monkeypatch):
    recipe = recipes.Recipe("toy", 6, "a", network="unet2", blocks=1, steps=8, batch=4, precision="fp32")
    rates, step = [], torch.optim.Adam.step
    monkeypatch.setattr(
        torch.optim.Adam, "step", lambda self, *a: rates.append(self.param_groups[0]["lr"]) or step(self, *a)
    )
    perceptron.fit(
        networks.UNet(2, 1), recipe, torch.rand(6, 1, 8, 8, generator=torch.Generator().manual_seed(0))
    )
    assert rates == [recipe.rate(t) for t in range(8)]
