"""A browser, a server for the built pages, and a way to visit them on which nothing may go wrong."""

import functools
import http.server
import threading

import pytest

ARGUMENTS = ["--no-sandbox", "--disable-gpu", "--disable-background-networking"]


class Quiet(http.server.SimpleHTTPRequestHandler):
    def log_message(self, *_):
        pass


@pytest.fixture(scope="session")
def address():
    from browsing import PAGES

    served = functools.partial(Quiet, directory=str(PAGES.parent))  # a sub-path, as on GitHub Pages
    server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), served)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    yield f"http://127.0.0.1:{server.server_port}/{PAGES.name}"
    server.shutdown()
    server.server_close()


@pytest.fixture(scope="session")
def browser():
    from browsing import CHROMIUM
    from playwright.sync_api import sync_playwright

    with sync_playwright() as engine:
        opened = engine.chromium.launch(executable_path=CHROMIUM, args=ARGUMENTS)
        yield opened
        opened.close()


@pytest.fixture
def visit(browser, address):
    """Open a page; at the end nothing must have gone wrong on it, and no other host been asked."""
    contexts, wrong, pages = [], [], []

    from browsing import DESKTOP, PAGES

    def opened(path, viewport=DESKTOP, scheme="light", **options):
        context = browser.new_context(viewport=viewport, color_scheme=scheme, **options)
        contexts.append(context)
        page = context.new_page()
        pages.append(page)
        page.set_default_timeout(120_000)
        page.on("console", lambda said: wrong.append(said.text) if said.type == "error" else None)
        page.on("pageerror", lambda error: wrong.append(str(error)))
        page.on("request", lambda request: wrong.append(request.url) if _foreign(request.url) else None)
        page.goto(f"{address}/{path}")
        return page

    def _foreign(url):
        return not url.startswith((address, "blob:", "data:"))

    opened.wrong, opened.pages = wrong, pages
    yield opened
    for context in contexts:
        context.close()
    if not (PAGES / "_static" / "katex").exists():  # formulas come from another host, as the build said
        wrong = [said for said in wrong if "katex" not in said]
    assert not wrong
