"""Make the slides of the sessions and of the guest lecture from their plans and the chapters.

    python book/_tools/slides.py _build/html/slides --chapters _build/default

Nothing is typed for a slide: the blocks of a plan (`plan.py`) become slides in their order: a figure at full
size with the chapter's number, a board, a question, *Predict*, a quiz, an exercise, the lab.
What is said, done and expected becomes the speaker's notes. The slides are shown by reveal.js from the book's
``_static`` folder; without it they read as one long page.
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

import yaml
from markdown_it import MarkdownIt
from mdit_py_plugins.dollarmath import dollarmath_plugin

import chapters
import plan
import quiz
import sets
from chapters import Chapter
from plan import Block, Part

PAGE = """\
<!doctype html>
<html lang="en"><head><meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<title>{title}</title>
<link rel="icon" href="../_static/logo.svg">
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
APPEARS = "*What appears:*"  # behind these words a plan says what the room is to find by itself
IF = "*If "  # and behind these what the lecturer does if something goes wrong
COVERED = "*right panel covered*"  # so a plan says that a figure's right panel comes later


class Figure(NamedTuple):
    """A chapter's figure: number, section, picture (if the chapter was executed), caption and description."""

    number: str
    section: str
    png: bytes | None
    caption: str
    alt: str


class Slide(NamedTuple):
    """A slide: what of the plan it shows, how it looks, its Markdown, and notes besides the plan's."""

    shows: str
    kind: str
    body: str
    notes: str = ""


# ------------------------------------------------------------------------------------------------
# What the slides are made of


def figures(executed: Path | None = None) -> dict[str, Figure]:
    """All figures of the book, by name; their numbers are those of the rendered chapters."""
    found = {}
    for path in chapters.chapters():
        count = 0
        for section in Chapter.read((executed or chapters.BOOK) / path.name).sections:
            for cell in section.code:
                about = cell["metadata"].get("mystnb", {})
                if "figure" not in about:
                    continue
                count += 1
                png = [o["data"]["image/png"] for o in cell["outputs"] if "image/png" in o.get("data", {})]
                found[about["figure"]["name"]] = Figure(
                    f"{int(path.stem[:2])}.{count}",
                    section.title,
                    base64.b64decode(png[0]) if png else None,
                    about["figure"]["caption"],
                    about.get("image", {}).get("alt", ""),
                )
    return found


def exercise(chapter: Chapter, number: str) -> str:
    """Statement of an exercise, without its solution."""
    text = sets.SOLUTION.sub("\n", chapter.section("Exercises").text)
    found = re.search(rf"(?ms)^### (Exercise {number}\b.*?)(?=^### |\Z)", text)
    if not found:
        raise ValueError(f"{chapter.path.name} has no exercise {number}.")
    return f"## {found[1]}"


def question(asked: dict, number: int) -> str:
    """A question of a quiz with its answers, in the order in which the page has them."""
    rows = "\n".join(f"- {text}" for text, *_ in quiz.answers(asked))
    return f"## Quiz\n\n**{number}.** {asked['ask']}\n\n{rows}"


def reasons(asked: dict, number: int) -> str:
    """What the page says of each answer to a question of a quiz, the right one first."""
    rows = [("**Right.**", *asked["right"]), *(("Wrong:", *pair) for pair in asked["wrong"])]
    return f"**Question {number}.**\n\n" + "\n".join(f"- {word} {text} *{why}*" for word, text, why in rows)


# ------------------------------------------------------------------------------------------------
# Markdown


def of_block(block: Block, drawn: dict[str, Figure]) -> Iterator[Slide]:
    """The slides of a block: none if it only says what you do."""
    if block.kind == "show":
        name = plan.FIGURE.search(block.text)[1]
        if name not in drawn:
            raise ValueError(f"The plan shows {name}, which no chapter draws.")
        yield Slide(name, "figure", shown(name, drawn[name], COVERED in block.text))
    elif block.kind.startswith("board "):
        number = block.kind.removeprefix("board ")
        title, text = plan.boards()[number]
        yield Slide(block.kind, "board", f"## Board {number}: {title}\n\n{text}")
    elif block.kind == "predict":
        name, anchor = plan.SECTION.search(block.text).groups()
        text = block.text
        if anchor == "predict":
            text = Chapter.read(chapters.BOOK / f"{name}.ipynb").section("Predict").text
        yield Slide(f"{anchor} {name}", "text", f"## Predict\n\n{text}")
    elif block.kind == "exercise":
        number, _, name = plan.EXERCISE.search(block.text).groups()
        text = exercise(Chapter.read(chapters.BOOK / f"{name}.ipynb"), number)
        how = block.text.partition(" The solution is ")[0]
        yield Slide(f"exercise {number} {name}", "text", f"{text}\n\n*{block.minutes} minutes.* {how}")
    elif block.kind == "do":
        yield Slide("do", "text", f"## Now you ({block.minutes} min)\n\n{block.text.partition(IF)[0]}")
    elif block.kind == "quiz":
        name = plan.SECTION.search(block.text)[1]
        asked = yaml.safe_load((quiz.FOLDER / f"{name}.yml").read_text(encoding="utf-8"))["questions"]
        for number in map(int, re.findall(r"\d+", block.text.partition(" of ")[0])):
            one = asked[number - 1]
            yield Slide(f"quiz {number} {name}", "text", question(one, number), reasons(one, number))
    elif block.kind == "lab":
        yield Slide("lab", "text", f"## The lab\n\n{block.text.partition(APPEARS)[0]}")
    elif block.kind == "ask":
        yield Slide("ask", "question", block.text)
    elif block.kind == "code":
        yield Slide("code", "code", f"## In the notebook\n\n{block.text}")


