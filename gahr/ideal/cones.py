"""The exact optimal denoisers of two cones, the scaled image and the plane waves, told sigma or not.

Where the noise level is unknown it is integrated over, as the intensity is, so that the estimator is as
blind as a network.
"""

from __future__ import annotations

import math

import numpy as np
import torch
from scipy import special
from torch import Tensor, nn

from gahr._checks import check_images
from gahr.denoisers import need_sigma
from gahr.ideal.discs import noise_levels

__all__ = ["ExactCone", "waves"]


def waves(size: int = 40, frequency: tuple[int, int] = (1, 1)) -> Tensor:
    """The two waves 90 degrees apart that span `gahr.images.synthetic.sinusoids`, ``(2, 1, size, size)``.

    Raises
    ------
    ValueError
        If there is only one wave of that frequency on so few pixels.
    """
    if not any((2 * k) % size for k in frequency):
        raise ValueError(f"at size {size}, frequency {frequency} has only one wave, not two.")
    axis = torch.arange(size, dtype=torch.float64)
    angle = 2 * math.pi / size * (frequency[0] * axis[:, None] + frequency[1] * axis[None, :])
    return torch.stack([angle.sin(), angle.cos()])[:, None]


class ExactCone(nn.Module):
    """Posterior mean for images ``a w``: intensity ``a`` uniform in [0, 1], ``w`` on a unit circle or a ray.

    With one axis ``w`` is that image. With two, ``w`` is any point of the circle through both, its angle
    uniform. Told ``sigma`` it is ``E[x | y]``. Not told, it is ``E[x | y]`` for sigma uniform in [0, 1].

    Parameters
    ----------
    axes
        One image, or two that are orthogonal and of equal length, ``(m, C, H, W)``.
    nodes
        Quadrature points for the intensity, and for the noise level where it is unknown.

    Raises
    ------
    ValueError
        If the axes are no such images.

    Notes
    -----
    Source: the classes of the paper's Figures 19 and 20. Only the ``m`` coordinates of ``y`` along the
    axes tell the intensity; the length of the rest tells sigma. If any point of the axes' whole span
    were equally likely, the posterior mean would be the projection on it, whatever
    sigma is: then blindness costs nothing.

    Examples
    --------
    >>> f = ExactCone(waves(16))
    >>> x = 0.7 * waves(16)[:1]
    >>> (f(x + 0.001, sigma=0.01) - x).abs().max().item() < 0.01
    True
    """

    def __init__(self, axes: Tensor, nodes: tuple[int, int] = (100, 15)) -> None:
        super().__init__()
        flat = check_images(axes, "axes").flatten(1).double()
        gram = flat @ flat.T
        energy = gram[0, 0].item()
        ideal = energy * torch.eye(len(flat)).to(gram)
        if len(flat) > 2 or not energy > 0 or not torch.allclose(gram, ideal, rtol=1e-5, atol=1e-5 * energy):
            raise ValueError("axes must be one image that is not zero, or two, orthogonal, of equal length.")
        self.register_buffer("axes", flat)
        self.shape, self.energy, self.nodes = tuple(axes.shape[1:]), energy, nodes

    def forward(self, y: Tensor, sigma: float | None = None) -> Tensor:
        """Estimate the clean images; without ``sigma`` the noise level is integrated over."""
        place, length, rest = self._seen(y)
        if sigma is not None:
            intensity = self._intensity(length, self._told(sigma, y))[0]
        else:
            intensity = self._blind_intensity(length, rest)
        along = torch.from_numpy(intensity)[:, None]
        if len(self.axes) == 2:
            along = along * place / place.norm(dim=1, keepdim=True).clamp_min(1e-300)
        return (along @ self.axes.cpu()).view_as(y).to(y)

    def variance(self, y: Tensor, sigma: float) -> Tensor:
        """Squared error per pixel that must be expected at a noisy image, ``(B,)``, float64.

        The posterior variance. Its mean over noisy images is the least mean squared error, as is the mean of
        the errors themselves; but it is known without the chance of the one noise that was drawn.
        """
        along, square, _ = self._intensity(self._seen(y)[1], self._told(sigma, y))
        return torch.from_numpy(square - along**2).to(y.device) * self.energy / self.axes.shape[1]

    def _seen(self, y: Tensor) -> tuple[Tensor, np.ndarray, np.ndarray]:
        """Coordinates along the axes, their length, and the energy of the rest, for scipy: on the CPU."""
        if check_images(y, "y").shape[1:] != self.shape:
            raise ValueError(f"this cone's images are {self.shape}; got {tuple(y.shape[1:])}.")
        flat, axes = y.detach().flatten(1).cpu().double(), self.axes.cpu()
        place = flat @ axes.T / self.energy
        length = place[:, 0] if len(axes) == 1 else place.norm(dim=1)
        return place, length.numpy(), (flat - place @ axes).square().sum(1).numpy()

    def _told(self, sigma: float | Tensor, y: Tensor) -> np.ndarray:
        told = need_sigma(sigma, "this cone", y)
        levels = np.asarray(told.cpu() if isinstance(told, Tensor) else told).ravel()
        return np.broadcast_to(levels, len(y))

    def _intensity(self, length: np.ndarray, sigma: np.ndarray) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
        """Intensity along the observed direction, mean square intensity, log evidence of both, ``(B,)``."""
        spread = sigma / self.energy**0.5
        middle = np.clip(length, 0, 1)
        low, high = np.maximum(middle - 10 * spread, 0), np.minimum(middle + 10 * spread, 1)
        node, weight = np.polynomial.legendre.leggauss(self.nodes[0])
        a = low[:, None] + (high - low)[:, None] * (node + 1) / 2
        exponent = -0.5 * ((a - length[:, None]) / spread[:, None]) ** 2
        best = exponent.max(1, keepdims=True)
        density = weight * (high - low)[:, None] * np.exp(exponent - best)
        along = a  # E[a cos(angle to the observation)]
        if len(self.axes) == 2:
            tilt = a * length[:, None] / spread[:, None] ** 2
            along = a * special.i1e(tilt) / special.i0e(tilt)
            density = density * special.i0e(tilt)
        mass = density.sum(1)
        means = [(density * each).sum(1) / mass for each in (along, a**2)]
        return *means, best[:, 0] + np.log(mass)

    def _blind_intensity(self, length: np.ndarray, rest: np.ndarray) -> np.ndarray:
        """The same intensity, averaged over the noise levels that the rest of ``y`` leaves open."""
        d = self.axes.shape[1]
        estimates = []
        for one, energy in zip(length, rest, strict=True):
            found = noise_levels(math.sqrt(max(energy, 1e-20) / d), d, self.nodes[1])
            sigma, weight = (np.array(part) for part in zip(*found, strict=True))
            intensity, _, evidence = self._intensity(np.full_like(sigma, one), sigma)
            log_weight = np.log(weight) + evidence - d * np.log(sigma) - energy / (2 * sigma**2)
            share = np.exp(log_weight - log_weight.max())
            estimates.append(share @ intensity / share.sum())
        return np.array(estimates)
