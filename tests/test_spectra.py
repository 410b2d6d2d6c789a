"""Products with the Jacobian, its leading part and its traces, against matrices that are known."""

import math

import pytest
import torch
from torch import nn

from gahr import bases, disc, ideal, images, networks, spectra, synthetic, zoo
from gahr.denoisers import Blind, Wiener, add_noise, shrinkage
from gahr.linearization import linearize


def draw(*shape, seed=0):
    return torch.randn(shape, dtype=torch.float64, generator=torch.Generator().manual_seed(seed))


def times(A):
    """The linear denoiser of a matrix."""
    return lambda y, sigma: (y.flatten(1) @ A.T).view_as(y)


def of_matrix(A, chunk=64):
    return linearize(times(A), draw(1, 1, 1, len(A)), chunk=chunk)


def known(values, seed=0):
    """A matrix with these singular values, and its singular vectors as rows, ``(A, u, v)``."""
    d = len(values)
    u, v = (torch.linalg.qr(draw(d, d, seed=seed + i))[0].T for i in (1, 2))
    return u.T @ (values[:, None] * v), u, v


def sine(found, true):
    """How far a subspace is from another (both orthonormal rows): norm of the sines of the angles."""
    return (found - (found @ true.T) @ true).norm()


# ------------------------------------------------------------------------------------------------
# The linearization


@pytest.mark.parametrize("make", [lambda: networks.UNet(3, 2), lambda: networks.BFCNN(4, 4)])
@pytest.mark.parametrize("chunk", [1, 5, 64])
def test_products_of_a_frozen_network_are_its_jacobian(lively, make, chunk):
    f, y, v = Blind(lively(make())), draw(1, 1, 8, 8), draw(7, 64, seed=1)
    J = linearize(f, y, chunk=chunk)
    true = bases.jacobian(f, y)
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
    spectra.singular(J, 4)
    spectra.trace(J)
    spectra.asymmetry(J)
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
    J, true = linearize(f, y, 0.3, chunk=4), bases.jacobian(f, y, 0.3)
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


def test_no_graph_is_kept_of_a_network_that_could_be_trained():
    net = biased()  # inside a function, where its parameters are not seen
    J = linearize(lambda y, sigma: net(y), draw(1, 1, 6, 6), chunk=4)
    true, v = bases.jacobian(lambda y, sigma: net(y), J.y), draw(9, 36)
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
    torch.testing.assert_close(
        spectra.symmetric(J, 3, tol=1e-9).lam, torch.linalg.eigvalsh(expected).flip(0)[:3]
    )
    exact = spectra.trace(J, passes=27)
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
    found = spectra.symmetric(J, 4)
    torch.testing.assert_close(found.lam, torch.linalg.eigvalsh(expected).flip(0)[:4])
    with pytest.raises(
        ValueError, match="found only 4 singular values above 0.0001 times the largest; k is 5"
    ):
        spectra.singular(J, 5)


# ------------------------------------------------------------------------------------------------
# The leading part


@pytest.mark.parametrize("most", [None, 36])
@pytest.mark.parametrize("seed", [0, 1])
def test_leading_part_of_a_nearly_degenerate_matrix(most, seed):
    values = 1.004 ** -torch.arange(300, dtype=torch.float64)
    A, u, v = known(values)
    J, tol = of_matrix(A), 1e-4
    found = spectra.singular(J, 20, tol, most=most, seed=seed)
    assert found.residual.max() <= tol
    residual = (found.out @ A - found.lam[:, None] * found.e).norm(dim=1)
    torch.testing.assert_close(found.residual, residual, rtol=1e-6, atol=1e-12)
    torch.testing.assert_close(found.e @ A.T, found.lam[:, None] * found.out)
    torch.testing.assert_close(found.lam, values[:20], rtol=1e-6, atol=0)
    gap = values[19] - values[20]
    for part, true in ((found.e, v), (found.out, u)):
        torch.testing.assert_close(part @ part.T, torch.eye(20, dtype=torch.float64))
        assert sine(part, true[:20]) <= 1.1 * residual.norm() / gap  # Wedin
    assert found.images([0]).shape == (1, 1, 1, 300)


def test_a_smaller_tolerance_is_paid_for_and_kept():
    A = known(1.004 ** -torch.arange(300, dtype=torch.float64))[0]
    rough, fine = (spectra.singular(of_matrix(A), 10, tol) for tol in (1e-2, 1e-10))
    assert rough.residual.max() > 1e-10 >= fine.residual.max()
    assert rough.passes < fine.passes


def test_eigenvalues_are_not_singular_values():
    A, _, _ = known(torch.linspace(1, 0.1, 100, dtype=torch.float64))
    A = A + torch.diag(torch.linspace(-3, 0, 100, dtype=torch.float64))
    J, whole = of_matrix(A), bases.symmetric(A, (1, 1, 100))
    found = spectra.symmetric(J, 6, tol=1e-8)
    torch.testing.assert_close(found.lam, whole.lam[:6])  # the largest, not those of largest size
    S = (A + A.T) / 2
    residual = (found.e @ S - found.lam[:, None] * found.e).norm(dim=1)
    assert (residual <= 1e-8 * torch.linalg.matrix_norm(S, 2)).all()
    assert torch.equal(found.e, found.out)
    assert sine(found.e, whole.e[:6]) <= 1.1 * residual.norm() / (whole.lam[5] - whole.lam[6])
    torch.testing.assert_close(spectra.singular(J, 6, tol=1e-8).lam, bases.singular(A, (1, 1, 100)).lam[:6])


