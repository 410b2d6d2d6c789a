"""The rules that every chapter keeps; each is one small function that yields what is wrong.

    python book/_tools/lint.py                              (all chapters)
    python book/_tools/lint.py book/01-denoising.ipynb      (one)

The tests run every rule on every chapter, and on a chapter made to break it.
"""

from __future__ import annotations

import ast
import base64
import re
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import nbformat

import chapters
import gahr
from chapters import Chapter, figure_names

OPENING = "You will be able to", "Before you start", "Predict"
CLOSING = "What would change our mind", "Exercises", "Takeaways", "Check", "References"

Problems = Iterator[str]


def pictures(cell: dict) -> list[str]:
    """The cell's stored PNG pictures, still encoded."""
    data = [output.get("data", {}) for output in cell.get("outputs", [])]
    return [picture["image/png"] for picture in data if "image/png" in picture]


def bullets(text: str) -> list[str]:
    """Top-level bullets of a piece of Markdown."""
    return re.findall(r"(?m)^[-*] +(.+)$", text)


def lines(cell: dict) -> int:
    """Number of lines of a code cell."""
    return len(cell["source"].strip().splitlines())


def words(text: str) -> int:
    """Words a reader reads: no code blocks, no formulas, no addresses, no tags."""
    text = re.sub(r"(?ms)^```(?!\{).*?^```", " ", text)
    text = re.sub(r"(?s)\$\$.*?\$\$|\$[^$\n]+\$|<[^>]+>|\]\([^)]*\)|\{[\w:-]+\}", " x ", text)
    return len(re.findall(r"[^\W_][\w'’-]*", text))


# ------------------------------------------------------------------------------------------------
# The template


def opening(chapter: Chapter) -> Problems:
    """The first cell has the title, how to run the chapter and what it costs."""
    first = chapter.cells[0] if chapter.cells else {"cell_type": "", "source": ""}
    if first["cell_type"] != "markdown" or not re.match(r"# \S", first["source"]):
        yield "the first cell must be Markdown and start with '# Title'"
        return
    if len(re.findall(r"(?m)^# \S", re.sub(r"(?ms)^```.*?^```", "", chapter.text))) != 1:
        yield "a chapter has one title ('# ...')"
    run = re.search(r"(?m)^\*\*Run it:\*\*.*$", first["source"])
    if not run:
        yield "the first cell needs a line that starts with '**Run it:**'"
        return
    colab, download = chapters.links(chapter.path.stem)
    for purpose, address in (("Colab", colab), ("download", download)):
        if f"]({address})" not in run[0]:
            yield f"'Run it' needs the {purpose} link {address} (`make repository` keeps it in step)"
    if not re.search(r"(second|minute)", run[0]) or not re.search(r"\b(CPU|cores)\b", run[0]):
        yield "'Run it' must say what the chapter costs, as in 'about 1 minute on a laptop CPU'"


def order(chapter: Chapter) -> Problems:
    """Sections come in the template's order, with at least three free ones in the middle."""
    titles = [section.title for section in chapter.sections[1:]]
    if tuple(titles[: len(OPENING)]) != OPENING:
        yield f"the first sections must be {', '.join(OPENING)}; found {', '.join(titles[:3])}"
    if tuple(titles[-len(CLOSING) :]) != CLOSING:
        yield f"the last sections must be {', '.join(CLOSING)}; found {', '.join(titles[-5:])}"
    if len(titles) < len(OPENING) + 3 + len(CLOSING):
        yield "at least three sections must stand between 'Predict' and 'What would change our mind'"
    for section in chapter.sections[1:]:
        if not section.parts:
            yield f"the section '{section.title}' is empty"


def objectives(chapter: Chapter) -> Problems:
    """Three to five objectives, mirrored by as many takeaways."""
    wanted = len(bullets(chapter.section("You will be able to").text))
    if not 3 <= wanted <= 5:
        yield f"'You will be able to' needs 3 to 5 bullets; it has {wanted}"
    found = len(bullets(chapter.section("Takeaways").text))
    if found != wanted:
        yield f"'Takeaways' has {found} bullets for {wanted} objectives"


