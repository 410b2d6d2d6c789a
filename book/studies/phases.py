"""The phase diagram of chapter 5: how many images, how often each was seen, and what came of it.

For each N one long run at a constant rate, of each half and of a twin (A's images, B's seed), with a
short decay from a checkpoint at every reading: ``python -m book.studies.phases FOLDER`` trains what
``FOLDER`` lacks. ``GAHR_RUNS=FOLDER python -m book.studies fashion16-phases`` measures.
"""

from __future__ import annotations

import json
import os
import sys
from collections.abc import Iterator
from dataclasses import replace
from itertools import zip_longest
from pathlib import Path

from torch import Tensor

from gahr import images, measures, zoo
from gahr.analysis import transition
from gahr.denoisers import Denoiser
from gahr.training import Recipe, run
from gahr.training._checkpoint import BRANCH

IMAGES, NETWORK = "fashion16", "unet16"
READINGS = (250, 500, 1000, 2000, 4000, 8000, 16_000, 32_000, 64_000, 128_000, 200_000, 320_000)
"""Steps, of 64 images, after which a run is read."""
LAST = {100: 4000, 300: 16_000, 1000: 32_000, 3000: 128_000, 10_000: 320_000}
"""For each N the last reading: 2,560, 3,413, 2,048, 2,731 and 2,048 looks at each image."""
RUNS = {"a": ("a", 0), "b": ("b", 1), "twin": ("a", 1)}
"""Half and seed of the three runs; the twin has A's images, B's initial weights, batches and noise."""


def chain(n: int, who: str) -> list[Recipe]:
    """The runs of one N, each of which goes on where the decay of the one before began.

    Examples
    --------
    >>> [recipe.name for recipe in chain(100, "twin")][:2]
    ['fashion16-unet16-n100-a-twin-250', 'fashion16-unet16-n100-a-twin-500']
    """
    half, seed = RUNS[who]
    first = Recipe(IMAGES, n, half, network=NETWORK, schedule="constant", seed=seed)
    tag = "twin-" if who == "twin" else ""
    return [replace(first, steps=t, tag=f"{tag}{t}") for t in READINGS if t <= LAST[n]]


def train(folder: str | Path, **options: object) -> Iterator[Path]:
    """Train what a folder of runs lacks, all N to one reading before the next.

    Options are those of `gahr.training.run`.
    """
    folder = Path(folder)
    chains = [chain(n, who) for n in LAST for who in RUNS]
    for column in zip_longest(*chains):
        for recipes, recipe in zip(chains, column, strict=True):
            if recipe is not None:
                at = recipes.index(recipe)
                before = folder / recipes[at - 1].name / BRANCH if at else None
                yield run(recipe, folder, start=before, **options)


def phases(folder: str | Path | None = None) -> dict:
    """Gap and model variance at every N and every reading whose two halves are at hand.

    What is stored of a reading stays, unless the runs that it was measured on are at hand again; a twin
    and its A, trained later, add what they say to it.

    Returns
    -------
    found
        ``rows``, one for each N and reading: ``n``, ``steps``, ``looks`` at each training image; ``gap``
        averaged over sigma (dB, mean of A and B) with ``gap_se``; and at each of ``sigma`` the ``gaps``,
        the held-out ``psnr``, the model variance between A and B (``halves``) and, where it is at hand,
        between A and the twin (``twin``), with standard errors over images, and the mean squared error
        (``mse``), per pixel.

    Notes
    -----
    The variance of two halves less that of twins is what the data alone cause. Source of the question:
    Bonnaire et al. (2025), who find that the time to memorize grows in proportion to N.
    """
    folder = Path(folder or os.environ.get("GAHR_RUNS") or "runs")
    x = images.load(IMAGES, 500, "held-out")
    rows, name = [], f"{IMAGES}-phases"
    stored = zoo.result(name)["rows"] if name in zoo.names("result") else []
    known = {(row["n"], row["steps"]): row for row in stored}
    for n in LAST:
        for three in zip(*(chain(n, who) for who in RUNS), strict=True):
            facts = {who: folder / r.name / "facts.json" for who, r in zip(RUNS, three, strict=True)}
            facts = {who: path for who, path in facts.items() if path.exists()}
            f = {who: zoo.load_run(path.parent.name, folder) for who, path in facts.items()}
            before = known.get((n, three[0].steps), {})
            if {"a", "b"} <= f.keys() and ("twin" in f or "twin" not in before):
                curves = [json.loads(facts[who].read_text(encoding="utf-8")) for who in "ab"]
                rows.append(_row(three[0], f, curves, x))
            elif before:
                rows.append(before | (_twin(f, x) if {"a", "twin"} <= f.keys() else {}))
    return {
        "images": len(x),
        "network": NETWORK,
        "class": IMAGES,
        "sigma": list(measures.SIGMAS),
        "rows": rows,
    }


def _row(recipe: Recipe, f: dict[str, Denoiser], facts: list[dict], x: Tensor) -> dict:
    gaps = [transition.gap(one).db for one in facts]
    means = [transition.mean_gap(one) for one in facts]
    psnr = [one["curves"]["held_out"]["psnr"] for one in facts]
    row = {"n": recipe.n, "steps": recipe.steps, "looks": recipe.steps * recipe.batch / recipe.n}
    row |= {
        "gap": sum(mean for mean, _ in means) / 2,
        "gap_se": sum(se**2 for _, se in means) ** 0.5 / 2,
        "gaps": [sum(pair) / 2 for pair in zip(*gaps, strict=True)],
        "psnr": [sum(pair) / 2 for pair in zip(*psnr, strict=True)],
    }
    found = _compare(f["a"], f["b"], x)
    row |= {"halves": [one["variance"] for one in found], "halves_se": [one["se"] for one in found]}
    row["mse"] = [one["mse"] for one in found]
    return row | (_twin(f, x) if "twin" in f else {})


def _twin(f: dict[str, Denoiser], x: Tensor) -> dict:
    found = _compare(f["a"], f["twin"], x)
    return {"twin": [one["variance"] for one in found], "twin_se": [one["se"] for one in found]}


def _compare(f: Denoiser, g: Denoiser, x: Tensor) -> list[dict]:
    """Two networks on the same noisy images, at each sigma."""
    return [measures.compare(f, g, x, s, seed=1000 * k) for k, s in enumerate(measures.SIGMAS)]


STUDIES = {f"{IMAGES}-phases": phases}

if __name__ == "__main__":
    for path in train(sys.argv[1]):
        print(path.stem, flush=True)
