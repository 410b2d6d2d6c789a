"""What the recipe is worth: held-out PSNR after equal steps, and how much sooner it gets there.

Every way is trained by `gahr.training.train` from the same initial weights, with batches of 64 but where
it says otherwise:

- the authors' recipe (squared error, sigma = U^2, Adam, fp32, not compiled), and the same with sigma
  uniform in [0, 1], as their paper may be read;
- the book's first recipe (squared error, sigma uniform, Adam, bf16 throughout);
- the first with one change: mixed noise levels, the objective ``"psnr"``, Muon; with the first two of
  them; and with all three and its last tenth of the steps in fp32, which is the default;
- the default with one thing changed: batches of half or twice as many images, in twice or half the steps;
  both rates doubled or halved; a constant rate with a fall at the end; averaged weights;
- the default in a sixteenth, an eighth, a quarter and half of the steps, its schedule fitted to each.

Printed are PSNR on held-out images at seven noise levels and its mean over log sigma from 0.01 to 1
(trapezoids), with standard errors over seeds, and the goals with verdicts. A difference is taken seed
by seed. Seconds are the median step times the number of steps, of the last tenth apart: compiling (which
a change of precision does a second time) and looks at PSNR are not in them, and are printed beside them.
Run it with nothing else on the machine.

Finished trainings are kept in ``runs/benchmark-quality.json``; the same command goes on where it was
interrupted. Remove the file after a change to the package that changes speed or quality.
"""

from __future__ import annotations

import argparse
import dataclasses
import itertools
import json
import math
import os
import statistics
import time
from pathlib import Path

import torch
from torch import Tensor
from torch.optim.optimizer import register_optimizer_step_post_hook

from gahr import images, measures
from gahr.training import AUTHORS, SQUARED_ERROR, Recipe, train

RESULTS = Path("runs/benchmark-quality.json")
SIGMAS = (0.01, 0.02, 0.05, 0.1, 0.2, 0.5, 1.0)
BLOCKS = {"faces10": 1, "faces20": 2}
"""Classes whose networks have fewer than three blocks."""
NOISE, OBJECTIVE, MUON = {"noise": "mixed"}, {"objective": "psnr"}, {"optimizer": "muon"}
WAYS = {
    "authors": AUTHORS,
    "authors, uniform noise": AUTHORS | {"noise": "uniform"},
    "first": SQUARED_ERROR,
    "first + mixed noise": SQUARED_ERROR | NOISE,
    "first + objective": SQUARED_ERROR | OBJECTIVE,
    "first + Muon": SQUARED_ERROR | MUON,
    "first + noise, objective": SQUARED_ERROR | NOISE | OBJECTIVE,
    "default": {},
    "batches of 32": {"batch": 32},
    "batches of 128": {"batch": 128},
    "rates doubled": {"learning_rate": 8e-3, "muon_rate": 0.04},
    "rates halved": {"learning_rate": 2e-3, "muon_rate": 0.01},
    "constant rate": {"schedule": "constant"},
    "averaged weights": {"ema": 0.99},
}
VARIATIONS = list(WAYS)[list(WAYS).index("default") + 1 :]
"""Of the default; what is kept must be better than it at equal seconds."""
SHORTER = (16, 8, 4, 2)
"""The default is also trained in the steps divided by these."""


def mean_over_levels(psnr: list[float]) -> float:
    """Mean over log sigma, from the least level to the largest."""
    place = torch.tensor(SIGMAS, dtype=torch.float64).log()
    return (torch.trapezoid(torch.tensor(psnr, dtype=torch.float64), place) / (place[-1] - place[0])).item()


class Clock:
    """When each step of a training ended: every recipe has one Adam."""

    def __enter__(self) -> Clock:
        self.ends: list[float] = []
        self.hook = register_optimizer_step_post_hook(self.note)
        return self

    def __exit__(self, *_: object) -> None:
        self.hook.remove()

    def note(self, optimizer: torch.optim.Optimizer, *_: object) -> None:
        if isinstance(optimizer, torch.optim.Adam):
            if torch.cuda.is_available():
                torch.cuda.synchronize()
            self.ends.append(time.perf_counter())

    def seconds(self, recipe: Recipe) -> float:
        """The median step of each precision, times how many there are."""
        each = [end - begin for begin, end in itertools.pairwise(self.ends)]  # of all steps but the first
        parts = (each[: recipe.last_tenth - 1], each[recipe.last_tenth - 1 :])
        counts = (recipe.last_tenth, recipe.steps - recipe.last_tenth)
        return sum(n * statistics.median(part) for n, part in zip(counts, parts, strict=True) if part)


