"""A denoiser's Jacobian, products with it, and its traces, against matrices that are known."""

import math

import pytest
import torch
from torch import nn

from gahr import bases, ideal, networks
from gahr.denoisers import Blind, Threshold, Wiener
from gahr.ideal import discs
from gahr.ideal.cones import ExactCone
from gahr.jacobian import asymmetry, jacobian, linearize, probe_trace, trace


def draw(*shape, seed=0):
    return torch.randn(shape, dtype=torch.float64, generator=torch.Generator().manual_seed(seed))


def times(A):
    """The linear denoiser of a matrix."""
    return lambda y, sigma=None: (y.flatten(1) @ A.T).view_as(y)


def of_matrix(A, chunk=64):
    return linearize(times(A), draw(1, 1, 1, len(A)), chunk=chunk)


def known(values, seed=0):
    """A matrix with these singular values, and its singular vectors as rows, ``(A, u, v)``."""
    d = len(values)
    u, v = (torch.linalg.qr(draw(d, d, seed=seed + i))[0].T for i in (1, 2))
    return u.T @ (values[:, None] * v), u, v


# ------------------------------------------------------------------------------------------------
# The definition


@pytest.mark.parametrize("chunk", [1, 7, 64])
def test_jacobian_of_a_matrix_is_the_matrix(chunk):
    A = draw(12, 12)
    J = jacobian(lambda y, sigma: (A @ y.flatten()).view_as(y), draw(1, 1, 3, 4, seed=1), chunk=chunk)
    torch.testing.assert_close(J, A)


@pytest.mark.parametrize("make", [lambda: networks.UNet(3, 2), lambda: networks.BFCNN(4, 4)])
def test_jacobian_of_a_network_against_finite_differences(lively, make):
    f = Blind(lively(make()))
    y = draw(1, 1, 8, 8, seed=2)
    J, step = jacobian(f, y), 1e-7
    shifts = step * torch.eye(64, dtype=torch.float64).view(64, 1, 8, 8)
    with torch.no_grad():
        columns = (f(y + shifts) - f(y - shifts)).flatten(1) / (2 * step)
    torch.testing.assert_close(J, columns.T, atol=1e-5, rtol=1e-5)
    assert not J.requires_grad


def test_jacobian_is_told_sigma():
    f = Threshold(torch.eye(4), factor=1.0, keep=0)
    y = torch.tensor([0.05, 0.2, -0.3, 0.09]).view(1, 1, 2, 2)
    expected = torch.diag(torch.tensor([0.0, 1.0, 1.0, 0.0]))
    torch.testing.assert_close(jacobian(f, y, sigma=0.1), expected)


# ------------------------------------------------------------------------------------------------
# The linearization


@pytest.mark.parametrize("make", [lambda: networks.UNet(3, 2), lambda: networks.BFCNN(4, 4)])
@pytest.mark.parametrize("chunk", [1, 5, 64])
def test_products_of_a_frozen_network_are_its_jacobian(lively, make, chunk):
    f, y, v = Blind(lively(make())), draw(1, 1, 8, 8), draw(7, 64, seed=1)
    J = linearize(f, y, chunk=chunk)
    true = jacobian(f, y)
    assert J.frozen and J.shape == (1, 8, 8) and J.d == 64
    torch.testing.assert_close(J.matrix(), true)
    torch.testing.assert_close(J.jvp(v), v @ true.T)
    torch.testing.assert_close(J.vjp(v), v @ true)
    torch.testing.assert_close(J.vjp(v[:2]), v[:2] @ true)  # another number of rows: another graph
    torch.testing.assert_close(J.jvp(y.flatten(1)), f(y).flatten(1))  # f(y) = J(y) y
    assert not J.vjp(v).requires_grad
    assert J.jvp(v[:0]).shape == (0, 64)


def test_gates_are_those_of_y_whatever_is_pushed_through(lively):
    f, y = Blind(lively(networks.UNet(3, 2))), draw(1, 1, 8, 8)
    J = linearize(f, y)
    torch.testing.assert_close(J.jvp(-y.flatten(1)), -f(y).flatten(1))
    assert (f(-y) + f(y)).norm() > 0.1 * f(y).norm()  # the network itself is not linear


def test_the_denoiser_is_left_as_it_is(lively):
    f = Blind(lively(networks.UNet(3, 2)))
    f.network.encoder["0"][0].weight.requires_grad_(False)
    before = {name: (p.requires_grad, p.stride(), p.clone()) for name, p in f.named_parameters()}
    J = linearize(f, draw(1, 1, 8, 8))
    first = J.jvp(draw(2, 64))
    for name, p in f.named_parameters():
        needs, stride, value = before[name]
        assert (p.requires_grad, p.stride()) == (needs, stride) and torch.equal(p, value)
        assert p.grad is None
    with torch.no_grad():
        f.network.mid_block[0].weight.mul_(2)
    torch.testing.assert_close(J.jvp(draw(2, 64)), first)  # it belongs to the network as it was


