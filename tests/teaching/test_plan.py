"""The plans: minutes that add up, answers to all questions, boards that define their symbols, no spoilers."""

import re

import pytest
import yaml

import chapters
import plan
import quiz
import sets
from chapters import Chapter
from gahr import images, measures, zoo
from gahr.denoisers import add_noise

TEXTS = {name: plan.read(name) for name in plan.NAMES}
PARTS = {name: plan.parts(text) for name, text in TEXTS.items()}
SEMINAR = plan.read("seminar")
EVERY = pytest.mark.parametrize("name", plan.NAMES)
ANSWER = re.compile(r"^\*\*Expected\.\*\* \S.*^\*\*Usual wrong answer\.\*\* \S", re.DOTALL | re.MULTILINE)


def seminar_sessions():
    """Number and text of each session of the seminar."""
    pieces = re.split(r"(?m)^## Session (\d+)$", SEMINAR)
    return dict(zip(map(int, pieces[1::2]), pieces[2::2], strict=True))


@EVERY
def test_minutes_add_up_part_by_part_and_the_clock_is_right(name):
    whole = 60 if name == "guest-lecture" else 90
    headings = re.findall(r"(?m)^## (\d+):(\d\d) .* \((\d+) minutes\)$", TEXTS[name])
    assert len(headings) == len(re.findall(r"(?m)^## ", TEXTS[name])) == len(PARTS[name]), (
        "a heading without minutes"
    )
    now = 0
    for (hours, minutes, spent), part in zip(headings, PARTS[name], strict=True):
        assert 60 * int(hours) + int(minutes) == now == part.start, part.title
        assert sum(block.minutes for block in part.blocks) == int(spent) <= 25, part.title
        now += int(spent)
    assert now == whole


def test_the_seminar_s_sessions_have_ninety_minutes_each():
    rows = re.findall(
        r"(?m)^\| (\d+) \| \[(\d+)\]\(\.\./(\d\d)-[\w-]+\.ipynb\) ((?:\| \d+ )+)\|$",
        SEMINAR,
    )
    assert [row[:2] for row in rows] == [(str(n), str(n)) for n in range(1, 14)]
    for number, _, chapter, cells in rows:
        assert chapter == f"{int(number):02}"
        spent = [int(cell) for cell in cells.split("|")[1:]]
        assert len(spent) == 5 and sum(spent) == 90, f"session {number}"
        said = re.search(
            r"\[Exercise \d+ of chapter (\d+)\].*?, (\d+) minutes", seminar_sessions()[int(number)]
        )
        assert said.groups() == (number, str(spent[3])), f"exercise of session {number}"


@EVERY
def test_each_question_has_its_answer_and_the_usual_wrong_one(name):
    asked = [
        b for part in PARTS[name] for b in part.blocks if b.kind in ("ask", "predict", "quiz", "exercise")
    ]
    raw = re.findall(r"(?m)^\*\*(?:Ask|Predict|Quiz|Exercise), ", TEXTS[name])
    assert len(asked) == len(raw) == TEXTS[name].count("<details>") == TEXTS[name].count("</details>")
    for block in asked:
        assert ANSWER.search(block.answer), block.text[:70]


def test_each_session_of_the_seminar_has_a_question_to_doubt_with_its_answers():
    assert list(seminar_sessions()) == list(range(1, 14))
    for number, text in seminar_sessions().items():
        doubt, _, answer = text.partition("**Doubt.** ")[2].partition("<details>")
        assert doubt.strip().endswith("?") and ANSWER.search(answer), number
        figures = re.findall(r"\{numref\}`(fig-[\w-]+)`", text.partition("**Exercise.**")[0])
        (path,) = chapters.BOOK.glob(f"{number:02}-*.ipynb")
        assert len(figures) == 2 and set(figures) <= set(chapters.figure_names(Chapter.read(path))), number


def exercises():
    texts = [*TEXTS.items(), ("seminar", SEMINAR)]
    return [(page, *found) for page, text in texts for found in plan.EXERCISE.findall(text)]


@pytest.mark.parametrize("page, number, chapter, stem", exercises(), ids="-".join)
def test_each_exercise_is_there_with_its_solution(page, number, chapter, stem):
    assert stem.startswith(f"{int(chapter):02}-")
    text = Chapter.read(chapters.BOOK / f"{stem}.ipynb").section("Exercises").text
    statement = re.search(rf"(?ms)^### Exercise {number}\b.*?(?=^### |\Z)", text)
    assert statement and "<summary>Solution</summary>" in statement[0]
    if page != "seminar":
        block = next(b for part in PARTS[page] for b in part.blocks if b.kind == "exercise")
        assert "solution is folded below the exercise" in block.text and f"`{stem}.ipynb`" in block.text
        assert "instructor's set" in block.text and block.minutes > 0


