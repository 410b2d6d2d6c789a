"""What a denoiser is: a function ``f(y, sigma=None)`` that returns an estimate of the clean image.

A *blind* denoiser ignores ``sigma`` and works at every noise level; Wiener filters and thresholds
need it. Everything that follows in the package (scores, samplers, Jacobians) takes any such ``f``.
"""

from __future__ import annotations

import math
from typing import Protocol, Self

import torch
from torch import Tensor, nn

from gahr import networks
from gahr._calls import Caller
from gahr._checks import (
    check_count,
    check_images,
    check_number,
    check_orthonormal,
    check_shape,
    check_sigma,
    check_tensor,
    stream,
)

__all__ = [
    "Blind",
    "BlindWiener",
    "Denoiser",
    "Projection",
    "Rescaled",
    "Threshold",
    "Wiener",
    "add_noise",
    "shrinkage",
]


class Denoiser(Protocol):
    """Anything that maps noisy images ``(B, C, H, W)`` to estimates of the same shape."""

    def __call__(self, y: Tensor, sigma: float | Tensor | None = None) -> Tensor:
        """Estimate the clean images from ``y = x + sigma z``."""
        ...


def add_noise(x: Tensor, sigma: float | Tensor, seed: int = 0) -> Tensor:
    """Return ``y = x + sigma z`` with standard normal ``z`` drawn from ``seed``.

    Parameters
    ----------
    x
        Clean images, ``(B, C, H, W)``; refused if their intensities go up to 255.
    sigma
        Standard deviation of the noise on the intensity scale [0, 1]: one, or one for each image, ``(B,)``.
    seed
        The same seed gives the same noise, on any device and in any precision: it is drawn on the CPU
        in float32.

    Raises
    ------
    ValueError
        If ``sigma`` is negative, or ``x`` is no batch of images or has intensities up to 255.
    """
    check_images(x, "x", clean=True)
    z = torch.randn(x.shape, generator=stream(seed), dtype=torch.float32)
    return x + check_sigma(sigma, x, open_low=False) * z.to(x)


class Blind(nn.Module):
    """A denoiser from a network that predicts the noise, ``(B, C, H, W)``: ``f(y) = y - network(y)``.

    Examples
    --------
    >>> f = Blind(networks.UNet(channels=4, blocks=1).eval())
    >>> f(torch.rand(2, 1, 8, 8)).shape
    torch.Size([2, 1, 8, 8])
    """

    def __init__(self, network: nn.Module) -> None:
        super().__init__()
        if not callable(network):
            raise TypeError(f"network must be a torch module or a function; got {type(network).__name__}.")
        self.network = network

    def forward(self, y: Tensor, sigma: float | None = None) -> Tensor:
        """Estimate the clean images; ``sigma`` is accepted and ignored: the network is blind."""
        return y - self.network(self.check(y))

    def check(self, y: Tensor) -> Tensor:
        """Return ``y`` if the network can take it; raise a sentence that says why not."""
        return networks.check_input(self.network, y)


class Rescaled(nn.Module):
    """A denoiser ``g(y, sigma)`` made for another scale of intensities, such as [-1, 1], as one for [0, 1].

    ``f(y, sigma) = (g(2 y - 1, 2 sigma) + 1) / 2`` for the default scale; ``low`` and ``high`` are what it
    takes for black and for white. ``g(y)`` will do.

    Examples
    --------
    >>> f = Rescaled(lambda y, sigma=None: y / (1 + sigma**2))  # shrinks towards its gray, which is 0
    >>> round(f(torch.full((1, 1, 1, 1), 0.9), sigma=0.5).item(), 3)  # f shrinks towards 1/2
    0.7
    """

    def __init__(self, denoiser: Denoiser, low: float = -1.0, high: float = 1.0) -> None:
        super().__init__()
        self.denoiser, self.low = Caller(denoiser).f, check_number(low, "low", -math.inf)
        self.width = check_number(high, "high", self.low, open_low=True) - self.low

    def forward(self, y: Tensor, sigma: float | Tensor | None = None) -> Tensor:
        """Estimate the clean images; ``sigma`` is on the scale of ``y``, and passed on in the other."""
        told = None if sigma is None else self.width * sigma
        return (Caller(self.denoiser)(self.low + self.width * y, told) - self.low) / self.width


