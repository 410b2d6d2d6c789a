"""The exact optimal denoiser of the disc class: five numbers, integrated over.

Given its place and radius, a disc is a mixture of two known pictures, the disc's and the background's,
and its two intensities are integrated in closed form (or over [0, 1] by quadrature). Place and radius
are integrated numerically: on a grid over all discs, or where that is too coarse, around the peak.
"""

from __future__ import annotations

import dataclasses
import functools
import math
from collections.abc import Iterator

import numpy as np
import torch
from torch import Tensor, nn

from gahr._checks import check_count, check_images, check_number, check_tensor
from gahr.denoisers import need_sigma
from gahr.ideal._intensities import Fit

__all__ = ["ExactDiscs", "draw"]

CELLS = (36, 36, 15)
"""Grid cells over the range of row, column and radius."""

RANGES = ((0.25, 0.75), (0.25, 0.75), (0.10, 0.25))
"""Row, column and radius of `gahr.images.synthetic.discs`, in units of the side."""


def draw(parameters: Tensor, size: int = 40) -> Tensor:
    """Discs of given parameters, as `gahr.images.synthetic.discs` draws them, ``(B, 1, size, size)``.

    ``parameters``: row, column and radius in pixels, intensity of the disc and of the background, ``(B, 5)``.
    """
    if check_tensor(parameters, "parameters", "five a disc (B, 5)").ndim != 2 or parameters.shape[1] != 5:
        raise ValueError(f"a disc has five parameters, (B, 5); got {tuple(parameters.shape)}.")
    inside = torch.from_numpy(_masks(parameters[:, :3].cpu().double().numpy(), size)).to(parameters)
    inside = inside.view(-1, 1, size, size)
    front, back = (parameters[:, k, None, None, None] for k in (3, 4))
    return front * inside + back * (1 - inside)


def _masks(places: np.ndarray, size: int, pixels: slice | np.ndarray = slice(None)) -> np.ndarray:
    """How much of each pixel lies inside, ``(K, pixels)``, for places ``(K, 3)``."""
    row, column = (axis.ravel()[pixels] + 0.5 for axis in np.indices((size, size)))
    distance = np.hypot(row - places[:, :1], column - places[:, 1:2])
    return np.clip(places[:, 2:] - distance + 0.5, 0, 1)


@dataclasses.dataclass(frozen=True)
class _Nodes:
    """Quadrature nodes for place and radius; away from ``varies`` all masks equal ``fixed``."""

    bank: np.ndarray  # masks, (K or more, V)
    which: slice | np.ndarray  # K of them
    varies: slice | np.ndarray
    fixed: np.ndarray  # (d,), zero where masks vary
    log_weight: np.ndarray  # (K,)

    def whole(self) -> np.ndarray:
        """The masks with all their pixels, ``(K, d)``."""
        full = np.repeat(self.fixed[None], len(self.log_weight), 0)
        full[:, self.varies] = self.bank[self.which]
        return full

    def sum(self, weight: np.ndarray) -> np.ndarray:
        """Weighted sum of the masks, ``(d,)``."""
        picture, spread = self.fixed * weight.sum(), np.zeros(len(self.bank), self.bank.dtype)
        spread[self.which] = weight
        picture[self.varies] = spread @ self.bank
        return picture


@dataclasses.dataclass(frozen=True)
class _Posterior:
    weight: np.ndarray  # (K,)
    intensity: np.ndarray  # (K, 2), less the image's mean
    covariance: np.ndarray  # (K, 2, 2)
    nodes: _Nodes
    mean: float

    def estimate(self) -> np.ndarray:
        """Posterior mean image, ``(d,)``."""
        contrast = self.weight * (self.intensity[:, 0] - self.intensity[:, 1])
        return self.nodes.sum(contrast) + self.weight @ self.intensity[:, 1] + self.mean


