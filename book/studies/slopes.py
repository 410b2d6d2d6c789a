"""The study of chapter 11, on C^alpha images: slopes of PSNR curves."""

from __future__ import annotations

from collections.abc import Callable, Sequence

import torch
from torch import Tensor

from book.studies.calpha import ALPHAS, network, span
from gahr import bases, images, measures, zoo
from gahr.analysis import bestbasis
from gahr.analysis import slopes as of
from gahr.analysis.calpha import contour
from gahr.analysis.slopes import LEVELS
from gahr.images import synthetic

RANGES = ((0.01, 0.1), (0.03, 0.25), (0.1, 0.4), (0.1, 1.0), (0.3, 1.0), (0.5, 1.0))
FACTORS = (2.0, 3.0, 6.0)
"""Other ranges of noise, and other factors in the rule, to see how much the slope depends on it."""
DEGREE = 5
"""Of the polynomials, 21 on either side of a contour, that stand in for waves."""


def oracle(x: Tensor, find: Callable[[Tensor, float], Tensor]) -> Tensor:
    """PSNR in dB of the best factors in a basis, ``(levels, B)``; ``find`` gives the coefficients."""
    rows = [measures.decibels(bases.oracle_error(find(x, s), s, x) / x[0].numel()) for s in LEVELS]
    return torch.stack(rows)


def one_by_one(find: Callable[[Tensor, float], Tensor]) -> Callable[[Tensor, float], Tensor]:
    """Coefficients of many pictures from a function that takes one."""
    return lambda x, sigma: torch.stack([find(picture[None], sigma) for picture in x])


def slopes(count: int = 1000, few: int = 60) -> dict:
    """PSNR curves of networks and of oracles in fixed and searched bases, and slopes of fitted lines.

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
        times its error without noise and at most a quarter of a pixel's variance. ``ranges``: this and
        other ranges of noise, by name. ``classes``: for each ``alpha`` the error without noise (``floor``),
        a pixel's variance (``prior``), the ``levels`` that its own curve allows, and slopes between
        neighbouring levels (``local``). ``curves``: mean PSNR in dB by ``alpha`` and ``basis``, one number
        for each ``sigma``. ``slopes``: by ``alpha``, ``basis`` and ``range``, with bootstrap intervals over
        images; over ``own`` levels, and with the ``floor`` taken off, too.
    """
    tables, floors, priors, clean = {}, {}, {}, {}
    for alpha in ALPHAS:
        f, x = zoo.load(network(alpha)), images.load(f"calpha40a{alpha}", count, "held-out")
        with torch.no_grad():
            clean[alpha] = measures.psnr(x, torch.cat([f(part) for part in x.split(250)]))
        tables[alpha] = measures.psnr_table(f, x, LEVELS)[:, 0]
        floors[alpha] = (10 ** (-clean[alpha] / 10)).mean().item()
        priors[alpha] = (x - x.mean(0)).square().mean().item()

    def inside(alpha: int, factor: float = 4.0) -> list[float]:
        mse = (10 ** (-tables[alpha] / 10)).mean(1)
        fit = of.usable(mse, floors[alpha], priors[alpha], factor)
        return [s for s, fits in zip(LEVELS, fit, strict=True) if fits]

    def common(factor: float) -> list[float]:
        return [s for s in LEVELS if all(s in inside(alpha, factor) for alpha in ALPHAS)]

    rule = common(4.0)
    if len(rule) < 3:
        raise ValueError("fewer than three noise levels are far enough from both ends of all curves.")
    ranges = {"rule": rule} | {f"factor {factor:g}": common(factor) for factor in FACTORS}
    for low, high in RANGES:
        ranges[f"{low:g} to {high:g}"] = [s for s in LEVELS if 0.99 * low <= s <= 1.01 * high]
    ranges = {name: levels for name, levels in ranges.items() if len(levels) > 2}
    classes, curves, fitted = [], [], []
    for alpha in ALPHAS:
        own, table = inside(alpha), tables[alpha]
        local = of.local_slopes(table, LEVELS).mean(1).tolist()
        about = {"alpha": alpha, "floor": floors[alpha], "prior": priors[alpha]}
        classes.append(about | {"levels": own, "local": local})
        for kind, each in _kinds(table, images.load(f"calpha40a{alpha}", count, "held-out"), few).items():
            curves.append({"alpha": alpha, "basis": kind, "psnr": each.mean(1).tolist()})
            fitted.append({"alpha": alpha, "basis": kind, "range": "rule"} | _slope(each, rule))
        about = {"alpha": alpha, "basis": "network"}
        others = {name: levels for name, levels in ranges.items() if name != "rule"}
        for name, levels in (others | ({"own": own} if len(own) > 2 else {})).items():
            fitted.append(about | {"range": name} | _slope(table, levels))
        at_rule = table[[LEVELS.index(s) for s in rule]]
        rest = of.without_floor(at_rule, clean[alpha], rule)
        fitted.append(about | {"range": "rule, floor taken off"} | span(rest))
    return {
        "images": count,
        "searched": few,
        "sigma": list(LEVELS),
        "rule": rule,
        "ranges": [{"range": name, "low": min(v), "high": max(v)} for name, v in ranges.items()],
        "classes": classes,
        "curves": curves,
        "slopes": fitted,
    }