def test_cells_that_students_are_told_to_run_are_in_the_chapter():
    count = 0
    for name, parts in PARTS.items():
        for block in (block for part in parts for block in part.blocks if "begin" in block.text):
            stems = re.findall(r"`(\d\d-[\w-]+)\.ipynb`", block.text)
            near = re.findall(r"\bbegins?\s((?:`[^`]+`(?:, | and )?)+)", block.text)
            starts = [start for found in near for start in re.findall(r"`([^`]+)`", found)]
            sources = cells(stems[0] if stems else "05-transition")
            count += len(starts)
            for start in starts:
                assert any(source.startswith(start) for source in sources), (name, start)
    assert count >= 12


def cells(stem):
    """Sources of a chapter's code cells as students have them: without solutions."""
    made = sets.student(Chapter.read(chapters.BOOK / f"{stem}.ipynb").notebook)
    return [re.sub(r"^(?:#.*\n)+", "", cell.source) for cell in made.cells if cell.cell_type == "code"]


def test_the_lines_that_session_1_gives_are_enough_for_the_loop(capsys):
    (block,) = (b for part in PARTS["session-1"] for b in part.blocks if b.kind == "code")
    given = block.text.removeprefix("```python\n").removesuffix("```")
    chapter = Chapter.read(chapters.BOOK / "03-sampling.ipynb").notebook
    (solved,) = (
        c.source for c in chapter.cells if c.source.startswith("stream = ") and "solution" in str(c.metadata)
    )
    loop = solved[solved.index("while") : solved.index("same =")]
    first, plane = (
        next(source for source in cells("03-sampling") if source.startswith(start))
        for start in ("import matplotlib", "spreads =")
    )
    code = "\n".join([first, plane, re.sub(r"(?m)^\.\.\.  #.*\n", lambda _: loop, given)])
    assert loop in code
    exec(compile(code, "session-1.md", "exec"), {})
    said = re.search(r"tensor\((.+)\)", capsys.readouterr().out)
    assert float(said[1]) < 1e-5


WORDS = {
    "sessions": "denoiser|PSNR|score|blind|gap|ladder|correlation|trace|soft threshold|probe|inductive bias|"
    "harmonics|permuted",
    "guest": "denoiser|score|control|factor|permuted",
}


@pytest.mark.parametrize("course", WORDS)
def test_words_of_the_trade_are_explained_where_they_are_first_said(course):
    names = plan.NAMES[:3] if course == "sessions" else plan.NAMES[3:]
    text = "\n".join(said(name) for name in names)
    for word in WORDS[course].split("|"):
        first = re.search(rf"\b{word}", text)
        emphasized = re.search(rf"(?<!\*)\*(?:[\w ]+ )?{word}\w*\*(?!\*)", text)
        assert emphasized and emphasized.start() <= first.start() <= emphasized.end(), (
            word,
            text[first.start() - 60 : first.end() + 20],
        )


def said(name):
    """What a lecturer says, asks and answers: no titles, links, names of figures or code."""
    text = TEXTS[name].partition("\n## ")[2]
    text = re.sub(r"(?m)^## .*$|^:::\{.*$", "", re.sub(r"(?s)```python.*?```", "", text))
    return re.sub(r"\{numref\}`[^`]+`|\]\([^)]*\)|<[^>]+>|`[^`]+`", " ", text)


def letters(formulas):
    """Symbols of formulas: Latin and Greek letters, without indices and names of functions."""
    text = re.sub(r"_\{[^}]*\}|_(?:\\\w+|\w)|\\mathrm\{\w+\}", " ", " ".join(formulas))
    greek = r"\\(?:sigma|beta|gamma|lambda|nabla)\b"
    return set(re.findall(rf"{greek}|(?<![A-Za-z\\])[A-Za-z](?![A-Za-z])", re.sub(r"\\mathsf T", " ", text)))


def test_the_boards_define_their_symbols_in_their_first_paragraph():
    found = plan.boards()
    assert sorted(found) == [str(n) for n in range(1, 8)]
    for number, (_, text) in found.items():
        symbols, _, rest = text.partition("\n\n")
        assert symbols.startswith("*Symbols.* "), number
        formula = re.compile(r"\$([^$]+)\$")
        missing = letters(formula.findall(rest)) - letters(formula.findall(symbols))
        assert not missing, f"board {number} uses {sorted(missing)} without saying what it is"


