"""What training minimizes: which noise levels it sees, and how much an error at each of them counts.

For every noise level by itself the best denoiser is the same, whatever the weights: the posterior
mean, as in the paper. Weights decide what a network of finite size, after finite time, is good at.
"""

from __future__ import annotations

import math

import torch
from torch import Tensor

__all__ = ["NOISE", "OBJECTIVES", "RunningError", "noise_levels"]

NOISE = ("mixed", "uniform", "quadratic")
OBJECTIVES = ("psnr", "mse")
LEAST = 0.005
"""Least noise level of the log-uniform half."""


def noise_levels(kind: str, count: int, generator: torch.Generator | None = None) -> Tensor:
    """Noise levels of one batch, ``(count,)``, in [0, 1].

    Parameters
    ----------
    kind
        ``"mixed"``: half of the batch log-uniform in [0.005, 1], half uniform in [0, 1], each half
        spread evenly over its range (one draw in each of as many equal parts as it has images).
        ``"uniform"``: sigma ~ U[0, 1]. ``"quadratic"``: sigma ~ U^2, the default of the authors'
        released code; the paper says only "in [0, 1]".
    count
        How many.
    generator
        Where the randomness comes from, and the device.

    Examples
    --------
    >>> sigma = noise_levels("mixed", 64, torch.Generator().manual_seed(0))
    >>> int((sigma < 0.07).sum())  # half of the log-uniform half, and two or three of the others
    19
    """
    device = None if generator is None else generator.device
    u = torch.rand(count, generator=generator, device=device)
    if kind == "uniform":
        return u
    if kind == "quadratic":
        return u.square()
    half = count // 2
    low = (torch.arange(half, device=device) + u[:half]) / max(half, 1)
    high = (torch.arange(count - half, device=device) + u[half:]) / (count - half)
    return torch.cat([LEAST ** (1 - low), high])


class RunningError:
    """Running mean of the squared error at each noise level, in ``bins`` of log sigma in [0.005, 1].

    Dividing an image's error by it makes the gradient of the sum that of the mean of
    ``log(mean squared error)`` over noise levels: a step then counts decibels, at weak noise as at
    strong. A level's error begins as sigma^2, that of doing nothing, and moves at a ``rate`` for each step
    that sees it; levels outside count for the nearest bin.
    """

    def __init__(self, device: torch.device | str = "cpu", bins: int = 32, rate: float = 0.02) -> None:
        middles = LEAST ** (1 - (torch.arange(bins, device=device) + 0.5) / bins)
        self.mean, self.rate = middles.square(), rate

    def bin(self, sigma: Tensor) -> Tensor:
        """Number of each level's bin."""
        place = len(self.mean) * (1 - sigma.clamp(min=LEAST).log() / math.log(LEAST))
        return place.long().clamp(0, len(self.mean) - 1)

    def weights(self, sigma: Tensor) -> Tensor:
        """What an image's squared error is multiplied by: 1 over the running mean at its level."""
        return 1 / self.mean[self.bin(sigma)].clamp(min=1e-12)

    def totals(self, sigma: Tensor, error: Tensor) -> Tensor:
        """Sum of errors and number of images in each bin, ``(2, bins)``: several processes add theirs."""
        pairs = torch.stack([error.to(self.mean), torch.ones_like(sigma).to(self.mean)])
        return torch.zeros(2, len(self.mean), device=sigma.device).index_add_(1, self.bin(sigma), pairs)

    def update(self, totals: Tensor) -> None:
        """Move the mean of every bin that was seen towards this batch's."""
        errors, counts = totals
        seen = torch.where(counts > 0, errors / counts.clamp(min=1), self.mean)
        self.mean = torch.lerp(self.mean, seen, self.rate)

    def state_dict(self) -> dict:
        """For a checkpoint."""
        return {"mean": self.mean}

    def load_state_dict(self, state: dict) -> None:
        """From a checkpoint."""
        if state["mean"].shape != self.mean.shape:
            raise ValueError(f"running errors must be {tuple(self.mean.shape)}; got {state['mean'].shape}")
        self.mean = state["mean"].to(self.mean)
