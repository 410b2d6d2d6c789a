"""Sentences and verdicts."""

import math

import IPython.display
import pytest

from gahr import report


def test_pick():
    assert [report.pick(effort, 1, 2, 3) for effort in ("quick", "default", "full")] == [1, 2, 3]
    assert report.pick("full", quick=1, default=2) == 2
    assert report.pick("full", quick=1, default=2, full=0) == 0
    with pytest.raises(KeyError, match="unknown effort 'defualt'; did you mean 'default'"):
        report.pick("defualt", 1, 2)


def test_say_displays_markdown(monkeypatch):
    shown = []
    monkeypatch.setattr(IPython.display, "display", shown.append)
    report.say("**26.1 dB** held out")
    assert isinstance(shown[0], IPython.display.Markdown) and shown[0].data == "**26.1 dB** held out"


@pytest.mark.parametrize(
    ("value", "words"),
    [(0.61, "holds"), (0.5601, "holds"), (0.6599, "holds"), (0.6699, "FAILS"), (math.nan, "FAILS")],
)
def test_verdicts_print_no_measured_digit(value, words, capsys):
    report.verdict("slope", value, expected=0.61, tolerance=0.05)
    assert capsys.readouterr().out == f"slope 0.61 +- 0.05: {words}\n"
    report.verdict("slope", value, expected=0.61, tolerance=0.05, unit="dB")
    assert capsys.readouterr().out == f"slope 0.61 +- 0.05 dB: {words}\n"


def test_table_aligns_numbers_right():
    head, rule, row = report.table(("a", "b", "n"), [("x", "y", 12345)], left=2).splitlines()
    assert head == "| a | b | n |" and rule == "|:--|:--|--:|" and row == "| x | y | 12,345 |"
