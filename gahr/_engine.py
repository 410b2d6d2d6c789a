"""What a training run needs that is not science: devices, precision, checkpoints, progress.

Devices, mixed precision, several processes and logs are Hugging Face accelerate's work.
"""

from __future__ import annotations

import dataclasses
import io
import platform
import shutil
import zipfile
from pathlib import Path

import torch
from torch import Tensor, nn
from torch.optim.swa_utils import AveragedModel, get_ema_multi_avg_fn

from gahr import _files, networks
from gahr._muon import Muon, split
from gahr.objective import RunningError
from gahr.recipes import Recipe

__all__ = ["Checkpoint", "Engine", "is_main_process", "progress_bar", "show"]


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
    """One network on its way: takes steps, on one process or on many.

    Parameters
    ----------
    recipe
        What to do.
    network
        Trained in place.
    compiled
        Whether to compile; ``None``: where there is a compiler.
    log
        Folder for a TensorBoard log, or ``None``.

    Raises
    ------
    ValueError
        If the batch does not divide among the processes.
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
        self.optimizers, self.peaks = _optimizers(recipe, network)
        self._own = _Errors(network)
        self.errors = self.accelerator.prepare(self._own)
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

    def step(self, y: Tensor, noise: Tensor, sigma: Tensor, fraction: float, half: bool = False) -> Tensor:
        """One gradient step on a batch, of which this process takes its part.

        Parameters
        ----------
        y, noise, sigma
            The batch, as `gahr.recipes.draw` returns it.
        fraction
            Of their peaks, at which the optimizers' rates stand.
        half
            Use mixed precision, if this machine and the recipe do.

        Returns
        -------
        error
            Mean squared error of this process's part, whatever the objective.
        """
        y, noise, sigma = (value[self.part].to(self.device) for value in (y, noise, sigma))
        self._own.half = half and self.half
        errors = self.errors(y, noise)
        loss = errors.mean()
        if self.running is not None:
            loss = (self.running.weights(sigma) * errors).mean()
            totals = self.running.totals(sigma, errors.detach())
            self.running.update(self.accelerator.reduce(totals, "sum"))
        for optimizer, peak in zip(self.optimizers, self.peaks, strict=True):
            optimizer.zero_grad()
            for group in optimizer.param_groups:
                group["lr"] = fraction * peak
        self.accelerator.backward(loss)
        for optimizer in self.optimizers:
            optimizer.step()
        if self.average is not None:
            self.average.update_parameters(self.network)
        return errors.detach().mean()

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


def _optimizers(recipe: Recipe, network: nn.Module) -> tuple[list[torch.optim.Optimizer], list[float]]:
    """What takes the steps, and the peaks of their rates."""
    if recipe.optimizer == "adam":
        return [torch.optim.Adam(network.parameters(), lr=recipe.learning_rate)], [recipe.learning_rate]
    kernels, others = split(network)
    adam = torch.optim.Adam(others, lr=recipe.learning_rate, betas=(0.9, 0.99))
    return [adam, Muon(kernels, lr=recipe.muon_rate)], [recipe.learning_rate, recipe.muon_rate]


class _Another(Exception):
    """A checkpoint of another recipe, or of other training images."""


class Checkpoint:
    """Where a run stands, on disk: written whole or not at all, by the main process.

    Parameters
    ----------
    folder
        Of the run; ``None`` keeps nothing.
    recipe
        Whose run it is: another recipe's checkpoint is refused.
    engine
        What is saved and restored.
    images
        Hash of the training images: a checkpoint of others is refused. ``None`` does not ask.
    """

    def __init__(
        self, folder: str | Path | None, recipe: Recipe, engine: Engine, images: str | None = None
    ) -> None:
        self.path = Path(folder) / "checkpoint.pt" if folder else None
        self.recipe, self.engine, self.images = dataclasses.asdict(recipe), engine, images

    def _parts(self) -> dict:
        engine = self.engine
        parts = {"network": engine.network, "average": engine.average, "running error": engine.running}
        parts |= {f"optimizer {k}": optimizer for k, optimizer in enumerate(engine.optimizers)}
        return {name: part for name, part in parts.items() if part is not None}

    def read(self) -> tuple[int, float, list]:
        """Restore network and optimizer; return step, seconds and history (zeros at a beginning).

        Raises
        ------
        ValueError
            If the file is damaged, or of another recipe or of other training images.
        """
        found = (0, 0.0, [])
        if self.path and self.path.exists():
            data = self.path.read_bytes()
            try:
                found = self._restore(data)
            except _Another as what:
                raise ValueError(
                    f"{self.path} belongs to {what}; remove it or choose another folder."
                ) from None
            except Exception as error:  # damaged bytes can make a reader fail in any way
                why = f"{type(error).__name__}: {error}".splitlines()[0]
                raise ValueError(f"{self.path} is damaged ({why}); remove it to begin again.") from None
        if self.path and self.engine.is_main:
            for left in self.path.parent.glob(f".{self.path.name}.*"):
                left.unlink()  # half-written when an earlier process was killed
        self.engine.accelerator.wait_for_everyone()
        return found

    def _restore(self, data: bytes) -> tuple[int, float, list]:
        with zipfile.ZipFile(io.BytesIO(data)) as parts:  # torch stores checksums and does not check them
            folders = (part.filename for part in parts.infolist() if part.external_attr)
            if wrong := parts.testzip() or next(folders, None):  # it would read nothing from a folder
                raise ValueError(f"{wrong} is not what was written")
        saved = torch.load(io.BytesIO(data), weights_only=True, map_location="cpu")
        if saved["recipe"] != self.recipe:
            raise _Another("another recipe")
        if self.images and saved.get("images") not in (None, self.images):
            raise _Another("other training images")
        for name, part in self._parts().items():
            part.load_state_dict(saved[name])
        return saved["step"], saved["seconds"], saved["history"]

    def write(self, step: int, seconds: float, history: list) -> None:
        """Save where the run stands.

        Raises
        ------
        OSError
            If the folder cannot be written or the disk is full; the checkpoint before is untouched.
        """
        if self.path is None or not self.engine.is_main:
            return
        state = {name: part.state_dict() for name, part in self._parts().items()}
        state |= {"recipe": self.recipe, "images": self.images}
        state |= {"step": step, "seconds": seconds, "history": history}
        buffer = io.BytesIO()  # torch would report a full disk as an error of its own
        torch.save(state, buffer)
        try:
            _files.write_atomically(self.path, lambda temporary: temporary.write_bytes(buffer.getbuffer()))
        except OSError as error:
            kept = "the checkpoint before it is untouched" if self.path.exists() else "nothing is lost"
            raise OSError(
                error.errno,
                f"cannot write the checkpoint of step {step} ({error.strerror}); {kept}. "
                f"Mend that and run the same command again",
                str(self.path),
            ) from None


def is_main_process() -> bool:
    """Whether this process is the one that writes files."""
    from accelerate import PartialState

    return PartialState().is_main_process


def _device_name(device: torch.device) -> str:
    return torch.cuda.get_device_name(device) if device.type == "cuda" else f"cpu ({platform.machine()})"


def progress_bar(recipe: Recipe, step: int, shown: bool) -> object:
    """A bar with steps, images/s and time left; silent unless wanted and on a terminal."""
    from tqdm import tqdm

    return tqdm(
        total=recipe.steps,
        initial=step,
        desc=recipe.name,
        unit="img",
        unit_scale=recipe.batch,
        disable=None if shown else True,
    )


def show(bar: object, row: dict) -> None:
    """Put the loss and the held-out PSNR at sigma = 0.1 beside the bar."""
    beside = {"loss": f"{row['loss']:.4f}"}
    if "held_out" in row:
        beside["held-out"] = f"{row['held_out'][2]:.1f} dB"
    bar.set_postfix(beside, refresh=False)
