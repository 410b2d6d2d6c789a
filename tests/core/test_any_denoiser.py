"""Any ``f(y, sigma=None)``: networks of other makes, other answers, other numbers, other shapes."""

import dataclasses
import functools
import threading

import numpy as np
import pytest
import torch
from torch import nn

from gahr import bases, ideal, jacobian, measures, networks, sampling, scores
from gahr._calls import refusal
from gahr.analysis import inverse
from gahr.denoisers import Blind, Rescaled, Threshold, Wiener, add_noise
from gahr.ideal.cones import ExactCone
from gahr.ideal.discs import ExactDiscs

DEVICES = ["cpu"] + ["cuda"] * torch.cuda.is_available() + ["mps"] * torch.backends.mps.is_available()


def draw(*shape, seed=0):
    return torch.rand(shape, generator=torch.Generator().manual_seed(seed), dtype=torch.float32)


class Residual(nn.Module):
    """A small network with something in its middle, told sigma or not."""

    def __init__(self, middle, channels=1, width=4):
        super().__init__()
        self.into, self.out = nn.Conv2d(channels, width, 3, padding=1), nn.Conv2d(width, channels, 1)
        self.middle = middle

    def forward(self, y, sigma=None):
        return y - self.out(self.middle(self.into(y)))


class Attention(nn.Module):
    """Torch's own, by its fast path or by its function, or written out."""

    def __init__(self, how):
        super().__init__()
        self.how, self.heads = how, nn.MultiheadAttention(4, 2, batch_first=True)

    def forward(self, h):
        q = h.flatten(2).mT
        if self.how == "layer":
            out = self.heads(q, q, q)[0]
        elif self.how == "function":
            out = nn.functional.scaled_dot_product_attention(q[:, None], q[:, None], q[:, None])[:, 0]
        else:
            out = (q @ q.mT / 2).softmax(-1) @ q
        return out.mT.reshape(h.shape)


def seeded(make, *args):
    torch.manual_seed(3)
    return make(*args).eval()


NETWORKS = {
    "group norm": lambda: Residual(
        nn.Sequential(nn.GroupNorm(2, 4), nn.SiLU(), nn.Conv2d(4, 4, 3, padding=1))
    ),
    "layer norm": lambda: Residual(nn.Sequential(nn.LayerNorm([6, 5]), nn.GELU())),
    "attention": lambda: Residual(Attention("layer")),
    "attention, as a function": lambda: Residual(Attention("function")),
    "attention, written out": lambda: Residual(Attention("by hand")),
    "transposed": lambda: Residual(
        nn.Sequential(nn.Conv2d(4, 8, 2, 2, 0), nn.ConvTranspose2d(8, 4, 2, 2, (0, 0), (0, 1)))
    ),
}


@pytest.mark.parametrize("name", NETWORKS)
def test_networks_of_other_makes_have_their_jacobian(name):
    f, y, v = seeded(NETWORKS[name]), draw(1, 1, 6, 5), draw(7, 30, seed=1) - 0.5
    J = jacobian.linearize(f, y, chunk=4)
    step, shifts = 1e-4, torch.eye(30, dtype=torch.float64).view(30, 1, 6, 5)
    wide, y2 = f.double(), y.double()
    with torch.no_grad():
        true = (wide(y2 + step * shifts) - wide(y2 - step * shifts)).flatten(1).T / (2 * step)
    torch.testing.assert_close(J.matrix().double(), true, atol=1e-5, rtol=0)
    torch.testing.assert_close(J.jvp(v).double(), v.double() @ true.T, atol=1e-5, rtol=0)
    torch.testing.assert_close(J.vjp(v).double(), v.double() @ true, atol=1e-5, rtol=0)
    assert len(bases.symmetric(J, 3).lam) == 3


class Locked(nn.Module):
    """Cannot be copied."""

    def __init__(self):
        super().__init__()
        self.net, self.lock = seeded(networks.BFCNN, 3, 3), threading.Lock()

    def forward(self, y, sigma=None):
        with self.lock:
            return y - self.net(y)


def test_what_cannot_be_copied_is_used_as_it_is():
    f, y = Locked(), draw(1, 1, 6, 6)
    before = [(p.requires_grad, p.stride()) for p in f.parameters()]
    J = jacobian.linearize(f, y)
    assert J.frozen and [(p.requires_grad, p.stride()) for p in f.parameters()] == before
    torch.testing.assert_close(J.matrix(), jacobian.jacobian(f, y))


