"""Bases that adapt to a picture by a known rule: what a denoiser with a free choice could reach.

Each function returns the picture's coefficients in an orthonormal basis; `gahr.bases.oracle_error` turns
them into an error. `packets` and `blocks` search a tree for the best basis. The choice is made either from
the noisy picture, as a denoiser would have to, or by an oracle that knows the clean one. The two bracket
what adapting within that family of bases can do. `cut_softly` is told a contour, `led` any vectors; `fixed`
is the same for all pictures. In colour each channel has a basis of its own.
"""

from __future__ import annotations

import math
import warnings
from collections.abc import Callable, Sequence
from functools import lru_cache

import numpy as np
import torch
from torch import Tensor

from gahr._checks import check_count, check_images, check_known, check_number
from gahr.bases import check_wavelet, dct

__all__ = ["blocks", "cut_softly", "fixed", "led", "packets"]

Cost = Callable[[np.ndarray], float]


def _cost(sigma: float, oracle: bool, factor: float) -> Cost:
    """What a set of coefficients costs: additive over the coefficients, so that trees can be pruned."""
    check_number(sigma, "sigma", 0.0, open_low=True)
    if oracle:
        return lambda c: float((c**2 * sigma**2 / (c**2 + sigma**2)).sum())
    return lambda c: float(np.minimum(c**2, (factor * sigma) ** 2).sum())


def _channels(x: Tensor, name: str) -> np.ndarray:
    """The channels of one picture, ``(C, H, W)``."""
    if len(check_images(x, name)) != 1:
        raise ValueError(f"{name} must be one image, (1, C, H, W); got {tuple(x.shape)}.")
    return x[0].detach().double().cpu().numpy()


def _pairs(x: Tensor, noisy: Tensor | None) -> list[tuple[np.ndarray, np.ndarray]]:
    """For each channel what the basis is chosen from, and the clean picture."""
    clean = _channels(x, "x")
    guide = clean if noisy is None else _channels(noisy, "noisy")
    if guide.shape != clean.shape:
        raise ValueError(f"noisy must have the shape of x, {tuple(x.shape)}; got {tuple(noisy.shape)}.")
    return list(zip(guide, clean, strict=True))


def fixed(x: Tensor, kind: str, name: str = "db2") -> Tensor:
    """Coefficients of a picture in a basis that is the same for all, by a fast transform, ``(d,)``.

    To compare with. There is no matrix, so that pictures may be large.

    Parameters
    ----------
    x
        The picture, ``(1, C, H, W)``.
    kind
        ``"cosines"``, or ``"wavelets"``: as many scales as both sides can be halved.
    name
        Orthogonal wavelet of PyWavelets (periodic boundaries).

    Examples
    --------
    >>> x = torch.full((1, 1, 8, 8), 0.5)
    >>> [round(c.abs().max().item(), 3) for c in (fixed(x, "cosines"), fixed(x, "wavelets"))]
    [4.0, 4.0]
    """
    check_known(kind, ("cosines", "wavelets"), "kind of basis")
    pixels = _channels(x, "x")
    if kind == "cosines":
        from scipy import fft

        found = fft.dctn(pixels, axes=(1, 2), norm="ortho")
    else:
        import pywt

        check_wavelet(name)
        levels = min(math.gcd(side, 1 << 20).bit_length() - 1 for side in pixels.shape[1:])
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # "level too high": periodic boundaries make it harmless
            bands = [pywt.wavedec2(one, name, mode="periodization", level=levels) for one in pixels]
        found = np.stack([pywt.coeffs_to_array(each)[0] for each in bands])
    return torch.from_numpy(found.ravel()).to(x)


