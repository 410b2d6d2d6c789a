"""The best estimator of one image that is homogeneous of degree one, as a bias-free network is.

The posterior mean for one training image is that image itself, whatever ``y`` is. A bias-free
network in evaluation mode cannot be it, since ``f(c y) = c f(y)`` for every ``c > 0``. Among the
functions that obey this, the best one is known, and its error is what such a network can reach.
"""

from __future__ import annotations

import math
from collections.abc import Callable

import numpy as np
import torch
from scipy.interpolate import CubicSpline
from torch import Tensor, nn

from gahr._checks import check_images, check_number
from gahr.denoisers import check_fits

__all__ = ["BestHomogeneous"]

POWERS = {"uniform": 0.0, "quadratic": 0.5}
"""The density of sigma on (0, 1] is proportional to ``sigma^-power``."""

STEP, REACH = 1 / 3, 10.0
"""Spacing and half-width of the trapezoid rules, in standard deviations: errors near 1e-10."""


class BestHomogeneous(nn.Module):
    """Least mean squared error for one image among all ``f`` with ``f(c y) = c f(y)``, ``c > 0``.

    Parameters
    ----------
    x0
        The one training image, ``(1, C, H, W)``.
    noise
        The noise levels that the error is averaged over. ``"uniform"`` is sigma ~ U[0, 1] and
        ``"quadratic"`` is sigma ~ U^2, as in training: the estimator is blind, like a network. A
        number is that level alone: the estimator is told sigma, and no homogeneous function has a
        smaller ``mse(sigma)`` there.

    Notes
    -----
    Write ``y = r u`` with ``r = |y|``. Homogeneity says ``f(y) = r g(u)``. For each direction
    ``u`` the error ``E[|r g - x0|^2 | u]`` is a parabola in ``g``. So

    ``g(u) = x0 E[r | u] / E[r^2 | u]``, and the mean error is
    ``|x0|^2 E[1 - E[r | u]^2 / E[r^2 | u]]``.

    In d pixels, ``p(r, sigma | u)`` is proportional to
    ``r^(d-1) sigma^-d exp(-|r u - x0|^2 / (2 sigma^2)) p(sigma)``. It depends on ``u`` through the
    angle with ``x0`` only. Both integrals are done by quadrature, once, for all angles.

    For many pixels and ``sigma << |x0|``: at a known level ``log p(r | u, sigma)`` has curvature
    ``-(d-1) / r^2 - 1 / sigma^2`` at ``r^2 = |x0|^2 + d sigma^2``. The error is then
    ``sigma^2 / (1 + 2 d sigma^2 / |x0|^2)``. A blind estimator uses up the angle to find sigma.
    Then only ``<y, x0>`` tells the length, and the error is ``sigma^2``: the noise in one of d
    directions. The PSNR is ``10 log10(d) - 20 log10(sigma)``, a line of slope one against input
    PSNR. It bends where sigma nears 1, because the estimator knows that sigma stops there.

    Examples
    --------
    >>> f = BestHomogeneous(torch.full((1, 1, 16, 16), 0.5))
    >>> y = torch.rand(2, 1, 16, 16)
    >>> torch.allclose(f(3 * y), 3 * f(y))
    True
    >>> round(f.psnr(0.01) - f.psnr(0.1), 1)
    20.0
    """

    def __init__(self, x0: Tensor, noise: str | float = "uniform") -> None:
        super().__init__()
        if check_images(x0, "x0").shape[0] != 1 or not x0.any():
            raise ValueError("x0 must be a single image that is not all zero.")
        if x0.numel() < 2:
            raise ValueError("x0 must have at least two pixels: one pixel has no direction.")
        if not isinstance(noise, str):
            check_number(noise, "noise", 0.0, open_low=True)
        elif noise not in POWERS:
            raise ValueError(f"noise must be 'uniform', 'quadratic' or one noise level; got {noise!r}.")
        self.noise, self.d = noise, x0.numel()
        flat = x0.detach().flatten().double()
        self.length = flat.norm().item()
        self.register_buffer("x0", x0.detach())
        self.register_buffer("unit", flat / self.length)
        for name, values in zip(("knots", "gains", "slopes"), _spline(self._gain, self.d), strict=True):
            self.register_buffer(name, torch.from_numpy(values))

    def forward(self, y: Tensor, sigma: float | None = None) -> Tensor:
        """Estimate the clean image; ``sigma`` is accepted and ignored."""
        check_fits(y, self.x0)
        flat = y.flatten(1).double()
        unit = self.unit.to(flat)
        along = flat @ unit
        across = (flat - along[:, None] * unit).norm(dim=1)
        estimate = (flat.norm(dim=1) * self.gain(along, across))[:, None] * unit
        return estimate.view_as(y).to(y)

    def gain(self, along: Tensor, across: Tensor) -> Tensor:
        """``|x0| E[r | u] / E[r^2 | u]`` from the lengths of ``y`` along ``x0`` and across it, ``(...)``."""
        cotangent = along / across.clamp_min(1e-150)
        knots, gains, slopes = (part.to(cotangent.device) for part in (self.knots, self.gains, self.slopes))
        place = torch.asinh((self.d - 1) ** 0.5 * cotangent).clamp(knots[0], knots[-1])
        right = torch.searchsorted(knots, place.detach()).clamp(1, len(knots) - 1)
        left = right - 1
        width, rise = knots[right] - knots[left], gains[right] - gains[left]
        t = (place - knots[left]) / width
        bend = (1 - t) * (width * slopes[left] - rise) + t * (rise - width * slopes[right])
        return gains[left] + t * rise + t * (1 - t) * bend

    def mse(self, sigma: float) -> float:
        """Expected squared error at one noise level, summed over pixels."""
        weight, error = self._errors(sigma, STEP / 8)
        return (weight * error).sum().item()

    def psnr(self, sigma: float) -> float:
        """PSNR of the expected squared error at one noise level, in dB. Compare networks with it."""
        return 10 * math.log10(self.d / self.mse(sigma))

    def mean_psnr(self, sigma: float) -> float:
        """Expected PSNR of one noisy image, in dB, within 0.02: what `gahr.measures.psnr_curve` estimates.

        All of this estimator's error is along ``x0``, so by luck it is sometimes near zero, and the
        mean of logarithms is 5.5 dB above `psnr` for a normal error. A network errs in many
        directions at once, where the two hardly differ.
        """
        weight, error = self._errors(sigma, STEP / 200)
        return 10 * math.log10(self.d) - 10 * (weight * error.clamp_min(1e-300).log10()).sum().item()

    def _errors(self, sigma: float, step: float) -> tuple[Tensor, Tensor]:
        """Weights and squared errors on a grid of noise along ``x0`` and across it."""
        check_number(sigma, "sigma", 0.0, open_low=True)
        z = torch.arange(-REACH, REACH + step, step, dtype=torch.float64)[:, None]
        chi, _, density = (torch.from_numpy(a) for a in _radii(np.zeros(1), self.d - 1))
        weight = density * torch.exp(-z.square() / 2)  # chi: length of d - 1 normal numbers
        along, across = torch.broadcast_tensors(self.length + sigma * z, sigma * chi)
        estimate = torch.hypot(along, across) * self.gain(along, across)
        return weight / weight.sum(), (estimate - self.length).square()

    def _gain(self, cotangent: np.ndarray) -> np.ndarray:
        """The same as `gain`, integrated for each angle, ``(B,)``."""
        across = 1 / np.hypot(1, cotangent)
        along = cotangent * across
        if not isinstance(self.noise, str):
            _, mean, square = _moments(along * self.length / self.noise, self.d)
            return self.length / self.noise * mean / square
        log_sigma, log_weight = _levels(along, across, self.length, self.d, POWERS[self.noise])
        sigma = np.exp(log_sigma)
        log_mass, mean, square = _moments(along[:, None] * self.length / sigma, self.d)
        log_weight = log_weight + log_mass
        weight = np.exp(log_weight - log_weight.max(1, keepdims=True))
        return self.length * (weight * sigma * mean).sum(1) / (weight * sigma**2 * square).sum(1)


