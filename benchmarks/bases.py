"""The basis of a denoiser: the reference way against ours.

The reference is the way of the authors' released code: one backward pass for each pixel, then a full
decomposition. Both run alternately in this process, on the same network and image. Run it with
nothing else on the machine: ``python benchmarks/bases.py`` for all parts, or name some of them.
``--quick`` tries the script out on tiny images: its ratios mean nothing.

``whole``
    The whole Jacobian at 40x40 of a shipped face network (16 channels): one backward pass for each
    pixel, batched backward passes (`gahr.jacobian.jacobian`), and frozen gates
    (`gahr.jacobian.linearize`, its time included).
``leading``
    The leading 50 singular triplets at 80x80 (`gahr.bases.singular`), with the shipped network and
    with the paper's architecture: 64 channels, 7.66 M parameters. Random weights would have another
    spectrum, and how long ours takes depends on it. So the wide network is the shipped one with every
    channel four times and the weights that read it divided by four: the same function, the same
    Jacobian, and all the work of 64 channels. The network was trained at 40x40.
    Of the reference's 6,400 backward passes only ``--passes`` are timed and the rest extrapolated;
    the full decomposition is timed once. The first costs of both ways (a pass to warm up) are not timed.
``twenty``
    The leading 20 eigenvectors of the symmetric part at 40x40 (`gahr.bases.at`): against the whole
    Jacobian by ``torch.func.jacrev`` and its full decomposition, and against scipy's ``eigsh`` on the
    products that ours is made of.
``gpu``
    The whole Jacobian at 80x80 of the wide network on a GPU; left out where there is none.
"""

from __future__ import annotations

import argparse
import statistics
import time
from collections.abc import Callable

import numpy as np
import scipy.sparse.linalg
import torch
from torch import Tensor

from gahr import bases, denoisers, images, networks, zoo
from gahr.jacobian import jacobian, linearize

NETWORK, SIGMA, LEADING, TIMES = "faces40-unet16-n13000-a", 0.15, 50, 4


def backward_passes(f: denoisers.Denoiser, y: Tensor, pixels: Tensor | None = None) -> Tensor:
    """The reference: one backward pass for each pixel, or for some of them."""
    y = y.clone().requires_grad_(True)
    flat = f(y).flatten()
    chosen = flat if pixels is None else flat[pixels]
    return torch.stack([torch.autograd.grad(value, y, retain_graph=True)[0].flatten() for value in chosen])


def seconds(way: Callable) -> tuple[float, object]:
    """Time a call until its result is there, on a GPU too."""
    if torch.cuda.is_available():
        torch.cuda.synchronize()
    began = time.perf_counter()
    result = way()
    if torch.cuda.is_available():
        torch.cuda.synchronize()
    return time.perf_counter() - began, result


def alternately(ways: dict[str, Callable], rounds: int) -> tuple[dict[str, float], dict[str, object]]:
    """Medians of the seconds of each way, all of them printed, and what each returned last."""
    times: dict[str, list[float]] = {name: [] for name in ways}
    found = {}
    for _ in range(rounds):
        for name, way in ways.items():
            spent, found[name] = seconds(way)
            times[name].append(spent)
            print(f"  {name:36} {spent:8.2f} s", flush=True)
    return {name: statistics.median(values) for name, values in times.items()}, found