def setup(chapter: Chapter) -> Problems:
    """The first code cell is the set-up, in 'Before you start' and in step with the repository."""
    cells = chapter.section("Before you start").code
    if not cells or not chapter.code or chapter.code[0] != cells[0]:
        yield "the first code cell must stand in 'Before you start'"
        return
    if not {"setup", "hide-cell"} <= chapters.tags(cells[0]):
        yield "the first code cell must be tagged 'setup' and 'hide-cell'"
    if cells[0]["source"] != chapters.setup_source():
        yield f"the set-up cell must read exactly (`make repository` keeps it):\n{chapters.setup_source()}"


def parameters(chapter: Chapter) -> Problems:
    """One cell, in 'Before you start', is tagged ``parameters`` and holds the effort."""
    tagged = [cell for cell in chapter.code if "parameters" in chapters.tags(cell)]
    if len(tagged) != 1 or tagged[0] not in chapter.section("Before you start").code:
        yield "exactly one cell, in 'Before you start', must be tagged 'parameters'"
    elif not re.fullmatch(r'effort = "default"( *#.*)?', tagged[0]["source"].strip()):
        yield "the 'parameters' cell must hold effort = \"default\" and nothing else"


def exercises(chapter: Chapter) -> Problems:
    """At least three exercises, each with a folded solution."""
    count, solved = 0, True
    for part in chapter.section("Exercises").parts:
        if part["cell_type"] == "code":
            solved |= {"hide-cell", "solution"} <= chapters.tags(part)
            continue
        for piece in re.split(r"(?m)^(?=### Exercise)", part["source"]):
            if piece.startswith("### Exercise"):
                if not solved:
                    yield f"exercise {count} has no folded solution"
                count, solved = count + 1, False
            solved |= "<details" in piece
    if not solved:
        yield f"exercise {count} has no folded solution: <details>, or a cell tagged 'hide-cell', 'solution'"
    if count < 3:
        yield f"'Exercises' needs at least three '### Exercise' headings; it has {count}"


def check_cell(chapter: Chapter) -> Problems:
    """Exactly one cell is compared by nbval: the one in 'Check'."""
    cells = chapter.section("Check").code
    if len(cells) != 1 or "nbval-check-output" not in chapters.tags(cells[0]):
        yield "'Check' must hold exactly one code cell, tagged 'nbval-check-output'"
    elif not any(output["output_type"] == "stream" for output in cells[0]["outputs"]):
        yield "the check cell must have printed its verdicts"
    if sum("nbval-check-output" in chapters.tags(cell) for cell in chapter.code) > 1:
        yield "only the cell in 'Check' may be tagged 'nbval-check-output'"


def references(chapter: Chapter) -> Problems:
    """The last section lists the works, readable without the rest of the book."""
    if not bullets(chapter.section("References").text):
        yield "'References' must list at least one work as a bullet"


# ------------------------------------------------------------------------------------------------
# Code, prose and figures


def short_cells(chapter: Chapter) -> Problems:
    """At most 25 code cells, none over 20 lines."""
    if len(chapter.code) > 25:
        yield f"{len(chapter.code)} code cells; at most 25"
    for cell in chapter.code:
        if lines(cell) > 20:
            yield f"{chapter.name_of(cell)} has {lines(cell)} lines; at most 20"


def modules(code: str) -> Iterator[str]:
    """Dotted names that a piece of code imports."""
    for node in ast.walk(ast.parse(code)):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            yield from (f"{node.module}.{alias.name}" for alias in node.names)