def _kinds(table: Tensor, x: Tensor, few: int) -> dict[str, Tensor]:
    """PSNR in dB of the network, ``table``, and of oracles in four bases, each ``(levels, B)``."""
    cosines, wavelets = (x.flatten(1) @ basis(40, 40).T for basis in (bases.dct, bases.wavelet))
    return {
        "network": table,
        "cosines": oracle(x, lambda x, s: cosines),
        "wavelets": oracle(x, lambda x, s: wavelets),
        "wavelet packets": oracle(x[:few], one_by_one(bestbasis.packets)),
        "directional blocks": oracle(x[:few], one_by_one(bestbasis.blocks)),
    }


def followed(count: int = 60, seed: int = 9) -> dict:
    """PSNR curves and slopes of an oracle in cosines that are cut softly along the contour, and controls.

    Parameters
    ----------
    count, seed
        Of the pictures of each class.

    Returns
    -------
    found
        ``rows``: by ``alpha`` and ``basis``, mean ``psnr`` in dB at each ``sigma``, and the slope over the
        levels of the rule of `slopes`, with a bootstrap interval over pictures. Bases: cut softly; the same
        along a contour one pixel too low; cosines led by both sides of the contour, as two vectors; led by
        polynomials up to `DEGREE` on either side, told the contour or one a pixel too low; and the fixed
        ones at the same pictures; last the ``network`` itself, on one draw of noise. ``lead``: how far the
        PSNR lies above the network's at each ``sigma``, mean over pictures; ``lead_se``: its standard error.
    """
    rule, rows = zoo.result("calpha40-slopes")["rule"], []
    for alpha in ALPHAS:
        x = synthetic.c_alpha(count, 40, float(alpha), seed=seed)
        line = contour(count, 40, float(alpha), seed)
        found = {"cut softly": _told(bestbasis.cut_softly, x, line)}
        found["cut a pixel lower"] = _told(bestbasis.cut_softly, x, line + 1)
        found["led by two sides"] = _told(_sides, x, line)
        found["polynomials on two sides"] = _told(_polynomials, x, line)
        found["polynomials, a pixel lower"] = _told(_polynomials, x, line + 1)
        found |= {kind: one_by_one(_fixed(kind))(x, 0) for kind in ("wavelets", "cosines")}
        tables = {kind: oracle(x, lambda x, s, c=c: c) for kind, c in found.items()}
        tables["network"] = own = measures.psnr_table(zoo.load(network(alpha)), x, LEVELS)[:, 0]
        for kind, table in tables.items():
            lead, se = (table - own).mean(1), (table - own).std(1) / count**0.5
            about = {"alpha": alpha, "basis": kind, "psnr": table.mean(1).tolist()}
            rows.append(about | _slope(table, rule) | {"lead": lead.tolist(), "lead_se": se.tolist()})
    return {"sigma": list(LEVELS), "rule": rule, "images": count, "rows": rows}


def _told(find: Callable[[Tensor, Tensor], Tensor], x: Tensor, line: Tensor) -> Tensor:
    """Coefficients of each picture in a basis that is told a contour, ``(B, d)``."""
    both = zip(x.split(1), synthetic.coverage(line).split(1), strict=True)
    return torch.stack([find(v, below) for v, below in both])


def _sides(x: Tensor, below: Tensor) -> Tensor:
    return bestbasis.led(x, torch.cat([below[0], 1 - below[0]]))


def _polynomials(x: Tensor, below: Tensor) -> Tensor:
    place = torch.linspace(-1, 1, 40)
    degrees = ((i, k - i) for k in range(DEGREE + 1) for i in range(k + 1))
    one = torch.stack([place[:, None] ** i * place**j for i, j in degrees])
    both = torch.stack([one * below[0], one * (1 - below[0])], 1)  # degree by degree
    return bestbasis.led(x, both.flatten(0, 1))


def _fixed(kind: str) -> Callable[[Tensor, float], Tensor]:
    return lambda x, sigma: bestbasis.fixed(x, kind)


def _slope(table: Tensor, levels: Sequence[float]) -> dict[str, float]:
    """Slope over some of `LEVELS`, with the ends of its interval."""
    return span(measures.slope(table[[LEVELS.index(s) for s in levels]], tuple(levels)))


STUDIES = {"calpha40-slopes": slopes, "calpha40-followed": followed}
