"""Execute one chapter with papermill into a copy, and say how many seconds it took.

    python book/_tools/execute.py book/01-denoising.ipynb _build/default/01-denoising.ipynb --effort default

The seconds are also written beside the copy, as JSON, for the book's page about its own build.
"""

from __future__ import annotations

import argparse
import json
import logging
import os
import sys
import time
from collections.abc import Callable
from functools import partial
from pathlib import Path

import papermill
from nbclient.exceptions import CellTimeoutError, DeadKernelError

EFFORTS = ("quick", "default", "full")
BUDGET = 90
"""Seconds that a chapter may take at ``default`` on two cores."""
LIMITS = {"quick": 300, "default": 900, "full": None}
"""Seconds after which a cell counts as stuck; at ``full`` it may train for hours."""


class ChapterError(RuntimeError):
    """A chapter could not be executed to its end; the message is meant to be read."""


def execute(source: Path, target: Path, effort: str = "default", celeba: bool = False) -> float:
    """Execute ``source`` into ``target`` and return the seconds; nothing is left there on failure.

    Without ``celeba`` the reader's copy of CelebA is not seen, so that no page shows one of its pictures.
    """
    os.environ["GAHR_STILL"] = "1"  # no kernel will stand behind the page
    if not celeba:
        os.environ.pop("GAHR_CELEBA", None)
    logging.getLogger("papermill").setLevel(logging.ERROR)
    target.parent.mkdir(parents=True, exist_ok=True)
    draft = target.with_suffix(".failed.ipynb")
    started = time.perf_counter()
    try:
        papermill.execute_notebook(
            source,
            draft,
            parameters={} if effort == "default" else {"effort": effort},
            kernel_name="python3",
            language="python",
            cwd=source.parent,
            execution_timeout=LIMITS[effort],
            extra_arguments=["--IPKernelApp.log_level=ERROR"],  # the kernel talks to this machine only
            progress_bar={"desc": source.stem, "leave": False} if sys.stderr.isatty() else False,
        )
    except papermill.PapermillExecutionError as error:
        raise ChapterError(
            f"Chapter {source.stem} failed in its code cell {error.exec_count}:\n\n"
            f"{_indented(error.source)}\n\n{error.ename}: {error.evalue}\n\n"
            f"The chapter as far as it came: {draft}"
        ) from None
    except CellTimeoutError as error:
        raise ChapterError(
            f"Chapter {source.stem} did not finish: a cell ran for more than {LIMITS[effort]} s.\n\n"
            f"{error}\n\nDoes it loop for ever, or is this machine busy? "
            f"The chapter as far as it came: {draft}"
        ) from None
    except DeadKernelError as error:
        raise ChapterError(
            f"Chapter {source.stem} did not finish: {error}\nThe kernel may have run out of memory. "
            f"The chapter as far as it came: {draft}"
        ) from None
    seconds = time.perf_counter() - started
    facts = {"chapter": source.stem, "effort": effort, "seconds": round(seconds, 1)}
    target.with_suffix(".json").write_text(json.dumps(facts) + "\n", encoding="utf-8")
    draft.replace(target)
    return seconds


def _indented(text: str) -> str:
    return "\n".join(f"    {line}" for line in text.rstrip().splitlines())


def went_well(stem: str, how: str, work: Callable[[], float], otherwise: str = "") -> bool:
    """Say that a chapter is executed, do it, and say how many seconds it took, or what went wrong."""
    print(f"  {stem:<16} executing {how} ...", flush=True)
    try:
        seconds = work()
    except ChapterError as error:
        print(f"\n{error}\n{otherwise}", file=sys.stderr)
        return False
    print(f"  {stem:<16} {seconds:6.1f} s", flush=True)
    if seconds > BUDGET and how.endswith("default"):
        print(
            f"  {stem:<16} is over its budget of {BUDGET} s at default, or this machine is busy", flush=True
        )
    return True


def main(arguments: list[str] | None = None) -> int:
    """Run the command line; 0 when the chapter ran to its end."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("source", type=Path)
    parser.add_argument("target", type=Path)
    parser.add_argument("--effort", choices=EFFORTS, default="default")
    parser.add_argument("--celeba", action="store_true", help="let the chapter see GAHR_CELEBA")
    chosen = parser.parse_args(arguments)
    work = partial(execute, chosen.source, chosen.target, chosen.effort, chosen.celeba)
    return not went_well(chosen.source.stem, f"with effort={chosen.effort}", work)


if __name__ == "__main__":
    sys.exit(main())