def shown(name: str, figure: Figure, covered: bool = False) -> str:
    """A figure's slide: section, picture, number, and the first sentence of its caption."""
    caption = re.match(r".*?[.?!](?= [A-Z]|$)|.*", figure.caption, re.DOTALL)[0]
    picture = "*Not drawn yet: this chapter has not been executed.*"
    if figure.png:
        look = ' class="covered"' if covered else ""
        picture = f'<img src="{name}.png" alt="{html.escape(figure.alt)}"{look}>'
    return f"## {figure.section}\n\n{picture}\n\n**Figure {figure.number}.** {caption}"


def said(block: Block) -> str:
    """What the notes say of a block."""
    if block.kind == "code":
        return ""
    if block.kind.startswith("board "):
        elsewhere = "" if "\n\n" in block.text else block.text  # where it is written out, and what to say
        return f"**{block.minutes} min:** write it step by step. {elsewhere}".strip()
    word = block.kind.capitalize()
    return "\n\n".join(filter(None, (f"**{word}, {block.minutes} min.** {block.text}", block.answer)))


# ------------------------------------------------------------------------------------------------
# HTML


def _formula(content: str, options: dict) -> str:
    left, right = (r"\[", r"\]") if options["display_mode"] else (r"\(", r"\)")
    return f"{left}{html.escape(content)}{right}"


MARKDOWN = MarkdownIt("commonmark", {"html": True}).use(dollarmath_plugin, renderer=_formula)


def rendered(text: str, drawn: dict[str, Figure] | None = None) -> str:
    """Markdown as HTML; figures are named by their number, and links lead into the book."""

    def numbered(found: re.Match) -> str:
        return f"Figure {drawn[found[1]].number}" if drawn else "the figure"

    text = plan.FIGURE.sub(numbered, text)
    text = re.sub(r" ?\{cite:?\w*\}`[^`]+`", "", text)
    text = re.sub(r"\]\((?:\.\./)?([\w-]+)\.ipynb", r"](../book/\1.html", text)
    text = re.sub(r"\]\(([\w-]+)\.md", r"](../book/teaching/\1.html", text)
    return MARKDOWN.render(text.replace('href="../lab.html', 'href="../book/lab.html'))


def of_part(part: Part, drawn: dict[str, Figure]) -> Iterator[str]:
    """The slides of a part as HTML, in the order of the plan, with all that is said in their notes."""
    made: list[tuple[Slide, list[str]]] = []
    before = [f"**{part.clock}, {part.title}.**"]
    for block in part.blocks:
        notes = [said(block)]
        for slide in of_block(block, drawn):
            made.append((slide, [*before, *notes, slide.notes]))
            before, notes = [f"**{part.clock}, {part.title}.**"], []
        if notes and made:
            made[-1][1].extend(notes)
        elif notes:
            before += notes
    for slide, notes in made or [(Slide("part", "question", part.title), before)]:
        text = "\n\n".join(filter(None, notes))
        aside = f'<aside class="notes">{rendered(text, drawn)}</aside>'
        opening = f'<section class="{slide.kind}" data-shows="{slide.shows}" data-clock="{part.clock}">'
        yield f"{opening}{rendered(slide.body, drawn)}{aside}</section>"


def write(folder: Path, executed: Path | None = None) -> list[Path]:
    """Write the slides of all plans into a folder, with the figures they show; paths of their pages."""
    folder.mkdir(parents=True, exist_ok=True)
    drawn, pages = figures(executed), []
    for name in plan.NAMES:
        text = plan.read(name)
        title = html.escape(plan.title(text))
        made = [f'<section class="title"><h1>{title}</h1></section>']
        for part in plan.parts(text):
            made += of_part(part, drawn)
            for shown_here in part.figures():
                if drawn[shown_here].png:
                    (folder / f"{shown_here}.png").write_bytes(drawn[shown_here].png)
        page = folder / f"{name}.html"
        page.write_text(PAGE.format(title=title, slides="\n".join(made)), encoding="utf-8")
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
