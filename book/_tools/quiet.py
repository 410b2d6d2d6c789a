"""A Sphinx extension: no script twice, and none of thebe's, which this book does not use.

Jupyter Book loads thebe on every page and declares its constants twice, which is an error in every
browser's console, and names another host. It may ask for MathJax twice, too, which is another error.
"""

from __future__ import annotations

from sphinx.application import Sphinx


def tidy(app: Sphinx, page: str, template: str, context: dict, doctree: object) -> None:
    """Drop thebe's scripts and styles from a page, and every second copy."""
    for kind in ("script_files", "css_files"):
        files: dict[str, object] = {}
        for file in context.get(kind, []):
            if _name(file) not in files or "defer" in getattr(file, "attributes", {}):
                files[_name(file)] = file  # of two copies, the one that does not hold up the page
        context[kind] = [file for name, file in files.items() if "thebe" not in name.lower()]


def _name(file: object) -> str:
    return f"{getattr(file, 'filename', file)} {getattr(file, 'attributes', {}).get('body') or ''}"


def setup(app: Sphinx) -> dict:
    """Called by Sphinx."""
    app.connect("html-page-context", tidy, priority=900)
    return {"parallel_read_safe": True, "parallel_write_safe": True}
