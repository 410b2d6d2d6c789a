"""The rendered pages in a real browser: what they need, show and say, on a desk, a phone and paper."""

import pytest
from browsing import AXE, CHAPTERS, DESKTOP, EVERY, PAGES, PHONE, needs_fonts, result

# ------------------------------------------------------------------------------------------------
# What a page needs


def test_licences_travel_with_the_pages():
    found = {path.name: path.read_text("utf-8") for path in (PAGES / "_static" / "licences").iterdir()}
    assert "SIL Open Font License" in found["KaTeX-fonts.txt"] or "SIL OPEN FONT" in found["KaTeX-fonts.txt"]
    if (PAGES / "_static" / "lab" / "engine").exists():
        assert "MIT License" in found["onnxruntime-LICENSE.txt"]
        assert len(found["onnxruntime-ThirdPartyNotices.txt"]) > 10_000


@pytest.mark.parametrize("viewport", [DESKTOP, PHONE])
@pytest.mark.parametrize("path", EVERY)
def test_pages_are_quiet_and_do_not_scroll_sideways(visit, path, viewport):
    page = visit(path, viewport)
    page.wait_for_load_state("networkidle")
    assert page.evaluate("document.documentElement.scrollWidth - innerWidth") <= 1


@pytest.mark.parametrize("path", EVERY)
def test_a_dark_page_is_dark_and_its_text_light(visit, path):
    page = visit(path, scheme="dark")
    page.wait_for_load_state("networkidle")
    ground, text = page.evaluate(
        """() => [[document.body, "backgroundColor"], [document.querySelector(".bd-article p"), "color"]].map(
            ([element, name]) => getComputedStyle(element)[name].match(/\\d+/g).slice(0, 3).map(Number))"""
    )
    assert max(ground) < 60 and min(text) > 150


@pytest.mark.parametrize("path", EVERY)
def test_no_table_hides_columns(visit, path):
    page = visit(path)
    page.wait_for_load_state("networkidle")
    page.evaluate("for (const folded of document.querySelectorAll('details')) folded.open = true")
    hidden = page.evaluate(
        """() => [...document.querySelectorAll(".bd-article table")].filter((table) => {
            const right = (element) => element.getBoundingClientRect().right;
            for (let box = table; box && !box.matches(".bd-article"); box = box.parentElement) {
              const scrolls = getComputedStyle(box).overflowX !== "visible";
              if (scrolls && box.scrollWidth > box.clientWidth + 1) return true;
            }
            return right(table) > right(document.querySelector(".bd-article")) + 1;
        }).map((table) => table.innerText.slice(0, 80))"""
    )
    assert not hidden


@pytest.mark.parametrize("path", [name for name in EVERY if name[5:7].isdigit()])
def test_figures_stay_readable_on_a_phone(visit, path):
    """A figure's letters have at least 12 pixels as it is drawn: at three quarters they have 9."""
    page = visit(path, PHONE)
    small = page.evaluate(
        """() => [...document.querySelectorAll(".bd-article img[src*='_images']")]
            .filter((img) => !img.closest("details"))
            .map((img) => [img.getAttribute("src"), img.clientWidth / img.getAttribute("width")])"""
    )
    assert small and not [(name, scale) for name, scale in small if scale < 0.75]


def test_what_is_wider_than_a_phone_says_that_it_scrolls(visit):
    """Nothing that scrolls is cut in silence, and nothing else asks to be scrolled."""
    for viewport in (PHONE, DESKTOP):
        page = visit("book/14-your-own.html", viewport)
        page.wait_for_load_state("networkidle")
        page.evaluate("document.fonts.ready")
        marked, wide = page.evaluate(
            """() => [[...document.querySelectorAll(".bd-article .gahr-wide")],
                [...document.querySelectorAll(".bd-article :is(figure, table, div.math)")]
                    .filter((box) => box.scrollWidth > box.clientWidth + 1)]
                .map((boxes) => boxes.map((box) => box.tagName + box.className.replace(/ ?gahr-wide/, "")))"""
        )
        assert marked == wide
        assert ({"FIGUREalign-default", "DIVmath"} <= set(marked)) == (viewport == PHONE)


@pytest.mark.parametrize("path", EVERY)
def test_every_picture_has_its_size_before_it_is_loaded(visit, path):
    page = visit(path)
    bare = page.evaluate(
        """() => [...document.querySelectorAll(".bd-article img")]
            .filter((img) => !(img.getAttribute("width") && img.getAttribute("height")))
            .map((img) => img.outerHTML.slice(0, 120))"""
    )
    assert not [tag for tag in bare if "hero" not in tag and "src=" in tag]