class Limited(nn.Module):
    """A network that notes how many images it is given at a time."""

    def __init__(self, network, seen):
        super().__init__()
        self.network, self.seen = network, seen

    def forward(self, y, sigma=None):
        self.seen.append(len(y))
        return self.network(y)


def test_memory_is_bounded_by_chunk(lively, monkeypatch):
    seen = []
    monkeypatch.setattr(Limited, "__deepcopy__", lambda self, memo: self, raising=False)
    J = linearize(Limited(lively(networks.BFCNN(2, 3)), seen), draw(1, 1, 6, 6), chunk=5)
    seen.clear()
    J.matrix()
    assert max(seen) == 5
    J.vjp(draw(36, 36))
    bases.singular(J, 4)
    trace(J)
    asymmetry(J)
    assert J.frozen and max(seen) == 5


def biased():
    torch.manual_seed(0)
    return nn.Sequential(nn.Conv2d(1, 3, 3, padding=1), nn.ReLU(), nn.Conv2d(3, 1, 3, padding=1)).double()


FIXED = draw(36, 36)


class Elsewhere(nn.Module):
    """Positively homogeneous, but bent by something that is no ReLU; and one with a ReLU in place."""

    def __init__(self, bend):
        super().__init__()
        self.first, self.last, self.bend = biased()[0], biased()[2], bend
        self.first.bias = self.last.bias = None

    def forward(self, y):
        return self.last(self.bend(self.first(y)))


@pytest.mark.parametrize(
    ("f", "frozen"),
    [
        (Blind(biased()), False),
        (Blind(Elsewhere(torch.abs)), False),
        (Blind(Elsewhere(torch.relu_)), False),
        (Blind(Elsewhere(lambda h: h.relu())), True),
        (Blind(Elsewhere(lambda h: nn.functional.relu(input=h))), True),
        (Blind(Elsewhere(nn.ReLU(inplace=True))), True),
        (lambda y, sigma: y.square() * sigma, False),
        (lambda y, sigma: (FIXED @ y.flatten()).view(1, 1, 6, 6), False),  # one image at a time only
        (lambda y, sigma: (draw(36, 36) @ y.flatten()).view(1, 1, 6, 6), False),  # and vmap refuses it
        (lambda y, sigma: y * (1 if y.sum() > 0 else 2) + y.square(), False),
    ],
)
@pytest.mark.parametrize("scale", [0.0, 1.0])
def test_what_is_not_piecewise_linear_goes_through_torch_func(f, frozen, scale):
    y, v = scale * draw(1, 1, 6, 6, seed=1), draw(9, 36, seed=2)
    J, true = linearize(f, y, 0.3, chunk=4), jacobian(f, y, 0.3)
    assert J.frozen == frozen or scale == 0
    torch.testing.assert_close(J.matrix(), true)
    torch.testing.assert_close(J.jvp(v), v @ true.T)
    torch.testing.assert_close(J.vjp(v), v @ true)


def test_a_bias_however_small_is_no_linear_map():
    net = biased()
    with torch.no_grad():
        net[0].bias.zero_()
        net[2].bias.fill_(1e-15)
    assert not linearize(Blind(net), draw(1, 1, 6, 6)).frozen
    with torch.no_grad():
        net[2].bias.zero_()
    assert linearize(Blind(net), draw(1, 1, 6, 6)).frozen


def test_a_gradient_without_a_forward_derivative_is_differentiated_once_more():
    y = draw(1, 1, 4, 4)
    J = linearize(lambda y, sigma: Backward.apply(y), y)
    torch.testing.assert_close(J.matrix(), (2 * y).flatten().diag())


def test_no_graph_is_kept_of_a_network_that_could_be_trained():
    net = biased()  # inside a function, where its parameters are not seen
    J = linearize(lambda y, sigma: net(y), draw(1, 1, 6, 6), chunk=4)
    true, v = jacobian(lambda y, sigma: net(y), J.y), draw(9, 36)
    for found, expected in ((J.jvp(v), v @ true.T), (J.vjp(v), v @ true), (J.matrix(), true)):
        assert not found.requires_grad
        torch.testing.assert_close(found, expected)


