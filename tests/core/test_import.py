"""The package is light to import, its floors go one way, and ipywidgets may be missing."""

import ast
import importlib
import subprocess
import sys
from pathlib import Path

import pytest

import gahr

PACKAGE = Path(gahr.__file__).parent
ROOT = PACKAGE.parent

# rooms from the ground up: an import leads to the same room or to a floor below
FLOORS = [
    {"_checks"},
    {"_files", "_lanczos", "intervals", "paper"},
    {"images", "networks", "notebook"},
    {"_calls"},
    {"_products"},
    {"_published", "denoisers"},
    {"jacobian"},
    {"ideal", "measures", "scores", "sampling", "zoo"},
    {"bases", "plots"},
    {"training"},
    {"analysis"},
    {"figures"},
]

HEAVY = ("matplotlib", "ipywidgets", "IPython", "scipy", "pywt", "pooch", "PIL", "skimage")
HEAVY += ("submitit", "rich", "accelerate")


def module(path):
    """Dotted name of a file of the package."""
    parts = path.relative_to(ROOT).with_suffix("").parts
    return ".".join(parts[:-1] if parts[-1] == "__init__" else parts)


def room(name):
    """The part of the package that a dotted name belongs to."""
    return name.split(".")[1] if "." in name else name


FILES = sorted(PACKAGE.rglob("*.py"))
PUBLIC = [name for name in map(module, FILES) if not any(part.startswith("_") for part in name.split("."))]


def run(code):
    return subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, timeout=120)


def test_importing_gahr_is_light():
    done = run(f"import sys, gahr; print([name for name in {HEAVY} if name in sys.modules])")
    assert done.stdout.strip() == "[]", done.stdout + done.stderr


def test_the_arithmetic_needs_no_drawing():
    light = [name for name in PUBLIC if room(name) not in ("plots", "figures")]
    heavy = ("matplotlib", "ipywidgets", "IPython", "pooch", "PIL", "skimage", "pywt")
    code = (
        f"import sys, importlib\nfor name in {light}: importlib.import_module(name)\n"
        f"print([name for name in {heavy} if name in sys.modules])"
    )
    done = run(code)
    assert done.stdout.strip() == "[]", done.stdout + done.stderr


def test_everything_imports_and_draws_without_ipywidgets():
    code = f"""
import importlib, sys
class Block:
    def find_spec(self, name, path=None, target=None):
        if name.split('.')[0] == 'ipywidgets':
            raise ModuleNotFoundError(name)
sys.meta_path.insert(0, Block())
import matplotlib
matplotlib.use('Agg')
import gahr
for name in {PUBLIC}:
    importlib.import_module(name)
assert not gahr.notebook.is_live()
print('fine')
"""
    done = run(code)
    assert done.stdout.strip() == "fine", done.stderr


def test_the_doors_open_and_unknown_ones_do_not():
    assert len(gahr.__all__) == 12 and list(gahr.__all__) == dir(gahr)
    for name in gahr.__all__:
        assert getattr(gahr, name) is importlib.import_module(f"gahr.{name}")
    with pytest.raises(AttributeError, match="module 'gahr' has no attribute 'sampler'"):
        _ = gahr.sampler


def imported(path):
    """Dotted names that a file imports, anywhere in it."""
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.ImportFrom):
            assert node.level == 0, f"{path}: write imports from the top"
            if node.module == "gahr":
                yield from (f"gahr.{alias.name}" for alias in node.names)
            else:
                yield node.module
        elif isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)


def test_every_room_has_a_floor():
    rooms = {room(module(path)) for path in FILES} - {"gahr", "__main__"}
    assert rooms == set.union(*FLOORS) and sum(map(len, FLOORS)) == len(rooms)


@pytest.mark.parametrize("path", FILES, ids=module)
def test_imports_go_down_and_files_stay_small(path):
    assert len(path.read_text(encoding="utf-8").splitlines()) <= 400, "one file says one subject"
    names = list(imported(path))
    assert not [name for name in names if name.split(".")[0] == "book"], (
        "the package knows nothing of the book"
    )
    mine = room(module(path))
    if mine not in ("gahr", "__main__"):
        (floor,) = (k for k, rooms in enumerate(FLOORS) if mine in rooms)
        below = set().union(*FLOORS[:floor]) | {mine}
        assert {room(name) for name in names if name.startswith("gahr.")} <= below


@pytest.mark.parametrize("path", [path for path in FILES if room(module(path)) == "figures"], ids=module)
def test_a_figure_is_handed_its_data(path):
    rooms = {room(name) for name in imported(path) if name.startswith("gahr.")}
    assert not rooms & {"zoo", "images", "training", "sampling"}, (
        "a figure loads nothing and measures nothing"
    )


@pytest.mark.parametrize("name", PUBLIC)
def test_what_a_module_offers_exists(name):
    found = importlib.import_module(name)
    for offered in getattr(found, "__all__", ()):
        assert hasattr(found, offered)
        value = getattr(found, offered)
        assert not callable(value) or value.__doc__
