"""Gather the book's sources in one folder for rendering, so that building never touches the tree.

    python book/_tools/gather.py _build/source --chapters _build/default

Without ``--chapters`` the committed chapters, with their stored outputs, are taken. The page
``build.md`` gets what was measured: seconds for each chapter and versions.
"""

from __future__ import annotations

import argparse
import importlib.util
import json
import os
import platform
import re
import shutil
import sys
from importlib import metadata
from pathlib import Path

import nbformat

import chapters
import minutes
import plan
import prose
import quiz
import reference

SHOWN = ("gahr", "torch", "numpy", "scipy", "matplotlib", "ipywidgets", "papermill", "jupyter-book", "sphinx")
PROSE = ("intro", "lab", "how-to-use")  # pages beside the chapters whose terms lead to the glossary
MARK = re.compile(r"<!-- measured -->.*?<!-- /measured -->", re.DOTALL)


def gather(target: Path, executed: Path | None = None, assets: Path | None = None) -> None:
    """Copy the sources to ``target``, taking the chapters from ``executed`` if given.

    With ``assets``, from ``assets.py``, the lab's engine and networks and the fonts of formulas come along.
    """
    shutil.rmtree(target, ignore_errors=True)
    (target / "book").mkdir(parents=True)
    for name in ("_config.yml", "_toc.yml"):
        shutil.copy2(chapters.ROOT / name, target)
    unpublished = "/OWNER/" in chapters.repository_url()
    if unpublished:
        hide_buttons(target / "_config.yml")
    shutil.copytree(chapters.ROOT / "_static", target / "_static")
    (target / "_extensions").mkdir()
    for name in ("lean.py", "dress.py"):
        shutil.copy2(chapters.BOOK / "_tools" / name, target / "_extensions")
    if assets and assets.exists():
        add_assets(target, assets)
    for path in sorted(chapters.BOOK.iterdir()):
        if path.suffix == ".md":
            text = reference.filled(path.read_text(encoding="utf-8"))
            if path.stem in PROSE:
                text = prose.linked(text, terms())
            (target / "book" / path.name).write_text(text, encoding="utf-8")
        elif path.suffix == ".bib":
            shutil.copy2(path, target / "book")
    (target / "book" / "teaching").mkdir()
    for path in sorted((chapters.BOOK / "teaching").glob("*.md")):
        text = plan.filled(minutes.filled(path.read_text(encoding="utf-8"), executed))
        (target / "book" / "teaching" / path.name).write_text(text, encoding="utf-8")
    for path in chapters.chapters():
        notebook = nbformat.read((executed or chapters.BOOK) / path.name, as_version=4)
        if unpublished:
            for cell in notebook.cells:
                cell.source = hide_links(cell.source) if cell.cell_type == "markdown" else cell.source
        nbformat.write(quiz.add(split_figures(for_reading(notebook)), path.stem), target / "book" / path.name)
    if executed:
        page = target / "book" / "build.md"
        page.write_text(MARK.sub(lambda _: measured(executed), page.read_text("utf-8")), encoding="utf-8")


def add_assets(target: Path, assets: Path) -> None:
    """Put the fetched packages, and what the lab reads, into the pages' static folder."""
    from book.lab import export, vectors

    lab = (assets / "lab" / "engine").exists()
    if lab:
        vectors.write(assets / "lab" / "networks")  # kept: a minute's work, for as long as networks stay
    shutil.copytree(assets, target / "_static", dirs_exist_ok=True)
    if lab:
        add_licences(target / "_static" / "licences")
        export.write(target / "_static" / "lab" / "networks")
    if (assets / "katex").exists():
        config = target / "_config.yml"
        mark = "    html_math_renderer: katex\n"
        settings = config.read_text("utf-8").replace(mark, mark + "    katex_css_path: katex/katex.min.css\n")
        config.write_text(settings, encoding="utf-8")


