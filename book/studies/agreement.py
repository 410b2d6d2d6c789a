"""Whether two denoisers agree beyond what a simpler one knows, without drawing a sample.

Two good denoisers resemble each other because both resemble the picture. What is left of each when a
Wiener filter's answer is taken off is what it knows beyond mean and covariance: two networks that
learned one density agree in that, too.
"""

from __future__ import annotations

import math

import torch
from torch import Tensor

from gahr._calls import Caller
from gahr._checks import check_images
from gahr.denoisers import Denoiser, add_noise

__all__ = ["beyond"]


@torch.no_grad()
def beyond(
    f: Denoiser, g: Denoiser, baseline: Denoiser, x: Tensor, sigma: float, seed: int = 0, batch: int = 256
) -> dict[str, float]:
    """Cosine of ``f(y) - w(y)`` and ``g(y) - w(y)``, on the same noisy images.

    Parameters
    ----------
    f, g
        Two denoisers, for instance trained on disjoint sets.
    baseline
        ``w``, what both are taken to know anyway: a Wiener filter.
    x
        Clean images, ``(B, C, H, W)``.
    sigma
        Noise level, which is told to all three.
    seed
        Of the noise.
    batch
        Images denoised at once.

    Returns
    -------
    found
        ``cosine``, the mean over images, and its standard error ``se`` (NaN for one image); ``size``, the
        energy of both differences per pixel (their mean), to judge what the cosine is of. An image where
        one of them equals the baseline has no cosine and counts as 0.

    Raises
    ------
    ValueError
        If an answer has another shape than the images, or a denoiser answers otherwise when asked again.

    Examples
    --------
    >>> x = torch.rand(4, 1, 8, 8, generator=torch.Generator().manual_seed(0))
    >>> found = beyond(lambda y, s: y, lambda y, s: 0.5 * y, lambda y, s: 0 * y, x, 0.1)
    >>> round(found["cosine"], 4)
    1.0
    """
    y = add_noise(check_images(x, "x"), sigma, seed)
    three = (("f(y)", f), ("g(y)", g), ("w(y)", baseline))
    first, second, known = (Caller(h, name).in_batches(y, sigma, batch) for name, h in three)
    one, two = ((answer - known).flatten(1).double() for answer in (first, second))
    cosine = torch.nn.functional.cosine_similarity(one, two, dim=1)
    size = (one.square().mean() + two.square().mean()) / 2
    se = cosine.std().item() / math.sqrt(len(x)) if len(x) > 1 else math.nan
    return {"cosine": cosine.mean().item(), "se": se, "size": size.item()}