def cut_softly(x: Tensor, below: Tensor) -> Tensor:
    """Coefficients of a picture in cosines that are cut along a contour whose pixels are mixed, ``(d,)``.

    Each cosine gives two vectors, one for either side: times ``below``, and times what is left to 1.
    They are made orthonormal in turn (Gram-Schmidt), broad waves first, until there are ``d``. One that
    depends on those before it is replaced by some vector that is orthogonal to all. Introduced in chapter 11.

    Parameters
    ----------
    x
        The clean picture, ``(1, C, H, W)``.
    below
        Which part of each pixel lies on one side, ``(1, 1, H, W)`` in [0, 1]; for C^alpha images from
        `gahr.images.synthetic.coverage`.

    Examples
    --------
    A picture of two grays has two coefficients, whatever its edge:

    >>> below = torch.rand(1, 1, 8, 8, generator=torch.Generator().manual_seed(0))
    >>> int((cut_softly(0.2 + 0.5 * below, below).abs() > 1e-5).sum())
    2
    """
    pixels = _channels(x, "x")
    if check_images(below, "below").shape != (1, 1, *pixels.shape[1:]):
        raise ValueError(f"below must be {(1, 1, *pixels.shape[1:])}; got {tuple(below.shape)}.")
    mask = below.detach().double().cpu().flatten()
    d = len(mask)
    half = dct(*pixels.shape[1:])[: -(-d // 2)].double()
    system = torch.stack([half * mask, half * (1 - mask)], 1).flatten(0, 1)[:d]
    return _in_turn(system, pixels).to(x)


def led(x: Tensor, leaders: Tensor) -> Tensor:
    """Coefficients of a picture in cosines that are led by vectors of your own, ``(d,)``.

    The leaders come first, then the cosines, broad ones first; all are made orthonormal in turn
    (Gram-Schmidt), until there are ``d``. It shows what a single vector gains. Introduced in chapter 11.

    Parameters
    ----------
    x
        The clean picture, ``(1, C, H, W)``.
    leaders
        Vectors as images, ``(k, H, W)``, fewer than pixels.

    Examples
    --------
    A picture that is its own leader has one coefficient:

    >>> x = torch.rand(1, 1, 8, 8, generator=torch.Generator().manual_seed(0))
    >>> int((led(x, x[0]).abs() > 1e-5).sum())
    1
    """
    pixels = _channels(x, "x")
    if leaders.ndim != 3 or leaders.shape[1:] != pixels.shape[1:]:
        raise ValueError(f"leaders must be (k, *{pixels.shape[1:]}); got {tuple(leaders.shape)}.")
    d = leaders[0].numel()
    check_count(len(leaders), "number of leaders", 1, d - 1)
    first = leaders.detach().double().cpu().reshape(-1, d)
    return _in_turn(torch.cat([first, dct(*pixels.shape[1:])[: d - len(first)].double()]), pixels).to(x)


def _in_turn(system: Tensor, pixels: np.ndarray) -> Tensor:
    """Coefficients of each channel in ``(d, d)`` vectors that are made orthonormal, one after the other."""
    d = len(system)
    whole = torch.cat([system, torch.from_numpy(pixels).reshape(-1, d)])
    return torch.linalg.qr(whole.T, mode="r")[1][:d, d:].T.flatten()


def packets(
    x: Tensor,
    sigma: float,
    noisy: Tensor | None = None,
    name: str = "db2",
    levels: int = 3,
    factor: float = 3.0,
) -> Tensor:
    """Coefficients of a picture in its best basis of wavelet packets, ``(d,)``.

    Wavelets split only the coarse band again; packets may split every band. The tree of splits is
    the one of least cost.

    Parameters
    ----------
    x
        The clean picture, ``(1, C, H, W)``; the sides divisible by ``2**levels``.
    sigma
        Noise level, which decides what is worth keeping.
    noisy
        The noisy picture: then the tree is chosen from it, by ``sum min(c^2, (factor sigma)^2)``.
        If ``None`` an oracle chooses, by the error that `gahr.bases.oracle_error` computes.
    name, levels
        Orthogonal wavelet of PyWavelets (periodic boundaries), and depth of the tree.
    factor
        Threshold in units of the noise.

    Notes
    -----
    Source: Coifman and Wickerhauser's pruning; paper, section 3.1, "best adaptive bases".
    """
    pairs, cost = _pairs(x, noisy), _cost(sigma, noisy is None, factor)
    name, levels = check_wavelet(name), check_count(levels, "levels", 0)
    if x.shape[2] % 2**levels or x.shape[3] % 2**levels:
        raise ValueError(f"{x.shape[2]}x{x.shape[3]} is not divisible by 2^{levels}; use fewer levels.")
    found = [_packet(guide, clean, levels, name, cost)[1] for guide, clean in pairs]
    return torch.from_numpy(np.concatenate(found)).to(x)


def _packet(guide: np.ndarray, x: np.ndarray, levels: int, name: str, cost: Cost) -> tuple[float, np.ndarray]:
    import pywt

    whole = cost(guide), x.ravel()
    if levels == 0:
        return whole
    (low, high), (clean_low, clean_high) = (pywt.dwt2(a, name, mode="periodization") for a in (guide, x))
    pairs = zip((low, *high), (clean_low, *clean_high), strict=True)
    parts = [_packet(a, b, levels - 1, name, cost) for a, b in pairs]
    split = sum(part[0] for part in parts), np.concatenate([part[1] for part in parts])
    return split if split[0] < whole[0] else whole


def blocks(
    x: Tensor,
    sigma: float,
    noisy: Tensor | None = None,
    sizes: Sequence[int] = (20, 10, 5),
    angles: int = 12,
    factor: float = 3.0,
) -> Tensor:
    """Coefficients of a picture in its best basis of directional blocks, ``(d,)``.

    The picture is cut into squares of the first size. Each is either kept or cut into squares of the
    next size, and so on. A square that is kept gets cosines, or one of several directions: then its
    pixels are put in order *across* the direction and a Haar basis of that sequence is used, in
    which a picture that is constant along the direction and jumps across it needs few coefficients.

    Parameters
    ----------
    x, sigma, noisy, factor
        As for `packets`.
    sizes
        Sides of the squares, each dividing the one before, the first dividing the picture's sides.
    angles
        Number of directions.

    Notes
    -----
    A simple relative of bandlets (Peyre & Mallat, 2008), in the pixels rather than in wavelets. The
    number of *vectors* grows slowly with the number of pixels, as the theory asks, although the
    number of bases is astronomical.
    """
    if not isinstance(sizes, Sequence) or isinstance(sizes, str):
        raise TypeError(f"sizes must be sides of squares, as in (20, 10, 5); got {sizes!r}.")
    sizes, angles = [check_count(side, "sizes", 1) for side in sizes], check_count(angles, "angles", 0)
    pairs, steps = _pairs(x, noisy), [*x.shape[2:], *sizes]
    if (
        not sizes
        or any(side % sizes[0] for side in x.shape[2:])
        or any(large % small for large, small in zip(sizes, sizes[1:], strict=False))
    ):
        raise ValueError(f"sizes must divide each other and the picture's sides; got {steps}.")
    cost = _cost(sigma, noisy is None, factor)
    parts = [part for pair in pairs for part in _squares(*pair, tuple(sizes), angles, cost)]
    return torch.from_numpy(np.concatenate([part[1] for part in parts])).to(x)


def _squares(
    guide: np.ndarray, x: np.ndarray, sizes: tuple[int, ...], angles: int, cost: Cost
) -> list[tuple[float, np.ndarray]]:
    """The best basis of each square of side ``sizes[0]``: its cost, and the coefficients of ``x``."""
    side, found = sizes[0], []
    for i in range(0, len(x), side):
        for j in range(0, x.shape[1], side):
            a, b = (v[i : i + side, j : j + side] for v in (guide, x))
            stack = _directions(side, angles)
            every = stack @ a.ravel()
            costs = [cost(c) for c in every]
            best = int(np.argmin(costs))
            keep = costs[best], stack[best] @ b.ravel()
            if len(sizes) > 1:
                parts = _squares(a, b, sizes[1:], angles, cost)
                cut = sum(part[0] for part in parts), np.concatenate([part[1] for part in parts])
                keep = cut if cut[0] < keep[0] else keep
            found.append(keep)
    return found


@lru_cache(maxsize=8)
def _directions(side: int, angles: int) -> np.ndarray:
    """Orthonormal bases of a square: cosines, then one for each direction, ``(1 + angles, d, d)``."""
    from scipy import fft

    cosine = fft.dct(np.eye(side), norm="ortho", axis=0)
    stack = [np.kron(cosine, cosine)]
    row, column = np.mgrid[:side, :side].reshape(2, -1)
    for k in range(angles):
        turn = math.pi * k / angles
        across = row * math.cos(turn) - column * math.sin(turn)
        along = row * math.sin(turn) + column * math.cos(turn)
        order = np.lexsort((along, across.round(6)))
        basis = np.zeros((side**2, side**2))
        basis[:, order] = _haar(side**2)
        stack.append(basis)
    return np.stack(stack)


def _haar(n: int) -> np.ndarray:
    """Haar basis of a sequence of any length, rows ``(n, n)``: halves, halves of halves, and so on."""
    rows, pieces = [np.full(n, n**-0.5)], [(0, n)]
    for start, stop in pieces:  # grows as it is read
        if stop - start < 2:
            continue
        middle = (start + stop) // 2
        left, right = middle - start, stop - middle
        row = np.zeros(n)
        row[start:middle], row[middle:stop] = 1 / left, -1 / right
        rows.append(row / np.linalg.norm(row))
        pieces += [(start, middle), (middle, stop)]
    return np.stack(rows)
