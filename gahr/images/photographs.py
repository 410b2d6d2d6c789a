"""Photographs as tensors, and the exact rule that cuts a class into two disjoint halves.

Two classes of photographs carry the book: clothes (Fashion-MNIST, free to show) and faces (CelebA,
which may not be redistributed, so only a reader who has it can load it). Generated classes, drawn
from a seed and never stored, are in `gahr.images.synthetic`; `gahr.images.load` loads either by name.
"""

from __future__ import annotations

import numpy as np
import torch
from torch import Tensor
from torch.nn import functional as F

from gahr import _files
from gahr._checks import check_count, check_images, check_known, check_number
from gahr.images import _files as _sources

__all__ = ["HELD_OUT", "capacity", "covariance", "drop_near_duplicates", "portrait", "read", "split_indices"]

HELD_OUT = 2000
"""How many images of each class are kept out of both halves."""

CLASSES = ("fashion32", "faces40")
FASHION_COUNT = 70_000


# ------------------------------------------------------------------------------------------------
# Near-duplicates and halves


def drop_near_duplicates(x: Tensor, threshold: float = 0.95, block: int = 2000) -> Tensor:
    """Indices of the images that stay once near-duplicates are removed, in their old order.

    An image goes if its correlation with an earlier image that stays exceeds ``threshold``, both
    reduced to 20x20 by averaging and their means removed. Images are compared in blocks, so memory
    grows with ``block`` times the number kept, never with its square.

    Parameters
    ----------
    x
        Images, ``(B, C, H, W)``; 8-bit images are accepted too.
    threshold
        Correlation above which two images count as the same.
    block
        Images compared at once.

    Returns
    -------
    kept
        Increasing indices, int64.

    Notes
    -----
    Source: paper, appendix A.1 and the authors' code (same rule, without their N x N matrix).

    Examples
    --------
    >>> x = torch.rand(3, 1, 20, 20, generator=torch.Generator().manual_seed(0))
    >>> drop_near_duplicates(torch.cat([x, 0.5 * x[:1] + 0.1]))
    tensor([0, 1, 2])
    """
    check_number(threshold, "threshold", -1.0, 1.0)
    x = check_images(x.float() if isinstance(x, Tensor) else x, "x")
    vectors = F.adaptive_avg_pool2d(x, 20).flatten(1)
    vectors = vectors - vectors.mean(1, keepdim=True)
    vectors = F.normalize(vectors, dim=1)
    kept, seen = [], vectors[:0]
    for start in range(0, len(vectors), block):
        new = vectors[start : start + block]
        fresh = torch.ones(len(new), dtype=torch.bool, device=x.device)
        for chunk in seen.split(8192):
            fresh &= ~((new @ chunk.T) > threshold).any(1)
        candidates = fresh.nonzero()[:, 0]
        alike = (new[candidates] @ new[candidates].T) > threshold
        stays = torch.zeros(len(candidates), dtype=torch.bool, device=x.device)
        for i in range(len(candidates)):
            stays[i] = not (alike[i] & stays).any()
        seen = torch.cat([seen, new[candidates[stays]]])
        kept.append(candidates[stays] + start)
    return torch.cat(kept)


def _order(name: str) -> np.ndarray:
    """File numbers of a class in the book's fixed order, near-duplicates already gone."""
    check_known(name, CLASSES, "image class")
    with np.load(_files.fetch(f"images/{name}-order.npz")) as stored:
        return stored["order"]


def capacity(name: str, half: str = "a") -> int:
    """Largest N for which a class has two disjoint training sets, or how many images it holds out.

    Examples
    --------
    >>> capacity("faces40")
    13146
    """
    order = _order(name)
    check_known(half, ("a", "b", "held-out"), "half")
    return HELD_OUT if half == "held-out" else (len(order) - HELD_OUT) // 2


