"""One recipe, one loop: how every network of the book was trained.

The batch of step ``t`` is a function of ``(seed, t)`` alone, so a run that was interrupted goes on
exactly where it stood. Every training-set size N of a class gets the same number of steps (the
authors reach the same end by tiling small sets), so networks differ by their data, not by effort.
"""

from __future__ import annotations

import contextlib
import dataclasses
import hashlib
import json
import math
import platform
import shutil
import time
from collections.abc import Callable
from pathlib import Path

import torch
from torch import Tensor, nn

from gahr import _files, images, measures, networks
from gahr._checks import check_images, check_known, check_number
from gahr.denoisers import Blind

__all__ = ["Recipe", "build", "train"]


@dataclasses.dataclass(frozen=True)
class Recipe:
    """Everything that decides what a trained network is.

    Parameters
    ----------
    images
        Image class, for instance ``"faces40"``.
    n, half
        Training-set size, and ``"a"`` or ``"b"``.
    network
        Architecture and width, for instance ``"unet16"`` or ``"bfcnn32"``.
    blocks
        Scales of a UNet below the finest.
    steps, batch
        Gradient steps, and images in each.
    learning_rate
        Peak of a cosine that warms up over the first 200 steps and ends at zero (Adam).
    noise
        ``"uniform"``: sigma ~ U[0, 1]; ``"quadratic"``: sigma ~ U^2, more weight on little noise
        (the default of the authors' code; their paper says only "in [0, 1]").
    seed
        Of initial weights, batches and noise.

    Examples
    --------
    >>> Recipe("faces40", 1000, "a").name
    'faces40-unet16-n1000-a'
    """

    images: str
    n: int
    half: str
    network: str = "unet16"
    blocks: int = 3
    steps: int = 6000
    batch: int = 64
    learning_rate: float = 1e-3
    noise: str = "uniform"
    seed: int = 0

    def __post_init__(self) -> None:
        check_known(self.noise, ("uniform", "quadratic"), "noise distribution")
        for field in ("n", "steps", "batch", "learning_rate"):
            check_number(getattr(self, field), field, 0, open_low=True)

    @property
    def name(self) -> str:
        """The network's name in ``data/``."""
        return f"{self.images}-{self.network}-n{self.n}-{self.half}"

    def rate(self, step: int) -> float:
        """Learning rate at a step."""
        warm = min(1.0, (step + 1) / min(200, self.steps))
        return self.learning_rate * warm * 0.5 * (1 + math.cos(math.pi * step / self.steps))


def build(spec: str, blocks: int = 3) -> nn.Module:
    """Network by name: ``"unet16"`` or ``"bfcnn64"``.

    Examples
    --------
    >>> networks.count_parameters(build("unet16"))
    479424
    """
    kind, digits = spec.rstrip("0123456789"), spec[len(spec.rstrip("0123456789")) :]
    check_known(kind, ("unet", "bfcnn"), "architecture")
    if not digits:
        raise ValueError(f"give the width after the architecture, as in {kind}16; got {spec!r}.")
    return networks.UNet(int(digits), blocks) if kind == "unet" else networks.BFCNN(int(digits))


def _draw(x: Tensor, recipe: Recipe, step: int) -> tuple[Tensor, Tensor]:
    """Noisy batch of a step, and the noise in it, from ``(seed, step)`` alone."""
    generator = torch.Generator().manual_seed(recipe.seed * 1_000_003 + step)
    picked = x[torch.randint(len(x), (recipe.batch,), generator=generator)]
    sigma = torch.rand(recipe.batch, 1, 1, 1, generator=generator)
    if recipe.noise == "quadratic":
        sigma = sigma.square()
    noise = sigma * torch.randn(picked.shape, generator=generator)
    return picked + noise, noise


def _fast(network: nn.Module, device: torch.device) -> tuple[Callable[[Tensor], Tensor], object]:
    """Compiled network and mixed-precision context, as far as this machine has them."""
    if device.type == "cuda":
        half = torch.cuda.is_bf16_supported()
    else:
        half = torch.backends.mkldnn.is_available() and torch.ops.mkldnn._is_mkldnn_bf16_supported()
    context = torch.autocast(device.type, torch.bfloat16) if half else contextlib.nullcontext()
    compiler = any(shutil.which(name) for name in ("g++", "clang++", "c++", "cl"))
    return (torch.compile(network) if compiler else network), context


@torch.no_grad()
def _settle(network: nn.Module, x: Tensor, recipe: Recipe, batches: int = 200) -> nn.Module:
    """Finish a network: average the spreads over many batches, round the weights, once.

    Convolutions are rounded to float16; gains and spreads stay float32. What is measured and
    shipped is this rounded network.
    """
    network.float().train()
    norms = [m for m in network.modules() if isinstance(m, networks.BiasFreeNorm)]
    for k in range(batches):
        for norm in norms:
            norm.momentum = 1 / (k + 1)  # makes the running value a plain mean
        network(_draw(x, recipe, recipe.steps + k)[0].to(next(network.parameters()).device))
    for norm in norms:
        del norm.momentum
    for module in network.modules():
        if isinstance(module, (nn.Conv2d, nn.ConvTranspose2d)):
            module.weight.copy_(module.weight.half().float())
    return network.eval()


