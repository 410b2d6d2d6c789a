"""Every chapter keeps the template's rules, and every rule notices when it is broken."""

import base64
import copy
from pathlib import Path

import pytest
from nbformat import v4

import chapters
import lint
from chapters import Chapter
from new import blank

PATHS = chapters.chapters()


# ------------------------------------------------------------------------------------------------
# The chapters


@pytest.mark.parametrize("rule", lint.RULES, ids=lambda rule: rule.__name__)
@pytest.mark.parametrize("path", PATHS, ids=lambda path: path.stem)
def test_chapter(path, rule):
    problems = list(rule(Chapter.read(path)))
    assert not problems, "\n".join(problems)


def test_figure_names_are_unique_over_the_book():
    assert not list(lint.figure_names_unique([Chapter.read(path) for path in PATHS]))


@pytest.mark.parametrize("path", chapters.pages(), ids=lambda path: path.stem)
def test_page_links(path):
    page = Chapter(path, v4.new_notebook(cells=[v4.new_markdown_cell(path.read_text(encoding="utf-8"))]))
    problems = [p for rule in (lint.links, lint.markdown_pictures) for p in rule(page)]
    assert not problems, "\n".join(problems)


# ------------------------------------------------------------------------------------------------
# The rules: a chapter that keeps all, then one broken in one place

DOT = base64.b64encode(b"not a large picture").decode()
FIGURE = {
    "figure": {"name": "fig-one-dot", "caption": "A dot on white, as the cell above drew it."},
    "image": {"alt": "A single black dot in the middle of a white square."},
}


@pytest.fixture
def chapter():
    """A chapter that keeps every rule."""
    notebook = blank("04-dots", "On dots")
    cells = notebook["cells"]
    cells[7]["outputs"] = [v4.new_output("display_data", {"image/png": DOT, "text/plain": "<Figure>"})]
    cells[7]["metadata"]["mystnb"] = copy.deepcopy(FIGURE)
    cells[8]["source"] += "\n\n" + "As {numref}`fig-one-dot` shows, a dot is small. " * 180
    cells[-2]["outputs"] = [v4.new_output("stream", name="stdout", text="one dot: holds\n")]
    for number, cell in enumerate(cells):
        cell["id"] = f"cell-{number}"
    return Chapter(chapters.BOOK / "04-dots.ipynb", chapters.strip(notebook))


def find(chapter, text):
    return next(cell for cell in chapter.cells if text in cell["source"])


def replace(old, new):
    def damage(chapter):
        cell = find(chapter, old)
        cell["source"] = cell["source"].replace(old, new)

    return damage


def append(text, after="## Third step"):
    return replace(after, f"{after}\n\n{text}\n")


def tag(text, *wanted):
    return lambda chapter: find(chapter, text)["metadata"].update(tags=list(wanted))


def figure(**change):
    return lambda chapter: find(chapter, "import gahr")["metadata"]["mystnb"].update(change)


def output(text, *outputs):
    return lambda chapter: find(chapter, text)["outputs"].extend(outputs)


def drop(text):
    return lambda chapter: chapter.cells.remove(find(chapter, text))


def code(source, times=1, after="## Third step", tags=()):
    def damage(chapter):
        place = chapter.cells.index(find(chapter, after)) + 1
        new = [v4.new_code_cell(source, metadata={"tags": list(tags)}) for _ in range(times)]
        chapter.cells[place:place] = new

    return damage


def printed(text, name="stdout"):
    return v4.new_output("stream", name=name, text=text)


def picture(data):
    return v4.new_output("display_data", {"image/png": data})


def metadata(**change):
    return lambda chapter: chapter.notebook["metadata"].update(change)


LARGE = base64.b64encode(bytes(400_001)).decode()
HASHED = {"source_sha256": "0" * 64}
WIDGET = v4.new_output("display_data", {"application/vnd.jupyter.widget-view+json": {"model_id": "1"}})

