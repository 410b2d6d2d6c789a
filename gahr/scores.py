"""From denoiser to score, and what an error in the score costs.

The score of the noisy density, ``grad log p_sigma(y)``, is ``(E[x | y] - y) / sigma^2`` (Miyasawa,
Tweedie). So a denoiser is a model of every noisy density at once.
"""

from __future__ import annotations

from collections.abc import Sequence

import torch
from torch import Tensor

from gahr._calls import Caller
from gahr._checks import check_images, check_numbers, check_same_shape, check_sigma, full
from gahr.denoisers import Denoiser, add_noise
from gahr.jacobian import probe_trace

__all__ = ["dsm_loss", "kl_bound", "score", "squared_error", "sure"]


def score(f: Denoiser, y: Tensor, sigma: float | Tensor) -> Tensor:
    """Score that a denoiser implies, ``(f(y) - y) / sigma^2`` (paper, equation 4), shape of ``y``.

    ``y`` are noisy images, ``(B, C, H, W)``; ``sigma`` is the standard deviation of their noise, or one for
    each image, ``(B,)``, and must be positive.
    """
    level = check_sigma(sigma, check_images(y, "y", clean=True))
    return (Caller(f).checked(y, sigma) - y) / level**2


def dsm_loss(f: Denoiser, x: Tensor, sigma: float | Tensor, seed: int = 0) -> Tensor:
    """Denoising score matching loss of each image, ``sigma^2 ||s(y) + z / sigma||^2``, shape ``(B,)``.

    The target ``-z / sigma`` is the score of the noise alone. Multiplied by ``sigma^2`` the loss is
    the squared denoising error divided by ``sigma^2``: training a denoiser *is* score matching.

    Notes
    -----
    Source: Vincent (2011).
    """
    y = add_noise(x, sigma, seed)
    level = check_sigma(sigma, x)
    return full(level * (score(f, y, sigma) - (x - y) / level**2)).square().flatten(1).sum(1)


def squared_error(f: Denoiser, x: Tensor, sigma: float | Tensor, seed: int = 0) -> Tensor:
    """Squared error of each image, summed over pixels, shape ``(B,)``."""
    return full(Caller(f).checked(add_noise(x, sigma, seed), sigma) - x).square().flatten(1).sum(1)


def kl_bound(excess: Sequence[float] | Tensor, sigmas: Sequence[float] | Tensor) -> float:
    """Integrate excess error into the bound on the divergence between true and modelled density.

    ``KL(p || p_f) <= integral of (MSE(f, sigma) - MSE*(sigma)) sigma^-3 dsigma`` in nats, where the
    errors are summed over pixels and ``MSE*`` is the smallest possible.

    Parameters
    ----------
    excess, sigmas
        ``MSE(f) - MSE*``, summed over pixels, at increasing noise levels, at least two. The integral covers
        their range only. Since errors at small ``sigma`` weigh most, say where the range begins.

    Notes
    -----
    Source: paper, equation 5. Trapezoid rule in ``log sigma``.

    Examples
    --------
    >>> sigmas = torch.logspace(-2, 2, 2001, dtype=torch.float64)
    >>> round(kl_bound(sigmas**2 / (1 + sigmas**2), sigmas), 3)  # log(100)
    4.605
    """
    excess, sigmas = check_numbers(excess, "excess"), check_numbers(sigmas, "sigmas")
    check_same_shape(excess, sigmas, ("excess", "sigmas"))
    if sigmas.ndim != 1 or len(sigmas) < 2 or not ((sigmas.diff() > 0).all() and sigmas[0] > 0):
        raise ValueError("sigmas must be at least two increasing positive noise levels.")
    if not torch.isfinite(excess).all():
        raise ValueError("excess contains NaN or infinite values.")
    return torch.trapezoid(excess / sigmas**2, sigmas.log()).item()


def sure(f: Denoiser, y: Tensor, sigma: float | Tensor, probes: int = 32, seed: int = 0) -> Tensor:
    """Stein's estimate of each image's squared error, from the noisy image alone, shape ``(B,)``.

    ``2 sigma^2 tr J(y) + ||y - f(y)||^2 - sigma^2 d`` has the squared error, summed over pixels, as
    its mean; no clean image is needed.

    Notes
    -----
    Source: Stein (1981); paper, equation 7.
    """
    level = check_sigma(sigma, check_images(y, "y", clean=True))
    variance = full(level * torch.ones_like(y[:, :1, :1, :1])).square().flatten()
    ask = Caller(f)
    moved = full(y - ask.checked(y, sigma)).detach().square().flatten(1).sum(1)
    effective, _ = probe_trace(lambda image: ask(image, sigma), y, probes, seed)
    return 2 * variance * effective + moved - variance * y[0].numel()
