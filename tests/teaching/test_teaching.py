"""The teaching pages: links and lab addresses that lead somewhere, tables from data."""

import re

import pytest

import chapters
import lint
import minutes
import prose
import quiz
from chapters import Chapter

FOLDER = chapters.BOOK / "teaching"
PAGES = sorted(FOLDER.glob("*.md"))
STATE = (chapters.ROOT / "_static" / "lab" / "state.mjs").read_text(encoding="utf-8")


def read(name):
    return (FOLDER / name).read_text(encoding="utf-8")


@pytest.mark.parametrize("path", PAGES, ids=lambda path: path.stem)
def test_links_to_sections_of_chapters_lead_there(path):
    for name, anchor in re.findall(r"\]\(\.\./([\w-]+)\.ipynb#([\w-]+)\)", path.read_text(encoding="utf-8")):
        headings = lint.anchors(Chapter.read(chapters.BOOK / f"{name}.ipynb").text)
        if (quiz.FOLDER / f"{name}.yml").exists():
            headings.add("quiz")  # it comes into the page at rendering
        assert anchor in headings, f"{name}#{anchor}"


@pytest.mark.parametrize("path", PAGES, ids=lambda path: path.stem)
def test_addresses_of_the_lab_are_ones_that_it_understands(path):
    known = set(re.findall(r"(?m)^  (\w+): ", STATE.partition("ALLOWED = {")[2].partition("};")[0]))
    panels = re.search(r"PANELS = \[(.*?)\]", STATE)[1].replace('"', "").split(", ")
    for state in re.findall(r"lab\.html#([^\"]+)", path.read_text(encoding="utf-8")):
        asked = dict(pair.split("=") for pair in state.split("&amp;"))
        assert set(asked) <= known and asked.get("panel", panels[0]) in panels, state


def test_ten_questions_ten_answers_ten_misconceptions_each_with_a_figure():
    test = read("self-test.md")
    assert re.findall(r"(?m)^\*\*(\d+)\.\*\*", test) == [str(n) for n in range(1, 11)]
    assert test.count("<summary>Answer</summary>") == test.count("</details>") == 10
    rows = re.findall(r"(?m)^\| (\d+) \|.*\{numref\}`fig-[\w-]+` \|$", read("misconceptions.md"))
    assert rows == [str(n) for n in range(1, 11)]


def test_minutes_come_from_the_chapters_and_from_what_was_measured(tmp_path):
    path = chapters.chapters()[0]
    (tmp_path / f"{path.stem}.json").write_text('{"seconds": 12.6}')
    page = minutes.filled(read("course.md"), tmp_path)
    assert "fills it in" not in page
    row = next(line for line in page.splitlines() if f"(../{path.name}) |" in line and "minutes" in line)
    assert row.endswith("| 13 seconds |")
    assert re.search(r"\| \d+ minutes \|", row)
    chapter = Chapter.read(path)
    assert re.fullmatch(r"(\d+|an?) (seconds|minutes?)", minutes.computing(chapter))
    assert f"| {prose.minutes(chapter)} minutes |" in row
