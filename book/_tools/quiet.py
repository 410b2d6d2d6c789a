"""A Sphinx extension: no script of thebe, which this book does not use.

Jupyter Book loads thebe on every page and declares its constants twice, which is an error in every
browser's console, and names another host.
"""

from __future__ import annotations

from sphinx.application import Sphinx


def without_thebe(app: Sphinx, page: str, template: str, context: dict, doctree: object) -> None:
    """Drop thebe's scripts and styles from a page."""
    for kind in ("script_files", "css_files"):
        context[kind] = [file for file in context.get(kind, []) if not _is_thebe(file)]


def _is_thebe(file: object) -> bool:
    body = getattr(file, "attributes", {}).get("body") or ""
    return "thebe" in f"{getattr(file, 'filename', file)} {body}".lower()


def setup(app: Sphinx) -> dict:
    """Called by Sphinx."""
    app.connect("html-page-context", without_thebe, priority=900)
    return {"parallel_read_safe": True, "parallel_write_safe": True}