def imports(chapter: Chapter) -> Problems:
    """A chapter imports the doors, intervals, the paper's numbers, analysis, training, its own figures."""
    stem = chapter.path.stem.partition("-")[2].replace("-", "_")
    rooms = {*gahr.__all__, "intervals", "paper", "analysis", "training"}
    for cell in chapter.code:
        if "setup" in chapters.tags(cell):
            continue
        for name in modules(cell["source"]):
            root, *parts = name.split(".")
            known = not parts or parts[0] in rooms or parts[:2] == ["figures", stem]
            if root == "book" or (root == "gahr" and (not known or any(p.startswith("_") for p in parts))):
                yield f"{chapter.name_of(cell)} imports {name}; of figures a chapter imports its own, {stem}"


def length(chapter: Chapter) -> Problems:
    """A chapter has 1,500 to 2,800 words."""
    if not 1500 <= words(chapter.text) <= 2800:
        yield f"{words(chapter.text)} words; a chapter has 1,500 to 2,800"


def figures(chapter: Chapter) -> Problems:
    """Every picture is one numbered figure with a name, a caption and alternative text."""
    for cell in chapter.code:
        count = len(pictures(cell))
        about = cell["metadata"].get("mystnb", {})
        figure, alt = about.get("figure", {}), about.get("image", {}).get("alt", "")
        if count > 1:
            yield f"{chapter.name_of(cell)} shows {count} pictures; a cell shows one"
        if count and not re.fullmatch(r"fig-[a-z0-9-]+", figure.get("name", "")):
            yield f"{chapter.name_of(cell)}: mystnb.figure.name must look like 'fig-denoisers-compared'"
        if count and words(figure.get("caption", "")) < 6:
            yield f"{chapter.name_of(cell)}: mystnb.figure.caption must say what is shown, in a sentence"
        if count and (words(alt) < 8 or alt == figure.get("caption")):
            yield f"{chapter.name_of(cell)}: mystnb.image.alt must describe the picture to who cannot see it"
        if figure and not count and cell["outputs"]:
            yield f"{chapter.name_of(cell)} has a figure's caption but shows no picture"


def small_pictures(chapter: Chapter) -> Problems:
    """No picture is over 400 kB and no chapter over 2 MB."""
    for cell in chapter.code:
        for picture in pictures(cell):
            if len(base64.b64decode(picture)) > 400_000:
                yield f"{chapter.name_of(cell)} shows a picture over 400 kB: lower its dpi"
    if len(nbformat.writes(nbformat.from_dict(chapter.notebook))) > 2_000_000:
        yield "the notebook is over 2 MB: fewer or smaller pictures"


def markdown_pictures(chapter: Chapter) -> Problems:
    """Pictures in the prose have alternative text."""
    for alt, address in re.findall(r"!\[([^\]]*)\]\(([^)]*)\)", chapter.text):
        if words(alt) < 3:
            yield f"the picture {address} needs alternative text"
    if re.search(r"<img(?![^>]*\balt=\"[^\"]+\")[^>]*>", chapter.text):
        yield "an <img> in the prose needs alternative text"


# ------------------------------------------------------------------------------------------------
# Stored outputs


def outputs_present(chapter: Chapter) -> Problems:
    """Outputs are stored, without errors or warnings."""
    if not any(cell["outputs"] for cell in chapter.code):
        yield "no stored output at all: run `make notebooks`"
    for cell in chapter.code:
        for output in cell["outputs"]:
            if output["output_type"] == "error":
                yield f"{chapter.name_of(cell)} stored an error: {output['ename']}"
            if output.get("name") == "stderr":
                yield f"{chapter.name_of(cell)} wrote to stderr: {output['text'][:60]!r}"


def outputs_current(chapter: Chapter) -> Problems:
    """Stored outputs are not older than the code."""
    stored = chapter.notebook["metadata"].get("gahr", {}).get("source_sha256")
    if stored != chapters.source_sha256(chapter.notebook):
        yield "the code changed after its outputs were stored: run `make notebooks`"
    for cell in chapter.code:
        if "solution" in chapters.tags(cell) and not chapters.FOLDED.items() <= cell["metadata"].items():
            yield f"{chapter.name_of(cell)} is not folded in Colab and JupyterLab: run `make notebooks`"


