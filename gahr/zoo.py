"""The book's networks and results by name: load them, list them, verify them, add one."""

from __future__ import annotations

import json
from pathlib import Path

import safetensors
import safetensors.torch
import torch

from gahr import _files, networks
from gahr._checks import check_known
from gahr.denoisers import Blind

__all__ = ["add", "describe", "load", "names", "result", "save", "verify"]


_FOLDERS = {"network": "networks", "result": "results", "images": "images"}


def names(kind: str = "network") -> list[str]:
    """Names of the networks (or ``kind="result"``, ``"images"``) in the manifest."""
    check_known(kind, _FOLDERS, "kind")
    rows = _files.manifest()["files"].values()
    return sorted(row["name"] for row in rows if row["kind"] == kind)


def describe(name: str) -> dict:
    """Manifest row of a network or result: recipe, provenance, curves, hash."""
    rows = {row["name"]: row for row in _files.manifest()["files"].values()}
    check_known(name, rows, "network or result")
    return rows[name]


def load(name: str) -> Blind:
    """Trained denoiser by name, verified, in evaluation mode.

    Parameters
    ----------
    name
        For instance ``"faces40-unet16-n13000-a"``; a path to a ``.safetensors`` file works too.

    Raises
    ------
    KeyError
        If the manifest has no such network; the message names the nearest.
    ValueError
        If the file is corrupt, was changed, or is no network.
    """
    if Path(name).suffix == ".safetensors":
        path = Path(name)
    else:
        check_known(name, names(), "network")
        path = _files.fetch(f"networks/{name}.safetensors")
    try:
        with safetensors.safe_open(path, "pt") as stored:
            about = stored.metadata() or {}
            state = {key: stored.get_tensor(key) for key in stored.keys()}  # noqa: SIM118
    except safetensors.SafetensorError as error:
        raise ValueError(f"{path} is not a safetensors file: {error}") from None
    linear = about.get("first_layer_linear", "true") == "true"
    f = Blind(networks.from_state_dict(state, first_layer_linear=linear))
    return f.requires_grad_(False).eval()


def result(name: str) -> dict:
    """Stored result (a JSON file under ``data/results/``) by name, verified."""
    check_known(name, names("result"), "result")
    return json.loads(_files.fetch(f"results/{name}.json").read_text(encoding="utf-8"))


def save(f: Blind, path: str | Path) -> Path:
    """Write a denoiser's weights: convolutions in float16, gains and spreads in float32."""
    state = {
        key: value.half() if value.ndim == 4 and value.shape[-1] > 1 else value.float()
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
    folder = _FOLDERS[check_known(kind, _FOLDERS, "kind")]
    target = data / folder / source.name
    if source.resolve() != target.resolve():
        _files.write_atomically(target, lambda temporary: temporary.write_bytes(source.read_bytes()))
    row = {
        "name": source.stem,
        "kind": kind,
        "sha256": _files.sha256(target),
        "bytes": target.stat().st_size,
        **(facts or {}),
    }
    listing = json.loads((data / "manifest.json").read_text(encoding="utf-8"))
    listing["files"][f"{folder}/{source.name}"] = row
    listing["files"] = dict(sorted(listing["files"].items()))
    text = json.dumps(listing, indent=1) + "\n"
    _files.write_atomically(data / "manifest.json", lambda temporary: temporary.write_text(text))
    _files._manifest_text.cache_clear()
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
        elif _files.sha256(data / file) != row["sha256"]:
            problems.append(f"{file}: its hash is not the manifest's")
    for folder in _FOLDERS.values():
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
