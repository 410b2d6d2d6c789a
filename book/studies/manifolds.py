"""The studies of chapter 12: networks on low-dimensional classes, beside what is exactly optimal there."""

from __future__ import annotations

import functools
from collections.abc import Callable

import torch
from torch import Tensor

from gahr import bases, denoisers, images, intervals, measures, zoo
from gahr._checks import check_known
from gahr.analysis import manifolds, slopes, subspaces
from gahr.analysis.slopes import WEAK
from gahr.denoisers import Denoiser, Projection
from gahr.ideal import cones, discs

DIMENSION = {"discs40": 5, "ray40": 1, "sinusoids40": 2}
"""Slopes are fitted to the noise levels of this range."""
LEVELS = (0.01, 0.02, 0.04, 0.08, 0.16)
THRESHOLDS = (0.5, 0.1, 0.02)
SIDE, SHOWN = 40, 10
PICTURES = 12
CONTRAST = 0.3


def network(name: str) -> str:
    """Name of the class's network."""
    return f"{name}-unet16-fresh-a"


def exact(name: str) -> dict[str, Denoiser]:
    """Exact denoisers of a class: told sigma or blind, knowing the bounds of the intensities or ``free``."""
    check_known(name, DIMENSION, "class")
    if name == "discs40":
        told, free = discs.ExactDiscs(SIDE), discs.ExactDiscs(SIDE, bounded=False)
    else:
        axes = images.portrait(SIDE) if name == "ray40" else cones.waves(SIDE)
        flat = axes.flatten(1).double()
        rows = flat / flat.norm(dim=1, keepdim=True)
        told, free = cones.ExactCone(axes), Projection(rows, (1, SIDE, SIDE))
    return {"told": told, "blind": _blind(told), "free": free, "free, blind": _blind(free)}


def _blind(f: Denoiser) -> Denoiser:
    return lambda y, sigma=None: f(y)


PAIRS = {
    "network": ("network", "blind"),
    "blindness": ("blind", "told"),
    "bounds": ("free", "told"),
    "both": ("free, blind", "told"),
}
"""What is compared with what: the network with the best that is as blind; what each ignorance costs."""


def optima(name: str, n: int, sigmas: tuple[float, ...] = measures.SIGMAS) -> dict:
    """Errors of the network and of the exact denoisers on the same noisy images, and gaps in dB."""
    x = images.load(name, n, "held-out")
    chosen = {"network": zoo.load(network(name))} | exact(name)
    errors = {key: manifolds.errors(f, x, sigmas) for key, f in chosen.items()}
    if isinstance(chosen["told"], cones.ExactCone):
        errors["expected"] = expected(chosen["told"], x, sigmas)
    return {"network": network(name), "images": n} | compared(errors, sigmas, DIMENSION[name])


def expected(best: cones.ExactCone, x: Tensor, sigmas: tuple[float, ...]) -> Tensor:
    """Posterior variance at the noisy images of `gahr.analysis.manifolds.errors`, ``(levels, B)``."""
    noisy = (denoisers.add_noise(x, sigma, 1000 * level) for level, sigma in enumerate(sigmas))
    return torch.stack([best.variance(y, sigma) for y, sigma in zip(noisy, sigmas, strict=True)])


def compared(errors: dict[str, Tensor], sigmas: tuple[float, ...], dimension: int) -> dict:
    """Mean errors, gaps of `PAIRS`, gaps to the tangent projection's error, and slopes at weak noise.

    Returns
    -------
    found
        ``errors``: by ``denoiser``, ``mse`` at each noise level. ``gaps``: by ``pair`` and ``sigma``, ``db``
        and ``se``. ``slopes``: by denoiser, of the PSNR of the mean error, with intervals.
    """
    gaps, weak = [], [k for k, s in enumerate(sigmas) if WEAK[0] <= s <= WEAK[1]]
    line = [torch.tensor(dimension * s**2 / SIDE**2, dtype=torch.float64) for s in sigmas]
    pairs = {pair: (errors[over], errors[under]) for pair, (over, under) in PAIRS.items()}
    known = ("told", "blind", "network", "expected")
    pairs |= {f"{key} to line": (errors[key], line) for key in known if key in errors}
    for pair, (over, under) in pairs.items():
        for sigma, a, b in zip(sigmas, over, under, strict=True):
            found = intervals.gap(a, b)
            gaps.append({"pair": pair, "sigma": sigma, "db": found.db, "se": found.se})
    fitted = []
    for key, each in errors.items():
        slope, low, high = slopes.pooled(each[weak], tuple(sigmas[k] for k in weak))
        fitted.append({"denoiser": key, "slope": slope, "low": low, "high": high})
    return {
        "sigma": list(sigmas),
        "dimension": dimension,
        "pixels": SIDE**2,
        "errors": [{"denoiser": key, "mse": each.mean(1).tolist()} for key, each in errors.items()],
        "gaps": gaps,
        "slopes": fitted,
    }


