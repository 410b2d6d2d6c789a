"""Bad input is refused here, in one clear sentence, before any computing starts."""

from __future__ import annotations

import difflib
import math
import numbers
import operator
from collections.abc import Iterable, Sequence

import torch
from torch import Tensor


def check_images(
    x: Tensor, name: str = "x", *, photograph: bool = False, multiple: int = 1, clean: bool = False
) -> Tensor:
    """Return ``x`` if it is a finite float batch of images, ``(B, C, H, W)``, and raise otherwise.

    ``name`` is what the caller calls it. ``multiple`` must divide height and width (2^blocks for a UNet).
    ``photograph`` requires intensities in [0, 1], which noisy images and sinusoids may leave; ``clean`` only
    refuses those from 0 to 255. The kind is a matter of `TypeError`, shape and values of `ValueError`.

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
    if x.numel() == 0:
        raise ValueError(f"{name} holds no image: its shape is {tuple(x.shape)}.")
    if x.is_meta:
        raise ValueError(f"{name} is on the meta device, where a tensor has a shape and no numbers.")
    height, width = x.shape[-2:]
    if height % multiple or width % multiple:
        raise ValueError(
            f"{name} is {height}x{width}; this network needs height and width divisible by "
            f"{multiple}. Crop or pad the images first."
        )
    if not torch.isfinite(x.detach()).all():
        raise ValueError(f"{name} contains NaN or infinite values.")
    if clean and x.detach().max() > 20 and x.detach().min() >= 0:
        raise ValueError(
            f"{name} has intensities up to {x.detach().max().item():g}; they must be on the scale [0, 1]. "
            "Divide 8-bit images by 255."
        )
    if photograph:
        low, high = x.detach().min().item(), x.detach().max().item()
        if low < -1e-6 or high > 1 + 1e-6:
            raise ValueError(f"{name} must have intensities in [0, 1]; its range is [{low:.3g}, {high:.3g}].")
    return x


def check_same_shape(x: Tensor, y: Tensor, names: tuple[str, str] = ("x", "y")) -> None:
    """Raise unless two tensors have the same shape."""
    for value, name in zip((x, y), names, strict=True):
        if not isinstance(value, Tensor):
            raise TypeError(f"{name} must be a torch tensor; got {type(value).__name__}.")
    if x.shape != y.shape:
        raise ValueError(
            f"{names[0]} and {names[1]} must have the same shape; got {tuple(x.shape)} and {tuple(y.shape)}."
        )


def full(x: Tensor) -> Tensor:
    """Numbers of half precision as float32, so that they can be squared and added; others as they are."""
    return x.float() if x.element_size() < 4 else x


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
    """Return ``value`` if it is a finite number in ``[low, high]`` (``(low, high]`` if ``open_low``).

    A tensor or an array of one number will do; a string will not, whatever it says.
    """
    try:
        number = float(value if isinstance(value, numbers.Real) else value.item())
    except (AttributeError, RuntimeError, TypeError, ValueError):
        raise TypeError(f"{name} must be a number; got {value!r:.80}.") from None
    if not (low <= number <= high) or math.isinf(number) or (open_low and number == low):
        left, right = "(" if open_low else "[", ")" if math.isinf(high) else "]"
        raise ValueError(f"{name} must be in {left}{low:g}, {high:g}{right}; got {value!r}.")
    return number


def check_count(value: int, name: str, low: int, high: float = float("inf")) -> int:
    """Return ``value`` as an int if it is a whole number in ``[low, high]``: 1e4 is; 2.7 is not.

    Examples
    --------
    >>> check_count(2.7, "k", 1)
    Traceback (most recent call last):
        ...
    ValueError: k must be a whole number; got 2.7.
    """
    number = check_number(value, name, low, high)
    if not number.is_integer():
        raise ValueError(f"{name} must be a whole number; got {value!r}.")
    return int(number)


def check_whole(value: int, name: str) -> int:
    """Return ``value`` as an int if it is a whole number of any size: what says more is said elsewhere."""
    return check_count(value, name, -math.inf)


def check_numbers(values: Sequence[float] | Tensor, name: str) -> Tensor:
    """Return a list, an array or a tensor of numbers as float64 on the CPU; raise ``TypeError`` otherwise."""
    try:
        return torch.as_tensor(values, dtype=torch.float64, device="cpu")
    except (TypeError, ValueError, RuntimeError):
        raise TypeError(f"{name} must be numbers; got {values!r:.80}.") from None


def check_tensor(value: Tensor, name: str, what: str) -> Tensor:
    """Return ``value`` if it is a float tensor; otherwise say what it should be."""
    if not isinstance(value, Tensor) or not value.is_floating_point():
        got = value.dtype if isinstance(value, Tensor) else type(value).__name__
        raise TypeError(f"{name} must be {what}, a float tensor; got {got}.")
    return value


def check_text(value: str, name: str) -> str:
    """Return ``value`` if it is a string; raise ``TypeError`` otherwise."""
    if not isinstance(value, str):
        raise TypeError(f"{name} must be a string; got {value!r:.80}.")
    return value


def check_sigma(sigma: float | Tensor, y: Tensor, open_low: bool = True) -> float | Tensor:
    """Noise level of all images ``y`` as a number, or of each as ``(B, 1, 1, 1)``, to multiply with."""
    if not isinstance(sigma, Tensor) or sigma.ndim == 0:
        return check_number(sigma, "sigma", 0.0, open_low=open_low)
    if sigma.shape not in ((len(y),), (len(y), 1, 1, 1)):
        raise ValueError(
            f"sigma must be a number, or one for each of {len(y)} images; got shape {tuple(sigma.shape)}."
        )
    for extreme in (sigma.min(), sigma.max(), sigma.sum()):
        check_number(extreme.item(), "sigma", 0.0, open_low=open_low)
    return sigma.to(y).view(-1, 1, 1, 1)


def check_seed(seed: int, name: str = "seed") -> int:
    """Return ``seed`` as an int if it is one, or one of numpy's; raise ``TypeError`` otherwise."""
    try:
        return operator.index(seed)
    except TypeError:
        raise TypeError(f"{name} must be a whole number; got {seed!r:.80}.") from None


