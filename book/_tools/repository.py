"""Bring every place that names the repository or the version in step.

    python book/_tools/repository.py                                  (use the address in _config.yml)
    python book/_tools/repository.py https://github.com/me/gahr       (write that address there first)

The address has one home, ``repository.url`` in ``_config.yml``, and the version has one,
``pyproject.toml``. Set-up cells, Colab and download links, the manifest, the package's metadata,
the citation and the README follow.
"""

from __future__ import annotations

import re
import sys
import tomllib
from pathlib import Path

import chapters

ADDRESS = re.compile(r"https://github\.com/[\w.-]+/[\w.-]*[\w-]")


def rewrite(root: Path, url: str | None = None) -> list[Path]:
    """Bring the checkout at ``root`` in step and return the files that changed."""
    old = _addresses_in_use(root)
    url = (url or chapters.repository_url(root)).rstrip("/").removesuffix(".git")
    if not ADDRESS.fullmatch(url):
        raise ValueError(f"The address must look like https://github.com/owner/name; got {url!r}.")
    version = chapters.version(root)
    changed = []
    for path in _files(root):
        text = path.read_text(encoding="utf-8")
        new = in_step(text, old, url, version)
        if path.name == "CITATION.cff":
            new = re.sub(r"(?m)^version:.*$", f"version: {version}", new)
        if path.name == "_config.yml":
            new = re.sub(r"(?m)^(\s+branch:).*$", rf"\1 v{version}", new)
        if new != text:
            path.write_text(new, encoding="utf-8", newline="\n")
            changed.append(path)
    return changed


def in_step(text: str, old: set[str], url: str, version: str) -> str:
    """Replace the addresses in ``old``, and the tags in links to the repository, by the present ones."""
    for address in sorted(old, key=len, reverse=True):
        text = re.sub(re.escape(address) + r"(?![\w-])", lambda _: url, text)
    text = re.sub(
        r"(https://colab\.research\.google\.com/github)/[^/\s]+/[^/\s]+/blob/v[^/\s]+/",
        lambda found: f"{found[1]}/{url.removeprefix('https://github.com/')}/blob/v{version}/",
        text,
    )
    text = re.sub(re.escape(url) + r"/(raw|blob|tree)/v[^/\s]+", rf"{url}/\1/v{version}", text)
    return re.sub(r"gahr @ git\+https://\S+?@v[\w.+-]+", lambda _: f"gahr @ git+{url}@v{version}", text)


def _files(root: Path) -> list[Path]:
    names = ["_config.yml", "pyproject.toml", "CITATION.cff", "README.md", "CONTRIBUTING.md"]
    names += ["data/manifest.json", "data/README.md"]
    pages = [*(root / "book").glob("*.md"), *(root / "book").glob("*.ipynb")]
    return [path for path in [*(root / name for name in names), *sorted(pages)] if path.exists()]


def _addresses_in_use(root: Path) -> set[str]:
    project = tomllib.loads((root / "pyproject.toml").read_text(encoding="utf-8"))["project"]
    manifest = (root / "data" / "manifest.json").read_text(encoding="utf-8")
    stored = re.search(r'"repository":\s*"([^"]+)"', manifest)
    return {chapters.repository_url(root), project["urls"]["Repository"].rstrip("/"), stored[1].rstrip("/")}


def main(arguments: list[str] | None = None) -> int:
    """Run the command line."""
    try:
        changed = rewrite(chapters.ROOT, arguments[0] if arguments and arguments[0] else None)
    except ValueError as error:
        print(error, file=sys.stderr)
        return 1
    for path in changed:
        print(f"  rewrote {path.relative_to(chapters.ROOT)}")
    print(f"  all in step with {chapters.repository_url()} at v{chapters.version()}")
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