def train(
    recipe: Recipe,
    x: Tensor,
    held_out: Tensor | None = None,
    folder: str | Path | None = None,
    report: Callable[[dict], None] | None = None,
    checkpoint_every: float = 120.0,
) -> tuple[Blind, dict]:
    """Train one denoiser by the book's recipe.

    Parameters
    ----------
    recipe
        What to do.
    x
        Training images, ``(n, 1, H, W)`` in [0, 1].
    held_out
        Images for the held-out PSNR; none is measured without them.
    folder
        Where to keep a checkpoint; an interrupted run found there goes on.
    report
        Called with each row of the history, at log-spaced steps.
    checkpoint_every
        Seconds between checkpoints.

    Returns
    -------
    f
        The finished denoiser, rounded, in evaluation mode, on the CPU.
    facts
        ``recipe``, ``provenance``, ``history`` and PSNR ``curves`` on training and held-out images.

    Raises
    ------
    ValueError
        If the images do not fit the recipe or the network, or the loss stops being finite.
    """
    network = networks.initialize(build(recipe.network, recipe.blocks), recipe.seed)
    check_images(x, "x", photograph=True)
    networks.check_input(network, x, "x")
    if held_out is not None:
        networks.check_input(network, check_images(held_out, "held_out", photograph=True), "held_out")
    if len(x) != recipe.n:
        raise ValueError(f"the recipe says n = {recipe.n}; x holds {len(x)} images.")
    device = torch.device("cuda" if torch.cuda.is_available() else "cpu")
    network.to(device, memory_format=torch.channels_last)
    optimizer = torch.optim.Adam(network.parameters(), lr=recipe.learning_rate)
    forward, context = _fast(network, device)

    start, spent, history = 0, 0.0, []
    path = Path(folder) / "checkpoint.pt" if folder else None
    if path and path.exists():
        saved = torch.load(path, weights_only=True, map_location=device)
        if saved["recipe"] != dataclasses.asdict(recipe):
            raise ValueError(f"{path} belongs to another recipe; remove it or choose another folder.")
        network.load_state_dict(saved["network"])
        optimizer.load_state_dict(saved["optimizer"])
        start, spent, history = saved["step"], saved["seconds"], saved["history"]

    marks = {round(10 ** (k / 4)) for k in range(4, 40)} | {recipe.steps}
    began = saved_at = time.monotonic()
    network.train()
    for step in range(start, recipe.steps):
        y, noise = (t.to(device) for t in _draw(x, recipe, step))
        optimizer.param_groups[0]["lr"] = recipe.rate(step)
        with context:
            loss = (forward(y).float() - noise).square().mean()
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        if step + 1 in marks:
            if not math.isfinite(loss.item()):
                raise ValueError(f"the loss is {loss.item()} at step {step + 1}; lower learning_rate.")
            row = {"step": step + 1, "loss": loss.item(), "seconds": spent + time.monotonic() - began}
            history.append(row | _glance(network, x, held_out))
            if report:
                report(history[-1])
        if path and time.monotonic() - saved_at > checkpoint_every:
            saved_at = time.monotonic()
            state = {
                "recipe": dataclasses.asdict(recipe),
                "network": network.state_dict(),
                "optimizer": optimizer.state_dict(),
                "step": step + 1,
                "seconds": spent + saved_at - began,
                "history": history,
            }
            _files.write_atomically(path, lambda temporary, state=state: torch.save(state, temporary))

    seconds = spent + time.monotonic() - began
    f = Blind(_settle(network, x, recipe).cpu()).requires_grad_(False).eval()
    facts = {
        "recipe": dataclasses.asdict(recipe),
        "seed": recipe.seed,
        "data": data_identity(recipe, x),
        "provenance": {
            "commit": _files.commit(),
            "torch": torch.__version__,
            "device": f"{device.type} ({platform.machine()})",
            "bf16": not isinstance(context, contextlib.nullcontext),
            "seconds": round(seconds),
            "images_seen": recipe.steps * recipe.batch,
        },
        "history": history,
        "curves": _curves(f, x, held_out),
    }
    return f, json.loads(json.dumps(facts))


@torch.no_grad()
def _glance(network: nn.Module, x: Tensor, held_out: Tensor | None) -> dict:
    """PSNR at three noise levels on a few images, while training."""
    network.eval()
    f, sigmas = Blind(network), (0.02, 0.1, 0.5)
    device = next(network.parameters()).device
    row = {"train": measures.psnr_curve(f, x[:64].to(device), sigmas)["psnr"]}
    if held_out is not None:
        row["held_out"] = measures.psnr_curve(f, held_out[:64].to(device), sigmas)["psnr"]
    network.train()
    return row


def _curves(f: Blind, x: Tensor, held_out: Tensor | None) -> dict:
    """Final PSNR curves: up to 1,000 images of each kind, small sets with several noise draws."""
    repeats = max(1, min(20, 200 // len(x)))
    curves = {"train": measures.psnr_curve(f, x[:1000], repeats=repeats) | {"images": min(1000, len(x))}}
    if held_out is not None:
        curves["held_out"] = measures.psnr_curve(f, held_out[:1000]) | {"images": min(1000, len(held_out))}
    return curves


def data_identity(recipe: Recipe, x: Tensor) -> dict:
    """Which images these are: class, rule, half, and the SHA-256 of their 8-bit pixels."""
    pixels = (x * 255).round().to(torch.uint8).cpu().numpy()
    return {
        "class": recipe.images,
        "rule": "gahr.images.split_indices",
        "half": recipe.half,
        "n": recipe.n,
        "sha256": hashlib.sha256(pixels.tobytes()).hexdigest(),
    }


def load_images(recipe: Recipe) -> tuple[Tensor, Tensor]:
    """Training and held-out images that a recipe names."""
    return (
        images.split(recipe.images, recipe.n, recipe.half),
        images.split(recipe.images, 1000, "held-out"),
    )
