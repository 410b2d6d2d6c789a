"""The studies of chapter 7: how a denoiser's basis depends on N, the noise, the picture and the half."""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

import torch
from torch import Tensor

from gahr import bases, images, measures, notebook, paper, zoo
from gahr._checks import check_orthonormal, check_tensor
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


def captured(rows: Tensor, products: Tensor, lam: Tensor) -> Tensor:
    """What a symmetric matrix keeps in the span of rows, over the most it keeps in any, for each ``k``.

    ``tr(P S)`` over the sum of the ``k`` largest eigenvalues: at most 1. Unlike `subspaces.shared`
    it does not punish the exchange of directions with nearly equal factors.

    Parameters
    ----------
    rows
        Orthonormal, in order of rank, ``(n, d)``.
    products
        The matrix times each row, ``(n, d)``. A Jacobian will do: its antisymmetric part drops out.
    lam
        The matrix's largest eigenvalues (of a Jacobian, its symmetric part's), decreasing, ``(n,)``.

    Raises
    ------
    ValueError
        If the rows are not orthonormal or the shapes do not fit.

    Examples
    --------
    >>> S = torch.diag(torch.tensor([2.0, 1.5, 0.0]))
    >>> rows = torch.eye(3)[[1, 0]]
    >>> captured(rows, rows @ S, torch.tensor([2.0, 1.5]))
    tensor([0.7500, 1.0000])
    """
    check_orthonormal(rows, "rows")
    check_tensor(products, "products", "rows (n, d)"), check_tensor(lam, "lam", "eigenvalues (n,)")
    if products.shape != rows.shape or lam.shape != rows.shape[:1]:
        raise ValueError(
            f"need a product for each row and as many eigenvalues; got {tuple(rows.shape)}, "
            f"{tuple(products.shape)}, {tuple(lam.shape)}."
        )
    kept = (rows * products).sum(1).double()
    return (kept.cumsum(0) / lam.double().cumsum(0)).to(rows)


def agreement(a: View, b: View, cuts: Sequence[int]) -> list[dict]:
    """How far the second basis is that of the first, at each cut ``k``, and what near-equal factors allow.

    ``a`` is a whole view. Its factors are taken to be known within the root mean square of
    ``e^T (J_B - J_A) e`` over its leading directions, as many as the last cut.
    """
    e = a.basis.e[: cuts[-1]]
    products, lam = b.times(e), a.basis.lam
    width = ((e * products).sum(1) - lam[: cuts[-1]]).square().mean().sqrt().item()
    found = {
        "shared": subspaces.shared(e, b.basis.e[: cuts[-1]]),
        "captured": captured(e, products, b.basis.lam[: cuts[-1]]),
        "mixed": subspaces.shared_when_mixed(lam, width),
    }
    return [
        {"measure": name, "k": k, "value": values[k - 1].item()}
        for name, values in found.items()
        for k in cuts
    ]


def summary(a: View, x: Tensor, sigma: float) -> list[dict]:
    """Numbers of one view: factors above 1 and 1/2, their sum, the error in units of the noise, asymmetry."""
    lam = a.basis.lam
    found = {
        "above_1": int((lam > 1).sum()),
        "kept": int((lam > 0.5).sum()),
        "dimension": lam.sum().item(),
        "error": ((a.estimate - x).square().sum() / sigma**2).item(),
        "asymmetry": asymmetry(a.J).value,
    }
    return [{"measure": name, "value": value} for name, value in found.items()]


def _means(found: Sequence[list[dict]]) -> list[dict]:
    """Rows that every image has, with mean and standard error over images instead of a value."""
    rows = []
    for same in zip(*found, strict=True):
        about = {name: cell for name, cell in same[0].items() if name != "value"}
        values = torch.tensor([row["value"] for row in same]).double()
        se = values.std().item() / len(values) ** 0.5 if len(values) > 1 else float("nan")
        rows.append(about | {"mean": values.mean().item(), "se": se})
    return rows


