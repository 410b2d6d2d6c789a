"""What a run is: every number that decides a trained network, and the batch of each of its steps."""

from __future__ import annotations

import dataclasses
import math

import torch
from torch import Tensor, nn

from gahr import classes, networks
from gahr._checks import check_known, check_number

__all__ = ["Recipe", "build", "draw"]

_STRIDE = 1_000_003  # a prime above every number of steps: seeds of different runs do not meet


@dataclasses.dataclass(frozen=True)
class Recipe:
    """Everything that decides what a trained network is.

    Every training-set size N of a class gets the same number of steps. The authors reach the same
    end by tiling small sets to one epoch length. So networks differ by their data, not by effort.

    Parameters
    ----------
    images
        Image class, for instance ``"faces40"``; `gahr.classes` lists them.
    n
        Training-set size; ``None`` draws fresh images at every step (drawn classes only).
    half
        ``"a"`` or ``"b"``: disjoint training sets.
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
    ema
        Decay of an exponential moving average of the weights; 0 keeps none. It is off by default:
        a rate that ends at zero already averages the last steps, and the authors keep none.
    precision
        ``"bf16"``: mixed precision where the machine has it; ``"fp32"``.
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
    noise: str = "uniform"
    ema: float = 0.0
    precision: str = "bf16"
    seed: int = 0
    tag: str = ""

    def __post_init__(self) -> None:
        check_known(self.half, ("a", "b"), "half")
        check_known(self.noise, ("uniform", "quadratic"), "noise distribution")
        check_known(self.precision, ("bf16", "fp32"), "precision")
        for field in ("n", "steps", "batch", "learning_rate"):
            value = getattr(self, field)
            if field != "n" or value is not None:
                check_number(value, field, 0, open_low=True)
                if field != "learning_rate" and value != int(value):
                    raise ValueError(f"{field} must be a whole number; got {value!r}.")
        if not 0 <= self.ema < 1:
            raise ValueError(f"ema must be in [0, 1); got {self.ema!r}.")

    @property
    def name(self) -> str:
        """The network's name in ``data/``."""
        size = "fresh" if self.n is None else f"n{self.n}"
        return "-".join([self.images, self.network, size, self.half, *([self.tag] if self.tag else [])])

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


def draw(recipe: Recipe, x: Tensor | None, step: int) -> tuple[Tensor, Tensor]:
    """Noisy batch of a step and the noise in it, from the recipe's seed and the step alone.

    An interrupted run therefore goes on exactly where it stood, with no order to remember.

    Parameters
    ----------
    recipe
        Says how many images, and how the noise level is drawn.
    x
        Training images, ``(n, 1, H, W)``; ``None`` for a recipe with fresh images.
    step
        Which batch.

    Returns
    -------
    y, noise
        Each ``(batch, 1, H, W)``, on the device of ``x``; ``y - noise`` are the clean images.
    """
    seed = recipe.seed * _STRIDE + step
    device = torch.device("cpu") if x is None else x.device
    generator = torch.Generator(device).manual_seed(seed)
    if x is None:
        picked = classes.fresh(recipe.images, recipe.batch, seed)
    else:
        picked = x[torch.randint(len(x), (recipe.batch,), generator=generator, device=device)]
    sigma = torch.rand(recipe.batch, 1, 1, 1, generator=generator, device=device)
    if recipe.noise == "quadratic":
        sigma = sigma.square()
    noise = sigma * torch.randn(picked.shape, generator=generator, device=device)
    return picked + noise, noise