def _mode(b: np.ndarray, d: int) -> np.ndarray:
    """Where ``v^d exp(-(v - b)^2 / 2)`` is largest."""
    root = np.sqrt(b**2 + 4 * d)
    return np.where(b > 0, (b + root) / 2, 2 * d / (root - np.minimum(b, 0)))


def _radii(b: np.ndarray, d: int) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Nodes for ``integral v^(d-1) exp(-(v - b)^2 / 2) dv``, evenly spaced in ``log v``.

    Returns the nodes ``(..., K)``, the logarithm of the largest value times the step, ``(...)``,
    and the values relative to the largest, ``(..., K)``.
    """
    mode = _mode(b, d)[..., None]
    spread = 1 / np.sqrt(mode**2 + d)  # standard deviation of log v
    steps = np.arange(-REACH - 26 / d**0.5, REACH, STEP) * spread
    away = mode * np.expm1(steps)
    exponent = d * steps - away * (away / 2 + d / mode)  # mode - b = d / mode
    peak = d * np.log(mode) - (d / mode) ** 2 / 2 + np.log(STEP * spread)
    return mode + away, peak[..., 0], np.exp(exponent)


def _moments(b: np.ndarray, d: int) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Log mass, mean and mean square of the density ``v^(d-1) exp(-(v - b)^2 / 2)``, ``v > 0``."""
    v, peak, density = _radii(b, d)
    mass = density.sum(-1)
    density *= v
    mean = density.sum(-1) / mass
    return peak + np.log(mass), mean, (density * v).sum(-1) / mass


