"""What is measured of a network that nobody here trained, on a matrix whose eigenvalues are known."""

import pytest
import torch

from book.studies import published
from gahr import measures
from gahr._files import unpack_vectors
from gahr.denoisers import add_noise


def test_a_known_matrix_is_read_off():
    # S has eigenvalues 1, 1/2, 1/4, ... in a random basis; K is antisymmetric
    torch.manual_seed(0)
    d, x = 64, torch.rand(1, 1, 8, 8)
    q = torch.linalg.qr(torch.randn(d, d))[0]
    lam = 0.5 ** torch.arange(d)
    s, k = (q.T * lam) @ q, torch.randn(d, d)
    k = (k - k.T) / (k - k.T).norm() * s.norm()  # as much energy as S
    f = torch.nn.Sequential(
        torch.nn.Flatten(), torch.nn.Linear(d, d, bias=False), torch.nn.Unflatten(1, (1, 8, 8))
    )
    f[1].weight.data = s + 0.2 * k
    row, e = published.at(f.requires_grad_(False).eval(), x, leading=10, passes=4000)
    assert torch.tensor(row["lam"]) == pytest.approx(lam[:10], abs=0.02)
    exact = 2 * 0.2 / (1 + 0.2**2) ** 0.5
    assert row["ratio"] == pytest.approx(exact, abs=4 * row["se"]) and row["se"] < 0.03
    inside = e @ (s + 0.2 * k) @ e.T
    assert row["within"] == pytest.approx(((inside - inside.T).norm() / inside.norm()).item(), rel=1e-3)
    y = add_noise(x, published.SIGMA, seed=0)
    assert row["psnr"] == pytest.approx(measures.psnr(x, f(y)).item())
    shown = unpack_vectors(row["packed"], 8).flatten(1)  # ranks 1, 3 and 8
    alike = torch.cosine_similarity(shown, q[[0, 2, 7]]).abs()
    assert len(shown) == 3 and alike.min() > 0.99


def test_the_photograph_is_the_cameraman():
    x = published.photograph()
    assert x.shape == (1, 1, 64, 64) and 0 <= x.min() < 0.1 < 0.9 < x.max() <= 1
    assert x[0, 0, 24:32, 24:32].mean() < 0.3 < x[0, 0, :8, :8].mean()  # a dark coat, a bright sky
