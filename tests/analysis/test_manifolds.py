"""Tangent spaces, and errors, each where the answer is known."""

import math

import pytest
import torch

from gahr import denoisers, images, measures
from gahr.analysis import manifolds
from gahr.analysis.manifolds import asymptote, errors, tangent
from gahr.analysis.subspaces import angles
from gahr.ideal.discs import draw
from gahr.images import synthetic


def test_asymptote():
    assert asymptote(1600, 1, 0.1) == pytest.approx(20 + 10 * math.log10(1600))
    with pytest.raises(ValueError, match="dimension must be in"):
        asymptote(4, 5, 0.1)
    with pytest.raises(ValueError, match="sigma must be in"):
        asymptote(4, 1, 0.0)


def test_tangent_of_a_disc():
    """Its intensities move inside and outside; its radius and place move the edge."""
    true = torch.tensor([20.2, 18.9, 7.3, 0.9, 0.2]).double()
    rows = tangent(draw_double, true, step=1e-7)  # not across a corner of the anti-aliased edge
    torch.testing.assert_close(rows @ rows.T, torch.eye(5).double())
    flat = torch.ones(1, 1600).double()
    assert angles(flat, rows)[0] < 1e-4  # brightness
    i = torch.arange(40).double() + 0.5
    distance = torch.hypot(i[:, None] - true[0], i - true[1])
    ring = ((distance - true[2]).abs() < 0.5).double()
    moves = torch.stack([ring, ring * (i[:, None] - true[0]) / distance, ring * (i - true[1]) / distance])
    assert angles(moves.flatten(1), rows).max() < 0.1


def draw_double(parameters):
    return draw(parameters)


def test_tangent_refuses_a_tip():
    with pytest.raises(ValueError, match="too few directions"):
        tangent(draw_double, torch.tensor([20.2, 18.9, 7.3, 0.5, 0.5]).double())
    with pytest.raises(ValueError, match="are a vector"):
        tangent(draw_double, torch.zeros(1, 5))


def test_two_denoisers_see_the_same_noise():
    x = synthetic.scaled(images.portrait(16), 5)
    one = errors(lambda y, sigma: y, x, (0.1, 0.2), seed=3)
    torch.testing.assert_close(one, errors(lambda y, sigma: y, x, (0.1, 0.2), seed=3))
    assert not torch.allclose(one, errors(lambda y, sigma: y, x, (0.1, 0.2), seed=4))


def test_errors_are_those_of_the_curve():
    x = torch.rand(5, 1, 8, 8, generator=torch.Generator().manual_seed(0))

    def f(y, sigma):
        return 0.8 * y

    found = manifolds.errors(f, x, (0.1, 0.5), seed=3)
    table = measures.psnr_table(f, x, (0.1, 0.5), seed=3)[:, 0]
    torch.testing.assert_close(-10 * found.log10(), table.double(), atol=1e-4, rtol=0)
    per_pixel = (0.8 * denoisers.add_noise(x, 0.5, 1003) - x).square().flatten(1).mean(1)
    torch.testing.assert_close(found[1], per_pixel.double(), atol=1e-6, rtol=1e-4)


def test_tangents_are_central_differences():
    """Central differences are exact for a parabola, whatever the step."""

    def curve(p):
        return torch.cat([p, p**2], 1).view(-1, 1, 1, 2)

    row = manifolds.tangent(curve, torch.tensor([1.0]).double(), step=0.2)[0]
    assert (row[1] / row[0]).item() == pytest.approx(2)
