"""Which runs: the book's by name, or a list of one's own from a file.

``python -m gahr sweep clothes`` trains one set, ``python -m gahr sweep my-runs.json`` a list. All the
book's networks of a class get the same steps.
"""

from __future__ import annotations

import dataclasses
import json
from pathlib import Path
from types import NoneType

from gahr._checks import check_known
from gahr.images import classes
from gahr.training.recipes import SQUARED_ERROR, Recipe, check_network

__all__ = ["EXAMPLE", "NAMES", "named", "read"]

EXAMPLE = '{"images": "discs40", "n": 100, "half": "a"}'
"""A recipe as a file says it."""

_KINDS = {"int": int, "float": (int, float), "str": str, "int | None": (int, NoneType)}
_SEEDS = {"a": 0, "b": 1}


def _runs(
    images: str, sizes: tuple[int | None, ...] = (None,), halves: str = "ab", **more: object
) -> list[Recipe]:
    """Every class at every training-set size (``None``: fresh images); halves begin with other weights."""
    return [
        Recipe(name, n, half, **{"seed": _SEEDS[half]} | more)
        for name in images.split()
        for n in sizes
        for half in halves
    ]


def _sets() -> dict[str, list[Recipe]]:
    ladder, small = (10, 100, 1000, 10_000), (13_000, 1000, 100, 10)
    twin = {"seed": _SEEDS["b"], "tag": "twin"}  # half A once more, as half B begins and goes on
    exact = SQUARED_ERROR | {"precision": "fp32", "tag": "mse-fp32"}
    quadratic = SQUARED_ERROR | {"noise": "quadratic", "tag": "mse-quadratic"}
    return {
        # tier 1
        "clothes": _runs("fashion32", (14_000, 1000, 10, 100, 10_000, 1)),
        "faces": _runs("faces40", (13_000,)),
        "faces-small": _runs("faces40", (1000, 100, 10)),
        "calpha": _runs("calpha40a1 calpha40a2 calpha40a3 calpha40a4 calpha40a5", halves="a"),
        "manifolds": _runs("discs40 sinusoids40 ray40", halves="a"),
        "shuffled": _runs("shuffled40", (13_000,), "a"),
        # tier 2
        "calpha-sizes": _runs("calpha40a2 calpha40a4", ladder),
        "calpha-unequal": _runs("calpha40a1.5b8 calpha40a2b8 calpha40a4b8", halves="a"),
        "discs-sizes": _runs("discs40", ladder),
        "resolution": _runs("faces10", small, blocks=1) + _runs("faces20", small, blocks=2),
        "widths": _runs("fashion32", (10, 1000, 14_000), "a", network="unet8")
        + _runs("fashion32", (10, 1000, 14_000), "a", network="unet32"),
        "bfcnn": _runs("faces20", (*small, 1), network="bfcnn32", steps=2000),
        "bfcnn-calpha": _runs("calpha40a2 calpha40a4", halves="a", network="bfcnn32", steps=1000),
        "twins": _runs("fashion32", (14_000, 10, 1000), "a", **twin)
        + _runs("faces40", (13_000,), "a", **twin),
        # what a choice costs; what is tagged "mse" is by the book's first recipe
        "precision": _runs("fashion32", (10,), "a", **exact)
        + _runs("discs40", (None,), "a", precision="fp32", tag="fp32"),
        "optimizers": [
            Recipe("calpha40a4", None, "a", optimizer="adam", tag="adam"),
            Recipe("calpha40a4", None, "a", steps=1000, tag="1000"),
            Recipe("calpha40a4", None, "a", steps=1000, seed=1, tag="1000-seed1"),
        ],
        "noise": _runs("fashion32", (14_000,), "a", **quadratic)
        + _runs("calpha40a4 discs40", halves="a", **quadratic),
    }


NAMES: tuple[str, ...] = tuple(_sets())
"""Names of the sets, in the order in which they were trained."""


def named(name: str) -> list[Recipe]:
    """The runs of one set.

    Raises
    ------
    KeyError
        If there is no such set; the message names the nearest.

    Examples
    --------
    >>> [recipe.name for recipe in named("faces")]
    ['faces40-unet16-n13000-a', 'faces40-unet16-n13000-b']
    """
    check_known(name, NAMES, "set of runs")
    return _sets()[name]


def read(source: str) -> list[Recipe]:
    """Recipes of a JSON file, a list of objects with a recipe's fields; or of a named set of runs.

    Raises
    ------
    ValueError
        If the file is no such list, or a recipe lacks a field or has a value of the wrong kind.
    KeyError
        If a field, a set of runs, an image class or a network is unknown; the message names the nearest.
    OSError
        If there is no such file, or no such folder of pictures.
    """
    if not source.endswith(".json"):
        return named(source)
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
        recipe = Recipe(**row)
        classes.is_drawn(recipe.images)  # there is such a class,
        check_network(recipe.network)  # and such a network
        return recipe
    except ValueError as error:
        raise ValueError(f"{where}: {error}") from None
    except OSError as error:
        raise OSError(f"{where}: {error}") from None
    except KeyError as error:
        raise KeyError(f"{where}: {error.args[0]}") from None
