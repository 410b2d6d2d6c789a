"""A denoiser is a fixed function of images: what is not is found out, wherever it is called."""

import concurrent.futures
import functools
import math
import types

import pytest
import torch
from torch import nn

from gahr import bases, denoisers, intervals, jacobian, measures, networks, sampling, scores, zoo
from gahr._calls import Caller
from gahr.analysis import memorization, slopes, transition
from gahr.denoisers import Blind

Y = torch.rand(1, 1, 8, 8, generator=torch.Generator().manual_seed(0))
X = torch.rand(3, 1, 8, 8, generator=torch.Generator().manual_seed(1))

MEASURES = {
    "score": lambda f: scores.score(f, Y, 0.1),
    "squared_error": lambda f: scores.squared_error(f, X, 0.1),
    "dsm_loss": lambda f: scores.dsm_loss(f, X, 0.1),
    "sure": lambda f: scores.sure(f, X, 0.1),
    "psnr_curve": lambda f: measures.psnr_curve(f, X, (0.1, 0.2)),
    "compare": lambda f: measures.compare(f, f, X, 0.1),
    "model_variance": lambda f: measures.model_variance(f, f, X, 0.1),
    "jacobian": lambda f: jacobian.jacobian(f, Y),
    "linearize": lambda f: jacobian.linearize(f, Y),
    "probe_trace": lambda f: jacobian.probe_trace(f, X),
    "at": lambda f: bases.at(f, Y, 2),
    "sample": lambda f: sampling.sample(f, (1, 8, 8)),
}


class WarmStart:
    """Goes on from its last answer, as an iterative method may: every call is another function."""

    def __init__(self):
        self.last = 0.0

    def __call__(self, y, sigma=None):
        x = 0.5 * y + 0.2 * self.last
        self.last = x.detach()
        return x


def dropping(y, sigma=None):
    return 0.9 * nn.functional.dropout(y, 0.1, training=True)


@pytest.mark.parametrize("measure", MEASURES.values(), ids=MEASURES)
@pytest.mark.parametrize("make", [WarmStart, lambda: dropping], ids=["remembers", "draws"])
def test_two_calls_must_agree(measure, make):
    with pytest.raises(ValueError, match="another when asked again.*draws random numbers or remembers"):
        measure(make())


def test_a_denoiser_is_asked_twice_once():
    calls = []

    def f(y, sigma=None):
        calls.append(len(y))
        return 0.5 * y

    for _ in range(3):
        scores.score(f, X, 0.1)
    assert len(calls) == 4
    for _ in range(3):  # each of these is a new denoiser
        scores.score(lambda y, sigma: f(y), X, 0.1)
    assert len(calls) == 10


def hidden(network):
    """One network in the places where a check of its own mode would not see it."""
    holder = type("Holder", (), {"__call__": lambda self, y, sigma=None: y - self.network(y)})()
    holder.network = network
    again, several, named = Blind(network), [[network]], {"denoiser": network}
    stage = types.SimpleNamespace(network=network)
    globals()["NETWORK"] = network
    return {
        "closure": lambda y, sigma=None: y - network(y),
        "nested": lambda y, sigma=None: 0.5 * again.forward(y) if sigma is None else again(y),
        "attribute": holder,
        "method": again.forward,
        "partial": functools.partial(lambda net, y, sigma=None: y - net(y), network),
        "default": lambda y, sigma=None, net=network: y - net(y),
        "global": lambda y, sigma=None: y - NETWORK(y),  # noqa: F821
        "list": lambda y, sigma=None: y - several[0][0](y),
        "dictionary": lambda y, sigma=None: y - named["denoiser"](y),
        "object that is no function": lambda y, sigma=None: y - stage.network(y),
        "decorated": torch.no_grad()(lambda y, sigma=None: y - network(y)),
    }


@pytest.mark.parametrize("place", hidden(nn.Identity()))
def test_a_network_in_training_mode_is_found_and_not_changed(place, lively):
    network = lively(networks.UNet(2, 1)).float().train()
    before = {key: value.clone() for key, value in network.state_dict().items()}
    for measure in MEASURES.values():
        with pytest.raises(ValueError, match=r"training mode.*call f.eval\(\)"):
            measure(hidden(network)[place])
    assert all(torch.equal(value, before[key]) for key, value in network.state_dict().items())
    network.eval()
    scores.score(hidden(network)[place], Y, 0.1)


def test_a_norm_that_would_note_what_it_sees_is_found():
    norms = [nn.InstanceNorm2d(1, track_running_stats=True), nn.BatchNorm2d(1)]
    for norm in norms:
        with pytest.raises(ValueError, match="training mode"):
            scores.score(lambda y, norm=norm: 0.5 * norms[norms.index(norm)](y), Y, 0.1)
        assert (norm.running_mean == 0).all() and norm.num_batches_tracked == 0


def test_another_thread_may_train_meanwhile():
    trained = []

    def f(y, sigma=None):
        with concurrent.futures.ThreadPoolExecutor(1) as pool:
            trained.append(pool.submit(networks.UNet(2, 1).train(), Y).result())
        return 0.5 * y

    scores.score(f, Y, 0.1)
    assert len(trained) == 2


