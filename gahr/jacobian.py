"""A denoiser's Jacobian at one image: its definition, the same as products with directions, its trace.

Around a noisy image a bias-free ReLU network *is* the matrix ``J(y)``, and ``f(y) = J(y) y``. `jacobian` is
the definition. `linearize` freezes the network's gates at ``y`` and pushes batches of directions through
what is left; other denoisers are differentiated by `torch.func`. `gahr.bases` takes either apart.
"""

from __future__ import annotations

import copy
import math
from collections.abc import Callable
from typing import NamedTuple

import torch
from torch import Tensor, nn

from gahr._calls import Caller, need_gradient, refusal
from gahr._checks import check_count, check_images, check_square, check_tensor, full, stream
from gahr._products import differentiated, frozen
from gahr.denoisers import Denoiser

__all__ = ["Estimate", "Linearization", "asymmetry", "jacobian", "linearize", "probe_trace", "trace"]


def jacobian(f: Denoiser, y: Tensor, sigma: float | None = None, chunk: int = 200) -> Tensor:
    """The definition; `linearize` gives the same, faster, and products without the matrix.

    Parameters
    ----------
    f, y, sigma
        As for `linearize`.
    chunk
        Rows computed at once: memory grows with it.

    Returns
    -------
    J
        The whole matrix, ``(d, d)``: row i is the gradient of output i.

    Raises
    ------
    ValueError
        If ``y`` holds more than one image, ``f`` is in training mode, or no gradient passes through it.

    Notes
    -----
    Source: paper, section 3.1. Cost: d backward passes.

    Examples
    --------
    >>> y = torch.tensor([1.0, 2.0, 3.0, 4.0]).view(1, 1, 2, 2)
    >>> jacobian(lambda y, sigma: y.square(), y).diag()
    tensor([2., 4., 6., 8.])
    """
    _check_one(y)
    chunk, ask = check_count(chunk, "chunk", 1), _tried(f, y, sigma)
    try:
        rows = torch.func.jacrev(lambda image: ask(image, sigma).flatten(), chunk_size=chunk)(y.detach())
    except torch.OutOfMemoryError:
        raise
    except RuntimeError as error:
        raise refusal(error) from error
    return rows.reshape(y.numel(), y.numel()).detach()


class Linearization:
    """The Jacobian ``J(y)`` of a denoiser at one image, as products with directions. Made by `linearize`.

    Directions are rows, ``(n, d)``, in the dtype and on the device of ``y``, ``(1, C, H, W)``; ``chunk`` of
    them are pushed through at once. ``frozen`` says whether the gates of a bias-free network were frozen;
    otherwise `torch.func` does it. ``push`` and ``pull`` multiply a batch of images with ``J`` and its
    transpose.
    """

    def __init__(self, push: Callable, pull: Callable, y: Tensor, chunk: int, frozen: bool) -> None:
        self._push, self._pull, self.y = push, pull, y
        self.chunk, self.frozen = chunk, frozen
        self.shape, self.d = tuple(y.shape[1:]), y.numel()

    def jvp(self, v: Tensor) -> Tensor:
        """Rows ``J v``, ``(n, d)``: what small changes ``v`` of the input do to the output."""
        return self._in_chunks(self._push, v, "v")

    def vjp(self, u: Tensor) -> Tensor:
        """Rows ``J^T u``, ``(n, d)``: the gradients of ``<u, f(y)>``."""
        return self._in_chunks(self._pull, u, "u")

    def matrix(self) -> Tensor:
        """The whole Jacobian, ``(d, d)``, as `jacobian` gives it: d directions pushed through."""
        return self.jvp(torch.eye(self.d).to(self.y)).T

    def _in_chunks(self, product: Callable, rows: Tensor, name: str) -> Tensor:
        check_tensor(rows, name, f"rows (n, {self.d}) of {self.y.dtype}")
        if rows.ndim != 2 or rows.shape[1] != self.d or rows.dtype != self.y.dtype:
            raise ValueError(
                f"{name} must be rows (n, {self.d}) of {self.y.dtype}; "
                f"got {tuple(rows.shape)} of {rows.dtype}."
            )
        out = torch.empty_like(rows)
        parts = math.ceil(len(rows) / self.chunk)  # of nearly equal size: the transposed graph is reused
        for part, into in zip(rows.tensor_split(max(parts, 1)), out.tensor_split(max(parts, 1)), strict=True):
            if len(part):
                into.copy_(product(part.reshape(-1, *self.shape)).flatten(1))
        return out


