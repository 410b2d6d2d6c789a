"""The slides follow their plan: what it shows, in its order, with numbers, notes and no solution."""

import html
import re

import nbformat
import pytest
import yaml

import chapters
import plan
import quiz
import slides
from plan import Block, Part

PARTS = [part for name in plan.NAMES for part in plan.parts(plan.read(name))]
EVERY = pytest.mark.parametrize("name", plan.NAMES)
SECTION = re.compile(
    r'<section class="([\w ]+)" data-shows="([^"]+)" data-clock="([^"]+)">(.*?)</section>', re.DOTALL
)


@pytest.fixture(scope="module")
def drawn():
    return slides.figures()


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    made = tmp_path_factory.mktemp("slides")
    slides.write(made)
    return made


def shown(folder, name):
    """The slides of a plan: kind, what they show, clock and HTML."""
    return SECTION.findall((folder / f"{name}.html").read_text(encoding="utf-8"))


def planned(text):
    """What a plan's page shows and asks, in order, read off its text line by line."""
    for line in text.splitlines():
        if found := re.match(r"## \d:\d\d (.*) \(\d+ minutes\)$", line):
            yield "part", found[1]
        elif found := re.match(r"(?:\*\*|:::\{admonition\} )Board (\d)", line):
            yield "board", f"board {found[1]}"
        elif found := re.match(r"\*\*Show, \d+ min\.\*\* \{numref\}`([\w-]+)`", line):
            yield "figure", found[1]
        elif found := re.match(r"\*\*Quiz, \d+ min\.\*\* \[Questions? ([\d and]+) of chapter", line):
            yield from (("quiz", f"quiz {number}") for number in found[1].split(" and "))
        elif found := re.match(r"\*\*Exercise, \d+ min\.\*\* \[Exercise (\d)", line):
            yield "exercise", f"exercise {found[1]}"
        elif found := re.match(r"\*\*(Ask|Predict|Lab|Do), ", line):
            yield found[1].lower(), found[1].lower()
        elif line == "```python":
            yield "code", "code"


@EVERY
def test_slides_follow_the_plan_in_its_order(folder, name):
    asked = [what for kind, what in planned(plan.read(name)) if kind != "part"]
    found = [what for _, what, _, _ in shown(folder, name)]
    parts_without = [what for what in found if what == "part"]
    found = [what for what in found if what != "part"]
    assert len(asked) == len(found) > 10 and not parts_without
    for want, got in zip(asked, found, strict=True):
        assert got == want or got.startswith(f"{want} ") or (want == "predict" and "live-your" in got), (
            want,
            got,
        )


@EVERY
def test_a_task_is_on_the_screen_without_what_is_for_the_lecturer(folder, name):
    blocks = [b for part in plan.parts(plan.read(name)) for b in part.blocks if b.kind in ("do", "exercise")]
    found = [page for _, what, _, page in shown(folder, name) if what.startswith(("do", "exercise"))]
    assert len(found) == len(blocks)
    for block, page in zip(blocks, found, strict=True):
        screen, _, notes = page.partition("<aside")
        words = re.findall(r"[A-Za-z]{4,}", block.text)[:6]
        assert all(word in screen for word in words), (words, screen)
        assert "If it is slow" not in screen and "The solution is" not in screen


@EVERY
def test_slides_carry_the_clock_of_their_part(folder, name):
    clocks = list(dict.fromkeys(clock for _, _, clock, _ in shown(folder, name)))
    assert clocks == [part.clock for part in plan.parts(plan.read(name))]


@EVERY
def test_figures_and_boards_have_the_numbers_of_the_chapters_and_the_plan(folder, name):
    for kind, what, _, page in shown(folder, name):
        if kind == "board":
            assert f"<h2>{what.capitalize()}: " in page and "<em>Symbols.</em>" in page
        if kind == "figure":
            assert f"<strong>Figure {number_of(what)}.</strong>" in page
            assert f'<img src="{what}.png"' in page or "not been executed" in page
            assert (folder / f"{what}.png").exists() == ("<img" in page)


def number_of(name):
    """Number of a figure: chapter, and place among the chapter's figures."""
    for path in sorted(chapters.BOOK.glob("[0-9][0-9]-*.ipynb")):
        cells = nbformat.read(path, as_version=4).cells
        names = [
            c.metadata["mystnb"]["figure"]["name"] for c in cells if "figure" in c.metadata.get("mystnb", {})
        ]
        if name in names:
            return f"{int(path.name[:2])}.{names.index(name) + 1}"
    return None


