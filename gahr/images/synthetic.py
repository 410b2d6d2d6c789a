"""Generated image classes, drawn from a seed and never stored: worlds whose optimum can be known.

Every function draws the whole batch at once and depends on its seed alone.
"""

from __future__ import annotations

import math

import torch
from torch import Tensor

from gahr._checks import check_images, check_number, check_seed, check_tensor, stream

__all__ = ["c_alpha", "coverage", "discs", "gaussian", "scaled", "shuffled", "sinusoids", "unshuffled"]


def _uniform(shape: tuple[int, ...], low: float, high: float, generator: torch.Generator) -> Tensor:
    return low + (high - low) * torch.rand(shape, generator=generator)


def _check_count(n: int, size: int) -> None:
    if check_seed(n, "n") < 1 or check_seed(size, "size") < 4:
        raise ValueError(f"n must be at least 1 and size at least 4; got n = {n}, size = {size}.")


def _radial_frequency(size: int) -> Tensor:
    """|k| on the 2-D frequency grid, in cycles per image, the zero replaced by one."""
    k = torch.fft.fftfreq(size) * size
    return torch.hypot(k[:, None], k[None, :]).clamp_min(1.0)


def gaussian(n: int, size: int = 40, decay: float = 1.5, contrast: float = 0.1, seed: int = 0) -> Tensor:
    """Stationary Gaussian images, ``(n, 1, size, size)``: mean 0.5, power falling as ``|k|^(-2 decay)``.

    ``contrast`` is the standard deviation of a pixel (values may leave [0, 1]). The covariance is diagonal
    in the Fourier basis: `gaussian_power`.
    """
    _check_count(n, size)
    amplitude = gaussian_power(size, decay, contrast).sqrt()
    white = torch.randn(n, 1, size, size, generator=stream(seed))
    return 0.5 + torch.fft.ifft2(torch.fft.fft2(white) * amplitude).real


def gaussian_power(size: int = 40, decay: float = 1.5, contrast: float = 0.1) -> Tensor:
    """Variance of `gaussian` images in each Fourier direction, ``(size, size)``; mean contrast^2."""
    check_number(decay, "decay", 0.0)
    check_number(contrast, "contrast", 0.0)
    power = _radial_frequency(size) ** (-2 * decay)
    return power * (contrast**2 / power.mean())


def c_alpha(n: int, size: int = 40, alpha: float = 2.0, beta: float | None = None, seed: int = 0) -> Tensor:
    """Two smooth regions on either side of a smooth contour, as the authors' code draws them.

    Uniform white noise is filtered by ``|k|^-alpha`` to make the contour (a height for each column)
    and by ``|k|^-beta`` to make the two backgrounds. One background is stretched to ``[u, 1]`` and
    the other to ``[0, v]``, with uniform ``u`` and ``v`` and a coin for which is which, so that the
    contour is an edge. The mask is averaged over 2x2 pixels.

    Parameters
    ----------
    n, size
        How many, and their side in pixels.
    alpha
        Regularity of the contour, as the authors parametrize it.
    beta
        Regularity of the backgrounds; ``alpha`` by default.
    seed
        Of the draw.

    Returns
    -------
    x
        ``(n, 1, size, size)`` in [0, 1].

    Notes
    -----
    Source: the authors' released code, which differs from the paper's Algorithm 2 (appendix E): the
    noise is U[-1, 1] rather than U[-1/2, 1/2], the zero frequency gets the filter's value at k = 1,
    the contour is rounded to a pixel, and the backgrounds are stretched. Filtering *white* noise
    makes the contour about ``alpha - 1/2`` and the backgrounds about ``beta - 1`` times
    differentiable in the sense of Holder.
    """
    _check_count(n, size)
    check_number(alpha, "alpha", 0.0)
    beta = alpha if beta is None else check_number(beta, "beta", 0.0)
    generator = stream(seed)
    k = (torch.fft.fftfreq(size) * size).abs().clamp_min(1.0)
    white = _uniform((n, size), -1, 1, generator)
    contour = torch.fft.ifft(torch.fft.fft(white) * k**-alpha).real
    height = torch.round(contour * size) + size // 2  # (n, columns)

    white = _uniform((n, 2, size, size), -1, 1, generator)
    ground = torch.fft.ifft2(torch.fft.fft2(white) * _radial_frequency(size) ** -beta).real
    low, high = ground.amin((2, 3), keepdim=True), ground.amax((2, 3), keepdim=True)
    ground = (ground - low) / (high - low)  # (n, 2, size, size) in [0, 1]
    u, v = _uniform((2, n, 1, 1), 0, 1, generator)
    bright, dark = u + (1 - u) * ground[:, 0], v * ground[:, 1]

    below = coverage(height)[:, 0]
    coin = torch.rand(n, 1, 1, generator=generator) < 0.5
    below = torch.where(coin, below, 1 - below)
    return (bright * below + dark * (1 - below))[:, None]


