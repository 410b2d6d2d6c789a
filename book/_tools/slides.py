"""Make the slides of the three sessions from the plan in ``book/teaching/course.md`` and the chapters.

    python book/_tools/slides.py _build/html/slides --chapters _build/default

Nothing is typed for a slide: each row of a session's table gives its *Predict* section, its figures at full
size, its board, its exercise and its lab, in this order, and what you say becomes the speaker's notes. The
slides are shown by reveal.js from the book's ``_static`` folder; without it they read as one long page.
"""

from __future__ import annotations

import argparse
import base64
import html
import re
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

from markdown_it import MarkdownIt
from mdit_py_plugins.dollarmath import dollarmath_plugin

import chapters
import sets
from chapters import Chapter

PLAN = chapters.BOOK / "teaching" / "course.md"

PAGE = """\
<!doctype html>
<html lang="en"><head><meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<title>{title}</title>
<link rel="stylesheet" href="../_static/reveal/reveal.css">
<link rel="stylesheet" href="../_static/katex/katex.min.css">
<link rel="stylesheet" href="../_static/slides.css">
</head><body><div class="reveal"><div class="slides">
{slides}
</div></div>
<script src="../_static/katex.min.js"></script>
<script src="../_static/auto-render.min.js"></script>
<script src="../_static/reveal/reveal.js"></script>
<script src="../_static/reveal/plugin/notes/notes.js"></script>
<script src="../_static/slides.js"></script>
</body></html>
"""


class Row(NamedTuple):
    """A row of a plan: minutes, what happens, what is on the screen and on the board, in Markdown."""

    minutes: str
    what: str
    screen: str
    board: str


class Figure(NamedTuple):
    """A chapter's figure: its section, its picture if the chapter was executed, caption and description."""

    section: str
    png: bytes | None
    caption: str
    alt: str


# ------------------------------------------------------------------------------------------------
# What the slides are made of


def sessions(plan: str) -> dict[str, list[Row]]:
    """Rows of each session's table, by its heading."""
    pieces = re.split(r"(?m)^### (Session .*)$", plan.partition("(boards)=")[0])
    return {
        title: [Row(*cells) for cells in re.findall(r"(?m)^\| (\d+) \| (.*?) \| (.*?) \| ?(.*?) ?\|$", text)]
        for title, text in zip(pieces[1::2], pieces[2::2], strict=True)
    }


def boards(plan: str) -> dict[str, str]:
    """The boards, by number: title and text."""
    return dict(re.findall(r"(?ms)^\*\*Board (\d+), (.*?)(?=^\*\*Board|^\(seminar\)=)", plan))


def figures(executed: Path | None = None) -> dict[str, Figure]:
    """All figures of the book, by name."""
    found = {}
    for path in chapters.chapters():
        for section in Chapter.read((executed or chapters.BOOK) / path.name).sections:
            for cell in section.code:
                about = cell["metadata"].get("mystnb", {})
                png = [o["data"]["image/png"] for o in cell["outputs"] if "image/png" in o.get("data", {})]
                if "figure" in about:
                    caption, alt = about["figure"]["caption"], about.get("image", {}).get("alt", "")
                    picture = base64.b64decode(png[0]) if png else None
                    found[about["figure"]["name"]] = Figure(section.title, picture, caption, alt)
    return found


def exercise(chapter: Chapter, number: str) -> str:
    """Statement of an exercise, without its solution."""
    text = sets.SOLUTION.sub("\n", chapter.section("Exercises").text)
    found = re.search(rf"(?ms)^### (Exercise {number}\b.*?)(?=^### |\Z)", text)
    if not found:
        raise ValueError(f"{chapter.path.name} has no exercise {number}.")
    return f"## {found[1]}"


# ------------------------------------------------------------------------------------------------
# HTML


def _formula(content: str, options: dict) -> str:
    left, right = (r"\[", r"\]") if options["display_mode"] else (r"\(", r"\)")
    return f"{left}{html.escape(content)}{right}"


MARKDOWN = MarkdownIt("commonmark", {"html": True}).use(dollarmath_plugin, renderer=_formula)


