"""Bad calls: each is refused in one sentence that names what was wrong, said by us and not by torch."""

import math
from pathlib import Path

import numpy as np
import pytest
import torch
from torch import nn

import gahr
from gahr import bases, ideal, intervals, jacobian, measures, networks, notebook, sampling, scores, zoo
from gahr.analysis import inverse, memorization, transition
from gahr.denoisers import Blind, BlindWiener, Projection, Rescaled, Threshold, Wiener, add_noise
from gahr.ideal.cones import ExactCone
from gahr.ideal.discs import ExactDiscs
from gahr.ideal.homogeneous import BestHomogeneous

X = torch.rand(3, 1, 8, 8, generator=torch.Generator().manual_seed(0))
Y, LONG = X[:1], torch.rand(12, 1, 1, 2)
NET = networks.UNet(2, 1).eval()
NETWORK = Blind(NET)
LINEAR = jacobian.linearize(lambda y, s=None: 0.5 * y, Y)
MATRIX = torch.eye(64)
WIENER = Wiener(torch.zeros(1, 1, 8, 8), torch.ones(64), torch.eye(64))
MIXTURE = ideal.GaussianMixture([0.5, 0.5], torch.zeros(2, 64), torch.eye(64).expand(2, 64, 64))
QUICK = sampling.Sampling(step=0.5, beta=1.0)
MASK = inverse.inpainting((1, 8, 8), 1, 1, 3, 3)


def f(y, sigma=None):
    return 0.5 * y


