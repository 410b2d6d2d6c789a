"""The package is light to import, its floors go one way, and ipywidgets may be missing."""

import ast
import subprocess
import sys
from pathlib import Path

import pytest

import gahr

PACKAGE = Path(gahr.__file__).parent

# from the ground up: a module imports only what stands before it
FLOORS = [
    "_checks", "_files", "_photographs", "synthetic", "images", "classes", "networks", "denoisers",
    "report", "ideal", "_intensities", "disc", "cones", "manifolds", "homogeneous", "bases", "linearization",
    "spectra", "subspaces", "bestbasis", "harmonics", "measures", "regularity", "geometry", "locality",
    "copies", "scores", "inverse", "sampling", "_published", "zoo", "_onnx", "export", "lab",
    "transition", "rulers", "pairs", "recipes", "perceptron", "runs", "_engine", "training", "_jobs",
    "_queues", "_board", "_lists", "sweep", "_drawn", "_adapted", "_slopes", "_along", "_unequal",
    "_shuffled", "_optima", "studies", "_found", "_section2", "_rows_manifolds", "_rows_shrinkage",
    "_rows_harmonics", "_rows_shuffled", "replication", "plots", "exhibits", "ladders", "shortfall",
    "adaptation", "contours", "localization", "permutations", "widgets", "__main__",
]  # fmt: skip

HEAVY = ("matplotlib", "ipywidgets", "IPython", "scipy", "pywt", "pooch", "PIL", "skimage")
HEAVY += ("submitit", "rich", "accelerate")


def run(code):
    return subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, timeout=120)


def test_importing_gahr_is_light():
    done = run(f"import sys, gahr; print([name for name in {HEAVY} if name in sys.modules])")
    assert done.stdout.strip() == "[]", done.stdout + done.stderr


def test_the_arithmetic_needs_no_drawing():
    drawing = (
        "plots",
        "exhibits",
        "ladders",
        "shortfall",
        "adaptation",
        "contours",
        "localization",
        "permutations",
        "shortfall",
        "widgets",
    )
    light = [name for name in gahr.__all__ if name not in drawing]
    heavy = ("matplotlib", "ipywidgets", "IPython", "pooch", "PIL", "skimage", "pywt")
    code = (
        f"import sys, importlib\nfor name in {light}: importlib.import_module('gahr.' + name)\n"
        f"print([name for name in {heavy} if name in sys.modules])"
    )
    done = run(code)
    assert done.stdout.strip() == "[]", done.stdout + done.stderr


def test_everything_imports_and_draws_without_ipywidgets():
    code = """
import sys
class Block:
    def find_spec(self, name, path=None, target=None):
        if name.split('.')[0] == 'ipywidgets':
            raise ModuleNotFoundError(name)
sys.meta_path.insert(0, Block())
import matplotlib
matplotlib.use('Agg')
import gahr
for name in gahr.__all__:
    getattr(gahr, name)
assert not gahr.widgets.is_live()
print('fine')
"""
    done = run(code)
    assert done.stdout.strip() == "fine", done.stderr


def test_every_module_is_offered_and_unknown_ones_are_not():
    public = {path.stem for path in PACKAGE.glob("*.py") if not path.stem.startswith("_")}
    assert public == set(gahr.__all__) == set(dir(gahr))
    with pytest.raises(AttributeError, match="module 'gahr' has no attribute 'sampler'"):
        _ = gahr.sampler


def imported(path):
    """Modules of the package that a file imports, anywhere in it."""
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.ImportFrom) and node.module == "gahr":
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom) and (node.module or "").startswith("gahr."):
            yield node.module.split(".")[1]


@pytest.mark.parametrize("path", sorted(PACKAGE.glob("*.py")), ids=lambda path: path.stem)
def test_imports_go_down_and_files_stay_small(path):
    assert len(path.read_text(encoding="utf-8").splitlines()) < 300
    if path.stem != "__init__":
        below = FLOORS[: FLOORS.index(path.stem)]
        assert set(imported(path)) <= set(below)


@pytest.mark.parametrize("name", gahr.__all__)
def test_what_a_module_offers_exists(name):
    module = getattr(gahr, name)
    assert list(module.__all__) == sorted(module.__all__)
    for offered in module.__all__:
        assert hasattr(module, offered)
        value = getattr(module, offered)
        assert not callable(value) or value.__doc__