def widened(f: denoisers.Blind, times: int) -> denoisers.Blind:
    """The same denoiser with ``times`` as many channels: each repeated, what reads it divided."""
    small = f.network
    large = networks.UNet(small.channels * times, small.blocks, small.image_channels)
    state = large.state_dict()
    for name, value in small.state_dict().items():
        copies = [wide // narrow for wide, narrow in zip(state[name].shape[:2], value.shape[:2], strict=True)]
        value = value.repeat_interleave(copies[0], 0).repeat_interleave(copies[1], 1)
        if name.endswith("weight"):  # (out, in) of a convolution, (in, out) of a transposed one
            value = value / copies[0 if name.startswith("upsample") else 1]
        state[name] = value
    return denoisers.Blind(networks.from_state_dict(state)).requires_grad_(False)


def whole(side: int, rounds: int) -> None:
    """Whole Jacobian of the shipped network."""
    f, y = zoo.load(NETWORK), denoisers.add_noise(images.portrait(side), SIGMA)
    print(f"Whole Jacobian at {side}x{side}, {NETWORK}")
    ways = {
        "one backward pass for each pixel": lambda: backward_passes(f, y),
        "batched backward passes (ours)": lambda: jacobian(f, y),
        "frozen gates (ours)": lambda: linearize(f, y).matrix(),
    }
    for way in (lambda: backward_passes(f, y, torch.arange(2)), lambda: linearize(f, y)):
        way()
    compare(*alternately(ways, rounds))


def compare(medians: dict[str, float], found: dict[str, Tensor]) -> None:
    """Print what the first way takes against the others, and how far their matrices are apart."""
    (first, reference), *ours = medians.items()
    for name, median in ours:
        apart = (found[name] - found[first]).abs().max().item()
        print(
            f"{name}: median {median:.2f} s against {reference:.2f} s, {reference / median:.1f} times; "
            f"matrices apart by {apart:.0e} at most"
        )


def leading(side: int, k: int, passes: int, rounds: int, times: int) -> None:
    """Leading triplets, of the shipped network and of the same with ``times`` the channels."""
    narrow, y = zoo.load(NETWORK), denoisers.add_noise(images.portrait(side), SIGMA)
    wide, d = widened(narrow, times), y.numel()
    apart = (wide(y) - narrow(y)).abs().max().item()
    spent, J = seconds(lambda: linearize(narrow, y).matrix())
    print(f"Leading {k} at {side}x{side}. Whole Jacobian of {NETWORK} by frozen gates: {spent:.2f} s")
    decomposition, full = seconds(lambda: torch.linalg.svd(J)[1])
    print(f"its full singular value decomposition: {decomposition:.2f} s")
    pixels = torch.linspace(0, d - 1, passes).round().long()
    for f in (narrow, wide):
        count = networks.count_parameters(f.network)
        print(f"{f.network.channels} channels, {count:,} parameters; {passes} of {d:,} passes are timed")
        ways = {
            "forward pass of the reference": lambda f=f: f(y.clone().requires_grad_(True)),
            f"{passes} backward passes": lambda f=f: backward_passes(f, y, pixels),
            f"leading {k} (ours)": lambda f=f: bases.singular(linearize(f, y), k),
        }
        backward_passes(f, y, pixels[:2])
        bases.singular(linearize(f, y), 1, tol=1e-2)
        medians, found = alternately(ways, rounds)
        forward, some, ours = medians.values()
        reference = forward + (some - forward) * d / passes
        result = found[f"leading {k} (ours)"]
        off = (result.lam / full[:k] - 1).abs().max().item()
        print(
            f"ours: median {ours:.1f} s, {result.passes} directions. Reference: {reference:.0f} s of "
            f"passes (extrapolated from {passes / d:.1%} of them) and {decomposition:.0f} s of "
            f"decomposition: {(reference + decomposition) / ours:.1f} times; "
            f"without the decomposition {reference / ours:.1f} times\n"
            f"singular values off by {off:.0e} at most (relative), residuals at most "
            f"{result.residual.max().item():.0e} of the largest"
        )
    print(f"outputs of the two networks apart by {apart:.0e} at most")


def twenty(side: int, k: int, rounds: int) -> None:
    """Leading eigenvectors at one picture."""
    f, y = zoo.load(NETWORK), denoisers.add_noise(images.portrait(side), SIGMA)

    def by_scipy() -> Tensor:
        J = linearize(f, y)

        def product(v: np.ndarray) -> np.ndarray:
            row = torch.from_numpy(v.ravel()).float()[None]
            return ((J.jvp(row) + J.vjp(row)) / 2)[0].double().numpy()

        operator = scipy.sparse.linalg.LinearOperator((y.numel(),) * 2, product, dtype=float)
        return torch.from_numpy(scipy.sparse.linalg.eigsh(operator, k, which="LA", tol=1e-3)[0]).flip(0)

    def by_jacrev() -> Tensor:
        J = torch.func.jacrev(f)(y).view(y.numel(), -1)
        return torch.linalg.eigh((J + J.T) / 2)[0].flip(0)[:k]

    print(f"Leading {k} eigenvectors at {side}x{side}, {NETWORK}")
    ways = {
        "jacrev and a full decomposition": by_jacrev,
        "scipy's eigsh on our products": by_scipy,
        f"leading {k} (ours)": lambda: bases.at(f, y, k, tol=1e-3).lam,
    }
    ways[f"leading {k} (ours)"]()
    medians, found = alternately(ways, rounds)
    (*others, (_, ours)) = medians.items()
    reference = found["jacrev and a full decomposition"]
    off = (found[f"leading {k} (ours)"] / reference - 1).abs().max().item()
    for name, median in others:
        print(f"ours: median {ours:.2f} s against {median:.2f} s ({name}), {median / ours:.1f} times")
    print(f"eigenvalues off by {off:.0e} at most (relative)")


def gpu(side: int, rounds: int, times: int) -> None:
    """Whole Jacobian of the wide network on a GPU."""
    if not torch.cuda.is_available():
        print("Whole Jacobian on a GPU: left out, there is none")
        return
    f = widened(zoo.load(NETWORK), times).cuda()
    y = denoisers.add_noise(images.portrait(side), SIGMA).cuda()
    print(f"Whole Jacobian at {side}x{side}, {f.network.channels} channels, {torch.cuda.get_device_name()}")
    ways = {
        "one backward pass for each pixel": lambda: backward_passes(f, y),
        "frozen gates (ours)": lambda: linearize(f, y, chunk=256).matrix(),
    }
    backward_passes(f, y, torch.arange(2))
    linearize(f, y, chunk=256).jvp(torch.randn(256, y.numel(), device=y.device))
    compare(*alternately(ways, rounds))


def main() -> None:
    """Run the parts that were asked for."""
    options = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    options.add_argument("parts", nargs="*", help="whole, leading, twenty, gpu; all if none is named")
    options.add_argument("--rounds", type=int, default=3)
    options.add_argument("--passes", type=int, default=64, help="backward passes timed for the reference")
    options.add_argument("--quick", action="store_true", help="tiny images: only to try it out")
    chosen = options.parse_args()
    known = ["whole", "leading", "twenty", "gpu"]
    parts = chosen.parts or known
    if unknown := set(parts) - set(known):
        options.error(f"unknown part {', '.join(sorted(unknown))}; known are {', '.join(known)}")
    small, large = (16, 16) if chosen.quick else (40, 80)
    rounds, passes = (1, 4) if chosen.quick else (chosen.rounds, chosen.passes)
    k, times = (5, 2) if chosen.quick else (LEADING, TIMES)
    if not (rounds >= 1 and 2 <= passes <= large**2):
        options.error(f"needs at least 1 round and from 2 to {large**2} passes")
    print(f"torch {torch.__version__}, {torch.get_num_threads()} threads")
    for part in parts:
        if part == "whole":
            whole(small, rounds)
        elif part == "leading":
            leading(large, k, passes, rounds, times)
        elif part == "twenty":
            twenty(small, 5 if chosen.quick else 20, rounds)
        else:
            gpu(large, rounds, times)


if __name__ == "__main__":
    main()