def test_repeated_values_are_all_found_up_to_the_block():
    values = torch.cat([torch.ones(12), torch.full((3,), 0.5), torch.zeros(45)]).double()
    J = of_matrix(known(values)[0])
    for block in (12, 20, 100):
        torch.testing.assert_close(spectra.singular(J, 15, block=block).lam, values[:15])
        with pytest.raises(ValueError, match="found only 15 singular values"):
            spectra.singular(J, 16, block=block)
    torch.testing.assert_close(
        spectra.symmetric(of_matrix(torch.eye(40).double()), 30).lam, torch.ones(30).double()
    )


def test_all_directions_may_be_asked_for():
    A = draw(12, 12)
    found, whole = spectra.singular(of_matrix(A), 12), bases.singular(A, (1, 1, 12))
    torch.testing.assert_close(found.lam, whole.lam)
    torch.testing.assert_close(found.out.T @ (found.lam[:, None] * found.e), A)


def test_wiener_filter_in_its_own_basis():
    vectors = torch.linalg.qr(draw(64, 64))[0].T.contiguous()
    variances = 0.9 ** torch.arange(64, dtype=torch.float64)
    f, sigma = Wiener(draw(1, 1, 8, 8, seed=3), variances, vectors), 0.3
    J, gains = linearize(f, draw(1, 1, 8, 8, seed=4), sigma), shrinkage(variances, sigma)
    for take in (spectra.singular, spectra.symmetric):
        found = take(J, 5, tol=1e-9)
        torch.testing.assert_close(found.lam, gains[:5])
        assert sine(found.e, vectors[:5]) < 1e-6
    exact = spectra.trace(J, passes=3 * 64)  # enough for the whole space
    assert exact.value == pytest.approx(ideal.Gaussian.mse(f, sigma) / sigma**2) and exact.error < 1e-9
    assert spectra.asymmetry(J).value < 1e-12


def shipped(name, x, tol):
    """A shipped network, a noisy picture, its frozen gates, its whole Jacobian and a tolerance."""
    f, y = zoo.load(name), add_noise(x, 0.15)
    return f, y, linearize(f, y), bases.jacobian(f, y), tol


@pytest.fixture(scope="session")
def face():
    return shipped("faces40-unet16-n13000-a", images.portrait(), 1e-4)


@pytest.fixture(scope="session")
def contour():
    """Its values 50 and 51 are much closer, 7e-4: to tell their vectors apart takes a finer tolerance."""
    return shipped("calpha40a4-unet16-fresh-a", synthetic.c_alpha(1, 40, alpha=4.0, seed=1), 1e-5)


@pytest.fixture(params=["face", "contour"])
def trained(request):
    return request.getfixturevalue(request.param)


def test_products_of_a_shipped_network(trained):
    _, _, J, true, _ = trained
    assert J.frozen
    torch.testing.assert_close(J.matrix(), true, atol=1e-5, rtol=0)  # by jacrev of torch.func
    u = torch.randn(30, 1600, generator=torch.Generator().manual_seed(0))
    torch.testing.assert_close(J.jvp(u), u @ true.T, atol=1e-4, rtol=0)
    torch.testing.assert_close(J.vjp(u), u @ true, atol=1e-4, rtol=0)


@pytest.mark.parametrize("kind", ["singular", "symmetric"])
def test_leading_50_of_a_shipped_network(trained, kind):
    _, _, J, matrix, tol = trained
    found, whole = getattr(spectra, kind)(J, 50, tol), getattr(bases, kind)(matrix, J.shape)
    torch.testing.assert_close(found.lam, whole.lam[:50], rtol=1e-3, atol=0)
    S = matrix if kind == "singular" else (matrix + matrix.T) / 2
    forward = (found.e @ S.T - found.lam[:, None] * found.out).norm(dim=1)
    back = (found.out @ S - found.lam[:, None] * found.e).norm(dim=1)
    assert forward.max() < 1e-3 and back.max() < 1e-3
    assert found.residual.max() <= tol
    rounding = 1e-5
    assert (back <= found.residual * whole.lam[0] + rounding).all()
    gap = found.lam[49] - whole.lam[50]
    bound = (torch.cat([forward, back]).norm() + rounding) / gap
    assert bound < 0.2  # radians: the comparison says something
    assert sine(found.e, whole.e[:50]) <= bound and sine(found.out, whole.out[:50]) <= bound
    assert found.passes < 1600  # fewer than pixels: else the whole matrix is as cheap


def test_traces_of_a_shipped_network(trained):
    _, _, J, matrix, _ = trained
    for found, true in (
        (spectra.trace(J), matrix.trace().item()),
        (spectra.asymmetry(J), bases.asymmetry(matrix)),
    ):
        assert abs(found.value - true) < 4 * found.error < 0.05 * true


