"""Why a network's Jacobian is not symmetric: controls for chapter 7's caution.

Networks that differ in one thing (told the noise level or not, width, steps, recipe), and ideal
denoisers of which everything is known, at the same held-out images and the same noise.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import replace
from functools import partial

import torch
from torch import Tensor, nn

from book.studies.energies import energies, least_excess, pair_share
from gahr import bases, images, measures, networks, zoo
from gahr.analysis import subspaces
from gahr.denoisers import BlindWiener, Denoiser, Wiener, add_noise
from gahr.ideal import discs
from gahr.images import synthetic
from gahr.jacobian import linearize
from gahr.training import Recipe, draw
from gahr.training._muon import Muon, split
from gahr.training.objective import RunningError

LEVELS = (0.05, 0.15, 0.3)
CUTS = (20, 50, 200)
IMAGES, DRAWS = 8, 8
DISCS, DISC_SIZE, DISC_DRAWS = 2, 12, 2
"""Few: the ideal denoiser of discs is integrated anew for every pixel of its Jacobian."""


class Told(nn.Module):
    """A bias-free UNet that is told sigma, by a second channel: ``f(c y, c sigma) = c f(y, sigma)``."""

    def __init__(self, network: networks.UNet) -> None:
        super().__init__()
        self.network = network

    def forward(self, y: Tensor, sigma: float | Tensor) -> Tensor:
        level = torch.as_tensor(sigma).to(y).view(-1, 1, 1, 1).expand_as(y)
        return y - self.network(torch.cat([y, level], 1))[:, :1]


class Untold(nn.Module):
    """The same network with one channel, trained by the same loop."""

    def __init__(self, network: networks.UNet) -> None:
        super().__init__()
        self.network = network

    def forward(self, y: Tensor, sigma: object = None) -> Tensor:
        return y - self.network(y)


def fitted(recipe: Recipe, told: bool, x: Tensor) -> Denoiser:
    """Train either by the book's recipe, in fp32: same images, same noise, same order."""
    width = int(recipe.network.removeprefix("unet"))
    network = networks.initialize(networks.UNet(width, recipe.blocks, 2 if told else 1), recipe.seed)
    f = (Told if told else Untold)(network).train()
    running = RunningError()
    kernels, others = split(network)
    optimizers = [
        torch.optim.Adam(others, lr=recipe.learning_rate, betas=(0.9, 0.99)),
        Muon(kernels, lr=recipe.muon_rate),
    ]
    for t in range(recipe.steps):
        y, noise, sigma = draw(recipe, x, t)
        errors = (f(y, sigma) - (y - noise)).square().mean((1, 2, 3))
        for optimizer in optimizers:
            optimizer.zero_grad()
        (running.weights(sigma) * errors).mean().backward()
        for optimizer in optimizers:
            for group in optimizer.param_groups:
                group["lr"] = recipe.fraction(t) * optimizer.defaults["lr"]
            optimizer.step()
        running.update(running.totals(sigma, errors.detach()))
    return f.eval().requires_grad_(False)


