"""Draw images from the prior inside a denoiser: climb its score, add a little noise, repeat.

One loop serves unconditional sampling and linear inverse problems. Each image of a batch has its
own stream of noise, from its own seed, and stops on its own: results do not depend on the batch.
"""

from __future__ import annotations

import dataclasses
import math
import warnings
from collections.abc import Callable
from typing import Protocol, runtime_checkable

import torch
from torch import Tensor

from gahr._calls import Caller, need_evaluation, network_of, place_of
from gahr._checks import check_count, check_images, check_known, check_number, check_seed, check_shape, stream
from gahr.denoisers import Denoiser

__all__ = ["Measurement", "Sampling", "Trajectory", "sample", "solve"]


@runtime_checkable
class Measurement(Protocol):
    """What `solve` asks of a linear measurement with orthonormal rows (`gahr.analysis.inverse` has five)."""

    def lift(self, measurements: Tensor) -> Tensor:
        """The smallest image with these measurements, ``(B, C, H, W)``: zero where nothing was measured."""
        ...

    def project(self, x: Tensor) -> Tensor:
        """The measured part of images."""
        ...


@dataclasses.dataclass(frozen=True)
class Sampling:
    """Settings of the paper's algorithm 1.

    Parameters
    ----------
    step
        ``h``: the fraction of the denoiser's correction taken at each step.
    beta
        1 injects no noise; smaller values inject more. ``sigma`` falls by ``1 - beta h`` a step.
    start, end
        Standard deviation of the starting noise, and the estimated noise level at which to stop.
    mean
        Mean intensity of the starting point.
    schedule
        ``"fixed"``: ``h`` throughout, as in the paper. ``"growing"``: ``h t / (1 + h (t - 1))``, the
        default of the authors' code, many times faster.
    max_steps
        Give up an image after so many steps.

    Notes
    -----
    Source: paper, appendix A.2, whose settings are the defaults.

    Examples
    --------
    >>> Sampling(step=0.01, beta=0.1).expected_steps
    2995
    >>> Sampling(beta=1.0, step=0.05).expected_steps
    59
    """

    step: float = 0.01
    beta: float = 0.1
    start: float = 1.0
    end: float = 0.05
    mean: float = 0.5
    schedule: str = "fixed"
    max_steps: int = 10_000

    def __post_init__(self) -> None:
        check_number(self.step, "step", 0.0, 1.0, open_low=True)
        check_number(self.beta, "beta", 0.0, 1.0, open_low=True)
        check_number(self.start, "start", 0.0, open_low=True)
        check_number(self.end, "end", 0.0, self.start, open_low=True)
        check_known(self.schedule, ("fixed", "growing"), "schedule")
        check_number(self.mean, "mean", -math.inf)
        check_count(self.max_steps, "max_steps", 1)

    def step_size(self, t: int) -> float:
        """``h`` at step ``t`` = 1, 2, ..."""
        return self.step if self.schedule == "fixed" else self.step * t / (1 + self.step * (t - 1))

    def injected(self, t: int) -> float:
        """Standard deviation of the noise injected at step ``t``, in units of the current sigma."""
        h = self.step_size(t)
        return max((1 - self.beta * h) ** 2 - (1 - h) ** 2, 0.0) ** 0.5

    @property
    def expected_steps(self) -> int:
        """Steps from ``start`` to ``end`` if the noise level fell by ``1 - beta h`` each time.

        In practice fewer: the estimated level leaves out the denoiser's own error (chapter 3).
        """
        sigma, t = self.start, 0
        while sigma > self.end and t < self.max_steps:
            t += 1
            sigma *= 1 - self.beta * self.step_size(t)
        return t


@dataclasses.dataclass(frozen=True)
class Trajectory:
    """What sampling returns.

    Parameters
    ----------
    x
        The samples, denoised one last time, ``(B, C, H, W)``; NaN where an image was given up.
    path, times
        Images on the way, ``(K, B, C, H, W)``: the start, then every ``keep``-th step; and those steps.
    sigma
        Estimated noise level of each image, at the start and after each step, ``(steps + 1, B)``;
        NaN once the image has stopped.
    steps
        Steps each image took, ``(B,)``.
    """

    x: Tensor
    path: Tensor
    times: list[int]
    sigma: Tensor
    steps: Tensor