@pytest.mark.parametrize(
    "wrong",
    [
        lambda y, sigma=None: y.mean((2, 3), keepdim=True),
        lambda y, sigma=None: y.mean((0, 1, 2, 3)),
        lambda y, sigma=None: y[0],
        lambda y, sigma=None: y.expand(-1, 3, -1, -1),
    ],
)
@pytest.mark.parametrize("measure", MEASURES.values(), ids=MEASURES)
def test_an_answer_that_would_broadcast_is_refused(measure, wrong):
    with pytest.raises(ValueError, match="must return the shape of y"):
        measure(wrong)


# ------------------------------------------------------------------------------------------------
# Sampling


@pytest.mark.parametrize("f", [lambda y: y, lambda y: 0.99 * y, lambda y: 0.9 * y])
def test_what_leaves_the_noise_where_it_is_is_not_sampled(f):
    with pytest.raises(ValueError, match="of noise of level 1: it leaves it where it is"):
        sampling.sample(f, (1, 8, 8), 2)


@pytest.mark.parametrize("steps", [10.5, "10", None, math.nan])
def test_a_limit_that_is_no_number_of_steps_is_refused(steps):
    with pytest.raises((TypeError, ValueError), match="max_steps must be"):
        sampling.Sampling(max_steps=steps)


def goes_wrong_below(level):
    """Ideal for gray images, until the first pixel falls below a level: then the image flies apart."""

    def f(y):
        wrong = y[:, :1, :1, :1] < level
        return torch.where(wrong, 0.5 + 5 * (y - 0.5), 0.5)

    return f


def test_one_image_that_diverges_does_not_take_the_others_with_it():
    f, settings = goes_wrong_below(0.3), sampling.Sampling(step=0.2, beta=1.0)
    starts = [sampling.sample(lambda y: 0.5 + 0 * y, (1, 8, 8), seed=i, settings=settings) for i in range(6)]
    lost = [i for i, start in enumerate(starts) if start.path[0, 0, 0, 0, 0] < 0.3]
    assert 0 < len(lost) < 6
    with pytest.warns(UserWarning, match="of 6 were given up and are NaN: sampling diverges") as said:
        found = sampling.sample(f, (1, 8, 8), 6, settings)
    assert str(lost) in str(said[0].message) and len(said) == 1
    for i, alone in enumerate(starts):
        if i in lost:
            assert found.x[i].isnan().all() and torch.isfinite(found.path[:, i]).all()
        else:
            torch.testing.assert_close(found.x[i], alone.x[0])
            assert found.steps[i] == alone.steps[0]


def test_one_image_that_does_not_arrive_does_not_take_the_others_with_it():
    def f(y):  # stays away from one half of the images
        away = y - 0.5
        return torch.where(y[:, :1, :1, :1] > 0.5, 0.5, y + 0.5 * away / away.std((1, 2, 3), keepdim=True))

    settings = sampling.Sampling(step=0.2, beta=1.0, max_steps=40)
    with pytest.warns(UserWarning, match="were given up and are NaN: . of 6 images have not reached"):
        found = sampling.sample(f, (1, 8, 8), 6, settings)
    lost = found.x.isnan().flatten(1).all(1)
    assert lost.any() and not lost.all() and (found.steps[lost] == 40).all()
    assert torch.equal(found.x[~lost], torch.full_like(found.x[~lost], 0.5))


# ------------------------------------------------------------------------------------------------
# Threads


def test_one_linearization_may_be_used_by_many_threads(lively):
    f, y = Blind(lively(networks.UNet(3, 2))), torch.rand(1, 1, 16, 16).double()
    J, v = jacobian.linearize(f, y), torch.randn(12, 256).double()
    rows = [v[: n + 1] for n in range(12)]
    expected = [(J.jvp(part), J.vjp(part)) for part in rows]
    with concurrent.futures.ThreadPoolExecutor(8) as pool:
        found = list(pool.map(lambda n: (J.jvp(rows[n % 12]), J.vjp(rows[n % 12])), range(240)))
    for n, pair in enumerate(found):
        torch.testing.assert_close(pair, expected[n % 12])


# ------------------------------------------------------------------------------------------------
# Scales, bases, intervals


def test_intensities_up_to_255_are_refused_and_a_class_beyond_one_is_not():
    x = torch.randint(256, (2, 1, 8, 8), generator=torch.Generator().manual_seed(0)).float()
    for call in (
        lambda: denoisers.add_noise(x, 0.1),
        lambda: measures.psnr(x, x + 1),
        lambda: measures.psnr_curve(lambda y, s: y, x, (0.1,)),
        lambda: measures.compare(lambda y, s: y, lambda y, s: y, x, 0.1),
        lambda: scores.squared_error(lambda y, s: y, x, 0.1),
        lambda: scores.score(lambda y, s: 0.5 * y, x, 0.1),
        lambda: scores.sure(lambda y, s: 0.5 * y, x, 0.1),
        lambda: measures.psnr(x / 255, x),
        lambda: measures.nearest(x / 255, x),
        lambda: memorization.memorized_fraction(x, x / 255),
    ):
        sentence = r"\w+ has intensities up to 25\d; .* Divide 8-bit images by 255"
        with pytest.raises(ValueError, match=sentence):
            call()
    measures.psnr(3 * torch.randn(2, 1, 8, 8), torch.zeros(2, 1, 8, 8))