def asymmetries(images_name: str = "faces20", n: int = 13_000, blocks: int = 2, steps: int = 1500) -> dict:
    """The antisymmetric part of many denoisers' Jacobians, and what it is made of.

    Returns
    -------
    found
        ``rows``, one for each ``denoiser``, ``sigma`` and ``measure``, with ``mean`` and ``se`` over
        images: ``psnr`` (dB); ``ratio``, ||J - J^T|| / ||J||, of single draws and of the mean over
        draws (``ratio of mean``); ``lost``, the norm of the antisymmetric part's share of f(y) over that
        of f(y); ``greatest`` and ``least`` eigenvalue of the symmetric part, and the share of the noise's
        energy in the direction of the least (``noise in the last``); ``within k``, the ratio inside the
        leading k directions; ``left and right k``, the mean cosine of the leading k left and right
        singular vectors; ``pair``, share of the antisymmetric energy in its leading plane; ``cost``,
        the least part of the squared error that asymmetry must cause
        (`book.studies.energies.least_excess`).
    """
    train, x = images.load(images_name, n, "a"), images.load(images_name, IMAGES, "held-out")
    wiener = Wiener.fit(train)
    base = Recipe(images_name, n, "a", blocks=blocks, steps=steps)
    kinds: dict[str, Callable[[], Denoiser]] = {
        "Wiener filter, told": lambda: wiener,
        "Wiener filter, blind": lambda: BlindWiener(wiener),
        "network, told": partial(fitted, base, True, train),
        "network": partial(fitted, base, False, train),
    }
    narrow, short = replace(base, network="unet8"), replace(base, steps=steps // 5)
    kinds["network, half the width"] = partial(fitted, narrow, False, train)
    kinds["network, a fifth of the steps"] = partial(fitted, short, False, train)
    shipped = f"{images_name}-unet16-n{n}-a"
    if shipped in zoo.names():
        recipe = zoo.describe(shipped)["recipe"]
        kinds[f"network, {recipe['objective']}, {recipe['steps']:,} steps"] = partial(zoo.load, shipped)
    rows = [row for name, make in kinds.items() for row in _measured(name, make(), x)]
    exact, pictures = discs.ExactDiscs(DISC_SIZE), synthetic.discs(DISCS, DISC_SIZE, seed=3)
    for name, told in (("ideal of discs, told", True), ("ideal of discs, blind", False)):
        rows += _measured(name, exact, pictures, told, DISC_DRAWS)
    about = {"class": images_name, "n": n, "network": "unet16", "steps": steps}
    about |= {"images": IMAGES, "draws": DRAWS, "discs": DISCS, "disc draws": DISC_DRAWS}
    return about | {"rows": rows}


def _measured(name: str, f: Denoiser, x: Tensor, told: bool = True, draws: int = DRAWS) -> Iterator[dict]:
    """Rows of one denoiser at every noise level."""
    for sigma in LEVELS:
        known = sigma if told else None
        values = [_at_one(f, x[i : i + 1], sigma, known, draws, 100 * i) for i in range(len(x))]
        for measure in values[0]:
            column = torch.tensor([row[measure] for row in values], dtype=torch.float64)
            yield {
                "denoiser": name,
                "sigma": sigma,
                "measure": measure,
                "mean": column.mean().item(),
                "se": (column.std() / len(x) ** 0.5).item(),
            }


def _at_one(f: Denoiser, x: Tensor, sigma: float, known: float | None, draws: int, seed: int) -> dict:
    ys = [add_noise(x, sigma, seed=seed + m) for m in range(draws)]
    Js = [_matrix(f, y, known) for y in ys]
    found = energies(Js)
    J, y, estimate = Js[0], ys[0], f(ys[0], known)
    basis = bases.symmetric(J, shape=tuple(y.shape[1:]))
    errors = [(f(y, known) - x).square().sum().item() for y in ys]
    lost, noise = (J - J.T) @ y.flatten() / 2, (y - x).flatten()
    row = {
        "psnr": sum(measures.psnr(x, f(y, known)).item() for y in ys) / draws,
        "ratio": found.ratio,
        "ratio of mean": found.ratio_of_mean,
        "lost": (lost.norm() / estimate.norm()).item(),
        "greatest": basis.lam[0].item(),
        "least": basis.lam[-1].item(),
        "noise in the last": (basis.e[-1] @ noise / noise.norm()).square().item(),
        "pair": pair_share(J),
        "cost": least_excess(found, sigma) / (sum(errors) / draws),
    }
    cuts = [k for k in CUTS if k < len(J)]
    row |= {f"within {k}": subspaces.within(J, basis.e[:k]) for k in cuts}
    return row | {f"left and right {k}": left_and_right(J, k) for k in cuts}


def left_and_right(J: Tensor, k: int) -> float:
    """Mean cosine of left and right singular vectors, over the ``k`` largest singular values.

    With the signs that the decomposition gives the two of a pair: 1 where the leading part is symmetric
    with positive eigenvalues, -1 where they are negative.

    Examples
    --------
    >>> left_and_right(torch.diag(torch.tensor([3.0, -2.0, 1.0])), 2)
    0.0
    """
    left, _, right = torch.linalg.svd(J)
    return (left[:, :k] * right[:k].T).sum(0).mean().item()


def _matrix(f: Denoiser, y: Tensor, sigma: float | None) -> Tensor:
    """The Jacobian; of an ideal denoiser, which is not torch's, by central differences."""
    if isinstance(f, nn.Module) and not isinstance(f, discs.ExactDiscs):
        return linearize(f, y, sigma, chunk=200).matrix()
    step, d = 1e-3, y.numel()
    pixels = step * torch.eye(d).view(d, *y.shape[1:])
    return torch.cat([(f(y + e, sigma) - f(y - e, sigma)).flatten(1) / (2 * step) for e in pixels.split(1)]).T


STUDIES = {"faces20-asymmetry": asymmetries}
