"""On another device every function gives the same numbers, there, and no tensor is left behind.

Where there is no second device `elsewhere` stands in for one. A case takes pictures and what brings a tensor
or a module to the device, and is called twice: on the CPU, and there.
"""

import copy

import matplotlib.pyplot as plt
import pytest
import torch
from elsewhere import PLACE, Elsewhere, fetch
from torch import nn

from book.studies import agreement, calpha, energies, shrinkage, two_networks
from book.studies import shuffled as study
from gahr import _files, bases, ideal, intervals, jacobian, measures, networks, plots, sampling, scores
from gahr._calls import place_of
from gahr.analysis import (
    bestbasis,
    harmonics,
    inverse,
    locality,
    manifolds,
    memorization,
    pairs,
    slopes,
    subspaces,
)
from gahr.analysis import calpha as contours
from gahr.denoisers import Blind, BlindWiener, Projection, Rescaled, Threshold, Wiener, add_noise
from gahr.ideal import discs
from gahr.ideal.cones import ExactCone, waves
from gahr.ideal.discs import ExactDiscs
from gahr.ideal.homogeneous import BestHomogeneous
from gahr.images import photographs, synthetic
from gahr.training import loop, recipes

QUICK = sampling.Sampling(step=0.5, beta=0.8)
LEVELS = (0.1, 0.2)


def draw(*shape, seed=0):
    return torch.rand(shape, generator=torch.Generator().manual_seed(seed), dtype=torch.float32)


X, ROWS = draw(5, 1, 8, 8), torch.linalg.qr(draw(64, 6, seed=2))[0].T.contiguous()
HEIGHTS, SIGMAS = torch.tensor([3.0, 4, 4, 5, 5, 4, 3, 2]), torch.tensor([0.1, 0.2, 0.3, 0.4, 0.5])
MIXTURE = ideal.GaussianMixture([0.4, 0.6], draw(2, 64), 0.1 * torch.eye(64).expand(2, 64, 64))


def shrink(y, sigma=None):
    return 0.5 + 0.4 * (y - 0.5)


def told(y, sigma):
    return 0.5 + (y - 0.5) / (1 + 4 * torch.as_tensor(sigma).to(y).view(-1, 1, 1, 1) ** 2)


@pytest.fixture(scope="module")
def net():
    torch.manual_seed(0)
    network = networks.UNet(2, 1)
    for value in network.state_dict().values():
        value.copy_(0.4 * torch.randn_like(value) if value.ndim == 4 else value)
    for name, value in network.state_dict().items():
        if name.endswith(("running_sd", "gammas")):
            value.fill_(0.8)
    return network.eval()


def halving():
    f = nn.Conv2d(1, 1, 1, bias=False).requires_grad_(False)
    f.weight.fill_(0.5)
    return f


class Attention(nn.Module):
    """Torch cannot differentiate it forwards, and its gates cannot be frozen."""

    def __init__(self):
        super().__init__()
        torch.manual_seed(0)
        self.into, self.out = nn.Conv2d(1, 4, 3, padding=1), nn.Conv2d(4, 1, 1)

    def forward(self, y, sigma=None):
        q = self.into(y).flatten(2).mT
        h = nn.functional.scaled_dot_product_attention(q[:, None], q[:, None], q[:, None])[:, 0]
        return y - self.out(h.mT.reshape(len(y), 4, 8, 8))


class Filters(nn.Module):
    """Has no parameter, and what it holds must lie where its images do."""

    def __init__(self):
        super().__init__()
        self.register_buffer("kernel", torch.full((1, 1, 3, 3), 1 / 12))

    def forward(self, y, sigma=None):
        return 0.125 + nn.functional.conv2d(y, self.kernel, padding=1)


def drawing(x, values):
    with plt.rc_context():
        _, axes = plots.figure(1, 6)
        plots.image(axes[0, 0], x[0])
        plots.images(axes[0, 1:3], x[:2], signed=True)
        plots.spectrum(axes[0, 3], {"a": values})
        plots.against_noise(axes[0, 4], SIGMAS.tolist(), {"b": values})
        lines = [[float(value) for value in line.get_ydata()] for ax in axes[0] for line in ax.lines]
        pixels = [image.get_array().sum() for ax in axes[0] for image in ax.images]
        plt.close("all")
    return lines, pixels


