"""Optimal denoisers that can be written down or integrated: the truth the networks are held to.

Each is the posterior mean ``E[x | y]`` for a known prior, as a denoiser ``f(y, sigma)``. Points in
the plane are images of shape ``(B, 1, 1, 2)``, so that the same code serves toys and pictures.
"""

from __future__ import annotations

import math

import numpy as np
import torch
from scipy import special
from torch import Tensor, nn

from gahr._checks import check_images
from gahr.denoisers import Wiener, check_fits, need_sigma, shrinkage

__all__ = ["FiniteSet", "Gaussian", "GaussianMixture", "Ray", "SinusoidCone"]


class Gaussian(Wiener):
    """Posterior mean for a Gaussian prior: exactly the Wiener filter.

    Parameters are those of `gahr.denoisers.Wiener`; `from_covariance` takes a matrix instead.
    """

    @classmethod
    def from_covariance(cls, mean: Tensor, covariance: Tensor) -> Gaussian:
        """Build from a mean image ``(1, C, H, W)`` and a covariance ``(d, d)``."""
        values, vectors = torch.linalg.eigh(covariance.double())
        return cls(mean, values.clamp_min(0).to(mean), vectors.T.to(mean).contiguous())

    def mse(self, sigma: float) -> float:
        """Expected squared error summed over pixels: sigma^2 times the sum of shrinkage factors."""
        rest = self.values.new_full((self.mean.numel() - len(self.values),), self.rest)
        return (sigma**2 * shrinkage(torch.cat([self.values, rest]), sigma).sum()).item()


class GaussianMixture(nn.Module):
    """Posterior mean, density and score for a mixture of Gaussians.

    Parameters
    ----------
    weights
        Positive, summing to one, ``(K,)``.
    means
        ``(K, d)``.
    covariances
        ``(K, d, d)``.

    Examples
    --------
    >>> two = GaussianMixture([0.5, 0.5], [[-1.0], [1.0]], [[[0.01]], [[0.01]]])
    >>> two(torch.zeros(1, 1, 1, 1), sigma=1.0).abs().item() < 1e-9
    True
    """

    def __init__(self, weights: Tensor, means: Tensor, covariances: Tensor) -> None:
        super().__init__()
        weights, means, covariances = (
            torch.as_tensor(a, dtype=torch.float64) for a in (weights, means, covariances)
        )
        components, d = means.shape
        if weights.shape != (components,) or covariances.shape != (components, d, d):
            raise ValueError(
                f"means are ({components}, {d}); then weights must be ({components},) and covariances "
                f"({components}, {d}, {d}); got {tuple(weights.shape)}, {tuple(covariances.shape)}."
            )
        if not ((weights > 0).all() and abs(weights.sum().item() - 1) <= 1e-6):
            raise ValueError(f"weights must be positive and sum to 1; got {weights.tolist()}.")
        self.register_buffer("weights", weights)
        self.register_buffer("means", means)
        self.register_buffer("covariances", covariances)

    def sample(self, n: int, seed: int = 0) -> Tensor:
        """Draw ``n`` points, ``(n, 1, 1, d)``."""
        generator = torch.Generator().manual_seed(seed)
        which = torch.multinomial(self.weights, n, replacement=True, generator=generator)
        roots = torch.linalg.cholesky(self.covariances)
        white = torch.randn(n, self.means.shape[1], generator=generator, dtype=torch.float64)
        x = self.means[which] + (roots[which] @ white[..., None])[..., 0]
        return x[:, None, None, :].float()

    def _blurred(self, y: Tensor, sigma: float) -> tuple[Tensor, Tensor]:
        """Log joint of point and component, ``(B, K)``, and ``C^-1 (y - mean)``, ``(B, K, d)``."""
        flat = check_images(y, "y").flatten(1).double()
        d = flat.shape[1]
        if d != self.means.shape[1]:
            raise ValueError(f"points have {d} coordinates; the mixture has {self.means.shape[1]}.")
        blurred = self.covariances + sigma**2 * torch.eye(d, dtype=torch.float64)
        away = flat[:, None] - self.means
        solved = torch.einsum("kij,bkj->bki", torch.linalg.inv(blurred), away)
        quadratic = (away * solved).sum(-1)
        log_norm = torch.logdet(blurred) + d * math.log(2 * math.pi)
        return self.weights.log() - 0.5 * (quadratic + log_norm), solved

    def log_density(self, y: Tensor, sigma: float) -> Tensor:
        """Log density of noisy points ``y = x + sigma z``, shape ``(B,)``."""
        return self._blurred(y, sigma)[0].logsumexp(1)

    def score(self, y: Tensor, sigma: float) -> Tensor:
        """Gradient of `log_density` with respect to ``y``, written out, shape of ``y``."""
        joint, solved = self._blurred(y, sigma)
        return -(joint.softmax(1)[..., None] * solved).sum(1).view_as(y).to(y)

    def forward(self, y: Tensor, sigma: float | None = None) -> Tensor:
        """Posterior mean: the components' own Wiener estimates, weighted by how likely each is."""
        sigma = need_sigma(sigma, "a mixture's posterior mean")
        joint, solved = self._blurred(y, sigma)
        each = self.means + torch.einsum("kij,bkj->bki", self.covariances, solved)  # (B, K, d)
        return (joint.softmax(1)[..., None] * each).sum(1).view_as(y).to(y)


