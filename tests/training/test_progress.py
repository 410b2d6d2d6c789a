"""What is seen of runs on their way: on a terminal it refreshes, elsewhere a line says what changed."""

import io
import sys

from gahr.training import _progress, loop
from gahr.training.recipes import Recipe

RECIPE = Recipe("discs16", 8, "a", network="unet2", blocks=1, steps=40, batch=4, precision="fp32")


class Terminal(io.StringIO):
    def isatty(self):
        return True


def test_progress_is_shown_on_a_terminal_and_nowhere_else(monkeypatch, short):
    x, held_out = loop.load_images(RECIPE)
    shown = {}
    for name, stream, wanted in (
        ("terminal", Terminal(), True),
        ("file", io.StringIO(), True),
        ("not wanted", Terminal(), False),
    ):
        monkeypatch.setattr(sys, "stderr", stream)
        loop.train(RECIPE, x, held_out, progress=wanted)
        shown[name] = stream.getvalue()
    assert shown["file"] == shown["not wanted"] == ""
    assert RECIPE.name in shown["terminal"] and "160/160" in shown["terminal"]  # 40 steps of 4 images
    assert "img/s" in shown["terminal"]


def test_beside_the_bar_stand_loss_and_held_out_psnr():
    bar = type("Bar", (), {"set_postfix": lambda self, beside, refresh: vars(self).update(beside)})()
    _progress.beside(bar, {"loss": 0.01234, "held_out": [40.0, 35.0, 27.36, 24.0, 20.0]})
    assert vars(bar) == {"loss": "0.0123", "held-out": "27.4 dB"}  # at sigma = 0.1


ROWS = [
    ("discs40-unet16-n10-a", "running", "100/6000", "30.1 20.2", "700", "9"),
    ("discs40-unet16-n10-b", "failed: the loss is nan", "10/6000", "", "", ""),
]


def test_on_a_terminal_a_table_refreshes(monkeypatch):
    monkeypatch.setenv("COLUMNS", "140")
    monkeypatch.setenv("TERM", "xterm")
    stream = Terminal()
    with _progress.shown(stream) as show:
        show([(ROWS[0][0], "queued", "0/6000", "", "", "")])
        show(ROWS)
    text = stream.getvalue()
    for cell in (*ROWS[0], *ROWS[1], "held-out PSNR (dB)", "queued"):
        assert cell in text
    assert "\x1b[1A" in text  # the cursor went back up


def test_elsewhere_a_line_says_what_changed():
    stream = io.StringIO()
    with _progress.shown(stream) as show:
        for _ in range(2):
            show([("a", "waiting", "0/9", "", "", "")])
        for _ in range(2):
            show(ROWS)
    assert stream.getvalue().splitlines() == [
        "discs40-unet16-n10-a: running, step 100/6000, held-out PSNR 30.1 20.2 dB, 700 images/s, 9 s",
        "discs40-unet16-n10-b: failed: the loss is nan, step 10/6000",
    ]
