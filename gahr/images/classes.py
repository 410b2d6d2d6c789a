"""Image classes by name: the training set, held-out set or endless stream that a recipe asks for.

================================  ===========================================================
name                              images
================================  ===========================================================
``fashion32``, ``faces40``        photographs, see `gahr.images.photographs`
``fashion16``                     the same clothes, averaged over 2x2 pixels
``faces20``, ``faces10``          the same faces, averaged over 2x2 or 4x4 pixels
``shuffled40``                    the same faces, their pixels permuted, one permutation for all
``calpha40a2``,                   C^alpha images: side, contour regularity and, if it is another,
``calpha40a1.5b8``                background regularity
``discs40``, ``sinusoids40``      discs, plane waves: any side
``ray40``                         the portrait of `gahr.images.photographs.portrait` times a random factor
``folder:PATH@48`` and others     pictures of your own, see `gahr.images.own`
================================  ===========================================================

Drawn classes come in halves too: A, B and the held-out images have seeds of their own, and small
sets lie inside large ones, as with photographs.
"""

from __future__ import annotations

import re
from collections.abc import Callable

import torch
from torch import Tensor
from torch.nn import functional as F

from gahr._checks import check_known, check_text, check_whole
from gahr.images import own, photographs, synthetic

__all__ = ["count", "fresh", "is_drawn", "load"]

_CHUNK = 1000
_SEEDS = {"a": 1_000_000, "b": 2_000_000, "held-out": 3_000_000}
_PHOTOGRAPHS = {
    "fashion32": ("fashion32", 1),
    "fashion16": ("fashion32", 2),
    "faces40": ("faces40", 1),
    "faces20": ("faces40", 2),
    "faces10": ("faces40", 4),
    "shuffled40": ("faces40", 1),
}
"""The files of each class, and how many pixels in a row become one."""
_DRAWN = ("calpha40a2", "discs40", "sinusoids40", "ray40")


def _drawer(name: str) -> Callable[[int, int], Tensor] | None:
    """The function ``(count, seed) -> images`` of a drawn class; ``None`` for photographs."""
    number = r"(\d+(?:\.\d+)?)"
    found = re.fullmatch(rf"(calpha|discs|sinusoids|ray)(\d+)(?:a{number}(?:b{number})?)?", name)
    if found is None or (found[1] == "calpha") != (found[3] is not None):
        return None
    kind, size = found[1], int(found[2])
    if kind == "calpha":
        alpha, beta = float(found[3]), float(found[4]) if found[4] else None
        return lambda count, seed: synthetic.c_alpha(count, size, alpha, beta, seed)
    if kind == "ray":
        return lambda count, seed: synthetic.scaled(photographs.portrait(size), count, seed)
    return lambda count, seed: getattr(synthetic, kind)(count, size, seed=seed)


def is_drawn(name: str) -> bool:
    """Whether a class is drawn from a seed (then it has a `fresh` stream), not photographed.

    An unknown class is a `KeyError` that names the nearest; one of the reader's own that is not there, a
    `FileNotFoundError`.

    Examples
    --------
    >>> is_drawn("calpha40a2"), is_drawn("faces40")
    (True, False)
    """
    if own.is_own(name):
        own.count(name, "a")
        return False
    if _drawer(name) is not None:
        return True
    check_known(name, (*_PHOTOGRAPHS, *_DRAWN), "image class")
    return name in _DRAWN


def load(name: str, n: int, half: str) -> Tensor:
    """First ``n`` images of a half, or held-out images, ``(n, 1, H, W)`` float32 (3 channels in color).

    For photographs `gahr.images.photographs.split_indices` has the rule, and says where half B begins.
    Intensities are in [0, 1], except for sinusoids, which are in [-1, 1].

    Parameters
    ----------
    name, half
        See the table at the head of this module; ``"a"``, ``"b"`` or ``"held-out"``.

    Raises
    ------
    KeyError
        If the class or the half is unknown; the message names the nearest.
    ValueError
        If the class has fewer images.
    FileNotFoundError
        If its photographs are not on this machine; the message says how to get them.

    Examples
    --------
    >>> small, large = load("discs16", 5, "a"), load("discs16", 1500, "a")
    >>> torch.equal(small, large[:5])
    True
    """
    n = check_whole(n, "n")
    if own.is_own(check_text(name, "name")):
        return own.load(name, n, half)
    if is_drawn(name):
        check_known(half, _SEEDS, "half")
        if n < 1:
            raise ValueError(f"{name}, {half}: n must be at least 1; got {n}.")
        draw = _drawer(name)
        chunks = [draw(_CHUNK, _SEEDS[half] + k) for k in range(-(-n // _CHUNK))]
        return torch.cat(chunks)[:n]
    photographed, pixels = _PHOTOGRAPHS[name]
    x = photographs.read(photographed, photographs.split_indices(photographed, n, half))
    return synthetic.shuffled(x) if name == "shuffled40" else F.avg_pool2d(x, pixels)


def count(name: str, half: str) -> int | None:
    """How many images a half has; ``None``: as many as one asks for, or as only a loader knows.

    Examples
    --------
    >>> count("fashion32", "held-out"), count("discs40", "a")
    (2000, None)
    """
    if own.is_own(check_text(name, "name")):
        return own.count(name, half)
    check_known(half, _SEEDS, "half")
    if is_drawn(name):
        return None
    return photographs.capacity(_PHOTOGRAPHS[name][0], half)


def fresh(name: str, count: int, seed: int) -> Tensor:
    """New images of a drawn class, never the same for two seeds, and in no half, ``(count, 1, H, W)``.

    Raises
    ------
    ValueError
        If the class is photographed: there is no endless stream of photographs.
    """
    count = check_whole(count, "count")
    if not is_drawn(check_text(name, "name")):
        raise ValueError(f"{name} is a class of photographs: give a number of images, not fresh ones.")
    return _drawer(name)(count, 10_000_000 + seed)
