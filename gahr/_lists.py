"""A list of recipes, from a file or by name; what is wrong with it is said in one sentence."""

from __future__ import annotations

import dataclasses
import json
from pathlib import Path
from types import NoneType

from gahr import runs
from gahr._checks import check_known
from gahr.recipes import Recipe

__all__ = ["EXAMPLE", "read"]

EXAMPLE = '{"images": "discs40", "n": 100, "half": "a"}'
_KINDS = {"int": int, "float": (int, float), "str": str, "int | None": (int, NoneType)}


def read(source: str) -> list[Recipe]:
    """Recipes of a JSON file, a list of objects with a recipe's fields; or of a named set of runs.

    Raises
    ------
    ValueError
        If the file is no such list, or a recipe lacks a field or has a value of the wrong kind.
    KeyError
        If a field or a set of runs is unknown; the message names the nearest.
    OSError
        If there is no such file.
    """
    if not source.endswith(".json"):
        return runs.named(source)
    try:
        rows = json.loads(Path(source).read_text(encoding="utf-8"))
    except ValueError as error:
        raise ValueError(f"{source} is not JSON: {error}") from None
    if not isinstance(rows, list) or not rows or not all(isinstance(row, dict) for row in rows):
        raise ValueError(f"{source} must hold a list of recipes, as in [{EXAMPLE}].")
    return [_recipe(row, f"recipe {k} of {source}") for k, row in enumerate(rows, 1)]


def _recipe(row: dict, where: str) -> Recipe:
    fields = {field.name: field for field in dataclasses.fields(Recipe)}
    for key, value in row.items():
        kind = str(fields[check_known(key, fields, f"field in {where}:")].type)
        if isinstance(value, bool) or not isinstance(value, _KINDS.get(kind, object)):
            raise ValueError(f"{where}: {key} must be {kind}; got {json.dumps(value)}.")
    missing = [n for n, field in fields.items() if field.default is dataclasses.MISSING and n not in row]
    if missing:
        raise ValueError(f"{where} does not say {', '.join(missing)}.")
    try:
        return Recipe(**row)
    except ValueError as error:
        raise ValueError(f"{where}: {error}") from None
    except KeyError as error:
        raise KeyError(f"{where}: {error.args[0]}") from None
