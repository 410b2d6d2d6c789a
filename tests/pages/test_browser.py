"""The rendered pages in a real browser: what the lab computes, how it is used, and what it loads.

``make test-browser`` builds the pages and says where they are (``GAHR_PAGES``).
"""

import functools
import http.server
import json
import math
import os
import shutil
import threading
from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image

from gahr import images, jacobian, measures, zoo

PAGES = Path(os.environ.get("GAHR_PAGES") or "nowhere")
CHROMIUM = next(filter(None, map(shutil.which, ("chromium", "chromium-browser", "google-chrome"))), None)
ARGUMENTS = ["--no-sandbox", "--disable-gpu", "--disable-background-networking"]
EVERY = sorted(page.relative_to(PAGES).as_posix() for page in PAGES.glob("book/**/*.html"))
CHAPTERS = ("book/intro.html", "book/02-scores.html", "book/07-shrinkage.html")
DESKTOP, PHONE = {"width": 1280, "height": 900}, {"width": 390, "height": 844}

if not (PAGES / "book" / "lab.html").exists():
    pytest.skip("the pages are not built here: make test-browser", allow_module_level=True)
if CHROMIUM is None:
    pytest.skip("no Chromium is installed (Debian: apt install chromium)", allow_module_level=True)
playwright = pytest.importorskip("playwright.sync_api", reason="playwright is not installed")
needs_engine = pytest.mark.skipif(
    not (PAGES / "_static" / "lab" / "engine").exists(), reason="npm gave no engine when the pages were built"
)


class Quiet(http.server.SimpleHTTPRequestHandler):
    def log_message(self, *_):
        pass


@pytest.fixture(scope="session")
def address():
    server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), functools.partial(Quiet, directory=str(PAGES)))
    threading.Thread(target=server.serve_forever, daemon=True).start()
    yield f"http://127.0.0.1:{server.server_port}"
    server.shutdown()
    server.server_close()


@pytest.fixture(scope="session")
def browser():
    with playwright.sync_playwright() as engine:
        opened = engine.chromium.launch(executable_path=CHROMIUM, args=ARGUMENTS)
        yield opened
        opened.close()


@pytest.fixture
def visit(browser, address):
    """Open a page; at the end nothing must have gone wrong on it, and no other host been asked."""
    contexts, wrong = [], []

    def opened(path, viewport=DESKTOP, scheme="light", **options):
        context = browser.new_context(viewport=viewport, color_scheme=scheme, **options)
        contexts.append(context)
        page = context.new_page()
        page.set_default_timeout(120_000)
        page.on("console", lambda said: wrong.append(said.text) if said.type == "error" else None)
        page.on("pageerror", lambda error: wrong.append(str(error)))
        page.on("request", lambda request: wrong.append(request.url) if _foreign(request.url) else None)
        page.goto(f"{address}/{path}")
        return page

    def _foreign(url):
        return not url.startswith((address, "blob:", "data:"))

    opened.wrong = wrong
    yield opened
    for context in contexts:
        context.close()
    assert not wrong


def result(page, key):
    """What the lab recorded under a key, once it is there."""
    page.wait_for_function("key => document.getElementById('gahr-lab').results?.[key]", arg=key)
    text = page.evaluate("key => JSON.stringify(document.getElementById('gahr-lab').results[key])", key)
    return json.loads(text)


def picture(values):
    side = math.isqrt(len(values))
    return torch.tensor(values).view(1, 1, side, side)


# ------------------------------------------------------------------------------------------------
# What it computes


@needs_engine
@pytest.mark.parametrize(("viewport", "scheme"), [(DESKTOP, "light"), (PHONE, "dark")])
def test_estimates_are_those_of_torch(visit, viewport, scheme):
    page = visit("book/lab.html#picture=clothes-2&noise=0.3", viewport, scheme)
    found = result(page, "denoise")
    x, y = picture(found["x"]), picture(found["y"])
    assert x.allclose(images.load("fashion32", 2, "held-out")[1:], atol=1e-6)
    assert (y - x).std().item() == pytest.approx(0.3, rel=0.05)
    assert len(found["estimates"]) == 6
    for name, estimate in found["estimates"].items():
        assert picture(estimate).allclose(zoo.load(name)(y), atol=1e-3), name
    db = measures.psnr(x, picture(found["estimates"]["fashion32-unet16-n14000-a"])).item()
    assert f"N = 14,000: {db:.1f} dB" in page.inner_text("#gahr-lab")