Correction = Callable[[Tensor, Tensor, Tensor], Tensor]


@torch.no_grad()
def sample(
    f: Denoiser,
    shape: tuple[int, int, int],
    n: int = 1,
    settings: Sampling | None = None,
    seed: int = 0,
    keep: int = 0,
    noise_seed: int | None = None,
) -> Trajectory:
    """Draw ``n`` images from the prior inside a denoiser.

    Image ``i`` starts from noise of seed ``seed + i`` and is injected noise from the same stream
    (or from ``noise_seed + i``), whatever ``n`` is. Two denoisers called with the same seeds see
    the same start and the same injected noise.

    Parameters
    ----------
    f
        The denoiser. If it can, it is called without ``sigma``: the sampler estimates the noise level
        from the size of the correction, as the paper's does. One that must be told, or takes a fixed level
        of its own if it is not, is told the level that the settings plan, ``1 - beta h`` smaller after
        each step, which then also sets the injected noise and the end: the correction is smaller the
        less noise a denoiser is told of.
    shape, n
        ``(C, H, W)`` of an image, and how many, on the device of the denoiser's weights.
    settings
        The paper's by default, about 3,000 steps.
    seed, noise_seed
        Of the start, and of the injected noise where that should differ.
    keep
        Keep every ``keep``-th state in the path; 0 keeps only start and end.

    Raises
    ------
    ValueError
        If the denoiser leaves nearly all of the starting noise where it is.
    RuntimeError
        If the estimated noise level of every image rises above twice the start (the denoiser diverges),
        or none has stopped after ``max_steps``. Where this befalls some, they are NaN in ``x``, and a
        warning names them.

    Notes
    -----
    Source: paper, appendix A.2, algorithm 1, which returns the last state; the denoising after it is that
    of the authors' code. The start is white with standard deviation ``start``, so prior directions with a
    larger spread than that begin too narrow and stay so, in part.
    """
    shape, n, settings = check_shape(shape), check_count(n, "n", 1), _settings(settings)
    need_evaluation(f)
    streams = _streams(seed, n)
    y = _noise(streams, shape) * settings.start + settings.mean
    y, weight = y.to(place_of(f) or y.device), network_of(f)
    if weight is not None:  # images of half precision would not feel a small step
        y = y.to(weight.device, torch.promote_types(weight.dtype, y.dtype))
    if noise_seed is not None:
        streams = _streams(noise_seed, n, "noise_seed")
    return _climb(f, y, settings, streams, keep, lambda y, estimate, _: estimate - y)


def _settings(settings: Sampling | None) -> Sampling:
    if settings is not None and not isinstance(settings, Sampling):
        raise TypeError(f"settings must be a Sampling; got {type(settings).__name__}.")
    return settings or Sampling()


def _streams(seed: int, n: int, name: str = "seed") -> list[torch.Generator]:
    return [stream(check_seed(seed, name) + i) for i in range(n)]


def _noise(streams: list[torch.Generator], shape: tuple[int, ...]) -> Tensor:
    return torch.stack([torch.randn(shape, generator=g, dtype=torch.float32) for g in streams])


@torch.no_grad()
def solve(
    f: Denoiser,
    problem: Measurement,
    measurements: Tensor,
    settings: Sampling | None = None,
    seed: int = 0,
    keep: int = 0,
) -> Trajectory:
    """Draw an image that a denoiser finds likely and that agrees with linear measurements.

    The correction of each step is the denoiser's in the directions that were not measured, and the way back
    to the measurements in those that were. A last projection makes the samples agree exactly.

    Parameters
    ----------
    f, settings, seed, keep
        As in `sample`.
    problem, measurements
        What was measured, as the functions of `gahr.analysis.inverse` make it, and its result, ``(B, m)``.

    Notes
    -----
    Source: Kadkhodaie & Simoncelli (2021), algorithm 2.
    """
    settings = _settings(settings)
    if not isinstance(problem, Measurement):
        raise TypeError(f"problem must be a Measurement; got {type(problem).__name__}.")
    known = problem.lift(measurements)  # (B, C, H, W), zero where nothing was measured
    streams = _streams(seed, len(known))
    blank = torch.full_like(known, settings.mean)
    start = blank - problem.project(blank) + known
    noise = _noise(streams, known.shape[1:]).to(known)

    def correction(y: Tensor, estimate: Tensor, active: Tensor) -> Tensor:
        free = estimate - y
        return free - problem.project(free) + known[active] - problem.project(y)

    found = _climb(f, start + settings.start * noise, settings, streams, keep, correction)
    lost, x = found.x.isnan(), found.x.nan_to_num()
    x = torch.where(lost, found.x, x - problem.project(x) + known)
    return dataclasses.replace(found, x=x)


