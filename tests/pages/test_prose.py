"""What prose gains on its way to a page: links to the glossary, and minutes to read."""

import nbformat
import pytest
from nbformat import v4

import chapters
import gather
import prose

TERMS = {"denoiser", "score", "half", "noise level", "SURE", "blind denoiser"}


@pytest.mark.parametrize(
    ("text", "linked"),
    [
        ("A denoiser, two denoisers.", "A {term}`denoiser`, two denoisers."),
        (
            "Denoisers of half the size, on half A.",
            "{term}`Denoisers <denoiser>` of half the size, on {term}`half A <half>`.",
        ),
        ("A blind denoiser.", "A {term}`blind denoiser`."),
        ("We are sure. SURE is not.", "We are sure. {term}`SURE` is not."),
        ("Underscores and scored.", "Underscores and scored."),
    ],
)
def test_a_term_is_linked_where_it_is_first_used(text, linked):
    assert prose.linked(text, set(TERMS)) == linked


@pytest.mark.parametrize(
    "text",
    [
        "## A denoiser",
        "`denoiser` and $score$ and {doc}`score`",
        "[a denoiser](score.md) ![score](score.png)",
        "```python\nscore = denoiser(y)\n```",
        "$$\nscore\n$$",
        "| denoiser | score |",
        '<a href="score.html">x</a>',
        "<div>\n<p>A score</p> of a\ndenoiser.\n</div>\n\nText.",
        ":::{note} score\ndenoiser\n:::",
    ],
)
def test_code_formulas_links_and_headings_are_left_alone(text):
    assert prose.linked(text, set(TERMS)) == text


def test_each_term_is_linked_once_in_a_chapter():
    cells = [
        v4.new_markdown_cell("An oracle, and what a vector scores: half a decibel."),
        v4.new_code_cell("oracle = 1"),
        v4.new_markdown_cell("The oracle of a denoiser."),
    ]
    made = gather.for_reading(v4.new_notebook(cells=cells))
    assert [cell.source for cell in made.cells] == [
        "An {term}`oracle`, and what a vector scores: half a decibel.",
        "oracle = 1",
        "The oracle of a {term}`denoiser`.",
    ]


def test_every_link_in_the_book_names_a_term():
    known = {term.lower() for term in gather.terms()}
    for path in chapters.chapters():
        notebook = nbformat.read(path, as_version=4)
        before = chapters.Chapter(path, notebook).text
        text = chapters.Chapter(path, gather.for_reading(notebook)).text
        found = [
            role.rpartition("<")[2].rstrip(">").lower()
            for role in prose.re.findall(r"\{term\}`([^`]+)`", text)
        ]
        assert len(found) >= 5 and len(set(found)) == len(found) and set(found) <= known, path.name
        plain = prose.re.sub(r"\{term\}`([^`<]+?)(?: <[^`]*>)?`", r"\1", text)
        assert prose.re.sub(r" · about \d+ minutes to read", "", plain) == before, path.name


def test_minutes_to_read_count_words_and_figures():
    figure = {"mystnb": {"figure": {"name": "fig-a", "caption": "..."}}}
    words = v4.new_markdown_cell("word " * (18 * prose.WORDS) + "`code` $x$")
    drawn = [v4.new_code_cell("f()", metadata=figure) for _ in range(4)]
    assert prose.minutes(chapters.Chapter(None, v4.new_notebook(cells=[words, *drawn]))) == 20
    assert prose.minutes(chapters.Chapter(None, v4.new_notebook())) == 5


def test_minutes_stand_beside_the_seconds():
    line = "# A\n\n**Run it:** [Colab](x) · about 20 seconds on two cores, no GPU\n\nText."
    assert prose.timed(line, 30) == line.replace("no GPU", "no GPU · about 30 minutes to read")
    assert all(
        "minutes to read" in prose.timed(chapters.Chapter.read(path).text, 5) for path in chapters.chapters()
    )