# ------------------------------------------------------------------------------------------------
# Noise levels


def shrink(y, sigma):
    """The ideal denoiser of white images of variance 1/4 around 1/2; it must be told."""
    return 0.5 + (y - 0.5) * 0.25 / (0.25 + sigma**2)


def shrink_or_fail(y, sigma=None):
    return shrink(y, sigma)  # None has no square


def shrink_by_name(y, *, sigma):
    return shrink(y, sigma)


def shrink_for_weak_noise(y, sigma=0.1):
    return shrink(y, sigma)


@pytest.mark.parametrize("f", [shrink, shrink_or_fail, shrink_by_name, shrink_for_weak_noise])
@pytest.mark.parametrize("schedule", ["fixed", "growing"])
def test_a_denoiser_that_must_be_told_is_sampled(f, schedule):
    settings = sampling.Sampling(step=0.05, beta=0.3, end=0.01, schedule=schedule)
    found = sampling.sample(f, (1, 8, 8), 40, settings)
    assert found.x.mean().item() == pytest.approx(0.5, abs=4 * 0.5 / 51)
    if schedule == "fixed":
        # along the way the spread of y stays that of lambda + sigma^2, but for the start, which is white
        assert found.x.var().item() == pytest.approx(0.25, rel=0.12)
    assert (found.steps == settings.expected_steps).all()
    assert found.sigma[0].tolist() == [1.0] * 40 and (found.sigma[-1] <= 0.01).all()


def test_a_level_of_its_own_is_what_a_denoiser_takes_if_it_is_told_none():
    J = jacobian.linearize(shrink_for_weak_noise, draw(1, 1, 4, 4)).matrix()
    torch.testing.assert_close(J, torch.eye(16) * 0.25 / 0.26)


def test_a_denoiser_that_must_be_told_paints_a_hole():
    seen = torch.ones(1, 8, 8, dtype=torch.bool)
    seen[:, 2:6, 2:6] = False
    problem, x = inverse.Pixels(seen), draw(20, 1, 8, 8)
    settings = sampling.Sampling(step=0.05, beta=0.3, end=0.01)
    found = sampling.solve(shrink, problem, problem.measure(x), settings).x
    torch.testing.assert_close(found[:, seen], x[:, seen])
    hole = found[:, ~seen]
    assert hole.mean().item() == pytest.approx(0.5, abs=0.1) and hole.var().item() == pytest.approx(
        0.25, rel=0.3
    )


PER_IMAGE = {
    "wiener": lambda: Wiener(torch.full((1, 1, 8, 8), 0.5), 0.9 ** torch.arange(64.0), torch.eye(64)),
    "threshold": lambda: Threshold(bases.dct(8, 8)),
    "finite set": lambda: ideal.FiniteSet(draw(5, 1, 8, 8)),
    "mixture": lambda: ideal.GaussianMixture([0.4, 0.6], draw(2, 64), torch.eye(64).expand(2, 64, 64)),
    "cone": lambda: ExactCone(draw(1, 1, 8, 8)),
    "discs": lambda: ExactDiscs(8),
    "a function": lambda: lambda y, sigma: y / (1 + torch.as_tensor(sigma).view(-1, 1, 1, 1)),
}


@pytest.mark.parametrize("name", PER_IMAGE)
def test_each_image_may_have_its_own_noise_level(name):
    f, x, sigma = PER_IMAGE[name](), draw(3, 1, 8, 8, seed=1), torch.tensor([0.1, 0.3, 1.0])
    y = add_noise(x, sigma, seed=2)
    torch.testing.assert_close((y - x)[1], (add_noise(x, 0.3, seed=2) - x)[1])
    for measure in (scores.score, scores.sure if name not in ("cone", "discs") else scores.score):
        together = measure(f, y, sigma)
        each = [measure(f, y, level)[i] for i, level in enumerate(sigma.tolist())]
        if measure is scores.score:  # the probes of the other differ from image to image, not with sigma
            torch.testing.assert_close(together, torch.stack(each), atol=1e-4, rtol=1e-4)
        torch.testing.assert_close(together, torch.stack(each), atol=1e-3, rtol=1e-3)
    together = scores.squared_error(f, x, sigma)
    torch.testing.assert_close(together[2], scores.squared_error(f, x, 1.0)[2], atol=1e-4, rtol=1e-4)


