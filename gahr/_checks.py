"""Bad input is refused here, in one clear sentence, before any computing starts."""

from __future__ import annotations

import difflib
import math
from collections.abc import Iterable

import torch
from torch import Tensor

__all__ = ["check_images", "check_known", "check_number", "check_same_shape", "check_square"]


def check_images(x: Tensor, name: str = "x", *, photograph: bool = False, multiple: int = 1) -> Tensor:
    """Return ``x`` if it is a finite float batch of images, and raise otherwise.

    Parameters
    ----------
    x
        What should be a batch of images, ``(B, C, H, W)``.
    name
        What the caller calls it; used in the message.
    photograph
        Also require intensities in [0, 1]. Noisy images and sinusoids may leave that range.
    multiple
        Height and width must be divisible by this (2^blocks for a UNet).

    Raises
    ------
    TypeError
        If ``x`` is not a floating-point tensor.
    ValueError
        If the shape, the range or a value (NaN, infinity) is wrong.

    Examples
    --------
    >>> check_images(torch.zeros(8, 8), "y")
    Traceback (most recent call last):
        ...
    ValueError: y must have shape (B, C, H, W); got (8, 8). Add the missing axes, as in y[None, None].
    """
    if not isinstance(x, Tensor):
        raise TypeError(f"{name} must be a torch tensor (B, C, H, W); got {type(x).__name__}.")
    if not x.is_floating_point():
        raise TypeError(
            f"{name} must be a float tensor with intensities in [0, 1]; got {x.dtype}. "
            f"Divide 8-bit images by 255."
        )
    if x.ndim != 4:
        hint = f" Add the missing axes, as in {name}[None, None]." if x.ndim == 2 else ""
        raise ValueError(f"{name} must have shape (B, C, H, W); got {tuple(x.shape)}.{hint}")
    if x.shape[0] == 0:
        raise ValueError(f"{name} holds no image: its shape is {tuple(x.shape)}.")
    height, width = x.shape[-2:]
    if height % multiple or width % multiple:
        raise ValueError(
            f"{name} is {height}x{width}; this network needs height and width divisible by "
            f"{multiple}. Crop or pad the images first."
        )
    if not torch.isfinite(x.detach()).all():
        raise ValueError(f"{name} contains NaN or infinite values.")
    if photograph:
        low, high = x.detach().min().item(), x.detach().max().item()
        if low < -1e-6 or high > 1 + 1e-6:
            raise ValueError(f"{name} must have intensities in [0, 1]; its range is [{low:.3g}, {high:.3g}].")
    return x


def check_same_shape(x: Tensor, y: Tensor, names: tuple[str, str] = ("x", "y")) -> None:
    """Raise ``ValueError`` unless two tensors have the same shape."""
    if x.shape != y.shape:
        raise ValueError(
            f"{names[0]} and {names[1]} must have the same shape; got {tuple(x.shape)} and {tuple(y.shape)}."
        )


def check_known(name: str, options: Iterable[str], what: str) -> str:
    """Return ``name`` if it is one of ``options``; otherwise name the nearest one.

    Examples
    --------
    >>> check_known("fashoin32", ["fashion32", "faces40"], "image class")
    Traceback (most recent call last):
        ...
    KeyError: "unknown image class 'fashoin32'; did you mean 'fashion32'?"
    """
    options = list(options)
    if name in options:
        return name
    near = difflib.get_close_matches(str(name), options, n=1, cutoff=0.4)
    if near:
        raise KeyError(f"unknown {what} {name!r}; did you mean {near[0]!r}?")
    raise KeyError(f"unknown {what} {name!r}; known are: {', '.join(options) or 'none'}.")


def check_number(
    value: float, name: str, low: float, high: float = float("inf"), *, open_low: bool = False
) -> float:
    """Return ``value`` if it is a finite number in ``[low, high]`` (``(low, high]`` if ``open_low``)."""
    try:
        number = float(value)
    except (TypeError, ValueError):
        raise TypeError(f"{name} must be a number; got {value!r}.") from None
    if not (low <= number <= high) or math.isinf(number) or (open_low and number == low):
        left, right = "(" if open_low else "[", ")" if math.isinf(high) else "]"
        raise ValueError(f"{name} must be in {left}{low:g}, {high:g}{right}; got {value!r}.")
    return number


def check_square(J: Tensor) -> Tensor:
    """Return ``J`` if it is a finite square matrix, and raise ``ValueError`` otherwise."""
    if J.ndim != 2 or J.shape[0] != J.shape[1]:
        raise ValueError(f"J must be a square matrix (d, d); got {tuple(J.shape)}.")
    if not torch.isfinite(J).all():
        raise ValueError("J contains NaN or infinite values.")
    return J
