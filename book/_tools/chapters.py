"""What a chapter is: where it lies, what it links to, and what of it is volatile.

Everything here that names the repository's address or the package's version takes both from their
one place: ``repository.url`` in ``_config.yml`` and ``version`` in ``pyproject.toml``.
"""

from __future__ import annotations

import hashlib
import os
import re
import tempfile
import tomllib
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path

import nbformat
import yaml

ROOT = Path(__file__).resolve().parents[2]
BOOK = ROOT / "book"

KEPT_CELL_METADATA = {"tags", "mystnb"}
# What folds a cell: on the page the tag, in JupyterLab (and its outputs) the second, in Colab the third.
FOLDED = {"jupyter": {"source_hidden": True, "outputs_hidden": True}, "cellView": "form"}
KEPT_METADATA = {"kernelspec", "language_info", "gahr"}

SETUP = """\
# On Colab this installs the book's package; elsewhere it does nothing.
import sys

if "google.colab" in sys.modules:
    %pip install -q "gahr @ git+{url}@v{version}\""""


def chapters() -> list[Path]:
    """Paths of all chapters, in order."""
    return sorted(BOOK.glob("[0-9][0-9]-*.ipynb"))


def pages() -> list[Path]:
    """Paths of all pages that are not chapters."""
    return sorted([*BOOK.glob("*.md"), *(BOOK / "teaching").glob("*.md")])


def repository_url(root: Path = ROOT) -> str:
    """Address of the repository, without a closing slash."""
    config = yaml.safe_load((root / "_config.yml").read_text(encoding="utf-8"))
    return config["repository"]["url"].rstrip("/")


def version(root: Path = ROOT) -> str:
    """Version of the package."""
    return tomllib.loads((root / "pyproject.toml").read_text(encoding="utf-8"))["project"]["version"]


def setup_source(url: str | None = None, tag: str | None = None) -> str:
    """Text of the set-up cell, which installs the package on Colab and does nothing elsewhere."""
    return SETUP.format(url=url or repository_url(), version=tag or version())


def links(stem: str, url: str | None = None, tag: str | None = None) -> tuple[str, str]:
    """Addresses that open a chapter in Colab and that download it."""
    url, tag = url or repository_url(), tag or version()
    owner_and_name = url.removeprefix("https://github.com/")
    colab = f"https://colab.research.google.com/github/{owner_and_name}/blob/v{tag}/book/{stem}.ipynb"
    return colab, f"{url}/raw/v{tag}/book/{stem}.ipynb"


def tags(cell: dict) -> set[str]:
    """Tags of a cell."""
    return set(cell.get("metadata", {}).get("tags", []))


def source_sha256(notebook: dict) -> str:
    """Hash of the code cells, the set-up cell left out: its address changes, its effect does not."""
    code = [c["source"] for c in notebook["cells"] if c["cell_type"] == "code" and "setup" not in tags(c)]
    return hashlib.sha256("\0".join(code).encode()).hexdigest()


def strip(notebook: dict) -> dict:
    """Remove what differs from run to run, note the hash of the code; the notebook is changed."""
    for number, cell in enumerate(notebook["cells"]):
        kept = {k: v for k, v in cell["metadata"].items() if k in KEPT_CELL_METADATA and v}
        cell["metadata"] = nbformat.from_dict(kept | (FOLDED if "solution" in tags(cell) else {}))
        cell.setdefault("id", hashlib.sha256(f"{number} {cell['source']}".encode()).hexdigest()[:8])
        for output in cell.get("outputs", []):
            output.get("metadata", {}).pop("execution", None)
        join_streams(cell)
    notebook["nbformat"], notebook["nbformat_minor"] = 4, 5
    notebook["metadata"] = nbformat.from_dict(
        {
            "kernelspec": {"display_name": "Python 3", "language": "python", "name": "python3"},
            "language_info": {"name": "python", "pygments_lexer": "ipython3"},
            "gahr": {"source_sha256": source_sha256(notebook)},
        }
    )
    return notebook