def stream(seed: int) -> torch.Generator:
    """Random numbers that begin at a seed, on the CPU, so that every device sees the same."""
    return torch.Generator().manual_seed(check_seed(seed))


def check_shape(shape: Sequence[int]) -> tuple[int, int, int]:
    """Return the ``(C, H, W)`` of an image as three ints, and raise if it is not that."""
    try:
        channels, height, width = (operator.index(side) for side in shape)
    except (TypeError, ValueError):
        raise ValueError(f"shape must be (C, H, W); got {shape!r:.80}: no three whole numbers.") from None
    if min(channels, height, width) < 1:
        raise ValueError(f"shape must be (C, H, W); got {tuple(shape)}, where something is less than 1.")
    return channels, height, width


def check_orthonormal(rows: Tensor, name: str) -> Tensor:
    """Return ``rows`` ``(m, d)`` if they are orthonormal, as far as a few products with random signs tell."""
    if check_tensor(rows, name, "orthonormal rows (m, d)").ndim != 2 or not len(rows):
        raise ValueError(f"{name} must be orthonormal rows (m, d); got {tuple(rows.shape)}.")
    signs = torch.randint(2, (len(rows), 8), generator=stream(0)).to(rows) * 2 - 1
    if not (rows @ (rows.T @ signs) - signs).abs().max() <= 3e-3:  # float16 on disk: 1e-3
        raise ValueError(f"{name} must be orthonormal rows; make them so first, as by torch.linalg.qr.")
    return rows


def check_square(J: Tensor) -> Tensor:
    """Return ``J`` if it is a finite square matrix, and raise otherwise."""
    if check_tensor(J, "J", "a square matrix (d, d)").ndim != 2 or J.shape[0] != J.shape[1]:
        raise ValueError(f"J must be a square matrix (d, d); got {tuple(J.shape)}.")
    if not torch.isfinite(J).all():
        raise ValueError("J contains NaN or infinite values.")
    return J
