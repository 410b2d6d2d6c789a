"""One loop, resumable, on whatever machine there is: how every network of the book was trained.

`step` is the method, `train` repeats it, `run` keeps what comes out.
The batch of step ``t`` is a function of the recipe's seed and ``t`` alone, and so is the learning
rate. A checkpoint therefore holds the network, the optimizer and the step, and an interrupted run
ends where an uninterrupted one does: bit for bit on one CPU process in fp32.
"""

from __future__ import annotations

import dataclasses
import hashlib
import json
import math
import time
from collections.abc import Callable
from pathlib import Path

import torch
from torch import Tensor, nn

from gahr import _files, measures, networks, zoo
from gahr._checks import check_images
from gahr.denoisers import Blind
from gahr.images import classes
from gahr.training import _progress, shelf
from gahr.training._checkpoint import BRANCH, Checkpoint
from gahr.training._engine import Engine, is_main_process
from gahr.training.recipes import Recipe, build, draw

__all__ = ["is_finished", "load_images", "run", "step", "train"]

HELD_OUT = 1000
GLANCE_SIGMAS = (0.02, 0.05, 0.1, 0.2, 0.5)
"""Noise levels at which PSNR is recorded while training."""


def step(engine: Engine, recipe: Recipe, batch: tuple[Tensor, Tensor, Tensor], t: int) -> Tensor:
    """One step of training, all of it: from a batch to weights that have moved.

    Parameters
    ----------
    engine, recipe
        What holds the network, its optimizers and its running errors; and what says how fast, how precisely,
        and what counts.
    batch, t
        Noisy images, noise and noise levels of step t, as `gahr.training.recipes.draw` returns them. Each
        process takes its part.

    Returns
    -------
    error
        Mean squared error of this process's part, whatever the objective.

    Notes
    -----
    The error of the predicted noise is that of the denoised image. The authors' step is this one with
    all weights 1 (``objective="mse"``) and Adam alone.
    """
    y, noise, sigma = engine.share(*batch)
    errors = engine.errors(y, noise, recipe.in_bf16(t))  # one for each image
    weights = 1.0 if engine.running is None else engine.running.weights(sigma)
    for optimizer in engine.optimizers:
        optimizer.zero_grad()
    engine.accelerator.backward((weights * errors).mean())
    for optimizer in engine.optimizers:
        for group in optimizer.param_groups:
            group["lr"] = recipe.fraction(t) * optimizer.defaults["lr"]
        optimizer.step()
    errors = errors.detach()
    if engine.running is not None:
        engine.running.update(engine.sum(engine.running.totals(sigma, errors)))
    if engine.average is not None:
        engine.average.update_parameters(engine.network)
    return errors.mean()


