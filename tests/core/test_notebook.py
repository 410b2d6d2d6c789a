"""Sentences and verdicts; explorers: widgets where a kernel answers, a flip book where none does."""

import base64
import html.parser
import json
import math
import pathlib
import re
import traceback
import types

import IPython.display
import matplotlib.pyplot as plt
import pytest
from ipywidgets.widgets import interaction
from nbval.plugin import get_sanitize_patterns

from gahr import notebook

SANITIZED = pathlib.Path(__file__).parents[2] / "book" / "_tools" / "nbval.cfg"


def test_a_setting_follows_the_effort():
    assert [notebook.by_effort(effort, 1, 2, 3) for effort in ("quick", "default", "full")] == [1, 2, 3]
    assert notebook.by_effort("full", quick=1, default=2) == 2
    assert notebook.by_effort("full", quick=1, default=2, full=0) == 0
    with pytest.raises(KeyError, match="unknown effort 'defualt'; did you mean 'default'"):
        notebook.by_effort("defualt", 1, 2)


def test_say_prints_text_in_a_script(capsys):
    notebook.say("**26.1 dB** held out")
    assert capsys.readouterr().out == "**26.1 dB** held out\n"


def test_say_displays_markdown(monkeypatch):
    shown = []
    monkeypatch.setattr(IPython, "get_ipython", object)  # a kernel
    monkeypatch.setattr(IPython.display, "display", shown.append)
    notebook.say("**26.1 dB** held out")
    assert isinstance(shown[0], IPython.display.Markdown) and shown[0].data == "**26.1 dB** held out"


@pytest.mark.parametrize(
    ("value", "words"),
    [(0.61, "holds"), (0.5601, "holds"), (0.6599, "holds"), (0.6699, "FAILS"), (math.nan, "FAILS")],
)
def test_verdicts_print_the_measured_number_beside_its_target(value, words, capsys):
    notebook.verdict("slope", value, expected=0.61, tolerance=0.05)
    assert capsys.readouterr().out == f"{words}  slope: {value:.3g} (0.61 +- 0.05)\n"
    notebook.verdict("slope", value, expected=0.61, tolerance=0.05, unit="dB")
    assert capsys.readouterr().out == f"{words}  slope: {value:.3g} dB (0.61 +- 0.05)\n"


@pytest.mark.parametrize("unit", ["", "dB"])
@pytest.mark.parametrize("claim", ["slope", "faces: slope at N = 10 (all)"])
def test_nbval_compares_targets_and_verdicts_and_no_measured_digit(claim, unit, capsys):
    def compared(value, expected=0.61):  # what nbval makes of a line, by its own reading of our settings
        notebook.verdict(claim, value, expected, 0.05, unit)
        text = capsys.readouterr().out
        for pattern, replacement in get_sanitize_patterns(SANITIZED.read_text(encoding="utf-8")):
            text = re.sub(pattern, replacement, text)
        return text

    assert claim in compared(0.61)
    for value in (0.5987, 1e-7 + 0.61, 0.65):
        assert compared(value) == compared(0.61)
    assert compared(-1e-7) == compared(math.nan) == compared(1.2e30) != compared(0.61)  # FAILS, not holds
    assert compared(0.61, 0.6) != compared(0.61)


def test_table_aligns_numbers_right():
    head, rule, row = notebook.table(("a", "b", "n"), [("x", "y", 12345)], left=2).splitlines()
    assert head == "| a | b | n |" and rule == "|:--|:--|--:|" and row == "| x | y | 12,345 |"


PNG = base64.b64decode(
    "iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAYAAAAfFcSJAAAADUlEQVR42mNk+M9QDwADhgGAWjR9awAAAABJRU5ErkJggg=="
)


@pytest.fixture
def page(monkeypatch):
    """What was displayed, in order, as HTML."""
    shown = []
    monkeypatch.setattr(IPython.display, "display", lambda thing: shown.append(thing.data))
    return shown


class Tags(html.parser.HTMLParser):
    """All tags with their attributes, and the text of each element."""

    def __init__(self, text):
        super().__init__()
        self.tags, self.text, self.open = {}, {}, []
        self.feed(text)

    def handle_starttag(self, tag, attributes):
        self.tags[tag] = dict(attributes)
        self.open.append(tag)

    def handle_endtag(self, tag):
        self.open.remove(tag)

    def handle_data(self, data):
        if self.open:
            self.text[self.open[-1]] = self.text.get(self.open[-1], "") + data


def arrays(text):
    """The JavaScript arrays of frames, names and alternative texts."""
    found = dict(re.findall(r"(frames|names|alts) = (\[.*?\])(?:, |;)", text))
    return {key: json.loads(value) for key, value in found.items()}


def test_a_flipbook_is_labelled_and_holds_every_frame(page):
    frames = [PNG + bytes([i]) for i in range(3)]
    notebook.flipbook(frames, ["0.1", "0.2", "0.5"], "sigma", "A face", start=1)
    (text,) = page
    parsed, data = Tags(text), arrays(text)
    slider, image = parsed.tags["input"], parsed.tags["img"]
    assert parsed.tags["label"]["for"] == slider["id"] and parsed.text["label"] == "sigma"
    assert (slider["type"], slider["min"], slider["max"], slider["value"]) == ("range", "0", "2", "1")
    assert parsed.text["output"] == "0.2" and parsed.tags["output"]["for"] == slider["id"]
    assert image["alt"] == "A face (sigma = 0.2)"
    assert image["src"] == data["frames"][1]  # the still picture is the start
    assert [base64.b64decode(f.removeprefix("data:image/png;base64,")) for f in data["frames"]] == frames
    assert data["names"] == ["0.1", "0.2", "0.5"]
    assert data["alts"] == [f"A face (sigma = {name})" for name in data["names"]]
    assert f'getElementById("{parsed.tags["div"]["id"]}")' in text


