"""A denoiser's basis at one C^alpha picture, measured, and what the studies of chapters 8 to 11 share."""

from __future__ import annotations

import dataclasses

import torch
from torch import Tensor

from gahr import bases, measures
from gahr._calls import Caller, place_of
from gahr._checks import check_known
from gahr.analysis import bestbasis, harmonics
from gahr.analysis.calpha import contour
from gahr.denoisers import Denoiser, add_noise
from gahr.images import synthetic
from gahr.jacobian import asymmetry, linearize

ALPHAS = (1, 2, 3, 4, 5)
"""Classes with a network each."""

KINDS = ("network", "network, turned", "cosines", "wavelets")
"""Where vectors come from: the denoiser at this picture, the same turned at random within the space that
they span, or one of two bases that are the same for all."""


def network(alpha: float) -> str:
    """The network that saw fresh images of this regularity."""
    return f"calpha40a{alpha:g}-unet16-fresh-a"


def span(found: tuple[float, float, float]) -> dict[str, float]:
    """A slope and the ends of its interval, to be stored."""
    return dict(zip(("slope", "low", "high"), found, strict=True))


@dataclasses.dataclass(frozen=True)
class View:
    """A picture, seen through a denoiser.

    The clean picture, the noisy one and what the denoiser makes of it, each ``(1, 1, H, W)``; the contour's
    row in each column, ``(W,)``; the eigenbasis of the Jacobian's symmetric part at ``y``; the Jacobian's
    `gahr.jacobian.asymmetry`; and the noise level.
    """

    x: Tensor
    y: Tensor
    estimate: Tensor
    heights: Tensor
    basis: bases.Basis
    asymmetry: float
    sigma: float


def look(
    f: Denoiser,
    alpha: float,
    seed: int,
    sigma: float,
    size: int = 40,
    beta: float | None = None,
    noise: int = 0,
) -> View:
    """The single picture that `gahr.images.synthetic.c_alpha` draws from a seed, and the basis there.

    With one seed and several ``alpha`` the pictures are alike but for their smoothness: the same noise is
    filtered. ``beta`` is the backgrounds' regularity, ``alpha`` by default. What is added to make them
    noisy has the seed ``noise``.
    """
    x = synthetic.c_alpha(1, size, alpha, beta, seed).to(place_of(f) or "cpu")
    heights = contour(1, size, alpha, seed)[0]
    y = add_noise(x, sigma, noise)
    J = linearize(f, y, sigma).matrix()
    basis = bases.symmetric(J, shape=(1, size, size))
    return View(x, y, Caller(f)(y, sigma).detach(), heights, basis, asymmetry(J).value, sigma)


def _fixed(kind: str, x: Tensor) -> Tensor:
    return (bases.dct if kind == "cosines" else bases.wavelet)(*x.shape[-2:]).to(x)


def leading(view: View, kind: str, count: int = 30) -> Tensor:
    """The first vectors of a basis of one of the `KINDS` at this picture, as images ``(count, H, W)``.

    A denoiser's are ordered by their eigenvalue; those of a fixed basis by how much of the clean
    picture they carry, which is more than a denoiser could know.
    """
    check_known(kind, KINDS, "kind of basis")
    if kind.startswith("network"):
        e = view.basis.images(slice(0, count))[:, 0]
        if kind == "network":
            return e
        draw = torch.randn(len(e), len(e), generator=torch.Generator().manual_seed(0))
        return torch.tensordot(torch.linalg.qr(draw)[0].to(e), e, 1)
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
        contour and along its mirror image, and their difference, ``purity, less mirror``; ``length`` of
        the contour that a vector covers; ``share`` of energy near it; and ``order``, the rank correlation
        of frequency along the contour with rank.
    """
    e = leading(view if lender is None else lender, kind, count)
    rank = torch.arange(len(e), dtype=torch.float64, device=e.device)
    own, mirror = (harmonics.purity(e, h).mean().item() for h in (view.heights, view.heights.flip(0)))
    place = harmonics.frequency(e, view.heights).argsort().argsort().double()
    return {
        "aligned": harmonics.alignment(e, view.x).mean().item(),
        "aligned, mirror": harmonics.alignment(e, view.x.flip(-1)).mean().item(),
        "purity": own,
        "purity, mirror": mirror,
        "purity, less mirror": own - mirror,
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