def test_a_network_for_other_intensities_is_rescaled():
    def g(y, sigma):  # ideal for white images of variance 1 around 0, as [-1, 1] has it
        assert y.min() < -0.5
        return y / (1 + sigma**2)

    y = draw(2, 1, 8, 8)
    torch.testing.assert_close(Rescaled(g)(y, 0.3), shrink(y, 0.3))
    torch.testing.assert_close(Rescaled(lambda y: y)(y), y)
    by_hand = (g(2 * y - 1, 0.6) + 1) / 2
    torch.testing.assert_close(Rescaled(g)(y, 0.3), by_hand)
    eight_bit = Rescaled(lambda y, sigma: (255 * 0.5 + y) / 2 + 0 * sigma, 0, 255)
    torch.testing.assert_close(eight_bit(y, 0.1), 0.25 + y / 2)
    J = jacobian.linearize(Rescaled(g), y[:1], 0.3).matrix()
    torch.testing.assert_close(J, torch.eye(64) * 0.25 / (0.25 + 0.09))


# ------------------------------------------------------------------------------------------------
# What is called, and what comes back


@dataclasses.dataclass
class Output:
    sample: torch.Tensor


class Half(nn.Module):
    def forward(self, y):
        return 0.5 * y


CALLS = {
    "two arguments": lambda y, sigma: 0.5 * y,
    "one argument": lambda y: 0.5 * y,
    "sigma by name": lambda y, *, sigma=None: 0.5 * y,
    "any arguments": lambda *args, **named: 0.5 * args[0],
    "partial": functools.partial(lambda k, y, sigma=None: k * y, 0.5),
    "method": Rescaled(lambda y: y / 2 - 0.5).forward,
    "module of one argument": nn.Sequential(nn.Identity(), Rescaled(lambda y: y / 2 - 0.5)).eval(),
    "object with a sample": lambda y, t=None: Output(0.5 * y),
    "tuple": lambda y, sigma=None: (0.5 * y, y.mean()),
    "list": lambda y, sigma=None: [0.5 * y],
    "dict": lambda y, sigma=None: {"x": 0.5 * y, "features": y.flatten()},
    "float64": lambda y, sigma=None: 0.5 * y.double(),
    "bfloat16": lambda y, sigma=None: (y * 0.5).bfloat16(),
    "in place": lambda y, sigma=None: y.mul_(0.5),
    "in a wrapper": nn.DataParallel(Half()),  # takes any arguments and passes them on
}


@pytest.mark.parametrize("name", CALLS)
def test_callables_and_answers_of_many_kinds(name):
    f, x = CALLS[name], draw(2, 1, 4, 4)
    near = {"atol": 2e-3, "rtol": 1e-2} if name == "bfloat16" else {"atol": 1e-6, "rtol": 1e-6}
    y = add_noise(x, 0.1)
    torch.testing.assert_close(scores.score(f, y, 0.1), -0.5 * y / 0.01, atol=0.5, rtol=1e-2)
    torch.testing.assert_close(scores.squared_error(f, x, 0.1), (0.5 * y - x).square().sum((1, 2, 3)), **near)
    torch.testing.assert_close(jacobian.linearize(f, y[:1]).matrix(), 0.5 * torch.eye(16), **near)
    assert measures.psnr_curve(f, x, (0.1,))["psnr"][0] == pytest.approx(
        measures.psnr(x, 0.5 * y).mean().item(), abs=0.1
    )
    assert sampling.sample(f, (1, 4, 4), 2, sampling.Sampling(step=0.2, beta=1.0)).x.shape == (2, 1, 4, 4)


def test_arrays_are_taken_where_no_gradient_is_needed():
    def f(y, sigma=None):
        return 0.5 * y.numpy()

    x = draw(2, 1, 4, 4)
    torch.testing.assert_close(scores.score(f, x, 0.1), -50 * x)
    assert sampling.sample(f, (1, 4, 4)).x.dtype == torch.float32
    with pytest.raises(ValueError, match="torch cannot differentiate this denoiser"):
        jacobian.linearize(f, x[:1])


def test_answers_of_inference_mode_may_be_written_into():
    def f(y, sigma=None):
        with torch.inference_mode():
            return 0.5 * y

    assert sampling.sample(f, (1, 4, 4), 2, sampling.Sampling(step=0.2, beta=1.0)).x.shape == (2, 1, 4, 4)


