"""Stored study ``calpha40-slopes``: PSNR curves of C^alpha images and what a line fitted to them says.

Everything is measured on held-out images: networks, fixed bases with an oracle, adaptive bases with
an oracle, and the lines' slopes with bootstrap intervals over images.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence

import torch
from torch import Tensor

from gahr import bases, images, measures, zoo
from gahr.analysis import bestbasis
from gahr.analysis import slopes as of

ALPHAS = (1, 2, 3, 4, 5)
SIGMAS = tuple(round(10 ** (k / 10 - 2), 4) for k in range(21))
"""From 0.01 to 1, every 2 dB of input PSNR."""
RANGES = ((0.01, 0.1), (0.03, 0.25), (0.1, 0.4), (0.1, 1.0), (0.3, 1.0), (0.5, 1.0))
FACTORS = (2.0, 3.0, 6.0)
"""Other ranges of noise, and other factors in the rule, to see how much the slope depends on it."""


def network(alpha: float) -> str:
    """The network that saw fresh images of this regularity."""
    return f"calpha40a{alpha:g}-unet16-fresh-a"


def oracle(x: Tensor, find: Callable[[Tensor, float], Tensor]) -> Tensor:
    """PSNR in dB of the best factors in a basis, ``(levels, B)``; ``find`` gives the coefficients."""
    rows = [measures.decibels(bases.oracle_error(find(x, s), s, x) / x[0].numel()) for s in SIGMAS]
    return torch.stack(rows)


def one_by_one(find: Callable[[Tensor, float], Tensor]) -> Callable[[Tensor, float], Tensor]:
    """Coefficients of many pictures from a function that takes one."""
    return lambda x, sigma: torch.stack([find(picture[None], sigma) for picture in x])


def fits(table: Tensor, ranges: dict[str, Sequence[float]]) -> dict[str, list[float]]:
    """Slope and interval for each range of three levels or more, ``(value, low, high)``."""
    found = {}
    for name, chosen in ranges.items():
        if len(chosen) < 3:
            continue
        rows = [SIGMAS.index(s) for s in chosen]
        found[name] = list(measures.slope(table[rows], tuple(chosen)))
    return found


def slopes(count: int = 1000, few: int = 60) -> dict:
    """Curves and slopes for five regularities.

    Parameters
    ----------
    count
        Held-out images for networks and fixed bases.
    few
        How many of them for the bases that are searched for.

    Returns
    -------
    found
        ``rule``: the noise levels where, for all five classes, the network's error is at least 4
        times its error without noise and at most a quarter of a pixel's variance. ``classes``: for
        each alpha the mean PSNRs in dB, local slopes and fits.
    """
    tables, floors, priors, clean = {}, {}, {}, {}
    for alpha in ALPHAS:
        f, x = zoo.load(network(alpha)), images.load(f"calpha40a{alpha}", count, "held-out")
        with torch.no_grad():
            clean[alpha] = measures.psnr(x, torch.cat([f(part) for part in x.split(250)]))
        tables[alpha] = measures.psnr_table(f, x, SIGMAS)[:, 0]
        floors[alpha] = (10 ** (-clean[alpha] / 10)).mean().item()
        priors[alpha] = (x - x.mean(0)).square().mean().item()

    def inside(alpha: int, factor: float = 4.0) -> list[bool]:
        mse = (10 ** (-tables[alpha] / 10)).mean(1)
        return of.usable(mse, floors[alpha], priors[alpha], factor)

    def common(factor: float) -> list[float]:
        fit = [inside(alpha, factor) for alpha in ALPHAS]
        return [s for s, *each in zip(SIGMAS, *fit, strict=True) if all(each)]

    rule = common(4.0)
    if len(rule) < 3:
        raise ValueError("fewer than three noise levels are far enough from both ends of all curves.")
    ranges = {"rule": rule} | {f"factor {factor:g}": common(factor) for factor in FACTORS}
    for low, high in RANGES:
        ranges[f"{low:g} to {high:g}"] = [s for s in SIGMAS if 0.99 * low <= s <= 1.01 * high]
    found = {}
    for alpha in ALPHAS:
        x = images.load(f"calpha40a{alpha}", count, "held-out")
        own = [s for s, fit in zip(SIGMAS, inside(alpha), strict=True) if fit]
        row = {"floor": floors[alpha], "prior": priors[alpha], "own levels": own}
        row |= _class(tables[alpha], clean[alpha], x, few, ranges | {"own": own})
        found[str(alpha)] = row
    levels = {name: [min(chosen), max(chosen)] for name, chosen in ranges.items() if len(chosen) > 2}
    return {"images": count, "searched": few, "sigma": list(SIGMAS), "rule": rule, "ranges": levels} | {
        "classes": found
    }


def _class(table: Tensor, clean: Tensor, x: Tensor, few: int, ranges: dict[str, Sequence[float]]) -> dict:
    cosines, wavelets = (x.flatten(1) @ basis(40, 40).T for basis in (bases.dct, bases.wavelet))
    kinds = {
        "network": table,
        "cosines": oracle(x, lambda x, s: cosines),
        "wavelets": oracle(x, lambda x, s: wavelets),
        "wavelet packets": oracle(x[:few], one_by_one(bestbasis.packets)),
        "directional blocks": oracle(x[:few], one_by_one(bestbasis.blocks)),
    }
    rule = ranges["rule"]
    rows = [SIGMAS.index(s) for s in rule]
    return {
        "psnr": {name: each.mean(1).tolist() for name, each in kinds.items()},
        "local": of.local_slopes(table, SIGMAS).mean(1).tolist(),
        "slope": fits(table, ranges),
        "fixed": {name: fits(each, {"rule": rule})["rule"] for name, each in kinds.items()},
        "without floor": list(of.without_floor(table[rows], clean, rule)),
    }
