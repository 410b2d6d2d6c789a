"""Training: the loop of the authors' code against ours, in speed and in quality.

Run it with nothing else on the machine.

``python benchmarks/training.py speed`` takes steps of both loops alternately in this process, from
the same weights and on the same batches, and prints images per second, their ratio, the fraction of
the machine's matrix-product peak that each reaches, and what each spends its time on.

``python benchmarks/training.py quality`` trains both and compares held-out PSNR, after equal steps
and at equal seconds. Finished trainings are kept in ``runs/benchmark-training.json``; the same
command goes on where it was interrupted. Seconds are those of drawing batches and taking steps:
neither measuring PSNR nor compiling is in them. Compiling is printed beside them.

The baseline, fixed before anything was measured: fp32, eager, contiguous tensors, Adam at 1e-3 halved
after every tenth of the steps, batches of 64, sigma uniform in [0, 1], squared error of the predicted
noise summed over pixels and averaged over the batch. The authors halve the rate every 100 of 1,000
epochs. The network is the package's in both loops; only the loops differ. Ours: the defaults of
`gahr.recipes.Recipe`. Both are measured as they stand after the last step, in fp32, with the running
spreads. Remove the results file after a change to the package that changes speed or quality.
"""

from __future__ import annotations

import argparse
import copy
import dataclasses
import functools
import itertools
import json
import os
import re
import statistics
import time
from collections.abc import Callable
from pathlib import Path
from typing import NamedTuple

import torch
from torch import Tensor, nn
from torch.profiler import ProfilerActivity, profile, record_function

from gahr import _engine, _files, classes, measures, networks, training
from gahr.denoisers import Blind
from gahr.recipes import Recipe, build, draw

GPU = torch.cuda.is_available()
RESULTS = Path("runs/benchmark-training.json")
IMAGES = {32: ("fashion32", 14_000), 40: ("faces40", 13_000)}
SHORTER = (1 / 6, 1 / 4, 1 / 3, 1 / 2)
"""Fractions of the baseline's steps at which ours is trained, its schedule fitted to each."""
MARKS = 20
"""Held-out PSNR is recorded this many times in a training."""


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


class Plain:
    """The reference: a step as the authors' code takes it."""

    def __init__(self, recipe: Recipe, network: nn.Module) -> None:
        self.device = torch.device("cuda" if GPU else "cpu")
        self.network = network.to(self.device)
        self.optimizer = torch.optim.Adam(network.parameters())

    def step(self, y: Tensor, noise: Tensor, rate: float) -> Tensor:
        self.optimizer.param_groups[0]["lr"] = rate
        self.optimizer.zero_grad()
        loss = (self.network(y.to(self.device)) - noise.to(self.device)).square().sum() / len(y)
        loss.backward()
        self.optimizer.step()
        return loss.detach()


def ours(recipe: Recipe, network: nn.Module) -> _engine.Engine:
    return _engine.Engine(recipe, network, compiled=None, log=None)