@needs_engine
@pytest.mark.parametrize(("viewport", "scheme"), [(DESKTOP, "dark"), (PHONE, "light")])
def test_two_samples_are_those_of_torch(visit, viewport, scheme):
    page = visit("book/lab.html#panel=twins&seed=4", viewport, scheme)
    found = result(page, "twins")
    for name, estimate, sigma in zip(found["pair"], found["estimates"], found["sigma"], strict=True):
        expected, level = climb(zoo.load(name), 1024, 4)
        assert picture(estimate).allclose(expected, atol=1e-3), name
        assert sigma == pytest.approx(level, abs=1e-4)
    a, b = (picture(estimate).flatten() for estimate in found["estimates"])
    similarity = torch.corrcoef(torch.stack([a, b]))[0, 1].item()
    assert found["similarity"] == pytest.approx(similarity, abs=1e-5)


def climb(f, d, seed, step=0.1, beta=0.1, end=0.05):
    """The paper's algorithm 1, with the page's noise."""
    noise = normals(seed)
    y = torch.tensor([0.5 + next(noise) for _ in range(d)])
    side = math.isqrt(d)
    while True:
        estimate = f(y.view(1, 1, side, side)).flatten()
        sigma = (estimate - y).square().mean().sqrt().item()
        if sigma <= end:
            return estimate.view(1, 1, side, side), sigma
        injected = sigma * math.sqrt((1 - beta * step) ** 2 - (1 - step) ** 2)
        y = y + step * (estimate - y) + injected * torch.tensor([next(noise) for _ in range(d)])


def normals(seed):
    """The page's random numbers (sfc32, seeded by splitmix32; Box and Muller), written anew."""
    mask = 0xFFFFFFFF
    state = (seed ^ 0x9E3779B9) & mask

    def split():
        nonlocal state
        state = (state + 0x9E3779B9) & mask
        t = ((state ^ (state >> 16)) * 0x21F0AAAD) & mask
        t = ((t ^ (t >> 15)) * 0x735A2D97) & mask
        return t ^ (t >> 15)

    a, b, c, counter = split(), split(), split(), 1

    def uniform():
        nonlocal a, b, c, counter
        t = (a + b + counter) & mask
        counter = (counter + 1) & mask
        a, b = b ^ (b >> 9), (c + (c << 3)) & mask
        c = (((c << 21) | (c >> 11)) + t) & mask
        return (t + 0.5) / 2**32

    for _ in range(12):
        uniform()
    while True:
        radius, angle = math.sqrt(-2 * math.log(uniform())), 2 * math.pi * uniform()
        yield radius * math.cos(angle)
        yield radius * math.sin(angle)


@needs_engine
@pytest.mark.parametrize(("viewport", "scheme"), [(DESKTOP, "light"), (PHONE, "dark")])
def test_singular_values_are_those_of_torch(visit, viewport, scheme):
    page = visit("book/lab.html#panel=basis&family=faces&picture=portrait&noise=0.15", viewport, scheme)
    name = "faces40-unet16-n13000-a"
    found = result(page, name)
    assert result(page, "basis") == [name]
    J = jacobian.jacobian(zoo.load(name), picture(found["y"])).double()
    left, s, right = torch.linalg.svd(J)
    early = result(page, "early")  # a first look: good for the first ten, from below for all, and sooner
    assert early["y"] == found["y"] and early["milliseconds"] < found["milliseconds"]
    rough = torch.tensor(early["s"]).double()
    assert rough[:10].allclose(s[:10], rtol=0.05) and (rough <= s[:20] + 1e-3).all()
    assert torch.tensor(found["s"]).double().allclose(s[:20], atol=1e-3)
    assert max(found["residual"]) <= 1e-3
    ours = torch.tensor(found["right"]).double()
    # the first 19 span what the first 20 of torch span: the 20th may turn with the 21st
    assert (ours[:19] @ right[:20].T).square().sum(1).min() > 0.99


@needs_engine
def test_the_memorizing_network_stands_beside(visit):
    page = visit("book/lab.html#panel=basis&picture=clothes-1")
    names = result(page, "basis")
    assert names == ["fashion32-unet16-n14000-a", "fashion32-unet16-n10-a"]
    assert page.locator(".lab-plot polyline").count() == 2


# ------------------------------------------------------------------------------------------------
# How it is used


