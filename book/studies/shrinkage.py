"""The studies of chapter 7: how a denoiser's basis depends on N, the noise, the picture and the half."""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

import torch
from torch import Tensor

from gahr import bases, images, measures, paper, zoo
from gahr.analysis import subspaces
from gahr.denoisers import Denoiser, add_noise
from gahr.jacobian import Linearization, asymmetry, linearize

SIGMA = 0.15
"""Noise level of the paper's Figure 3."""
LEVELS = (0.02, 0.05, 0.1, 0.15, 0.3, 0.5, 1.0)
SIZES = (1, 10, 100, 1000, 10_000, 14_000)
CUTS = (1, 2, 5, 10, 20, 50, 100, 200, 400)
CUT = 50
BINS = (-10.0, -0.05, 0.05, 0.25, 0.5, 0.75, 1.0, 10.0)


class View(NamedTuple):
    """A denoiser at one noisy image: its Jacobian, or products with it, and its symmetric part's basis."""

    J: Tensor | Linearization
    basis: bases.Basis
    estimate: Tensor

    def times(self, rows: Tensor) -> Tensor:
        return self.J.jvp(rows) if isinstance(self.J, Linearization) else rows @ self.J.T


def view(f: Denoiser, y: Tensor, leading: int | None = None) -> View:
    """The whole of it, or only the leading part of the basis (which takes a third of the time)."""
    J: Tensor | Linearization = linearize(f, y, chunk=200)
    if leading is None:
        J = J.matrix()
    basis = bases.symmetric(J, leading, shape=tuple(y.shape[1:]), tol=1e-3)
    return View(J, basis, f(y).detach())


def agreement(a: View, b: View, cuts: Sequence[int]) -> dict[str, list[float]]:
    """How far the second basis is that of the first, at each cut, and what near-equal factors allow.

    ``a`` is a whole view. Its factors are taken to be known within the root mean square of
    ``e^T (J_B - J_A) e`` over its leading directions, as many as the last cut.
    """
    index, e = torch.tensor(cuts) - 1, a.basis.e[: cuts[-1]]
    products, lam = b.times(e), a.basis.lam
    width = ((e * products).sum(1) - lam[: cuts[-1]]).square().mean().sqrt().item()
    found = {
        "shared": subspaces.shared(e, b.basis.e[: cuts[-1]]),
        "captured": subspaces.captured(e, products, b.basis.lam[: cuts[-1]]),
        "mixed": subspaces.shared_when_mixed(lam, width),
    }
    return {name: values[index].tolist() for name, values in found.items()}


def summary(a: View, x: Tensor, sigma: float) -> dict[str, float]:
    """Numbers of one view: factors above 1 and 1/2, their sum, the error in units of the noise, asymmetry."""
    lam = a.basis.lam
    return {
        "above_1": int((lam > 1).sum()),
        "kept": int((lam > 0.5).sum()),
        "dimension": lam.sum().item(),
        "error": ((a.estimate - x).square().sum() / sigma**2).item(),
        "asymmetry": asymmetry(a.J).value,
    }


def _gathered(rows: list[dict]) -> dict:
    """Mean over images, and its standard error, of every number and list of numbers."""
    found = {}
    for name in rows[0]:
        values = torch.tensor([row[name] for row in rows]).double()
        spread = values.std(0) if len(rows) > 1 else torch.full_like(values[0], float("nan"))
        found[name] = {"mean": values.mean(0).tolist(), "se": (spread / len(rows) ** 0.5).tolist()}
    return found


def clothes(count: int = 5, sizes: Sequence[int] = SIZES, calibrated: int = 24) -> dict:
    """For each N: spectrum, effective dimension, and agreement of A's and B's bases at held-out clothes.

    Returns
    -------
    found
        ``sizes``: for each N means and standard errors over images of `summary` (both networks), the
        factors at ``cuts``, and `agreement` of the two halves (``halves``); what two noise draws on one
        image (``noise``) and two images (``image``) share, for A's network. ``train``: the
        same summary at the first training images of A. ``calibration``: see `calibration`.
    """
    x = images.load("fashion32", max(count, calibrated), "held-out")
    found: dict = {"images": count, "sigma": SIGMA, "cuts": list(CUTS), "sizes": {}}
    for n in sizes:
        f, g = (zoo.load(f"fashion32-unet16-n{n}-{half}") for half in ("a", "b"))
        rows = []
        first = [view(f, add_noise(x[i : i + 1], SIGMA, seed=i)) for i in range(count)]
        for i, a in enumerate(first):
            b = view(g, add_noise(x[i : i + 1], SIGMA, seed=i))
            pairs = {
                "halves": b,
                "noise": view(f, add_noise(x[i : i + 1], SIGMA, seed=1000 + i)),
                "image": first[(i + 1) % count],
            }
            two = [summary(v, x[i : i + 1], SIGMA) for v in (a, b)]
            row = {name: sum(each[name] for each in two) / 2 for name in two[0]}
            row["lam"] = a.basis.lam[torch.tensor(CUTS) - 1].tolist()
            row["apart"] = ((a.J - b.J).norm() / a.J.norm()).item()
            for name, other in pairs.items():
                found_here = agreement(a, other, CUTS)
                told = found_here if name == "halves" else ("shared",)
                row |= {f"{name} {key}": found_here[key] for key in told}
            rows.append(row)
        train = images.load("fashion32", min(n, 2), "a")
        seen = [view(f, add_noise(t[None], SIGMA, seed=i)) for i, t in enumerate(train)]
        own = [summary(v, t[None], SIGMA) for v, t in zip(seen, train, strict=True)]
        found["sizes"][str(n)] = _gathered(rows) | {"train": _gathered(own)}
    found["calibration"] = {
        str(n): calibration(zoo.load(f"fashion32-unet16-n{n}-a"), x[:calibrated])
        for n in (sizes[1], sizes[-1])
    }
    return found


