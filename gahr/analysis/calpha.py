"""C^alpha pictures: how smooth they are, and a denoiser's basis at one of them, measured."""

from __future__ import annotations

import dataclasses
from collections.abc import Sequence

import torch
from torch import Tensor

from gahr import bases, measures
from gahr._checks import check_images, check_known, stream
from gahr.analysis import bestbasis, harmonics
from gahr.denoisers import Denoiser, add_noise
from gahr.images import synthetic
from gahr.jacobian import asymmetry, linearize

__all__ = [
    "KINDS",
    "View",
    "contour",
    "holder",
    "leading",
    "look",
    "oracle_db",
    "step",
    "structure",
    "summary",
]

KINDS = ("network", "cosines", "wavelets")
"""Where vectors come from: the denoiser at this picture, or one of two bases that are the same for all."""


# ------------------------------------------------------------------------------------------------
# How smooth the pictures are


def contour(n: int, size: int = 40, alpha: float = 2.0, seed: int = 0) -> Tensor:
    """The contours of `gahr.images.synthetic.c_alpha` with the same arguments, before they are rounded.

    ``(n, size)``, double, in pixels from the top, one for each column; in the image rounded to a pixel. What
    lies below the contour has rows at or beyond its height.
    """
    white = 2 * torch.rand(n, size, generator=stream(seed), dtype=torch.float32).double() - 1
    k = (torch.fft.fftfreq(size, dtype=torch.float64) * size).abs().clamp_min(1.0)
    return torch.fft.ifft(torch.fft.fft(white) * k**-alpha).real * size + size // 2


def step(x: Tensor, heights: Tensor, away: int = 3) -> Tensor:
    """Mean gray ``away`` pixels below a contour less that above it, ``(B,)``: how visible it is.

    Of images ``(B, 1, H, W)`` with their contours, ``(B, W)``, as from `contour`. Columns in which either
    pixel would lie outside the image do not count.
    """
    rows = check_images(x, "x").shape[2]
    at = _rounded(x, heights)
    inside = (at - away >= 0) & (at + away < rows)
    low, high = ((at + side * away).clamp(0, rows - 1)[:, None] for side in (1, -1))
    difference = (x[:, 0].gather(1, low) - x[:, 0].gather(1, high))[:, 0] * inside
    return difference.sum(1) / inside.sum(1).clamp_min(1)


def _rounded(x: Tensor, heights: Tensor) -> Tensor:
    if heights.shape != (len(x), x.shape[-1]):
        raise ValueError(
            f"heights must be ({len(x)}, {x.shape[-1]}), one a column; got {tuple(heights.shape)}."
        )
    return heights.round().long()


def structure(f: Tensor, order: int, lags: Sequence[int]) -> Tensor:
    """Mean square of the ``order``-th difference at each lag, along the last axis, ``(len(lags),)``.

    The first difference of the samples ``f``, ``(..., T)``, at lag ``h`` (in grid points) is ``f(t + h) -
    f(t)``; the second is the difference of that. The order must be above the regularity that one wants to
    see.
    """
    if order < 1 or min(lags) < 1 or order * max(lags) >= f.shape[-1]:
        raise ValueError(
            f"{f.shape[-1]} samples are too few for differences of order {order} at lags {lags}."
        )
    found = []
    for lag in lags:
        difference = f.double()
        for _ in range(order):
            difference = difference[..., lag:] - difference[..., :-lag]
        found.append(difference.square().mean())
    return torch.stack(found)


def holder(f: Tensor, order: int, lags: Sequence[int] = (2, 4, 8)) -> float:
    """Regularity of samples in the sense of Holder, from how their differences grow with the lag.

    The root mean square of the differences of a random function of regularity ``a`` grows as
    ``lag^a``, if ``a`` is below ``order``. For a stationary Gaussian function the largest
    difference grows alike, up to a logarithm.

    Parameters
    ----------
    f, order, lags
        As for `structure`.

    Examples
    --------
    >>> walk = torch.randn(50, 500, generator=torch.Generator().manual_seed(0)).cumsum(1)
    >>> round(holder(walk, 1), 1)  # a random walk has regularity 1/2
    0.5
    """
    u = torch.tensor(lags, dtype=torch.float64).log()
    v = structure(f, order, lags).log() / 2
    u = u - u.mean()
    return ((u * v).sum() / u.square().sum()).item()


# ------------------------------------------------------------------------------------------------
# A denoiser's basis at one picture


