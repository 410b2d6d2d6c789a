"""Measurements that chapters read from ``data/results/``: too long for a page, or on private images.

One function makes one result: a dictionary of settings and of tables. A table is a list of rows with named
columns; where a row is a curve or a sample, its cells are lists. `gahr.zoo.pick` finds rows. Each module of
this folder lists its studies under ``STUDIES``; `store` writes one with its provenance. Redo it with
``python -m book.studies NAME``.
"""

from __future__ import annotations

import importlib
import json
import pkgutil
import time
from collections.abc import Callable
from pathlib import Path

import torch

import book.studies
from gahr import _files
from gahr._checks import check_known
from gahr.training import shelf

__all__ = ["store", "studies"]


def studies() -> dict[str, Callable[[], dict]]:
    """All studies by name, from the modules of this folder."""
    names = [f"book.studies.{module.name}" for module in pkgutil.iter_modules(book.studies.__path__)]
    modules = [importlib.import_module(name) for name in names if not name.endswith("__main__")]
    return {name: study for module in modules for name, study in getattr(module, "STUDIES", {}).items()}


def store(name: str) -> Path:
    """Compute a result, write it to ``data/results/`` and add its manifest row.

    Raises
    ------
    KeyError
        If there is no such study; the message names the nearest.
    FileNotFoundError
        If there is no checkout to write to, or the study needs images this machine lacks.
    """
    known = studies()
    check_known(name, known, "study")
    data = _files.checkout()
    if data is None:
        raise FileNotFoundError("results are stored in a checkout; there is none here.")
    began = time.monotonic()
    text = as_text(known[name]())
    path = data / "results" / f"{name}.json"
    _files.write_text(path, text)
    provenance = {
        "commit": _files.commit(),
        "torch": torch.__version__,
        "seconds": round(time.monotonic() - began),
        "command": f"python -m book.studies {name}",
    }
    shelf.add(path, "result", {"provenance": provenance})
    return path


def as_text(found: dict) -> str:
    """A result as JSON with five significant digits, one line for each setting and each row of a table."""
    parts = []
    for key, value in _files.rounded(found, 5).items():
        text = json.dumps(value)
        if isinstance(value, list) and value and isinstance(value[0], dict):
            text = "[\n  " + ",\n  ".join(json.dumps(row) for row in value) + "\n ]"
        parts.append(f" {json.dumps(key)}: {text}")
    return "{\n" + ",\n".join(parts) + "\n}\n"