def halving(recipe: Recipe, step: int) -> float:
    """The baseline's learning rate."""
    return 1e-3 * 0.5 ** (10 * step // recipe.steps)


def now() -> float:
    if GPU:
        torch.cuda.synchronize()
    return time.perf_counter()


def seconds_of(do: Callable[[], object]) -> float:
    began = now()
    do()
    return now() - began


# --- speed


def multiply_adds(network: nn.Module, size: int) -> int:
    """Multiply-adds of the convolutions for one image, forward (zeros at the border counted)."""
    total = 0

    def count(module: nn.Module, inputs: tuple[Tensor], output: Tensor) -> None:
        nonlocal total
        across = isinstance(module, nn.ConvTranspose2d)
        pixels = (inputs[0] if across else output)[0, 0].numel()
        total += pixels * module.weight.numel()

    network = copy.deepcopy(network)
    for module in network.modules():
        if isinstance(module, (nn.Conv2d, nn.ConvTranspose2d)):
            module.register_forward_hook(count)
    with torch.no_grad():
        network.eval()(torch.zeros(1, 1, size, size))
    return total


def peak(dtype: torch.dtype) -> float:
    """Operations per second of a large matrix product; on a GPU, fp32 convolutions are TF32: so is this."""
    side = 8192 if GPU else 2048
    device = "cuda" if GPU else "cpu"
    a, b = (torch.randn(side, side, device=device).to(dtype) for _ in range(2))
    before = torch.backends.cuda.matmul.allow_tf32
    torch.backends.cuda.matmul.allow_tf32 = torch.backends.cudnn.allow_tf32
    torch.matmul(a, b)
    fastest = min(seconds_of(lambda: torch.matmul(a, b)) for _ in range(5))
    torch.backends.cuda.matmul.allow_tf32 = before
    return 2 * side**3 / fastest


def kind(event: object) -> str:
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


def shares(take: Callable[[int], None], steps: int) -> tuple[dict[str, float], float]:
    """Share of wall time by kind of operation, and seconds of a step, in a profile of a few steps."""
    activities = [ProfilerActivity.CPU] + [ProfilerActivity.CUDA] * GPU
    with profile(activities=activities) as record:
        seconds = seconds_of(lambda: take(steps))
    found: dict[str, float] = {}
    for event in record.events():
        if event.device_type == torch.autograd.DeviceType.CPU:
            own = event.self_device_time_total if GPU else event.self_cpu_time_total
            found[kind(event)] = found.get(kind(event), 0.0) + own / 1e6 / seconds
    return found | {"Python and waiting": 1 - sum(found.values())}, seconds / steps


def measure_speed(name: str, rounds: int, steps: int | None) -> None:
    """One case: images per second of both loops, and where they go."""
    case = CASES[name]
    batch, steps = case.batch[GPU], steps or case.steps[GPU]
    recipe = Recipe(f"discs{case.size}", 256, "a", case.network, batch=batch)
    x = classes.load(recipe.images, recipe.n, recipe.half)
    fresh = networks.initialize(build(recipe.network, recipe.blocks), recipe.seed)
    work = 3 * 2 * multiply_adds(fresh, case.size)  # the backward pass is two more
    loops = {"plain": Plain(recipe, copy.deepcopy(fresh)), "ours": ours(recipe, copy.deepcopy(fresh))}
    half = loops["ours"].about["bf16"]
    x = x.to(loops["plain"].device)
    taken = dict.fromkeys(loops, 0)

    def take(way: str, count: int) -> None:
        for step in range(taken[way], taken[way] + count):
            with record_function("drawing"):
                y, noise = draw(recipe, x, step)
            loops[way].step(y, noise, recipe.rate(step))
        taken[way] += count

    print(
        f"\n{name}: {case.network}, {recipe.blocks} blocks, {case.size}x{case.size}, batches of {batch}; "
        f"{work / 6e9:.3f} G multiply-adds an image, forward; rounds of {steps} steps",
        flush=True,
    )
    first = {way: seconds_of(functools.partial(take, way, 2)) for way in loops}
    print(f"first 2 steps: plain {first['plain']:.1f} s, ours {first['ours']:.1f} s, with compiling")
    speeds: dict[str, list[float]] = {way: [] for way in loops}
    peaks = {"bf16": 0.0, "fp32": 0.0}
    for k in range(rounds):
        for way in loops:
            speeds[way].append(steps * batch / seconds_of(functools.partial(take, way, steps)))
        for precision, dtype in (("bf16", torch.bfloat16), ("fp32", torch.float32)):
            peaks[precision] = max(peaks[precision], peak(dtype))
        row = ", ".join(f"{way} {values[-1]:.1f}" for way, values in speeds.items())
        print(f"round {k + 1}: {row} images/s", flush=True)
    medians = {way: statistics.median(values) for way, values in speeds.items()}
    print(
        f"medians: plain {medians['plain']:.1f}, ours {medians['ours']:.1f} images/s: "
        f"{medians['ours'] / medians['plain']:.2f} times"
    )
    print("matrix-product peak: " + ", ".join(f"{p} {v / 1e9:.0f} GFLOP/s" for p, v in peaks.items()))
    for way, median in medians.items():
        precision = "bf16" if way == "ours" and half else "fp32"
        split, seconds = shares(functools.partial(take, way), min(steps, 10))
        inside = work * batch / seconds / max(split.get("convolutions", 0.0), 1e-9) / peaks[precision]
        parts = sorted(split.items(), key=lambda part: -part[1])
        reached = f"{work * median / 1e9:.0f} GFLOP/s, {work * median / peaks[precision]:.0%} of the peak"
        print(
            f"{way} ({precision}): {reached}; {inside:.0%} inside the convolutions\n"
            f"  bound by {parts[0][0]}; time: {', '.join(f'{part} {share:.0%}' for part, share in parts)}",
            flush=True,
        )


# --- quality


def held_out_psnr(network: nn.Module, held_out: Tensor) -> float:
    """Mean over images and over the five noise levels recorded in training, in dB."""
    network.eval()
    levels = measures.psnr_curve(Blind(network), held_out, training.GLANCE_SIGMAS)["psnr"]
    network.train()
    return statistics.mean(levels)


def train_once(plain: bool, recipe: Recipe, x: Tensor, held_out: Tensor) -> dict:
    """One training: seconds, held-out PSNR on all images at its end and on a fifth on the way."""
    network = networks.initialize(build(recipe.network, recipe.blocks), recipe.seed)
    loop = (Plain if plain else ours)(recipe, network)
    x, held_out = x.to(loop.device), held_out.to(loop.device)

    def take(steps: range) -> None:
        for step in steps:
            rate = halving(recipe, step) if plain else recipe.rate(step)
            loop.step(*draw(recipe, x, step), rate)

    network.train()
    first = seconds_of(lambda: take(range(1)))  # compiles
    marks = sorted({1} | {max(2, round(k * recipe.steps / MARKS)) for k in range(1, MARKS + 1)})
    spent, curve = 0.0, []
    for begin, end in itertools.pairwise(marks):
        spent += seconds_of(functools.partial(take, range(begin, end)))
        curve.append([end, spent, held_out_psnr(network, held_out[: -(-len(held_out) // 5)])])
    usual = spent / (recipe.steps - 1)
    return {
        "seconds": spent + usual,
        "compiling": max(first - usual, 0.0),
        "psnr": held_out_psnr(network, held_out),
        "curve": curve,
    }


def ways(steps: int) -> dict[str, dict]:
    """What is trained, in this order for every seed: changes to the default recipe."""
    full = {"baseline": {"steps": steps}, "ours": {"steps": steps}}
    full["ours in fp32"] = {"steps": steps, "precision": "fp32"}
    return full | {f"ours, {part:.3f}": {"steps": max(2, round(part * steps))} for part in SHORTER}


def measure_quality(seeds: int, steps: int, size: int, images: int) -> None:
    """Train what is not yet in the results, then print all of them."""
    name, n = IMAGES[size]
    x, held_out = classes.load(name, n, "a"), classes.load(name, images, "held-out")
    device = torch.cuda.get_device_name() if GPU else f"cpu, {torch.get_num_threads()} threads"
    about = {
        "machine": f"{device}, torch {torch.__version__}",
        "class": name,
        "of": steps,
        "held_out": images,
    }
    rows = json.loads(RESULTS.read_text(encoding="utf-8")) if RESULTS.exists() else []
    table: dict[str, list[dict]] = {way: [] for way in ways(steps)}
    print(f"{name}, n = {n}, {about['machine']}; PSNR on {images} held-out images", flush=True)
    for seed in range(seeds):
        for way, changes in ways(steps).items():
            recipe = Recipe(name, n, "a", seed=seed, **changes)
            key = about | {"way": way, "recipe": dataclasses.asdict(recipe)}
            row = next((row for row in rows if key.items() <= row.items()), None)
            if row is None:
                row = key | {"commit": _files.commit()} | train_once(way == "baseline", recipe, x, held_out)
                rows.append(row)
                text = json.dumps(rows, indent=1)
                _files.write_atomically(RESULTS, functools.partial(Path.write_text, data=text))
            table[way].append(row)
            print(
                f"seed {seed}, {way:12} {recipe.steps:5} steps: {row['psnr']:.3f} dB "
                f"in {row['seconds']:.1f} s, and {row['compiling']:.1f} s to compile",
                flush=True,
            )
    compare(table)


def mean(values: list[float]) -> str:
    """Mean and standard error over seeds."""
    error = statistics.stdev(values) / len(values) ** 0.5 if len(values) > 1 else float("nan")
    return f"{statistics.mean(values):.3f} +- {error:.3f}"


def compare(table: dict[str, list[dict]]) -> None:
    """Print the two comparisons: after equal steps, and seconds to the baseline's last PSNR."""

    def column(way: str, what: str) -> list[float]:
        return [row[what] for row in table[way]]

    gaps = [a - b for a, b in zip(column("ours", "psnr"), column("ours in fp32", "psnr"), strict=True)]
    verdict = "within" if abs(statistics.mean(gaps)) <= 0.1 else "NOT within"
    each = ", ".join(f"{gap:+.3f}" for gap in gaps)
    print(f"\nequal steps, ours less the same in fp32: {mean(gaps)} dB (seeds: {each}): {verdict} 0.1 dB")
    ahead = [a - b for a, b in zip(column("ours", "psnr"), column("baseline", "psnr"), strict=True)]
    print(f"equal steps, ours less the baseline: {mean(ahead)} dB")
    candidates = [way for way in table if way not in ("baseline", "ours in fp32")]
    candidates.sort(key=lambda way: table[way][0]["recipe"]["steps"])
    goal, slow = statistics.mean(column("baseline", "psnr")), statistics.mean(column("baseline", "seconds"))
    print(f"\nseconds to the baseline's last held-out PSNR, {goal:.3f} dB (means over seeds), {slow:.1f} s:")
    reached = None
    for way in candidates:
        psnr, seconds, compiling = (
            statistics.mean(column(way, what)) for what in ("psnr", "seconds", "compiling")
        )
        print(
            f"  {way:14} {table[way][0]['recipe']['steps']:6} steps: {psnr:.3f} dB in {seconds:.1f} s, "
            f"{slow / seconds:.2f} times faster ({slow / (seconds + compiling):.2f} with compiling): "
            + ("reached" if psnr >= goal else "not reached")
        )
        reached = reached or (way if psnr >= goal else None)
    if reached is None:
        print("none of ours reaches it")
    else:
        pairs = zip(column("baseline", "seconds"), column(reached, "seconds"), strict=True)
        print(f"shortest that reaches it: {reached}, {mean([a / b for a, b in pairs])} times (goal: 4)")
    near = []
    for row in table["baseline"]:
        last = row["curve"][-1][2]
        near.append(next(spent for _, spent, psnr in row["curve"] if psnr >= last - 0.1))
    print(f"the baseline itself comes within 0.1 dB of its end after {statistics.mean(near):.1f} s")


def main() -> None:
    """Choose the command."""
    os.environ.setdefault("KINETO_LOG_LEVEL", "99")  # else the profiler talks on stderr
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    commands = parser.add_subparsers(dest="command", required=True)
    speed = commands.add_parser("speed", help="images per second, ours and the reference")
    speed.add_argument("--rounds", type=int, default=5)
    speed.add_argument("--steps", type=int, help="of a round; to try it out")
    speed.add_argument("--cases", nargs="+", choices=CASES, default=list(CASES))
    quality = commands.add_parser("quality", help="held-out PSNR, ours and the reference")
    quality.add_argument("--seeds", type=int, default=3)
    quality.add_argument("--steps", type=int, default=1500, help="of the baseline")
    quality.add_argument("--size", type=int, choices=IMAGES, default=32)
    quality.add_argument("--images", type=int, default=1000, help="held out")
    chosen = parser.parse_args()
    if chosen.steps is not None and chosen.steps < 2:
        parser.error(f"--steps must be at least 2; got {chosen.steps}")
    if chosen.command == "speed":
        for name in chosen.cases:
            measure_speed(name, chosen.rounds, chosen.steps)
    else:
        measure_quality(chosen.seeds, chosen.steps, chosen.size, chosen.images)


if __name__ == "__main__":
    main()
