"""Fetch what the pages need from npm: the lab's engine, KaTeX's fonts, reveal.js; no page asks another host.

    python book/_tools/assets.py _build/assets

Each package comes at a pinned version and is checked against its published hash. Without npm, or
without a network, nothing is fetched: the book is built all the same, and this says what will be missing.
"""

from __future__ import annotations

import argparse
import base64
import fnmatch
import hashlib
import io
import shutil
import subprocess
import sys
import tarfile
import tempfile
from pathlib import Path
from typing import NamedTuple


class Package(NamedTuple):
    """An npm package, the SHA-512 of its archive, and patterns of the files that we want from it."""

    name: str
    sha512: str
    wanted: tuple[str, ...]
    folder: str
    without: str


PACKAGES = (
    Package(
        "onnxruntime-web@1.30.0",
        "q0y+JrrtukXSzsBWEMccVfqX25LRmosXHF+CaRJmg8pZClzcV7svNc4rKY3jL02Vb7QmRMDs1SigqR4CXAfKYQ==",
        ("dist/ort.wasm.min.mjs", "dist/ort-wasm-simd-threaded.mjs", "dist/ort-wasm-simd-threaded.wasm"),
        "lab/engine",
        "the lab cannot run networks",
    ),
    Package(
        "katex@0.16.22",
        "XCHRdUw4lf3SKBaJe4EvgqIuWwkPSo9XoeO8GjQW94Bp7TWv9hNhzZjZ+OH9yf1UmLygb7DIT5GSFQiyt16zYg==",
        ("dist/katex.min.css", "dist/fonts/*.woff2", "LICENSE"),
        "katex",
        "the fonts of formulas come from another host",
    ),
    Package(
        "reveal.js@5.2.1",
        "r7//6mIM5p34hFiDMvYfXgyjXqGRta+/psd9YtytsgRlrpRzFv4RbH76TXd2qD+7ZPZEbpBDhdRhJaFgfQ7zNQ==",
        ("dist/reveal.js", "dist/reveal.css", "plugin/notes/notes.js", "LICENSE"),
        "reveal",
        "the slides read as one long page",
    ),
)

FOR_TESTS = Package(
    "axe-core@4.14.1",
    "FHfa+lmNjQZfJz1q8wKqIDwC6DExcHt/pkjNQb09a3NPjCKg2rhu5qb2S4r76ASyFNNtuFooJpZe37OgudVGtQ==",
    ("axe.min.js",),
    "axe",
    "accessibility is not checked",
)


def fetch(package: Package, target: Path) -> bool:
    """Put a package's files under ``target`` unless they are there; whether they are now."""
    folder = target / package.folder
    stamp = folder / ".version"
    if stamp.exists() and stamp.read_text("utf-8") == _stamp(package):
        return True
    try:
        archive = _packed(package.name)
    except (OSError, subprocess.SubprocessError) as error:
        said = getattr(error, "stderr", "") or str(error)
        reason = next((line for line in said.splitlines()[::-1] if line.strip()), "no reason given")
        print(f"  {package.name} could not be fetched from npm, so {package.without}. ({reason})")
        return False
    found = base64.b64encode(hashlib.sha512(archive).digest()).decode()
    if found != package.sha512:
        raise ValueError(f"{package.name} is not what was published: its SHA-512 is {found[:12]}...")
    target.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(dir=target) as temporary:
        _unpack(archive, package, Path(temporary) / "new")
        shutil.rmtree(folder, ignore_errors=True)
        folder.parent.mkdir(parents=True, exist_ok=True)
        (Path(temporary) / "new").rename(folder)
    return True


def _packed(name: str) -> bytes:
    npm = shutil.which("npm")
    if npm is None:
        raise FileNotFoundError("npm is not installed")
    with tempfile.TemporaryDirectory() as folder:
        command = [npm, "pack", name, "--silent", "--ignore-scripts", "--pack-destination", folder]
        subprocess.run(command, check=True, capture_output=True, text=True, timeout=300, cwd=folder)
        (packed,) = Path(folder).glob("*.tgz")
        return packed.read_bytes()


def _unpack(archive: bytes, package: Package, folder: Path) -> None:
    with tarfile.open(fileobj=io.BytesIO(archive)) as files:
        for member in files.getmembers():
            name = member.name.removeprefix("package/")
            chosen = any(fnmatch.fnmatch(name, pattern) for pattern in package.wanted)
            if not member.isfile() or not chosen:
                continue
            place = folder / name.removeprefix("dist/")
            place.parent.mkdir(parents=True, exist_ok=True)
            place.write_bytes(files.extractfile(member).read())
    (folder / ".version").write_text(_stamp(package), encoding="utf-8")


def _stamp(package: Package) -> str:
    return " ".join([package.name, *package.wanted])


def main(arguments: list[str] | None = None) -> int:
    """Run the command line."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("target", type=Path)
    parser.add_argument("--for-tests", action="store_true", help="fetch the accessibility checker instead")
    chosen = parser.parse_args(arguments)
    for package in [FOR_TESTS] if chosen.for_tests else PACKAGES:
        fetch(package, chosen.target)
    return 0


if __name__ == "__main__":
    sys.exit(main())
