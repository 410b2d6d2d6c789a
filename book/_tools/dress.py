"""A Sphinx extension: what a page says of itself, and of what it links to.

A description and a picture for those who share the page's address; the size of each picture, so that
nothing jumps while pictures load; what a glossary's term means, when a pointer rests on it; and the width
of each figure as a style, by which a phone scrolls it rather than shrinks its letters.
"""

from __future__ import annotations

import base64
import re
import struct
from html import escape
from pathlib import Path

from docutils import nodes
from sphinx import addnodes
from sphinx.application import Sphinx

PICTURE = "_static/first/social.png"
LONG = 60  # letters from which a paragraph says what a page is about
EMBEDDED = "data:image/png;base64,"
IMG = re.compile(rf'<img (?P<before>[^>]*?)src="(?P<src>[^"]+\.png|{EMBEDDED}[^"]+)"(?P<after>[^>]*?)/?>')
TERM = re.compile(r'(<a class="reference internal" )(href="[^"#]*glossary\.html#(term-[^"]+)")')


def describe(app: Sphinx, page: str, template: str, context: dict, doctree: nodes.document | None) -> None:
    """Fill in a page's head and its pictures' sizes."""
    if doctree is not None:
        context["metatags"] = context.get("metatags", "") + tags(
            re.sub(r"<[^>]+>", "", context.get("title", "")), description(doctree), address(app)
        )
    if context.get("body"):
        sources = {name: Path(app.srcdir, path) for path, name in _images(app).items()}
        body = IMG.sub(lambda found: sized(found, sources, Path(app.srcdir)), context["body"])
        meaning = getattr(app.env, "gahr_meanings", {})
        context["body"] = TERM.sub(
            lambda link: (
                f'{link[1]}title="{escape(meaning.get(link[3], ""))}" {link[2]}'
                if link[3] in meaning
                else link[0]
            ),
            body,
        )


def description(doctree: nodes.document) -> str:
    """The first paragraph that says something, cut after a sentence near 200 letters."""
    for paragraph in doctree.findall(nodes.paragraph):
        text = " ".join(paragraph.astext().split())
        if len(text) >= LONG and not text.startswith("Run it:"):
            found = re.match(r".{80,220}?[.?!](?= |$)", text)
            return found[0] if found else text[:200]
    return ""


def tags(title: str, text: str, picture: str) -> str:
    """Tags for search engines and for shared links."""
    found = {"og:type": "article", "og:title": title, "og:description": text, "og:image": picture}
    lines = [
        f'<meta property="{name}" content="{escape(value)}" />' for name, value in found.items() if value
    ]
    lines += [f'<meta name="description" content="{escape(text)}" />'] if text else []
    return "\n".join(["", *lines, '<meta name="twitter:card" content="summary_large_image" />', ""])


def address(app: Sphinx) -> str:
    """Where the picture for shared links lies: at the pages' own address, or if unknown in the repository."""
    base = app.config.html_baseurl
    if base:
        return f"{base.rstrip('/')}/{PICTURE}"
    theme = app.config.html_theme_options
    return f"{theme['repository_url'].rstrip('/')}/raw/{theme['repository_branch']}/{PICTURE}"


def sized(found: re.Match, sources: dict[str, Path], static: Path) -> str:
    """A picture's tag with its width and height in pixels."""
    tag, name = found[0], found["src"].rpartition("/")[2]
    if found["src"].startswith(EMBEDDED):  # a frame of an explorer
        width, height = struct.unpack(">II", base64.b64decode(found["src"][len(EMBEDDED) :][:32])[16:])
        return f'{tag.rstrip("/> ")} width="{width}" height="{height}" />'
    path = sources.get(name) if "_images/" in found["src"] else static / found["src"].lstrip("./")
    if "height=" in tag or path is None or not path.exists():
        return tag
    width, height = size(path)
    given = re.search(r'(?:width="|width: ?)(\d+)(?:px)?', tag)
    if given:  # shown at another width than its own
        width, height = int(given[1]), round(height * int(given[1]) / width)
    more = f'height="{height}"' if 'width="' in tag else f'width="{width}" height="{height}"'
    figure = "_images/" in found["src"] and "style=" not in tag
    style = f' style="--width: {width}px"' if figure else ""
    return f'<img {found["before"]}src="{found["src"]}"{found["after"].rstrip()} {more}{style} />'


def size(path: Path) -> tuple[int, int]:
    """Width and height of a PNG, from its first bytes."""
    with path.open("rb") as file:
        return struct.unpack(">II", file.read(24)[16:])


def _images(app: Sphinx) -> dict[str, str]:
    return getattr(app.builder, "images", {})


def learn(app: Sphinx, doctree: nodes.document) -> None:
    """Remember the first sentence of each of the glossary's definitions."""
    known = getattr(app.env, "gahr_meanings", {})
    for item in doctree.findall(nodes.definition_list_item):
        terms = [identity for term in item.findall(nodes.term) for identity in term["ids"]]
        text = next((" ".join(part.astext().split()) for part in item.findall(nodes.definition)), "")
        if isinstance(item.parent.parent, addnodes.glossary):
            known |= {identity: re.split(r"(?<=[.?!]) (?=[A-Z])", text)[0] for identity in terms}
    app.env.gahr_meanings = known


def setup(app: Sphinx) -> dict:
    """Called by Sphinx."""
    app.connect("doctree-read", learn)
    app.connect("html-page-context", describe, priority=800)
    return {"parallel_read_safe": False, "parallel_write_safe": True}
