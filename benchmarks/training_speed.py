"""Training steps per second: the loop of the authors' code against ours.

Both take steps alternately in this process, from the same weights and on the same batches, drawing
included. Printed are images per second, their ratio, the fraction of the machine's matrix-product
peak that each reaches, and what each spends its time on. Run it with nothing else on the machine.

The reference: fp32, eager, contiguous tensors, Adam, squared error of the predicted noise summed over
pixels and averaged over the batch. Ours: the defaults of `gahr.training.recipes.Recipe`, compiled; its
last tenth of the steps, in fp32, is not among the steps timed. The network is the package's in both
loops; only the loops differ.
"""

from __future__ import annotations

import argparse
import copy
import os
import re
import statistics
import time
from collections.abc import Callable
from typing import NamedTuple

import torch
from torch import Tensor, nn
from torch.profiler import ProfilerActivity, profile, record_function
from torch.utils.benchmark import Timer
from torch.utils.flop_counter import FlopCounterMode

from gahr import images, networks
from gahr.training import loop
from gahr.training._engine import Engine
from gahr.training.recipes import Recipe, build, draw

GPU = torch.cuda.is_available()
PRECISIONS = {"bf16": torch.bfloat16, "fp32": torch.float32}


class Case(NamedTuple):
    """What the speed is measured on; ``batch`` and ``steps`` (of a round) are for a CPU and a GPU."""

    network: str
    size: int
    batch: tuple[int, int]
    steps: tuple[int, int]


CASES = {
    "unet16-32": Case("unet16", 32, (64, 64), (40, 200)),
    "unet16-40": Case("unet16", 40, (64, 64), (30, 200)),
    "unet64-80": Case("unet64", 80, (16, 256), (3, 20)),
}


class Loop:
    """A way to take steps, one after the other: called, it draws a batch and takes the next."""

    def __init__(self, recipe: Recipe, x: Tensor, network: nn.Module) -> None:
        self.recipe, self.taken = recipe, 0
        self.device = torch.device("cuda" if GPU else "cpu")
        self.x, self.network = x.to(self.device), network.to(self.device).train()

    def __call__(self) -> None:
        with record_function("drawing"):
            batch = draw(self.recipe, self.x, self.taken)
        self.step(batch)
        self.taken += 1


class Reference(Loop):
    """A step as the authors' code takes it."""

    precision = "fp32"

    def __init__(self, recipe: Recipe, x: Tensor, network: nn.Module) -> None:
        super().__init__(recipe, x, network)
        self.optimizer = torch.optim.Adam(self.network.parameters(), lr=1e-3)

    def step(self, batch: tuple[Tensor, Tensor, Tensor]) -> None:
        y, noise, _ = batch
        self.optimizer.zero_grad()
        loss = (self.network(y) - noise).square().sum() / len(y)
        loss.backward()
        self.optimizer.step()


class Ours(Loop):
    """A step of `gahr.training`."""

    def __init__(self, recipe: Recipe, x: Tensor, network: nn.Module) -> None:
        super().__init__(recipe, x, network)
        self.engine = Engine(recipe, self.network, compiled=None, log=None)
        self.precision = "bf16" if self.engine.half else "fp32"

    def step(self, batch: tuple[Tensor, Tensor, Tensor]) -> None:
        loop.step(self.engine, self.recipe, batch, self.taken)


def seconds_of(do: Callable[[], object], times: int = 1) -> float:
    """Seconds of one call, the mean of several after two to warm up; a GPU is waited for."""
    return Timer("do()", globals={"do": do}, num_threads=torch.get_num_threads()).timeit(times).mean


def operations(network: nn.Module, size: int) -> int:
    """Floating-point operations of one image, forward and backward."""
    y = torch.zeros(1, 1, size, size)
    with FlopCounterMode(display=False) as counter:
        copy.deepcopy(network)(y).sum().backward()
    return counter.get_total_flops()


def peak(dtype: torch.dtype) -> float:
    """Operations per second of a large matrix product; on a GPU, fp32 convolutions are TF32: so is this."""
    side = 8192 if GPU else 2048
    a, b = (torch.randn(side, side, device="cuda" if GPU else "cpu").to(dtype) for _ in range(2))
    before = torch.backends.cuda.matmul.allow_tf32
    torch.backends.cuda.matmul.allow_tf32 = torch.backends.cudnn.allow_tf32
    fastest = min(seconds_of(lambda: torch.matmul(a, b)) for _ in range(5))
    torch.backends.cuda.matmul.allow_tf32 = before
    return 2 * side**3 / fastest


