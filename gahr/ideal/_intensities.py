"""Two pictures added with unknown intensities: least squares, and the integral over the intensities.

The pictures are a mask ``m`` and what is left, ``1 - m``; everything is done for many masks at once. The
noisy image has its mean removed, so that ``<1 - m, y> = -<m, y>``.
"""

from __future__ import annotations

import dataclasses
import math

import numpy as np

__all__ = ["Fit"]


@dataclasses.dataclass(frozen=True)
class Fit:
    """Least squares of a centered image on mask and background, at each node: all that y says."""

    a: np.ndarray  # the disc's intensity, less the image's mean
    b: np.ndarray
    gram: tuple[np.ndarray, np.ndarray, np.ndarray]  # of (mask, background): 11, 12, 22
    explained: np.ndarray  # squared norm of the fit

    @classmethod
    def of(cls, inner: np.ndarray, total: np.ndarray, square: np.ndarray, d: int) -> Fit:
        """From <m, y>, sum m and sum m^2; a centered y has <1 - m, y> = -<m, y>."""
        one, cross, other = square, total - square, d - 2 * total + square
        det = one * other - cross**2
        a, b = inner * (other + cross) / det, -inner * (one + cross) / det
        return cls(a, b, (one, cross, other), inner * (a - b))

    def keep(self, which: np.ndarray) -> Fit:
        return Fit(self.a[which], self.b[which], tuple(g[which] for g in self.gram), self.explained[which])

    def flat(self, sigma: float) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
        """Log evidence, mean ``(K, 2)`` and covariance ``(K, 2, 2)`` of intensities without bounds."""
        one, cross, other = self.gram
        det = one * other - cross**2
        covariance = np.stack([other, -cross, -cross, one], -1).reshape(-1, 2, 2)
        covariance = covariance * (sigma**2 / det)[:, None, None]
        evidence = self.explained / (2 * sigma**2) + math.log(2 * math.pi * sigma**2) - np.log(det) / 2
        return evidence, np.stack([self.a, self.b], -1), covariance

    def boxed(self, sigma: float, mean: float) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
        """The same with both intensities in [0, 1]: as without, where the bounds are five spreads away."""
        evidence, first, covariance = self.flat(sigma)
        spread = np.sqrt(covariance[:, (0, 1), (0, 1)])
        felt = ((first < 5 * spread - mean) | (first > 1 - mean - 5 * spread)).any(1)
        if felt.any():
            found = self.keep(felt)._integrated(sigma, mean)
            evidence[felt], first[felt], covariance[felt] = found
        return evidence, first, covariance

    def _integrated(self, sigma: float, mean: float, count: int = 10) -> tuple[np.ndarray, ...]:
        """`boxed` by Gauss-Legendre quadrature, at every node."""
        one, cross, other = self.gram
        det = one * other - cross**2
        node, weight = np.polynomial.legendre.leggauss(count)
        grids, steps = [], []
        for center, variance in ((self.a, other / det), (self.b, one / det)):
            middle, reach = np.clip(center, -mean, 1 - mean), 5 * sigma * np.sqrt(variance)
            low, high = np.maximum(middle - reach, -mean), np.minimum(middle + reach, 1 - mean)
            grids.append(low[:, None] + (high - low)[:, None] * (node + 1) / 2)
            steps.append((high - low)[:, None] / 2 * weight)
        u, v = grids[0] - self.a[:, None], grids[1] - self.b[:, None]  # (K, count)
        away = 2 * cross[:, None, None] * u[:, :, None] * v[:, None, :]
        away += (one[:, None] * u**2)[:, :, None] + (other[:, None] * v**2)[:, None, :]
        least = away.min((1, 2))
        density = np.exp((least[:, None, None] - away) / (2 * sigma**2))
        one_side = (density @ steps[1][:, :, None])[:, :, 0] * steps[0]  # (K, count), not normalized
        other_side = (steps[0][:, None] @ density)[:, 0] * steps[1]
        mass = one_side.sum(1)
        evidence = (self.explained - least) / (2 * sigma**2) + np.log(mass)
        sides = one_side / mass[:, None], other_side / mass[:, None]
        first = np.stack([(p * g).sum(1) for p, g in zip(sides, grids, strict=True)], -1)
        deviations = [g - first[:, k : k + 1] for k, g in enumerate(grids)]
        shifted = [step * deviation for step, deviation in zip(steps, deviations, strict=True)]
        mixed = ((shifted[0][:, None] @ density)[:, 0] * shifted[1]).sum(1) / mass
        own = [(p * g**2).sum(1) for p, g in zip(sides, deviations, strict=True)]
        return evidence, first, np.stack([own[0], mixed, mixed, own[1]], -1).reshape(-1, 2, 2)
