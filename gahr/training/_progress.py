"""What is seen of runs on their way: a bar of one, a table of many.

On a terminal both refresh; elsewhere a sweep prints a line for each change, and one run prints nothing.
"""

from __future__ import annotations

import contextlib
from collections.abc import Callable, Iterator
from typing import TYPE_CHECKING, TextIO

if TYPE_CHECKING:
    from rich.table import Table
    from tqdm import tqdm

    from gahr.training.recipes import Recipe

__all__ = ["bar", "beside", "shown", "table"]

_COLUMNS = ("run", "state", "step", "held-out PSNR (dB)", "images/s", "seconds")


def bar(recipe: Recipe, step: int, shown: bool) -> tqdm:
    """A bar with steps, images/s and time left; silent unless wanted and on a terminal."""
    from tqdm import tqdm

    return tqdm(
        total=recipe.steps,
        initial=step,
        desc=recipe.name,
        unit="img",
        unit_scale=recipe.batch,
        disable=None if shown else True,
    )


def beside(bar: tqdm, row: dict) -> None:
    """Put the loss and the held-out PSNR at sigma = 0.1 beside the bar."""
    said = {"loss": f"{row['loss']:.4f}"}
    if "held_out" in row:
        said["held-out"] = f"{row['held_out'][2]:.1f} dB"
    bar.set_postfix(said, refresh=False)


def table(rows: list[tuple[str, ...]]) -> Table:
    """Rows of name, state, step, PSNR, speed and time as a table for a terminal."""
    from rich.table import Table

    made = Table()
    for heading in _COLUMNS:
        made.add_column(heading, justify="left" if heading in _COLUMNS[:2] else "right")
    for row in rows:
        made.add_row(*row)
    return made


@contextlib.contextmanager
def shown(stream: TextIO) -> Iterator[Callable[[list[tuple[str, ...]]], None]]:
    """Give a function that shows rows, again and again; a terminal needs rich."""
    if not stream.isatty():
        yield _Lines(stream)
        return
    try:
        from rich.console import Console
        from rich.live import Live
    except ImportError:
        raise ModuleNotFoundError('a sweep needs rich: pip install "gahr[train]"') from None
    with Live(console=Console(file=stream), auto_refresh=False, vertical_overflow="visible") as live:
        yield lambda rows: live.update(table(rows), refresh=True)


class _Lines:
    """Print a run when its state is another than before."""

    def __init__(self, stream: TextIO) -> None:
        self.stream, self.known = stream, {}

    def __call__(self, rows: list[tuple[str, ...]]) -> None:
        for name, state, step, psnr, rate, seconds in rows:
            if self.known.get(name, "waiting") != state:
                self.known[name] = state
                parts = [f"step {step}", psnr and f"held-out PSNR {psnr} dB", rate and f"{rate} images/s"]
                parts += [seconds and f"{seconds} s"]
                print(f"{name}: {state}, {', '.join(filter(None, parts))}", file=self.stream, flush=True)
