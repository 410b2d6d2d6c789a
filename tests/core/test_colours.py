"""Colours from end to end: filters, Jacobians and galleries of three channels, where the answer is known."""

import math

import matplotlib.pyplot as plt
import numpy as np
import pytest
import torch

from gahr import bases, jacobian, measures, plots
from gahr.denoisers import BlindWiener, Wiener, add_noise
from gahr.ideal import Gaussian

SHAPE = (3, 4, 5)
MIX = torch.tensor([[1.0, 0.6, 0.3], [0.6, 1.2, 0.5], [0.3, 0.5, 0.8]], dtype=torch.float64)
"""Covariance of a pixel's three colours, or how a linear map mixes them."""


@pytest.fixture(scope="module")
def world():
    """Gaussian pictures whose covariance is that of the colours times that of the places."""
    place = torch.arange(20.0, dtype=torch.float64)
    row, column = place // 5, place % 5
    near = torch.exp(-((row[:, None] - row) ** 2 + (column[:, None] - column) ** 2) / 4)
    covariance = 0.04 * torch.kron(MIX, near)
    mean = torch.tensor([0.6, 0.5, 0.3]).view(1, 3, 1, 1).expand(1, *SHAPE).contiguous()
    white = torch.randn(4000, 60, generator=torch.Generator().manual_seed(0), dtype=torch.float64)
    x = (white @ torch.linalg.cholesky(covariance).T).float().view(-1, *SHAPE) + mean
    return mean, covariance, x


def test_the_wiener_filter_of_colours_is_the_closed_form(world):
    mean, covariance, x = world
    f, sigma = Gaussian.from_covariance(mean, covariance), 0.2
    y = add_noise(x, sigma)
    gains = covariance @ torch.linalg.inv(covariance + sigma**2 * torch.eye(60))
    true = mean.double() + ((y - mean).flatten(1).double() @ gains.T).view_as(y)
    torch.testing.assert_close(f(y, sigma), true.float(), atol=1e-5, rtol=0)
    expected = sigma**2 * gains.trace().item()
    assert f.mse(sigma) == pytest.approx(expected, rel=1e-5)
    error = (f(y, sigma) - x).square().flatten(1).sum(1)
    assert error.mean().item() == pytest.approx(expected, abs=4 * error.std().item() / len(x) ** 0.5)
    learned = measures.psnr_table(Wiener.fit(x), x, (sigma,)).mean()
    assert learned.item() == pytest.approx(measures.psnr_table(f, x, (sigma,)).mean().item(), abs=0.1)
    # colours tell each other: three filters that see one channel each are worse
    apart = torch.kron(torch.diag(MIX.diagonal()), covariance[:20, :20] / MIX[0, 0])
    alone = apart @ torch.linalg.inv(apart + sigma**2 * torch.eye(60))
    left = alone - torch.eye(60)
    assert (left @ covariance @ left.T + sigma**2 * alone @ alone.T).trace() > 1.05 * expected
    blind = (BlindWiener(f)(y) - x).square().flatten(1).sum(1).mean().item()
    assert expected < blind < 1.2 * expected


def test_the_jacobian_of_a_linear_map_of_colours_is_its_matrix():
    """Colours are mixed and rows averaged: a Kronecker product, whose eigenvalues are products."""
    mix, rows = MIX.float(), torch.kron(torch.eye(4), torch.full((5, 5), 0.2))

    def f(y, sigma=None):
        return torch.einsum("ij,bjhw->bihw", mix, y.mean(3, keepdim=True).expand_as(y))

    y, true = torch.rand(1, *SHAPE, generator=torch.Generator().manual_seed(0)), torch.kron(mix, rows)
    J = jacobian.linearize(f, y)
    assert J.shape == SHAPE
    torch.testing.assert_close(J.matrix(), true)
    torch.testing.assert_close(jacobian.jacobian(f, y), true)
    v = torch.rand(6, 60, generator=torch.Generator().manual_seed(1))
    torch.testing.assert_close(J.jvp(v), v @ true.T)
    torch.testing.assert_close(J.vjp(v), v @ true)
    assert jacobian.trace(true).value == pytest.approx(4 * MIX.trace().item(), rel=1e-5)
    values, colours = torch.linalg.eigh(MIX)
    found = bases.symmetric(J, 8)
    expected = values.flip(0).float().repeat_interleave(4)[:8]  # each once for each of four rows
    torch.testing.assert_close(found.lam, expected, atol=1e-4, rtol=0)
    for k, picture in enumerate(found.images()):
        colour = colours[:, -1 - k // 4].float()
        inside = torch.einsum("c,chw->hw", colour, picture)  # all of it is of this colour, in whole rows
        assert inside.square().sum().item() == pytest.approx(1, abs=1e-4)
        assert (inside - inside.mean(1, keepdim=True)).abs().max() < 1e-3


def test_a_gallery_of_colours_shows_them():
    """What is seen on the screen: red, green, blue, and of a signed picture gray where it is zero."""
    pure = torch.eye(3)[:, :, None, None].expand(3, 3, 6, 6)
    signed = torch.tensor([1.0, 0.0, -1.0]).view(1, 3, 1, 1).expand(1, 3, 6, 6)
    with plt.rc_context():
        plots.gallery(torch.cat([pure, signed]), ["red", "green", "blue", ""], columns=4, signed_from=3)
        figure = plt.gcf()
        figure.canvas.draw()
        screen = np.asarray(figure.canvas.buffer_rgba())
        seen = []
        for ax in figure.axes:
            box = ax.get_window_extent()
            row, column = len(screen) - (box.y0 + box.y1) / 2, (box.x0 + box.x1) / 2
            seen.append(screen[math.floor(row), math.floor(column), :3].tolist())
        plt.close(figure)
    assert seen[:3] == [[255, 0, 0], [0, 255, 0], [0, 0, 255]]
    assert seen[3] == pytest.approx([255, 127.5, 0], abs=1)