def test_mixture_of_gaussians_has_the_hessian_of_its_density_in_its_jacobian():
    roots, sigma, y = draw(3, 9, 9, seed=1), 0.8, draw(1, 1, 3, 3, seed=2)
    mixture = ideal.GaussianMixture([0.2, 0.3, 0.5], draw(3, 9), roots @ roots.mT / 9)
    J = linearize(mixture, y, sigma, chunk=4)
    hessian = torch.func.hessian(lambda flat: mixture.log_density(flat.view_as(y), sigma)[0])(y.flatten())
    expected = torch.eye(9, dtype=torch.float64) + sigma**2 * hessian
    assert not J.frozen
    torch.testing.assert_close(J.matrix(), expected)
    exact = trace(J, passes=27)
    assert exact.value == pytest.approx(expected.trace().item())


def test_finite_set_has_the_covariance_of_its_posterior_as_jacobian():
    x, sigma = draw(5, 1, 4, 4), 3.0
    f, y = ideal.FiniteSet(x), x[:1] + draw(1, 1, 4, 4, seed=1)
    J = linearize(f, y, sigma)
    weight = f.weights(y, sigma)[0]
    away = x.flatten(1) - weight @ x.flatten(1)
    expected = away.T @ (weight[:, None] * away) / sigma**2  # Tweedie's second formula
    assert not J.frozen
    torch.testing.assert_close(J.matrix(), expected)


def test_products_of_a_shipped_network(trained):
    _, _, J, true, _ = trained
    assert J.frozen
    torch.testing.assert_close(J.matrix(), true, atol=1e-5, rtol=0)  # by jacrev of torch.func
    u = torch.randn(30, 1600, generator=torch.Generator().manual_seed(0))
    torch.testing.assert_close(J.jvp(u), u @ true.T, atol=1e-4, rtol=0)
    torch.testing.assert_close(J.vjp(u), u @ true, atol=1e-4, rtol=0)


# ------------------------------------------------------------------------------------------------
# Traces and asymmetry


@pytest.mark.parametrize(
    ("J", "expected"),
    [
        (torch.tensor([[1.0, 2.0], [2.0, 5.0]]), 0.0),
        (torch.tensor([[0.0, 1.0], [-1.0, 0.0]]), 2.0),
        (torch.tensor([[1.0, 1.0], [0.0, 0.0]]), math.sqrt(2) / math.sqrt(2)),
    ],
)
def test_asymmetry_by_hand(J, expected):
    assert asymmetry(J) == (pytest.approx(expected), 0.0)


def test_asymmetry_of_unrelated_entries():
    assert asymmetry(draw(200, 200)).value == pytest.approx(math.sqrt(2), rel=0.03)


def test_trace_of_a_matrix_and_its_error():
    generator = torch.Generator().manual_seed(0)
    A = torch.randn(16, 16, dtype=torch.float64, generator=generator)
    y = torch.randn(3, 1, 4, 4, dtype=torch.float64, generator=generator)
    mean, error = probe_trace(times(A), y, probes=1000, seed=1)
    assert mean.shape == error.shape == (3,)
    assert ((mean - A.trace()).abs() < 4 * error).all()
    symmetric = (A + A.T) / 2
    variance = 2 * (symmetric.square().sum() - symmetric.diagonal().square().sum())  # Hutchinson's
    torch.testing.assert_close(error, (variance / 1000).sqrt().expand(3), rtol=0.15, atol=0)
    diagonal, exact = probe_trace(times(torch.diag(A[0])), y, probes=2)
    torch.testing.assert_close(diagonal, A[0].sum().expand(3))
    assert (exact < 1e-12).all()


def test_trace_of_a_network(lively):
    f = Blind(lively(networks.UNet(4, 1)))
    y = torch.randn(2, 1, 8, 8, dtype=torch.float64, generator=torch.Generator().manual_seed(2))
    mean, error = probe_trace(f, y, probes=200)
    exact = torch.stack([jacobian(f, y[i : i + 1]).trace() for i in range(2)])
    assert ((mean - exact).abs() < 4 * error).all()
    assert not mean.requires_grad
    assert torch.equal(mean, probe_trace(f, y, probes=200)[0])


def test_of_a_matrix_they_are_exact():
    A = draw(9, 9, seed=4)
    assert trace(A) == (A.trace().item(), 0.0)
    near, far = trace(of_matrix(A), passes=27), trace(of_matrix(A), passes=12)  # the first takes all of space
    assert near.value == pytest.approx(trace(A).value) and near.error < 1e-12 < far.error


def test_wiener_filter_keeps_what_its_error_says():
    variances = 0.9 ** torch.arange(64, dtype=torch.float64)
    vectors = torch.linalg.qr(draw(64, 64))[0].T.contiguous()
    f, sigma = Wiener(draw(1, 1, 8, 8, seed=3), variances, vectors), 0.3
    J = linearize(f, draw(1, 1, 8, 8, seed=4), sigma)
    exact = trace(J, passes=3 * 64)  # enough for the whole space
    assert exact.value == pytest.approx(ideal.Gaussian.mse(f, sigma) / sigma**2) and exact.error < 1e-9
    assert asymmetry(J).value < 1e-12