def train(
    recipe: Recipe,
    x: Tensor | None = None,
    held_out: Tensor | None = None,
    folder: str | Path | None = None,
    report: Callable[[dict], None] | None = None,
    checkpoint_every: float = 120.0,
    compiled: bool | None = None,
    log: str | Path | None = None,
    progress: bool = False,
    start: str | Path | None = None,
) -> tuple[Blind, dict]:
    """Train one denoiser by the book's recipe.

    Started by ``torchrun``, the processes share the work: each takes its part of every batch, and
    the normalization's spread is that of the whole batch.

    Parameters
    ----------
    recipe
        What to do.
    x
        Training images, ``(n, 1, H, W)`` in [0, 1] (sinusoids: in [-1, 1]); none for a recipe with
        fresh images. In color, ``(n, 3, H, W)``, if the name of the class ends with ``-color``.
    held_out
        Images for the held-out PSNR; none is measured without them.
    folder
        Where to keep a checkpoint; an interrupted run found there goes on. A run whose rate is constant
        also keeps ``before-decay.pt``, for longer runs to start from.
    report
        Called with each row of the history, at log-spaced steps.
    checkpoint_every
        Seconds between checkpoints.
    compiled
        Use ``torch.compile``; by default where there is a C++ compiler (on a GPU: always). Chapters
        run eager: compiling takes longer than their training.
    log
        Folder for a TensorBoard log; none by default.
    progress
        Show a progress bar, if this is a terminal.
    start
        A checkpoint to go on from instead of step 0: of a run by the same recipe but for ``steps`` and
        ``tag``, with a constant rate, taken before the decay of both. What comes out is what the whole
        run would have given: bit for bit on one CPU process in fp32.

    Returns
    -------
    f
        The finished denoiser, in evaluation mode, on the CPU; its kernels are rounded to float16 where
        that costs no more than 0.1 dB.
    facts
        ``recipe``, ``provenance``, ``history`` and PSNR ``curves`` on training and held-out images.

    Raises
    ------
    ValueError
        If the images do not fit the recipe or the network, a checkpoint belongs to another recipe
        or is damaged, or the loss stops being finite.
    OSError
        If a checkpoint cannot be written; the last one is untouched. Or if there is none to start from.
    """
    if not isinstance(recipe, Recipe):
        raise TypeError(f"recipe must be a Recipe; got {type(recipe).__name__}.")
    network = build(recipe.network, recipe.blocks, _channels(recipe, x))
    network = networks.initialize(network, recipe.seed)
    _check_fit(recipe, network, x, held_out)
    engine = Engine(recipe, network, compiled, log)
    x = x if x is None else x.to(engine.device)
    held_out = held_out if held_out is None else held_out.cpu()
    identity = data_identity(recipe, x)
    checkpoint = Checkpoint(folder, recipe, engine, identity.get("sha256"), start)
    t, seconds, history = checkpoint.read()
    marks = {round(10 ** (k / 4)) for k in range(4, 40)} | {recipe.steps}
    began = saved_at = time.monotonic()
    checkpoint.write(t, seconds, history)  # a folder that cannot be written is found out at once
    network.train()
    with _progress.bar(recipe, t, progress and engine.is_main) as bar:
        while t < recipe.steps:
            if recipe.schedule == "constant" and t == recipe.last_tenth:
                checkpoint.write(t, seconds + time.monotonic() - began, history, BRANCH)
            error = step(engine, recipe, draw(recipe, x, t), t)
            t += 1
            bar.update()
            if t in marks:
                value = engine.mean(error)
                if not math.isfinite(value):
                    raise ValueError(f"the loss is {value} at step {t}; lower learning_rate.")
                spent = seconds + time.monotonic() - began
                row = {"step": t, "loss": value, "seconds": spent} | _glance(network, x, held_out)
                history.append(row)
                engine.log(row)
                _progress.beside(bar, row)
                if report and engine.is_main:
                    report(row)
            if time.monotonic() - saved_at > checkpoint_every:
                saved_at = time.monotonic()
                checkpoint.write(t, seconds + saved_at - began, history)
    seconds += time.monotonic() - began
    checkpoint.write(t, seconds, history)
    engine.finish()
    f = Blind(_settle(network, x, recipe).cpu()).requires_grad_(False).eval()
    half = _round_weights(f, held_out if held_out is not None else x)
    facts = {
        "recipe": dataclasses.asdict(recipe),
        "seed": recipe.seed,
        "data": identity,
        "provenance": {
            "commit": _files.commit(),
            "torch": torch.__version__,
            **engine.about,
            "seconds": round(seconds),
            "images_seen": recipe.steps * recipe.batch,
            "weights": "float16" if half else "float32",
        },
        "history": history,
        "curves": _curves(f, x if x is None else x.cpu(), held_out),
    }
    return f, _files.rounded(facts, 6)


def run(recipe: Recipe, folder: str | Path, **options: object) -> Path:
    """Train a recipe on its own images and write all that is left of it, in ``folder/name``.

    What is already finished is not done again. ``status.json`` says how far a run has come, ``facts.json`` is
    written last, when all else is there. Options are those of `train`; returned is the network's file.
    """
    folder = Path(folder) / recipe.name
    path, facts_path = folder / f"{recipe.name}.safetensors", folder / "facts.json"
    if is_finished(recipe, folder):
        return path
    if read_json(facts_path).get("recipe", dataclasses.asdict(recipe)) != dataclasses.asdict(recipe):
        raise ValueError(f"{folder} holds another recipe's network; remove it or choose another folder.")
    x, held_out = load_images(recipe)

    def report(row: dict) -> None:
        status = {
            "step": row["step"],
            "steps": recipe.steps,
            "held_out": row.get("held_out"),
            "images_per_second": round(row["step"] * recipe.batch / max(row["seconds"], 1e-9), 1),
            "seconds": round(row["seconds"], 1),
        }
        _files.write_text(folder / "status.json", json.dumps(status, indent=1))

    f, facts = train(recipe, x, held_out, folder, report, **options)
    if is_main_process():
        shelf.save(f, path)
        _files.write_text(facts_path, json.dumps(facts, indent=1))
    return path


def is_finished(recipe: Recipe, folder: Path) -> bool:
    """Whether a run's folder holds this recipe's facts and a network that can be read."""
    if read_json(folder / "facts.json").get("recipe") != dataclasses.asdict(recipe):
        return False
    try:
        zoo.load(str(folder / f"{recipe.name}.safetensors"))
    except (OSError, ValueError):
        return False
    return True


def read_json(path: Path) -> dict:
    """What a file says; nothing if there is none, or if it says something else than it should."""
    try:
        found = json.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return {}
    return found if isinstance(found, dict) else {}


def load_images(recipe: Recipe) -> tuple[Tensor | None, Tensor]:
    """Training images (``None`` if they are drawn afresh) and held-out images that a recipe names."""
    most = classes.count(recipe.images, "held-out")
    held_out = classes.load(recipe.images, HELD_OUT if most is None else min(HELD_OUT, most), "held-out")
    if recipe.n is None:
        classes.fresh(recipe.images, 1, 0)  # refuses photographs before anything else is done
        return None, held_out
    return classes.load(recipe.images, recipe.n, recipe.half), held_out


