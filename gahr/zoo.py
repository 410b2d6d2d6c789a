"""The book's networks and results by name: load them, list them, verify them, add one."""

from __future__ import annotations

import copy
import json
import os
from pathlib import Path

import safetensors
import safetensors.torch
import torch

from gahr import _files, _published, networks
from gahr._checks import check_known
from gahr.denoisers import Blind

__all__ = [
    "add",
    "add_run",
    "describe",
    "load",
    "load_run",
    "names",
    "published",
    "published_names",
    "result",
    "save",
    "verify",
]


_FOLDERS = {"network": "networks", "result": "results", "images": "images"}
LARGEST = 4_000_000
"""Bytes above which a network's weights are not shipped."""


def names(kind: str = "network") -> list[str]:
    """Names in the manifest: of networks, or of another kind.

    Parameters
    ----------
    kind
        ``"network"``, ``"result"``, ``"images"``, or ``"record"``: a network whose recipe, history
        and curves are told, and whose weights are not shipped.
    """
    check_known(kind, (*_FOLDERS, "record"), "kind")
    if kind == "record":
        return sorted(_files.manifest().get("records", {}))
    rows = _files.manifest()["files"].values()
    return sorted(row["name"] for row in rows if row["kind"] == kind)


def describe(name: str) -> dict:
    """Manifest row of a network, record or result: recipe, provenance, curves, hash. A copy of its own."""
    listing = _files.manifest()
    rows = {row["name"]: row for row in listing["files"].values()} | listing.get("records", {})
    check_known(name, rows, "network or result")
    return copy.deepcopy(rows[name])


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


def load_run(name: str, runs: str | Path | None = None) -> Blind:
    """A network that is shipped, or that a training run left on this machine.

    Parameters
    ----------
    name
        As for `load`.
    runs
        Folder of runs; by default the one that ``GAHR_RUNS`` names, or ``runs``.

    Raises
    ------
    FileNotFoundError
        If it is neither shipped nor there; the message says how to train it.
    """
    if name in names():
        return load(name)
    path = Path(runs or os.environ.get("GAHR_RUNS") or "runs") / name / f"{name}.safetensors"
    if not path.exists():
        raise FileNotFoundError(
            f"{name} is not shipped with the book, and there is no {path}. `python -m gahr zoo show {name}` "
            "says how to train it; GAHR_RUNS names the folder of runs."
        )
    return load(str(path))


def published_names() -> list[str]:
    """Names of the networks that the paper's authors published, for `published`.

    Examples
    --------
    >>> published_names()[4:7]
    ['calpha80-alpha5', 'celeba80-n1-a', 'celeba80-n1-b']
    """
    return list(_published.NETWORKS)


def published(name: str) -> Blind:
    """One of the paper's own networks by name, fetched from its authors' repository and verified.

    Parameters
    ----------
    name
        ``"celeba80-n1000-a"`` was trained on 1,000 faces (gray, 80x80) of the authors' first half of
        CelebA, ``-b`` on as many of the other half (their "swapped"). Sizes go from ``n1`` in tens to
        ``n100000``, which the paper calls 1e5 and is really 99,325 images. ``"calpha80-alpha1"`` to
        ``"calpha80-alpha5"`` were trained on 100,000 geometric C^alpha images, contour and backgrounds
        of the same regularity. See `published_names`.

    Returns
    -------
    f
        In evaluation mode, without gradients. Not fetched again while it lies in the cache.

    Raises
    ------
    KeyError
        If there is no such network; the message names the nearest.
    ConnectionError
        If the file must be downloaded and cannot be.
    ValueError
        If what arrived is another file, or is anything but the weights of a network.

    Notes
    -----
    By the authors' code all are UNets with 64 channels and 3 blocks that predict the noise in images
    with intensities in [0, 1]. **The real files are untested**: they could not be downloaded where
    this was written, and the tests use made-up files, laid out as the authors' code saves them.

    The halves are the authors', not those of `gahr.images`. A network trained on few faces gives them
    back: CelebA's terms (non-commercial research, no redistribution) hold for its samples too.
    """
    f = Blind(networks.from_state_dict(_published.state(name)))
    return f.requires_grad_(False).eval()


def result(name: str) -> dict:
    """Stored result (a JSON file under ``data/results/``) by name, verified."""
    check_known(name, names("result"), "result")
    return json.loads(_files.fetch(f"results/{name}.json").read_text(encoding="utf-8"))


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
    _list(data, "files", f"{folder}/{source.name}", row)
    return row


def _list(data: Path, part: str, key: str, row: dict) -> None:
    """Write one row into the manifest, rows in alphabetical order."""
    listing = json.loads((data / "manifest.json").read_text(encoding="utf-8"))
    listing[part] = dict(sorted((listing.get(part, {}) | {key: row}).items()))
    _files.write_atomically(data / "manifest.json", lambda temporary: temporary.write_text(_text(listing)))
    _files._manifest_text.cache_clear()


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

    Parameters
    ----------
    folder
        Of the run, as `gahr.training.run` leaves it.
    weights
        False to take in what was measured and not the network, where a class has many networks.

    Returns
    -------
    row
        What the manifest now says. Without weights it is one of the ``records``, with the reason.
    """
    folder = Path(folder)
    facts = json.loads((folder / "facts.json").read_text(encoding="utf-8"))
    path = folder / f"{folder.name}.safetensors"
    load(str(path))  # a damaged file is found out here
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
