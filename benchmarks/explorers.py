"""How long an explorer takes to answer in a live notebook: its computation, its drawing and its PNG.

    python benchmarks/explorers.py                          (all chapters)
    python benchmarks/explorers.py book/01-denoising.ipynb  (one)

Each chapter is run up to its last explorer with ``effort = "quick"``; then every value of every control is
asked for, in turn, three times. Printed: median and largest of the times, in milliseconds. There is no
other way to compare with: the goal is 200 ms.
"""

from __future__ import annotations

import contextlib
import io
import itertools
import os
import statistics
import sys
import time
from pathlib import Path

import matplotlib

matplotlib.use("Agg")
import matplotlib.pyplot as plt
import nbformat

from gahr import notebook

ROOT = Path(__file__).resolve().parents[1]


def timed(found: list, draw, choices, alt, start=0, dpi=80) -> None:
    """Stands in for `gahr.notebook.explore`."""
    took = []
    for _ in range(3):
        for values in itertools.product(*choices.values()):
            began = time.perf_counter()
            draw(**dict(zip(choices, values, strict=True)))
            plt.gcf().savefig(io.BytesIO(), format="png")
            plt.close("all")
            took.append(1000 * (time.perf_counter() - began))
    found.append((" x ".join(choices), len(took), statistics.median(took), max(took)))


def explorers(chapter: Path) -> list:
    """Times of a chapter's explorers."""
    found, names = [], {"__name__": "chapter"}
    notebook.explore = lambda *args, **more: timed(found, *args, **more)
    cells = [c for c in nbformat.read(chapter, 4).cells if c.cell_type == "code"]
    used = [i for i, c in enumerate(cells) if "explore(" in c.source]
    for cell in cells[: used[-1] + 1] if used else []:
        tags = cell.metadata.get("tags", [])
        if "setup" in tags:
            continue
        source = cell.source.replace('"default"', '"quick"') if "parameters" in tags else cell.source
        with contextlib.redirect_stdout(io.StringIO()):
            exec(source, names)
        plt.close("all")
    return found


def main() -> None:
    chapters = [Path(p) for p in sys.argv[1:]] or sorted((ROOT / "book").glob("[0-9]*.ipynb"))
    print("| chapter | controls | frames | median ms | largest ms |\n|:--|:--|--:|--:|--:|")
    for chapter in map(Path.resolve, chapters):
        os.chdir(chapter.parent)
        for what, frames, middle, most in explorers(chapter):
            print(f"| {chapter.stem} | {what} | {frames} | {middle:.0f} | {most:.0f} |", flush=True)


if __name__ == "__main__":
    main()