def kind(event: torch.autograd.profiler_util.FunctionEvent | None) -> str:
    """What an operation of the profile belongs to, by its own name or that of one it was called from."""
    while event is not None:
        if event.name.startswith("Optimizer."):
            return "optimizer"
        if event.name == "drawing":
            return "drawing"
        if re.search(r"conv(olution|_transpose|\dd)", event.name, re.IGNORECASE):
            return "convolutions"
        event = event.cpu_parent
    return "normalisation, ReLU and other"


def shares(way: Loop, steps: int) -> tuple[dict[str, float], float]:
    """Share of wall time by kind of operation, and seconds of a step, in a profile of a few steps."""
    with profile(activities=[ProfilerActivity.CPU] + [ProfilerActivity.CUDA] * GPU) as record:
        began = time.perf_counter()
        for _ in range(steps):
            way()
        if GPU:
            torch.cuda.synchronize()
        seconds = time.perf_counter() - began
    found: dict[str, float] = {}
    for event in record.events():
        if event.device_type == torch.autograd.DeviceType.CPU:
            own = event.self_device_time_total if GPU else event.self_cpu_time_total
            found[kind(event)] = found.get(kind(event), 0.0) + own / 1e6 / seconds
    return found | {"Python and waiting": 1 - sum(found.values())}, seconds / steps


def measure(name: str, rounds: int, steps: int | None) -> None:
    """One case: images per second of both loops, and where they go."""
    case = CASES[name]
    batch, steps = case.batch[GPU], steps or case.steps[GPU]
    recipe = Recipe(f"discs{case.size}", 256, "a", case.network, batch=batch)
    x = images.load(recipe.images, recipe.n, recipe.half)
    fresh = networks.initialize(build(recipe.network, recipe.blocks), recipe.seed)
    work = operations(fresh, case.size)
    print(
        f"\n{name}: {case.network}, {recipe.blocks} blocks, {case.size}x{case.size}, batches of {batch}; "
        f"{work / 1e9:.3f} GFLOP an image, forward and backward; rounds of {steps} steps",
        flush=True,
    )
    ways: dict[str, Loop] = {}
    for way, make in (("reference", Reference), ("ours", Ours)):
        began = time.perf_counter()
        ways[way] = make(recipe, x, copy.deepcopy(fresh))
        ways[way]()
        print(f"first step, {way}: {time.perf_counter() - began:.1f} s, with what it compiles")
    speeds: dict[str, list[float]] = {way: [] for way in ways}
    peaks = dict.fromkeys(PRECISIONS, 0.0)
    for k in range(rounds):
        for way, take in ways.items():
            speeds[way].append(batch / seconds_of(take, steps))
        peaks = {precision: max(best, peak(PRECISIONS[precision])) for precision, best in peaks.items()}
        row = ", ".join(f"{way} {values[-1]:.1f}" for way, values in speeds.items())
        print(f"round {k + 1}: {row} images/s", flush=True)
    medians = {way: statistics.median(values) for way, values in speeds.items()}
    print(
        f"medians: reference {medians['reference']:.1f}, ours {medians['ours']:.1f} images/s: "
        f"{medians['ours'] / medians['reference']:.2f} times"
    )
    print("matrix-product peak: " + ", ".join(f"{p} {v / 1e9:.0f} GFLOP/s" for p, v in peaks.items()))
    for way, take in ways.items():
        explain(way, take, work, medians[way], peaks[take.precision], min(steps, 10))


def explain(way: str, take: Loop, work: int, speed: float, peak: float, steps: int) -> None:
    """Print what part of the machine's peak a loop reaches, and where its time goes."""
    split, seconds = shares(take, steps)
    inside = work * take.recipe.batch / seconds / max(split.get("convolutions", 0.0), 1e-9) / peak
    parts = sorted(split.items(), key=lambda part: -part[1])
    print(
        f"{way} ({take.precision}): {work * speed / 1e9:.0f} GFLOP/s, {work * speed / peak:.0%} of the peak; "
        f"{inside:.0%} inside the convolutions\n"
        f"  bound by {parts[0][0]}; time: {', '.join(f'{part} {share:.0%}' for part, share in parts)}",
        flush=True,
    )


def main() -> None:
    """Measure the chosen cases."""
    os.environ.setdefault("KINETO_LOG_LEVEL", "99")  # else the profiler talks on stderr
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--steps", type=int, help="of a round; to try it out")
    parser.add_argument("--cases", nargs="+", choices=CASES, default=list(CASES))
    chosen = parser.parse_args()
    if chosen.rounds < 1 or (chosen.steps is not None and chosen.steps < 1):
        parser.error("rounds and steps must be at least 1")
    for name in chosen.cases:
        measure(name, chosen.rounds, chosen.steps)


if __name__ == "__main__":
    main()
