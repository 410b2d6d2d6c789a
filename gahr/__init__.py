"""gahr: the package behind the book on geometry-adaptive harmonic representations.

``import gahr`` is light; a submodule is loaded when it is first used, as in ``gahr.zoo.load(...)``.
"""

import importlib
from types import ModuleType

__all__ = [
    "adaptation",
    "bases",
    "bestbasis",
    "classes",
    "cones",
    "contours",
    "copies",
    "denoisers",
    "disc",
    "exhibits",
    "export",
    "geometry",
    "harmonics",
    "homogeneous",
    "ideal",
    "images",
    "inverse",
    "lab",
    "ladders",
    "linearization",
    "locality",
    "localization",
    "manifolds",
    "measures",
    "networks",
    "pairs",
    "perceptron",
    "permutations",
    "plots",
    "recipes",
    "regularity",
    "replication",
    "report",
    "rulers",
    "runs",
    "sampling",
    "scores",
    "shortfall",
    "spectra",
    "studies",
    "subspaces",
    "sweep",
    "synthetic",
    "training",
    "transition",
    "widgets",
    "zoo",
]


def __getattr__(name: str) -> ModuleType:
    if name in __all__:
        return importlib.import_module(f"gahr.{name}")
    raise AttributeError(f"module 'gahr' has no attribute {name!r}")


def __dir__() -> list[str]:
    return sorted(__all__)