def split_indices(name: str, n: int, half: str) -> np.ndarray:
    """File numbers of a training set or of the held-out images. This is the whole rule.

    The class, without near-duplicates, is put in a fixed shuffled order (stored in ``data/images/``).
    The first 2,000 are held out. Half ``"a"`` is the next ``n``; half ``"b"`` is the last ``n``.
    So small sets are nested in large ones, and A and B never meet. Names and errors are those of
    `gahr.images.load`.

    Raises
    ------
    KeyError
        If the class or the half is unknown; the message names the nearest.
    ValueError
        If ``n`` is larger than the half.
    """
    order, limit = _order(name), capacity(name, half)
    if not 1 <= n <= limit:
        raise ValueError(f"{name}, {half}: n must be between 1 and {limit}; got {n}.")
    if half == "held-out":
        return order[:n]
    return order[HELD_OUT : HELD_OUT + n] if half == "a" else order[-n:]


# ------------------------------------------------------------------------------------------------
# Reading


def read(name: str, numbers: np.ndarray) -> Tensor:
    """Images of a class by file number, ``(B, 1, H, W)`` float32 in [0, 1].

    Fashion-MNIST is looked for in the stored subset first (no network needed), then in the folder
    ``GAHR_FASHION``, in Debian's ``dataset-fashion-mnist``, and last downloaded and verified.
    Faces are looked for in ``GAHR_CELEBA``: the folder ``img_align_celeba``, its zip, or an ``.npz``
    holding ``images`` (8-bit, 40x40) and ``ids``.
    """
    check_known(name, CLASSES, "image class")
    numbers = np.asarray(numbers)
    if numbers.ndim != 1 or numbers.dtype.kind not in "iu" or not len(numbers) or numbers.min() < 0:
        raise ValueError("numbers must be a one-dimensional array of file numbers, at least one.")
    if name == "faces40":
        pixels = _sources.face_pixels(numbers)
    else:
        pixels = _stored_clothes(numbers)
        if pixels is None and numbers.max() >= FASHION_COUNT:
            raise ValueError(f"fashion32 has files 0 to {FASHION_COUNT - 1}; got {numbers.max()}.")
        pixels = _sources.fashion_pixels()[numbers] if pixels is None else pixels
    x = torch.from_numpy(pixels)[:, None].float() / 255
    return F.pad(x, (2, 2, 2, 2)) if name == "fashion32" else x


def _stored_clothes(numbers: np.ndarray) -> np.ndarray | None:
    """The images if the stored subset holds them all; otherwise ``None``."""
    with np.load(_files.fetch("images/fashion32-subset.npz")) as stored:
        position = {number: i for i, number in enumerate(stored["numbers"].tolist())}
        wanted = [position.get(number) for number in numbers.tolist()]
        return None if None in wanted else stored["images"][wanted]


def portrait(size: int = 40) -> Tensor:
    """A public-domain face (NASA portrait of Eileen Collins, from scikit-image), ``(1, 1, 40, 40)``.

    Scaled so that the eyes lie where CelebA's alignment puts them. No network has seen it.
    """
    size = check_count(size, "size", 1)
    with np.load(_files.fetch("images/portrait.npz")) as stored:
        x = torch.from_numpy(stored["image"])[None, None].float() / 255
    return check_images(x if size == 40 else F.interpolate(x, size, mode="area"), "portrait")


def covariance(name: str) -> tuple[Tensor, Tensor, Tensor, float]:
    """Mean, leading eigenvalues and eigenvectors of a class's covariance, and the rest's variance.

    The four are the arguments of `gahr.denoisers.Wiener`. They were computed on half A's largest
    training set and are stored, so that the best linear denoiser of faces needs no copy of CelebA.
    """
    check_known(name, CLASSES, "image class")
    with np.load(_files.fetch(f"images/{name}-covariance.npz")) as stored:
        vectors = torch.from_numpy(stored["vectors"].astype(np.float32))
        mean, values = (torch.from_numpy(stored[key]) for key in ("mean", "values"))
        return mean, values, F.normalize(vectors, dim=1), float(stored["rest"])
