"""What was copied from the training images, whole or in pieces.

A bias-free network that knows an image knows it at every brightness, and so do its samples. So
likeness is measured here to the *ray* of each training image too, the image times any factor.
"""

from __future__ import annotations

from typing import NamedTuple

import torch
from torch import Tensor
from torch.nn import functional as F

from gahr import measures
from gahr._checks import check_count, check_images, check_number, check_whole

__all__ = [
    "Patchwork",
    "bright",
    "closest",
    "distance_ratio",
    "memorized_fraction",
    "patchwork",
    "ranks",
    "ray_ratio",
]


def _same_size(x: Tensor, train: Tensor, name: str = "x") -> None:
    check_images(x, name, clean=True)
    if check_images(train, "train", clean=True).shape[1:] != x.shape[1:]:
        raise ValueError(
            f"{name} and train must hold images of one shape; "
            f"got {tuple(x.shape[1:])}, {tuple(train.shape[1:])}."
        )


def bright(x: Tensor) -> Tensor:
    """Each image at its full contrast: divided by its largest intensity."""
    return x / check_images(x, "x").amax((1, 2, 3), keepdim=True).clamp_min(1e-12)


def closest(x: Tensor, train: Tensor) -> Tensor:
    """The training image most similar to each image, means removed, ``(B, C, H, W)``."""
    return train[measures.nearest(x, train)[0]]


def distance_ratio(x: Tensor, train: Tensor) -> Tensor:
    """Distance of each image to the nearest training image, over that to the second nearest, ``(B,)``.

    Near 0 for a copy, near 1 for an image that belongs to none.
    """
    _same_size(x, train)
    if len(train) < 2:
        raise ValueError("a second nearest image needs at least 2 training images; got 1.")
    distances = torch.cdist(x.flatten(1), train.flatten(1), compute_mode="donot_use_mm_for_euclid_dist")
    first, second = distances.topk(2, dim=1, largest=False).values.T
    return first / second


def memorized_fraction(samples: Tensor, train: Tensor, ratio: float = 1 / 3) -> float:
    """Fraction of samples much nearer to one training image than to any other.

    A sample counts as memorized if its `distance_ratio` is below ``ratio``.

    Raises
    ------
    ValueError
        If there are fewer than 3 training images, where the criterion says nothing.

    Notes
    -----
    Source: Yoon et al. (2023); used with 1/3 by Bonnaire et al. (2025).
    """
    _same_size(samples, train, "samples")
    check_number(ratio, "ratio", 0.0, 1.0, open_low=True)
    if len(train) < 3:
        raise ValueError(f"the ratio criterion needs at least 3 training images; got {len(train)}.")
    return (distance_ratio(samples, train) < ratio).double().mean().item()


def ray_ratio(x: Tensor, train: Tensor) -> Tensor:
    """Like `distance_ratio`, with training images at any brightness, ``(B,)``. Introduced in chapter 4.

    The distance of an image from the nearest *ray* of a training image (the image times any
    positive factor), over that from the second nearest.

    Raises
    ------
    ValueError
        If there are fewer than 2 training images.

    Examples
    --------
    >>> x = torch.tensor([[[[3.0, 0.3]]]])
    >>> train = torch.tensor([[[[0.3, 0.0]]], [[[0.0, 0.2]]]])
    >>> round(ray_ratio(x, train).item(), 3)
    0.1
    """
    _same_size(x, train)
    if len(train) < 2:
        raise ValueError("a second nearest image needs at least 2 training images; got 1.")
    one, two = (F.normalize(images.flatten(1).double(), dim=1) for images in (x, train))
    cosine = (one @ two.T).clamp(0, 1).topk(2, dim=1).values
    first, second = (1 - cosine.square()).sqrt().T
    return first / second


# ------------------------------------------------------------------------------------------------
# Copies in pieces


class Patchwork(NamedTuple):
    """Images taken apart into patches of training images.

    Parameters
    ----------
    source
        Index of the training image that explains each patch best, ``(B, rows, columns)``; -1 where
        the patch is nearly empty.
    single
        Share of the energy left unexplained when all patches come from *one* training image, the
        best one, ``(B,)``.
    mixed
        The same when each patch comes from the training image that explains it best, ``(B,)``.
    collage
        The images put together from those patches, overlaps averaged, ``(B, C, H, W)``.
    """

    source: Tensor
    single: Tensor
    mixed: Tensor
    collage: Tensor

    @property
    def main(self) -> Tensor:
        """Share of the patches that come from the training image with most of them, ``(B,)``."""
        filled = [source[source >= 0] for source in self.source]
        return torch.stack([(one == one.mode().values).double().mean() for one in filled])


def patchwork(x: Tensor, train: Tensor, size: int = 8, stride: int = 4, empty: float = 0.02) -> Patchwork:
    """Explain each patch by the patch at the same place in a training image, times a factor.

    Parameters
    ----------
    x
        Images to explain, ``(B, C, H, W)``, none of them black.
    train
        ``(N, C, H, W)``.
    size, stride
        Of the patches, in pixels. A patch has all channels.
    empty
        A patch with less than this fraction of the mean energy of the image's patches is left out.

    Returns
    -------
    found
        A `Patchwork`. The factor is positive and chosen for each patch, for one image as for many,
        so that ``single - mixed`` is what mixing buys.

    Raises
    ------
    ValueError
        If the patches do not fit into the images, or an image is black.
    """
    _same_size(x, train)
    stride, size = check_count(stride, "stride", 1), check_whole(size, "size")
    if not 1 <= size <= min(x.shape[2:]):
        raise ValueError(f"size must be between 1 and the image's side {min(x.shape[2:])}; got {size}.")
    if not x.flatten(1).any(1).all():
        raise ValueError("x holds a black image, which every image explains.")
    cut, known = (F.unfold(images.double(), size, stride=stride) for images in (x, train))  # (B, size^2, P)
    energy, known = cut.square().sum(1), F.normalize(known, dim=1)
    counts = energy > empty * energy.mean(1, keepdim=True)
    inner = torch.einsum("bqp,nqp->bpn", cut, known).clamp_min(0)
    explained = inner.square() * counts[..., None]  # (B, P, N)
    total = (energy * counts).sum(1)
    best = explained.max(2)
    single, mixed = (1 - part / total for part in (explained.sum(1).max(1).values, best.values.sum(1)))
    places = torch.arange(cut.shape[2])
    taken = known[best.indices, :, places] * inner.gather(2, best.indices[..., None])  # (B, P, size^2)
    pieces = torch.stack([(taken * counts[..., None]).mT, torch.ones_like(taken).mT])
    summed, times = (F.fold(part, x.shape[2:], size, stride=stride) for part in pieces)
    source = torch.where(counts, best.indices, -1).view(len(x), (x.shape[2] - size) // stride + 1, -1)
    return Patchwork(source, single, mixed, (summed / times.clamp_min(1)).to(x))


def ranks(source: Tensor) -> Tensor:
    """How often each patch's training image is used: 0 for the most used; -1 stays, ``(rows, columns)``.

    Examples
    --------
    >>> ranks(torch.tensor([[7, 7, 3], [5, 7, -1]]))
    tensor([[ 0,  0,  1],
            [ 2,  0, -1]])
    """
    if not isinstance(source, Tensor):
        raise TypeError(f"source must be indices, a tensor (rows, columns); got {type(source).__name__}.")
    found, times = source[source >= 0].unique(return_counts=True)
    place = source.new_full((int(source.max()) + 2,), -1)
    place[found[times.argsort(descending=True, stable=True)]] = torch.arange(len(found)).to(source)
    return place[source]
