"""A denoiser's Jacobian times a batch of images, and its transpose: by frozen gates, or by `torch.func`."""

from __future__ import annotations

from collections.abc import Callable

import torch
from torch import Tensor, nn
from torch.nn.attention import SDPBackend, sdpa_kernel
from torch.overrides import TorchFunctionMode

from gahr._calls import Caller, refusal
from gahr._checks import stream

__all__ = ["differentiated", "frozen"]

Products = tuple[Callable[[Tensor], Tensor], Callable[[Tensor], Tensor]]

_RELU = (torch.relu, torch.Tensor.relu, nn.functional.relu)


class _Gates(TorchFunctionMode):
    """Inside it the open ReLUs are noted, or those of an earlier note used. For one use in one thread."""

    def __init__(self, known: list[Tensor] | None = None) -> None:
        super().__init__()
        self.open: list[Tensor] = []
        self.known = None if known is None else iter(known)

    def __torch_function__(
        self, function: Callable, types: object, args: tuple = (), kwargs: dict | None = None
    ) -> object:
        if function not in _RELU:
            return function(*args, **(kwargs or {}))
        x = args[0] if args else kwargs["input"]
        if self.known is not None:
            return x * next(self.known)
        self.open.append((x > 0).to(x))
        return x * self.open[-1]


def frozen(f: Caller, y: Tensor, sigma: float | None, near: float) -> Products | None:
    """Both products by frozen gates, or ``None`` where they are not linear to a relative error ``near``."""
    with torch.no_grad(), _Gates() as noted:
        f(y, sigma)
    graph = {}

    @torch.no_grad()
    def push(v: Tensor) -> Tensor:
        with _Gates(noted.open):
            return f(v, sigma)

    def pull(u: Tensor) -> Tensor:
        kept = graph.get(len(u))
        if kept is None:  # a linear map has one graph for all inputs: build it once, at zero
            zero = torch.zeros_like(u).requires_grad_()
            with torch.enable_grad(), _Gates(noted.open):
                kept = zero, f(zero, sigma)
            graph.clear()
            graph[len(u)] = kept
        return torch.autograd.grad(kept[1], kept[0], u, retain_graph=True)[0]

    size = y.abs().max().item() or 1.0
    a, b = size * torch.randn((2, *y.shape), generator=stream(0)).to(y)
    try:
        pair = push(torch.cat([a, b]))
        agree = not push(0 * y).any()
        agree &= (push(2 * a + b) - 2 * pair[:1] - pair[1:]).norm() <= near * pair.norm()
        true = torch.func.vjp(lambda image: f(image, sigma), y)[1](a)[0]
        agree &= (pull(a) - true).norm() <= near * true.norm()
    except (StopIteration, RuntimeError, ValueError):  # other ReLUs than at y, or one image at a time only
        return None
    if not agree:
        return None
    return push, pull


def differentiated(f: Caller, y: Tensor, sigma: float | None) -> Products:
    """Both products by `torch.func`, one direction at a time if ``f`` cannot be batched."""
    refused = None
    try:
        gradient = torch.func.vjp(lambda image: f(image, sigma), y)[1]
    except RuntimeError as error:
        raise refusal(error) from None

    def ahead(direction: Tensor) -> Tensor:
        return torch.func.jvp(lambda image: f(image, sigma), (y,), (direction[None],))[1][0]

    def ahead_by_gradients(direction: Tensor) -> Tensor:  # <u, J v> is linear in u: its gradient is J v
        with sdpa_kernel(SDPBackend.MATH):  # the attention whose gradient has a gradient
            pull = torch.func.vjp(lambda image: f(image, sigma), y)[1]
            return torch.func.vjp(lambda u: pull(u)[0], torch.zeros_like(y))[1](direction[None])[0][0]

    def back(direction: Tensor) -> Tensor:
        return gradient(direction[None])[0][0]

    for many in (torch.func.vmap, _in_turn):  # the second if f branches on its values
        for forward in (ahead, ahead_by_gradients):
            push, pull = (torch.no_grad()(many(one)) for one in (forward, back))
            try:
                push(y), pull(y)
            except (RuntimeError, TypeError) as error:
                refused = refused or refusal(error)
            else:
                return push, pull
    raise refused


def _in_turn(product: Callable) -> Callable:
    return lambda rows: torch.stack([product(row) for row in rows])