class Wiener(nn.Module):
    """The best *linear* denoiser: shrink each principal direction by how much of it is signal.

    ``f(y) = m + sum_k lambda_k / (lambda_k + sigma^2) <y - m, v_k> v_k``

    Parameters
    ----------
    mean
        Mean image, ``(1, C, H, W)``.
    values, vectors, rest
        Leading eigenvalues ``(k,)`` and orthonormal eigenvectors ``(k, C H W)`` of the covariance, and the
        variance in each direction orthogonal to them.

    Notes
    -----
    For Gaussian images no denoiser, linear or not, does better: see `gahr.ideal.mixtures.Gaussian`.
    """

    def __init__(self, mean: Tensor, values: Tensor, vectors: Tensor, rest: float = 0.0) -> None:
        super().__init__()
        check_images(mean, "mean")
        check_tensor(values, "values", "variances (k,)")
        if check_orthonormal(vectors, "vectors").shape != (len(values), mean.numel()):
            raise ValueError(
                f"vectors must have shape ({len(values)}, {mean.numel()}); got {tuple(vectors.shape)}."
            )
        if not ((values >= 0).all() and rest >= 0):
            raise ValueError("variances must be numbers and cannot be negative.")
        self.register_buffer("mean", mean)
        self.register_buffer("values", values)
        self.register_buffer("vectors", vectors)
        self.rest = float(rest)

    @classmethod
    def from_covariance(cls, mean: Tensor, covariance: Tensor) -> Self:
        """Build from a mean image ``(1, C, H, W)`` and a covariance ``(d, d)``; the whole basis is kept."""
        values, vectors = torch.linalg.eigh(covariance.double())
        return cls(mean, values.flip(0).clamp_min(0).to(mean), vectors.T.flip(0).to(mean).contiguous())

    @classmethod
    def fit(cls, x: Tensor) -> Self:
        """Fit mean and covariance to images ``(B, C, H, W)``; the whole eigenbasis is kept."""
        if len(check_images(x, "x", clean=True)) < 2:
            raise ValueError(f"a covariance needs at least 2 images; got {len(x)}.")
        return cls.from_covariance(x.mean(0, keepdim=True), torch.cov(x.flatten(1).double().T))

    def forward(self, y: Tensor, sigma: float | None = None) -> Tensor:
        """Estimate the clean images at noise level ``sigma``, which a Wiener filter must be told."""
        check_fits(y, self.mean)
        sigma = need_sigma(sigma, "a Wiener filter", y)
        mean, values, vectors = (part.to(y) for part in (self.mean, self.values, self.vectors))
        gains, rest = shrinkage(values, sigma), self.rest / (self.rest + sigma**2)
        centered = (y - mean).flatten(1)
        estimate = rest * centered + (centered @ vectors.T * (gains - rest)) @ vectors
        return mean + estimate.view_as(y)


