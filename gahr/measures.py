"""How good, how alike, how far copied: the numbers that the book's claims rest on."""

from __future__ import annotations

import torch
from torch import Tensor

from gahr._checks import check_images, check_same_shape
from gahr.denoisers import Denoiser, add_noise

__all__ = ["SIGMAS", "psnr", "psnr_curve"]

SIGMAS: tuple[float, ...] = (0.01, 0.015, 0.02, 0.03, 0.05, 0.07, 0.1, 0.15, 0.2, 0.3, 0.5, 1.0)
"""The twelve noise levels at which every network of the book is measured."""


def psnr(x: Tensor, estimate: Tensor) -> Tensor:
    """Peak signal-to-noise ratio of each image, ``10 log10(1 / MSE)``, in dB, shape ``(B,)``.

    The mean over images of this number is what the authors report. It is not the PSNR of the mean
    squared error: the mean of logarithms is larger than the logarithm of the mean would give.
    An exact estimate gives infinity.

    Examples
    --------
    >>> psnr(torch.zeros(1, 1, 2, 2), torch.full((1, 1, 2, 2), 0.1))
    tensor([20.])
    """
    check_images(x, "x")
    check_same_shape(x, estimate, ("x", "estimate"))
    mse = (x - estimate).square().flatten(1).mean(1)
    return -10 * torch.log10(mse)


@torch.no_grad()
def psnr_curve(
    f: Denoiser,
    x: Tensor,
    sigmas: tuple[float, ...] = SIGMAS,
    seed: int = 0,
    repeats: int = 1,
    batch: int = 256,
) -> dict[str, list[float]]:
    """Output PSNR against noise level: mean over images, with its standard error.

    The noise depends on ``seed`` and on the level only, so two denoisers measured on the same
    images see exactly the same noisy images.

    Parameters
    ----------
    f
        The denoiser.
    x
        Clean images, ``(B, C, H, W)`` in [0, 1].
    sigmas
        Noise levels on the [0, 1] scale.
    seed
        Of the noise.
    repeats
        Noise draws for each image: use several when there are few images.
    batch
        Images denoised at once.

    Returns
    -------
    curve
        Lists ``sigma``, ``psnr`` and ``se`` (dB). The standard error is over images; with a single
        image it is over the noise draws.
    """
    check_images(x, "x")
    means, errors = [], []
    for level, sigma in enumerate(sigmas):
        draws = []
        for repeat in range(repeats):
            y = add_noise(x, sigma, seed=seed + 1000 * level + repeat)
            parts = [f(part, sigma) for part in y.split(batch)]
            draws.append(psnr(x, torch.cat(parts)))
        values = torch.stack(draws)  # (repeats, B)
        sample = values.mean(0) if x.shape[0] > 1 else values[:, 0]
        means.append(values.mean().item())
        errors.append((sample.std() / len(sample) ** 0.5).item() if len(sample) > 1 else float("nan"))
    return {"sigma": list(sigmas), "psnr": means, "se": errors}