@needs_engine
def test_nothing_is_loaded_before_it_is_asked_for(visit, address):
    asked = []
    page = visit("book/lab.html")
    page.on("request", lambda request: asked.append(request.url))
    page.wait_for_timeout(500)
    assert not [url for url in asked if "engine" in url or "networks" in url]
    page.get_by_role("button", name="Open the lab").click()
    result(page, "denoise")
    assert [url for url in asked if url.endswith(".wasm")]


@needs_engine
def test_by_keyboard_alone(visit):
    page = visit("book/lab.html")
    page.locator("[data-start]").focus()
    page.keyboard.press("Enter")
    result(page, "denoise")
    page.locator("#lab-tab-denoise").focus()
    page.keyboard.press("ArrowRight")
    assert page.evaluate("document.activeElement.id") == "lab-tab-twins"
    page.keyboard.press("ArrowRight")
    assert page.get_attribute("#lab-tab-basis", "aria-selected") == "true"
    result(page, "basis")
    page.locator(".lab-vectors button").nth(2).focus()
    assert "Direction 3" in page.inner_text(".lab-detail")
    page.locator("#lab-noise").focus()
    before = page.input_value("#lab-noise")
    page.keyboard.press("ArrowRight")
    assert float(page.input_value("#lab-noise")) > float(before)
    assert "noise=" in page.url
    page.keyboard.press("Tab")  # and out again: no trap
    assert page.evaluate("document.activeElement.id") != "lab-noise"


@needs_engine
def test_drawing_by_keyboard(visit):
    page = visit("book/lab.html#picture=own")
    page.get_by_text("Upload a picture, or draw one on the board.").wait_for()
    page.locator(".lab-board").focus()
    for key in (" ", *["ArrowRight"] * 5, " "):
        page.keyboard.press(key)
    x = picture(result(page, "denoise")["x"])
    assert x.min() < 0.3 and x.max() > 0.99
    assert page.evaluate("document.activeElement.className").startswith("lab-board")


@needs_engine
def test_an_upload_stays_here_and_a_bad_one_is_refused(visit, tmp_path):
    page = visit("book/lab.html#picture=own")
    bad = tmp_path / "notes.png"
    bad.write_text("no picture")
    page.locator("#lab-file").set_input_files(bad)
    page.get_by_text("notes.png cannot be read as a picture.").wait_for()
    posted = []
    page.on("request", lambda request: posted.append(request.url) if request.method != "GET" else None)
    good = tmp_path / "half.png"
    PIL = pytest.importorskip("PIL.Image")
    half = PIL.new("L", (64, 64), 255)
    half.paste(0, (0, 0, 32, 64))
    half.save(good)
    page.locator("#lab-file").set_input_files(good)
    x = picture(result(page, "denoise")["x"])
    assert x[..., :15].max() < 0.02 and x[..., 17:].min() > 0.98
    assert not posted


@needs_engine
def test_the_latest_request_wins(visit):
    page = visit("book/lab.html#panel=twins&n=10")
    page.wait_for_timeout(800)
    page.evaluate("location.hash = '#picture=disc&noise=0.5&seed=7'")
    found = result(page, "denoise")
    assert (picture(found["y"]) - picture(found["x"])).std().item() == pytest.approx(0.5, rel=0.1)
    page.wait_for_timeout(500)
    assert page.evaluate("document.getElementById('gahr-lab').results.twins") is None


@needs_engine
def test_stop_and_reset(visit):
    page = visit("book/lab.html#panel=twins&n=10&seed=5")
    page.get_by_role("button", name="Stop").click()
    page.get_by_text("Stopped.").wait_for()
    page.get_by_role("button", name="Reset").click()
    assert result(page, "twins")["pair"] == [f"fashion32-unet16-n14000-{half}" for half in "ab"]


@needs_engine
def test_reset_forgets_what_was_drawn(visit):
    page = visit("book/lab.html#picture=own")
    ink = """() => document.querySelector(".lab-board").getContext("2d").getImageData(0, 0, 80, 80)
        .data.filter((value, i) => i % 4 == 0 && value < 99).length"""
    page.locator(".lab-board").click()
    result(page, "denoise")
    assert page.evaluate(ink) > 20
    page.get_by_role("button", name="Reset").click()
    page.locator(".lab-board").evaluate("board => board.blur()")
    assert page.evaluate(ink) == 0


@needs_engine
def test_the_next_seed_is_not_called_stopped(visit):
    page = visit("book/lab.html#panel=twins&n=10&seed=5")
    status = page.locator("#lab-panel [role=status]").first
    page.get_by_role("button", name="Next seed").click()
    page.wait_for_timeout(1000)
    assert "Stopped" not in status.inner_text()
    page.get_by_text("seed 6: after").wait_for()


