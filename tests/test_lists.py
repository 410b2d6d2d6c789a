"""Lists of recipes for a sweep: what may be asked, and what is said on a terminal and elsewhere."""

import io
import subprocess
import sys

import pytest

from gahr import __main__ as command
from gahr import _board, _jobs, _lists, _queues
from gahr.recipes import Recipe

pytest.importorskip("submitit", reason='sweeps need submitit: pip install "gahr[train]"')


def test_a_list_of_recipes(tmp_path):
    path = tmp_path / "list.json"
    path.write_text(f'[{_lists.EXAMPLE}, {{"images": "ray40", "n": null, "half": "b", "learning_rate": 1}}]')
    assert _lists.read(str(path)) == [
        Recipe("discs40", 100, "a"),
        Recipe("ray40", None, "b", learning_rate=1),
    ]
    assert [recipe.n for recipe in _lists.read("faces")] == [13_000, 13_000]


@pytest.mark.parametrize(
    ("text", "sentence"),
    [
        ("[", "{} is not JSON: Expecting value: line 1 column 2 (char 1)"),
        ("[]", "{} must hold a list of recipes, as in ["),
        ('{"images": "discs40"}', "{} must hold a list of recipes, as in ["),
        ('[{"images": "discs40"}]', "recipe 1 of {} does not say n, half."),
        (
            f'[{_lists.EXAMPLE}, {{"image": "a"}}]',
            "unknown field in recipe 2 of {}: 'image'; did you mean 'images'?",
        ),
        ('[{"images": "discs40", "n": "8", "half": "a"}]', 'recipe 1 of {}: n must be int | None; got "8".'),
        (
            '[{"images": "discs40", "n": true, "half": "a"}]',
            "recipe 1 of {}: n must be int | None; got true.",
        ),
        ('[{"images": "discs40", "n": 0, "half": "a"}]', "recipe 1 of {}: n must be in (0, inf); got 0."),
        (
            '[{"images": "discs40", "n": 8, "half": "a", "noise": "normal"}]',
            "recipe 1 of {}: unknown noise distribution 'normal'",
        ),
        (
            f"[{_lists.EXAMPLE}, {_lists.EXAMPLE}]",
            "two recipes are called discs40-unet16-n100-a; give one of them a tag.",
        ),
    ],
)  # fmt: skip
def test_a_wrong_list_is_one_sentence(tmp_path, capsys, text, sentence):
    path = tmp_path / "list.json"
    path.write_text(text)
    assert command.main(["sweep", str(path), "--folder", str(tmp_path / "runs")]) == 1
    said = capsys.readouterr()
    assert said.err.startswith("gahr: " + sentence.replace("{}", str(path)))
    assert said.err.count("\n") == 1 and not said.out
    assert not (tmp_path / "runs").exists()


@pytest.mark.parametrize(
    ("words", "sentence"),
    [
        (["none.json"], "No such file or directory: 'none.json'"),
        (["clothe"], "unknown set of runs 'clothe'; did you mean 'clothes'?"),
        (["faces", "--at-once", "0"], "at_once must be in [1, inf); got 0."),
        (["faces", "--processes", "-1"], "processes must be in [1, inf); got -1."),
        (["faces", "--partition", "all"], "the engine local has no option partition."),
        (["faces", "--gpus", "99"], "this needs 99 GPUs at once; this machine has "),
        (["faces", "--engine", "slurm"], "Slurm's sbatch, srun, squeue, scancel are not on the path"),
    ],
)
def test_a_wrong_command_is_one_sentence(tmp_path, monkeypatch, capsys, words, sentence):
    monkeypatch.setenv("PATH", "")
    assert command.main(["sweep", *words, "--folder", str(tmp_path / "runs")]) == 1
    said = capsys.readouterr()
    assert sentence in said.err and said.err.startswith("gahr: ") and said.err.count("\n") == 1
    assert not (tmp_path / "runs").exists()


@pytest.mark.parametrize("missing", ["submitit", "rich"])
def test_what_is_not_installed_is_named(tmp_path, monkeypatch, capsys, missing):
    monkeypatch.setitem(sys.modules, missing, None)
    monkeypatch.setitem(sys.modules, f"{missing}.console", None)
    if missing == "rich":
        monkeypatch.setattr(sys.stdout, "isatty", lambda: True, raising=False)
    assert command.main(["sweep", "faces", "--folder", str(tmp_path / "runs")]) == 1
    assert capsys.readouterr().err == f'gahr: a sweep needs {missing}: pip install "gahr[train]"\n'


def test_the_other_commands_need_neither_submitit_nor_rich():
    code = (
        "import sys; from gahr.__main__ import main; main(['zoo'])\n"
        "print([name for name in ('submitit', 'rich', 'accelerate') if name in sys.modules])"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, timeout=120)
    assert done.stdout.splitlines()[-1] == "[]", done.stdout + done.stderr


def test_an_option_that_is_not_there_is_refused():
    with pytest.raises(KeyError, match="unknown engine 'slurn'; did you mean 'slurm'"):
        _queues.engine("slurn", None, 1, {})


ROWS = [
    ("discs40-unet16-n10-a", "running", "100/6000", "30.1 20.2", "700", "9"),
    ("discs40-unet16-n10-b", "failed: the loss is nan", "10/6000", "", "", ""),
]


def test_on_a_terminal_a_table_refreshes(monkeypatch):
    class Terminal(io.StringIO):
        def isatty(self):
            return True

    monkeypatch.setenv("COLUMNS", "140")
    monkeypatch.setenv("TERM", "xterm")
    stream = Terminal()
    with _board.shown(stream) as show:
        show([(ROWS[0][0], "queued", "0/6000", "", "", "")])
        show(ROWS)
    text = stream.getvalue()
    for cell in (*ROWS[0], *ROWS[1], "held-out PSNR (dB)", "queued"):
        assert cell in text
    assert "\x1b[1A" in text  # the cursor went back up


def test_elsewhere_a_line_says_what_changed():
    stream = io.StringIO()
    with _board.shown(stream) as show:
        for _ in range(2):
            show([("a", "waiting", "0/9", "", "", "")])
        for _ in range(2):
            show(ROWS)
    assert stream.getvalue().splitlines() == [
        "discs40-unet16-n10-a: running, step 100/6000, held-out PSNR 30.1 20.2 dB, 700 images/s, 9 s",
        "discs40-unet16-n10-b: failed: the loss is nan, step 10/6000",
    ]


@pytest.mark.parametrize(
    ("lines", "why"),
    [
        (["gahr: no such image class", "at all"], "no such image class"),
        (["Traceback ...", "ValueError: it is wrong", ""], "ValueError: it is wrong"),
        (["[rank1]: ValueError: it is wrong", "W1125 api.py: closing"], "ValueError: it is wrong"),
        (["what", "now"], "now"),
        ([], "it said nothing"),
    ],
)
def test_the_reason_of_a_failure(lines, why):
    assert _jobs.reason(lines) == why


def test_only_the_last_start_is_quoted(tmp_path):
    (tmp_path / "train.log").write_text("$ first\nit said $ 5\n$ second\nlast\nwords\n")
    assert _jobs.said(tmp_path) == "last\nwords\n"
