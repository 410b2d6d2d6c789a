"""Check that rendered chapters show every sentence and picture that their cells display.

    python book/_tools/check_pages.py _build/check

The renderer drops some outputs without a warning; a reader would miss them and nobody would know.
"""

from __future__ import annotations

import html
import re
import sys
from collections.abc import Iterator
from pathlib import Path

import nbformat

import chapters


def words(text: str) -> str:
    """Letters and digits of a text, without Markdown, mathematics or tags: what must be on the page."""
    text = re.sub(r"\$[^$]*\$|\[([^]]*)\]\([^)]*\)", lambda found: found[1] or " ", text)
    return re.sub(r"[^A-Za-z0-9]+", "", html.unescape(re.sub(r"</?[a-zA-Z][^>]*>", " ", text)))


def missing(notebook: nbformat.NotebookNode, page: str) -> Iterator[str]:
    """Displayed sentences that the page lacks, then what is wrong with its number of pictures."""
    page_words = words(re.sub(r"<span class=\"math[^>]*>.*?</span>", " ", page, flags=re.DOTALL))
    outputs = [output for cell in notebook.cells for output in cell.get("outputs", [])]
    for output in outputs:
        for line in output.get("data", {}).get("text/markdown", "").splitlines():
            if words(line) not in page_words:
                yield line
    drawn = sum("image/png" in output.get("data", {}) for output in outputs)
    shown = len(re.findall(r"<img [^>]*_images/", page))
    if shown < drawn:
        yield f"{drawn - shown} of {drawn} pictures"


def main(built: str) -> int:
    """Print what is missing on the pages of a build; return the exit status."""
    lost = [
        f"{path.stem}: the page lacks {what}"
        for path in chapters.chapters()
        for what in missing(
            nbformat.read(Path(built, "source", "book", path.name), as_version=4),
            Path(built, "_build", "html", "book", f"{path.stem}.html").read_text("utf-8"),
        )
    ]
    print("\n".join(lost) or "every sentence and picture is on its page")
    return 1 if lost else 0


if __name__ == "__main__":
    sys.exit(main(*sys.argv[1:]))