@pytest.mark.parametrize("viewport", [DESKTOP, PHONE])
@pytest.mark.parametrize("scripts", [True, False])
def test_the_first_screen_works_with_and_without_scripts(visit, viewport, scripts):
    page = visit("book/intro.html", viewport, java_script_enabled=scripts)
    assert page.locator("img.first-loop:visible").count() == 1
    assert "network A" in page.inner_text(".first-faces")
    assert page.locator(".first-loops img:visible").bounding_box()["y"] < viewport["height"]
    page.get_by_text("10 clothes each", exact=True).click()
    assert page.locator(".first-few").is_visible() and not page.locator(".first-faces").is_visible()
    page.get_by_text("Pause", exact=True).click()
    assert (
        page.locator("img.first-still:visible").count() == 1
        and not page.locator("img.first-loop:visible").count()
    )


def test_the_replication_table_can_be_filtered(visit):
    page = visit("book/replication.html", PHONE)
    page.get_by_label("those that differ").check()
    states = page.evaluate(
        """() => [...document.querySelectorAll(".claims tr[data-state]")]
            .filter((row) => row.offsetParent).map((row) => row.dataset.state)"""
    )
    assert len(states) > 3 and set(states) == {"differs"}
    assert page.evaluate("document.documentElement.scrollWidth - innerWidth") <= 1
    page.get_by_label("all rows").check()
    assert page.locator(".claims details:visible").count() > 10


def test_figures_and_chapters_are_numbered_as_the_text_calls_them(visit):
    page = visit("book/07-shrinkage.html")
    numbers = page.locator(".bd-article figcaption .caption-number").all_inner_texts()
    assert [text.strip() for text in numbers] == [f"Figure 7.{k}" for k in range(1, len(numbers) + 1)]
    assert page.locator(".bd-sidebar-primary").get_by_text("7. Shrinkage in an adapted basis").count() == 1


def test_a_term_leads_to_the_glossary_and_says_what_it_means(visit):
    link = visit("book/07-shrinkage.html").locator(".bd-article a[href*='glossary.html#term-']").first
    assert len(link.get_attribute("title")) > 30


def test_a_shared_link_has_a_description_and_a_picture(visit):
    page = visit("book/07-shrinkage.html")
    assert len(page.get_attribute("meta[property='og:description']", "content")) > 80
    assert page.get_attribute("meta[property='og:image']", "content").startswith("https://")
    assert (PAGES / "_static" / "first" / "social.png").exists()


def test_paper_has_no_contents_list_and_nothing_folded(visit):
    page = visit("book/07-shrinkage.html")
    page.emulate_media(media="print")
    for part in (".bd-sidebar-primary", ".bd-sidebar-secondary", ".prev-next-footer", "#jb-print-toc"):
        assert not page.locator(part).first.is_visible()
    assert page.get_by_role("heading", name="Shrinkage in an adapted basis").first.is_visible()
    hidden = page.evaluate(
        """() => { dispatchEvent(new Event("beforeprint"));
            return document.querySelectorAll(".bd-article details:not([open])").length; }"""
    )
    assert hidden == 0


@needs_fonts
def test_formulas_and_icons_are_set(visit):
    page = visit("book/02-scores.html")
    page.wait_for_function("document.querySelectorAll('.katex').length > 10")
    assert page.locator(".katex-error").count() == 0
    assert page.locator("span.math, div.math").count() == page.locator(":is(span, div).math .katex").count()
    fonts = page.evaluate("[...document.fonts].filter(f => f.status == 'loaded').map(f => f.family).join()")
    assert "KaTeX_Main" in fonts and "Font Awesome" in fonts


LOADED = """() => performance.getEntriesByType("resource").concat(performance.getEntriesByType("navigation"))
    .reduce((sum, entry) => sum + entry.decodedBodySize, 0)"""


@needs_fonts
@pytest.mark.parametrize("path", EVERY)
def test_a_page_loads_less_than_2_megabytes(visit, path):
    page = visit(path)
    page.wait_for_load_state("networkidle")
    assert 200_000 < page.evaluate(LOADED) < 2_000_000


@pytest.mark.skipif(not AXE.exists(), reason="npm gave no axe-core")
@pytest.mark.parametrize("scheme", ["light", "dark"])
@pytest.mark.parametrize(
    "path", [*CHAPTERS, "book/replication.html", "book/lab.html#picture=portrait&family=faces"]
)
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
