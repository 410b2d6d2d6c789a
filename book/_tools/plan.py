"""What the pages of a plan say, in order: parts with their clock, and what each shows, asks and writes.

``book/teaching/session-1.md`` and its like are read by people and by this module: slides are made of them
(`slides.py`), and the table of `course.md` (`filled`). A part is a heading with its clock and minutes; each
of its paragraphs begins with a word that says what it is, and its minutes::

    ## 0:15 The best answer (12 minutes)

    **Show, 3 min.** {numref}`fig-eight`. What appears, in a sentence.

    **Ask, 2 min.** A question? Behind it, folded, stand the expected answer and the usual wrong one.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import NamedTuple

import chapters

FOLDER = chapters.BOOK / "teaching"
NAMES = ("session-1", "session-2", "session-3", "guest-lecture")
MARK = re.compile(r"<!-- plan -->.*?<!-- /plan -->", re.DOTALL)

PART = re.compile(r"(?m)^## (\d+):(\d\d) (.+) \((\d+) minutes?\)$")
WORD = re.compile(r"\*\*([A-Z][a-z]*(?: \d+)?), (\d+) min\.\*\* *")
BOARD = re.compile(r":::\{admonition\} Board (\d+) \((\d+) min\): (.*?)\n(.*)\n:::$", re.DOTALL)
SCREEN = {
    "predict": "*Predict*",
    "lab": "the lab",
    "quiz": "the quiz",
    "exercise": "a notebook",
    "do": "the task",
    "code": "a notebook",
}
FENCE = re.compile(r"^(:::|```|<details>)")
ENDS = {":::": ":::", "```": "```", "<details>": "</details>"}

FIGURE = re.compile(r"\{numref\}`([\w-]+)`")
SECTION = re.compile(r"\]\(\.\./([\w-]+)\.ipynb#([\w-]+)\)")
EXERCISE = re.compile(r"\[Exercise (\d+) of chapter (\d+)\]\(\.\./([\w-]+)\.ipynb#exercises\)")


class Block(NamedTuple):
    """A paragraph of a part: the word it begins with (small letters), its minutes, text and folded answer."""

    kind: str
    minutes: int
    text: str
    answer: str = ""


class Part(NamedTuple):
    """A part of a plan: when it begins, how long it takes, its title and what happens, in order."""

    start: int
    minutes: int
    title: str
    blocks: list[Block]

    @property
    def clock(self) -> str:
        """When it begins and ends, as on a watch set to 0:00."""
        end = self.start + self.minutes
        return f"{self.start // 60}:{self.start % 60:02} to {end // 60}:{end % 60:02}"

    def figures(self) -> list[str]:
        """Names of the figures that are shown, in order."""
        return [FIGURE.search(b.text)[1] for b in self.blocks if b.kind == "show"]

    def screen(self) -> list[str]:
        """What is on the screen, in order, in Markdown."""
        seen = []
        for block in self.blocks:
            if block.kind == "show":
                seen.append(f"{{numref}}`{FIGURE.search(block.text)[1]}`")
            elif block.kind in SCREEN:
                seen.append(SCREEN[block.kind])
        return list(dict.fromkeys(seen))

    def boards(self) -> list[str]:
        """Numbers of the boards that are written, in order."""
        return [b.kind.removeprefix("board ") for b in self.blocks if b.kind.startswith("board ")]


def read(name: str) -> str:
    """Text of a plan's page."""
    return (FOLDER / f"{name}.md").read_text(encoding="utf-8")


def title(text: str) -> str:
    """Title of a page."""
    return text.partition("\n")[0].removeprefix("# ")


def parts(text: str) -> list[Part]:
    """The parts of a page."""
    pieces = PART.split(text)
    starts = zip(*(pieces[k::5] for k in range(1, 6)), strict=True)
    return [Part(60 * int(h) + int(m), int(n), name, list(blocks(body))) for h, m, name, n, body in starts]


def blocks(text: str) -> Iterator[Block]:
    """The blocks of a part; a folded answer goes to the block in front of it."""
    made: list[Block] = []
    for unit in units(text):
        if unit.startswith("<details>"):
            answer = re.sub(r"</?details>|<summary>.*?</summary>", "", unit).strip()
            made[-1] = made[-1]._replace(answer=answer)
        elif found := BOARD.match(unit):
            made.append(Block(f"board {found[1]}", int(found[2]), f"{found[3]}\n\n{found[4].strip()}"))
        elif unit.startswith("```"):
            made.append(Block("code", 0, unit))
        elif found := WORD.match(unit):
            made.append(Block(found[1].lower(), int(found[2]), unit[found.end() :].strip()))
        else:
            raise ValueError(f"a paragraph of a plan begins with a word and its minutes; got {unit[:60]!r}.")
    yield from made


def units(text: str) -> Iterator[str]:
    """Paragraphs, boards, answers and code, each whole."""
    kept: list[str] = []
    closing = ""
    for line in text.splitlines():
        if not closing and (found := FENCE.match(line)):
            closing = ENDS[found[1]]
        elif closing and line == closing:
            closing = ""
        if line.strip() or closing:
            kept.append(line)
        elif kept:
            yield "\n".join(kept)
            kept = []
    if kept:
        yield "\n".join(kept)


def boards() -> dict[str, tuple[str, str]]:
    """Title and text of each board, by number, from the page that writes it out."""
    found = {}
    for name in NAMES:
        for part in parts(read(name)):
            for block in part.blocks:
                heading, _, text = block.text.partition("\n\n")
                if block.kind.startswith("board ") and text:
                    found[block.kind.removeprefix("board ")] = (heading, text)
    return found


# ------------------------------------------------------------------------------------------------
# The table


def table() -> str:
    """A row for each part of the three sessions: its minutes, what it is about, what is seen."""
    rows = []
    for name in NAMES[:3]:
        text = read(name)
        rows += [
            f"### [{title(text)}]({name}.md)",
            "",
            "| clock | minutes | part | on the screen | on the board |",
        ]
        rows += ["|--:|--:|:--|:--|:--|"]
        for part in parts(text):
            seen = ", ".join(part.screen())
            written = ", ".join(f"Board {number}" for number in part.boards())
            begin = part.clock.partition(" ")[0]
            rows.append(f"| {begin} | {part.minutes} | {part.title} | {seen} | {written} |")
        rows.append("")
    return "\n".join(rows)


def filled(page: str) -> str:
    """The page with the table where it is marked."""
    return MARK.sub(lambda _: table(), page)