class FiniteSet(nn.Module):
    """Posterior mean when the prior is a finite training set: the memorizing ideal.

    A softmax over the training images with weights ``exp(-||y - x_i||^2 / 2 sigma^2)``.

    Parameters
    ----------
    x
        The training images, ``(N, C, H, W)``.
    """

    def __init__(self, x: Tensor) -> None:
        super().__init__()
        self.register_buffer("x", check_images(x, "x"))

    def weights(self, y: Tensor, sigma: float) -> Tensor:
        """Posterior probability of each training image, ``(B, N)``."""
        check_fits(y, self.x)
        flat, train = y.flatten(1).double(), self.x.flatten(1).double()
        # ||y||^2 is common to all images and drops out of the softmax
        return ((flat @ train.T - 0.5 * train.square().sum(1)) / sigma**2).softmax(1)

    def forward(self, y: Tensor, sigma: float | None = None) -> Tensor:
        """Average of the training images under the posterior."""
        sigma = need_sigma(sigma, "the finite set's posterior mean")
        average = self.weights(y, sigma) @ self.x.flatten(1).double()
        return average.view_as(y).to(y)


class Ray(nn.Module):
    """Posterior mean for one image times a factor, uniform in [0, 1].

    Given ``y`` the factor is a normal truncated to [0, 1], whose mean is known.

    Parameters
    ----------
    image
        The image, ``(1, C, H, W)``.

    Notes
    -----
    Source: the class of the paper's Figure 19.
    """

    def __init__(self, image: Tensor) -> None:
        super().__init__()
        if check_images(image, "image").shape[0] != 1 or not image.any():
            raise ValueError("image must be a single image that is not all zero.")
        self.register_buffer("image", image)

    def forward(self, y: Tensor, sigma: float | None = None) -> Tensor:
        """Posterior mean factor times the image."""
        sigma = need_sigma(sigma, "the ray's posterior mean")
        check_fits(y, self.image)
        ray = self.image.flatten().double()
        center = (y.flatten(1).double() @ ray / ray.square().sum()).numpy()
        factor = _truncated_mean(center, sigma / ray.norm().item())
        return torch.from_numpy(factor).to(y)[:, None, None, None] * self.image


def _truncated_mean(center: np.ndarray, spread: float) -> np.ndarray:
    """Mean of a normal (``center``, ``spread``) truncated to [0, 1], stable far outside."""
    low, high = -center / spread, (1 - center) / spread
    flip = low > 0  # work in the left tail, where log_ndtr is accurate
    a, b = np.where(flip, -high, low), np.where(flip, -low, high)
    log_mass = special.log_ndtr(b) + np.log1p(-np.exp(special.log_ndtr(a) - special.log_ndtr(b)))
    log_density = -0.5 * math.log(2 * math.pi)
    tilt = np.exp(log_density - 0.5 * a**2 - log_mass) - np.exp(log_density - 0.5 * b**2 - log_mass)
    return np.clip(center + spread * np.where(flip, -tilt, tilt), 0.0, 1.0)


class SinusoidCone(nn.Module):
    """Posterior mean for plane waves of one frequency, uniform phase, intensity uniform in [0, 1].

    The projection of ``y`` on the two waves 90 degrees apart keeps its phase; its length is
    replaced by the posterior mean intensity, integrated by Gauss-Legendre quadrature.

    Parameters
    ----------
    size, frequency
        As in `gahr.synthetic.sinusoids`.
    nodes
        Quadrature points.

    Notes
    -----
    Source: the class of the paper's Figure 20.
    """

    def __init__(self, size: int = 40, frequency: tuple[int, int] = (1, 1), nodes: int = 200) -> None:
        super().__init__()
        if not any((2 * k) % size for k in frequency):
            raise ValueError(f"at size {size}, frequency {frequency} has only one wave, not two.")
        axis = torch.arange(size, dtype=torch.float64)
        angle = 2 * math.pi / size * (frequency[0] * axis[:, None] + frequency[1] * axis[None, :])
        waves = torch.stack([angle.sin().flatten(), angle.cos().flatten()])
        self.register_buffer("waves", waves)
        self.nodes = nodes

    def forward(self, y: Tensor, sigma: float | None = None) -> Tensor:
        """Projection on the two waves, its length replaced by the posterior mean intensity."""
        sigma = need_sigma(sigma, "the cone's posterior mean")
        if check_images(y, "y")[0].numel() != self.waves.shape[1]:
            raise ValueError(f"the cone's images have {self.waves.shape[1]} pixels; got {y[0].numel()}.")
        energy = self.waves.shape[1] / 2  # squared norm of each wave
        coordinates = y.flatten(1).double() @ self.waves.T / energy  # (B, 2)
        length = coordinates.norm(dim=1, keepdim=True).clamp_min(1e-300)
        intensity = self._intensity(length[:, 0].numpy(), sigma / energy**0.5)
        estimate = torch.from_numpy(intensity)[:, None] * coordinates / length
        return (estimate @ self.waves).view_as(y).to(y)

    def _intensity(self, length: np.ndarray, spread: float) -> np.ndarray:
        """``E[a cos(phase error)]`` given the observed length, ``(B,)``."""
        middle = np.clip(length, 0, 1)
        low, high = np.maximum(middle - 12 * spread, 0), np.minimum(middle + 12 * spread, 1)
        node, weight = np.polynomial.legendre.leggauss(self.nodes)
        a = low[:, None] + (high - low)[:, None] * (node + 1) / 2
        bessel = a * length[:, None] / spread**2
        exponent = -0.5 * ((a - length[:, None]) / spread) ** 2
        density = weight * np.exp(exponent - exponent.max(1, keepdims=True))
        return (density * a * special.i1e(bessel)).sum(1) / (density * special.i0e(bessel)).sum(1)
