"""The one place where a denoiser is called: what it is told, and what its answer has to be.

The book's promise is ``f(y, sigma=None)``. A callable of ``y`` alone will do, and so will an answer that is
an array, an object with a tensor in ``.sample``, or a tuple or a dict with one tensor of the shape of ``y``.
"""

from __future__ import annotations

import contextlib
import functools
import inspect
import numbers
import re
import threading
import weakref
from collections.abc import Callable, Iterator, Mapping

import numpy as np
import torch
from torch import Tensor, nn

from gahr import networks
from gahr._checks import check_count, check_images

__all__ = ["Caller", "need_evaluation", "need_gradient", "network_of", "place_of", "refusal"]

_TIED = (networks.BiasFreeNorm, nn.modules.batchnorm._NormBase, nn.modules.dropout._DropoutNd)
_TRAINING = "the network is in training mode, where it is no fixed function: call f.eval()."
_FAULTS = (RuntimeError, TypeError, LookupError, AttributeError, AssertionError, ArithmeticError)
_agreed = weakref.WeakValueDictionary()  # by id: denoisers that were asked twice, and agreed


class Caller:
    """A denoiser as the package calls it, ``(y, sigma) -> estimate``, whatever it takes and returns.

    ``name`` is what the messages call its answer. What cannot be called is a `TypeError`, a network in
    training mode a `ValueError`.
    """

    def __init__(self, f: Callable, name: str = "f(y)") -> None:
        if isinstance(f, type) or not callable(f):
            what = f"the class {f.__name__}" if isinstance(f, type) else type(f).__name__
            raise TypeError(f"a denoiser is a function f(y, sigma=None); got {what}.")
        need_evaluation(f)
        self.f, self.name = f, name
        self.place, default, self.hidden = _sigma_of(f)
        self.must_be_told = default is inspect.Parameter.empty
        self.has_its_own = isinstance(default, numbers.Real)  # a level that it takes if it is told none

    def __call__(self, y: Tensor, sigma: float | Tensor | None = None) -> Tensor:
        """One call, in which torch may differentiate: the kind and the shape of the answer are checked."""
        return _as_images(self._ask(y, sigma), y, self.name)

    def _ask(self, y: Tensor, sigma: float | Tensor | None) -> object:
        if _agreed.get(id(self.f)) is self.f:
            return self._call(y, sigma)
        with _refusing_training():  # a network that `_held` does not see would be changed by the first call
            return self._call(y, sigma)

    def _call(self, y: Tensor, sigma: float | Tensor | None) -> object:
        if self.place is None or (sigma is None and not self.must_be_told):
            return self.f(y.clone())  # a denoiser may write into what it is given
        if self.place:
            return self.f(y.clone(), **{self.place: sigma})
        try:
            return self.f(y.clone(), sigma)
        except (TypeError, RuntimeError) as error:
            if not (self.hidden and re.search(r"positional argument|expected at most", str(error))):
                raise
        self.place = None  # a wrapper around what takes one argument
        return self.f(y.clone())

    def checked(self, y: Tensor, sigma: float | Tensor | None = None) -> Tensor:
        """One call whose answer is finite; the first time it is made twice, and must agree."""
        return self.in_batches(y, sigma, len(y))

    def in_batches(self, y: Tensor, sigma: float | Tensor | None, batch: int) -> Tensor:
        """As `checked`, for many images, ``batch`` at a time; the last part is what is asked twice."""
        answers = []
        for part in y.split(check_count(batch, "batch", 1)):
            try:
                answer = self._ask(part, sigma)
            except torch.OutOfMemoryError:
                raise
            except _FAULTS as error:
                raise self._refused(error, y) from error
            answers.append(check_images(_as_images(answer, part, self.name), self.name))
        if _agreed.get(id(self.f)) is not self.f:
            self._ask_again(part, sigma, answers[-1])
        return torch.cat(answers) if len(answers) > 1 else answers[0]

    def _ask_again(self, y: Tensor, sigma: float | Tensor | None, x: Tensor) -> None:
        again, near = self(y, sigma), max(1e-4, 10 * torch.finfo(y.dtype).eps)
        far = (x - again).detach().float().norm() / x.detach().float().norm().clamp_min(1e-30)
        if not far <= near:
            raise ValueError(
                f"{self.name} is another when asked again, by {far.item():.1g} of its size: the denoiser "
                "draws random numbers or remembers earlier calls, and must be a fixed function."
            )
        with contextlib.suppress(TypeError):  # what cannot be remembered is asked again next time
            _agreed[id(self.f)] = self.f

    def _refused(self, error: Exception, y: Tensor) -> ValueError:
        seen = f"y, {tuple(y.shape)} of {y.dtype} on {y.device}"
        weight = network_of(self.f)
        if weight is not None and (weight.dtype, weight.device) != (y.dtype, y.device):
            why = f"its weights are {weight.dtype} on {weight.device}; bring both together with .to()"
        else:
            why = (str(error).strip() or type(error).__name__).splitlines()[0]
        return ValueError(f"the denoiser failed on {seen}: {why}")