# what takes a noise level, a seed, images, a denoiser, or a count, as a function of that alone
SIGMA = {
    "add_noise": lambda s: add_noise(X, s),
    "score": lambda s: scores.score(f, X, s),
    "dsm_loss": lambda s: scores.dsm_loss(f, X, s),
    "squared_error": lambda s: scores.squared_error(f, X, s),
    "sure": lambda s: scores.sure(f, X, s),
    "compare": lambda s: measures.compare(f, f, X, s),
    "model_variance": lambda s: measures.model_variance(f, f, X, s),
    "Wiener": lambda s: WIENER(X, s),
    "Threshold": lambda s: Threshold(MATRIX)(X, s),
    "FiniteSet": lambda s: ideal.FiniteSet(X)(X, s),
    "mixture": lambda s: MIXTURE(X, s),
    "Gaussian.mse": lambda s: ideal.Gaussian(WIENER.mean, WIENER.values, WIENER.vectors).mse(s),
    "oracle_error": lambda s: bases.oracle_error(torch.ones(64), s, Y),
    "BestHomogeneous.mse": lambda s: BestHomogeneous(Y).mse(s),
}
SEED = {
    "add_noise": lambda s: add_noise(X, 0.1, s),
    "dsm_loss": lambda s: scores.dsm_loss(f, X, 0.1, s),
    "sure": lambda s: scores.sure(f, X, 0.1, seed=s),
    "psnr_curve": lambda s: measures.psnr_curve(f, X, (0.1,), seed=s),
    "slope": lambda s: measures.slope(torch.ones(2, 3), (0.1, 0.2), seed=s),
    "compare": lambda s: measures.compare(f, f, X, 0.1, seed=s),
    "probe_trace": lambda s: jacobian.probe_trace(f, X, seed=s),
    "trace": lambda s: jacobian.trace(LINEAR, seed=s),
    "asymmetry": lambda s: jacobian.asymmetry(LINEAR, seed=s),
    "singular": lambda s: bases.singular(LINEAR, 2, seed=s),
    "sample": lambda s: sampling.sample(f, (1, 8, 8), seed=s),
    "solve": lambda s: sampling.solve(f, MASK, MASK.measure(X), seed=s),
    "mixture.sample": lambda s: MIXTURE.sample(3, seed=s),
    "random_pixels": lambda s: inverse.random_pixels((1, 8, 8), 0.5, seed=s),
}
IMAGES = {
    "add_noise": lambda x: add_noise(x, 0.1),
    "score": lambda x: scores.score(f, x, 0.1),
    "sure": lambda x: scores.sure(f, x, 0.1),
    "psnr": lambda x: measures.psnr(x, X),
    "psnr_curve": lambda x: measures.psnr_curve(f, x, (0.1,)),
    "compare": lambda x: measures.compare(f, f, x, 0.1),
    "similarity": lambda x: measures.similarity(x, X),
    "nearest": lambda x: measures.nearest(x, X),
    "memorized_fraction": lambda x: memorization.memorized_fraction(x, X),
    "linearize": lambda x: jacobian.linearize(f, x),
    "jacobian": lambda x: jacobian.jacobian(f, x),
    "at": lambda x: bases.at(f, x),
    "Blind": lambda x: NETWORK(x),
    "Wiener": lambda x: WIENER(x, 0.1),
    "Wiener.fit": lambda x: Wiener.fit(x),
    "Threshold": lambda x: Threshold(MATRIX)(x, 0.1),
    "FiniteSet": lambda x: ideal.FiniteSet(x),
    "ExactDiscs": lambda x: ExactDiscs(8)(x, 0.1),
    "ExactCone": lambda x: ExactCone(x),
    "measure": lambda x: MASK.measure(x),
}
DENOISER = {
    "score": lambda g: scores.score(g, X, 0.1),
    "squared_error": lambda g: scores.squared_error(g, X, 0.1),
    "sure": lambda g: scores.sure(g, X, 0.1),
    "psnr_curve": lambda g: measures.psnr_curve(g, X, (0.1,)),
    "compare": lambda g: measures.compare(f, g, X, 0.1),
    "linearize": lambda g: jacobian.linearize(g, Y),
    "jacobian": lambda g: jacobian.jacobian(g, Y),
    "probe_trace": lambda g: jacobian.probe_trace(g, Y),
    "at": lambda g: bases.at(g, Y, 2),
    "sample": lambda g: sampling.sample(g, (1, 8, 8)),
    "solve": lambda g: sampling.solve(g, MASK, MASK.measure(X)),
}
COUNT = {
    "batch": (lambda n: measures.psnr_curve(f, X, (0.1,), batch=n), 1),
    "batch of compare": (lambda n: measures.compare(f, f, X, 0.1, batch=n), 1),
    "repeats": (lambda n: measures.psnr_curve(f, X, (0.1,), repeats=n), 1),
    "draws": (lambda n: measures.slope(torch.ones(2, 3), (0.1, 0.2), draws=n), 1),
    "block of nearest": (lambda n: measures.nearest(X, X, block=n), 1),
    "probes": (lambda n: scores.sure(f, X, 0.1, probes=n), 2),
    "passes": (lambda n: jacobian.trace(LINEAR, n), 6),
    "passes of asymmetry": (lambda n: jacobian.asymmetry(LINEAR, n), 6),
    "chunk": (lambda n: jacobian.linearize(f, Y, chunk=n), 1),
    "chunk of jacobian": (lambda n: jacobian.jacobian(f, Y, chunk=n), 1),
    "k": (lambda n: bases.singular(LINEAR, n), 1),
    "k of a matrix": (lambda n: bases.symmetric(MATRIX, n, shape=(1, 8, 8)), 1),
    "block": (lambda n: bases.singular(LINEAR, 2, block=n), 1),
    "most": (lambda n: bases.singular(LINEAR, 2, most=n), 10),
    "n": (lambda n: sampling.sample(f, (1, 8, 8), n), 1),
    "keep": (lambda n: sampling.sample(f, (1, 8, 8), 1, QUICK, keep=n), 0),
    "max_steps": (lambda n: sampling.Sampling(max_steps=n), 1),
    "keep of a threshold": (lambda n: Threshold(MATRIX, keep=n), 0),
    "n of a mixture": (lambda n: MIXTURE.sample(n), 1),
    "factor": (lambda n: inverse.super_resolution((1, 8, 8), n), 1),
    "cutoff": (lambda n: inverse.spectral((1, 8, 8), n), 1),
    "levels": (lambda n: bases.wavelet(8, 8, levels=n), 0),
    "channels": (lambda n: networks.UNet(n), 1),
    "blocks": (lambda n: networks.UNet(4, n), 1),
    "layers": (lambda n: networks.BFCNN(4, n), 3),
    "size": (lambda n: ExactDiscs(n), 4),
}
CASES = {}


