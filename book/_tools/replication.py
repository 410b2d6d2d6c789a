"""Write the replication table into its page, from what is stored with the book.

    python book/_tools/replication.py

A test fails when the page is out of step.
"""

from __future__ import annotations

import re
import sys

import chapters
from book.claims import table as replication
from gahr import _files

PAGE = chapters.BOOK / "replication.md"
MARK = re.compile(r"<!-- rows -->.*?<!-- /rows -->", re.DOTALL)


def in_step(text: str) -> str:
    """The page with today's rows."""
    table = replication.markdown()
    return MARK.sub(lambda _: f"<!-- rows -->\n{table}\n<!-- /rows -->", text)


def main() -> int:
    """Rewrite the page."""
    text = in_step(PAGE.read_text(encoding="utf-8"))
    _files.write_atomically(PAGE, lambda temporary: temporary.write_text(text, encoding="utf-8"))
    return 0


if __name__ == "__main__":
    sys.exit(main())