def train_once(recipe: Recipe, x: Tensor, held_out: Tensor, compiled: bool | None) -> dict:
    """Train, and measure the finished network."""
    with Clock() as clock:
        f, facts = train(recipe, x, held_out, compiled=compiled, progress=True)
    seconds = clock.seconds(recipe)
    psnr = measures.psnr_curve(f, held_out, SIGMAS)["psnr"]
    beside = facts["history"][-1]["seconds"] - seconds
    return {"psnr": [*psnr, mean_over_levels(psnr)], "seconds": seconds, "beside": max(0.0, beside)}


class Results:
    """Finished trainings, in a file: each is found again by all that decides it."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self.rows = json.loads(path.read_text(encoding="utf-8")) if path.exists() else []

    def find(self, key: dict) -> dict | None:
        return next((row for row in self.rows if key.items() <= row.items()), None)

    def add(self, row: dict) -> dict:
        self.rows.append(row)
        self.path.parent.mkdir(parents=True, exist_ok=True)
        beside = self.path.with_suffix(".new")
        beside.write_text(json.dumps(self.rows, indent=1), encoding="utf-8")
        beside.replace(self.path)  # whole or not at all
        return row


def measure(chosen: argparse.Namespace) -> dict[str, list[dict]]:
    """Train what is not yet in the results; return the trainings of every way, one for each seed."""
    x = images.load(chosen.images, chosen.n, "a")
    held_out = images.load(chosen.images, chosen.held_out, "held-out")
    device = (
        torch.cuda.get_device_name() if torch.cuda.is_available() else f"{torch.get_num_threads()} threads"
    )
    about = {"machine": f"{device}, torch {torch.__version__}", "held_out": chosen.held_out}
    print(f"{chosen.images}, N = {chosen.n}, {chosen.steps} steps, {about['machine']}", flush=True)
    ways = {name: (chosen.steps, WAYS[name]) for name in WAYS if name in chosen.ways}
    if "authors" in ways or "authors, uniform noise" in ways:
        ways |= {f"default, 1/{part}": (max(1, chosen.steps // part), {}) for part in SHORTER}
    results, table = Results(RESULTS), {name: [] for name in ways}
    for seed in range(chosen.seeds):
        for name, (steps, options) in ways.items():
            steps = max(1, steps * Recipe.batch // options.get("batch", Recipe.batch))  # as many images
            settings = {"network": chosen.network, "blocks": chosen.blocks, "steps": steps, "seed": seed}
            recipe = Recipe(chosen.images, chosen.n, "a", **settings, **options)
            eager = name.startswith("authors")
            key = about | {"recipe": dataclasses.asdict(recipe), "eager": eager}
            row = results.find(key) or results.add(
                key | train_once(recipe, x, held_out, compiled=False if eager else None)
            )
            table[name].append(row)
            print(
                f"seed {seed}, {name:25} {steps:6} steps: mean {row['psnr'][-1]:.3f} dB in "
                f"{row['seconds']:.1f} s, and {row['beside']:.1f} s to compile and look",
                flush=True,
            )
    return table


def estimate(values: list[float]) -> tuple[float, float]:
    """Mean over seeds and its standard error: NaN for one seed."""
    error = statistics.stdev(values) / math.sqrt(len(values)) if len(values) > 1 else math.nan
    return statistics.mean(values), error


def column(rows: list[dict], k: int) -> list[float]:
    """PSNR of each seed at one level; the last column is the mean over levels."""
    return [row["psnr"][k] for row in rows]


def differences(rows: list[dict], less: list[dict]) -> list[tuple[float, float]]:
    """Of two ways, seed by seed: mean and standard error at each level, and last of the mean over levels."""
    columns = ((column(rows, k), column(less, k)) for k in range(len(SIGMAS) + 1))
    return [estimate([a - b for a, b in zip(*pair, strict=True)]) for pair in columns]


def show(table: dict[str, list[dict]]) -> None:
    """Print PSNR of every way: mean and standard error over seeds."""
    headings = [*(f"{sigma:g}" for sigma in SIGMAS), "mean"]
    print(f"\nheld-out PSNR (dB) at sigma\n{'':25}" + "".join(f"{heading:>14}" for heading in headings))
    for name, rows in table.items():
        cells = (estimate(column(rows, k)) for k in range(len(headings)))
        print(f"{name:25}" + "".join(f"{f'{mean:.2f} +- {error:.2f}':>14}" for mean, error in cells))


def verdict(claim: str, holds: bool) -> None:
    """Print one goal."""
    print(f"{claim}: {'holds' if holds else 'FAILS'}")


def judge_quality(table: dict[str, list[dict]]) -> None:
    """Two goals: nowhere below the first recipe by more than the error bar; 6 dB above it at 0.02."""
    print("\ndefault less first recipe, after equal steps")
    gaps = differences(table["default"], table["first"])
    for label, (gap, error) in zip([*(f"{sigma:g}" for sigma in SIGMAS), "mean"], gaps, strict=True):
        print(f"  {label:>5}: {gap:+.2f} +- {error:.2f} dB")
    if any(math.isnan(error) for _, error in gaps):
        print("one seed has no error bar: differences are compared with zero")
    low = [gap + (0.0 if math.isnan(error) else error) for gap, error in gaps[:-1]]
    verdict("nowhere below the first recipe by more than the error bar", min(low) >= 0)
    gap = gaps[SIGMAS.index(0.02)][0]
    verdict(f"at least 6 dB above the first recipe at 0.02 ({gap:+.2f} dB)", gap >= 6)


def judge_variations(table: dict[str, list[dict]]) -> None:
    """Whether a variation dominates the default.

    It does if its mean is higher by more than two error bars and 0.1 dB, if it is nowhere lower by more
    than two error bars, and if it takes no more than a tenth longer.
    """
    print("\nvariations less default, after as many images")
    for name in [name for name in VARIATIONS if name in table]:
        gaps = differences(table[name], table["default"])
        longer = sum(row["seconds"] for row in table[name]) / sum(r["seconds"] for r in table["default"])
        said = " ".join(f"{gap:+.2f}" for gap, _ in gaps[:-1])
        mean, error = gaps[-1]
        print(f"  {name:18} {mean:+.3f} +- {error:.3f} dB; at each sigma {said}; {longer:.2f} of the time")
        better = mean > max(0.1, 2 * error) and all(gap > -2 * bar for gap, bar in gaps[:-1])
        verdict(f"  {name} dominates the default", better and longer <= 1.1)


def judge_speed(table: dict[str, list[dict]], way: str) -> None:
    """One goal: the default reaches the mean PSNR at which a loop ends ten times sooner."""
    goal = statistics.mean(column(table[way], -1))
    slow = statistics.mean(row["seconds"] for row in table[way])
    steps = table[way][0]["recipe"]["steps"]
    print(f"\nto the {goal:.3f} dB at which the loop ends ({way}: {steps} steps, {slow:.1f} s)")
    reached = None
    for name in [*(f"default, 1/{part}" for part in SHORTER), "default"]:
        rows, mine = table[name], table[name][0]["recipe"]["steps"]
        psnr = statistics.mean(column(rows, -1))
        seconds, beside = (statistics.mean(row[key] for row in rows) for key in ("seconds", "beside"))
        sooner = slow / seconds
        print(
            f"  {name:14} {mine:6} steps: {psnr:.3f} dB in {seconds:.1f} s, {sooner:.1f} times sooner "
            f"({slow / (seconds + beside):.1f} with compiling), in {steps / mine:.1f} times fewer steps: "
            + ("reached" if psnr >= goal else "not reached")
        )
        if reached is None and psnr >= goal:
            reached = (mine, seconds)
    if reached is None:
        verdict(f"ten times sooner than {way} (never reached)", False)
        return
    mine, seconds = reached
    claim = (
        f"ten times sooner than {way} (after {mine} steps and {seconds:.1f} s: {slow / seconds:.1f} times)"
    )
    verdict(claim, slow / seconds >= 10)


def main() -> None:
    """Train, print, judge."""
    faces = bool(os.environ.get("GAHR_CELEBA"))
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument(
        "--images", default="faces20" if faces else "fashion32", help="faces20 where GAHR_CELEBA is set"
    )
    parser.add_argument("--n", type=int, help="training images (13,000 faces, or 14,000)")
    parser.add_argument("--network", default="unet16")
    parser.add_argument("--blocks", type=int, help="1 for faces10, 2 for faces20, else 3")
    parser.add_argument("--steps", type=int, default=6000, help="of all ways but the shorter ones")
    parser.add_argument("--ways", nargs="+", choices=WAYS, default=list(WAYS), help="all, unless named")
    parser.add_argument("--seeds", type=int, default=3)
    parser.add_argument("--held-out", type=int, default=1000, help="images")
    chosen = parser.parse_args()
    if min(chosen.steps, chosen.seeds, chosen.held_out) < 1:
        parser.error("steps, seeds and held-out images must be at least 1")
    chosen.n = chosen.n or (13_000 if chosen.images.startswith("faces") else 14_000)
    chosen.blocks = chosen.blocks or BLOCKS.get(chosen.images, 3)
    table = measure(chosen)
    show(table)
    if {"default", "first"} <= table.keys():
        judge_quality(table)
    if "default" in table:
        judge_variations(table)
    for way in ("authors", "authors, uniform noise"):
        if {"default", way} <= table.keys():
            judge_speed(table, way)


if __name__ == "__main__":
    main()