@dataclasses.dataclass(frozen=True)
class View:
    """A picture, seen through a denoiser.

    Parameters
    ----------
    x, y, estimate
        The clean picture, the noisy one and what the denoiser makes of it, each ``(1, 1, H, W)``.
    heights
        The contour's row in each column, ``(W,)``.
    basis
        Eigenvalues and eigenvectors of the Jacobian's symmetric part at ``y``.
    asymmetry
        Of the Jacobian, as `gahr.jacobian.asymmetry` has it.
    sigma
        Noise level.
    """

    x: Tensor
    y: Tensor
    estimate: Tensor
    heights: Tensor
    basis: bases.Basis
    asymmetry: float
    sigma: float


def look(
    f: Denoiser, alpha: float, seed: int, sigma: float, size: int = 40, beta: float | None = None
) -> View:
    """The single picture that `gahr.images.synthetic.c_alpha` draws from a seed, and the basis there.

    With one seed and several ``alpha`` the pictures are alike but for their smoothness: the same
    noise is filtered. What is added to make them noisy has the seed 0.

    Parameters
    ----------
    f
        The denoiser, differentiable by torch.
    alpha, seed, size, beta
        As for the picture: ``beta`` is the backgrounds' regularity, ``alpha`` by default.
    sigma
        Noise level.
    """
    x = synthetic.c_alpha(1, size, alpha, beta, seed)
    heights = contour(1, size, alpha, seed)[0]
    y = add_noise(x, sigma)
    J = linearize(f, y, sigma).matrix()
    basis = bases.symmetric(J, shape=(1, size, size))
    return View(x, y, f(y, sigma).detach(), heights, basis, asymmetry(J).value, sigma)


def _fixed(kind: str, x: Tensor) -> Tensor:
    return (bases.dct if kind == "cosines" else bases.wavelet)(*x.shape[-2:])


def leading(view: View, kind: str, count: int = 30) -> Tensor:
    """The first vectors of a basis of one of the `KINDS` at this picture, as images ``(count, H, W)``.

    A denoiser's are ordered by their eigenvalue; those of a fixed basis by how much of the clean
    picture they carry, which is more than a denoiser could know.
    """
    check_known(kind, KINDS, "kind of basis")
    if kind == "network":
        return view.basis.images(slice(0, count))[:, 0]
    rows = _fixed(kind, view.x)
    order = (rows @ view.x.flatten()).abs().argsort(descending=True)[:count]
    return rows[order].view(-1, *view.x.shape[-2:])


def summary(view: View, kind: str, count: int = 30, lender: View | None = None) -> dict[str, float]:
    """Means over the first vectors of a basis: what the chapter's tables hold.

    Parameters
    ----------
    view, kind, count
        As for `leading`.
    lender
        Another picture: then its vectors are held against the edges of this one, as a control.

    Returns
    -------
    numbers
        ``aligned`` with the picture's edges, and with those of its mirror image (left and right
        exchanged), which has edges of the same kinds in the wrong places; ``purity`` along the
        contour and along its mirror image; ``length`` of the contour that a vector covers; ``share``
        of energy near it; and ``order``, the rank correlation of frequency along the contour with
        rank.
    """
    e = leading(view if lender is None else lender, kind, count)
    rank = torch.arange(len(e), dtype=torch.float64)
    place = harmonics.frequency(e, view.heights).argsort().argsort().double()
    return {
        "aligned": harmonics.alignment(e, view.x).mean().item(),
        "aligned, mirror": harmonics.alignment(e, view.x.flip(-1)).mean().item(),
        "purity": harmonics.purity(e, view.heights).mean().item(),
        "purity, mirror": harmonics.purity(e, view.heights.flip(0)).mean().item(),
        "share": harmonics.share(e, view.heights).mean().item(),
        "length": harmonics.length(e, view.heights).mean().item(),
        "order": torch.corrcoef(torch.stack([rank, place]))[0, 1].item(),
    }


def oracle_db(view: View, other: View) -> dict[str, float]:
    """PSNR in dB that the best shrinkage factors reach at this picture, in one basis after another.

    ``other`` lends its basis, as a control. Both bases must be whole.
    """
    x, sigma = view.x, view.sigma
    found = {kind: _fixed(kind, x) @ x.flatten() for kind in ("cosines", "wavelets")}
    for name, find in (("wavelet packets", bestbasis.packets), ("directional blocks", bestbasis.blocks)):
        found[f"{name}, chosen from the noisy picture"] = find(x, sigma, view.y)
        found[f"{name}, chosen by an oracle"] = find(x, sigma)
    found["network, at another picture"] = other.basis.coefficients(x)[0]
    found["network"] = view.basis.coefficients(x)[0]
    errors = {name: bases.oracle_error(c, sigma, x) / x.numel() for name, c in found.items()}
    return {name: measures.decibels(error).item() for name, error in errors.items()}
