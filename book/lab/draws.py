"""Samples as the lab page draws them: its random numbers, its sampler, and the rule that picks a seed.

The page has a generator of its own (``_static/lab/random.mjs``), which every browser computes alike. Here are
the same numbers for many seeds at once, so that a picture drawn here is the one that the page draws.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import NamedTuple

import numpy as np
import torch
from torch import Tensor

from gahr import images, measures, zoo
from gahr.denoisers import Denoiser
from gahr.images import photographs

__all__ = ["Way", "climb", "mean", "noise", "normals", "story", "uniforms"]

STEP, BETA, START, END = 0.1, 0.1, 1.0, 0.05
"""Settings of the page's sampler; `_static/lab/sampler.mjs` has the same."""

SEEDS = 16
"""Seeds among which `story` chooses."""


def uniforms(seeds: np.ndarray) -> Iterator[np.ndarray]:
    """Uniform numbers in (0, 1), one for each seed at a time: sfc32, its state filled by splitmix32.

    Parameters
    ----------
    seeds
        Whole numbers from 0, ``(B,)``.

    Yields
    ------
    numbers
        ``(B,)`` float64.
    """
    state = np.asarray(seeds, np.uint32) ^ np.uint32(0x9E3779B9)

    def split() -> np.ndarray:
        nonlocal state
        state = state + np.uint32(0x9E3779B9)
        t = (state ^ (state >> 16)) * np.uint32(0x21F0AAAD)
        t = (t ^ (t >> 15)) * np.uint32(0x735A2D97)
        return t ^ (t >> 15)

    a, b, c = split(), split(), split()
    turn = np.uint32(0)
    while True:
        turn = np.uint32((int(turn) + 1) % 2**32)
        t = a + b + turn
        a, b = b ^ (b >> 9), c + (c << 3)
        c = ((c << 21) | (c >> 11)) + t
        if turn > 12:  # the first twelve are thrown away
            yield (t.astype(np.float64) + 0.5) / 2**32


def normals(seeds: np.ndarray) -> Iterator[np.ndarray]:
    """Standard normal numbers, one for each seed at a time (Box and Muller 1958), ``(B,)`` float64."""
    source = uniforms(seeds)
    for first in source:
        radius, angle = np.sqrt(-2 * np.log(first)), 2 * np.pi * next(source)
        yield radius * np.cos(angle)
        yield radius * np.sin(angle)


def take(source: Iterator[np.ndarray], d: int) -> np.ndarray:
    """The next ``d`` numbers of every seed, ``(B, d)``."""
    return np.stack([next(source) for _ in range(d)], axis=1)


def noise(d: int, seed: int) -> Tensor:
    """The page's noise of one seed, ``(d,)`` float32."""
    return torch.from_numpy(take(normals(np.array([seed])), d)[0]).float()


def mean(images_name: str) -> float:
    """Mean intensity at which samples of a class begin: its own for photographs, else 1/2."""
    if images_name not in photographs.CLASSES:
        return 0.5
    return float(images.covariance(images_name)[0].mean())


class Way(NamedTuple):
    """How samples came about.

    Parameters
    ----------
    x
        The samples: the last estimates, ``(B, 1, H, W)``.
    path
        What each step began with, then the sample: a list of ``(B, 1, H, W)``. A sample that is done stays.
    sigma, top
        Noise level of each picture of the path, of a sample 0, and the brightest intensity of its estimate;
        ``(B,)`` each.
    steps
        Steps that each one took, ``(B,)``.
    """

    x: Tensor
    path: list[Tensor]
    sigma: list[Tensor]
    top: list[Tensor]
    steps: Tensor


@torch.no_grad()
def climb(f: Denoiser, size: int, seeds: list[int], start_mean: float, most: int = 1000) -> Way:
    """Draw one sample for each seed, as the page does: the paper's algorithm 1.

    Parameters
    ----------
    f
        The denoiser.
    size
        Side of the pictures.
    seeds
        One for each sample.
    start_mean
        Mean intensity of the start.
    most
        Steps after which to stop.
    """
    source, d = normals(np.array(seeds)), size * size
    keep = ((1 - BETA * STEP) ** 2 - (1 - STEP) ** 2) ** 0.5
    y = torch.from_numpy(start_mean + START * take(source, d)).float()
    done, x = torch.zeros(len(seeds), dtype=torch.bool), y.clone()
    path, levels, tops, steps = [], [], [], torch.zeros(len(seeds), dtype=torch.long)
    for t in range(most + 1):
        estimate = f(y.view(-1, 1, size, size)).flatten(1)
        sigma = (estimate - y).square().mean(1).sqrt()
        x = torch.where(done[:, None], x, estimate)
        path.append(torch.where(done[:, None], x, y).view(-1, 1, size, size))
        levels.append(torch.where(done, 0.0, sigma))
        tops.append(x.amax(1))
        steps[~done] = t
        done |= sigma <= END
        if done.all():
            break
        injected = (keep * sigma[:, None].double() * torch.from_numpy(take(source, d))).float()
        y = torch.where(done[:, None], y, y + STEP * (estimate - y) + injected)
    x = x.view(-1, 1, size, size)
    return Way(x, [*path, x], [*levels, torch.zeros(len(seeds))], [*tops, x.amax((1, 2, 3))], steps)


def story(names: tuple[str, str], size: int, images_name: str, seeds: int = SEEDS) -> tuple[int, float]:
    """The seed to show for a pair of networks, and how alike their two samples are.

    The rule: of the first ``seeds`` seeds, the one whose pair has the median similarity (the upper of the
    two in the middle). So what is shown first is what a reader may expect, neither the best nor the worst.
    """
    start = mean(images_name)
    drawn = [climb(zoo.load(name), size, list(range(seeds)), start).x for name in names]
    alike = measures.similarity(*drawn)
    seed = int(alike.argsort()[seeds // 2])
    return seed, float(alike[seed])