def examples(name: str, count: int) -> Tensor:
    """Parameters of the images whose bases are taken, ``(count, m)``, float64, by a fixed rule.

    Discs: the first held-out ones whose two grays differ by at least 0.3. A ray or a wave: intensities
    evenly from 0.2 to 0.9, in an order in which neighbours are far apart, and phases 1, 2, 3, ...
    """
    check_known(name, DIMENSION, "class")
    if name == "discs40":
        u = torch.rand(5, 1000, 1, 1, generator=torch.Generator().manual_seed(3_000_000))[..., 0, 0].double()
        middle = SIDE * (0.25 + 0.5 * u[:2])
        found = torch.cat([middle, SIDE * (0.10 + 0.15 * u[2:3]), u[3:]]).T
        return found[(found[:, 3] - found[:, 4]).abs() >= CONTRAST][:count]
    phase = torch.arange(1, count + 1, dtype=torch.float64)
    intensity = 0.2 + 0.7 * (phase * (5**0.5 - 1) / 2 % 1)
    if name == "ray40":
        return intensity[:, None]
    return torch.stack([intensity * phase.cos(), intensity * phase.sin()], 1)


def drawer(name: str) -> Callable[[Tensor], Tensor]:
    """The class as a function of its parameters, ``(B, m) -> (B, 1, H, W)``."""
    if check_known(name, DIMENSION, "class") == "discs40":
        return lambda parameters: discs.draw(parameters, SIDE)
    axes = (images.portrait(SIDE) if name == "ray40" else cones.waves(SIDE)).double()
    return lambda parameters: torch.einsum("bm,mchw->bchw", parameters, axes)


def tangents(name: str, count: int = PICTURES, sigmas: tuple[float, ...] = LEVELS) -> dict:
    """Leading factors, how many there are, and how the leading directions lie to the tangent space.

    Factors are eigenvalues, as in chapter 7: for the network of the symmetric part of its Jacobian, for the
    exact denoiser, told sigma, of the posterior covariance over sigma^2.
    """
    draw, f, best, m = drawer(name), zoo.load(network(name)), exact(name)["told"], DIMENSION[name]
    rows = []
    for index, parameters in enumerate(examples(name, count)):
        x, plane = draw(parameters[None]), manifolds.tangent(draw, parameters, step=1e-5)
        for level, sigma in enumerate(sigmas):
            y = denoisers.add_noise(x.float(), sigma, seed=100 * index + level)
            found = {"network": bases.at(f, y), "exact": exact_basis(best, y, sigma, plane)}
            for key, basis in found.items():
                rows.append({"image": index, "sigma": sigma, "which": key} | _beside(basis, plane, m))
            to_exact = subspaces.angles(*(basis.e[:m].double() for basis in found.values()))
            rows[-2]["to_exact"] = [round(angle, 2) for angle in to_exact.tolist()]
    return {
        "network": network(name),
        "images": count,
        "thresholds": list(THRESHOLDS),
        "sigma": list(sigmas),
        "parameters": examples(name, count).tolist(),
        "rows": rows,
    }


def exact_basis(f: Denoiser, y: Tensor, sigma: float, plane: Tensor) -> bases.Basis:
    """Eigenvalues and eigenvectors of the exact denoiser's Jacobian at one noisy image."""
    shape = tuple(y.shape[1:])
    if isinstance(f, discs.ExactDiscs):
        return bases.symmetric(f.covariance(y, sigma) / sigma**2, shape=shape)
    step = 1e-3 * sigma  # a cone's denoiser moves in its span only, and only with the input's part there
    y = y.double()
    moves = (plane * step).view(-1, *shape)
    slopes = (f(y + moves, sigma) - f(y - moves, sigma)).flatten(1) / (2 * step)
    values, turn = torch.linalg.eigh((slopes @ plane.T + plane @ slopes.T) / 2)
    e = turn.T.flip(0) @ plane
    return bases.Basis(values.flip(0), e, e, shape)


def _beside(basis: bases.Basis, plane: Tensor, m: int) -> dict:
    """Leading factors, counts above the thresholds, sum, and angles in degrees."""
    angles = subspaces.angles(basis.e[:m].double(), plane)
    return {
        "lam": [round(v, 4) for v in basis.lam[:SHOWN].tolist()],
        "above": [int((basis.lam > t).sum()) for t in THRESHOLDS],
        "sum": basis.lam.sum().item(),
        "angles": [round(v, 2) for v in angles.tolist()],
        "inside": ((basis.e[:m].double() @ plane.T).square().sum() / m).item(),
    }


STUDIES = {}
for _name, _n in (("discs40", 200), ("ray40", 1000), ("sinusoids40", 500)):
    STUDIES[f"{_name}-optima"] = functools.partial(optima, _name, _n)
    STUDIES[f"{_name}-tangents"] = functools.partial(tangents, _name)