SKEW = torch.eye(64) + 0.05 * torch.randn(64, 64, generator=torch.Generator().manual_seed(0))


@pytest.mark.parametrize("rows", [2 * torch.eye(64), SKEW, torch.eye(64)[[0] * 64]])
def test_bases_that_are_not_orthonormal_are_refused(rows):
    with pytest.raises(ValueError, match="basis must be orthonormal rows"):
        denoisers.Threshold(rows)
    with pytest.raises(ValueError, match="vectors must be orthonormal rows"):
        denoisers.Wiener(torch.zeros(1, 1, 8, 8), torch.ones(64), rows)
    with pytest.raises(ValueError, match="rows must be orthonormal rows"):
        denoisers.Projection(rows, (1, 8, 8))
    denoisers.Threshold(torch.linalg.qr(SKEW)[0])


def test_a_count_is_a_whole_number():
    J = torch.eye(4)
    with pytest.raises(ValueError, match="k must be a whole number; got 2.7"):
        bases.singular(J, 2.7, shape=(1, 2, 2))
    assert len(bases.singular(J, 2.0, shape=(1, 2, 2)).lam) == 2
    linear = jacobian.linearize(lambda y, s: y * torch.arange(4.0).view(2, 2), torch.ones(1, 1, 2, 2))
    with pytest.raises(ValueError, match="k must be a whole number"):
        bases.symmetric(linear, 1.5)


def test_one_number_has_no_interval():
    table = torch.tensor([[20.0], [15.0]])
    found = measures.slope(table, (0.1, 0.2))
    assert found.value == pytest.approx(5 / (20 * math.log10(2)))
    assert math.isnan(found.low) and math.isnan(found.high)
    several = torch.tensor([[[20.0], [21.0], [19.0]], [[15.0], [14.0], [16.0]]])  # of noise, of one image
    assert several.shape == (2, 3, 1)
    found = measures.slope(several, (0.1, 0.2))
    assert found.low < found.value < found.high and found.value == pytest.approx(5 / (20 * math.log10(2)))
    assert math.isnan(intervals.median([0.3]).low)
    assert math.isnan(slopes.without_floor(table, torch.tensor([40.0]), (0.1, 0.2)).high)


def test_errors_of_a_gap_are_not_negative():
    with pytest.raises(ValueError, match="se not negative"):
        transition.crossing((10, 100), (20, 0), 5, se=(0.1, -0.1))


def test_weights_that_would_be_divided_by_nothing_are_refused():
    for spread in (0.0, -1.0):
        state = networks.UNet(2, 1).state_dict()
        state["mid_block.1.running_sd"][0, 1] = spread
        with pytest.raises(ValueError, match=r"mid_block.1.running_sd has a spread of (0|-1)"):
            networks.from_state_dict(state)


def test_a_class_is_no_denoiser():
    with pytest.raises(TypeError, match="a denoiser is a function.*got the class Blind"):
        Caller(Blind)
    with pytest.raises(TypeError, match="got Tensor"):
        Caller(torch.ones(1, 1, 2, 2))


@pytest.mark.parametrize(
    ("call", "sentence"),
    [
        (lambda: denoisers.shrinkage("a", 0.1), "variance must be variances, a float tensor; got str"),
        (lambda: denoisers.shrinkage(torch.ones(2), "0.1"), "sigma must be a number"),
        (lambda: bases.oracle_gains(torch.ones(2), "0.1"), "sigma must be a number"),
        (lambda: bases.oracle_gains([0.1], 0.1), "coefficients must be inner products"),
        (lambda: EYE.coefficients(torch.zeros(1, 1, 3, 3)), r"this basis is of images of shape \(1, 2, 2\)"),
        (lambda: EYE.coefficients(torch.zeros(1, 1, 2, 2).numpy()), "x must be a torch tensor"),
        (lambda: networks.initialize(None, 1), "network must be a torch module; got NoneType"),
        (lambda: networks.initialize(torch.nn.Conv2d(1, 1, 3), "a"), "seed must be a whole number"),
        (lambda: zoo.load_run(None), "name must be a string; got None"),
        (lambda: zoo.load(__file__), "from_state_dict"),
    ],
)
def test_what_is_no_number_no_tensor_or_no_name_is_called_so(call, sentence):
    with pytest.raises((TypeError, ValueError), match=sentence):
        call()


EYE = bases.Basis(torch.ones(4), torch.eye(4), torch.eye(4), (1, 2, 2))


def test_a_sparse_answer_is_read():
    x = torch.rand(2, 1, 4, 4, generator=torch.Generator().manual_seed(0))
    sparse = measures.psnr_curve(lambda y, s: (0.5 * y).to_sparse(), x, (0.1,))
    assert sparse["psnr"] == measures.psnr_curve(lambda y, s: 0.5 * y, x, (0.1,))["psnr"]