def _levels(
    along: np.ndarray, across: np.ndarray, length: float, d: int, power: float, nodes: int = 64
) -> tuple[np.ndarray, np.ndarray]:
    """Gauss-Legendre nodes in ``log sigma`` where ``p(sigma | u)`` lies, and log weights, ``(B, K)``.

    The weights lack the integral over r. It is put in roughly (Laplace) to find the place.
    """
    low = np.minimum(np.log(length * across / d**0.5) - 3, -1)[:, None]
    high = np.zeros_like(low)

    def log_density(log_sigma: np.ndarray) -> np.ndarray:
        return (1 - power) * log_sigma - (length * across[:, None] * np.exp(-log_sigma)) ** 2 / 2

    for _ in range(5):  # narrow down: p(sigma | u) has one peak, from 1/100 wide to many decades
        grid = low + (high - low) * np.linspace(0, 1, nodes)
        mode = _mode(along[:, None] * length * np.exp(-grid), d)
        rough = log_density(grid) + d * np.log(mode) - (d / mode) ** 2 / 2 - np.log(mode**2 + d) / 2
        inside = rough > rough.max(1, keepdims=True) - 45
        first, last = inside.argmax(1)[:, None] - 1, nodes - inside[:, ::-1].argmax(1)[:, None]
        low = np.take_along_axis(grid, np.maximum(first, 0), 1)
        high = np.take_along_axis(grid, np.minimum(last, nodes - 1), 1)
    node, weight = np.polynomial.legendre.leggauss(nodes)
    place = low + (high - low) * (node + 1) / 2
    return place, log_density(place) + np.log(weight)


def _spline(
    exact: Callable[[np.ndarray], np.ndarray], d: int, tolerance: float = 1e-9
) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Knots, values and slopes of a cubic spline through ``exact``, a function of the cotangent.

    The knots are in ``asinh(sqrt(d-1) cotangent)``, near ``log(2 |x0| / sigma)`` for typical noise.
    Intervals are halved until the spline predicts the value in the middle.
    """
    knots = np.linspace(-math.asinh(1e4 * (d - 1) ** 0.5), math.asinh(1e9), 65)
    values = exact(np.sinh(knots) / (d - 1) ** 0.5)
    middle, half = (knots[:-1] + knots[1:]) / 2, np.diff(knots) / 2
    for _ in range(14):
        found = exact(np.sinh(middle) / (d - 1) ** 0.5)
        missed = np.abs(CubicSpline(knots, values)(middle) - found) > tolerance * np.maximum(1, found)
        order = np.argsort(np.append(knots, middle))
        knots, values = np.append(knots, middle)[order], np.append(values, found)[order]
        if not missed.any():
            break
        center, half = middle[missed], np.tile(half[missed] / 2, 2)
        middle = np.tile(center, 2) + half * np.repeat([-1, 1], len(center))
    return knots, values, CubicSpline(knots, values)(knots, 1)
