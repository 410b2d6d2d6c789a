"""What only authors do: put finished networks and results on the book's shelf, ``data/``, and verify it.

`gahr.zoo` reads what is there.
"""

from __future__ import annotations

import json
from pathlib import Path

import safetensors.torch
import torch

from gahr import _files, zoo
from gahr._checks import check_known
from gahr.denoisers import Blind

__all__ = ["add", "add_run", "half_precision_is_exact", "may_ship", "save", "verify"]

LARGEST = 4_000_000
"""Bytes above which a network's weights are not shipped."""


def save(f: Blind, path: str | Path) -> Path:
    """Write a denoiser's weights in float32; kernels that are rounded to float16, as they are, in float16."""
    half = half_precision_is_exact(f)
    state = {
        key: value.half() if half and value.ndim == 4 and value.shape[-1] > 1 else value.float()
        for key, value in f.network.state_dict().items()
    }
    about = {"first_layer_linear": str(getattr(f.network, "first_layer_linear", True)).lower()}
    state = {key: value.contiguous() for key, value in state.items()}
    return _files.write_atomically(
        Path(path), lambda temporary: safetensors.torch.save_file(state, temporary, metadata=about)
    )


def add(source: str | Path, kind: str, facts: dict | None = None) -> dict:
    """Copy a finished file into ``data/`` and write its manifest row (authors of the book only)."""
    data = _files.checkout()
    if data is None:
        raise FileNotFoundError("there is no checkout here to add the file to.")
    source = Path(source)
    folder = _files.FOLDERS[check_known(kind, _files.FOLDERS, "kind")]
    target = data / folder / source.name
    if source.resolve() != target.resolve():
        _files.write_atomically(target, lambda temporary: temporary.write_bytes(source.read_bytes()))
    row = {
        "name": source.stem,
        "kind": kind,
        "sha256": _files.digest(target),
        "bytes": target.stat().st_size,
        **(facts or {}),
    }
    _list(data, "files", f"{folder}/{source.name}", row)
    return row


def _list(data: Path, part: str, key: str, row: dict) -> None:
    """Write one row into the manifest, rows in alphabetical order."""
    listing = json.loads((data / "manifest.json").read_text(encoding="utf-8"))
    listing[part] = dict(sorted((listing.get(part, {}) | {key: row}).items()))
    _files.write_text(data / "manifest.json", _text(listing))
    _files.forget_manifest()


def _text(listing: dict) -> str:
    """JSON with one line for each row, so that a change shows as the rows that it touched."""
    parts = []
    for part, rows in listing.items():
        text = json.dumps(rows)
        if isinstance(rows, dict):
            text = "{\n" + ",\n".join(f"  {json.dumps(k)}: {json.dumps(v)}" for k, v in rows.items()) + "\n }"
        parts.append(f" {json.dumps(part)}: {text}")
    return "{\n" + ",\n".join(parts) + "\n}\n"


def may_ship(recipe: dict) -> bool:
    """Whether a network's weights may be given to everyone.

    A network trained on few faces gives them back, and CelebA's pictures may not be redistributed:
    only those trained on at least 10,000 are shipped.

    Examples
    --------
    >>> may_ship({"images": "faces40", "n": 1000}), may_ship({"images": "fashion32", "n": 1})
    (False, True)
    """
    celeba = recipe["images"].startswith(("faces", "shuffled"))
    return not celeba or recipe["n"] >= 10_000


def add_run(folder: str | Path, weights: bool = True) -> dict:
    """Take a finished run into ``data/``: its weights, if they may be shipped, and what was measured.

    ``folder`` is as `gahr.training.loop.run` leaves it. With ``weights=False``, where a class has many
    networks, only what was measured is taken in. Returned is what the manifest now says: without weights
    one of the ``records``, with the reason.
    """
    folder = Path(folder)
    facts = json.loads((folder / "facts.json").read_text(encoding="utf-8"))
    path = folder / f"{folder.name}.safetensors"
    zoo.load(str(path))  # a damaged file is found out here
    free, large = may_ship(facts["recipe"]), path.stat().st_size > LARGEST
    if weights and free and not large:
        return add(path, "network", facts)
    data = _files.checkout()
    if data is None:
        raise FileNotFoundError("there is no checkout here to add the run to.")
    why = "few faces: not passed on" if not free else "its weights are large" if large else "to save space"
    row = {"name": folder.name, "kind": "record", "not_shipped": why, **facts}
    _list(data, "records", folder.name, row)
    return row


def verify() -> list[str]:
    """Problems found by re-hashing every file of the checkout; an empty list means all is well."""
    data = _files.checkout()
    if data is None:
        raise FileNotFoundError("there is no checkout here; fetched files are verified as they arrive.")
    rows = _files.manifest()["files"]
    problems = []
    for file, row in rows.items():
        if not (data / file).exists():
            problems.append(f"{file}: in the manifest, missing on disk")
        elif _files.digest(data / file) != row["sha256"]:
            problems.append(f"{file}: its hash is not the manifest's")
    for folder in _files.FOLDERS.values():
        for path in sorted((data / folder).glob("*")):
            if f"{folder}/{path.name}" not in rows and not path.name.startswith("."):
                problems.append(f"{folder}/{path.name}: on disk, not in the manifest")
    return problems


def half_precision_is_exact(f: Blind) -> bool:
    """Whether a denoiser's convolution weights are already rounded to float16."""
    return all(
        torch.equal(value, value.half().float())
        for key, value in f.network.state_dict().items()
        if value.ndim == 4 and value.shape[-1] > 1
    )
