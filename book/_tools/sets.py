"""Make the students' and the instructor's set of notebooks, each as a folder and as a zip.

    python book/_tools/sets.py student _build/student
    python book/_tools/sets.py instructor _build/instructor

The students' notebooks have no solutions and no outputs, but empty cells for answers. The instructor's
are the chapters as stored, with solutions that Colab and JupyterLab show folded. Both lie beside the package
and the data, so they run where there is no network; `requirements.txt` names what must be installed before.
"""

from __future__ import annotations

import argparse
import ast
import copy
import re
import shutil
import sys
import tomllib
import zipfile
from collections.abc import Iterator
from pathlib import Path

import nbformat
from nbformat import v4

import assignment
import chapters
from chapters import Chapter

SOLUTION = re.compile(r"\n*<details[^>]*>\s*<summary>\s*Solution\s*</summary>.*?</details>\n*", re.DOTALL)
RUN_IT = re.compile(r"(?m)^\*\*Run it:\*\*.*\n+")
EXERCISE = re.compile(r"(?m)^### Exercise (\d+)")
PAGES = ("glossary.md", "how-to-use.md")

READ_ME = """\
{title}: the chapters{kind}

1. Once, with a network:  python -m pip install -r requirements.txt
2. In this folder:        python -m jupyterlab

Nothing else is fetched: the package, the networks and the data lie in this folder.
LICENSE is for the code and the text; data/README.md says what holds for the networks and pictures.
"""


# ------------------------------------------------------------------------------------------------
# One notebook


def student(notebook: nbformat.NotebookNode) -> nbformat.NotebookNode:
    """Copy of a chapter without solutions and outputs, with cells to answer in.

    What *Check* would have asked of a solution it asks of the student's answer, where there is one.
    """
    wanted = names_to_answer(notebook)
    cells, pending = [], 0
    for cell in copy.deepcopy(notebook.cells):
        if "solution" in chapters.tags(cell):
            continue
        if cell.cell_type == "code":
            cell.outputs, cell.execution_count = [], None
            cell.source = guarded(cell.source, wanted)
            cells.append(cell)
            continue
        for piece in re.split(r"(?m)^(?=##)", cell.source):
            if pending and piece.startswith("##"):
                cells.append(answer(pending, wanted))
                pending = 0
            if found := EXERCISE.match(piece):
                pending = int(found[1])
            piece = RUN_IT.sub("", piece)  # its links lead to the solutions
            if piece := SOLUTION.sub("\n", piece).strip():
                cells.append(v4.new_markdown_cell(piece))
            if piece.startswith("## Predict"):
                cells.append(v4.new_markdown_cell("**My guess, and why:** "))
    metadata = {**notebook.metadata}
    metadata.pop("gahr", None)
    made = v4.new_notebook(cells=cells, metadata=metadata)
    for number, cell in enumerate(made.cells):
        cell.id = f"cell-{number}"
    return made


def answer(number: int, wanted: dict[str, int]) -> nbformat.NotebookNode:
    """Empty cell for an exercise; it names what *Check* will look at."""
    asked = [name for name, exercise in wanted.items() if exercise == number]
    lines = [f"# Your answer to exercise {number}"]
    if asked:
        lines.append(f"# (Check, below, looks at: {', '.join(asked)})")
    return v4.new_code_cell("\n".join(lines) + "\n", metadata={"tags": ["answer"]})


def names_to_answer(notebook: nbformat.NotebookNode) -> dict[str, int]:
    """Names that only a solution gives and a later cell uses, each with the number of its exercise."""
    given, solved, exercise = set(), {}, 0
    wanted: dict[str, int] = {}
    for cell in notebook.cells:
        if cell.cell_type != "code":
            numbers = EXERCISE.findall(cell.source)
            exercise = int(numbers[-1]) if numbers else exercise
        elif "solution" in chapters.tags(cell):
            solved |= {name: exercise for name in bound(cell.source) - set(solved)}
        else:
            for name in used(cell.source) - given - bound(cell.source):
                if name in solved:
                    wanted[name] = solved[name]
            given |= bound(cell.source)
    return wanted