class ExactDiscs(nn.Module):
    """Posterior mean for the images of `gahr.images.synthetic.discs`: the best any denoiser can do.

    Told ``sigma``, it is ``E[x | y]``. Not told, it is ``E[x | y]`` for sigma uniform in [0, 1], as in
    training: then the noise level is integrated over, too, and the estimator is blind like a network.

    Parameters
    ----------
    size
        Side in pixels.
    bounded
        Whether it knows that both intensities are in [0, 1]. If not, any two numbers are equally
        likely beforehand.
    nodes
        Quadrature nodes for each of row, column and radius around a peak.

    Notes
    -----
    Source: the class of the paper's Figure 5. The grid resolves a posterior about as wide as a cell,
    and is left as soon as a thousandth of its mass or less lies more than 2.5 cells from the peak. The
    box around the peak is then narrowed until it spans 8.4 standard deviations. Discretization changes
    the estimate by about a hundredth of the posterior's spread, and the error by 0.001 dB.

    Examples
    --------
    >>> f = ExactDiscs(size=16)
    >>> x = draw(torch.tensor([[8.0, 7.0, 3.0, 0.9, 0.2]]), size=16)
    >>> (f(x, sigma=0.001) - x).abs().max().item() < 0.01
    True
    """

    def __init__(self, size: int = 40, bounded: bool = True, nodes: int = 10) -> None:
        super().__init__()
        size, nodes = check_count(size, "size", 4), check_count(nodes, "nodes", 3)
        self.size, self.bounded, self.nodes = size, bounded, nodes
        self.low, self.high = size * np.array(RANGES).T
        self.step = (self.high - self.low) / CELLS
        self.places, self.bank, self.total, self.square = _grid(size)

    def forward(self, y: Tensor, sigma: float | None = None) -> Tensor:
        """Estimate the clean images; without ``sigma`` the noise level is integrated over."""
        images, estimates = self._images(y), []
        told = sigma if sigma is None else need_sigma(sigma, "this optimum", y)
        told = told.flatten().tolist() if isinstance(told, Tensor) else [told] * len(y)
        for place in np.array_split(np.arange(len(y)), -(-len(y) // 64)):
            posteriors = self._posteriors(images[place], [told[i] for i in place])
            estimates += [each.estimate() for each in posteriors]
        return torch.from_numpy(np.stack(estimates)).view_as(y).to(y)

    def covariance(self, y: Tensor, sigma: float | None = None) -> Tensor:
        """Posterior covariance at one noisy image, ``(d, d)``, float64.

        Divided by ``sigma^2`` it is the Jacobian of the estimate at that ``sigma``.
        """
        if len(y) != 1:
            raise ValueError(f"the covariance is taken at one image, (1, 1, H, W); got {len(y)} images.")
        if sigma is not None:
            check_number(sigma, "sigma", 0.0, open_low=True)
        (post,) = self._posteriors(self._images(y), [sigma])
        masks, w = post.nodes.whole(), post.weight[:, None]
        a, b = post.intensity.T[:, :, None]
        away = a * masks + b * (1 - masks) + post.mean - post.estimate()
        aa, ab, bb = (post.covariance[:, i, j, None] for i, j in ((0, 0), (0, 1), (1, 1)))
        square = away.T @ (w * away) + masks.T @ (w * (aa * masks + 2 * ab * (1 - masks)))
        square += (1 - masks).T @ (w * bb * (1 - masks))
        return torch.from_numpy((square + square.T) / 2)

    def _images(self, y: Tensor) -> np.ndarray:
        if check_images(y, "y").shape[1:] != (1, self.size, self.size):
            raise ValueError(f"these discs are (1, {self.size}, {self.size}); got {tuple(y.shape[1:])}.")
        return y.detach().flatten(1).double().cpu().numpy()

    def _posteriors(self, images: np.ndarray, told: list[float | None]) -> Iterator[_Posterior]:
        means = images.mean(1)
        images = images - means[:, None]
        inner = images.astype(np.float32) @ self.bank.T  # with all masks of the grid, at once
        for image, mean, one, sigma in zip(images, means, inner.astype(float), told, strict=True):
            yield self._posterior(image, mean, one, sigma)

    def _posterior(
        self, image: np.ndarray, mean: float, inner: np.ndarray, sigma: float | None
    ) -> _Posterior:
        d, energy = len(image), image @ image
        nodes, fit, level = self._nodes(image, mean, inner, sigma)
        levels = [(sigma, 1.0)] if sigma is not None else noise_levels(level, d)
        found = [fit.boxed(s, mean) if self.bounded else fit.flat(s) for s, _ in levels]
        log_weight = [
            nodes.log_weight + part[0] + math.log(w) - d * math.log(s) - energy / (2 * s**2)
            for part, (s, w) in zip(found, levels, strict=True)
        ]
        weight = _normalized(np.stack(log_weight))
        each = weight.sum(0)  # of the places; one without weight keeps the intensities of the first level
        share = weight / np.maximum(each, 1e-300)
        share[0] += each < 1e-300
        intensity = np.einsum("jk,jki->ki", share, np.stack([part[1] for part in found]))
        away = np.stack([part[1] for part in found]) - intensity
        spread = np.stack([part[2] for part in found]) + away[..., :, None] * away[..., None, :]
        return _Posterior(each, intensity, np.einsum("jk,jkil->kil", share, spread), nodes, mean)

    def _nodes(
        self, image: np.ndarray, mean: float, inner: np.ndarray, sigma: float | None
    ) -> tuple[_Nodes, Fit, float]:
        """Where the posterior lies: nodes, the fit at each, and the noise level."""
        d, energy = len(image), image @ image

        def level(fit: Fit) -> float:
            return sigma or math.sqrt(max(energy - fit.explained.max(), 1e-12 * energy) / d)

        fit = Fit.of(inner, self.total, self.square, d)
        evidence = fit.flat(level(fit))[0]
        best = self.places[evidence.argmax()]
        near = (np.abs(self.places - best) <= 2.5 * self.step).all(1)
        if _normalized(evidence)[~near].sum() > 1e-3:
            which = self._likely(fit, evidence, level(fit), mean)
            nodes = _Nodes(self.bank, which, slice(None), np.zeros(d), np.zeros(len(which)))
            return nodes, fit.keep(which), level(fit)
        middle, reach, width, last = best, 2.5 * self.step, np.full(3, np.inf), False
        for _ in range(60):
            low, high = np.maximum(middle - reach, self.low), np.minimum(middle + reach, self.high)
            places, log_weight = _box(low, high, self.nodes)
            nodes, fit = self._around(places, log_weight, image)
            if last:
                break
            weight = _normalized(log_weight + fit.flat(level(fit))[0])
            last, width = bool((high - low > 0.9 * width).all()), high - low
            middle = weight @ places
            reach = np.sqrt(weight @ (places - middle) ** 2) * 4.2
            if not last:  # while the spread is not resolved, not less than a step between nodes
                reach += 0.9 * width / self.nodes
        return nodes, fit, level(fit)

    def _around(self, places: np.ndarray, log_weight: np.ndarray, image: np.ndarray) -> tuple[_Nodes, Fit]:
        """Nodes at places near each other, whose masks differ at few pixels, and the fit at each."""
        middle = places.mean(0, keepdims=True)
        reach = np.abs(places - middle).max(0)
        thin = middle - [[0, 0, reach[2] + math.hypot(*reach[:2])]]
        fixed, most = (_masks(thin, self.size)[0], _masks(2 * middle - thin, self.size)[0])
        varies = np.flatnonzero(fixed != most)
        masks = _masks(places, self.size, varies)
        fixed[varies] = 0
        inner = fixed @ image + masks @ image[varies]
        total, square = (fixed.sum() + np.sum(power, 1) for power in (masks, masks**2))
        nodes = _Nodes(masks, slice(None), varies, fixed, log_weight)
        return nodes, Fit.of(inner, total, square, len(image))

    def _likely(self, fit: Fit, evidence: np.ndarray, sigma: float, mean: float) -> np.ndarray:
        """Cells of the grid with more than e^-16 of the largest weight: all but 0.2 % of it."""
        bound = evidence.max()
        if self.bounded:  # an integral over the box is at most the one over the plane
            bound = fit.keep(np.argsort(evidence)[-64:]).boxed(sigma, mean)[0].max()
        return np.flatnonzero(evidence >= bound - 16)


@functools.lru_cache(maxsize=2)
def _grid(size: int) -> tuple[np.ndarray, ...]:
    """Places at the centers of cells, ``(K, 3)``, masks ``(K, d)``, and their sums and sums of squares."""
    axes = [
        size * (low + (high - low) * (np.arange(n) + 0.5) / n)
        for (low, high), n in zip(RANGES, CELLS, strict=True)
    ]
    places = np.stack(np.meshgrid(*axes, indexing="ij"), -1).reshape(-1, 3)
    row, column = np.indices((size, size), np.float32).reshape(2, -1) + np.float32(0.5)
    distance = np.hypot(
        row - axes[0].astype(np.float32)[:, None, None], column - axes[1].astype(np.float32)[:, None]
    )
    bank = axes[2].astype(np.float32)[:, None] + np.float32(0.5) - distance[:, :, None]
    bank = np.clip(bank, 0, 1, out=bank).reshape(len(places), -1)
    return places, bank, bank.sum(1, dtype=float), np.einsum("kp,kp->k", bank, bank).astype(float)


def _normalized(log_weight: np.ndarray) -> np.ndarray:
    weight = np.exp(log_weight - log_weight.max())
    return weight / weight.sum()


def noise_levels(level: float, d: int, count: int = 7) -> list[tuple[float, float]]:
    """Noise levels up to 1 around an estimate, whose relative error is ``1 / sqrt(2 d)``, with weights."""
    reach = min(5 / math.sqrt(2 * d), 0.95)
    low, high = min(level, 1) * (1 - reach), min(level * (1 + reach), 1)
    node, weight = np.polynomial.legendre.leggauss(count)
    return list(zip(low + (high - low) * (node + 1) / 2, weight, strict=True))


def _box(low: np.ndarray, high: np.ndarray, count: int) -> tuple[np.ndarray, np.ndarray]:
    """Gauss-Legendre nodes in a box, ``(count^3, 3)``, and the logarithm of their weights."""
    node, weight = np.polynomial.legendre.leggauss(count)
    unit = np.stack(np.meshgrid(node, node, node, indexing="ij"), -1).reshape(-1, 3)
    log_weight = np.log(weight[:, None, None] * weight[:, None] * weight).ravel()
    return low + (high - low) * (unit + 1) / 2, log_weight