def nothing_volatile(chapter: Chapter) -> Problems:
    """Nothing is stored that differs from run to run or machine to machine."""
    extra = set(chapter.notebook["metadata"]) - chapters.KEPT_METADATA
    if extra:
        yield f"metadata of the notebook must not hold {', '.join(sorted(extra))}: run `make notebooks`"
    for cell in chapter.cells:
        folds = set(chapters.FOLDED) if "solution" in chapters.tags(cell) else set()
        extra = set(cell["metadata"]) - chapters.KEPT_CELL_METADATA - folds
        if extra:
            yield f"metadata of {chapter.name_of(cell)} must not hold {', '.join(sorted(extra))}"
        if "injected-parameters" in chapters.tags(cell):
            yield f"{chapter.name_of(cell)} was injected by papermill: remove it"
        for output in cell.get("outputs", []):
            data = output.get("data", {})
            if any("widget" in kind for kind in data):
                yield f"{chapter.name_of(cell)} stores a widget, which is dead without a kernel"
            shown = " ".join([output.get("text", ""), data.get("text/plain", "")])
            if found := re.search(r"\b0x[0-9a-f]{6,}\b|/(home|Users|root|tmp)/\S+|[A-Z]:\\\\?\w+", shown):
                yield f"{chapter.name_of(cell)} stores an address or a machine's path: {found[0]}"


# ------------------------------------------------------------------------------------------------
# Links


def links(chapter: Chapter) -> Problems:
    """Every file and every place in the page that a plain link points at exists.

    Roles such as ``{numref}`` and ``{cite:t}`` are checked when the pages are rendered (``make test-pages``).
    """
    here = anchors(chapter.text) | {*figure_names(chapter)}
    for address in re.findall(r"(?<!!)\]\(([^)\s]+)\)", chapter.text):
        file, _, anchor = address.partition("#")
        if re.match(r"[a-z]+:", address):
            continue
        if file and not (chapter.path.parent / file).exists():
            yield f"the link to {file} points at nothing"
        if not file and anchor not in here:
            yield f"the link to #{anchor} points at nothing"


def anchors(text: str) -> set[str]:
    """Anchors of a page: what headings get, and what is written ``(label)=``."""
    titles = re.findall(r"(?m)^#{1,3} +(.+)$", text)
    made = {re.sub(r"[^\w -]", "", title.lower()).strip().replace(" ", "-") for title in titles}
    return made | set(re.findall(r"(?m)^\(([\w:-]+)\)=", text))


def figure_names_unique(all_chapters: list[Chapter]) -> Problems:
    """No two figures of the book share a name."""
    names = [name for chapter in all_chapters for name in figure_names(chapter)]
    for name in sorted({name for name in names if names.count(name) > 1}):
        yield f"the figure name '{name}' is used {names.count(name)} times"


RULES: tuple[Callable[[Chapter], Problems], ...] = (
    opening,
    order,
    objectives,
    setup,
    parameters,
    exercises,
    check_cell,
    references,
    short_cells,
    imports,
    length,
    figures,
    small_pictures,
    markdown_pictures,
    outputs_present,
    outputs_current,
    nothing_volatile,
    links,
)


def main(arguments: list[str] | None = None) -> int:
    """Print what is wrong with the chapters named, or with all; 0 when nothing is."""
    wrong = 0
    paths = [Path(name).resolve() for name in arguments or []] or chapters.chapters()
    for path in paths:
        chapter = Chapter.read(path)
        found = [f"{rule.__name__}: {problem}" for rule in RULES for problem in rule(chapter)]
        wrong += len(found)
        print(f"{path.name}: {'nothing wrong' if not found else ''}", *found, sep="\n  - ")
    for problem in figure_names_unique([Chapter.read(path) for path in chapters.chapters()]):
        wrong += 1
        print(problem)
    return bool(wrong)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
