"""What a sweep shows: a table that refreshes on a terminal, and elsewhere a line for each change."""

from __future__ import annotations

import contextlib
from collections.abc import Callable, Iterator
from typing import TYPE_CHECKING, TextIO

if TYPE_CHECKING:
    from rich.table import Table

__all__ = ["shown", "table"]

_COLUMNS = ("run", "state", "step", "held-out PSNR (dB)", "images/s", "seconds")


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
    """Give a function that shows rows, again and again.

    Raises
    ------
    ModuleNotFoundError
        If this is a terminal and rich is not installed.
    """
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