def test_an_error_of_its_own_is_not_taken_for_a_missing_argument():
    def f(*args):
        if len(args) > 1:
            raise RuntimeError("sigma is on another device")
        return 0.5 * args[0]

    with pytest.raises(ValueError, match="the denoiser failed on y.*sigma is on another device"):
        scores.score(f, draw(1, 1, 4, 4), 0.1)


@pytest.mark.parametrize(
    ("answer", "sentence"),
    [
        (lambda y: None, r"f\(y\) must be a tensor; it is of type NoneType"),
        (lambda y: (y, y), "the tuple that came has 2 of them: return one"),
        (lambda y: {}, "the dict that came has 0 of them"),
        (lambda y: y > 0, r"f\(y\) must be a float tensor; it is torch.bool"),
        (lambda y: y.long(), "must be a float tensor; it is torch.int64"),
        (lambda y: y.to(torch.complex64), "must be a float tensor; it is torch.complex64"),
        (lambda y: y.to("meta"), "must be a float tensor; it is torch.float32 on meta"),
        (lambda y: np.zeros(3), r"f must return the shape of y, \(1, 1, 4, 4\); got \(3,\)"),
        (
            lambda y: y @ torch.ones(5, 5),
            r"the denoiser failed on y, \(1, 1, 4, 4\) of torch.float32 on cpu: ",
        ),
        (lambda y: y.nonsense, "the denoiser failed on y.*has no attribute 'nonsense'"),
    ],
)
def test_answers_without_a_plain_meaning_are_refused(answer, sentence):
    with pytest.raises((TypeError, ValueError), match=sentence):
        scores.score(answer, draw(1, 1, 4, 4), 0.1)


# ------------------------------------------------------------------------------------------------
# Numbers and places


@pytest.mark.parametrize("device", DEVICES)
@pytest.mark.parametrize("dtype", [torch.float64, torch.float32, torch.float16, torch.bfloat16])
def test_in_every_precision_and_on_every_device(dtype, device, lively):
    if device == "mps" and dtype == torch.float64:
        pytest.skip("no float64 there")
    network, x = lively(networks.UNet(2, 1)), draw(3, 3, 8, 8, seed=4)[:, :1]
    true = {
        "psnr": measures.psnr_table(Blind(network), x.double(), (0.1,)),
        "J": jacobian.jacobian(Blind(network), x[:1].double()),
    }
    f, x = Blind(network).to(device, dtype), x.to(device, dtype)
    eps, near = torch.finfo(dtype).eps, 300 * max(torch.finfo(dtype).eps, 1e-7)
    assert add_noise(x, 0.1).dtype == dtype and add_noise(x, 0.1).device == x.device
    torch.testing.assert_close(
        add_noise(x, 1.0).double().cpu(), add_noise(x.double().cpu(), 1.0), atol=near, rtol=0
    )
    off = measures.psnr_table(f, x, (0.1,)).double().cpu() - true["psnr"]
    assert off.abs().max() < (0.5 if eps > 1e-4 else 1e-3)
    assert measures.slope(measures.psnr_table(f, x, (0.1, 0.2)), (0.1, 0.2)).low < 2
    J = jacobian.linearize(f, x[:1])
    assert J.frozen
    torch.testing.assert_close(J.matrix().double().cpu(), true["J"], atol=0.1 if eps > 1e-4 else 1e-4, rtol=0)
    for find in (bases.singular, bases.symmetric):
        torch.testing.assert_close(
            find(J, 2).lam.cpu(), find(J.matrix(), 2, shape=J.shape).lam.cpu(), atol=1e-3, rtol=0
        )
    assert jacobian.trace(J).error >= 0 and jacobian.asymmetry(J).error >= 0
    assert torch.isfinite(scores.sure(f, x, 0.3)).all() and torch.isfinite(scores.dsm_loss(f, x, 0.3)).all()
    found = sampling.sample(lambda y: 0.1 * f(y), (1, 8, 8), 2, sampling.Sampling(step=0.2, beta=0.5))
    assert found.x.device.type == device and torch.isfinite(found.x).all()


def test_small_steps_are_felt_in_half_precision():
    linear = nn.Conv2d(1, 1, 1, bias=False).requires_grad_(False)
    linear.weight.fill_(0.5)
    settings = sampling.Sampling(step=0.001, beta=1.0, start=0.2, end=0.09, mean=0.0)
    fine, coarse = (
        sampling.sample(linear.to(dtype), (1, 8, 8), 2, settings) for dtype in (torch.float32, torch.half)
    )
    assert (fine.steps - coarse.steps).abs().max() <= 5 and (fine.x - coarse.x).abs().max() < 1e-3


