"""What the pages take from npm: only what was published, only what is wanted, and nothing half-written."""

import base64
import hashlib
import io
import tarfile
import types

import pytest
from sphinxcontrib import katex

import assets
import lean


def archive(**files):
    stream = io.BytesIO()
    with tarfile.open(fileobj=stream, mode="w:gz") as made:
        for name, text in files.items():
            data = text.encode()
            member = tarfile.TarInfo(name.replace("__", "/"))
            member.size = len(data)
            made.addfile(member, io.BytesIO(data))
    return stream.getvalue()


PACKED = archive(
    package__dist__a_css="a",
    package__dist__fonts__b_woff2="b",
    package__dist__fonts__b_ttf="t",
    package__c="c",
)


@pytest.fixture
def package(monkeypatch):
    monkeypatch.setattr(assets, "_packed", lambda name: PACKED)
    digest = base64.b64encode(hashlib.sha512(PACKED).digest()).decode()
    return assets.Package(
        "made-up@1.0", digest, ("dist/a_css", "dist/fonts/*_woff2"), "place", "nothing works"
    )


def names(folder):
    return sorted(str(path.relative_to(folder)) for path in folder.rglob("*") if path.is_file())


def test_only_the_wanted_files_are_unpacked_without_their_first_folder(package, tmp_path):
    assert assets.fetch(package, tmp_path)
    assert names(tmp_path) == ["place/.version", "place/a_css", "place/fonts/b_woff2"]
    assert (tmp_path / "place" / "a_css").read_text() == "a"


def test_what_is_there_is_not_fetched_again_and_another_version_is(package, tmp_path, monkeypatch):
    assets.fetch(package, tmp_path)
    (tmp_path / "place" / "a_css").write_text("kept")
    monkeypatch.setattr(assets, "_packed", lambda name: pytest.fail("fetched again"))
    assert assets.fetch(package, tmp_path) and (tmp_path / "place" / "a_css").read_text() == "kept"
    monkeypatch.setattr(assets, "_packed", lambda name: PACKED)
    assets.fetch(package._replace(name="made-up@1.1"), tmp_path)
    assert (tmp_path / "place" / "a_css").read_text() == "a"


def test_a_tampered_archive_is_refused_and_nothing_is_written(package, tmp_path):
    wrong = package._replace(sha512="A" * 86 + "==")
    with pytest.raises(ValueError, match=r"made-up@1.0 is not what was published: its SHA-512 is "):
        assets.fetch(wrong, tmp_path)
    assert names(tmp_path) == []


def test_without_npm_the_book_says_what_is_missing(package, tmp_path, monkeypatch, capsys):
    monkeypatch.undo()
    monkeypatch.setattr(assets.shutil, "which", lambda name: None)
    assert not assets.fetch(package, tmp_path)
    assert "nothing works. (npm is not installed)" in capsys.readouterr().out


def test_the_fonts_of_formulas_are_of_the_version_that_sets_them():
    assert f"katex@{katex.katex_version}" in [package.name for package in assets.PACKAGES]


def files(*names_of):
    return [types.SimpleNamespace(filename=name, attributes={}) for name in names_of]


@pytest.mark.parametrize(
    ("body", "kept"),
    [
        ('<p>no formula <img src="a.png"></p>', ["theme.js"]),
        ('<span class="math notranslate">x</span>', ["theme.js", "katex.min.js", "auto-render.min.js"]),
    ],
)
def test_a_page_keeps_the_scripts_that_it_uses(body, kept):
    everything = files("theme.js", "katex.min.js", "auto-render.min.js", "sphinx-thebe.js")
    context = {"body": body, "script_files": everything, "css_files": files("katex/katex.min.css")}
    lean.lighten(None, "page", "page.html", context, None)
    assert [file.filename for file in context["script_files"]] == kept
    assert len(context["css_files"]) == ("math" in body)
    assert "<img src" not in context["body"]  # pictures wait until they come into view


def test_a_comma_stays_with_a_short_formula():
    short, wide = (f'<span class="math notranslate">{text}</span>' for text in ("a", "a" * 41))
    context = {"body": f"<p>{short}, and {short} and {wide}.</p>", "script_files": [], "css_files": []}
    lean.lighten(None, "page", "page.html", context, None)
    assert context["body"] == f'<p><span class="gahr-keep">{short},</span> and {short} and {wide}.</p>'


def test_the_script_with_all_icons_is_emptied(tmp_path):
    script = tmp_path / lean.ICONS
    script.parent.mkdir(parents=True)
    script.write_text("x" * 1000)
    lean.without_icons(types.SimpleNamespace(outdir=tmp_path), None)
    assert len(script.read_text()) < 100
