"""Start a chapter from the template.

python book/_tools/new.py book/15-textures.ipynb "Textures"
"""

from __future__ import annotations

import sys
from pathlib import Path

import nbformat
from nbformat import v4

import chapters

CHECK = 'print("the chapter\'s key numbers, as verdicts")'


def blank(stem: str, title: str) -> nbformat.NotebookNode:
    """Notebook with the template's sections and a sentence in each on what belongs there."""
    colab, download = chapters.links(stem)
    exercise = "What to do.\n\n<details>\n<summary>Solution</summary>\n\nThe answer, and why.\n\n</details>"
    return v4.new_notebook(
        cells=[
            v4.new_markdown_cell(
                f"# {title}\n\n**Run it:** [open in Colab]({colab}) · [download]({download}) · "
                "under 90 seconds on a laptop CPU\n\nWhat the chapter is about, in two sentences."
            ),
            v4.new_markdown_cell("## You will be able to\n\n- derive\n- compute\n- judge"),
            v4.new_markdown_cell("## Before you start\n\nLinks to what the reader should know."),
            v4.new_code_cell(chapters.setup_source(), metadata={"tags": ["setup", "hide-cell"]}),
            v4.new_code_cell('effort = "default"', metadata={"tags": ["parameters"]}),
            v4.new_markdown_cell("## Predict\n\nA question to answer before reading on."),
            v4.new_markdown_cell("## First step\n\nClaim."),
            v4.new_code_cell("import gahr"),
            v4.new_markdown_cell("## Second step\n\nClaim."),
            v4.new_markdown_cell("## Third step\n\nClaim."),
            v4.new_markdown_cell("## What would change our mind\n\nLimits and honest doubts."),
            v4.new_markdown_cell(
                "## Exercises\n\n"
                + "\n\n".join(
                    f"### Exercise {n}: {level}\n\n{exercise}"
                    for n, level in enumerate(("recall", "compute", "explore"), 1)
                )
            ),
            v4.new_markdown_cell("## Takeaways\n\n- derived\n- computed\n- judged"),
            v4.new_markdown_cell("## Check\n\nThe chapter's key numbers, as verdicts."),
            v4.new_code_cell(CHECK, metadata={"tags": ["nbval-check-output"]}),
            v4.new_markdown_cell("## References\n\n- The paper: {cite:t}`kadkhodaie2024`."),
        ]
    )


def main(arguments: list[str]) -> int:
    """Write a new chapter; refuse to overwrite one."""
    if len(arguments) != 2:
        print(__doc__, file=sys.stderr)
        return 2
    path = Path(arguments[0])
    if path.exists():
        print(f"{path} exists already.", file=sys.stderr)
        return 1
    chapters.write(chapters.strip(blank(path.stem, arguments[1])), path)
    print(f"Wrote {path}. Add it to _toc.yml, fill it, then: make notebooks CHAPTERS={path}")
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
