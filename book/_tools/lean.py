"""A Sphinx extension: pages load what they use, and no more.

Left out are thebe (which this book does not use, and whose constants Jupyter Book declares twice, an error
in every console), the script with all icons of Font Awesome (its web fonts, which are loaded as well, show
those that are used), KaTeX where there is no formula, the styles of cards and tabs where there are none,
and what only the slides use: Jupyter Book would load every script and style that it finds. Pictures are
loaded when they come into view.
"""

from __future__ import annotations

import re
from pathlib import Path

from sphinx.application import Sphinx

ICONS = "_static/scripts/fontawesome.js"
ENDS = re.compile(r'(<span class="math[^>]*>[^<]{1,40}</span>)([,.;:!?)]+)')


def lighten(app: Sphinx, page: str, template: str, context: dict, doctree: object) -> None:
    """Drop a page's unused scripts and styles, let pictures wait, and keep a comma beside its formula."""
    body = context.get("body") or ""
    unused = ["thebe", "slides.", "reveal/"]
    unused += [] if 'class="math' in body else ["katex", "auto-render"]
    unused += [] if 'class="sd-' in body else ["sphinx-design", "design-tabs"]
    for kind in ("script_files", "css_files"):
        context[kind] = [
            file for file in context.get(kind, []) if not any(name in _text(file) for name in unused)
        ]
    if body:
        body = ENDS.sub(r'<span class="gahr-keep">\1\2</span>', body)
        context["body"] = body.replace("<img ", '<img loading="lazy" ')


def _text(file: object) -> str:
    script = getattr(file, "attributes", {}).get("body") or ""
    return f"{getattr(file, 'filename', file)} {script}".lower()


def without_icons(app: Sphinx, error: Exception | None) -> None:
    """Empty the icons' script, which the theme's template asks for by name."""
    script = Path(app.outdir, ICONS)
    if script.exists():
        script.write_text("// The icons of this book come from web fonts.\n", encoding="utf-8")


def setup(app: Sphinx) -> dict:
    """Called by Sphinx."""
    app.connect("html-page-context", lighten, priority=900)
    app.connect("build-finished", without_icons)
    return {"parallel_read_safe": True, "parallel_write_safe": True}