def add(family, name, call, sentence):
    assert (family, name) not in CASES
    CASES[family, name] = call, sentence


for name, call in SIGMA.items():
    for value in ("0.1", None, [0.1], math.nan, -1.0, math.inf, torch.rand(2)):
        told = value is None and name in ("Wiener", "Threshold", "FiniteSet", "mixture")
        add(
            "sigma",
            f"{name}: {value!r}",
            lambda c=call, v=value: c(v),
            "noise level" if told else "sigma must be",
        )
for name, call in SEED.items():
    for value in (1.5, "3", None):
        add(
            "seed",
            f"{name}: {value!r}",
            lambda c=call, v=value: c(v),
            r"seed must be a whole number; got ['\dN]",
        )
WRONG = {
    "numpy": (np.zeros((3, 1, 8, 8)), "must be a torch tensor.*got ndarray"),
    "list": ([[0.1]], "must be a torch tensor.*got list"),
    "None": (None, "must be a torch tensor.*got NoneType"),
    "ints": (torch.ones(1, 1, 8, 8, dtype=torch.uint8), "must be a float tensor.*got torch.uint8"),
    "one image": (X[0], r"must have shape \(B, C, H, W\)"),
    "none": (X[:0], "holds no image"),
    "empty": (torch.zeros(1, 1, 0, 8), "holds no image"),
    "NaN": (X * math.nan, "contains NaN"),
    "meta": (X.to("meta"), "is on the meta device"),
}
for name, call in IMAGES.items():
    for what, (value, sentence) in WRONG.items():
        add("images", f"{name}: {what}", lambda c=call, v=value: c(v), sentence)
ANSWERS = {
    "None": (None, "a denoiser is a function.*got NoneType"),
    "a number": (3, "a denoiser is a function.*got int"),
    "a class": (Blind, "a denoiser is a function.*got the class Blind"),
    "returns None": (lambda y, s=None: None, "must be a tensor; it is of type NoneType"),
    "returns a number": (lambda y, s=None: 0.5, "must be a tensor; it is of type float"),
    "returns ints": (lambda y, s=None: y.long(), "must be a float tensor; it is torch.int64"),
    "returns a mean": (lambda y, s=None: y.mean(), r"must return the shape of y.*got \(\)"),
    "returns more": (lambda y, s=None: torch.cat([y, y], 1), "must return the shape of y"),
    "NaN": (lambda y, s=None: y * math.nan, "contains NaN"),
    "two arguments more": (lambda y, s, t: y, "the denoiser failed on y.*missing 1 required positional"),
    "no argument": (lambda: 0, "the denoiser failed on y.*takes 0 positional arguments"),
    "other channels": (nn.Conv2d(3, 3, 1), "the denoiser failed on y.*3 channels"),
    "float64": (nn.Conv2d(1, 1, 1).double(), r"failed on y.*weights are torch.float64 on cpu; bring both"),
    "meta": (nn.Conv2d(1, 1, 1, device="meta"), "the network is on the meta device: it has no weights yet"),
    "training": (Blind(networks.UNet(2, 1)), r"training mode.*call f.eval\(\)"),
}
for name, call in DENOISER.items():
    for what, (value, sentence) in ANSWERS.items():
        if name in ("sample", "solve") and what == "float64":
            continue  # images are made to fit the weights
        add("denoiser", f"{name}: {what}", lambda c=call, v=value: c(v), sentence)
for name, (call, least) in COUNT.items():
    for value in (least - 1, 2.7, "3", None, torch.ones(2)):
        if value is None and name in ("k", "k of a matrix", "most"):
            continue  # has a meaning
        what = name.split(" of ")[0]
        add("count", f"{name}: {value!r}", lambda c=call, v=value: c(v), f"{what} must be")