def rendered(text: str) -> str:
    """Markdown as HTML, without the roles that only the book can follow."""
    text = re.sub(r"\{numref\}`[\w-]+`", "the figure", text)
    text = re.sub(r" ?\{cite:?\w*\}`[^`]+`", "", text)
    text = re.sub(r"\]\(\.\./([\w-]+)\.ipynb", r"](../book/\1.html", text)
    text = text.replace('href="../lab.html', 'href="../book/lab.html')
    return MARKDOWN.render(re.sub(r"\]\(([\w-]+)\.ipynb", r"](../book/\1.html", text))


def board(text: str) -> str:
    """A board as Markdown: its title, then each sentence or formula on a line of its own."""
    title, _, rest = text.replace("\n", " ").partition(".** ")
    return f"## {title[0].upper()}{title[1:]}\n\n" + re.sub(r"(?<=[.;]) (?=[A-Z$(])", "\n\n", rest)


def slide(body: str, notes: str = "", kind: str = "text") -> str:
    """One slide."""
    said = f'<aside class="notes">{rendered(notes)}</aside>' if notes else ""
    return f'<section class="{kind}">{body}{said}</section>'


def of_row(row: Row, drawn: dict[str, Figure], written: dict[str, str], folder: Path) -> Iterator[str]:
    """The slides of a row; pictures are written into the folder."""
    notes, made = f"**{row.minutes} minutes.** {row.what}", []
    named = dict.fromkeys(re.findall(r"\]\(\.\./([\w-]+\.ipynb)#predict\)", row.what))
    for name in named:
        text = Chapter.read(chapters.BOOK / name).section("Predict").text
        made.append((f"## Predict\n\n{text}", "text"))
    for address, said in re.findall(r'<a href="(\.\./lab\.html[^"]*)">(.*?)</a>', row.what):
        made.append((f'## The lab\n\n<p class="large"><a href="{address}">{said}</a></p>', "text"))
    for name in re.findall(r"\{numref\}`([\w-]+)`", row.screen):
        if name not in drawn:
            raise ValueError(f"The plan shows {name}, which no chapter draws.")
        figure = drawn[name]
        caption = re.match(r".*?[.?!](?= [A-Z]|$)|.*", figure.caption, re.DOTALL)[0]
        picture = "*Not drawn yet: this chapter has not been executed.*"
        if figure.png:
            (folder / f"{name}.png").write_bytes(figure.png)
            picture = f'<img src="{name}.png" alt="{html.escape(figure.alt)}">'
        made.append((f"## {figure.section}\n\n{picture}\n\n{caption}", "figure"))
    for number in re.findall(r"board (\d+)", row.board):
        made.append((board(written[number]), "board"))
    for number, name in re.findall(r"\[Exercise (\d+)[^\]]*\]\(\.\./([\w-]+\.ipynb)#exercises\)", row.what):
        made.append((exercise(Chapter.read(chapters.BOOK / name), number), "text"))
    for text, kind in made or [(f'<p class="large">{row.what.partition(";")[0]}</p>', "text")]:
        yield slide(rendered(text), notes, kind)


def write(folder: Path, executed: Path | None = None) -> list[Path]:
    """Write the slides of all sessions into a folder; paths of their pages."""
    plan = PLAN.read_text(encoding="utf-8")
    folder.mkdir(parents=True, exist_ok=True)
    drawn, written, pages = figures(executed), boards(plan), []
    for title, rows in sessions(plan).items():
        made = [slide(f"<h1>{html.escape(title)}</h1>", kind="title")]
        for row in rows:
            made += of_row(row, drawn, written, folder)
        number = re.search(r"\d+", title)[0]
        page = folder / f"session-{number}.html"
        page.write_text(PAGE.format(title=html.escape(title), slides="\n".join(made)), encoding="utf-8")
        pages.append(page)
    return pages


def main(arguments: list[str] | None = None) -> int:
    """Run the command line."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("folder", type=Path)
    parser.add_argument("--chapters", type=Path, help="folder of executed chapters")
    chosen = parser.parse_args(arguments)
    for page in write(chosen.folder, chosen.chapters):
        print(f"  {page}")
    return 0


if __name__ == "__main__":
    sys.exit(main())
