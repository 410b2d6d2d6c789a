"""Optimal denoisers that can be written down or integrated: the truth the networks are held to.

Each is the posterior mean ``E[x | y]`` for a known prior, as a denoiser ``f(y, sigma)``. Points in
the plane are images of shape ``(B, 1, 1, 2)``, so that the same code serves toys and pictures.
"""

from __future__ import annotations

import math

import torch
from torch import Tensor, nn

from gahr._checks import check_count, check_images, check_number, check_numbers, check_sigma, stream
from gahr.denoisers import Wiener, check_fits, need_sigma, shrinkage

__all__ = ["BlindMemory", "FiniteSet", "Gaussian", "GaussianMixture"]


class Gaussian(Wiener):
    """Posterior mean for a Gaussian prior: exactly the Wiener filter.

    Parameters are those of `gahr.denoisers.Wiener`.
    """

    def mse(self, sigma: float) -> float:
        """Expected squared error summed over pixels: sigma^2 times the sum of shrinkage factors."""
        rest = self.values.new_full((self.mean.numel() - len(self.values),), self.rest)
        sigma = check_number(sigma, "sigma", 0.0, open_low=True)
        return (sigma**2 * shrinkage(torch.cat([self.values, rest]), sigma).sum()).item()


class GaussianMixture(nn.Module):
    """Posterior mean, density and score for a mixture of Gaussians.

    ``weights`` are positive and sum to one, ``(K,)``; ``means`` are ``(K, d)``, ``covariances`` ``(K, d,
    d)``.

    Examples
    --------
    >>> two = GaussianMixture([0.5, 0.5], [[-1.0], [1.0]], [[[0.01]], [[0.01]]])
    >>> two(torch.zeros(1, 1, 1, 1), sigma=1.0).abs().item() < 1e-9
    True
    """

    def __init__(self, weights: Tensor, means: Tensor, covariances: Tensor) -> None:
        super().__init__()
        weights, means = check_numbers(weights, "weights"), check_numbers(means, "means")
        covariances = check_numbers(covariances, "covariances")
        if means.ndim != 2:
            raise ValueError(f"means must be (K, d); got {tuple(means.shape)}.")
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
        n, generator = check_count(n, "n", 1), stream(seed)
        which = torch.multinomial(self.weights.cpu(), n, replacement=True, generator=generator)
        roots = torch.linalg.cholesky(self.covariances)
        white = torch.randn(n, self.means.shape[1], generator=generator, dtype=torch.float64)
        x = self.means[which] + (roots[which] @ white.to(roots)[..., None])[..., 0]
        return x[:, None, None, :].float()

    def _blurred(self, y: Tensor, sigma: float | Tensor) -> tuple[Tensor, Tensor]:
        """Log joint of point and component, ``(B, K)``, and ``C^-1 (y - mean)``, ``(B, K, d)``."""
        flat = check_images(y, "y").flatten(1).double()
        level = check_sigma(sigma, y, open_low=False)
        variance = torch.as_tensor(level, dtype=flat.dtype).to(flat).square().view(-1, 1, 1, 1)
        d = flat.shape[1]
        if d != self.means.shape[1]:
            raise ValueError(f"points have {d} coordinates; the mixture has {self.means.shape[1]}.")
        weights, means, covariances = (part.to(flat) for part in self.buffers())
        blurred = covariances + variance * torch.eye(d).to(flat)  # (B or 1, K, d, d)
        away = flat[:, None] - means
        solved = (torch.linalg.inv(blurred) @ away[..., None])[..., 0]
        quadratic = (away * solved).sum(-1)
        log_norm = torch.logdet(blurred) + d * math.log(2 * math.pi)
        return weights.log() - 0.5 * (quadratic + log_norm), solved

    def log_density(self, y: Tensor, sigma: float) -> Tensor:
        """Log density of noisy points ``y = x + sigma z``, shape ``(B,)``."""
        return self._blurred(y, sigma)[0].logsumexp(1)

    def score(self, y: Tensor, sigma: float) -> Tensor:
        """Gradient of `log_density` with respect to ``y``, written out, shape of ``y``."""
        joint, solved = self._blurred(y, sigma)
        return -(joint.softmax(1)[..., None] * solved).sum(1).view_as(y).to(y)

    def forward(self, y: Tensor, sigma: float | None = None) -> Tensor:
        """Posterior mean: the components' own Wiener estimates, weighted by how likely each is."""
        need_sigma(sigma, "a mixture's posterior mean", check_images(y, "y"))
        joint, solved = self._blurred(y, sigma)
        means, covariances = self.means.to(solved), self.covariances.to(solved)
        each = means + torch.einsum("kij,bkj->bki", covariances, solved)  # (B, K, d)
        return (joint.softmax(1)[..., None] * each).sum(1).view_as(y).to(y)