def calibration(f: Denoiser, x: Tensor, sigma: float = SIGMA) -> dict[str, list]:
    """Squared error along eigenvectors over sigma^2, beside the eigenvalue: equal for the ideal denoiser.

    Returns
    -------
    table
        For each of `BINS` of eigenvalues that is not empty: how many ``directions`` over all images,
        their mean ``lam``, the mean ``error`` in units of ``sigma^2``, and its ``se`` over images.

    Notes
    -----
    Source: paper, equations 9 and 10: ``sigma^2 J* = Cov[x | y]``.
    """
    lams, errors = [], []
    for i in range(len(x)):
        a = view(f, add_noise(x[i : i + 1], sigma, seed=i))
        lams.append(a.basis.lam)
        errors.append(((x[i : i + 1] - a.estimate).flatten() @ a.basis.e.T).square() / sigma**2)
    lam, error = torch.stack(lams).double(), torch.stack(errors).double()
    table: dict[str, list] = {"from": [], "to": [], "directions": [], "lam": [], "error": [], "se": []}
    for low, high in zip(BINS, BINS[1:], strict=False):
        inside = (lam > low) & (lam <= high)
        if not inside.any():
            continue
        mean = error[inside].mean()
        # a ratio of sums over images: the error's sum over how many directions there are
        excess = ((error - mean) * inside).sum(1)
        numbers = (low, high, int(inside.sum()), lam[inside].mean().item(), mean.item())
        se = (excess.std() * len(x) ** 0.5 / inside.sum()).item()
        for name, value in zip(table, (*numbers, se), strict=True):
            table[name].append(value)
    return table


def faces(count: int = 2, at_sigma: int = 5) -> dict:
    """The face networks at the portrait and at held-out photographs, of which only numbers are kept.

    Returns
    -------
    found
        ``levels``: the noise levels; ``rows``: for each of them means and standard errors over
        ``count`` images of `summary`, of PSNR (the network's own, and what an oracle reaches in four
        bases) and of `agreement` at ``CUT``; ``portrait``: the PSNR of the first image alone;
        ``figure3``: at the noise of Figure 3, what `_figure3` says of each of ``at_sigma`` images (the
        portrait is the first); ``between``: share of the portrait's leading ``CUT`` directions at one
        level that is found at another.
    """
    x = torch.cat([images.portrait(), images.load("faces40", max(count, at_sigma) - 1, "held-out")])
    f, g = (zoo.load(f"faces40-unet16-n13000-{half}") for half in ("a", "b"))
    fixed = {"cosines": bases.dct(40, 40), "wavelets": bases.wavelet(40, 40)}
    found: dict = {"images": count, "levels": list(LEVELS), "cut": CUT, "rows": [], "figure3": []}
    leading, portrait = [], []
    for sigma in LEVELS:
        used = x[: at_sigma if sigma == SIGMA else count]
        y = [add_noise(one[None], sigma, seed=i) for i, one in enumerate(used)]
        first, rows = [view(f, noisy) for noisy in y], []
        leading.append(first[0].basis.e[:CUT])
        for i, a in enumerate(first):
            one = x[i : i + 1]
            pairs = {"halves": view(g, y[i], leading=64), "image": first[(i + 1) % len(first)]}
            pairs["noise"] = view(f, add_noise(one, sigma, seed=1000 + i), leading=CUT)
            agree = {
                f"{name} {key}": value[0]
                for name, other in pairs.items()
                for key, value in agreement(a, other, (CUT,)).items()
            }
            if sigma == SIGMA:
                found["figure3"].append(_figure3(a, pairs["halves"], y[i]) | agree)
            if i < count:
                rows.append(summary(a, one, sigma) | _oracles(a, one, sigma, fixed) | agree)
                portrait += [_oracles(a, one, sigma, fixed)] if i == 0 else []
        found["rows"].append(_gathered(rows))
    found["portrait"] = portrait
    found["between"] = [[subspaces.shared(a, b)[-1].item() for b in leading] for a in leading]
    return found


def _oracles(a: View, x: Tensor, sigma: float, fixed: dict[str, Tensor]) -> dict[str, float]:
    """PSNR of the network, and that of the best factors in its basis and in others."""
    led = torch.linalg.qr(torch.cat([a.estimate.flatten()[:, None], fixed["cosines"].T], 1))[0].T
    rows = {"own basis": a.basis.e} | fixed | {"cosines led by the estimate": led}
    found = {"network": measures.psnr(x, a.estimate).item()}
    for name, basis in rows.items():
        error = bases.oracle_error(basis @ x.flatten(), sigma, x) / x.numel()
        found[name] = measures.decibels(error).item()
    return found


def _figure3(a: View, b: View, y: Tensor) -> dict:
    """What the replication table needs of one image: of both halves, A's whole basis and B's leading part."""
    flat = y.flatten()[None]
    d = flat.shape[1]
    lam = [v.basis.lam for v in (a, b)]
    lost = (a.J - a.J.T) @ y.flatten() / 2
    return {
        "first": [values[0].item() for values in lam],
        "printed": [paper.at_ranks(values, list(paper.FACE_EIGENVALUES), paper.PIXELS / d) for values in lam],
        "unscaled": lam[0][list(paper.FACE_EIGENVALUES)].tolist(),
        "above_1": [int((values > 1).sum()) for values in lam],
        "last": lam[0][-1].item(),
        "asymmetry": asymmetry(a.J).value,
        "lost": (lost.norm() / a.estimate.norm()).item(),
    }
