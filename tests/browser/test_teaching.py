"""The slides as a room sees them: figures numbered as on the plan's page, and nothing below the edge."""

import re

import pytest
from browsing import PAGES

import plan

EVERY = pytest.mark.parametrize("name", plan.NAMES)


@EVERY
def test_figures_have_the_numbers_of_the_rendered_plan(name):
    page = (PAGES / "book" / "teaching" / f"{name}.html").read_text(encoding="utf-8")
    shown = re.findall(r"<strong>Show, \d+ min\.</strong>\s*<a .*?>(Figure \d+\.\d+)<", page)
    slides = (PAGES / "slides" / f"{name}.html").read_text(encoding="utf-8")
    assert shown and shown == re.findall(r"<strong>(Figure \d+\.\d+)\.</strong>", slides)


@EVERY
def test_no_slide_is_higher_than_the_screen(visit, name):
    page = visit(f"slides/{name}.html", {"width": 1280, "height": 720})
    page.wait_for_function("window.Reveal?.isReady() && document.querySelector('.katex, .title')")
    heights = page.evaluate(
        """() => [...document.querySelectorAll('.slides > section')].map((section, at) => {
            Reveal.slide(at);
            return [section.dataset.shows, section.scrollHeight, section.scrollWidth];
        })"""
    )
    assert len(heights) > 10
    assert [row for row in heights if row[1] > 720 or row[2] > 1280] == []
