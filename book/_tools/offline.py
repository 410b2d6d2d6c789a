"""Pack the rendered book for reading without a network: a zip of pages, and one PDF.

    python book/_tools/offline.py zip _build/html _build/gahr-book.zip
    python book/_tools/offline.py pdf _build/html _build/gahr-book.pdf

The zip's pages open with a double click; the students' set, to which they link, travels along. The lab's
engine and networks stay out, since a browser does not load them from a file. The PDF is one document with
bookmarks, printed by Chromium; links to files that it does not hold become plain text.
"""

from __future__ import annotations

import argparse
import html
import re
import shutil
import subprocess
import sys
import tempfile
import zipfile
from pathlib import Path

import chapters

LEFT_OUT = ("_static/lab/engine/", "_static/lab/networks/", "_sources/", ".doctrees/", ".buildinfo")
CHROMIUM = "chromium", "chromium-browser", "google-chrome", "chrome"
START = (
    '<!doctype html><meta charset="utf-8"><meta http-equiv="refresh" content="0; url=pages/book/intro.html">'
)

PRINTED = """\
<!doctype html>
<html lang="en" data-theme="light" data-mode="light"><head><meta charset="utf-8"><title>{title}</title>
{head}
<style>
@page {{ size: A4; margin: 18mm 16mm; }}
body, main, article {{ max-width: none !important; font-size: 10.5pt; }}
.gahr-cut {{ break-before: page; height: 1px; }}  /* on the article it doubles its bookmark */
h1, h2, h3 {{ break-after: avoid; break-before: auto !important; color: #000; }}
h1 {{ font-size: 18pt; }} h2 {{ font-size: 14pt; margin-top: 14pt; }} h3 {{ font-size: 11.5pt; }}
h1, h2, h3 {{ white-space: nowrap; }}  /* a bookmark loses the space where a heading breaks */
figcaption, figcaption * {{ color: #222 !important; }}
img {{ max-width: 100%; max-height: 230mm; object-fit: contain; }}
figure, table, .gahr-quiz fieldset {{ break-inside: avoid; }}
pre {{ white-space: pre-wrap; }}
.headerlink, .copybtn, .gahr-quiz button, .gahr-guess, .gahr-guessed {{ display: none !important; }}
input[type=range] {{ display: none !important; }}
</style></head><body><main>
{pages}
</main>{scripts}</body></html>
"""


def check_rendered(pages: Path) -> None:
    """Refuse a folder that holds no rendered book."""
    if not (pages / "book" / "intro.html").exists():
        raise FileNotFoundError(f"{pages} holds no rendered book: run make book first.")


# ------------------------------------------------------------------------------------------------
# The zip


