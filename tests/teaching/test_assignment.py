"""The assignment's reference gets full marks, an empty one none, and a typical mistake is named."""

import copy

import nbformat
import pytest

import assignment

SOURCE = nbformat.read(assignment.SOURCE, as_version=4)
PARTS = ("score", "step", "jacobian", "variance")


def part_of(notebook, part):
    """The code cells of one task, behind those that all tasks need."""
    return [c for c in notebook.cells if c.cell_type == "code" and c.id.startswith(("student", "data", part))]


def grade(cells):
    """Run cells as the grader does, on past errors: points of each test, and what failed tests say."""
    known, points, said = {}, {}, {}
    for cell in cells:
        about = cell.metadata.get("nbgrader", {})
        try:
            exec(compile(cell.source, cell.id, "exec"), known)
            problem = None
        except Exception as error:
            problem = f"{type(error).__name__}: {error}"
        if about.get("grade"):
            points[cell.id] = 0 if problem else about["points"]
            said[cell.id] = problem
    return points, said


def worth(notebook):
    """Points of all tests."""
    tests = [
        c for c in notebook.cells if c.cell_type == "code" and c.metadata.get("nbgrader", {}).get("grade")
    ]
    return {cell.id: cell.metadata["nbgrader"]["points"] for cell in tests}


def changed(old, new):
    """The source with a piece of its solution replaced, as a student who errs would have written it."""
    notebook = copy.deepcopy(SOURCE)
    cell = next(c for c in notebook.cells if old in c.source and c.id.endswith("-answer"))
    cell.source = cell.source.replace(old, new)
    return notebook, cell.id.partition("-")[0]


@pytest.mark.parametrize("part", PARTS)
def test_the_reference_gets_full_marks(part):
    points, said = grade(part_of(SOURCE, part))
    assert points == {name: p for name, p in worth(SOURCE).items() if name.startswith(part)}, said
    assert sum(points.values()) == 5


@pytest.mark.parametrize("part", PARTS)
def test_an_empty_submission_gets_nothing_and_the_tests_are_there(part):
    empty = assignment.released(SOURCE)
    for cell in empty.cells:  # the grader puts the whole tests back
        if cell.id.endswith("-hidden"):
            cell.source = next(c.source for c in SOURCE.cells if c.id == cell.id)
    points, _ = grade(part_of(empty, part))
    assert set(points.values()) == {0} and len(points) == 2


def test_another_student_has_other_data_and_the_reference_still_fits():
    notebook = copy.deepcopy(SOURCE)
    cell = next(c for c in notebook.cells if c.id == "student")
    cell.source = 'student = "  Grace   HOPPER, 1906"'
    points, said = grade(part_of(notebook, "score"))
    assert sum(points.values()) == 5, said
    known = {}
    for cell in part_of(notebook, "score")[:3]:
        exec(cell.source, known)
    first, seed = known["points"], known["seed"]
    for cell in part_of(SOURCE, "score")[:3]:
        exec(cell.source, known)
    assert seed != known["seed"] and not first.equal(known["points"])


STOP = "        if sigma_t <= end:\n            return f(y), steps\n"
TAKE = "        y, steps = following, steps + 1\n"
MISTAKES = {
    "the fading is forgotten": ("(a * f(y) - y)", "(f(y) - y)", "score-hidden", "of y = x + sigma z"),
    "the sign is turned": ("(a * f(y) - y)", "(y - a * f(y))", "score-visible", "is your sign right"),
    "sigma is not squared": ("/ sigma**2", "/ sigma", "score-visible", "which power of sigma"),
    "a size of the whole image": (" / y.numel() ** 0.5", "", "step-visible", "a size per pixel"),
    "a variance is injected": (") ** 0.5 * sigma_t", ") * sigma_t**2", "step-hidden", "gamma^2 times z"),
    "a step too many": (STOP + TAKE, TAKE + STOP, "step-hidden", "one step too many"),
    "no last denoising": ("return f(y), steps", "return y, steps", "step-hidden", "the last act"),
    "the output direction": ("return v,", "return u / u.norm(),", "jacobian-hidden", "output direction"),
    "J applied twice": ("v = back(u)[0]", "v = u", "jacobian-hidden", "repeat J^T J, not J J"),
    "v has no unit length": ("return v,", "return factor * v,", "jacobian-visible", "must have length 1"),
    "the variance is biased": (".var(0)", ".var(0, correction=0)", "variance-hidden", "K - 1"),
    "summed over pixels": (".var(0).mean()", ".var(0).sum()", "variance-visible", "not their sum"),
}


@pytest.mark.parametrize("mistake", MISTAKES)
def test_a_typical_mistake_fails_and_is_named(mistake):
    old, new, where, message = MISTAKES[mistake]
    notebook, part = changed(old, new)
    points, said = grade(part_of(notebook, part))
    assert sum(points.values()) < 5 and points[where] == 0
    assert message in said[where]


def test_students_see_neither_solutions_nor_hidden_tests():
    made = assignment.released(SOURCE)
    text = "\n".join(cell.source for cell in made.cells)
    for mark in ("SOLUTION", "HIDDEN", "Rubric", "gamma**2", "torch.func.grad("):
        assert mark not in text
    assert text.count("YOUR ANSWER HERE") == 3 + 1  # one is the introduction
    assert [c.id for c in made.cells] == [c.id for c in SOURCE.cells]
    for cell in made.cells:
        if cell.cell_type == "code":
            compile(cell.source, cell.id, "exec")
    assert sum(worth(made).values()) == 20


def test_nbgrader_makes_the_same_release():
    """What our few lines do is what the grader's own step does."""
    preprocessors = pytest.importorskip("nbgrader.preprocessors")
    theirs = copy.deepcopy(SOURCE)
    for step in (preprocessors.ClearSolutions(), preprocessors.ClearHiddenTests()):
        theirs, _ = step.preprocess(theirs, {})
    ours = assignment.released(SOURCE)
    assert [c.source.strip() for c in theirs.cells] == [c.source.strip() for c in ours.cells]