def add_licences(folder: Path) -> None:
    """Put the licence of the lab's engine and its third-party notices beside those that lie there.

    npm's package has neither; Python's package of the same engine has both.
    """
    (place,) = importlib.util.find_spec("onnxruntime").submodule_search_locations
    for name in ("LICENSE", "ThirdPartyNotices.txt"):
        shutil.copy2(Path(place, name), folder / f"onnxruntime-{name.removesuffix('.txt')}.txt")


def hide_links(text: str) -> str:
    """Markdown without its links into a repository that nobody has published yet."""
    return re.sub(r"\[[^\]]*\]\(https://[^)]*/OWNER/[^)]*\)( · )?", "", text)


def hide_buttons(config: Path) -> None:
    """The theme's buttons lead to the repository, too."""
    text = config.read_text("utf-8")
    text = re.sub(r"(?m)^launch_buttons:\n(  .*\n)+", "", text)
    config.write_text(re.sub(r"(use_(issues|repository)_button): true", r"\1: false", text), encoding="utf-8")


def terms() -> set[str]:
    """The glossary's terms."""
    return set(chapters.terms_of((chapters.BOOK / "glossary.md").read_text("utf-8")))


def for_reading(notebook: nbformat.NotebookNode) -> nbformat.NotebookNode:
    """Link the first use of each term in a chapter, and say how long it takes to read."""
    chapter, new = chapters.Chapter(Path(), notebook), terms()
    cost = prose.minutes(chapter)
    for cell in notebook.cells:
        if cell.cell_type == "markdown":
            cell.source = prose.timed(prose.linked(cell.source, new), cost)
    return notebook


def split_figures(notebook: nbformat.NotebookNode) -> nbformat.NotebookNode:
    """Give the sentences of a figure's cell a cell of their own, behind the figure.

    MyST-NB puts the caption and the name of a figure on *every* output of its cell. It also drops
    cells without a source, outputs and all: so the new cell has one, which is not shown.
    """
    cells = []
    for cell in notebook.cells:
        cells.append(cell)
        chapters.join_streams(cell)
        if not cell.metadata.get("mystnb", {}).get("figure"):
            continue
        pictures = [o for o in cell.outputs if "image/png" in o.get("data", {})]
        others = [o for o in cell.outputs if o not in pictures]
        if pictures and others:
            cell.outputs = pictures
            folded = ["hide-output"] if "hide-cell" in cell.metadata.get("tags", []) else []
            tags = ["remove-input", *folded]
            cells.append(nbformat.v4.new_code_cell("pass", outputs=others, metadata={"tags": tags}))
    notebook.cells = cells
    return notebook


def measured(executed: Path) -> str:
    """Tables of execution times and versions, in Markdown."""
    names = [path.stem for path in chapters.chapters()]
    facts = [json.loads((executed / f"{name}.json").read_text("utf-8")) for name in names]
    read = {name: prose.minutes(chapters.Chapter.read(executed / f"{name}.ipynb")) for name in names}
    times = [
        f"| {row['chapter']} | {row['effort']} | {row['seconds']:.1f} | {read[row['chapter']]} |"
        for row in facts
    ]
    total = sum(row["seconds"] for row in facts)
    versions = [f"| {name} | {metadata.version(name)} |" for name in SHOWN]
    return "\n".join(
        [
            "These numbers are from the machine that made this copy of the book: "
            f"{platform.system()} on {platform.machine()}, {os.cpu_count()} cores.",
            "",
            "| Chapter | effort | seconds to compute | minutes to read |",
            "|:--|:--|--:|--:|",
            *times,
            f"| **All chapters** | | **{total:.1f}** | **{sum(read.values())}** |",
            "",
            "| Software | version |",
            "|:--|:--|",
            f"| Python | {platform.python_version()} |",
            *versions,
        ]
    )


def main(arguments: list[str] | None = None) -> int:
    """Run the command line."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("target", type=Path)
    parser.add_argument("--chapters", type=Path, help="folder of executed chapters")
    parser.add_argument("--assets", type=Path, help="folder of what assets.py fetched")
    chosen = parser.parse_args(arguments)
    gather(chosen.target, chosen.chapters, chosen.assets)
    return 0


if __name__ == "__main__":
    sys.exit(main())
