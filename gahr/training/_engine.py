"""What a training run needs that is not science: devices, precision, several processes, a log.

Devices, mixed precision, several processes and logs are Hugging Face accelerate's work.
"""

from __future__ import annotations

import dataclasses
import platform
import shutil
from pathlib import Path

import torch
from torch import Tensor, nn
from torch.optim.swa_utils import AveragedModel, get_ema_multi_avg_fn

from gahr import networks
from gahr.training._muon import Muon, split
from gahr.training.objective import RunningError
from gahr.training.recipes import Recipe

__all__ = ["Engine", "is_main_process"]


class _Errors(nn.Module):
    """A network with its errors: mean squared error of the predicted noise, for each image."""

    def __init__(self, network: nn.Module) -> None:
        super().__init__()
        self.network, self.half = network, False

    def forward(self, y: Tensor, noise: Tensor) -> Tensor:
        with torch.autocast(y.device.type, torch.bfloat16, enabled=self.half):
            predicted = self.network(y)
        return (predicted.float() - noise).square().mean((1, 2, 3))


def _has_bf16() -> bool:
    """Whether this machine multiplies in bfloat16 faster than it would emulate."""
    if torch.cuda.is_available():
        return torch.cuda.is_bf16_supported()
    return torch.backends.mkldnn.is_available() and torch.ops.mkldnn._is_mkldnn_bf16_supported()


def _has_compiler() -> bool:
    return torch.cuda.is_available() or any(shutil.which(name) for name in ("g++", "clang++", "c++", "cl"))


class Engine:
    """One network on its way, with all that moves it, on one process or on many.

    `gahr.training.loop.step` takes the steps. The network is trained in place. ``compiled=None`` compiles
    where there is a compiler; ``log`` is the folder of a TensorBoard log, or ``None``. A batch that does not
    divide among the processes is a `ValueError`.
    """

    def __init__(
        self, recipe: Recipe, network: nn.Module, compiled: bool | None, log: str | Path | None
    ) -> None:
        from accelerate import Accelerator
        from accelerate.state import AcceleratorState

        self.half = recipe.precision != "fp32" and _has_bf16()
        compiled = _has_compiler() if compiled is None else compiled
        AcceleratorState._reset_state()  # one process may train in one precision, then in another
        torch.compiler.reset()  # and several networks: without this, compiling stops after eight
        self.accelerator = Accelerator(
            mixed_precision="no",  # or what `_Errors` does, which can change on the way
            cpu=not torch.cuda.is_available(),
            dynamo_backend="inductor" if compiled else "no",
            log_with="tensorboard" if log else None,
            project_dir=log,
        )
        if log:
            settings = {k: v for k, v in dataclasses.asdict(recipe).items() if v is not None}
            self.accelerator.init_trackers(recipe.name, settings)
        self.device, self.is_main = self.accelerator.device, self.accelerator.is_main_process
        processes, rank = self.accelerator.num_processes, self.accelerator.process_index
        if recipe.batch % processes:
            raise ValueError(f"a batch of {recipe.batch} images does not divide among {processes} processes.")
        share = recipe.batch // processes
        self.part = slice(rank * share, (rank + 1) * share)
        for module in network.modules():
            if isinstance(module, networks.BiasFreeNorm):
                module.shared = processes > 1
        self.network = network.to(self.device, memory_format=torch.channels_last)
        self.optimizers = _optimizers(recipe, network)
        self._own = _Errors(network)
        self._errors = self.accelerator.prepare(self._own)
        self.running = RunningError(self.device) if recipe.objective == "psnr" else None
        self.average = None
        if recipe.ema:
            self.average = AveragedModel(network, multi_avg_fn=get_ema_multi_avg_fn(recipe.ema))
        self.about = {
            "device": _device_name(self.device),
            "processes": processes,
            "bf16": self.half,
            "compiled": compiled,
        }

    def share(self, *batch: Tensor) -> list[Tensor]:
        """Part of a batch that is this process's, on its device."""
        return [value[self.part].to(self.device) for value in batch]

    def errors(self, y: Tensor, noise: Tensor, half: bool = False) -> Tensor:
        """Mean squared error of the predicted noise, for each image of one `share`.

        With ``half`` in mixed precision, if this machine and the recipe use it.
        """
        self._own.half = half and self.half
        return self._errors(y, noise)

    def sum(self, value: Tensor) -> Tensor:
        """Sum over the processes."""
        return self.accelerator.reduce(value, "sum")

    def mean(self, loss: Tensor) -> float:
        """Loss of the whole batch."""
        return self.accelerator.reduce(loss, "mean").item()

    def log(self, row: dict) -> None:
        """Write a row of the history to the log, if there is one."""
        if self.accelerator.log_with:
            values = {"loss": row["loss"]}
            for name in ("train", "held_out"):
                values |= {f"{name}/{k}": value for k, value in enumerate(row.get(name, ()))}
            self.accelerator.log(values, step=row["step"])

    def finish(self) -> None:
        """Put the averaged weights, if they were kept, into the network, and close the log."""
        if self.average is not None:
            for ours, theirs in zip(self.network.parameters(), self.average.parameters(), strict=True):
                ours.data.copy_(theirs.data)
        self.accelerator.end_training()


def _optimizers(recipe: Recipe, network: nn.Module) -> list[torch.optim.Optimizer]:
    """What moves the weights; the rate that each is made with is its peak."""
    if recipe.optimizer == "adam":
        return [torch.optim.Adam(network.parameters(), lr=recipe.learning_rate)]
    kernels, others = split(network)
    adam = torch.optim.Adam(others, lr=recipe.learning_rate, betas=(0.9, 0.99))
    return [adam, Muon(kernels, lr=recipe.muon_rate)]


def is_main_process() -> bool:
    """Whether this process is the one that writes files."""
    from accelerate import PartialState

    return PartialState().is_main_process


def _device_name(device: torch.device) -> str:
    return torch.cuda.get_device_name(device) if device.type == "cuda" else f"cpu ({platform.machine()})"