def everything(J):
    v = ROWS.to(J.y)
    return J.matrix(), J.jvp(v), J.vjp(v), jacobian.trace(J, 30), jacobian.asymmetry(J, 30)


def parts(basis):
    return basis.lam, (basis.e.mT @ (basis.e * basis.lam[:, None]))  # vectors have no sign of their own


def table(x):
    return measures.psnr_table(shrink, x, LEVELS)


PROBLEMS = {
    "inpainting": inverse.inpainting((1, 8, 8), 1, 1, 3, 3),
    "random pixels": inverse.random_pixels((1, 8, 8), 0.3),
    "super-resolution": inverse.super_resolution((1, 8, 8), 2),
    "compressive": inverse.compressive((1, 8, 8), 0.3),
    "spectral": inverse.spectral((1, 8, 8), 3),
}
FOLLOWS = {  # without weights: they work where the picture is, brought there or not; and whether told sigma
    "Wiener": (lambda: Wiener.fit(X), True),
    "BlindWiener": (lambda: BlindWiener(Wiener.fit(draw(80, 1, 8, 8))), False),
    "Gaussian": (lambda: ideal.Gaussian.from_covariance(X[:1], torch.eye(64)), True),
    "Threshold": (lambda: Threshold(bases.dct(8, 8)), True),
    "Projection": (lambda: Projection(ROWS, (1, 8, 8)), False),
    "mixture": (lambda: MIXTURE, True),
    "finite set": (lambda: ideal.FiniteSet(X), True),
    "memory": (lambda: ideal.BlindMemory(X), False),
    "discs": (lambda: ExactDiscs(8), True),
    "ray": (lambda: ExactCone(X[:1]), True),
    "waves": (lambda: ExactCone(waves(8)), False),
    "homogeneous": (lambda: BestHomogeneous(X[:1]), False),
    "rescaled": (lambda: Rescaled(told), True),
}
CASES = {
    "add_noise": lambda x, to, net: (add_noise(x, 0.1), add_noise(x, SIGMAS), add_noise(x, to(SIGMAS))),
    "scores": lambda x, to, net: (
        scores.score(told, x, SIGMAS), scores.dsm_loss(told, x, 0.1), scores.squared_error(told, x, 0.1),
        scores.sure(told, x, to(SIGMAS), probes=2), scores.kl_bound(to(SIGMAS) ** 2, SIGMAS.tolist()),
    ),
    "psnr": lambda x, to, net: (
        measures.psnr(x, 0.9 * x), measures.psnr_curve(shrink, x, LEVELS), measures.slope(table(x), LEVELS),
        measures.psnr_curve(shrink, x[:1], LEVELS), measures.decibels(to(SIGMAS)),
    ),
    "a network": lambda x, to, net: (
        measures.psnr_table(Blind(net), x, LEVELS), two_networks.features(Blind(net), x),
        measures.compare(Blind(net), shrink, x, 0.1), measures.model_variance(Blind(net), shrink, x, 0.1),
    ),
    "likeness": lambda x, to, net: (
        measures.similarity(x, x.flip(0)), measures.nearest(x[:2], x[2:], block=2),
        memorization.memorized_fraction(0.5 * x, x), memorization.distance_ratio(x[:2], x[2:]),
        memorization.ray_ratio(x[:2], x[2:]), memorization.closest(x[:2], x[2:]), memorization.bright(x),
    ),
    "patches": lambda x, to, net: (
        memorization.patchwork(x[:2], x[2:], 4, 2),
        memorization.ranks(memorization.patchwork(x[:1], x, 4, 4)[0][0]),
    ),
    "gates": lambda x, to, net: everything(jacobian.linearize(Blind(net), x[:1], chunk=20)),
    "a given function": lambda x, to, net: everything(jacobian.linearize(lambda y: y**2, x[:1])),
    "attention": lambda x, to, net: everything(jacobian.linearize(to(Attention()), x[:1])),
    "jacobian": lambda x, to, net: (
        jacobian.jacobian(Blind(net), x[:1]), jacobian.probe_trace(Blind(net), x, probes=2),
        jacobian.trace(0.1 * torch.eye(4).to(x)), jacobian.asymmetry(x[0, 0]),
    ),
    "bases": lambda x, to, net: [
        parts(found)
        for J in [jacobian.linearize(Blind(net), x[:1])]
        for found in (bases.singular(J), bases.symmetric(J), bases.symmetric(J, 3), bases.singular(J, 3))
    ] + [bases.symmetric(jacobian.linearize(Blind(net), x[:1])).coefficients(X).square().sum()],
    "oracle": lambda x, to, net: bases.oracle_error(x.flatten(1), 0.1, x),
    "mixture": lambda x, to, net: (MIXTURE.log_density(x, 0.1), MIXTURE.score(x, to(SIGMAS))),
    "finite set": lambda x, to, net: (ideal.FiniteSet(x).weights(x, 0.1), ideal.BlindMemory(X).level(x)),
    "homogeneous": lambda x, to, net: to(BestHomogeneous(X[:1])).mse(0.1),
    "disc": lambda x, to, net: discs.draw(to(torch.tensor([[4.0, 4, 2, 0.9, 0.1]])), 8),
    "sample": lambda x, to, net: [
        (found.x, found.path, found.sigma.nan_to_num(), found.steps)
        for f in (to(halving()), to(Filters()))
        for found in [sampling.sample(f, (1, 8, 8), 3, QUICK, keep=2)]
    ],
    "inverse": lambda x, to, net: [
        (problem.project(x), sampling.solve(told, problem, problem.measure(x[:2]), QUICK).x)
        for problem in PROBLEMS.values()
    ],
    "pairs": lambda x, to, net: [
        (pairs.alike(Blind(net), shrink, runs), pairs.split(pairs.alike(shrink, shrink, runs)))
        for runs in [pairs.draw(to(Filters()), to(Filters()), (1, 8, 8), 2, QUICK, share="start", keep=3)]
    ],
    "contours": lambda x, to, net: (
        harmonics.alignment(x[1:], x[:1]), harmonics.share(x, HEIGHTS, 2),
        harmonics.across(x, to(HEIGHTS), 2),
        harmonics.frequency(x, HEIGHTS, 2), harmonics.purity(x, HEIGHTS, 2), harmonics.length(x, HEIGHTS, 2),
        harmonics.straighten(x, to(HEIGHTS), 2), contours.step(x, HEIGHTS.expand(5, 8), 2),
        contours.structure(x, 1, (1, 2)),
    ),
    "a contour's basis": lambda x, to, net: [
        (view.x, view.estimate, view.basis.lam, calpha.summary(view, "wavelets", 4))
        for view in [calpha.look(Blind(net), 2.0, 0, 0.2, size=8)]
    ],
    "best bases": lambda x, to, net: (
        bestbasis.fixed(x[:1], "cosines"), bestbasis.packets(x[:1], 0.1, x[1:2], levels=2),
        bestbasis.blocks(x[:1], 0.1, sizes=(4, 2)),
    ),
    "spaces": lambda x, to, net: (
        subspaces.shared(to(ROWS), to(ROWS.flip(0))), subspaces.angles(to(ROWS[:2]), to(ROWS[1:4])),
        shrinkage.captured(to(ROWS), 0.5 * to(ROWS), to(torch.full((6,), 0.5))),
        subspaces.shared_when_mixed(to(torch.tensor([1.0, 0.5, 0.5, 0.0])), 0.01),
    ),
    "asymmetry": lambda x, to, net: (
        energies.energies([jacobian.linearize(Blind(net), y[None]) for y in x[:2]], 4),
        subspaces.within(jacobian.linearize(Blind(net), x[:1]), to(ROWS)),
        energies.pair_share(x[0, 0]), energies.energies([x[0, 0], x[1, 0]]),
    ),
    "slopes": lambda x, to, net: (
        slopes.by_rule(Wiener.fit(x), x, (0.01, 0.2, 0.3, 0.4)), slopes.local_slopes(table(x)[:, 0], LEVELS),
        slopes.pooled(x.flatten(1)[:2] ** 2, LEVELS, 20),
        slopes.without_floor(table(x)[:, 0], 10 + table(x)[0, 0], LEVELS, 20),
    ),
    "agreement": lambda x, to, net: agreement.beyond(Blind(net), shrink, Wiener.fit(X), x, 0.1),
    "tangents": lambda x, to, net: (
        manifolds.tangent(lambda p: torch.cat([p, p.sum(1, keepdim=True)], 1), to(SIGMAS[:2].double())).abs(),
        manifolds.errors(told, x, LEVELS),
    ),
    "places": lambda x, to, net: (
        locality.moved(x, locality.order(8)), study.restored(to(torch.eye(64)), locality.order(8)),
        study.neighbours(x), locality.window_mse(to(0.1 * torch.eye(64)), 0.1, 1),
        locality.convolution_mse(to(0.1 * torch.eye(64)), X[0], 0.1), locality.likeness(x[0, 0], X[1, 0]),
        locality.whole(to(SIGMAS), to(ROWS[:5]), 0.1), study.diagonal_share(to(torch.eye(64))),
    ),
    "pictures": lambda x, to, net: (
        photographs.drop_near_duplicates(torch.cat([x, x[:2]]), block=3), synthetic.shuffled(x),
        synthetic.unshuffled(x), synthetic.scaled(x[:1], 3), _files.pack(x),
    ),
    "intervals": lambda x, to, net: (
        intervals.median(to(SIGMAS)), intervals.superiority(to(SIGMAS), SIGMAS),
        intervals.gap(to(SIGMAS), 2 * to(SIGMAS) ** 2),
    ),
    "figures": lambda x, to, net: drawing(x, to(SIGMAS)),
    "data identity": lambda x, to, net: loop.data_identity(recipes.Recipe("discs8", 5, "a"), x),
}  # fmt: skip


