"""Muon: gradient steps on matrices whose singular values are made equal.

``torch.optim.Muon`` is the same method, for matrices only and always in bfloat16, which processors
without it emulate some seventy times slower. This one takes convolution kernels, in their own precision.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable

import torch
from torch import Tensor, nn

__all__ = ["Muon", "orthogonalized", "split"]

QUINTIC = (3.4445, -4.7750, 2.0315)


def orthogonalized(matrix: Tensor, steps: int = 5) -> Tensor:
    """Singular values of a matrix, all made nearly 1 (0.7 to 1.2); its singular vectors are kept.

    Five Newton-Schulz steps ``s -> 3.4445 s - 4.7750 s^3 + 2.0315 s^5``, from the matrix over its Frobenius
    norm; no decomposition is computed, and zeros stay zeros. Source: Jordan et al., Muon (2024), whose
    coefficients these are.
    """
    tall = matrix.shape[0] > matrix.shape[1]
    x = matrix.mT if tall else matrix
    x = x / x.norm().clamp(min=1e-12)
    a, b, c = QUINTIC
    for _ in range(steps):
        gram = x @ x.mT
        x = torch.addmm(x, torch.addmm(gram, gram, gram, beta=b, alpha=c), x, beta=a)
    return x.mT if tall else x


class Muon(torch.optim.Optimizer):
    """Momentum whose steps on each kernel are orthogonalized, so that no direction of it is left out.

    A kernel is seen as a matrix ``(out, in k k)``; a tall one takes ``sqrt(rows / columns)`` of the step size
    ``lr``. The ``momentum`` is Nesterov's.
    """

    def __init__(self, parameters: Iterable[Tensor], lr: float = 0.02, momentum: float = 0.95) -> None:
        super().__init__(parameters, {"lr": lr, "momentum": momentum})

    @torch.no_grad()
    def step(self, closure: Callable[[], float] | None = None) -> None:
        """Take one step from the gradients that are there."""
        for group in self.param_groups:
            for kernel in group["params"]:
                if kernel.grad is None:
                    continue
                state = self.state[kernel]
                if "momentum" not in state:
                    state["momentum"] = torch.zeros_like(kernel)
                state["momentum"].lerp_(kernel.grad, 1 - group["momentum"])
                ahead = kernel.grad.lerp(state["momentum"], group["momentum"]).flatten(1)
                scale = max(1.0, ahead.shape[0] / ahead.shape[1]) ** 0.5
                kernel.add_(orthogonalized(ahead).view(kernel.shape), alpha=-group["lr"] * scale)


def split(network: nn.Module) -> tuple[list[Tensor], list[Tensor]]:
    """A network's kernels with more than one channel on both sides, and its other parameters."""
    kernels, others = [], []
    for parameter in network.parameters():
        inner = parameter.ndim == 4 and min(parameter.shape[:2]) > 1
        (kernels if inner else others).append(parameter)
    return kernels, others