def _sigma_of(f: Callable) -> tuple[str | None, object, bool]:
    """How ``f`` takes sigma, its default, and if it hides how.

    In second place (``""``), by name, or not at all (``None``). What takes any arguments hides it: a module
    that was traced, or one that wraps another.
    """
    try:
        parameters = inspect.signature(f.forward if isinstance(f, nn.Module) else f).parameters.values()
    except (TypeError, ValueError):  # not written in Python
        return "", None, True
    placed = [p for p in parameters if p.kind in (p.POSITIONAL_ONLY, p.POSITIONAL_OR_KEYWORD)]
    if len(placed) > 1:
        return "", placed[1].default, False
    if any(p.kind == p.VAR_POSITIONAL for p in parameters):
        return "", None, True
    named = [p for p in parameters if p.kind == p.KEYWORD_ONLY and p.name == "sigma"]
    return ("sigma", named[0].default, False) if named else (None, None, False)


def _as_images(answer: object, y: Tensor, name: str) -> Tensor:
    """The estimate in an answer, in the dtype and on the device of ``y``; raise if there is none."""
    if isinstance(getattr(answer, "sample", None), Tensor):
        answer = answer.sample
    if isinstance(answer, (Mapping, tuple, list)):
        parts = list(answer.values() if isinstance(answer, Mapping) else answer)
        fit = [part for part in parts if getattr(part, "shape", None) == y.shape]
        if len(fit) != 1:
            raise TypeError(
                f"{name} must be a tensor of the shape of y, {tuple(y.shape)}; "
                f"the {type(answer).__name__} that came has {len(fit)} of them: return one."
            )
        answer = fit[0]
    if isinstance(answer, np.ndarray):
        answer = torch.from_numpy(np.ascontiguousarray(answer))
    if isinstance(answer, Tensor) and answer.is_inference() and not torch.is_inference_mode_enabled():
        answer = answer.clone()  # what may be written into
    if not isinstance(answer, Tensor):
        raise TypeError(f"{name} must be a tensor; it is of type {type(answer).__name__}.")
    if answer.layout != torch.strided:
        answer = answer.to_dense()
    if answer.shape != y.shape:
        raise ValueError(
            f"{name[0]} must return the shape of y, {tuple(y.shape)}; got {tuple(answer.shape)}."
        )
    if not answer.is_floating_point() or answer.is_meta:
        raise TypeError(f"{name} must be a float tensor; it is {answer.dtype} on {answer.device}.")
    return answer if (answer.dtype, answer.device) == (y.dtype, y.device) else answer.to(y)


# ------------------------------------------------------------------------------------------------
# Networks inside


@contextlib.contextmanager
def _refusing_training() -> Iterator[None]:
    """Stop before any network in training mode computes, wherever a denoiser keeps it."""
    here = threading.get_ident()

    def look(module: nn.Module, _: object) -> None:
        if isinstance(module, _TIED) and module.training and threading.get_ident() == here:
            raise ValueError(_TRAINING)

    hook = nn.modules.module.register_module_forward_pre_hook(look)
    try:
        yield
    finally:
        hook.remove()


def _held(f: object, depth: int = 4) -> Iterator[nn.Module]:
    """Networks that a callable is, or has in its attributes, closure, arguments or the globals it names."""
    if isinstance(f, nn.Module):
        yield f
    if depth == 0 or isinstance(f, (type, Tensor)) or str(type(f).__module__).startswith("torch"):
        return
    held = list(vars(f).values()) if hasattr(f, "__dict__") else []
    if isinstance(f, functools.partial):
        held += [f.func, *f.args, *f.keywords.values()]
    if inspect.ismethod(f):
        held += [f.__self__, f.__func__]
    elif inspect.isfunction(f) and not str(f.__module__).startswith("torch"):
        held += [f.__globals__.get(name) for name in f.__code__.co_names]
        held += [*(f.__defaults__ or ()), *(f.__kwdefaults__ or {}).values()]
        with contextlib.suppress(ValueError):  # a name that has no value yet
            held += [cell.cell_contents for cell in f.__closure__ or ()]
    elif not isinstance(f, nn.Module):
        held.append(vars(type(f)).get("__call__"))
    for one in held:
        if callable(one) and one is not f:
            yield from _held(one, depth - 1)


def place_of(f: Callable) -> torch.device | None:
    """Where a denoiser's weights are, or what else its modules hold: there it wants its images."""
    held = ((*net.parameters(), *net.buffers()) for net in _held(f))
    return next((value.device for values in held for value in values), None)


def network_of(f: Callable) -> Tensor | None:
    """A weight of the first network that a denoiser holds: it has the dtype and the device of its images."""
    return next((p for net in _held(f) for p in net.parameters() if p.is_floating_point()), None)


def need_evaluation(f: Callable) -> None:
    """Raise if a network is in training mode (it treats images together, or at random) or has no weights."""
    for network in _held(f):
        if any(p.is_meta for p in network.parameters()):
            raise ValueError("the network is on the meta device: it has no weights yet.")
        if any(isinstance(m, _TIED) and m.training for m in network.modules()):
            raise ValueError(_TRAINING)


def need_gradient(f: Callable[[Tensor], Tensor], y: Tensor) -> None:
    """Raise if no gradient passes from ``f(y)`` to ``y``: the Jacobian would come out as zero."""
    with torch.enable_grad():
        try:
            x = f(y.detach().clone().requires_grad_())
        except RuntimeError as error:
            raise refusal(error) from error
    if not x.requires_grad:
        raise refusal("no gradient passes through f (torch.no_grad, inference_mode or detach inside it?).")


def refusal(why: object) -> ValueError:
    """What is raised where torch cannot differentiate a denoiser: the first line of why."""
    first = (str(why).splitlines() or [type(why).__name__])[0]
    return ValueError(f"torch cannot differentiate this denoiser: {first}")
