"""Minutes that a chapter takes to read and to compute, for the pages about teaching.

Reading is what `prose.py` estimates from words and figures. Computing is what `execute.py` measured when the
book was made, or else what the chapter itself says at its top.
"""

from __future__ import annotations

import json
import re
from pathlib import Path

import chapters
import prose
from chapters import Chapter

MARK = re.compile(r"<!-- minutes -->.*?<!-- /minutes -->", re.DOTALL)


def computing(chapter: Chapter, executed: Path | None = None) -> str:
    """What a chapter takes to compute."""
    facts = executed / f"{chapter.path.stem}.json" if executed else None
    if facts and facts.exists():
        return f"{json.loads(facts.read_text(encoding='utf-8'))['seconds']:.0f} seconds"
    said = re.search(
        r"(?m)^\*\*Run it:\*\*.*· (?:about |under )?((?:\d+|an?) \w+)", chapter.cells[0]["source"]
    )
    return said[1] if said else "?"


def table(executed: Path | None = None) -> str:
    """Markdown table with a row for each chapter."""
    rows = ["| chapter | to read | to compute |", "|:--|--:|--:|"]
    for path in chapters.chapters():
        chapter = Chapter.read(path)
        title = chapter.cells[0]["source"].partition("\n")[0].removeprefix("# ")
        link = f"[{title}](../{path.name})"
        rows.append(f"| {link} | {prose.minutes(chapter)} minutes | {computing(chapter, executed)} |")
    return "\n".join(rows)


def filled(page: str, executed: Path | None = None) -> str:
    """The page with the table where it is marked."""
    return MARK.sub(lambda _: table(executed), page)
