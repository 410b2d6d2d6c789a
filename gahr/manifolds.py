"""Images that are functions of a few parameters: tangent spaces, projections on them, gaps in dB."""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import NamedTuple

import torch
from torch import Tensor, nn

from gahr._checks import check_images, check_number
from gahr.denoisers import Denoiser, add_noise, check_fits

__all__ = ["Gap", "Projection", "angles", "asymptote", "errors", "gap", "tangent"]


def asymptote(pixels: int, dimension: int, sigma: float) -> float:
    """PSNR of a projection on a tangent space, ``10 log10(d / m) - 20 log10(sigma)``, in dB.

    It is that of the *mean* squared error, ``m sigma^2 / d`` for each pixel.

    Raises
    ------
    ValueError
        If the dimension is not between 1 and the number of pixels, or sigma is not positive.

    Notes
    -----
    Source: paper, section 3.2 and appendix C.2: slope 1 against input PSNR, intercept 10 log10(d / m).

    Examples
    --------
    >>> round(asymptote(6400, 5, sigma=1.0), 2)  # the paper's discs
    31.07
    """
    check_number(dimension, "dimension", 1, pixels)
    check_number(sigma, "sigma", 0.0, open_low=True)
    return 10 * math.log10(pixels / dimension) - 20 * math.log10(sigma)


def tangent(draw: Callable[[Tensor], Tensor], parameters: Tensor, step: float = 1e-3) -> Tensor:
    """Orthonormal basis of the tangent space, by central differences in each parameter, ``(m, d)``.

    Parameters
    ----------
    draw
        Images of given parameters, ``(B, m) -> (B, C, H, W)``.
    parameters
        Of one image, ``(m,)``; float64 is better.
    step
        Of the differences.

    Raises
    ------
    ValueError
        If the parameters are not a vector, or move the image in fewer than ``m`` directions (there the
        manifold has an edge or a tip: a disc of no contrast, a ray's end).

    Examples
    --------
    >>> plane = lambda p: torch.stack([p[:, 0], p[:, 1], p[:, 0] + p[:, 1]], 1).view(-1, 1, 1, 3)
    >>> B = tangent(plane, torch.tensor([0.3, 0.4]).double())
    >>> (B @ torch.tensor([1.0, 1.0, -1.0]).double()).abs().max().item() < 1e-12
    True
    """
    if parameters.ndim != 1:
        raise ValueError(f"parameters of one image are a vector, (m,); got {tuple(parameters.shape)}.")
    shift = step * torch.eye(len(parameters)).to(parameters)
    slopes = (draw(parameters + shift) - draw(parameters - shift)).flatten(1) / (2 * step)
    values, rows = torch.linalg.svd(slopes, full_matrices=False)[1:]
    if not values[-1] > 1e-6 * values[0]:
        raise ValueError(f"at {parameters.tolist()} the parameters move the image in too few directions.")
    return rows


def angles(a: Tensor, b: Tensor) -> Tensor:
    """Principal angles between two subspaces in degrees, smallest first, ``(min(k, l),)``.

    Parameters
    ----------
    a, b
        Linearly independent rows that span them, ``(k, d)`` and ``(l, d)``.

    Examples
    --------
    >>> angles(torch.tensor([[1.0, 0.0, 0.0]]), torch.tensor([[1.0, 1.0, 0.0]])).round().tolist()
    [45.0]
    """
    from scipy.linalg import subspace_angles

    if a.ndim != 2 or b.ndim != 2 or a.shape[1] != b.shape[1]:
        raise ValueError(
            f"rows must have one length, (k, d) and (l, d); got {tuple(a.shape)}, {tuple(b.shape)}."
        )
    found = subspace_angles(a.double().numpy().T, b.double().numpy().T)
    return torch.from_numpy(found).rad2deg().flip(0)


class Projection(nn.Module):
    """Orthogonal projection on a linear space: the best that knows the space and nothing more.

    Parameters
    ----------
    rows
        Orthonormal, ``(m, d)``.
    shape
        ``(C, H, W)`` of an image.

    Raises
    ------
    ValueError
        If the rows are not orthonormal, or do not fit the shape.
    """

    def __init__(self, rows: Tensor, shape: tuple[int, int, int]) -> None:
        super().__init__()
        if rows.ndim != 2 or rows.shape[1] != math.prod(shape):
            raise ValueError(f"rows must be (m, {math.prod(shape)}); got {tuple(rows.shape)}.")
        if not torch.allclose(rows @ rows.T, torch.eye(len(rows)).to(rows), atol=1e-4):
            raise ValueError("rows must be orthonormal.")
        self.register_buffer("rows", rows)
        self.register_buffer("like", torch.zeros(1, *shape))

    def forward(self, y: Tensor, sigma: float | None = None) -> Tensor:
        """Project; ``sigma`` is accepted and ignored."""
        check_fits(y, self.like)
        rows = self.rows.to(y)
        return (y.flatten(1) @ rows.T @ rows).view_as(y)


@torch.no_grad()
def errors(f: Denoiser, x: Tensor, sigmas: tuple[float, ...], seed: int = 0) -> Tensor:
    """Squared error per pixel, ``(levels, B)``; the noise depends on the seed and the level only."""
    check_images(x, "x")
    rows = []
    for level, sigma in enumerate(sigmas):
        y = add_noise(x, sigma, seed + 1000 * level)
        rows.append((f(y, sigma) - x).double().square().flatten(1).mean(1))
    return torch.stack(rows)


class Gap(NamedTuple):
    """A ratio of mean errors in dB, and its standard error."""

    db: float
    se: float


def gap(error: Tensor, reference: Tensor) -> Gap:
    """How far a denoiser's mean error lies above a reference's on the same noisy images, in dB.

    Parameters
    ----------
    error, reference
        Squared errors of the same images, ``(B,)``, at least two. Or a reference that is known
        exactly: one number in a tensor, ``()``.

    Notes
    -----
    The standard error is that of a ratio of two means (first order), with the images as sample.

    Examples
    --------
    >>> error = torch.tensor([1.0, 2.0, 3.0])
    >>> gap(10 * error, error)
    Gap(db=10.0, se=0.0)
    """
    if error.ndim != 1 or len(error) < 2 or reference.shape not in ((), error.shape):
        raise ValueError(
            f"need errors of the same images, (B,) with B > 1; got {tuple(error.shape)}, "
            f"{tuple(reference.shape)}."
        )
    over = error.double() / error.double().mean()
    under = reference.double() / reference.double().mean()
    db = 10 * math.log10(error.double().mean() / reference.double().mean())
    return Gap(db, 10 / math.log(10) * ((over - under).std() / len(over) ** 0.5).item())
