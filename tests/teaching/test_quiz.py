"""Quizzes and guesses: complete, in the right places, and usable by keyboard."""

import importlib.util

import pytest
import yaml
from nbformat import v4

import chapters
import quiz
from chapters import Chapter

PATHS = sorted(quiz.FOLDER.glob("*.yml"))
CHAPTERS = [path for path in chapters.chapters() if (quiz.FOLDER / f"{path.stem}.yml").exists()]
SMALL = {
    "guesses": [{"ask": "How $x$?", "after": "fig-a"}, {"ask": "Why <b>?", "after": "Second"}],
    "questions": [
        {"ask": "Why?", "right": ["So.", "Yes."], "wrong": [["Not so.", "No, $a<b$."], ["Else.", "No."]]}
    ],
}


def read(path):
    return yaml.safe_load(path.read_text(encoding="utf-8"))


@pytest.fixture
def small(tmp_path):
    """A chapter in small with a quiz: notebook and folder."""
    figure = {"mystnb": {"figure": {"name": "fig-a"}}}
    cells = [
        v4.new_markdown_cell("# T\n\n## Predict\n\nGuess."),
        v4.new_markdown_cell("## First\n\nText."),
        v4.new_code_cell("draw()", metadata=figure),
        v4.new_code_cell("pass", metadata={"tags": ["remove-input"]}),
        v4.new_markdown_cell("More.\n\n## Second\n\nText.\n\n### Third\n\nText."),
        v4.new_markdown_cell("## Doubts\n\nText.\n\n## Exercises\n\n### Exercise 1\n\nDo."),
    ]
    (tmp_path / "01-t.yml").write_text(yaml.safe_dump(SMALL), encoding="utf-8")
    return v4.new_notebook(cells=cells), tmp_path


def outline(notebook):
    """First words of each cell, tags of HTML shortened to their class."""
    return [c.source.partition("\n")[0][:24] for c in notebook.cells]


def test_fields_echoes_and_questions_stand_where_they_belong(small):
    found = outline(quiz.add(*small[:1], "01-t", small[1]))
    assert found == [
        "# T",
        "## Predict",
        '<div class="gahr-guess" ',
        "## First",
        "draw()",
        "pass",
        '<div class="gahr-guessed',
        "More.",
        "## Second",
        '<div class="gahr-guessed',
        "### Third",
        "## Doubts",
        "## Quiz",
        "## Exercises",
        "### Exercise 1",
    ]


def test_a_chapter_without_a_quiz_is_left_alone(small):
    before = [c.source for c in small[0].cells]
    assert [c.source for c in quiz.add(small[0], "02-u", small[1]).cells] == before


def test_a_guess_about_nothing_is_refused_by_name(small):
    notebook, folder = small
    (folder / "01-t.yml").write_text(yaml.safe_dump(SMALL | {"guesses": [{"ask": "?", "after": "fig-b"}]}))
    with pytest.raises(ValueError, match=r"01-t.yml, guess 1: .* named 'fig-b'"):
        quiz.add(notebook, "01-t", folder)


def test_formulas_are_set_and_signs_are_text():
    assert quiz.inline("1 < $a<b$ & c") == (
        '1 &lt; <span class="math notranslate nohighlight">\\(a&lt;b\\)</span> &amp; c'
    )


@pytest.mark.parametrize("path", PATHS, ids=lambda path: path.stem)
def test_every_quiz_has_five_questions_and_a_word_on_each_answer(path):
    found = read(path)
    assert len(found["questions"]) == 5 and 1 <= len(found["guesses"]) <= 3
    for asked in found["questions"]:
        assert 2 <= len(asked["wrong"]) <= 4
        pairs = [asked["right"], *asked["wrong"]]
        assert all(len(pair) == 2 and len(pair[1]) > 5 for pair in pairs)
        assert len({answer for answer, _ in pairs}) == len(pairs)
        assert len({said for _, said in pairs}) == len(pairs)


def test_the_right_answer_is_not_always_in_one_place():
    places = set()
    for path in PATHS:
        for n, asked in enumerate(read(path)["questions"], 1):
            text = quiz.question(path.stem, n, asked)
            places.add(text[: text.index("data-right")].count("data-answer"))
            assert text.count("data-right") == 1 and "\n" not in text
    assert len(places) >= 4


@pytest.mark.parametrize("path", CHAPTERS, ids=lambda path: path.stem)
def test_every_guess_has_its_result_in_the_chapter(path):
    notebook = quiz.add(Chapter.read(path).notebook, path.stem)
    sources = [cell.source for cell in notebook.cells]
    wanted = len(read(quiz.FOLDER / f"{path.stem}.yml")["guesses"])
    assert sum('class="gahr-guessed"' in source for source in sources) == wanted
    starts = [source[:7] for source in sources if source.startswith(("## Quiz", '<div class="gahr-guess"'))]
    assert starts == ["<div cl", "## Quiz"]


# ------------------------------------------------------------------------------------------------
# In a browser


SITE = "http://book.test/page.html"


@pytest.fixture
def page(small):
    """A page with the small quiz, in Chromium."""
    if not importlib.util.find_spec("playwright"):
        pytest.skip("playwright is not installed")
    from playwright.sync_api import Error, sync_playwright

    notebook = quiz.add(small[0], "01-t", small[1])
    body = "\n".join(c.source for c in notebook.cells if "<div" in c.source)
    script = (chapters.ROOT / "_static" / "quiz.js").read_text(encoding="utf-8")
    page = f"<!doctype html><meta charset=utf-8>{body}<script>{script}</script>"
    with sync_playwright() as playwright:
        try:
            browser = playwright.chromium.launch(**browser_options())
        except Error:
            pytest.skip("there is no Chromium")
        opened = browser.new_page()
        # A site, as for readers: of a page opened as a file Chromium now and then forgets what it stored.
        opened.route(SITE, lambda route: route.fulfill(body=page, content_type="text/html"))
        opened.goto(SITE)
        yield opened
        browser.close()


def browser_options():
    import shutil

    found = shutil.which("chromium") or shutil.which("chromium-browser")
    return {"executable_path": found, "args": ["--no-sandbox"]} if found else {}


def test_a_quiz_is_answered_by_keyboard_and_says_why(page):
    status = page.locator(".gahr-quiz [role=status]")
    page.get_by_role("button", name="Check").press("Enter")
    assert status.inner_text() == "Choose an answer first."
    page.get_by_role("radio", name="Not so.").press("Space")
    page.get_by_role("button", name="Check").press("Enter")
    assert status.inner_text().startswith("Not this one. No,") and page.locator(".gahr-wrong").count() == 1
    page.get_by_role("radio", name="So.", exact=True).press("Space")
    assert page.locator(".gahr-wrong").count() == 1  # nothing is said before one asks
    page.get_by_role("button", name="Check").press("Enter")
    assert status.inner_text() == "Right. Yes."


def test_a_guess_comes_back_beside_its_result_and_can_be_forgotten(page):
    first = page.locator('.gahr-guessed[data-guess="01-t-1"]')
    assert first.is_hidden()
    page.get_by_label("1. How").fill("<i>seven</i>")
    first.wait_for(state="visible")
    assert "<i>seven</i>" in first.inner_text()
    page.reload()
    first.wait_for(state="visible")
    assert "<i>seven</i>" in first.inner_text()
    page.get_by_role("button", name="Forget").press("Enter")
    first.wait_for(state="hidden")
    page.reload()
    assert first.is_hidden() and page.get_by_label("1. How").input_value() == ""