@pytest.mark.parametrize("take", [trace, asymmetry])
def test_estimates_are_as_uncertain_as_they_say(take):
    A = known(0.97 ** torch.arange(150, dtype=torch.float64))[0] + torch.diag(
        torch.linspace(0, 1, 150).double()
    )
    true = A.trace().item() if take is trace else asymmetry(A).value
    J, n = of_matrix(A), 200
    found = [take(J, passes=90, seed=seed) for seed in range(n)]
    off = torch.tensor([(value - true) / error for value, error in found])
    assert abs(off.mean()) < 4 / math.sqrt(n) + 0.1  # a ratio of means is biased a little
    assert 0.8 < off.std() < 1.3
    fine = take(J, passes=360, seed=0)
    assert fine.error < 0.6 * torch.tensor(found)[:, 1].mean()


def test_traces_of_a_shipped_network(trained):
    _, _, J, matrix, _ = trained
    for found, true in (
        (trace(J), matrix.trace().item()),
        (asymmetry(J), asymmetry(matrix).value),
    ):
        assert abs(found.value - true) < 4 * found.error < 0.05 * true


# ------------------------------------------------------------------------------------------------
# Bad input


def ray():
    return ExactCone(torch.ones(1, 1, 4, 4))


class Backward(torch.autograd.Function):
    """Has a gradient, but no forward derivative."""

    @staticmethod
    def forward(y):
        return y.square()

    @staticmethod
    def setup_context(ctx, inputs, output):
        ctx.save_for_backward(*inputs)

    @staticmethod
    def backward(ctx, gradient):
        return 2 * ctx.saved_tensors[0] * gradient


REFUSED = "torch cannot differentiate this denoiser"
WIENER = Wiener(torch.zeros(1, 1, 2, 2), torch.ones(4), torch.eye(4))
LINE = of_matrix(torch.diag(1.0001 ** -torch.arange(200, dtype=torch.float64)))


@pytest.mark.parametrize(
    ("call", "sentence"),
    [
        (lambda: linearize(times(torch.eye(4)), torch.ones(2, 1, 2, 2)), "at one image, .* got 2 images"),
        (lambda: linearize(times(torch.eye(4)), torch.ones(2, 2)), r"y must have shape \(B, C, H, W\)"),
        (lambda: linearize(lambda y, s: y[..., 1:], torch.ones(1, 1, 2, 2)), "f must return the shape of y"),
        (lambda: linearize(Blind(networks.UNet(2, 2)), torch.ones(1, 1, 8, 8)), r"training mode.*f.eval\(\)"),
        (lambda: linearize(Blind(networks.UNet(2, 2).eval()), torch.ones(1, 1, 6, 6)), "divisible by 4"),
        (lambda: linearize(ray(), torch.ones(1, 1, 4, 4), 0.1), REFUSED),
        (lambda: linearize(discs.ExactDiscs(16), torch.ones(1, 1, 16, 16), 0.1), REFUSED),
        (lambda: linearize(lambda y, s: y.log(), torch.zeros(1, 1, 2, 2)), "NaN or infinite"),
        (lambda: linearize(WIENER, torch.ones(1, 1, 2, 2)), "must be told the noise level"),
        (lambda: of_matrix(torch.eye(4), chunk=0), "chunk must be in"),
        (
            lambda: LINE.jvp(torch.ones(200).double()),
            r"v must be rows \(n, 200\) of torch.float64; got \(200,\)",
        ),
        (lambda: LINE.vjp(torch.ones(1, 200)), "u must be rows .* of torch.float32"),
        (lambda: trace(LINE, passes=5), "passes must be in"),
        (lambda: asymmetry(LINE, passes=5), "passes must be in"),
        (lambda: trace(torch.ones(2, 3)), r"J must be a square matrix .* got \(2, 3\)"),
        (lambda: asymmetry(torch.full((2, 2), math.nan)), "J contains NaN"),
        (lambda: jacobian(lambda y, s: y, torch.ones(2, 1, 4, 4)), "at one image, .* got 2 images"),
        (lambda: jacobian(lambda y, s: y, torch.ones(4, 4)), "y must have shape"),
        (lambda: jacobian(Blind(networks.UNet(2, 2).eval()), torch.ones(1, 1, 6, 6)), "divisible by 4"),
        (lambda: jacobian(Blind(networks.UNet(2, 2)), torch.ones(1, 1, 8, 8)), "training mode"),
        (
            lambda: probe_trace(lambda y: y, torch.rand(1, 1, 4, 4), probes=1),
            r"probes must be in \[2, inf\); got 1",
        ),
    ],
)
def test_bad_input_is_refused(call, sentence):
    with pytest.raises(ValueError, match=sentence):
        call()