BROKEN = {
    "no title": (lint.opening, replace("# On dots", "On dots")),
    "two titles": (lint.opening, append("# Another title")),
    "no run line": (lint.opening, replace("**Run it:**", "Run it:")),
    "a branch in Colab": (lint.opening, replace(f"/blob/v{chapters.version()}/", "/blob/main/")),
    "another chapter's download": (
        lint.opening,
        replace("04-dots.ipynb) · under", "05.ipynb) · under"),
    ),
    "no cost": (lint.opening, replace("under 90 seconds on a laptop CPU", "soon done")),
    "swapped sections": (lint.order, replace("## Predict", "## Prediction")),
    "no caveats": (lint.order, drop("## What would change our mind")),
    "two free sections": (lint.order, replace("## Third step", "### Third step")),
    "an empty section": (lint.order, append("## Nothing here\n\n## Fourth step")),
    "references first": (lint.order, replace("## Check", "## References\n\n- one\n\n## Check")),
    "two objectives": (lint.objectives, replace("\n- judge", "")),
    "a takeaway too many": (lint.objectives, replace("- judged", "- judged\n- forgot")),
    "set-up not hidden": (lint.setup, tag("google.colab", "setup")),
    "set-up from a branch": (lint.setup, replace(f"@v{chapters.version()}", "@main")),
    "set-up not first": (lint.setup, code("1", after="## You will be able to")),
    "no parameters": (lint.parameters, tag('effort = "default"')),
    "other parameters": (lint.parameters, replace('effort = "default"', 'effort = "quick"')),
    "two parameter cells": (lint.parameters, code('effort = "default"', tags=["parameters"])),
    "two exercises": (lint.exercises, replace("### Exercise 3: explore", "")),
    "an unfolded solution": (lint.exercises, replace("<details>", "")),
    "a visible solution": (
        lint.exercises,
        lambda c: (replace("<details>", "")(c), code("1", after="## Exercises", tags=["solution"])(c)),
    ),
    "no check": (lint.check_cell, tag('key numbers, as verdicts")')),
    "two checks": (lint.check_cell, code("print(1)", after="## Check", tags=["nbval-check-output"])),
    "a check elsewhere": (lint.check_cell, code("print(1)", tags=["nbval-check-output"])),
    "a silent check": (lint.check_cell, lambda c: c.cells[-2].update(outputs=[])),
    "no works": (lint.references, replace("- The paper", "The paper")),
    "many cells": (lint.short_cells, code("1", times=22)),
    "one very long cell": (lint.short_cells, code("1\n" * 21)),
    "another chapter's figures": (lint.imports, code("from gahr.figures import manifolds")),
    "all figures": (lint.imports, code("import gahr.figures")),
    "a private module": (lint.imports, code("from gahr.ideal import _intensities")),
    "the ground floor": (lint.imports, code("from gahr import _checks, measures")),
    "the authors' side": (lint.imports, code("def show():\n    from book.studies import store")),
    "too few words": (lint.length, replace("a dot is small", "")),
    "too many words": (lint.length, append("word " * 2500)),
    "a figure without a name": (lint.figures, figure(figure={"caption": FIGURE["figure"]["caption"]})),
    "a figure with a bad name": (lint.figures, figure(figure={**FIGURE["figure"], "name": "One dot"})),
    "a trivial caption": (lint.figures, figure(figure={"name": "fig-one-dot", "caption": "A dot."})),
    "no alternative text": (lint.figures, figure(image={})),
    "the caption as alternative": (lint.figures, figure(image={"alt": FIGURE["figure"]["caption"]})),
    "two pictures in a cell": (lint.figures, output("import gahr", picture(DOT))),
    "a caption without a picture": (
        lint.figures,
        lambda c: find(c, "import gahr").update(outputs=[printed("1")]),
    ),
    "a large picture": (lint.small_pictures, output("import gahr", picture(LARGE))),
    "a large notebook": (
        lint.small_pictures,
        output("import gahr", printed("1" * 2_000_000)),
    ),
    "a picture without text": (lint.markdown_pictures, append("![](dot.png)")),
    "an img without text": (lint.markdown_pictures, append('<img src="dot.png">')),
    "no outputs": (lint.outputs_present, lambda c: [cell.update(outputs=[]) for cell in c.code]),
    "an error": (lint.outputs_present, output("import gahr", v4.new_output("error", ename="E", evalue="e"))),
    "a warning": (
        lint.outputs_present,
        output("import gahr", printed("w", "stderr")),
    ),
    "code changed": (lint.outputs_current, replace("import gahr", "import gahr.zoo")),
    "no hash": (lint.outputs_current, metadata(gahr={})),
    "another hash": (lint.outputs_current, metadata(gahr=HASHED)),
    "papermill's times": (lint.nothing_volatile, metadata(papermill={"duration": 1})),
    "an execution time": (
        lint.nothing_volatile,
        lambda c: find(c, "import gahr")["metadata"].update(execution={"started": 1}),
    ),
    "injected parameters": (lint.nothing_volatile, tag("import gahr", "injected-parameters")),
    "a widget": (lint.nothing_volatile, output("import gahr", WIDGET)),
    "an address": (
        lint.nothing_volatile,
        output("import gahr", printed("<object at 0x7f0011223344>")),
    ),
    "a machine's path": (
        lint.nothing_volatile,
        output("import gahr", printed("saved /home/me/x.npz")),
    ),
    "a dead link": (lint.links, append("[a chapter](05-nowhere.ipynb)")),
    "a dead anchor": (lint.links, append("[a section](#nowhere)")),
}


