"""Put a chapter's quiz, and fields for the reader's guesses, into its page.

The questions lie in ``book/teaching/quizzes/``, one file for each chapter, named like it. `gather.py` calls
`add` when it copies a chapter for rendering; the notebook itself is not changed. The page needs no kernel:
each answer stands in it with what there is to say, and ``_static/quiz.js`` shows that of the chosen one.
A guess is kept in the reader's browser, and shown again beside the result.
"""

from __future__ import annotations

import html
import re
from pathlib import Path

import nbformat
import yaml
from nbformat import v4

import chapters

FOLDER = chapters.BOOK / "teaching" / "quizzes"
HINT = "Kept in this browser only, and shown again beside the result."


def add(notebook: nbformat.NotebookNode, stem: str, folder: Path = FOLDER) -> nbformat.NotebookNode:
    """Put fields below *Predict*, each guess below its result, and the quiz in front of *Exercises*.

    A chapter without a file is left as it is. The notebook is changed and returned.

    Raises
    ------
    ValueError
        If the chapter has no figure or section of the name behind which a guess is to be shown.
    """
    path = folder / f"{stem}.yml"
    if not path.exists():
        return notebook
    found = yaml.safe_load(path.read_text(encoding="utf-8"))
    for number, guess in reversed(list(enumerate(found["guesses"], 1))):
        place = behind(notebook, guess["after"], f"{path.name}, guess {number}")
        notebook.cells.insert(place, v4.new_markdown_cell(echo(stem, number, guess["ask"])))
    notebook.cells.insert(
        behind(notebook, "Predict", path.name), v4.new_markdown_cell(fields(stem, found["guesses"]))
    )
    questions = "\n\n".join(question(stem, n, q) for n, q in enumerate(found["questions"], 1))
    quiz = v4.new_markdown_cell(f"## Quiz\n\nFive questions that ask why, and what if.\n\n{questions}")
    notebook.cells.insert(begin(notebook, "Exercises", path.name), quiz)
    return notebook


# ------------------------------------------------------------------------------------------------
# Places


def behind(notebook: nbformat.NotebookNode, name: str, whose: str) -> int:
    """Number of the cell in front of which something stands that belongs behind a figure or a section."""
    cells = notebook.cells
    for number, cell in enumerate(cells, 1):
        if cell.metadata.get("mystnb", {}).get("figure", {}).get("name") == name:
            while number < len(cells) and "remove-input" in chapters.tags(cells[number]):
                number += 1  # the figure's sentences
            return number
    following = range(begin(notebook, name, whose) + 1, len(notebook.cells))
    return next((n for n in following if starts(notebook.cells[n])), len(notebook.cells))


def begin(notebook: nbformat.NotebookNode, title: str, whose: str) -> int:
    """Number of the cell that begins with a heading, which is cut off from what stands around it."""
    heading, cells = re.compile(rf"(?m)^#+ {re.escape(title)}\s*$"), []
    for cell in notebook.cells:
        here = cell.cell_type == "markdown" and heading.search(cell.source)
        pieces = re.split(r"(?m)^(?=##+ )", cell.source) if here else []
        cells += [v4.new_markdown_cell(piece.strip()) for piece in pieces if piece.strip()] or [cell]
    notebook.cells[:] = cells
    found = (n for n, cell in enumerate(cells) if starts(cell) and heading.match(cell.source))
    if (number := next(found, None)) is None:
        raise ValueError(f"{whose}: the chapter has no figure and no section named '{title}'.")
    return number


def starts(cell: nbformat.NotebookNode) -> bool:
    """Whether a cell begins with a heading."""
    return cell.cell_type == "markdown" and bool(re.match(r"##+ ", cell.source))


# ------------------------------------------------------------------------------------------------
# HTML


def inline(text: str) -> str:
    """A line of text as HTML: ``$formulas$`` become what the page's KaTeX sets."""
    pieces = re.split(r"\$([^$]+)\$", text)
    shown = [html.escape(piece, quote=False) for piece in pieces]
    for n in range(1, len(pieces), 2):
        shown[n] = f'<span class="math notranslate nohighlight">\\({shown[n]}\\)</span>'
    return "".join(shown)


def answers(asked: dict) -> list[tuple[str, str, bool]]:
    """Answers of a question in the order of the page: text, what is said of it, whether it is right."""
    rows = [(*pair, False) for pair in asked["wrong"]]
    rows.insert(sum(map(ord, asked["ask"])) % (len(rows) + 1), (*asked["right"], True))
    return rows


def question(stem: str, number: int, asked: dict) -> str:
    """One question: radio buttons, a button, and what is said about each answer."""
    name = f"quiz-{stem}-{number}"
    rows = [
        f'<label><input type="radio" name="{name}" value="{n}"> <span>{inline(text)}</span></label>'
        f'<p class="gahr-said" data-answer="{n}"{" data-right" if right else ""} hidden>{inline(said)}</p>'
        for n, (text, said, right) in enumerate(answers(asked))
    ]
    return (
        f'<div class="gahr-quiz"><fieldset><legend>{number}. {inline(asked["ask"])}</legend>'
        + "".join(rows)
        + '<button type="button">Check</button><div role="status"></div></fieldset></div>'
    )


def fields(stem: str, guesses: list[dict]) -> str:
    """Fields to write the guesses into."""
    rows = [
        f'<p><label for="guess-{stem}-{n}">{n}. {inline(guess["ask"])}</label>'
        f'<input type="text" id="guess-{stem}-{n}" data-guess="{stem}-{n}" autocomplete="off"></p>'
        for n, guess in enumerate(guesses, 1)
    ]
    return (
        '<div class="gahr-guess" role="group" aria-label="Your guesses">'
        + "".join(rows)
        + f'<p><small>{HINT}</small> <button type="button">Forget</button></p></div>'
    )


def echo(stem: str, number: int, ask: str) -> str:
    """The guess again, beside its result; hidden as long as there is none."""
    return (
        f'<div class="gahr-guessed" data-guess="{stem}-{number}" hidden>'
        f"<p>{inline(ask)}<br>You guessed: <q></q></p></div>"
    )
