"""Images that are functions of a few parameters: tangent spaces, and the errors of projections on them."""

from __future__ import annotations

import math
from collections.abc import Callable

import torch
from torch import Tensor

from gahr._calls import Caller
from gahr._checks import check_count, check_images, check_number, check_numbers, check_tensor
from gahr.denoisers import Denoiser, add_noise

__all__ = ["asymptote", "errors", "tangent"]


def asymptote(pixels: int, dimension: int, sigma: float) -> float:
    """PSNR of a projection on a tangent space, ``10 log10(d / m) - 20 log10(sigma)``, in dB.

    It is that of the *mean* squared error, ``m sigma^2 / d`` for each pixel: slope 1 against input PSNR,
    intercept 10 log10(d / m) (paper, section 3.2 and appendix C.2).

    Raises
    ------
    ValueError
        If the dimension is not between 1 and the number of pixels, or sigma is not positive.

    Examples
    --------
    >>> round(asymptote(6400, 5, sigma=1.0), 2)  # the paper's discs
    31.07
    """
    check_number(dimension, "dimension", 1, check_count(pixels, "pixels", 1))
    check_number(sigma, "sigma", 0.0, open_low=True)
    return 10 * math.log10(pixels / dimension) - 20 * math.log10(sigma)


def tangent(draw: Callable[[Tensor], Tensor], parameters: Tensor, step: float = 1e-3) -> Tensor:
    """Orthonormal basis of the tangent space, by central differences in each parameter, ``(m, d)``.

    ``draw`` makes images of given parameters, ``(B, m) -> (B, C, H, W)``; ``parameters`` are of one image,
    ``(m,)``, in float64 if possible. Where they move the image in fewer than ``m`` directions (the manifold
    has an edge or a tip: a disc of no contrast, a ray's end) that is a `ValueError`.

    Examples
    --------
    >>> plane = lambda p: torch.stack([p[:, 0], p[:, 1], p[:, 0] + p[:, 1]], 1).view(-1, 1, 1, 3)
    >>> B = tangent(plane, torch.tensor([0.3, 0.4]).double())
    >>> (B @ torch.tensor([1.0, 1.0, -1.0]).double()).abs().max().item() < 1e-12
    True
    """
    if check_tensor(parameters, "parameters", "a vector (m,)").ndim != 1:
        raise ValueError(f"parameters of one image are a vector, (m,); got {tuple(parameters.shape)}.")
    shift = step * torch.eye(len(parameters)).to(parameters)
    slopes = (draw(parameters + shift) - draw(parameters - shift)).flatten(1) / (2 * step)
    values, rows = torch.linalg.svd(slopes, full_matrices=False)[1:]
    if not values[-1] > 1e-6 * values[0]:
        raise ValueError(f"at {parameters.tolist()} the parameters move the image in too few directions.")
    return rows


@torch.no_grad()
def errors(f: Denoiser, x: Tensor, sigmas: tuple[float, ...], seed: int = 0) -> Tensor:
    """Squared error per pixel, ``(levels, B)``; the noise depends on the seed and the level only."""
    check_images(x, "x")
    ask, rows = Caller(f), []
    for level, sigma in enumerate(check_numbers(sigmas, "sigmas").flatten().tolist()):
        y = add_noise(x, sigma, seed + 1000 * level)
        rows.append((ask(y, sigma) - x).double().square().flatten(1).mean(1))
    return torch.stack(rows)