def clothes(count: int = 5, sizes: Sequence[int] = SIZES, calibrated: int = 24) -> dict:
    """For each N: spectrum, effective dimension, and agreement of A's and B's bases at held-out clothes.

    Returns
    -------
    found
        ``rows``: by ``n`` and ``measure``, means over images and their standard errors. At ``held-out``
        ``images``: those of `summary`, of both networks; the factors ``lam`` at each cut ``k``; how far the
        halves' Jacobians are ``apart``; `agreement` of the two halves (``pair``: ``halves``), and what two
        noise draws on one image (``noise``) and two images (``image``) share, for A's network. At the first
        ``training`` images of A: `summary`. ``calibration``: see `calibration`.
    """
    x = images.load("fashion32", max(count, calibrated), "held-out")
    rows, calibrations = [], []
    for n in sizes:
        f, g = (zoo.load(f"fashion32-unet16-n{n}-{half}") for half in ("a", "b"))
        first = [view(f, add_noise(x[i : i + 1], SIGMA, seed=i)) for i in range(count)]
        found = []
        for i, a in enumerate(first):
            one, b = x[i : i + 1], view(g, add_noise(x[i : i + 1], SIGMA, seed=i))
            other = view(f, add_noise(one, SIGMA, seed=1000 + i))
            found.append(_of_both(a, b, one))
            found[-1] += [{"pair": "halves"} | row for row in agreement(a, b, CUTS)]
            for pair, third in (("noise", other), ("image", first[(i + 1) % count])):
                shares = notebook.pick(agreement(a, third, CUTS), measure="shared")
                found[-1] += [{"pair": pair} | row for row in shares]
        rows += [{"n": n, "images": "held-out"} | row for row in _means(found)]
        train = images.load("fashion32", min(n, 2), "a")
        seen = [view(f, add_noise(t[None], SIGMA, seed=i)) for i, t in enumerate(train)]
        own = [summary(v, t[None], SIGMA) for v, t in zip(seen, train, strict=True)]
        rows += [{"n": n, "images": "training"} | row for row in _means(own)]
    for n in (sizes[1], sizes[-1]):
        table = calibration(zoo.load(f"fashion32-unet16-n{n}-a"), x[:calibrated])
        calibrations += [{"n": n} | row for row in table]
    settings = {"images": count, "sigma": SIGMA, "cuts": list(CUTS)}
    return settings | {"rows": rows, "calibration": calibrations}


def _of_both(a: View, b: View, x: Tensor) -> list[dict]:
    """Summary, mean of the two halves' networks; factors of the first; distance of the Jacobians."""
    both = zip(summary(a, x, SIGMA), summary(b, x, SIGMA), strict=True)
    rows = [one | {"value": (one["value"] + two["value"]) / 2} for one, two in both]
    rows += [{"measure": "lam", "k": k, "value": a.basis.lam[k - 1].item()} for k in CUTS]
    return [*rows, {"measure": "apart", "value": ((a.J - b.J).norm() / a.J.norm()).item()}]