def agree(one, two):
    if isinstance(one, torch.Tensor):
        torch.testing.assert_close(one, two, atol=2e-4, rtol=1e-3)
    elif isinstance(one, dict):
        assert one.keys() == two.keys()
        agree(list(one.values()), list(two.values()))
    elif isinstance(one, (list, tuple)):
        assert len(one) == len(two)
        for left, right in zip(one, two, strict=True):
            agree(left, right)
    elif isinstance(one, float):
        assert one == pytest.approx(two, abs=1e-4, rel=1e-3, nan_ok=True)
    else:
        assert one == two


@pytest.fixture
def there():
    with Elsewhere():
        yield lambda value: value.to(PLACE)


@pytest.mark.parametrize("name", CASES)
def test_the_same_numbers_on_another_device(name, net, there):
    expected, _ = fetch(CASES[name](X, lambda value: value, net))
    found, _ = fetch(CASES[name](there(X), there, there(copy.deepcopy(net))))
    agree(expected, found)


@pytest.mark.parametrize("name", FOLLOWS)
@pytest.mark.parametrize("brought", [False, True])
def test_denoisers_without_weights_work_where_the_picture_is(name, brought, there):
    make, is_told = FOLLOWS[name]
    x, f = X[:2], make()
    levels = (0.3, SIGMAS[:2]) if is_told else (None,)
    expected = [f(x, sigma) for sigma in levels]
    f = there(f) if brought else f
    found, places = fetch([f(there(x), sigma) for sigma in levels])
    assert places == {PLACE.type}
    agree(expected, found)