def test_texts_cannot_break_out_of_the_page(page):
    nasty = '</script><b a="1">'
    notebook.flipbook([PNG], [nasty], nasty, nasty)
    (text,) = page
    assert text.count("</script>") == 1 and "<b" not in text
    assert Tags(text).tags["img"]["alt"] == f"{nasty} ({nasty} = {nasty})"
    assert arrays(text)["names"] == [nasty]


def test_two_flipbooks_on_a_page_have_different_names(page):
    notebook.flipbook([PNG], ["1"], "a", "x")
    notebook.flipbook([PNG + b"0"], ["1"], "a", "x")
    assert Tags(page[0]).tags["div"]["id"] != Tags(page[1]).tags["div"]["id"]


@pytest.mark.parametrize(("names", "start"), [(["1"], 0), (["1", "2"], 2), (["1", "2"], -1)])
def test_a_flipbook_needs_a_name_for_each_frame(names, start):
    with pytest.raises(ValueError, match="2 frames need as many names, and a start among them"):
        notebook.flipbook([PNG, PNG], names, "a", "x", start)


def drawing(calls):
    def draw(**chosen):
        calls.append(chosen)
        figure, ax = plt.subplots(figsize=(1, 1))
        ax.plot([0, chosen["sigma"]])

    return draw


CHOICES = {"sigma": (0.1, 0.2, 0.5), "name": ("faces", "clothes")}


def test_still_mode_draws_one_frame_for_each_value(page, monkeypatch):
    monkeypatch.setenv("GAHR_STILL", "1")
    calls = []
    notebook.explore(drawing(calls), CHOICES, alt="A line", start=2)
    assert calls == [{"sigma": s, "name": "faces"} for s in (0.1, 0.2, 0.5)]
    data = arrays(page[0])
    assert len(set(data["frames"])) == 3
    for frame in data["frames"]:
        assert base64.b64decode(frame.removeprefix("data:image/png;base64,")).startswith(b"\x89PNG")
    assert Tags(page[0]).tags["img"]["alt"] == "A line (sigma = 0.5)"
    assert plt.get_fignums() == []  # nothing is left to be drawn a second time


def test_still_frames_are_reproducible(page, monkeypatch):
    monkeypatch.setenv("GAHR_STILL", "1")
    for _ in range(2):
        notebook.explore(drawing([]), CHOICES, alt="A line")
    assert page[0] == page[1]


@pytest.fixture
def live(monkeypatch):
    """The explorers that were displayed, as with a kernel but without a browser."""
    shown = []
    shell = types.SimpleNamespace(showtraceback=traceback.print_exc)
    monkeypatch.setattr(IPython, "get_ipython", lambda: shell)
    monkeypatch.setattr(interaction, "get_ipython", lambda: shell)
    monkeypatch.setattr(IPython.display, "display", shown.append)
    monkeypatch.setattr(plt, "show", lambda: plt.close("all"))
    return shown


def test_live_mode_makes_a_control_for_each_choice(live):
    import ipywidgets

    assert notebook.is_live()
    calls = []
    notebook.explore(drawing(calls), CHOICES, alt="A line", start=1)
    slider, choice, _ = live[0].children
    assert isinstance(slider, ipywidgets.SelectionSlider) and slider.options == (0.1, 0.2, 0.5)
    assert isinstance(choice, ipywidgets.Dropdown) and choice.options == ("faces", "clothes")
    assert (slider.description, choice.description) == ("sigma", "name")
    assert calls == [{"sigma": 0.2, "name": "faces"}]  # the figure is there before anything is moved


def test_moving_a_control_draws_again_once(live):
    calls = []
    notebook.explore(drawing(calls), CHOICES, alt="A line")
    slider, choice, _ = live[0].children
    assert not slider.continuous_update  # while it is dragged the browser sends nothing
    slider.value = 0.5
    choice.value = "clothes"
    choice.value = "clothes"  # no change
    assert calls[1:] == [{"sigma": 0.5, "name": "faces"}, {"sigma": 0.5, "name": "clothes"}]


def test_an_error_while_drawing_leaves_the_controls_alive(live, capsys):
    calls = []

    def draw(sigma):
        if sigma == 0.2:
            raise ValueError("no such picture")
        calls.append(sigma)

    notebook.explore(draw, {"sigma": (0.1, 0.2, 0.5)}, alt="A line")
    slider, _ = live[0].children
    slider.value = 0.2
    slider.value = 0.5
    assert calls == [0.1, 0.5] and "no such picture" in "".join(capsys.readouterr())


def test_live_needs_a_kernel_and_no_wish_for_stillness(monkeypatch):
    assert not notebook.is_live()  # pytest is no kernel
    monkeypatch.setattr(IPython, "get_ipython", lambda: object())
    monkeypatch.setenv("GAHR_STILL", "1")
    assert not notebook.is_live()


@pytest.mark.parametrize("choices", [{}, {"sigma": ()}, {"sigma": (1,), "name": ()}])
def test_nothing_to_explore_is_refused(choices):
    with pytest.raises(ValueError, match="explore needs at least one choice, and a value for each"):
        notebook.explore(lambda **chosen: None, choices, alt="x")


def test_a_bar_in_a_cell_does_not_begin_another():
    head, _, row = notebook.table(("||J||", "N"), [("a|b", 10)]).splitlines()
    assert head == r"| \|\|J\|\| | N |" and row == r"| a\|b | 10 |"