def calibration(f: Denoiser, x: Tensor, sigma: float = SIGMA) -> list[dict]:
    """Squared error along eigenvectors over sigma^2, beside the eigenvalue: equal for the ideal denoiser.

    Returns
    -------
    rows
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
    rows = []
    for low, high in zip(BINS, BINS[1:], strict=False):
        inside = (lam > low) & (lam <= high)
        if not inside.any():
            continue
        mean, count = error[inside].mean(), int(inside.sum())
        # a ratio of sums over images: the error's sum over how many directions there are
        excess = ((error - mean) * inside).sum(1)
        se = (excess.std() * len(x) ** 0.5 / count).item()
        found = {"from": low, "to": high, "directions": count, "lam": lam[inside].mean().item()}
        rows.append(found | {"error": mean.item(), "se": se})
    return rows


def faces(count: int = 2, at_sigma: int = 5) -> dict:
    """The face networks at the portrait and at held-out photographs, of which only numbers are kept.

    Returns
    -------
    found
        ``levels``: the noise levels. ``rows``: by ``sigma`` and ``measure`` means and standard errors over
        ``count`` images: those of `summary`; ``psnr``, the network's own, and what an oracle reaches in four
        bases; `agreement` at one cut, by ``pair``. ``portrait``: the PSNR of the first image alone.
        ``between``: share of the portrait's leading directions at one level that is found at ``other``.
        At the noise of Figure 3, for ``at_sigma`` images (the portrait is the first): ``first``, from each
        ``half``, as `_first` says; ``symmetry`` of A's Jacobian, as `_symmetry` says; and ``agreement``.
    """
    x = torch.cat([images.portrait(), images.load("faces40", max(count, at_sigma) - 1, "held-out")])
    f, g = (zoo.load(f"faces40-unet16-n13000-{half}") for half in ("a", "b"))
    fixed = {"cosines": bases.dct(40, 40), "wavelets": bases.wavelet(40, 40)}
    tables: dict = {name: [] for name in ("rows", "portrait", "between", "first", "symmetry", "agreement")}
    leading = {}
    for sigma in LEVELS:
        used = x[: at_sigma if sigma == SIGMA else count]
        y = [add_noise(one[None], sigma, seed=i) for i, one in enumerate(used)]
        first, found = [view(f, noisy) for noisy in y], []
        leading[sigma] = first[0].basis.e[:CUT]
        for i, a in enumerate(first):
            one, b = x[i : i + 1], view(g, y[i], leading=64)
            again = view(f, add_noise(one, sigma, seed=1000 + i), leading=CUT)
            agree = []
            for pair, other in (("halves", b), ("image", first[(i + 1) % len(first)]), ("noise", again)):
                agree += [{"pair": pair} | row for row in agreement(a, other, (CUT,))]
            if sigma == SIGMA:
                for half, seen in (("a", a), ("b", b)):
                    tables["first"].append({"image": i, "half": half} | _first(seen, one.numel()))
                tables["symmetry"].append({"image": i} | _symmetry(a, y[i]))
                tables["agreement"] += [{"image": i} | row for row in agree]
            if i < count:
                psnr = _oracles(a, one, sigma, fixed)
                found.append(summary(a, one, sigma) + psnr + agree)
                tables["portrait"] += [{"sigma": sigma} | row for row in psnr] if i == 0 else []
        tables["rows"] += [{"sigma": sigma} | row for row in _means(found)]
    for sigma, a in leading.items():
        for other, b in leading.items():
            shared = subspaces.shared(a, b)[-1].item()
            tables["between"].append({"sigma": sigma, "other": other, "shared": shared})
    return {"images": count, "levels": list(LEVELS), "cut": CUT} | tables


def _oracles(a: View, x: Tensor, sigma: float, fixed: dict[str, Tensor]) -> list[dict]:
    """PSNR of the network, and that of the best factors in its basis and in others."""
    led = torch.linalg.qr(torch.cat([a.estimate.flatten()[:, None], fixed["cosines"].T], 1))[0].T
    others = {"own basis": a.basis.e} | fixed | {"cosines led by the estimate": led}
    found = {"network": measures.psnr(x, a.estimate).item()}
    for name, basis in others.items():
        error = bases.oracle_error(basis @ x.flatten(), sigma, x) / x.numel()
        found[name] = measures.decibels(error).item()
    return [{"measure": "psnr", "basis": name, "value": value} for name, value in found.items()]


def _first(a: View, d: int) -> dict:
    """The largest eigenvalue, those at the ranks that the paper prints, and how many are above 1."""
    ranks, lam = list(paper.FACE_EIGENVALUES), a.basis.lam
    printed = paper.at_ranks(lam, ranks, paper.PIXELS / d)
    return {"largest": lam[0].item(), "above_1": int((lam > 1).sum()), "printed": printed}


def _symmetry(a: View, y: Tensor) -> dict:
    """Asymmetry of a whole Jacobian, what of f(y) is lost without its antisymmetric part; eigenvalues.

    ``unscaled``: those at the paper's ranks as they are; ``last``: the smallest.
    """
    lost = (a.J - a.J.T) @ y.flatten() / 2
    return {
        "asymmetry": asymmetry(a.J).value,
        "lost": (lost.norm() / a.estimate.norm()).item(),
        "unscaled": a.basis.lam[list(paper.FACE_EIGENVALUES)].tolist(),
        "last": a.basis.lam[-1].item(),
    }


STUDIES = {"adapted-bases": clothes, "adapted-faces": faces}
