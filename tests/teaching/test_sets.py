"""The students' set has no solutions, the instructor's has them folded, and both run by themselves."""

import ast
import builtins
import importlib.util
import posixpath
import re
import shutil
import subprocess
import zipfile

import pytest
from nbformat import v4

import chapters
import sets
from chapters import Chapter

PATHS = chapters.chapters()
SOLVED = (
    "### Exercise 1 (warm-up): a sum\n\nAdd.\n\n<details><summary>Solution</summary>\n\nSix.\n\n</details>"
)


OPENING = """\
# Sums

**Run it:** [Colab](https://x) · a minute

About sums.

## Predict

How much?"""


@pytest.fixture
def small():
    """A chapter in small: a guess, one exercise, and a check that needs its answer."""
    tags = {"tags": ["hide-cell", "solution"]}
    cells = [
        v4.new_markdown_cell(OPENING),
        v4.new_code_cell("given = [1, 2, 3]", outputs=[v4.new_output("stream", text="old")]),
        v4.new_markdown_cell("## Exercises\n\n" + SOLVED),
        v4.new_code_cell("total = sum(given)\nprint(total)", metadata=tags),
        v4.new_markdown_cell("### Exercise 2 (standard): why?\n\nSay why.\n\n## Check"),
        v4.new_code_cell("print(len(given))\nassert total == 6\nprint('holds')"),
    ]
    return v4.new_notebook(cells=cells)


def text_of(notebook):
    return "\n".join(cell.source for cell in notebook.cells)


def run(notebook, **known):
    """Run the code cells as a kernel would, in one namespace, which is returned."""
    for cell in notebook.cells:
        if cell.cell_type == "code":
            exec(cell.source, known)
    return known


def test_a_student_sees_no_solution_and_finds_a_cell_for_each_answer(small):
    made = sets.student(small)
    assert "Six" not in text_of(made) and "total = " not in text_of(made) and "Run it" not in text_of(made)
    kinds = [(cell.cell_type, cell.source.splitlines()[0]) for cell in made.cells]
    assert ("code", "# Your answer to exercise 1") in kinds and (
        "code",
        "# Your answer to exercise 2",
    ) in kinds
    order = [line for _, line in kinds]
    assert order.index("### Exercise 1 (warm-up): a sum") + 1 == order.index("# Your answer to exercise 1")
    assert order.index("# Your answer to exercise 2") + 1 == order.index("## Check")
    assert order[order.index("## Predict") + 1].startswith("**My guess")
    assert not [cell for cell in made.cells if cell.get("outputs")]


def test_check_looks_at_the_answer_where_there_is_one(small, capsys):
    made = sets.student(small)
    assert "looks at: total" in text_of(made)
    run(made)
    assert capsys.readouterr().out == "3\nholds\n"
    run(made, total=6)
    with pytest.raises(AssertionError):
        run(made, total=5)


def test_the_chapter_itself_is_not_changed(small):
    before = small.copy(), text_of(small)
    sets.student(small)
    assert (small, text_of(small)) == before
    assert small.cells[1].outputs


def test_solutions_are_folded_in_colab_and_in_jupyterlab(small):
    solution = sets.instructor(small).cells[3]
    assert solution.metadata["cellView"] == "form"
    assert solution.metadata["jupyter"] == {"source_hidden": True, "outputs_hidden": True}
    assert solution.source == small.cells[3].source
    assert "jupyter" not in sets.instructor(small).cells[1].metadata


@pytest.mark.parametrize("path", PATHS, ids=lambda path: path.stem)
def test_a_student_s_chapter_is_whole(path):
    chapter = Chapter.read(path)
    made = sets.student(chapter.notebook)
    said = text_of(made)
    assert "Solution</summary>" not in said and said.count("<details") == said.count("</details>")
    assert "solution" not in {tag for cell in made.cells for tag in chapters.tags(cell)}
    assert said.count("# Your answer to exercise") == chapter.text.count("### Exercise")
    known = set(dir(builtins)) | {"get_ipython"} | set(sets.names_to_answer(chapter.notebook))
    for cell in (cell for cell in made.cells if cell.cell_type == "code"):
        loose = sets.used(cell.source) - sets.bound(cell.source) - known - inside(cell.source)
        assert not loose, f"{sorted(loose)} in {cell.source[:80]!r}"
        known |= sets.bound(cell.source)


def inside(source):
    """Names bound anywhere in a cell: arguments, loops, comprehensions."""
    nodes = list(ast.walk(sets.parsed(source)))
    stored = {n.id for n in nodes if isinstance(n, ast.Name) and isinstance(n.ctx, ast.Store)}
    functions = {n.name for n in nodes if isinstance(n, ast.FunctionDef | ast.ExceptHandler)}
    return stored | functions | {n.arg for n in nodes if isinstance(n, ast.arg)}


def test_a_set_lies_in_one_zip_and_runs_from_where_it_is_unpacked(tmp_path, monkeypatch):
    (tmp_path / "root" / "data").mkdir(parents=True)
    for name in ("gahr", "LICENSE", "_config.yml", "pyproject.toml"):
        (tmp_path / "root" / name).symlink_to(chapters.ROOT / name)
    (tmp_path / "root" / "data" / "manifest.json").symlink_to(chapters.ROOT / "data" / "manifest.json")
    monkeypatch.setattr(chapters, "ROOT", tmp_path / "root")
    monkeypatch.setattr(chapters, "chapters", lambda: PATHS[:1])
    archive = sets.make("student", tmp_path / "out" / "student")
    with zipfile.ZipFile(archive) as packed:
        names = packed.namelist()
        packed.extractall(tmp_path / "unpacked")
    assert all(name.startswith("gahr-student/") for name in names)
    assert {"gahr-student/01-denoising.ipynb", "gahr-student/requirements.txt"} <= set(names)
    assert not [name for name in names if "__pycache__" in name]
    folder = tmp_path / "unpacked" / "gahr-student"
    spec = importlib.util.spec_from_file_location("unpacked_files", folder / "gahr" / "_files.py")
    unpacked = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(unpacked)
    assert unpacked.checkout() == folder / "data"
    (folder / "old.txt").touch()
    assert sets.make("student", tmp_path / "out" / "student") == archive


@pytest.mark.skipif(not shutil.which("make"), reason="there is no make")
def test_make_book_puts_the_students_set_where_the_course_page_links_to():
    said = subprocess.run(["make", "-nB", "book"], cwd=chapters.ROOT, capture_output=True, text=True).stdout
    recipe = said[said.index("book/_tools/slides.py") :]
    assert "book/_tools/sets.py student _build/student" in recipe
    assert "cp _build/gahr-student.zip _build/html/sets" in recipe
    page = (chapters.BOOK / "teaching" / "course.md").read_text(encoding="utf-8")
    (link,) = re.findall(r'href="([^"]+\.zip)"', page)
    assert posixpath.normpath(f"_build/html/book/teaching/{link}") == "_build/html/sets/gahr-student.zip"


def test_a_set_for_nobody_is_refused(tmp_path):
    with pytest.raises(ValueError, match="'student' or 'instructor'; got 'guest'"):
        sets.make("guest", tmp_path / "x")
    assert not (tmp_path / "x").exists()


def test_requirements_are_the_package_s_and_jupyterlab():
    names = [row.partition(">")[0] for row in sets.requirements()]
    assert {"torch", "numpy", "jupyterlab", "ipykernel"} <= set(names) and "pytest" not in names
