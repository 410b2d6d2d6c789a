"""What a page says of itself to those who share it, and the sizes of its pictures."""

import base64
import re
import types

import docutils.frontend
import docutils.parsers.rst
import docutils.utils
import pytest
from PIL import Image

import dress


@pytest.fixture
def picture(tmp_path):
    (tmp_path / "_static").mkdir()
    Image.new("L", (300, 120)).save(tmp_path / "_static" / "a.png")
    return tmp_path


def sized(tag, folder):
    sources = {"hash.png": folder / "_static" / "a.png"}
    return dress.IMG.sub(lambda found: dress.sized(found, sources, folder), tag)


def attributes(tag):
    return {name: int(value) for name, value in re.findall(r'(width|height)="(\d+)"', tag)}


def test_a_picture_gets_its_size(picture):
    for tag in ('<img alt="x" src="../_images/hash.png" />', '<img alt="x" src="../_static/a.png">'):
        found = sized(tag, picture)
        assert attributes(found) == {"width": 300, "height": 120}
        assert ("--width: 300px" in found) == ("_images" in tag)  # figures scroll on a phone
        assert 'alt="x"' in found


def test_an_embedded_picture_gets_its_size(picture):
    text = base64.b64encode((picture / "_static" / "a.png").read_bytes()).decode()
    found = sized(f'<img src="data:image/png;base64,{text}" alt="x">', picture)
    assert attributes(found) == {"width": 300, "height": 120}
    assert f'base64,{text}"' in found and 'alt="x"' in found


def test_a_given_width_is_kept_and_the_height_follows(picture):
    assert attributes(sized('<img src="../_static/a.png" width="100" />', picture)) == {
        "width": 100,
        "height": 40,
    }


def test_unknown_pictures_and_known_sizes_are_left_alone(picture):
    for tag in ('<img src="../_images/other.png" />', '<img src="../_static/a.png" width="3" height="4" />'):
        assert sized(tag, picture) == tag


def parsed(text):
    settings = docutils.frontend.get_default_settings(docutils.parsers.rst.Parser)
    made = docutils.utils.new_document("x", settings)
    docutils.parsers.rst.Parser().parse(text, made)
    return made


def test_a_description_is_the_first_paragraph_that_says_something():
    run = "Run it: in Colab or after a download, about twenty seconds on two cores."
    said = "A network is a matrix around each picture, and a matrix can be taken apart."
    text = f"Title\n=====\n\n{run}\n\nShort.\n\n{said} {'More. ' * 60}\n"
    found = dress.description(parsed(text))
    assert found.startswith(said) and 80 <= len(found) <= 220 and found.endswith(".")
    assert dress.description(parsed("Short.")) == ""


def test_tags_are_escaped_and_name_the_picture():
    found = dress.tags('A "title"', "a < b", "https://example.org/x.png")
    assert '<meta property="og:image" content="https://example.org/x.png" />' in found
    assert "A &quot;title&quot;" in found and 'name="description" content="a &lt; b"' in found


def test_the_picture_of_a_shared_link_has_a_full_address():
    def app(base):
        theme = {"repository_url": "https://github.com/me/gahr/", "repository_branch": "v9"}
        return types.SimpleNamespace(
            config=types.SimpleNamespace(html_baseurl=base, html_theme_options=theme)
        )

    assert dress.address(app("")) == f"https://github.com/me/gahr/raw/v9/{dress.PICTURE}"
    assert dress.address(app("https://me.org/book/")) == f"https://me.org/book/{dress.PICTURE}"
