"""gahr: the package behind the book on geometry-adaptive harmonic representations.

``import gahr`` is light; a door is opened when it is first used, as in ``gahr.zoo.load(...)``. The doors in
`__all__` take any denoiser ``f(y, sigma=None)``; `gahr.analysis`, `gahr.training`, `gahr.paper` and
`gahr.figures` stand on them and are imported by name.
"""

import importlib
from types import ModuleType

__all__ = [
    "bases",
    "denoisers",
    "ideal",
    "images",
    "jacobian",
    "measures",
    "networks",
    "notebook",
    "plots",
    "sampling",
    "scores",
    "zoo",
]


def __getattr__(name: str) -> ModuleType:
    if name in __all__:
        return importlib.import_module(f"gahr.{name}")
    raise AttributeError(f"module 'gahr' has no attribute {name!r}")


def __dir__() -> list[str]:
    return sorted(__all__)
