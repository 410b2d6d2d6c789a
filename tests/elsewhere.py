"""A second device where there is none: tensors that compute on the CPU and say that they lie elsewhere.

Inside `Elsewhere` the device `PLACE` works as a graphics card does: two tensors on two devices cannot be put
together, numpy cannot read what is there, a generator of the CPU draws nothing there, and what is made
without saying where is made on the CPU. Kernels and precision are the CPU's, so numbers must agree to the
last digit or nearly; of a real device's own kernels, streams and memory this says nothing.
"""

from __future__ import annotations

import torch
from torch.utils._python_dispatch import TorchDispatchMode
from torch.utils._pytree import tree_leaves, tree_map

__all__ = ["PLACE", "Elsewhere", "There", "fetch"]

PLACE = torch.device("lazy", 0)  # a kind that torch knows, that needs no driver and that nobody has
_MAY_BE_HERE = ("index", "index_put", "index_put_", "_index_put_impl_", "copy_", "_to_copy")


class There(torch.Tensor):
    """A tensor on `PLACE`; its numbers are in `inner`."""

    __torch_function__ = torch._C._disabled_torch_function_impl

    @staticmethod
    def __new__(cls, inner):
        return torch.Tensor._make_wrapper_subclass(
            cls, inner.size(), strides=inner.stride(), storage_offset=inner.storage_offset(),
            dtype=inner.dtype, device=PLACE,
        )  # fmt: skip

    def __init__(self, inner):
        self.inner = inner

    def __repr__(self):
        return f"There({self.inner})"

    def tolist(self):
        return self.inner.tolist()

    def __setitem__(self, index, value):  # torch would bring a number there before anyone is asked
        if isinstance(value, torch.Tensor) and value.ndim and not isinstance(value, There):
            raise RuntimeError(f"a value from the cpu cannot be put into a tensor on {PLACE}")
        self.inner[_inside(index)] = _inside(value)

    @classmethod
    def __torch_dispatch__(cls, function, types, args=(), kwargs=None):
        return _compute(function, args, kwargs or {})


class Elsewhere(TorchDispatchMode):
    """Within it, tensors can be brought to `PLACE` and made there."""

    def __torch_dispatch__(self, function, types, args=(), kwargs=None):
        return _compute(function, args, kwargs or {})


def _compute(function, args, kwargs):
    given = [leaf for leaf in tree_leaves((args, kwargs)) if isinstance(leaf, torch.Tensor)]
    name = function._schema.name.partition("::")[2]
    there = [isinstance(one, There) for one in given]
    here = [one for one in given if not isinstance(one, There) and one.ndim]
    mixed = any(there) and here
    if mixed and (name not in _MAY_BE_HERE or (name.startswith("index") and not there[0])):
        raise RuntimeError(
            f"Expected all tensors to be on the same device, but {name} found at least two, {PLACE} and cpu!"
        )
    target = kwargs.get("device")
    target = any(there) if target is None else torch.device(target).type == PLACE.type
    if target and kwargs.get("generator") is not None:
        raise RuntimeError(f"Expected a {PLACE} device type for generator but found cpu")
    kwargs = {
        key: torch.device("cpu") if key == "device" and v is not None else v for key, v in kwargs.items()
    }
    first = function._schema.returns[0].alias_info if function._schema.returns else None
    found = function(*_inside(args), **_inside(kwargs))
    if first is not None and first.is_write:
        return args[0]  # an operation in place
    return tree_map(lambda v: There(v) if target and isinstance(v, torch.Tensor) else v, found)


def _inside(value):
    return tree_map(lambda v: v.inner if isinstance(v, There) else v, value)


def fetch(value):
    """What was found, on the CPU, and where its tensors were."""
    places = {one.device.type for one in tree_leaves(value) if isinstance(one, torch.Tensor)}
    return tree_map(lambda v: v.detach().cpu() if isinstance(v, torch.Tensor) else v, value), places
