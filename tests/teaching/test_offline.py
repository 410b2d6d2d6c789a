"""The offline edition: what is packed, links that stay inside, and a PDF with bookmarks."""

import posixpath
import re
import shutil
import zipfile

import pytest

import chapters
import offline

PAGE = """\
<html><head><title>{title} &#8212; The book</title>
<link rel="stylesheet" href="../_static/a.css"></head><body>
<script src="../_static/katex.min.js"></script>
<article class="bd-article"><section id="top"><h1>{title}</h1><h2 id="why">Why</h2>
<span class="math">x</span> <img loading="lazy" src="../_images/a.png" alt="a">
<details><summary>Solution</summary>Seven.</details><script>alert(1)</script>
{links}</section></article><footer>not printed</footer></body></html>
"""
LINKS = """\
<a href="#why">here</a> <a href="one.html">one</a> <a href="one.html#why">why</a>
<a href="https://example.org/x">out</a> <a href="api.html">gone</a>
<a href="../sets/gahr-student.zip" download>the students' set</a>
"""


@pytest.fixture
def pages(tmp_path, monkeypatch):
    """A rendered book in small."""
    monkeypatch.setattr(chapters, "contents", lambda: ["book/one"])
    folder = tmp_path / "html"
    for name in (
        "book/one.html",
        "book/intro.html",
        "_static/a.css",
        "_static/lab/engine/big",
        "sets/gahr-student.zip",
        "_images/a.png",
    ):
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).write_text("x")
    (folder / ".default").touch()
    for name in ("intro", "one"):
        text = PAGE.format(title=name.title(), links=LINKS)
        (folder / "book" / f"{name}.html").write_text(text, encoding="utf-8")
    return folder


def test_the_zip_has_a_file_to_open_and_no_engine(pages, tmp_path):
    archive = offline.pack(pages, tmp_path / "gahr-book.zip")
    names = set(zipfile.ZipFile(archive).namelist())
    assert names == {
        "gahr-book/open-me.html",
        *(f"gahr-book/pages/{name}" for name in ("book/intro.html", "book/one.html")),
        *(f"gahr-book/pages/{name}" for name in ("_static/a.css", "_images/a.png", "sets/gahr-student.zip")),
    }
    start = zipfile.ZipFile(archive).read("gahr-book/open-me.html").decode()
    address = re.search('url=([^"]+)', start)[1]
    assert f"gahr-book/{address}" in names


def test_the_link_to_the_students_set_leads_to_what_is_packed(pages, tmp_path):
    archive = zipfile.ZipFile(offline.pack(pages, tmp_path / "gahr-book.zip"))
    page = archive.read("gahr-book/pages/book/one.html").decode()
    (link,) = re.findall(r'href="([^"]+)" download', page)
    assert posixpath.normpath(f"gahr-book/pages/book/{link}") in archive.namelist()


def test_links_stay_inside_one_document(pages):
    text = offline.joined(pages)
    assert 'id="book-intro"' in text and 'id="book-one--why"' in text
    assert text.count('href="#book-one"') == 2 and text.count('href="#book-one--why"') == 3
    assert 'href="https://example.org/x"' in text and "#api" not in text
    assert len(re.findall(r'\bid="([^"]+)"', text)) == len(set(re.findall(r'\bid="([^"]+)"', text)))
    assert f'src="{pages.as_uri()}/_images/a.png"' in text and "../_" not in text
    assert f'href="{pages.as_uri()}/_static/a.css"' in text
    assert "<details open>" in text and "lazy" not in text
    assert "<title>The book</title>" in text
    assert "students' set</a>" in text and ".zip" not in text and "gone</a>" in text
    assert "alert(1)" not in text and "not printed" not in text


def test_without_pages_nothing_is_written(tmp_path, capsys):
    for kind in ("zip", "pdf"):
        assert offline.main([kind, str(tmp_path), str(tmp_path / "x")]) == 1
        assert "run make book first" in capsys.readouterr().err
    assert not list(tmp_path.iterdir())


@pytest.mark.skipif(not any(map(shutil.which, offline.CHROMIUM)), reason="there is no Chromium")
def test_the_pdf_has_bookmarks(pages, tmp_path):
    made = offline.print_pdf(pages, tmp_path / "book.pdf").read_bytes()
    assert made.startswith(b"%PDF") and b"/Outlines" in made