def join_streams(cell: dict) -> None:
    """Make one output of what was printed in a row: where a kernel cuts it is an accident of time."""
    joined: list[dict] = []
    for output in cell.get("outputs", []):
        last = joined[-1] if joined else {}
        if output["output_type"] == "stream" == last.get("output_type") and output["name"] == last["name"]:
            last["text"] += output["text"]
        else:
            joined.append(output)
    if "outputs" in cell:
        cell["outputs"] = joined


def write(notebook: dict, path: Path) -> None:
    """Write a notebook to a temporary name beside ``path``, then rename: all of it or nothing."""
    text = re.sub(r"\s*\Z", "\n", nbformat.writes(nbformat.from_dict(notebook)))
    handle, name = tempfile.mkstemp(dir=path.parent, prefix=f".{path.stem}.", suffix=".ipynb")
    try:
        with os.fdopen(handle, "w", encoding="utf-8", newline="\n") as stream:
            stream.write(text)
        Path(name).chmod(0o644)
        Path(name).replace(path)
    finally:
        Path(name).unlink(missing_ok=True)


# ------------------------------------------------------------------------------------------------
# Reading


def contents(toc: Path = ROOT / "_toc.yml") -> list[str]:
    """Pages in the table of contents, as paths without their ending."""
    listing = yaml.safe_load(toc.read_text(encoding="utf-8"))
    return [page["file"] for part in listing["parts"] for page in part["chapters"]]


@dataclass
class Section:
    """A second-level heading and the cells, or parts of Markdown cells, below it."""

    title: str
    parts: list[dict] = field(default_factory=list)

    @property
    def text(self) -> str:
        """The section's Markdown."""
        return "\n\n".join(part["source"] for part in self.parts if part["cell_type"] == "markdown")

    @property
    def code(self) -> list[dict]:
        """The section's code cells."""
        return [part for part in self.parts if part["cell_type"] == "code"]


@dataclass
class Chapter:
    """A notebook cut into its opening and its sections."""

    path: Path
    notebook: dict

    @classmethod
    def read(cls, path: Path) -> Chapter:
        """Read a chapter from its file."""
        return cls(path, nbformat.read(path, as_version=4))

    @property
    def cells(self) -> list[dict]:
        """All cells."""
        return self.notebook["cells"]

    @property
    def code(self) -> list[dict]:
        """All code cells."""
        return [cell for cell in self.cells if cell["cell_type"] == "code"]

    @property
    def text(self) -> str:
        """All Markdown."""
        return "\n\n".join(cell["source"] for cell in self.cells if cell["cell_type"] == "markdown")

    @property
    def sections(self) -> list[Section]:
        """The opening (its title is empty), then one section for each second-level heading."""
        found = [Section("")]
        for cell in self.cells:
            if cell["cell_type"] != "markdown":
                found[-1].parts.append(cell)
                continue
            for piece in re.split(r"(?m)^(?=## )", cell["source"]):
                if piece.startswith("## "):
                    title, _, piece = piece.removeprefix("## ").partition("\n")
                    found.append(Section(title.strip()))
                if piece.strip():
                    found[-1].parts.append({**cell, "source": piece})
        return found

    def section(self, title: str) -> Section:
        """The section of that title; an empty one where it is missing."""
        return next((s for s in self.sections if s.title == title), Section(title))

    def name_of(self, cell: dict) -> str:
        """How a message names a cell: its number among all cells, from 1."""
        return f"cell {next(i for i, c in enumerate(self.cells, 1) if c is cell)}"


def terms_of(page: str) -> Iterator[str]:
    """Terms that a page's glossary explains: its unindented lines."""
    for block in re.findall(r"(?ms)^```\{glossary\}\n(.*?)^```", page):
        for line in block.splitlines():
            if line and not line.startswith((" ", ":")):
                yield line.strip()


def figure_names(chapter: Chapter) -> list[str]:
    """Names of the chapter's figures, for ``{numref}``."""
    names = (cell["metadata"].get("mystnb", {}).get("figure", {}).get("name") for cell in chapter.code)
    return [name for name in names if name]
