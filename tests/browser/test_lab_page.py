"""The lab in a real browser: how it is used, and what it refuses."""

import numpy as np
import pytest
from browsing import needs_engine, picture, result
from PIL import Image

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
    page.locator("#lab-rank").focus()
    at = int(page.input_value("#lab-rank"))
    page.keyboard.press("ArrowRight")
    assert f"Direction {at + 1}:" in page.inner_text(".lab-detail")
    page.get_by_label("clothes 3 (held out)").focus()
    page.keyboard.press("ArrowRight")
    page.wait_for_url("**picture=clothes-4*")
    assert "family=clothes" in page.url
    page.locator("#lab-noise").focus()
    before = page.input_value("#lab-noise")
    page.keyboard.press("ArrowRight")
    assert float(page.input_value("#lab-noise")) > float(before)
    page.wait_for_url("**noise=*")
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
    page.get_by_text("notes.png cannot be read as a picture").wait_for()
    large = tmp_path / "large.png"
    large.write_bytes(
        bytes.fromhex("89504e470d0a1a0a0000000d49484452000017700000000a0800000000")
    )  # 6,000 wide, no data
    page.locator("#lab-file").set_input_files(large)
    page.get_by_text("large.png has 6000×10 pixels: at most 4,096 on a side can be read.").wait_for()
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
    assert result(page, "twins")["pair"] == [f"faces40-unet16-n13000-{half}" for half in "ab"]


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
    assert saved().shape[0] > 400
    page.goto(page.url.partition("#")[0] + "#panel=basis")
    result(page, "basis")
    drawn = saved()
    assert (
        drawn.shape[1] == 1920 and drawn.shape[0] > 2 * 500
    )  # two rows of pictures, and the spectrum below them
    plot = drawn[-700:]
    blue = (abs(plot - [0, 0x72, 0xB2]) < 30).all(-1)
    assert blue.sum() > 300 and (plot[:, -40:] == 255).all()  # a curve, on white


@needs_engine
def test_from_noise_to_sample_by_hand(visit):
    """The three pictures begin as one noise; the slider goes through all that was computed."""
    page = visit("book/lab.html#panel=twins&family=clothes&n=10&seed=5")
    result(page, "twins")
    seen = """() => [...document.querySelector('.lab-stage').querySelectorAll('canvas')].map(
        (c) => c.getContext('2d').getImageData(0, 0, c.width, c.height).data.join())"""
    page.locator("#lab-scrub").fill("0")
    a, noise, b = page.evaluate(seen)
    assert a == noise == b and "step 0" in page.inner_text(".lab-where")
    page.locator("#lab-scrub").focus()
    page.keyboard.press("End")
    a, _, b = page.evaluate(seen)
    assert a != b
    page.get_by_role("button", name="Play").click()
    page.get_by_role("button", name="Pause").click()
    page.locator("#lab-twins-n").fill("0")
    page.get_by_text("N = 1, seed 5: after").wait_for()


@needs_engine
def test_few_faces_are_not_shown_and_the_page_says_why(visit):
    page = visit("book/lab.html#panel=twins&n=100")
    assert result(page, "twins")["pair"] == [f"fashion32-unet16-n100-{half}" for half in "ab"]
    assert "photographs that may not be shown" in page.inner_text("#lab-panel")


@needs_engine
def test_inherited_names_in_the_address_are_ignored(visit):
    page = visit("book/lab.html#__proto__=1")
    page.get_by_role("button", name="Open the lab").wait_for()
    page.goto(page.url.partition("#")[0] + "#constructor=1&panel=twins&toString=2")
    assert "n13000" in result(page, "twins")["pair"][0]
    page.get_by_role("button", name="Next seed").click()
    assert "constructor" not in page.url


@needs_engine
@pytest.mark.parametrize("policy", ["script-src 'self' 'unsafe-inline'", "worker-src 'none'"])
def test_a_content_policy_is_named_where_it_forbids_the_engine(visit, policy):
    page = visit("book/lab.html")

    def strict(route):
        answer = route.fetch()
        route.fulfill(response=answer, headers={**answer.headers, "content-security-policy": policy})

    page.route("**/*", strict)
    page.reload()
    page.get_by_role("button", name="Open the lab").click()
    page.get_by_text("Forbidden by the site's content security policy").wait_for()
    assert "npm" not in page.inner_text("#gahr-lab [role=alert]")
    visit.wrong.clear()  # the browser reports what the policy cut off


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