@needs_engine
def test_a_link_to_a_configuration_opens_the_lab(visit):
    page = visit("book/lab.html")
    page.get_by_role("link", name="two networks that memorized").click()
    assert result(page, "twins")["pair"] == [f"fashion32-unet16-n10-{half}" for half in "ab"]


@needs_engine
def test_download(visit):
    def saved():
        with page.expect_download() as download:
            page.get_by_role("button", name="Download picture").click()
        with Image.open(download.value.path()) as picture:
            return np.asarray(picture.convert("RGB")).astype(int)

    page = visit("book/lab.html#picture=clothes-4")
    result(page, "denoise")
    assert saved().shape[0] > 100
    page.goto(page.url.partition("#")[0] + "#panel=basis&picture=portrait&family=faces")
    result(page, "basis")
    drawn = saved()
    assert drawn.shape[0] > 4 * (4 * 40)  # four rows of vectors, and the spectrum below them
    plot = drawn[-320:]
    blue = (abs(plot - [0, 0x72, 0xB2]) < 30).all(-1)
    assert blue.sum() > 300 and (plot[:, -40:] == 255).all()  # a curve, on white


# ------------------------------------------------------------------------------------------------
# What a page needs


def test_without_scripts_the_lab_says_what_to_do(visit):
    page = visit("book/lab.html", java_script_enabled=False)
    assert "needs JavaScript" in page.content()


@needs_engine
def test_a_missing_engine_is_said(visit):
    page = visit("book/lab.html")
    page.route("**/engine/**", lambda route: route.abort())
    page.get_by_role("button", name="Open the lab").click()
    page.get_by_text("not part of this copy of the book").wait_for()
    visit.wrong.clear()  # the browser reports what we cut off


@pytest.mark.parametrize("viewport", [DESKTOP, PHONE])
@pytest.mark.parametrize("path", EVERY)
def test_pages_are_quiet_and_do_not_scroll_sideways(visit, path, viewport):
    page = visit(path, viewport)
    page.wait_for_load_state("networkidle")
    if not (PAGES / "_static" / "katex").exists():
        visit.wrong.clear()  # formulas come from another host, as the build said
    assert page.evaluate("document.documentElement.scrollWidth - innerWidth") <= 1


@pytest.mark.skipif(not (PAGES / "_static" / "katex").exists(), reason="npm gave no fonts for formulas")
def test_formulas_and_icons_are_set(visit):
    page = visit("book/02-scores.html")
    page.wait_for_function("document.querySelectorAll('.katex').length > 10")
    assert page.locator(".katex-error").count() == 0
    assert page.locator("span.math, div.math").count() == page.locator(":is(span, div).math .katex").count()
    fonts = page.evaluate("[...document.fonts].filter(f => f.status == 'loaded').map(f => f.family).join()")
    assert "KaTeX_Main" in fonts and "Font Awesome" in fonts


LOADED = """() => performance.getEntriesByType("resource").concat(performance.getEntriesByType("navigation"))
    .reduce((sum, entry) => sum + entry.decodedBodySize, 0)"""


@pytest.mark.skipif(not (PAGES / "_static" / "katex").exists(), reason="npm gave no fonts for formulas")
@pytest.mark.parametrize("path", EVERY)
def test_a_page_loads_less_than_2_megabytes(visit, path):
    page = visit(path)
    page.wait_for_load_state("networkidle")
    assert 200_000 < page.evaluate(LOADED) < 2_000_000


AXE = Path(os.environ.get("GAHR_AXE") or "nowhere")


@pytest.mark.skipif(not AXE.exists(), reason="npm gave no axe-core")
@pytest.mark.parametrize("scheme", ["light", "dark"])
@pytest.mark.parametrize("path", [*CHAPTERS, "book/lab.html#picture=portrait&family=faces"])
def test_no_serious_finding_on_accessibility(visit, path, scheme):
    page = visit(path, scheme=scheme)
    if "lab" in path and (PAGES / "_static" / "lab" / "engine").exists():
        result(page, "denoise")
    page.add_script_tag(path=AXE)
    found = page.evaluate("axe.run({ resultTypes: ['violations'] })")["violations"]
    serious = [
        (rule["id"], node["target"], node["html"][:120])
        for rule in found
        if rule["impact"] in ("serious", "critical")
        for node in rule["nodes"]
    ]
    assert not serious