def _climb(
    f: Denoiser,
    y: Tensor,
    settings: Sampling,
    streams: list[torch.Generator],
    keep: int,
    correction: Correction,
) -> Trajectory:
    """The loop: correct, inject noise, until each image's estimated noise level is small."""
    check_images(y, "the starting point")
    keep, n, d = check_count(keep, "keep", 0), len(y), y[0].numel()
    weight, caller = network_of(f), Caller(f)

    def ask(y: Tensor, sigma: float | None = None, call: Callable = caller) -> Tensor:
        return call(y if weight is None else y.to(weight), sigma).to(y)

    told = caller.must_be_told or caller.has_its_own or _must_be_told(ask, y, settings.start)
    planned = settings.start if told else None
    active = torch.arange(n, device=y.device)
    path, times, sigmas, steps = [y.clone()], [0], [], torch.zeros(n, dtype=torch.long)
    given_up, t = {}, 0
    while len(active):
        now = y[active]
        estimate = ask(now, planned, caller if t else caller.checked)
        move = correction(now, estimate, active)
        level = sigma = move.flatten(1).norm(dim=1) / d**0.5
        if t == 0 and sigma.square().mean().sqrt() < settings.start / 4:
            raise ValueError(
                f"f takes off {sigma.max().item():.2g} of noise of level {settings.start:g}: it leaves it "
                "where it is, and there is nothing to sample."
            )
        lost = ~(sigma <= 2 * settings.start)
        if planned is not None:
            sigma = torch.full_like(sigma, planned)
        row = torch.full((n,), math.nan, dtype=torch.float32)
        row[active.cpu()] = sigma.float().cpu()
        sigmas.append(row)
        for i in lost.nonzero().flatten().tolist():
            given_up[active[i].item()] = (
                f"sampling diverges: after {t} steps the estimated noise level is {level[i].item():.3g}, "
                f"above twice the start ({settings.start:g})"
            )
        going = (sigma > settings.end) & ~lost
        if t == settings.max_steps:
            late = (
                f"{int(going.sum())} of {n} images have not reached sigma = {settings.end:g} after "
                f"{t} steps; the slowest is at {sigma.max().item():.3g}"
            )
            given_up |= dict.fromkeys(active[going].tolist(), late)
            going[:] = False
        if not going.any():
            break
        t += 1
        active, now, move, sigma = active[going], now[going], move[going], sigma[going]
        new = now + settings.step_size(t) * move
        if settings.beta < 1:
            noise = _noise([streams[i] for i in active.tolist()], y.shape[1:]).to(y)
            new = new + settings.injected(t) * sigma[:, None, None, None] * noise
        y[active] = new
        steps[active.cpu()] = t
        if planned is not None:
            planned *= 1 - settings.beta * settings.step_size(t)
        if keep and t % keep == 0:
            path.append(y.clone())
            times.append(t)
    if len(given_up) == n:
        raise RuntimeError(f"{list(given_up.values())[-1]}.")
    if given_up:
        why = " Or: ".join(dict.fromkeys(given_up.values()))
        warnings.warn(f"images {sorted(given_up)} of {n} were given up and are NaN: {why}.", stacklevel=4)
    x = ask(y, planned)
    x[list(given_up)] = math.nan
    if times[-1] != t:
        path.append(y.clone())
        times.append(t)
    return Trajectory(x, torch.stack(path), times, torch.stack(sigmas), steps)


def _must_be_told(ask: Callable, y: Tensor, start: float) -> bool:
    """Whether a denoiser works only when it is told the noise level."""
    try:
        ask(y[:1])
    except Exception:
        try:
            ask(y[:1], start)
        except Exception:
            return False  # what is wrong will be said at the first step
        return True
    return False