@pytest.mark.parametrize("course", [plan.NAMES[:3], plan.NAMES[3:]], ids=["sessions", "guest"])
def test_no_figure_answers_a_prediction_before_it_is_asked(course):
    shown = []
    for block in (block for name in course for part in PARTS[name] for block in part.blocks):
        if block.kind == "show":
            shown.append(plan.FIGURE.search(block.text)[1])
        if block.kind == "predict":
            name, anchor = plan.SECTION.search(block.text).groups()
            file = yaml.safe_load((quiz.FOLDER / f"{name}.yml").read_text(encoding="utf-8"))
            answers = (
                {guess["after"] for guess in file["guesses"]} if anchor == "predict" else {"fig-live-gap"}
            )
            assert not answers & set(shown), f"{answers & set(shown)} before {name}#{anchor}"


def test_what_students_type_in_session_2_runs_and_says_what_the_plan_expects(capsys):
    (block,) = (b for part in PARTS["session-2"] for b in part.blocks if b.kind == "code")
    code = block.text.removeprefix("```python\n").removesuffix("```")
    exec(compile(code, "session-2.md", "exec"), {"images": images, "zoo": zoo})
    said = [float(row.rpartition(" ")[2]) for row in capsys.readouterr().out.splitlines()]
    new = images.load("fashion32", 100, "held-out")
    for n, number in zip((10, 14000), said, strict=True):
        networks = zoo.halves(f"fashion32-unet16-n{n}")
        truth = measures.compare(*networks, new, 0.1, seed=1)["relative"]
        assert number == pytest.approx(truth, rel=0.05, abs=0.006)
    expected = next(b for part in PARTS["session-2"] for b in part.blocks if "which share" in b.text).answer
    about = [float(v) for v in re.findall(r"[Aa]bout (0\.\d+)", expected)]
    assert said == pytest.approx(about, abs=0.01)
    assert add_noise(new, 0.1, seed=1).shape == new.shape


def printed(stem, start):
    """Rows of a table that a chapter has stored: the words of each line, and its numbers."""
    notebook = Chapter.read(chapters.BOOK / f"{stem}.ipynb").notebook
    texts = [
        "".join(output.get("data", {}).get("text/markdown", ""))
        for cell in notebook["cells"]
        for output in cell.get("outputs", ())
    ]
    (table,) = (text for text in texts if text.startswith(start))
    for line in table.splitlines()[2:]:
        cells = [cell.strip(" *") for cell in line.strip("|").split("|")]
        numbers = [float(cell) for cell in cells if re.fullmatch(r"-?[\d.]+", cell)]
        yield tuple(cell for cell in cells if not re.fullmatch(r"-?[\d.]+", cell)), numbers


def test_what_session_3_says_of_a_disc_s_directions_is_what_chapter_12_prints():
    assert "five factors near 1 come many more, at first still above one half" in TEXTS["session-3"]
    factors = dict(printed("12-manifolds", "| factors |"))
    network, exact = factors["network",], factors["exact",]
    assert all(abs(factor - 1) < 0.2 for factor in network[:5] + exact[:5])
    assert network[5] > 0.5 > network[9] and exact[5] < 0.02


def test_what_the_seminar_says_of_slopes_is_what_chapter_11_prints():
    assert "$\\alpha = 2$ and more it matters little" in SEMINAR
    rows = list(printed("11-rivals", "| slope over noise of |"))
    moved = {}
    for kind in ("network", "wavelets"):
        by_alpha = zip(*(numbers for words, numbers in rows if words[-1] == kind), strict=True)
        moved[kind] = [max(slopes) - min(slopes) for slopes in by_alpha]
    assert max(moved["network"][1:]) < 0.05 < min(moved["network"][0], *moved["wavelets"])


def test_the_course_page_gets_a_row_for_each_part():
    page = plan.filled(plan.read("course"))
    assert "fills it in. The plans" not in page
    for name in plan.NAMES[:3]:
        for part in PARTS[name]:
            assert f" | {part.minutes} | {part.title} |" in page
    assert "| 0:12 | 12 | The best answer is an average | {numref}`fig-eight` | Board 1 |" in page


def test_a_paragraph_that_says_not_what_it_is_is_refused():
    with pytest.raises(ValueError, match="begins with a word and its minutes; got 'Then we look"):
        plan.parts("# A\n\n## 0:00 Look (5 minutes)\n\nThen we look at it.\n")