def test_larger_images_than_it_was_trained_on(face):
    f = face[0]
    y = add_noise(images.portrait(64), 0.15)[:, :, 8:]
    found = spectra.singular(linearize(f, y, chunk=16), 5)
    assert found.images().shape == (5, 1, 56, 64)
    for s, v, u in zip(found.lam, found.images(), found.out.view(-1, 1, 56, 64), strict=True):
        there = torch.func.jvp(f, (y,), (v[None],))[1]  # by torch alone, on the network itself
        back = torch.func.vjp(f, y)[1](u[None])[0]
        assert (there - s * u).norm() < 1e-4 and (back - s * v).norm() < 2e-4


# ------------------------------------------------------------------------------------------------
# Estimates


@pytest.mark.parametrize("take", [spectra.trace, spectra.asymmetry])
def test_estimates_are_as_uncertain_as_they_say(take):
    A = known(0.97 ** torch.arange(150, dtype=torch.float64))[0] + torch.diag(
        torch.linspace(0, 1, 150).double()
    )
    true = A.trace().item() if take is spectra.trace else bases.asymmetry(A)
    J, n = of_matrix(A), 200
    found = [take(J, passes=90, seed=seed) for seed in range(n)]
    off = torch.tensor([(value - true) / error for value, error in found])
    assert abs(off.mean()) < 4 / math.sqrt(n) + 0.1  # a ratio of means is biased a little
    assert 0.8 < off.std() < 1.3
    fine = take(J, passes=360, seed=0)
    assert fine.error < 0.6 * torch.tensor(found)[:, 1].mean()


# ------------------------------------------------------------------------------------------------
# Bad input


def ray():
    return ideal.Ray(torch.ones(1, 1, 4, 4))


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


LINE = of_matrix(torch.diag(1.0001 ** -torch.arange(200, dtype=torch.float64)))


@pytest.mark.parametrize(
    ("call", "sentence"),
    [
        (
            lambda: linearize(times(torch.eye(4)), torch.ones(2, 1, 2, 2)),
            "at one image, .* got 2 images",
        ),
        (
            lambda: linearize(times(torch.eye(4)), torch.ones(2, 2)),
            r"y must have shape \(B, C, H, W\)",
        ),
        (
            lambda: linearize(lambda y, s: y[..., 1:], torch.ones(1, 1, 2, 2)),
            "f must return the shape of y",
        ),
        (
            lambda: linearize(Blind(networks.UNet(2, 2)), torch.ones(1, 1, 8, 8)),
            r"training mode.*f.eval\(\)",
        ),
        (
            lambda: linearize(Blind(networks.UNet(2, 2).eval()), torch.ones(1, 1, 6, 6)),
            "divisible by 4",
        ),
        (
            lambda: linearize(ray(), torch.ones(1, 1, 4, 4), 0.1),
            "torch cannot differentiate this denoiser",
        ),
        (
            lambda: linearize(disc.ExactDiscs(16), torch.ones(1, 1, 16, 16), 0.1),
            "torch cannot differentiate this denoiser",
        ),
        (
            lambda: linearize(lambda y, s: Backward.apply(y), torch.ones(1, 1, 4, 4)),
            "torch cannot differentiate this denoiser",
        ),
        (lambda: linearize(lambda y, s: y.log(), torch.zeros(1, 1, 2, 2)), "NaN or infinite"),
        (lambda: linearize(ray(), torch.ones(1, 1, 4, 4)), "must be told the noise level"),
        (lambda: of_matrix(torch.eye(4), chunk=0), "chunk must be in"),
        (
            lambda: LINE.jvp(torch.ones(200).double()),
            r"v must be rows \(n, 200\) of torch.float64; got \(200,\)",
        ),
        (lambda: LINE.vjp(torch.ones(1, 200)), "u must be rows .* of torch.float32"),
        (lambda: spectra.singular(LINE, 0), r"k must be in \[1, 200\]; got 0"),
        (lambda: spectra.singular(LINE, 201), r"k must be in \[1, 200\]; got 201"),
        (lambda: spectra.symmetric(LINE, 2, tol=1e-17), "tol must be in"),
        (lambda: spectra.symmetric(LINE, 2, block=0), "block must be in"),
        (lambda: spectra.symmetric(LINE, 2, block=4, most=9), r"most must be in \[10, inf\); got 9"),
        (lambda: spectra.trace(LINE, passes=5), "passes must be in"),
        (lambda: spectra.asymmetry(LINE, passes=5), "passes must be in"),
        (
            lambda: spectra.singular(of_matrix(torch.zeros(50, 50).double()), 2),
            "found only 0 singular values",
        ),
    ],
)
def test_bad_input_is_refused(call, sentence):
    with pytest.raises(ValueError, match=sentence):
        call()


def test_a_tolerance_that_is_not_reached_is_said():
    with pytest.raises(RuntimeError, match=r"the residual is .*; asked was 1e-12. Allow a larger tol"):
        spectra.singular(LINE, 5, tol=1e-12, block=1, most=7)