def pack(pages: Path, target: Path) -> Path:
    """Zip of the rendered pages with a file to open at its top."""
    check_rendered(pages)
    partial = target.with_suffix(".partial")
    with zipfile.ZipFile(partial, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr(f"{target.stem}/open-me.html", START)
        for path in sorted(path for path in pages.rglob("*") if path.is_file()):
            name = path.relative_to(pages).as_posix()
            if not name.startswith((*LEFT_OUT, ".")):
                archive.write(path, f"{target.stem}/pages/{name}")
    return partial.replace(target)


# ------------------------------------------------------------------------------------------------
# The PDF


def joined(pages: Path) -> str:
    """All pages of the contents but the package's reference, in order, with links that stay inside."""
    check_rendered(pages)
    names = ["book/intro", *(n for n in chapters.contents() if not n.startswith("book/api"))]
    texts = {name: (pages / f"{name}.html").read_text(encoding="utf-8") for name in names}
    first = texts[names[0]]
    title = html.unescape(re.search(r"<title>(.*?)</title>", first, re.DOTALL)[1]).rpartition("—")[2].strip()
    styles = re.findall(r'<link[^>]+rel="stylesheet"[^>]*>', first)
    math = next((text for text in texts.values() if 'class="math' in text), "")
    styles += [tag for tag in re.findall(r'<link[^>]+rel="stylesheet"[^>]*>', math) if tag not in styles]
    scripts = re.findall(r"<script[^>]+(?:katex|auto-render)[^>]*></script>", math)
    here = f"{pages.resolve().as_uri()}/"
    parts = [printed(text, name, set(names)) for name, text in texts.items()]
    made = PRINTED.format(
        title=title,
        head="\n".join(styles),
        pages='<div class="gahr-cut"></div>'.join(parts),
        scripts="\n".join(scripts),
    )
    return re.sub(r'(href|src)="(?:\.\./)+(_static|_images)/', rf'\1="{here}\2/', made)


def printed(page: str, name: str, known: set[str]) -> str:
    """The article of a page, its labels made unique, its links to other pages turned inwards."""
    article = re.search(r"<article[^>]*>(.*?)</article>", page, re.DOTALL)[1]
    article = re.sub(r"<script\b.*?</script>", "", article, flags=re.DOTALL)
    article = re.sub(r'<a class="headerlink".*?</a>', "", article)
    article = article.replace(' loading="lazy"', "").replace("<details", "<details open")
    mark = name.replace("/", "-")
    article = re.sub(r'\b(id|for|name)="([^"]+)"', rf'\1="{mark}--\2"', article)
    folder = Path(name).parent

    def inwards(found: re.Match) -> str:
        address, _, anchor = found[1].partition("#")
        if re.match(r"[a-z]+:", address):
            return found[0]
        if not address:
            return f'href="#{mark}--{anchor}"'
        to = _normal(folder / address).removesuffix(".html")
        if to not in known:
            return ""  # a file that the document does not hold
        return f'href="#{to.replace("/", "-")}{"--" + anchor if anchor else ""}"'

    article = re.sub(r'href="([^"]*)"', inwards, article)
    return f'<article class="bd-article gahr-page" id="{mark}">{article}</article>'


def _normal(path: Path) -> str:
    parts: list[str] = []
    for part in path.as_posix().split("/"):
        parts = parts[:-1] if part == ".." else [*parts, part]
    return "/".join(parts)


def print_pdf(pages: Path, target: Path) -> Path:
    """Print the whole book to one PDF whose bookmarks are its headings."""
    document = joined(pages)
    browser = next(filter(None, map(shutil.which, CHROMIUM)), None)
    if browser is None:
        raise FileNotFoundError("printing needs Chromium (Debian: apt install chromium).")
    with tempfile.TemporaryDirectory() as folder:
        page, made = Path(folder, "book.html"), Path(folder, "book.pdf")
        page.write_text(document, encoding="utf-8")
        options = ["--headless", "--no-sandbox", "--disable-gpu", "--allow-file-access-from-files"]
        options += [
            "--no-pdf-header-footer",
            "--generate-pdf-document-outline",
            f"--user-data-dir={folder}/user",
        ]
        options += ["--virtual-time-budget=60000", f"--print-to-pdf={made}", page.as_uri()]
        done = subprocess.run([browser, *options], capture_output=True, text=True, timeout=900)
        if not made.exists():
            raise RuntimeError(f"Chromium printed nothing: {done.stderr.strip()[-300:]}")
        shutil.copyfile(made, target)
    return target


def main(arguments: list[str] | None = None) -> int:
    """Run the command line."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("kind", choices=("zip", "pdf"))
    parser.add_argument("pages", type=Path)
    parser.add_argument("target", type=Path)
    chosen = parser.parse_args(arguments)
    try:
        made = (pack if chosen.kind == "zip" else print_pdf)(chosen.pages, chosen.target)
    except (FileNotFoundError, RuntimeError) as error:
        print(error, file=sys.stderr)
        return 1
    print(f"Wrote {made} ({made.stat().st_size / 1e6:.0f} MB).")
    return 0


if __name__ == "__main__":
    sys.exit(main())