def coverage(heights: Tensor) -> Tensor:
    """Which part of each pixel lies below a contour, as `c_alpha` mixes its regions, ``(n, 1, size, size)``.

    Parameters
    ----------
    heights
        Row of the contour in each column, ``(n, size)``; rounded to a pixel. What lies below has rows at or
        beyond it. The mask is averaged over 2x2 pixels.

    Examples
    --------
    >>> coverage(torch.tensor([[1.0, 1.0, 2.0]]))[0, 0]
    tensor([[0.5000, 0.5000, 0.2500],
            [0.5000, 0.5000, 0.2500],
            [1.0000, 1.0000, 0.7500]])
    """
    rows = torch.arange(check_tensor(heights, "heights", "one a column, (n, size)").shape[-1])
    below = (rows[:, None] >= heights.round()[:, None, None]).float()
    below = torch.nn.functional.pad(below, (1, 0, 1, 0), mode="reflect")
    return torch.nn.functional.avg_pool2d(below, 2, stride=1)


def discs(n: int, size: int = 40, seed: int = 0) -> Tensor:
    """Discs of random place, radius and gray on a random gray: a curved manifold of dimension 5.

    The center is uniform in the middle half of each axis, the radius uniform in
    ``[size/10, size/4]``, both grays uniform in [0, 1]. Edges are anti-aliased over one pixel.

    Returns
    -------
    x
        ``(n, 1, size, size)`` in [0, 1].

    Notes
    -----
    Source: paper, section 3.2 (Figure 5). The authors place discs on integer coordinates; here
    they are continuous.
    """
    _check_count(n, size)
    parameters = torch.rand(5, n, 1, 1, generator=stream(seed))
    row, column = (size * (0.25 + 0.5 * parameters[i]) for i in range(2))
    radius = size * (0.10 + 0.15 * parameters[2])
    axis = torch.arange(size) + 0.5
    distance = torch.hypot(axis[:, None] - row, axis[None, :] - column)
    inside = (radius - distance + 0.5).clamp(0, 1)
    return (parameters[3] * inside + parameters[4] * (1 - inside))[:, None]


def sinusoids(n: int, size: int = 40, frequency: tuple[int, int] = (1, 1), seed: int = 0) -> Tensor:
    """Plane waves of one frequency, random phase and random intensity: a two-dimensional cone.

    ``x = a sin(2 pi (k1 row + k2 column) / size + phase)``, ``a`` uniform in [0, 1], in images
    ``(n, 1, size, size)``; ``frequency`` holds whole cycles per image, down and across.

    Notes
    -----
    Source: paper, appendix C.2 (Figure 20).
    """
    _check_count(n, size)
    generator = stream(seed)
    intensity = torch.rand(n, 1, 1, generator=generator)
    phase = 2 * math.pi * torch.rand(n, 1, 1, generator=generator)
    axis = torch.arange(size)
    angle = 2 * math.pi / size * (frequency[0] * axis[:, None] + frequency[1] * axis[None, :])
    return (intensity * torch.sin(angle + phase))[:, None]


def scaled(image: Tensor, n: int, seed: int = 0) -> Tensor:
    """One image times random factors, uniform in [0, 1]: a ray, ``(n, 1, H, W)``.

    Notes
    -----
    Source: paper, appendix C.2 (Figure 19).
    """
    check_images(image, "image")
    if image.shape[0] != 1:
        raise ValueError(f"image must be a single image, (1, C, H, W); got {image.shape[0]} images.")
    _check_count(n, image.shape[-1])
    return torch.rand(n, 1, 1, 1, generator=stream(seed)).to(image.device) * image


def shuffled(x: Tensor, seed: int = 0) -> Tensor:
    """The same images with their pixels permuted, one permutation for all (paper, Figure 21)."""
    check_images(x, "x")
    return x.flatten(2)[..., _permutation(x, seed)].reshape(x.shape)


def unshuffled(x: Tensor, seed: int = 0) -> Tensor:
    """Undo `shuffled`.

    Examples
    --------
    >>> x = torch.rand(2, 1, 8, 8)
    >>> torch.equal(unshuffled(shuffled(x)), x)
    True
    """
    check_images(x, "x")
    return x.flatten(2)[..., _permutation(x, seed).argsort()].reshape(x.shape)


def _permutation(x: Tensor, seed: int) -> Tensor:
    return torch.randperm(x.shape[-2] * x.shape[-1], generator=stream(seed))