class BlindWiener(nn.Module):
    """A Wiener filter that finds the noise level by itself, so that it can be sampled.

    It compares the energy in the quarter of directions where clean images vary least with the
    little that is there without noise. ``wiener`` must have its whole basis, as `Wiener.fit` makes it.

    Raises
    ------
    ValueError
        If the filter does not have all directions.
    """

    def __init__(self, wiener: Wiener) -> None:
        super().__init__()
        if not isinstance(wiener, Wiener):
            raise TypeError(f"wiener must be a Wiener filter; got {type(wiener).__name__}.")
        if len(wiener.values) != wiener.mean.numel():
            raise ValueError(
                f"the filter must keep all {wiener.mean.numel()} directions; it has {len(wiener.values)}."
            )
        self.wiener = wiener
        weak = wiener.values.argsort()[: max(1, len(wiener.values) // 4)]
        self.register_buffer("weak", weak, persistent=False)

    def forward(self, y: Tensor, sigma: float | None = None) -> Tensor:
        """Estimate the clean images; ``sigma`` is accepted and ignored."""
        check_fits(y, self.wiener.mean)
        mean, values, vectors = (part.to(y) for part in self.wiener.buffers())
        coefficients = (y - mean).flatten(1) @ vectors.T
        weak = self.weak.to(y.device)
        excess = coefficients[:, weak].square() - values[weak]
        level = excess.mean(1, keepdim=True).clamp_min(1e-8)
        return mean + ((coefficients * values / (values + level)) @ vectors).view_as(y)


class Threshold(nn.Module):
    """Soft thresholding in a fixed orthonormal basis: drop what could be noise, shrink the rest.

    Parameters
    ----------
    basis, keep
        Orthonormal rows, ``(d, d)``, as from `gahr.bases.dct` and `gahr.bases.wavelet`; and how many leading
        ones (the coarsest) are never thresholded.
    factor
        The threshold is ``factor * sigma``.

    Notes
    -----
    Source: Donoho & Johnstone (1994); paper, section 3.1, "denoising in a fixed basis".
    """

    def __init__(self, basis: Tensor, factor: float = 1.25, keep: int = 1) -> None:
        super().__init__()
        if check_tensor(basis, "basis", "a square matrix (d, d)").shape != (len(basis),) * 2:
            raise ValueError(f"basis must be a square matrix of rows; got {tuple(basis.shape)}.")
        self.register_buffer("basis", check_orthonormal(basis, "basis"))
        self.factor, self.keep = check_number(factor, "factor", 0.0), check_count(keep, "keep", 0, len(basis))

    def forward(self, y: Tensor, sigma: float | None = None) -> Tensor:
        """Estimate the clean images at noise level ``sigma``, which a threshold must be told."""
        if check_images(y, "y")[0].numel() != len(self.basis):
            raise ValueError(f"the basis is for {len(self.basis)} pixels; got {y[0].numel()}.")
        sigma, basis = need_sigma(sigma, "a threshold", y), self.basis.to(y)
        coefficients = y.flatten(1) @ basis.T
        fine = coefficients[:, self.keep :]
        fine = fine.sign() * (fine.abs() - self.factor * sigma).clamp_min(0)
        return (torch.cat([coefficients[:, : self.keep], fine], 1) @ basis).view_as(y)


class Projection(nn.Module):
    """Orthogonal projection on a linear space: the best that knows the space and nothing more.

    Parameters
    ----------
    rows, shape
        Orthonormal, ``(m, d)``; and ``(C, H, W)`` of an image.

    Raises
    ------
    ValueError
        If the rows are not orthonormal, or do not fit the shape.
    """

    def __init__(self, rows: Tensor, shape: tuple[int, int, int]) -> None:
        super().__init__()
        d = math.prod(check_shape(shape))
        if check_tensor(rows, "rows", "orthonormal rows (m, d)").ndim != 2 or rows.shape[1] != d:
            raise ValueError(f"rows must be (m, {d}); got {tuple(rows.shape)}.")
        self.register_buffer("rows", check_orthonormal(rows, "rows"))
        self.register_buffer("like", torch.zeros(1, *shape))

    def forward(self, y: Tensor, sigma: float | None = None) -> Tensor:
        """Project; ``sigma`` is accepted and ignored."""
        check_fits(y, self.like)
        rows = self.rows.to(y)
        return (y.flatten(1) @ rows.T @ rows).view_as(y)


def shrinkage(variance: Tensor, sigma: float) -> Tensor:
    """Wiener's factor ``variance / (variance + sigma^2)``: 1 keeps a direction, 0 drops it.

    Examples
    --------
    >>> shrinkage(torch.tensor([0.0, 0.01, 1.0]), sigma=0.1)
    tensor([0.0000, 0.5000, 0.9901])
    """
    check_tensor(variance, "variance", "variances")
    if not isinstance(sigma, Tensor):
        check_number(sigma, "sigma", 0.0)
    return variance / (variance + sigma**2)


def check_fits(y: Tensor, like: Tensor) -> None:
    """Raise unless ``y`` is a batch of images of the size that a denoiser was made for."""
    if check_images(y, "y").shape[1:] != like.shape[1:]:
        raise ValueError(
            f"this denoiser was made for images of shape {tuple(like.shape[1:])}; got {tuple(y.shape[1:])}."
        )


def need_sigma(sigma: float | Tensor | None, what: str, y: Tensor | None = None) -> float | Tensor:
    """Return ``sigma`` as a positive number, or one for each image, ``(B, 1)``; raise if not told."""
    if sigma is None:
        raise ValueError(f"{what} must be told the noise level: call f(y, sigma).")
    if y is None:
        return check_number(sigma, "sigma", 0.0, open_low=True)
    found = check_sigma(sigma, y)
    return found.flatten(1) if isinstance(found, Tensor) else found
