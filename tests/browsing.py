"""Help for tests of the rendered pages in a real browser.

``make test-browser`` builds the pages and says where they are (``GAHR_PAGES``). Where there are none, or no
Chromium, whoever imports this is skipped.
"""

import json
import math
import os
import shutil
from pathlib import Path

import pytest
import torch

PAGES = Path(os.environ.get("GAHR_PAGES") or "nowhere")
AXE = Path(os.environ.get("GAHR_AXE") or "nowhere")
CHROMIUM = next(filter(None, map(shutil.which, ("chromium", "chromium-browser", "google-chrome"))), None)
EVERY = sorted(page.relative_to(PAGES).as_posix() for page in PAGES.glob("book/**/*.html"))
CHAPTERS = ("book/intro.html", "book/02-scores.html", "book/07-shrinkage.html")
DESKTOP, PHONE = {"width": 1280, "height": 900}, {"width": 390, "height": 844}

if not (PAGES / "book" / "lab.html").exists():
    pytest.skip("the pages are not built here: make test-browser", allow_module_level=True)
if CHROMIUM is None:
    pytest.skip("no Chromium is installed (Debian: apt install chromium)", allow_module_level=True)
pytest.importorskip("playwright.sync_api", reason="playwright is not installed")
needs_engine = pytest.mark.skipif(
    not (PAGES / "_static" / "lab" / "engine").exists(), reason="npm gave no engine when the pages were built"
)
needs_fonts = pytest.mark.skipif(
    not (PAGES / "_static" / "katex").exists(), reason="npm gave no fonts for formulas"
)


def result(page, key):
    """What the lab recorded under a key, once it is there."""
    page.wait_for_function("key => document.getElementById('gahr-lab').results?.[key]", arg=key)
    text = page.evaluate("key => JSON.stringify(document.getElementById('gahr-lab').results[key])", key)
    return json.loads(text)


def picture(values):
    side = math.isqrt(len(values))
    return torch.tensor(values).view(1, 1, side, side)
