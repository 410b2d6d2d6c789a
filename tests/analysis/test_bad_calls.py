"""Bad calls of the tools around the core: each is refused in one sentence that names what was wrong."""

from pathlib import Path

import pytest
import torch

import gahr
from book.studies import agreement, energies, shrinkage, two_networks
from gahr import images, intervals, plots
from gahr.analysis import (
    bestbasis,
    calpha,
    dense,
    harmonics,
    locality,
    manifolds,
    memorization,
    pairs,
    slopes,
    subspaces,
    transition,
)
from gahr.ideal import discs
from gahr.images import synthetic
from gahr.training import Recipe, train

X, HEIGHTS = torch.rand(3, 1, 8, 8, generator=torch.Generator().manual_seed(0)), torch.full((8,), 4.0)
HERE = Path(__file__).parent


def f(y, sigma=None):
    return 0.5 * y


CASES = {
    "load a text": (lambda: images.load("discs8", "3", "a"), "n must be a number; got '3'"),
    "load a part": (lambda: images.load("discs8", 2.7, "a"), "n must be a whole number; got 2.7"),
    "load None": (lambda: images.load("fashion32", None, "a"), "n must be a number; got None"),
    "load no class": (lambda: images.load(None, 3, "a"), "name must be a string; got None"),
    "count no class": (lambda: images.count(None, "a"), "name must be a string; got None"),
    "fresh": (lambda: images.fresh("discs8", "a", 0), "count must be a number; got 'a'"),
    "split None": (lambda: images.split(None), "path must be that of a folder; got None"),
    "split seed": (lambda: images.split(HERE, seed=1.5), "seed must be a whole number; got 1.5"),
    "split groups": (lambda: images.split(HERE, groups=None), "groups must be a string; got None"),
    "split size": (lambda: images.split(HERE, size="8"), "size must be a number; got '8'"),
    "portrait": (lambda: images.portrait("a"), "size must be a number; got 'a'"),
    "drawn n": (lambda: synthetic.discs("3"), "n must be a whole number; got '3'"),
    "drawn size": (lambda: synthetic.discs(3, 8.5), "size must be a whole number; got 8.5"),
    "drawn seed": (lambda: synthetic.discs(3, 8, seed="a"), "seed must be a whole number; got 'a'"),
    "Gaussian seed": (lambda: synthetic.gaussian(3, 8, seed=1.5), "seed must be a whole number; got 1.5"),
    "shuffled": (lambda: synthetic.shuffled(X, "a"), "seed must be a whole number; got 'a'"),
    "heights": (lambda: harmonics.straighten(X, [4.0] * 8), "heights must be a tensor.*got list"),
    "reach": (lambda: harmonics.straighten(X, HEIGHTS, 1.5), "reach must be a whole number; got 1.5"),
    "reach below 0": (lambda: harmonics.share(X, HEIGHTS, -1), "reach must be in"),
    "vectors": (lambda: harmonics.share([1], HEIGHTS), "vectors must be images.*got list"),
    "band": (lambda: harmonics.purity(X, HEIGHTS, band=100), r"band must be in \[1, 8\]; got 100"),
    "no band": (lambda: harmonics.purity(X, HEIGHTS, band=0), r"band must be in \[1, 8\]; got 0"),
    "levels below 0": (lambda: bestbasis.packets(X[:1], 0.1, levels=-1), "levels must be in"),
    "levels": (lambda: bestbasis.packets(X[:1], 0.1, levels=2.5), "levels must be a whole number"),
    "wavelet": (lambda: bestbasis.packets(X[:1], 0.1, name="foo"), "unknown wavelet 'foo'"),
    "not orthogonal": (lambda: bestbasis.fixed(X[:1], "wavelets", "bior2.2"), "not an orthogonal wavelet"),
    "one size": (lambda: bestbasis.blocks(X[:1], 0.1, sizes=4), "sizes must be sides of squares.*got 4"),
    "size 0": (lambda: bestbasis.blocks(X[:1], 0.1, sizes=(0,)), "sizes must be in"),
    "angles": (lambda: bestbasis.blocks(X[:1], 0.1, sizes=(4,), angles=-1), "angles must be in"),
    "subspaces": (lambda: subspaces.angles([1], [2]), r"a must be rows \(k, d\).*got list"),
    "shared": (lambda: subspaces.shared(None, None), "a must be orthonormal rows.*got NoneType"),
    "mixed": (lambda: subspaces.shared_when_mixed([1.0], 0.1), "lam must be factors.*got list"),
    "captured": (lambda: shrinkage.captured(torch.eye(2), None, None), "products must be rows.*NoneType"),
    "stride": (lambda: memorization.patchwork(X, X, 4, 2.5), "stride must be a whole number; got 2.5"),
    "patches": (lambda: memorization.patchwork(X, X, "a"), "size must be a number; got 'a'"),
    "ranks": (lambda: memorization.ranks([1]), "source must be indices.*got list"),
    "features": (lambda: two_networks.features(f, X), "a function has no middle block"),
    "facts": (lambda: transition.gap(None), "facts must be a network's, as .*got NoneType"),
    "no denoiser": (lambda: slopes.by_rule(None, X), "a denoiser is a function.*got NoneType"),
    "errors": (lambda: slopes.usable([1.0], 0, 1), "mse must be errors.*got list"),
    "local slopes": (lambda: slopes.local_slopes([1.0, 2.0], (0.1, 0.2)), "psnr must be decibels.*got list"),
    "no table": (lambda: slopes.without_floor([1], [1], (0.1,)), "table must be PSNRs.*got list"),
    "similarity": (lambda: pairs.split([1.0]), "similarity must be numbers.*got list"),
    "pixels": (lambda: pairs.kl([0.1, 0.1], [0.1, 0.2], "a"), "pixels must be a number; got 'a'"),
    "variance": (lambda: pairs.kl("a", [0.1, 0.2], 3), "variance must be numbers; got 'a'"),
    "side": (lambda: locality.order(8.5), "size must be a whole number; got 8.5"),
    "window": (lambda: locality.window_mse([1.0], 0.1, 1), "M must be a square matrix.*got list"),
    "half a radius": (lambda: locality.window_mse(torch.eye(4), 0.1, 1.5), "radius must be a whole number"),
    "half a side": (lambda: dense.Dense(2.5), "size must be a whole number; got 2.5"),
    "half a layer": (lambda: dense.Dense(8, 4, layers=1.5), "layers must be a whole number; got 1.5"),
    "order": (lambda: locality.moved(X, None), r"order must be pixel indices, \(64,\); got NoneType"),
    "order too short": (
        lambda: locality.moved(X, torch.arange(3)),
        r"order must be pixel indices.*got \(3,\)",
    ),
    "likeness": (lambda: locality.likeness(None, None), "M must be a square matrix.*got NoneType"),
    "parameters": (lambda: manifolds.tangent(f, [1.0, 2.0]), "parameters must be a vector.*got list"),
    "no function": (lambda: manifolds.errors(None, X, (0.1,)), "a denoiser is a function.*got NoneType"),
    "asymptote": (lambda: manifolds.asymptote("a", 1, 0.1), "pixels must be a number; got 'a'"),
    "disc": (lambda: discs.draw([1]), "parameters must be five a disc.*got list"),
    "no picture": (lambda: plots.gallery([]), "a gallery needs at least one picture"),
    "no gallery": (lambda: plots.gallery(None), "a gallery needs at least one picture"),
    "no column": (lambda: plots.gallery(X, columns=0), "columns must be in"),
    "within": (lambda: subspaces.within(torch.eye(2), [1]), "rows must be directions.*got list"),
    "energies": (lambda: energies.energies([1, 2]), "J must be a square matrix.*got int"),
    "step": (lambda: calpha.step(X, None), "heights must be one a column.*got NoneType"),
    "samples": (lambda: calpha.structure([1], 1, (1,)), "f must be samples.*got list"),
    "no lags": (lambda: calpha.structure(X[0], 1, ()), "too few for differences"),
    "contour": (lambda: calpha.contour("a", 8, 2.0), "n must be a number; got 'a'"),
    "baseline": (lambda: agreement.beyond(f, f, None, X, 0.1), "a denoiser is a function.*got NoneType"),
    "reference": (lambda: intervals.gap(torch.ones(3), None), "reference must be squared errors.*NoneType"),
    "recipe's class": (lambda: Recipe(3, 3, "a"), "images must be a string; got 3"),
    "recipe's n": (lambda: Recipe("discs8", "a", "a"), "n must be a number; got 'a'"),
    "recipe's seed": (lambda: Recipe("discs8", 3, "a", seed=1.5), "seed must be a whole number; got 1.5"),
    "recipe's network": (
        lambda: Recipe("discs8", 3, "a", network=None),
        "network must be a string; got None",
    ),
    "recipe's average": (lambda: Recipe("discs8", 3, "a", ema="x"), "ema must be a number; got 'x'"),
    "no recipe": (lambda: train(None, X), "recipe must be a Recipe; got NoneType"),
}
OURS = Path(gahr.__file__).parent, Path(two_networks.__file__).parent


@pytest.mark.parametrize("name", CASES)
def test_a_bad_call_gets_one_sentence(name):
    call, sentence = CASES[name]
    with pytest.raises((TypeError, ValueError, KeyError, FileNotFoundError), match=sentence) as found:
        call()
    assert set(OURS) & set(Path(found.traceback[-1].path).parents), "raw: what torch or Python said"
    assert "\n" not in str(found.value)


def test_whatever_a_denoiser_returns_is_measured():
    def tuple_of(y, sigma):
        return 0.5 * y + 0.25, y.mean()

    def plain(y, sigma):
        return 0.5 * y + 0.25

    levels = (0.05, 0.2, 0.3, 0.4)
    for measure in (
        lambda g: slopes.by_rule(g, X, (0.01, 0.02, 0.03, 0.05), factor=1.0),
        lambda g: manifolds.errors(g, X, levels).tolist(),
    ):
        assert measure(tuple_of) == measure(plain)