@EVERY
def test_notes_hold_the_answers_and_slides_do_not(folder, name):
    asked = [block for part in plan.parts(plan.read(name)) for block in part.blocks if block.answer]
    notes = ""
    for _, _, clock, page in shown(folder, name):
        seen, _, said = page.partition('<aside class="notes">')
        assert f"<strong>{clock}, " in said
        assert "Expected." not in seen and "Usual wrong answer" not in seen and "Solution" not in seen
        notes += said
    assert notes.count("<strong>Expected.</strong>") == len(asked)


def test_nothing_is_left_of_the_markup(folder):
    for name in plan.NAMES:
        for _, what, _, page in shown(folder, name):
            assert not re.search(r"\$[^$\n<]+\$|\{numref|\{cite|:::|\.ipynb#|\.md[)#]", page), (name, what)
    page = "".join(page for *_, page in shown(folder, "session-1"))
    assert (
        "Exercise 1 (warm-up)" in page
        and "<em>17 minutes.</em>" in page
        and "<code>03-sampling.ipynb</code>" in page
    )


def test_a_quiz_slide_has_the_answers_in_the_page_s_order(folder):
    (page,) = (page for _, what, _, page in shown(folder, "session-1") if what.startswith("quiz 1"))
    asked = {"ask": "a", "right": ["r", "yes"], "wrong": [["w", "no"], ["v", "no"]]}  # 97 % 3 is 1
    assert [text for text, *_ in quiz.answers(asked)] == ["w", "r", "v"]
    assert page.partition("<aside")[0].count("<li>") == 4


def test_the_notes_of_a_quiz_slide_give_the_reason_for_each_answer(folder):
    asked = yaml.safe_load((quiz.FOLDER / "01-denoising.yml").read_text(encoding="utf-8"))["questions"]
    pages = [page for _, what, _, page in shown(folder, "session-1") if what.startswith("quiz ")]
    for one, page in zip((asked[0], asked[4]), pages, strict=True):
        seen, _, notes = page.partition("<aside")
        said = html.unescape(re.sub(r"<[^>]+>", "", notes))
        assert f"Right. {one['right'][0]}" in said
        for _, why in (one["right"], *one["wrong"]):
            assert html.unescape(re.sub(r"<[^>]+>", "", why)) in said and why not in seen


def test_a_covered_panel_is_uncovered_only_behind_its_question(folder):
    for name in plan.NAMES:
        order = [(what, 'class="covered"' in page) for _, what, _, page in shown(folder, name)]
        for at, (what, covered) in enumerate(order):
            if covered:
                assert order[at + 1][0] == "ask" and order[at + 2] == (what, False), (name, what)
    assert sum(slides.COVERED in block.text for part in PARTS for block in part.blocks) == 1


def test_a_slide_of_the_lab_says_where_to_go_and_not_what_appears(folder):
    for name in ("session-2", "session-3"):
        pages = [page.partition("<aside") for _, what, _, page in shown(folder, name) if what == "lab"]
        assert pages and all("../book/lab.html#panel=" in seen for seen, _, _ in pages)
        assert all("What appears" not in seen and "What appears" in notes for seen, _, notes in pages)


def test_a_figure_that_nobody_draws_is_named():
    block = Block("show", 5, "{numref}`fig-nowhere`")
    with pytest.raises(ValueError, match="fig-nowhere, which no chapter draws"):
        list(slides.of_block(block, {}))


def test_a_chapter_that_was_not_executed_has_a_slide_that_says_so():
    figure = slides.Figure("1.1", "Dots", None, "A dot. More.", "")
    part = Part(0, 5, "Look", [Block("show", 5, "{numref}`fig-a`. A dot, see {numref}`fig-a`.")])
    (made,) = slides.of_part(part, {"fig-a": figure})
    assert "not been executed" in made and "<img" not in made and "see Figure 1.1." in made


def test_a_part_that_shows_nothing_has_a_slide_with_its_title():
    (made,) = slides.of_part(Part(75, 15, "Debate", [Block("say", 15, "Talk.")]), {})
    assert "Debate</p>" in made.partition("<aside")[0] and "1:15 to 1:30, Debate" in made and "Talk." in made


def test_formulas_become_what_katex_sets_and_links_lead_into_the_book():
    assert "\\(a &lt; b\\)" in slides.rendered("So $a < b$.")
    assert "../book/01-denoising.html#predict" in slides.rendered("[p](../01-denoising.ipynb#predict)")
    assert "../book/teaching/session-1.html" in slides.rendered("[p](session-1.md)")