LISTS = {
    "sigmas a number": (lambda: measures.psnr_curve(f, X, 0.1), r"sigmas must be noise levels, as in"),
    "sigmas a string": (lambda: measures.psnr_curve(f, X, "0.1"), "sigmas must be noise levels"),
    "no sigmas": (lambda: measures.psnr_curve(f, X, ()), "sigmas must be noise levels"),
    "sigmas None": (lambda: measures.psnr_curve(f, X, None), "sigmas must be noise levels"),
    "sigmas negative": (lambda: measures.psnr_curve(f, X, (-0.1,)), "sigma must be in"),
    "slope of a list": (
        lambda: measures.slope([[1.0], [2.0]], (0.1, 0.2)),
        "table must be PSNRs.*got list",
    ),
    "slope sigmas": (lambda: measures.slope(torch.ones(2, 3), "ab"), "sigmas must be noise levels"),
    "kl lists": (lambda: scores.kl_bound(["a", "b"], [0.1, 0.2]), "excess must be numbers"),
    "kl sigmas": (lambda: scores.kl_bound([1.0, 2.0], None), "sigmas must be numbers"),
    "kl one": (lambda: scores.kl_bound([1.0], [0.1]), "at least two increasing"),
    "decibels negative": (lambda: measures.decibels(-1.0), r"mse must be in \[0, inf\); got -1.0"),
    "decibels of several": (lambda: measures.decibels([0.1, -1.0]), "an error cannot be negative"),
    "decibels of text": (lambda: measures.decibels("a"), "mse must be numbers"),
    "ratio": (lambda: memorization.memorized_fraction(X, X, ratio="a"), "ratio must be a number"),
    "estimate": (lambda: measures.psnr(X, X.numpy()), "estimate must be a torch tensor"),
    "estimate smaller": (lambda: measures.psnr(X, Y), "x and estimate must have the same shape"),
    "median of text": (lambda: intervals.median(["a"]), "a median needs numbers"),
    "median of nothing": (lambda: intervals.median([]), "a median needs numbers; got 0"),
    "median of None": (lambda: intervals.median(None), "a median needs numbers"),
    "superiority of nothing": (lambda: intervals.superiority([], [1.0]), "superiority needs numbers"),
    "gap of lists": (
        lambda: intervals.gap([1.0, 2.0], [1.0, 2.0]),
        "error must be squared errors.*got list",
    ),
    "crossing sizes": (lambda: transition.crossing(10, 5, 1.0), "n must be at least two increasing sizes"),
    "crossing text": (lambda: transition.crossing((1, 2), ("a", "b"), 1.0), "gaps must be numbers"),
}
MATRICES = {
    "J a list": (lambda: jacobian.trace([[1.0]]), "J must be a square matrix.*got list"),
    "J numpy": (lambda: bases.singular(np.eye(4), shape=(1, 2, 2)), "J must be a square matrix.*got ndarray"),
    "J ints": (lambda: bases.symmetric(torch.eye(4).long(), shape=(1, 2, 2)), "got torch.int64"),
    "J a function": (lambda: bases.symmetric(f, 2), "J must be a square matrix.*got function"),
    "J oblong": (lambda: bases.singular(torch.ones(2, 3), shape=(1, 1, 2)), "J must be a square matrix"),
    "no shape": (lambda: bases.singular(MATRIX), r"shape must be the \(C, H, W\) of an image of 64 pixels"),
    "another shape": (lambda: bases.singular(MATRIX, shape=(1, 8, 7)), r"shape must be the \(C, H, W\)"),
    "shape of text": (lambda: bases.singular(MATRIX, shape="8x8"), r"shape must be \(C, H, W\)"),
    "tol": (lambda: bases.singular(LINEAR, 2, tol="a"), "tol must be a number"),
    "tol too small": (lambda: bases.singular(LINEAR, 2, tol=1e-12), "tol must be in"),
    "k too large": (lambda: bases.singular(LINEAR, 65), r"k must be in \[1, 64\]"),
    "rows of another dtype": (lambda: LINEAR.jvp(torch.ones(1, 64).double()), "v must be rows"),
    "rows numpy": (lambda: LINEAR.vjp(np.ones((1, 64))), "u must be rows.*got ndarray"),
    "coefficients a list": (
        lambda: bases.oracle_error([1.0], 0.1, None),
        "coefficients must be inner",
    ),
    "dct of text": (lambda: bases.dct("8", 8), r"must be \(C, H, W\)"),
    "dct of nothing": (lambda: bases.dct(0, 8), r"must be \(C, H, W\)"),
    "wavelet": (lambda: bases.wavelet(8, 8, "haarr"), "unknown wavelet 'haarr'; did you mean 'haar'"),
    "wavelet not orthogonal": (lambda: bases.wavelet(8, 8, "bior2.2"), "not an orthogonal wavelet"),
    "basis a list": (lambda: Threshold([[1.0]]), "basis must be a square matrix.*got list"),
    "rows not orthonormal": (lambda: Projection(torch.ones(2, 64), (1, 8, 8)), "must be orthonormal"),
    "rows None": (lambda: Projection(None, (1, 8, 8)), "rows must be orthonormal rows.*got NoneType"),
    "vectors None": (lambda: Wiener(WIENER.mean, WIENER.values, None), "vectors must be orthonormal"),
    "values a list": (lambda: Wiener(WIENER.mean, [1.0], MATRIX[:1]), "values must be variances"),
    "mean None": (lambda: Wiener(None, WIENER.values, MATRIX), "mean must be a torch tensor"),
    "BlindWiener": (lambda: BlindWiener(NETWORK), "wiener must be a Wiener filter; got Blind"),
    "factor": (lambda: Threshold(MATRIX, factor=None), "factor must be a number"),
    "Blind of a number": (lambda: Blind(3), "network must be a torch module or a function; got int"),
    "Rescaled of None": (lambda: Rescaled(None), "a denoiser is a function"),
    "Rescaled scale": (lambda: Rescaled(f, 1.0, -1.0), "high must be in"),
    "mixture weights": (lambda: ideal.GaussianMixture([0.5], [[0.0]], [[[1.0]]]), "weights must be positive"),
    "mixture means": (lambda: ideal.GaussianMixture([1.0], [0.0], [[[1.0]]]), r"means must be \(K, d\)"),
    "mixture text": (lambda: ideal.GaussianMixture("a", "b", "c"), "weights must be numbers"),
    "homogeneous noise": (lambda: BestHomogeneous(Y, "unifrom"), "noise must be 'uniform'"),
    "homogeneous of two": (lambda: BestHomogeneous(X), "x0 must be a single image"),
    "points": (lambda: MIXTURE(LONG, 0.1), "points have 2 coordinates; the mixture has 64"),
}
OTHERS = {
    "sample shape": (lambda: sampling.sample(f, (8, 8)), r"shape must be \(C, H, W\); got \(8, 8\)"),
    "sample side": (lambda: sampling.sample(f, (1, 8, 8.5)), r"shape must be \(C, H, W\)"),
    "sample shape a number": (lambda: sampling.sample(f, 8), r"shape must be \(C, H, W\); got 8"),
    "settings": (lambda: sampling.sample(f, (1, 8, 8), 1, {"step": 0.1}), "settings must be a Sampling"),
    "noise_seed": (
        lambda: sampling.sample(f, (1, 8, 8), noise_seed="a"),
        "noise_seed must be a whole",
    ),
    "step": (lambda: sampling.Sampling(step="0.1"), "step must be a number"),
    "beta": (lambda: sampling.Sampling(beta=0.0), "beta must be in"),
    "schedule": (
        lambda: sampling.Sampling(schedule="growth"),
        "unknown schedule 'growth'; did you mean",
    ),
    "problem": (lambda: sampling.solve(f, MATRIX, X), "problem must be a Measurement; got Tensor"),
    "measurements": (
        lambda: sampling.solve(f, MASK, MASK.measure(X).numpy()),
        "measurements must be a float tensor",
    ),
    "measurements of images": (lambda: sampling.solve(f, MASK, X), r"measurements must be \(B, 55\)"),
    "mask": (lambda: inverse.Pixels(np.ones((1, 8, 8), bool)), "seen must be a bool mask.*got ndarray"),
    "fraction": (lambda: inverse.compressive((1, 8, 8), "half"), "fraction must be a number"),
    "rectangle": (lambda: inverse.inpainting((1, 8, 8), 0, 0, 8, 8), "must hide some pixels"),
    "another size": (lambda: NETWORK(torch.rand(1, 1, 7, 8)), "divisible by 2"),
    "colour": (lambda: NETWORK(torch.rand(1, 3, 8, 8)), "has 3 channels; this network was built for 1"),
    "state None": (
        lambda: networks.from_state_dict(None),
        "state dict maps names to tensors; got NoneType",
    ),
    "state a network": (
        lambda: networks.from_state_dict(NET),
        "state dict maps names to tensors; got UNet",
    ),
    "state empty": (lambda: networks.from_state_dict({}), "begin with: nothing"),
    "state of numbers": (
        lambda: networks.from_state_dict({"encoder.0.0.weight": 3}),
        "state dict maps names to tensors",
    ),
    "load a typo": (lambda: zoo.load("faces40-unet16-n13000"), "unknown network.*did you mean"),
    "load None": (lambda: zoo.load(None), "name must be a string; got None"),
    "load nothing": (lambda: zoo.load("missing.safetensors"), "missing.safetensors"),
    "describe": (lambda: zoo.describe("x"), "unknown network or result 'x'"),
    "names": (lambda: zoo.names("networks"), "unknown kind 'networks'; did you mean 'network'"),
    "result": (lambda: zoo.result("x"), "unknown result 'x'"),
    "effort": (lambda: notebook.by_effort("quik", 1, 2), "unknown effort 'quik'; did you mean 'quick'"),
    "explore": (lambda: notebook.explore(f, {}, "alt"), "at least one choice"),
    "bases of two images": (lambda: bases.at(f, X, 2), "at one image.*got 3 images"),
    "no gradient": (lambda: jacobian.linearize(torch.no_grad()(f), Y), "no gradient passes"),
    "random": (lambda: scores.score(lambda y: y * torch.rand(1), Y, 0.1), "another when asked again"),
}
for family, cases in {"lists": LISTS, "matrices": MATRICES, "others": OTHERS}.items():
    for name, (call, sentence) in cases.items():
        add(family, name, call, sentence)

OURS = Path(gahr.__file__).parent


@pytest.mark.parametrize("case", CASES, ids=" / ".join)
def test_a_bad_call_gets_one_sentence(case):
    call, sentence = CASES[case]
    with pytest.raises((TypeError, ValueError, KeyError, FileNotFoundError), match=sentence) as found:
        call()
    assert OURS in Path(found.traceback[-1].path).parents, "raw: what torch or Python said"
    assert "\n" not in str(found.value)


@pytest.mark.parametrize("seed", [np.int64(3), np.uint8(3), torch.tensor(3), True + 2])
def test_numbers_of_numpy_are_numbers(seed):
    assert torch.equal(add_noise(X, 0.1, seed), add_noise(X, np.float32(0.1), 3))
    assert sampling.sample(f, (1, 8, np.int64(8)), np.int64(2), QUICK, seed).x.shape == (2, 1, 8, 8)
    assert measures.psnr_curve(f, X, np.array([0.1, 0.2]), seed, batch=np.int32(2))["sigma"][1] == 0.2
    assert len(bases.singular(LINEAR, np.int64(2)).lam) == 2


def test_there_are_as_many_as_we_say():
    assert len(CASES) > 225