def test_a_good_chapter_keeps_every_rule(chapter):
    assert [problem for rule in lint.RULES for problem in rule(chapter)] == []


def test_good_links_are_known(chapter):
    append("(a-label)=\n\n[one](01-denoising.ipynb) [above](#first-step) [here](#a-label)")(chapter)
    append("[a figure](#fig-one-dot) [out](https://example.org)")(chapter)
    assert list(lint.links(chapter)) == []


def test_good_imports_are_known(chapter):
    for source in (
        "import numpy as np\nfrom torch import nn\nimport gahr.analysis.pairs",
        "from gahr import paper, training, zoo\nfrom gahr.ideal.discs import draw",
        "from gahr.figures import dots as figures\nfrom gahr.figures.dots import spots",
    ):
        code(source)(chapter)
    assert not list(lint.imports(chapter))


@pytest.mark.parametrize(("rule", "damage"), BROKEN.values(), ids=BROKEN.keys())
def test_the_rule_notices(rule, damage, chapter):
    damage(chapter)
    assert list(rule(chapter))


def test_every_rule_is_shown_to_fail():
    assert {rule for rule, _ in BROKEN.values()} == set(lint.RULES)


def test_repeated_figure_names_are_noticed(chapter):
    assert list(lint.figure_names_unique([chapter, chapter]))


# ------------------------------------------------------------------------------------------------
# Storing


def test_strip_removes_what_is_volatile_and_is_idempotent(chapter):
    before = copy.deepcopy(chapter.notebook)
    chapter.notebook["metadata"]["papermill"] = {"duration": 1.0}
    chapter.notebook["metadata"]["widgets"] = {"application/vnd.jupyter.widget-state+json": {}}
    chapter.cells[7]["metadata"]["execution"] = {"iopub.status.busy": "now"}
    assert chapters.strip(chapter.notebook) == before
    assert not list(lint.nothing_volatile(chapter))


def test_what_was_printed_in_a_row_is_one_output():
    def printed(text, name="stdout"):
        return v4.new_output("stream", name=name, text=text)

    picture = v4.new_output("display_data", {"image/png": "x"})
    cell = v4.new_code_cell("f()")
    cell["outputs"] = [printed("a\n"), printed("b\n"), picture, printed("c"), printed("d", "stderr")]
    chapters.join_streams(cell)
    assert [o.get("text") for o in cell["outputs"]] == ["a\nb\n", None, "c", "d"]
    chapters.join_streams(v4.new_markdown_cell("no outputs"))


def test_the_hash_follows_code_but_neither_prose_nor_the_address(chapter):
    def current():
        return chapters.source_sha256(chapter.notebook)

    before = current()
    find(chapter, "google.colab")["source"] += "# another address"
    find(chapter, "## Predict")["source"] += " More prose."
    assert current() == before
    find(chapter, "import gahr")["source"] += "  # changed"
    assert current() != before


def test_a_notebook_is_written_whole_and_read_back(chapter, tmp_path):
    path = tmp_path / "04-dots.ipynb"
    chapters.write(chapter.notebook, path)
    assert Chapter.read(path).notebook == chapter.notebook
    assert path.read_bytes().endswith(b"}\n")
    assert [p.name for p in tmp_path.iterdir()] == [path.name]


def test_markdown_is_cut_at_its_sections(chapter):
    titles = [section.title for section in chapter.sections]
    assert titles[:2] == ["", "You will be able to"]
    assert len(chapter.section("Before you start").code) == 2
    assert Chapter(Path("x"), v4.new_notebook()).section("Check").text == ""
