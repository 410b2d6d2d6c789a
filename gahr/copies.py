"""Copies, whole and in pieces: the memorizing ideal as a sampler, and rulers that forgive brightness.

A bias-free network that knows an image knows it at every brightness, and so do its samples. So
likeness is measured here to the *ray* of each training image, the image times any factor.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import NamedTuple

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from gahr import measures
from gahr._checks import check_images, check_number, check_same_shape
from gahr.ideal import FiniteSet

__all__ = [
    "Patchwork",
    "Recall",
    "bright",
    "brightness",
    "decibels",
    "doubt",
    "patchwork",
    "perfect",
    "ranks",
    "ray_ratio",
    "share",
]


class Recall(nn.Module):
    """The memorizing ideal, `gahr.ideal.FiniteSet`, made blind: it finds the noise level by itself.

    The level is the one under which the noisy image is most probable, ``sigma^2 = sum_i w_i |y -
    x_i|^2 / d`` with the posterior weights ``w_i``, found by iteration from the nearest image.

    Parameters
    ----------
    x
        The training images, ``(N, C, H, W)``.
    rounds
        Of the iteration.

    Examples
    --------
    >>> x = torch.rand(3, 1, 8, 8, generator=torch.Generator().manual_seed(0))
    >>> f = Recall(x)
    >>> torch.allclose(f(x + 0.05), x)
    True
    """

    def __init__(self, x: Tensor, rounds: int = 3) -> None:
        super().__init__()
        self.set = FiniteSet(x)
        self.rounds = int(check_number(rounds, "rounds", 0))

    def level(self, y: Tensor) -> Tensor:
        """Noise level that each image shows, ``(B,)`` float64."""
        squares = _squares(y, self.set.x)
        found = squares.min(1).values.clamp_min(1e-12)
        for _ in range(self.rounds):
            weights = (-0.5 * y[0].numel() * squares / found[:, None]).softmax(1)
            found = (weights * squares).sum(1).clamp_min(1e-12)
        return found.sqrt()

    def forward(self, y: Tensor, sigma: float | None = None) -> Tensor:
        """Average of the training images under the posterior; ``sigma`` is accepted and ignored."""
        variance = self.level(y)[:, None].square()
        weights = (-0.5 * y[0].numel() * _squares(y, self.set.x) / variance).softmax(1)
        return (weights @ self.set.x.flatten(1).double()).view_as(y).to(y)


def _squares(y: Tensor, x: Tensor) -> Tensor:
    """Squared distance per pixel of each image from each training image, ``(B, N)`` float64."""
    _same_size(y, x)
    y, x = (images.flatten(1).double() for images in (y, x))
    far = y.square().sum(1, keepdim=True) - 2 * y @ x.T + x.square().sum(1)
    return far.clamp_min(0) / y.shape[1]


def _same_size(x: Tensor, train: Tensor) -> None:
    check_same_shape(check_images(x, "x")[:1], check_images(train, "train")[:1], ("x", "train"))


def doubt(train: Tensor) -> Tensor:
    """Noise level at which the perfect memory begins to doubt each of its images, ``(N,)``.

    Half the distance to the nearest other image: noise of this standard deviation, along the line
    that joins the two, crosses the middle in 16 % of cases.

    Examples
    --------
    >>> doubt(torch.tensor([[[[0.0, 0.0]]], [[[3.0, 4.0]]], [[[6.0, 8.0]]]]))
    tensor([2.5000, 2.5000, 2.5000])
    """
    if len(check_images(train, "train")) < 2:
        raise ValueError("a nearest other image needs at least 2 training images; got 1.")
    squares = _squares(train, train).fill_diagonal_(float("inf")) * train[0].numel()
    return (squares.min(1).values.sqrt() / 2).to(train)


def decibels(mse: Sequence[float]) -> Tensor:
    """PSNR of mean squared errors, in dB; at most 300, so that no error at all can be drawn.

    Examples
    --------
    >>> decibels([0.01, 0.0])
    tensor([ 20., 300.])
    """
    return -10 * torch.as_tensor(mse).clamp_min(1e-30).log10()


def perfect(train: Tensor, sigmas: tuple[float, ...], noisy: int = 3000, most: int = 100) -> Tensor:
    """PSNR of the mean squared error of the perfect memory on its own images, in dB, ``(levels,)``.

    Parameters
    ----------
    train
        The training images, ``(N, C, H, W)``.
    sigmas
        Noise levels.
    noisy
        Noisy images to average over, about. Errors are rare and large: with few, none is met.
    most
        Of the training images at most so many are made noisy; all may be the answer.
    """
    x = train[:most]
    repeats = max(1, noisy // len(x))
    return decibels(measures.psnr_curve(FiniteSet(train), x, sigmas, repeats=repeats)["mse"])


def bright(x: Tensor) -> Tensor:
    """Each image at its full contrast: divided by its largest intensity."""
    return x / check_images(x, "x").amax((1, 2, 3), keepdim=True).clamp_min(1e-12)


def brightness(x: Tensor, train: Tensor) -> Tensor:
    """Factor by which each image is brighter than the training image most parallel to it, ``(B,)``.

    Examples
    --------
    >>> train = torch.rand(3, 1, 4, 4)
    >>> [round(c, 3) for c in brightness(0.7 * train, train).tolist()]
    [0.7, 0.7, 0.7]
    """
    _same_size(x, train)
    inner = x.flatten(1) @ train.flatten(1).T
    lengths = train.flatten(1).norm(dim=1)
    which = (inner / lengths).argmax(1, keepdim=True)
    return (inner.gather(1, which) / lengths[which].square())[:, 0]


def ray_ratio(x: Tensor, train: Tensor) -> Tensor:
    """Like `gahr.rulers.distance_ratio`, with training images at any brightness, ``(B,)``.

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


def share(values: Sequence[float] | Tensor, above: float = -math.inf, below: float = math.inf) -> float:
    """Fraction of values above one threshold and below another.

    Examples
    --------
    >>> share([0.2, 0.94, 0.96, 0.99], above=0.95)
    0.5
    """
    values = torch.as_tensor(values)
    return ((values > above) & (values < below)).double().mean().item()


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
        The images put together from those patches, overlaps averaged, ``(B, 1, H, W)``.
    """

    source: Tensor
    single: Tensor
    mixed: Tensor
    collage: Tensor

    def __str__(self) -> str:
        """Cells of a Markdown table: the medians of ``single``, ``mixed`` and `main`."""
        middle = (v.median().item() for v in (self.single, self.mixed, self.main))
        return "{:.1%} | {:.1%} | {:.0%}".format(*middle)

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
        Images to explain, ``(B, 1, H, W)``, none of them black.
    train
        ``(N, 1, H, W)``.
    size, stride
        Of the patches, in pixels.
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
    check_number(stride, "stride", 1)
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
    found, times = source[source >= 0].unique(return_counts=True)
    place = torch.full((int(source.max()) + 2,), -1)
    place[found[times.argsort(descending=True, stable=True)]] = torch.arange(len(found))
    return place[source]
