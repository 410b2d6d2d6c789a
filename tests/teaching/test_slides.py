"""The slides show what the plan names: figures as drawn, exercises without solutions, notes with minutes."""

import re

import pytest

import slides

PLAN = slides.PLAN.read_text(encoding="utf-8")
SESSIONS = slides.sessions(PLAN)


@pytest.fixture(scope="module")
def drawn():
    return slides.figures()


@pytest.fixture(scope="module")
def made(drawn, tmp_path_factory):
    """The pages of all sessions, by number, and the folder they lie in."""
    folder = tmp_path_factory.mktemp("slides")
    found = {}
    for title, rows in SESSIONS.items():
        parts = [part for row in rows for part in slides.of_row(row, drawn, slides.boards(PLAN), folder)]
        found[title] = "\n".join(parts)
    return found, folder


def test_the_plan_is_read_whole():
    assert len(SESSIONS) == 3
    assert all(sum(int(row.minutes) for row in rows) == 90 for rows in SESSIONS.values())
    assert sorted(slides.boards(PLAN)) == [str(n) for n in range(1, 8)]


def test_every_figure_and_board_of_the_plan_has_a_slide(made, drawn):
    for title, rows in SESSIONS.items():
        page, folder = made[0][title], made[1]
        for name in {name for row in rows for name in re.findall(r"\{numref\}`([\w-]+)`", row.screen)}:
            heading = slides.rendered(f"## {drawn[name].section}").strip()
            assert heading in page
            if drawn[name].png:  # a chapter that was changed has none until it is executed again
                assert f'<img src="{name}.png"' in page
                assert (folder / f"{name}.png").read_bytes() == drawn[name].png
        assert page.count('class="board"') == sum(bool(re.search(r"board \d", row.board)) for row in rows)


def test_slides_have_notes_and_no_solution_and_no_leftover_markup(made):
    for page in made[0].values():
        assert page.count("<section") == page.count('<aside class="notes">') > 10
        assert "Solution</summary>" not in page and "{numref}" not in page and "{cite" not in page
        assert not re.search(r"\$[^$\n]+\$", page)
    assert "Exercise 1 (warm-up)" in "".join(made[0].values())


def test_a_board_has_a_title_and_a_line_for_each_step():
    text = slides.board("the sum.** $a = 1$; $b = 2$. So\n$a + b = 3$.")
    assert text == "## The sum\n\n$a = 1$;\n\n$b = 2$.\n\nSo $a + b = 3$."


def test_a_figure_that_nobody_draws_is_named(tmp_path):
    row = slides.Row("5", "Look.", "{numref}`fig-nowhere`", "")
    with pytest.raises(ValueError, match="fig-nowhere, which no chapter draws"):
        list(slides.of_row(row, {}, {}, tmp_path))


def test_a_chapter_that_was_not_executed_has_a_slide_that_says_so(tmp_path):
    row = slides.Row("5", "Look.", "{numref}`fig-a`", "")
    (made,) = slides.of_row(row, {"fig-a": slides.Figure("Dots", None, "A dot.", "")}, {}, tmp_path)
    assert "not been executed" in made and "<img" not in made and not list(tmp_path.iterdir())


def test_formulas_become_what_katex_sets():
    assert "\\(a &lt; b\\)" in slides.rendered("So $a < b$.")
    assert "../book/01-denoising.html#predict" in slides.rendered("[p](../01-denoising.ipynb#predict)")