def linearize(f: Denoiser, y: Tensor, sigma: float | None = None, chunk: int = 64) -> Linearization:
    """The Jacobian at one image, ready to be multiplied: as `jacobian`, but faster and without its matrix.

    Parameters
    ----------
    f
        The denoiser, differentiable by torch. A network must be in evaluation mode.
    y
        One image, ``(1, C, H, W)``, of any size that the denoiser takes.
    sigma
        Passed on to the denoiser.
    chunk
        Directions pushed through at once: memory grows with it.

    Raises
    ------
    ValueError
        If ``y`` holds more than one image, ``f`` is in training mode, ``f`` returns another shape
        or numbers that are not finite, or torch cannot differentiate ``f``.

    Notes
    -----
    Source: paper, section 3.1. Gates are frozen where that gives the Jacobian: the frozen denoiser
    is checked to be linear, and its transpose to agree with the gradient that torch computes.
    If it is not so (a network with biases, a posterior mean), forward and reverse differentiation
    in `torch.func` take its place, one direction at a time if ``f`` cannot be batched. Where torch has
    no forward derivative (attention) the gradient is differentiated once more instead. A network is
    copied, if it can be; ``f`` is left as it is. In half precision ``J`` takes and returns float32.

    Examples
    --------
    >>> from gahr import denoisers, networks
    >>> f = denoisers.Blind(networks.UNet(channels=4, blocks=1).eval())
    >>> y = torch.rand(1, 1, 8, 8)
    >>> J = linearize(f, y)
    >>> J.frozen, torch.allclose(J.jvp(y.flatten(1)), f(y).flatten(1), atol=1e-6)
    (True, True)
    """
    _check_one(y)
    y, chunk = y.detach(), check_count(chunk, "chunk", 1)
    ask = _tried(f, y, sigma)
    network, near = _copied(f), 1e3 * torch.finfo(y.dtype).eps
    if y.element_size() < 4:
        half, y = y.dtype, y.float()
        near = 1e3 * torch.finfo(y.dtype).eps if network else 10 * torch.finfo(half).eps
        f = network.float() if network else lambda image, sigma: ask(image.to(half), sigma)
    g = Caller(network or f)
    if network and y.device.type == "cpu":
        network.to(memory_format=torch.channels_last)  # for convolutions alone, it is faster
    found = frozen(g, y, sigma, near)
    if network and not found:
        network.to(memory_format=torch.contiguous_format)
    push, pull = found or differentiated(g, y, sigma)
    return Linearization(push, pull, y, chunk, frozen=bool(found))


def _tried(f: Denoiser, y: Tensor, sigma: float | None = None) -> Caller:
    """The denoiser as it is called, once it has answered and let a gradient through."""
    ask = Caller(f)
    ask.checked(y, sigma)
    need_gradient(lambda image: ask(image, sigma), y)
    return ask


def _copied(f: Denoiser) -> nn.Module | None:
    """A network as it is now, its weights without gradients; nothing where there is none to copy."""
    if not isinstance(f, nn.Module):
        return None
    try:
        return copy.deepcopy(f).requires_grad_(False)
    except Exception:  # whatever somebody else's class may raise
        return None


class Estimate(NamedTuple):
    """A number and its standard error, which is 0 where the number is exact."""

    value: float
    error: float


