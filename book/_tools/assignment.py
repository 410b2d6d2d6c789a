"""Make the students' version of the graded assignment from its one source, which has the solution.

    python book/_tools/assignment.py _build/student

The source is a notebook as nbgrader knows it: what stands between ``### BEGIN SOLUTION`` and
``### END SOLUTION`` is the answer; what stands between the marks of hidden tests only the grader runs.
`nbgrader generate_assignment` makes the same of it; students need neither it nor this file.
"""

from __future__ import annotations

import copy
import re
import sys
from pathlib import Path

import nbformat

import chapters

SOURCE = chapters.BOOK / "teaching" / "assignment.ipynb"
CODE, TEXT = "# YOUR CODE HERE\n{0}raise NotImplementedError()", "YOUR ANSWER HERE"
SOLUTION = re.compile(r"(?ms)^([ \t]*)### BEGIN SOLUTION\n.*?^[ \t]*### END SOLUTION")
HIDDEN = re.compile(r"(?ms)^[ \t]*### BEGIN HIDDEN TESTS\n.*?^[ \t]*### END HIDDEN TESTS\n?")


def released(source: nbformat.NotebookNode) -> nbformat.NotebookNode:
    """Copy of the source without solutions, hidden tests and outputs."""
    notebook = copy.deepcopy(source)
    for cell in notebook.cells:
        empty = CODE if cell.cell_type == "code" else TEXT
        cell.source = SOLUTION.sub(lambda found, empty=empty: found[1] + empty.format(found[1]), cell.source)
        cell.source = HIDDEN.sub("", cell.source).rstrip()
        if cell.cell_type == "code":
            cell.outputs, cell.execution_count = [], None
    return notebook


def write(folder: Path) -> Path:
    """Write the students' version into a folder and return its path."""
    target = folder / SOURCE.name
    chapters.write(released(nbformat.read(SOURCE, as_version=4)), target)
    return target


def main(arguments: list[str]) -> int:
    """Run the command line."""
    if len(arguments) != 1:
        print(__doc__, file=sys.stderr)
        return 2
    folder = Path(arguments[0])
    folder.mkdir(parents=True, exist_ok=True)
    print(f"The students' assignment is {write(folder)}.")
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