@pytest.fixture
def float64_by_default():
    torch.set_default_dtype(torch.float64)
    yield
    torch.set_default_dtype(torch.float32)


def test_a_default_of_float64_changes_no_noise(float64_by_default):
    x = draw(2, 1, 8, 8)
    here = add_noise(x, 0.1), sampling.sample(shrink, (1, 8, 8), 2).x
    f = Wiener.fit(x)
    assert here[0].dtype == here[1].dtype == torch.float32 == f(x, 0.1).dtype
    J = jacobian.linearize(f, x[:1], 0.1)
    assert bases.symmetric(J, 1).lam.dtype == torch.float32
    assert measures.psnr_table(f, x, (0.1,)).dtype == torch.float32
    scores.sure(f, x, 0.1), jacobian.trace(J), jacobian.asymmetry(J)
    inverse.compressive((1, 8, 8), 0.1).project(x)
    torch.set_default_dtype(torch.float32)
    assert torch.equal(add_noise(x, 0.1), here[0])
    assert torch.equal(sampling.sample(shrink, (1, 8, 8), 2).x, here[1])


@pytest.mark.parametrize("shape", [(3, 8, 8), (1, 4, 12), (2, 8, 4)])
def test_colours_and_other_shapes(shape):
    channels, height, width = shape
    f = Blind(seeded(networks.UNet, 2, 1, channels).double())
    x = draw(2, *shape).double()
    J = jacobian.linearize(f, x[:1])
    assert J.shape == shape and bases.symmetric(J, 2).images().shape == (2, *shape)
    torch.testing.assert_close(J.matrix(), jacobian.jacobian(f, x[:1]))
    for rows in (
        bases.dct(height, width, channels=channels),
        bases.wavelet(height, width, levels=1, channels=channels),
    ):
        d = channels * height * width
        torch.testing.assert_close(rows @ rows.T, torch.eye(d), atol=1e-5, rtol=0)
        flat = rows[:channels].view(channels, channels, -1)  # first what is coarsest, of each channel
        assert (flat.abs().sum(2) > 1e-6).sum() == channels
    kept = Threshold(bases.dct(height, width, channels=channels), keep=channels)(x.float(), 10.0)
    torch.testing.assert_close(kept, x.float().mean((2, 3), keepdim=True).expand_as(x))  # the mean of each
    assert len(measures.psnr_curve(f, x, (0.1,))["psnr"]) == 1
    assert sampling.sample(lambda y: 0.1 * f(y), shape, 2, sampling.Sampling(step=0.5)).x.shape == (2, *shape)


# ------------------------------------------------------------------------------------------------
# Classes of other packages, if they are installed


def test_denoisers_of_deepinv():
    deepinv = pytest.importorskip("deepinv")
    f, x = deepinv.models.TVDenoiser(n_it_max=20), draw(1, 1, 16, 16)
    assert measures.psnr_curve(f, x, (0.1,))["psnr"][0] > 20
    f = deepinv.models.DRUNet(in_channels=1, out_channels=1, pretrained=None).eval()
    assert jacobian.linearize(f, x, 0.1).d == 256


def test_networks_of_diffusers():
    diffusers = pytest.importorskip("diffusers")
    net = diffusers.UNet2DModel(
        sample_size=8, in_channels=1, out_channels=1, block_out_channels=(32, 32), layers_per_block=1,
        down_block_types=("DownBlock2D", "AttnDownBlock2D"), up_block_types=("AttnUpBlock2D", "UpBlock2D"),
    ).eval()  # fmt: skip
    y = draw(1, 1, 8, 8)
    f = Rescaled(lambda y, sigma=None: net(y, 0))
    J = jacobian.linearize(f, y)
    torch.testing.assert_close(J.matrix(), jacobian.jacobian(f, y), atol=1e-4, rtol=0)


def test_a_refusal_gives_the_first_line_of_the_reason_or_its_kind():
    assert str(refusal("no gate\nat 0x7f")) == "torch cannot differentiate this denoiser: no gate"
    assert str(refusal(RuntimeError())) == "torch cannot differentiate this denoiser: RuntimeError"