class FiniteSet(nn.Module):
    """Posterior mean when the prior is a finite training set ``x``, ``(N, C, H, W)``: the memorizing ideal.

    A softmax over the training images with weights ``exp(-||y - x_i||^2 / 2 sigma^2)``.
    """

    def __init__(self, x: Tensor) -> None:
        super().__init__()
        self.register_buffer("x", check_images(x, "x", clean=True))

    def squares(self, y: Tensor) -> Tensor:
        """Squared distance of each image from each training image, ``(B, N)`` float64."""
        check_fits(y, self.x)
        y = y.flatten(1).double()
        x = self.x.flatten(1).to(y)
        return (y.square().sum(1, keepdim=True) - 2 * y @ x.T + x.square().sum(1)).clamp_min(0)

    def weights(self, y: Tensor, sigma: float | Tensor) -> Tensor:
        """Posterior probability of each training image, ``(B, N)``."""
        squares = self.squares(y)
        return (-0.5 * squares / need_sigma(sigma, "the finite set's posterior mean", y) ** 2).softmax(1)

    def forward(self, y: Tensor, sigma: float | None = None) -> Tensor:
        """Average of the training images under the posterior."""
        weights = self.weights(y, sigma)
        return (weights @ self.x.flatten(1).to(weights)).view_as(y).to(y)


class BlindMemory(FiniteSet):
    """The memorizing ideal, `FiniteSet`, made blind: it finds the noise level by itself.

    The level is the one under which the noisy image is most probable, ``sigma^2 = sum_i w_i |y -
    x_i|^2 / d`` with the posterior weights ``w_i``, found by ``rounds`` of iteration from the nearest image.

    Examples
    --------
    >>> x = torch.rand(3, 1, 8, 8, generator=torch.Generator().manual_seed(0))
    >>> f = BlindMemory(x)
    >>> torch.allclose(f(x + 0.05), x)
    True
    """

    def __init__(self, x: Tensor, rounds: int = 3) -> None:
        super().__init__(x)
        self.rounds = check_count(rounds, "rounds", 0)

    def level(self, y: Tensor) -> Tensor:
        """Noise level that each image shows, ``(B,)`` float64."""
        d, squares = y[0].numel(), self.squares(y)
        found = (squares.min(1).values / d).clamp_min(1e-12)
        for _ in range(self.rounds):
            weights = (-0.5 * squares / found[:, None]).softmax(1)
            found = ((weights * squares).sum(1) / d).clamp_min(1e-12)
        return found.sqrt()

    def weights(self, y: Tensor, sigma: float | None = None) -> Tensor:
        """Posterior probability of each training image, ``(B, N)``; ``sigma`` is accepted and ignored."""
        return (-0.5 * self.squares(y) / self.level(y)[:, None].square()).softmax(1)

    def forward(self, y: Tensor, sigma: float | None = None) -> Tensor:
        """Average of the training images under the posterior; ``sigma`` is accepted and ignored."""
        return super().forward(y)
