"""Execute chapters in place, for committing: the author's command, ``make notebooks``.

Colab, GitHub's viewer and nbval need stored outputs. They are made with default parameters and
without CelebA, whose pictures may not be redistributed; what differs from run to run is stripped.
"""

from __future__ import annotations

import os
import subprocess
import sys
from functools import partial
from pathlib import Path

import nbformat

import chapters
from execute import execute, went_well

WIDTH = ("--line-length", "84")  # what a page shows without scrolling; make test checks the same


def store(path: Path, workshop: Path) -> float:
    """Format, execute and strip one chapter; the file is replaced only once all went well."""
    workshop.mkdir(parents=True, exist_ok=True)
    draft, done = workshop / path.name, workshop / f"{path.stem}.done.ipynb"
    draft.write_bytes(path.read_bytes())
    subprocess.run([sys.executable, "-m", "ruff", "format", "--quiet", *WIDTH, str(draft)], check=True)
    seconds = execute(draft, done)
    chapters.write(chapters.strip(nbformat.read(done, as_version=4)), path)
    return seconds


def main(arguments: list[str] | None = None) -> int:
    """Store the chapters named on the command line, or all of them."""
    os.environ.pop("GAHR_CELEBA", None)
    for path in [Path(name).resolve() for name in arguments or []] or chapters.chapters():
        work = partial(store, path, chapters.ROOT / "_build" / "notebooks")
        if not went_well(path.stem, "in place", work, f"{path.name} is as it was."):
            return 1
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