def test_samples_lie_where_the_denoiser_is(there):
    for f in (nn.Conv2d(1, 1, 1), Filters(), BlindWiener(Wiener.fit(draw(80, 1, 8, 8)))):
        assert place_of(f) == torch.device("cpu") and place_of(there(f)) == PLACE
    assert place_of(shrink) is None
    assert sampling.sample(there(Filters()), (1, 8, 8), 1, QUICK).x.device == PLACE
    mixture = there(ideal.GaussianMixture([1.0], draw(1, 64), 0.1 * torch.eye(64)[None]))
    assert mixture.sample(3).shape == (3, 1, 1, 64)


def test_a_network_that_was_left_behind_is_named(net, there):
    with pytest.raises(ValueError, match=r"its weights are torch.float32 on cpu; bring both together"):
        scores.score(Blind(net), there(X), 0.1)


def test_the_stand_in_refuses_what_a_device_refuses(there):
    x = there(X)
    for call in (
        lambda: x + X,
        lambda: x.numpy(),
        lambda: X[there(torch.tensor([0]))],
        lambda: torch.randn(3, device=PLACE, generator=torch.Generator()),
        lambda: X @ x.mT,
    ):
        with pytest.raises(RuntimeError):
            call()
    assert (x + torch.tensor(1.0)).device == PLACE and x[torch.tensor([0])].device == PLACE
    assert x.cpu().device.type == "cpu" and torch.equal(x.cpu(), X)