def trace(J: Tensor | Linearization, passes: int = 300, seed: int = 0) -> Estimate:
    """The trace of ``J``, the denoiser's effective dimension (equation 10): the sum of eigenvalues.

    Parameters
    ----------
    J
        The matrix, ``(d, d)``, whose trace is exact; or what `linearize` returns: then it is estimated.
    passes, seed
        Directions multiplied with ``J``, at least 6, and the seed that draws them: the error falls about as
        their inverse. Not used for a matrix.

    Raises
    ------
    ValueError
        If the matrix is not square or not finite, or ``passes`` is less than 6.

    Notes
    -----
    Hutch++ (Meyer, Musco, Musco & Woodruff 2021): a third of the passes finds a subspace, a third
    gives the trace inside it exactly, and a third estimates the rest, whose spread gives the error.

    Examples
    --------
    >>> trace(torch.diag(torch.tensor([1.0, 0.5, 0.25])))
    Estimate(value=1.75, error=0.0)
    """
    if not isinstance(J, Linearization):
        return Estimate(check_square(J).trace().item(), 0.0)
    third, generator = check_count(passes, "passes", 6) // 3, stream(seed)
    inside = torch.linalg.qr(J.jvp(_signs(third, J, generator)).T)[0].T.contiguous()
    known = (inside * J.jvp(inside)).cpu().double().sum()
    rest = _signs(third, J, generator)
    rest = rest - (rest @ inside.T) @ inside
    samples = (rest * J.jvp(rest)).cpu().double().sum(1)
    return Estimate((known + samples.mean()).item(), samples.std().item() / third**0.5)


def asymmetry(J: Tensor | Linearization, passes: int = 200, seed: int = 0) -> Estimate:
    """``||J - J^T|| / ||J||`` (Frobenius): 0 if symmetric, at most 2; sqrt(2) if unrelated.

    Parameters, result and errors are those of `trace`; half the passes go through the transpose.

    Notes
    -----
    For random signs ``z``, ``||A||^2`` is the mean of ``||A z||^2`` (Hutchinson 1990).

    Examples
    --------
    >>> asymmetry(torch.tensor([[0.0, 1.0], [-1.0, 0.0]]))
    Estimate(value=2.0, error=0.0)
    """
    if not isinstance(J, Linearization):
        return Estimate(((check_square(J) - J.T).norm() / J.norm()).item(), 0.0)
    half = check_count(passes, "passes", 6) // 2
    z = _signs(half, J, stream(seed))
    there, back = J.jvp(z).cpu().double(), J.vjp(z).cpu().double()
    apart = (there - back).square().sum(1)
    size = (there.square().sum(1) + back.square().sum(1)) / 2
    ratio = apart.mean() / size.mean()
    spread = (apart - ratio * size).std() / size.mean() / half**0.5
    return Estimate(ratio.sqrt().item(), (spread / (2 * ratio.sqrt().clamp_min(1e-12))).item())


def probe_trace(
    f: Callable[[Tensor], Tensor], y: Tensor, probes: int = 32, seed: int = 0
) -> tuple[Tensor, Tensor]:
    """Trace of the Jacobian at each image *of a batch*, by random probes; for one image `trace` is better.

    Each probe is a vector of random signs ``v``; ``<v, J v>`` has the trace as its mean. ``v J`` is
    exact (one backward pass each), only the choice of probes is random.

    Parameters
    ----------
    f, y
        The denoiser, and where: images ``(B, C, H, W)``, each treated on its own.
    probes, seed
        Random vectors per image, at least 2, and their seed.

    Returns
    -------
    mean, error
        Each ``(B,)``.

    Notes
    -----
    Source: Hutchinson (1990). The trace is the effective dimension (paper, equation 10).
    """
    check_images(y, "y")
    probes, generator, values = check_count(probes, "probes", 2), stream(seed), []
    ask = _tried(f, y)
    _, pull = torch.func.vjp(ask, y.detach())
    for _ in range(probes):
        v = torch.randint(2, y.shape, generator=generator).to(y) * 2 - 1
        (backward,) = pull(v)
        values.append(full(v * backward).flatten(1).sum(1).detach())
    stacked = torch.stack(values)
    return stacked.mean(0), stacked.std(0) / math.sqrt(probes)


def _signs(n: int, J: Linearization, generator: torch.Generator) -> Tensor:
    return (2.0 * torch.randint(0, 2, (n, J.d), generator=generator) - 1).to(J.y)


def _check_one(y: Tensor) -> None:
    check_images(y, "y")
    if len(y) != 1:
        raise ValueError(f"the Jacobian is taken at one image, (1, C, H, W); got {len(y)} images.")
