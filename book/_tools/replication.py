"""Write the replication table into its page, and its counts into the landing page, from what is stored.

    python book/_tools/replication.py

A test fails when a page is out of step.
"""

from __future__ import annotations

import re
import sys

import chapters
from book.claims import layout
from gahr import _files

PAGES = chapters.BOOK / "replication.md", chapters.BOOK / "intro.md"
MARK = re.compile(r"<!-- (summary|rows|counts|changed) -->.*?<!-- /\1 -->", re.DOTALL)


def in_step(text: str) -> str:
    """A page with today's rows."""
    parts = {"summary": layout.summary, "rows": layout.every, "counts": layout.counts}
    parts["changed"] = layout.changed
    return MARK.sub(lambda found: f"<!-- {found[1]} -->\n{parts[found[1]]()}\n<!-- /{found[1]} -->", text)


def main() -> int:
    """Rewrite the pages."""
    for page in PAGES:
        text = in_step(page.read_text(encoding="utf-8"))
        _files.write_text(page, text)
    return 0


if __name__ == "__main__":
    sys.exit(main())