def data_identity(recipe: Recipe, x: Tensor | None) -> dict:
    """Which images these are: class, rule, half, and the SHA-256 of their 8-bit pixels.

    Images that are not gray squares in [0, 1] have the hash of their shape and of the float32 pixels.
    """
    about = {"class": recipe.images, "half": recipe.half, "n": recipe.n}
    if x is None:
        return about | {"rule": "gahr.training.recipes.draw, fresh images at every step"}
    plain = x.shape[1] == 1 and x.shape[2] == x.shape[3] and x.min() >= 0 and x.max() <= 1
    pixels = (x * 255).round().to(torch.uint8) if plain else x.float()
    sha256 = hashlib.sha256(b"" if plain else repr(tuple(x.shape)).encode())
    sha256.update(pixels.cpu().numpy().tobytes())
    try:
        classes.is_drawn(recipe.images)
        rule = "gahr.images.classes.load"
    except KeyError:  # a class of the reader's own
        rule = "given to gahr.training.loop.train"
    return about | {"rule": rule, "sha256": sha256.hexdigest()}


def _channels(recipe: Recipe, x: Tensor | None) -> int:
    """Channels of the images: 3 of a class whose name ends with ``-color``, a loader's own, otherwise 1."""
    if recipe.images.startswith("loader:") and isinstance(x, Tensor) and x.ndim == 4:
        return x.shape[1]
    return 3 if recipe.images.endswith("-color") else 1


def _check_fit(recipe: Recipe, network: nn.Module, x: Tensor | None, held_out: Tensor | None) -> None:
    """Raise unless the images are what the recipe says and the network can take."""
    if (x is None) != (recipe.n is None):
        raise ValueError(f"the recipe says n = {recipe.n}; x is {'None' if x is None else 'given'}.")
    waves = recipe.images.startswith("sinusoids")
    for name, value in (("x", x), ("held_out", held_out)):
        if value is not None:
            networks.check_input(network, check_images(value, name, photograph=not waves), name)
    if x is not None and len(x) != recipe.n:
        raise ValueError(f"the recipe says n = {recipe.n}; x holds {len(x)} images.")


@torch.no_grad()
def _settle(network: nn.Module, x: Tensor | None, recipe: Recipe, batches: int = 200) -> nn.Module:
    """Finish a network: average the spreads over many batches.

    While training the running spreads follow the last few batches, which for a tiny training set
    hold the same images again and again.
    """
    network.float().train()
    norms = [m for m in network.modules() if isinstance(m, networks.BiasFreeNorm)]
    for norm in norms:
        norm.shared = False
    for k in range(batches):
        for norm in norms:
            norm.momentum = 1 / (k + 1)  # makes the running value a plain mean
        network(draw(recipe, x, recipe.steps + k)[0].to(next(network.parameters()).device))
    for norm in norms:
        del norm.momentum
    return network.eval()


@torch.no_grad()
def _round_weights(f: Blind, images: Tensor | None, most: float = 0.1) -> bool:
    """Round the kernels to float16, once, unless that costs more than ``most`` dB at weak noise.

    Gains and spreads stay float32. What is measured and shipped is what this leaves; it returns
    whether the kernels are rounded.
    """
    kernels = [m.weight for m in f.modules() if isinstance(m, (nn.Conv2d, nn.ConvTranspose2d))]
    before = [weight.clone() for weight in kernels]

    def psnr() -> Tensor:
        return torch.tensor(measures.psnr_curve(f, images[:128].cpu(), (0.01, 0.02, 0.05))["psnr"])

    exact = None if images is None else psnr()
    for weight in kernels:
        weight.copy_(weight.half().float())
    if exact is not None and (exact - psnr()).max() > most:
        for weight, value in zip(kernels, before, strict=True):
            weight.copy_(value)
        return False
    return True


@torch.no_grad()
def _glance(network: nn.Module, x: Tensor | None, held_out: Tensor | None, images: int = 128) -> dict:
    """PSNR at five noise levels on a few images, while training."""
    network.eval()
    f, device = Blind(network), next(network.parameters()).device
    sets = {"train": x, "held_out": held_out}
    row = {
        name: measures.psnr_curve(f, value[:images].to(device), GLANCE_SIGMAS)["psnr"]
        for name, value in sets.items()
        if value is not None
    }
    network.train()
    return row


def _curves(f: Blind, x: Tensor | None, held_out: Tensor | None) -> dict:
    """Final PSNR curves: up to 1,000 images of each kind, small sets with several noise draws."""
    curves = {}
    if x is not None:
        repeats = max(1, min(200, 200 // len(x)))
        curves["train"] = measures.psnr_curve(f, x[:1000], repeats=repeats) | {"images": min(1000, len(x))}
    if held_out is not None:
        curves["held_out"] = measures.psnr_curve(f, held_out[:1000]) | {"images": min(1000, len(held_out))}
    return curves
