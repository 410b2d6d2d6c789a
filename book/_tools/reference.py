"""The pages of the package, made from its files: one heading and one `automodule` for each.

A page names its part in a comment, ``<!-- modules: core -->``, which `filled` replaces. A new module needs
no entry anywhere.
"""

from __future__ import annotations

import ast
import re

import chapters

PARTS = {"core": "api", "analysis": "api-analysis", "training": "api-training"}
"""Parts of the package and their pages; drawings (`gahr.figures`) are on none."""

MARK = re.compile(r"<!-- modules: (\w+) -->")


def modules(part: str) -> list[str]:
    """Dotted names of a part's public modules: a folder's, or for the core all that are in no other part."""
    package = chapters.ROOT / "gahr"
    if part != "core":
        paths = package.glob(f"{part}/*.py")
    else:
        others = {*PARTS, "figures"}
        paths = (p for p in package.rglob("*.py") if p.relative_to(package).parts[0] not in others)
    public = (p.relative_to(chapters.ROOT).with_suffix("") for p in paths if not p.name.startswith("_"))
    return sorted(".".join(path.parts) for path in public)


def entry(name: str) -> str:
    """A module's heading and what Sphinx makes of its docstrings."""
    text = (chapters.ROOT / f"{name.replace('.', '/')}.py").read_text(encoding="utf-8")
    summary = (ast.get_docstring(ast.parse(text)) or "").splitlines()[0]
    title = re.split(r"[:;,.]", summary)[0]
    return f"## {title}: `{name}`\n\n```{{eval-rst}}\n.. automodule:: {name}\n   :members:\n```\n"


def filled(text: str) -> str:
    """A page with the entries of its part."""
    return MARK.sub(lambda found: "\n".join(map(entry, modules(found[1]))), text)
