"""What a run is: every number that decides a trained network, and the batch of each of its steps."""

from __future__ import annotations

import dataclasses
import math
import numbers
import re
from collections.abc import Mapping

import torch
from torch import Tensor, nn

from gahr import networks
from gahr._checks import check_known, check_number, check_seed, check_text
from gahr.images import classes, own
from gahr.training import objective

__all__ = ["AUTHORS", "SQUARED_ERROR", "Recipe", "build", "draw"]

WARM_UP = 200
"""Steps over which rates rise to their peaks."""

_STRIDE = 1_000_003  # a prime above every number of steps: seeds of different runs do not meet


@dataclasses.dataclass(frozen=True)
class Recipe:
    """Everything that decides what a trained network is.

    Every training-set size N of a class gets the same number of steps. The authors reach the same
    end by tiling small sets to one epoch length. So networks differ by their data, not by effort.

    Parameters
    ----------
    images
        Image class, for instance ``"faces40"`` or, of your own, ``"folder:PATH@48"``, in color
        ``"folder:PATH@48-color"``; `gahr.images.classes` lists them.
    n
        Training-set size; ``None`` (as an option: ``fresh``) draws new images at every step, which only
        drawn classes can.
    half
        ``"a"`` or ``"b"``: disjoint training sets.
    network
        Architecture and width, for instance ``"unet16"`` or ``"bfcnn32"``.
    blocks
        Scales of a UNet below the finest.
    steps
        Gradient steps.
    batch
        Images in each step.
    learning_rate
        Peak of Adam's rate.
    schedule
        ``"cosine"``: a warm-up of 200 steps, then a cosine that ends at zero; ``"halving"``: halved after
        every tenth of the steps, as the authors (every 100 of 1,000 epochs); ``"constant"``: a warm-up of
        200 steps, then the peak, and over the last tenth of the steps a straight fall to zero. With one
        seed a longer run and a shorter one are then the same run until the shorter's fall begins.
    objective
        ``"psnr"``: squared error of an image over the running mean of squared error at its noise level,
        whose gradient is that of the mean PSNR; ``"mse"``: squared error, as the authors.
    noise
        ``"mixed"``: half of a batch log-uniform in [0.005, 1], half uniform in [0, 1]; ``"uniform"``:
        sigma ~ U[0, 1]; ``"quadratic"``: sigma ~ U^2 (the default of the authors' code; their paper
        says only "in [0, 1]"). See `gahr.training.objective.noise_levels`.
    optimizer
        ``"muon"``: Muon for kernels with several channels on both sides, Adam for the rest;
        ``"adam"``: Adam for all, as the authors.
    muon_rate
        Peak rate of Muon, on the same schedule.
    ema
        Decay of an exponential moving average of the weights; 0 keeps none. It is off by default:
        a rate that ends at zero already averages the last steps, and the authors keep none.
    precision
        ``"bf16"``: mixed precision where the machine has it, but for the last tenth of the steps;
        ``"bf16 throughout"``; ``"fp32"``.
    seed
        Of initial weights, batches and noise. The book's halves have 0 and 1: with one seed for both, two
        networks start from the same weights and see the same noise, and differ less than by their images.
    tag
        Appended to the name, to tell runs apart that differ in something the name does not show.

    Raises
    ------
    KeyError
        If a name, or a half other than ``"a"`` and ``"b"``, is unknown; the message names the nearest.
    ValueError
        If a number is out of range, or a count no whole number.

    Examples
    --------
    >>> Recipe("faces40", 1000, "a").name
    'faces40-unet16-n1000-a'
    >>> Recipe("discs40", None, "a", noise="quadratic", tag="quadratic").name
    'discs40-unet16-fresh-a-quadratic'
    """

    images: str
    n: int | None
    half: str
    network: str = "unet16"
    blocks: int = 3
    steps: int = 6000
    batch: int = 64
    learning_rate: float = 4e-3
    schedule: str = "cosine"
    objective: str = "psnr"
    noise: str = "mixed"
    optimizer: str = "muon"
    muon_rate: float = 0.02
    ema: float = 0.0
    precision: str = "bf16"
    seed: int = 0
    tag: str = ""

    def __post_init__(self) -> None:
        check_known(self.half, ("a", "b"), "half")
        check_known(self.schedule, ("cosine", "halving", "constant"), "schedule")
        check_known(self.objective, objective.OBJECTIVES, "objective")
        check_known(self.noise, objective.NOISE, "noise distribution")
        check_known(self.optimizer, ("muon", "adam"), "optimizer")
        check_known(self.precision, ("bf16", "bf16 throughout", "fp32"), "precision")
        for field in ("images", "network", "tag"):
            check_text(getattr(self, field), field)
        check_seed(self.seed)
        for field in ("n", "steps", "batch", "learning_rate", "muon_rate"):
            value = getattr(self, field)
            if field != "n" or value is not None:
                check_number(value, field, 0, open_low=True)
                if not field.endswith("rate") and value != int(value):
                    raise ValueError(f"{field} must be a whole number; got {value!r}.")
        if not isinstance(self.ema, numbers.Real):
            raise TypeError(f"ema must be a number; got {self.ema!r}.")
        if not 0 <= self.ema < 1:
            raise ValueError(f"ema must be in [0, 1); got {self.ema!r}.")
        for field in ("network", "tag"):
            if not re.fullmatch(r"[\w.+ -]*", getattr(self, field)):
                raise ValueError(
                    f"{field} must be letters, digits and . + - _, as it becomes part of a file's name; "
                    f"got {getattr(self, field)!r}."
                )
        if re.search(r"[/\\\0]", own.short(self.images)):
            raise ValueError(f"images must be the name of a class, or folder:PATH@48; got {self.images!r}.")

    @property
    def name(self) -> str:
        """The network's name in ``data/``."""
        size = "fresh" if self.n is None else f"n{self.n}"
        images, tag = own.short(self.images), [self.tag] if self.tag else []
        return "-".join([images, self.network, size, self.half, *tag])

    def rate(self, step: int) -> float:
        """Adam's learning rate at a step."""
        return self.learning_rate * self.fraction(step)

    def fraction(self, step: int) -> float:
        """Fraction of its peak at which every rate stands at a step."""
        if self.schedule == "halving":
            return 0.5 ** (10 * step // self.steps)
        if self.schedule == "constant":  # no step before the fall may depend on how many there are
            left = (self.steps - step) / max(1, self.steps - self.last_tenth)
            return min((step + 1) / WARM_UP, 1.0, left)
        warm = min(1.0, (step + 1) / min(WARM_UP, self.steps))
        return warm * 0.5 * (1 + math.cos(math.pi * step / self.steps))

    @property
    def last_tenth(self) -> int:
        """Step at which the last tenth begins: a constant rate falls, mixed precision ends."""
        return self.steps - self.steps // 10

    def in_bf16(self, step: int) -> bool:
        """Whether a step is taken in mixed precision, where the machine has it."""
        return self.precision == "bf16 throughout" or (self.precision == "bf16" and step < self.last_tenth)


SQUARED_ERROR: dict = {
    "objective": "mse",
    "noise": "uniform",
    "optimizer": "adam",
    "precision": "bf16 throughout",
}
"""The book's first recipe, as options of `Recipe`: squared error under uniform noise levels, which gives
weak noise next to no weight."""

AUTHORS: dict = {
    "objective": "mse",
    "noise": "quadratic",
    "optimizer": "adam",
    "learning_rate": 1e-3,
    "schedule": "halving",
    "precision": "fp32",
}
"""The authors' recipe, as options of `Recipe`, but for their batch of 512 and their 500,000 steps. Their
released code draws sigma = U^2 unless told otherwise; their paper says only "in [0, 1]".
"""


def options_of(recipe: Mapping[str, object]) -> list[str]:
    """A recipe's fields as options of ``python -m gahr train``."""
    said = ((key, "fresh" if value is None else str(value)) for key, value in recipe.items())
    return [part for key, value in said for part in (f"--{key.replace('_', '-')}", value)]


def check_network(spec: str) -> tuple[str, int]:
    """Architecture and width of a network's name; raise if there is no such network."""
    kind, digits = spec.rstrip("0123456789"), spec[len(spec.rstrip("0123456789")) :]
    check_known(kind, ("unet", "bfcnn"), "architecture")
    if not digits:
        raise ValueError(f"give the width after the architecture, as in {kind}16; got {spec!r}.")
    return kind, int(digits)


def build(spec: str, blocks: int = 3, image_channels: int = 1) -> nn.Module:
    """Network by name: ``"unet16"`` or ``"bfcnn64"``; with 3 ``image_channels`` for color.

    Examples
    --------
    >>> networks.count_parameters(build("unet16"))
    479424
    """
    kind, width = check_network(spec)
    if kind == "unet":
        return networks.UNet(width, blocks, image_channels)
    return networks.BFCNN(width, image_channels=image_channels)


def draw(recipe: Recipe, x: Tensor | None, step: int) -> tuple[Tensor, Tensor, Tensor]:
    """Noisy batch of a step, the noise in it and its level, from the recipe's seed and the step alone.

    An interrupted run therefore goes on exactly where it stood, with no order to remember.

    Parameters
    ----------
    recipe, step
        How many images, and how the noise level is drawn; which batch.
    x
        Training images, ``(n, C, H, W)``; ``None`` for a recipe with fresh images.

    Returns
    -------
    y, noise
        Each ``(batch, C, H, W)``, on the device of ``x``; ``y - noise`` are the clean images.
    sigma
        Noise level of each image, ``(batch,)``.
    """
    seed = recipe.seed * _STRIDE + step
    device = torch.device("cpu") if x is None else x.device
    generator = torch.Generator(device).manual_seed(seed)
    if x is None:
        picked = classes.fresh(recipe.images, recipe.batch, seed)
    else:
        picked = x[torch.randint(len(x), (recipe.batch,), generator=generator, device=device)]
    sigma = objective.noise_levels(recipe.noise, recipe.batch, generator)
    noise = sigma.view(-1, 1, 1, 1) * torch.randn(picked.shape, generator=generator, device=device)
    return picked + noise, noise, sigma