def guarded(source: str, wanted: dict[str, int]) -> str:
    """The source, with each statement that needs a student's answer run only where there is one."""
    if not wanted or not used(source) & set(wanted):
        return source
    kept, lines = [], source.splitlines()
    for node in parsed(source).body:
        piece = lines[node.lineno - 1 : node.end_lineno]
        needs = sorted(used("\n".join(piece)) & set(wanted))
        if needs:
            asked = " and ".join(f'"{name}" in globals()' for name in needs)
            numbers = ", ".join(sorted({str(wanted[name]) for name in needs}))
            piece = [f"if {asked}:  # from your answer to exercise {numbers}"] + ["    " + p for p in piece]
        kept += piece
    return "\n".join(kept)


def parsed(source: str) -> ast.Module:
    """Syntax tree of a cell, its magic lines left out."""
    return ast.parse(re.sub(r"(?m)^(\s*)[%!].*$", r"\1pass", source))


def bound(source: str) -> set[str]:
    """Names that a cell binds at its top level."""

    def names(node: ast.AST) -> Iterator[str]:
        if isinstance(node, ast.FunctionDef | ast.ClassDef):
            yield node.name
            return
        if isinstance(node, ast.Lambda | ast.comprehension | ast.ListComp | ast.GeneratorExp | ast.DictComp):
            return
        if isinstance(node, ast.alias):
            yield (node.asname or node.name).partition(".")[0]
        if isinstance(node, ast.Name) and isinstance(node.ctx, ast.Store):
            yield node.id
        for child in ast.iter_child_nodes(node):
            yield from names(child)

    return set(names(parsed(source)))


def used(source: str) -> set[str]:
    """Names that a cell reads."""
    nodes = ast.walk(parsed(source))
    return {node.id for node in nodes if isinstance(node, ast.Name) and isinstance(node.ctx, ast.Load)}


def instructor(notebook: nbformat.NotebookNode) -> nbformat.NotebookNode:
    """Copy of a chapter as stored, its solutions folded in every program that opens it."""
    return chapters.strip(copy.deepcopy(notebook))


# ------------------------------------------------------------------------------------------------
# A set


def requirements() -> list[str]:
    """What the notebooks import, and JupyterLab to open them with."""
    project = tomllib.loads((chapters.ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]
    book = project["optional-dependencies"]["book"]
    jupyter = [row for row in book if re.match(r"ipykernel|jupyterlab", row)]
    return [*project["dependencies"], *jupyter]


def make(kind: str, folder: Path) -> Path:
    """Write a set to ``folder``, anew, and to a zip beside it, whose path is returned."""
    if kind not in ("student", "instructor"):
        raise ValueError(f"A set is for 'student' or 'instructor'; got {kind!r}.")
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir(parents=True)
    make_one = student if kind == "student" else instructor
    for path in chapters.chapters():
        chapters.write(make_one(Chapter.read(path).notebook), folder / path.name)
    if kind == "student":
        assignment.write(folder)
    else:
        shutil.copy2(assignment.SOURCE, folder)
    for page in PAGES:
        shutil.copy2(chapters.BOOK / page, folder)
    no_caches = shutil.ignore_patterns("__pycache__")
    shutil.copytree(chapters.ROOT / "gahr", folder / "gahr", ignore=no_caches)
    shutil.copytree(chapters.ROOT / "data", folder / "data", ignore=no_caches)
    shutil.copy2(chapters.ROOT / "LICENSE", folder)
    (folder / "requirements.txt").write_text("\n".join(requirements()) + "\n", encoding="utf-8")
    title = re.search(r"(?m)^title: (.*)$", (chapters.ROOT / "_config.yml").read_text(encoding="utf-8"))[1]
    of_kind = " without solutions" if kind == "student" else ", with solutions"
    (folder / "READ-ME.txt").write_text(READ_ME.format(title=title, kind=of_kind), encoding="utf-8")
    return packed(folder, folder.with_name(f"gahr-{kind}.zip"))


def packed(folder: Path, target: Path) -> Path:
    """Zip of a folder, with the folder's name inside; whole or not at all."""
    partial = target.with_suffix(".partial")
    with zipfile.ZipFile(partial, "w", zipfile.ZIP_DEFLATED) as archive:
        for path in sorted(folder.rglob("*")):
            if path.is_file():
                archive.write(path, Path(target.stem) / path.relative_to(folder))
    return partial.replace(target)


def main(arguments: list[str] | None = None) -> int:
    """Run the command line."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("kind", choices=("student", "instructor"))
    parser.add_argument("folder", type=Path)
    chosen = parser.parse_args(arguments)
    archive = make(chosen.kind, chosen.folder)
    print(f"The notebooks are in {chosen.folder}, and packed in {archive}.")
    return 0


if __name__ == "__main__":
    sys.exit(main())
