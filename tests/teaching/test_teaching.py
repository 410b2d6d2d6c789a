"""The teaching pages: minutes that add up, links and lab addresses that lead somewhere, tables from data."""

import re

import pytest

import chapters
import lint
import minutes
import prose
from chapters import Chapter

FOLDER = chapters.BOOK / "teaching"
PAGES = sorted(FOLDER.glob("*.md"))
STATE = (chapters.ROOT / "_static" / "lab" / "state.mjs").read_text(encoding="utf-8")


def read(name):
    return (FOLDER / name).read_text(encoding="utf-8")


def plans():
    """The plans of the course page: heading, and minutes of each row."""
    pieces = re.split(r"(?m)^##+ (.*)$", read("course.md"))
    for title, text in zip(pieces[1::2], pieces[2::2], strict=True):
        rows = re.findall(r"(?m)^\| (\d+) \| (.*)$", text)
        if "| minutes |" in text:
            yield title, [int(number) for number, _ in rows]


def test_the_minutes_of_every_plan_add_up():
    found = dict(plans())
    assert len(found) == 4
    for title, spent in found.items():
        assert sum(spent) == (90 if title.startswith("Session") else 60), title
        assert max(spent) <= 25, "no part of a plan is longer than 25 minutes"


def test_the_seminar_has_a_session_for_each_of_ten_chapters():
    text = read("course.md").partition("(seminar)=")[2].partition("(guest")[0]
    assert re.findall(r"(?m)^\| (\d+) \| \[(\d+)\]", text) == [(str(n), str(n)) for n in range(1, 11)]
    pattern = text.partition("90 minutes: ")[2].partition("\n\n")[0]
    assert sum(map(int, re.findall(r"\((\d+)\)", pattern))) == 90


@pytest.mark.parametrize("path", PAGES, ids=lambda path: path.stem)
def test_links_to_sections_of_chapters_lead_there(path):
    for name, anchor in re.findall(r"\]\(\.\./([\w-]+\.ipynb)#([\w-]+)\)", path.read_text(encoding="utf-8")):
        assert anchor in lint.anchors(Chapter.read(chapters.BOOK / name).text), f"{name}#{anchor}"


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
