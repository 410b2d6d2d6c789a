"""Image classes of the reader's own, by a name that any command takes.

======================================  =====================================================
name                                    images
======================================  =====================================================
``folder:PATH@48``                      pictures in a folder and below it, gray, 48x48 pixels
``folder:PATH@48-color``                the same in color
``folder:SPLIT.json@48``                the same by a split that lies elsewhere, see `split`
``loader:MODULE.FUNCTION``              what the function returns for ``(n, half)``: one channel or more
======================================  =====================================================

In color every network has three channels, and all measures and bases are over the three together.

A folder is split once, and the split is written down in it: which picture is in which half cannot
change when pictures are added. A loader is any function that can be imported, from the working
directory or, in a notebook, as ``loader:__main__.name``.
"""

from __future__ import annotations

import importlib
import json
import random
import re
from collections import defaultdict
from collections.abc import Callable
from pathlib import Path

import torch
from torch import Tensor

from gahr import _files
from gahr._checks import check_count, check_images, check_known, check_seed, check_text
from gahr.images import pictures

__all__ = ["SPLIT", "count", "group_by", "is_own", "load", "short", "split"]

SPLIT = "gahr-split.json"
"""Name of the file, beside the pictures, that says which of them is in which half."""

HALVES = ("a", "b", "held-out")
_KINDS = ("folder:", "loader:")
_MOST_HELD_OUT = 2000


def is_own(name: str) -> bool:
    """Whether a class is named as a folder's or a loader's."""
    return name.startswith(_KINDS)


def short(name: str) -> str:
    """Name of a class as part of a file's name: of a folder only the last part.

    Examples
    --------
    >>> short("folder:~/My cells/2024@48"), short("loader:lab.cells"), short("faces40")
    ('2024_48', 'lab.cells', 'faces40')
    """
    if not is_own(name):
        return name
    if name.startswith("loader:"):
        return name.removeprefix("loader:")
    path, size, color = _parts(name)
    last = path.stem if path.suffix == ".json" else path.expanduser().resolve().name
    return re.sub(r"[^\w.]+", "_", last).strip("._") + f"_{size}" + ("_color" if color else "")


def _parts(name: str) -> tuple[Path, int, bool]:
    """Path, side and whether in color."""
    found = re.fullmatch(r"folder:(.+)@([1-9]\d*)(-color)?", name)
    if found is None:
        raise ValueError(
            f"a folder's pictures are named as in folder:PATH@48 or folder:PATH@48-color; got {name!r}."
        )
    return Path(found[1]), int(found[2]), found[3] is not None


def count(name: str, half: str) -> int | None:
    """How many images a half has; ``None`` where only the loader knows."""
    if name.startswith("loader:"):
        _loader(name)
        return None
    return len(_written(*_parts(name)[:2])[1][check_known(half, HALVES, "half")])


def load(name: str, n: int, half: str) -> Tensor:
    """First ``n`` images of a half, ``(n, C, H, W)`` float32 in [0, 1]; for `gahr.images.load`."""
    check_known(half, HALVES, "half")
    if name.startswith("loader:"):
        return _from_loader(name, n, half)
    path, size, color = _parts(name)
    root, halves = _written(path, size)
    if not 1 <= n <= len(halves[half]):
        raise ValueError(
            f"{name}, {half}: n must be between 1 and {len(halves[half])}; got {n}. Pictures that were added "
            f"later count once the folder is split again (python -m gahr split)."
        )
    read, found = {}, []
    for entry in halves[half][:n]:
        file, frame = _entry(entry)
        if file not in read:
            if not (root / file).is_file():
                raise FileNotFoundError(f"{root / file} is in the split and not in the folder.")
            read[file] = pictures.read_file(root / file, size, color=color)
        found.append(read[file][frame])
    return torch.stack(found)


def _loader(name: str) -> Callable[[int, str], Tensor]:
    module, _, function = name.removeprefix("loader:").rpartition(".")
    try:
        found = getattr(importlib.import_module(module), function)
    except (ImportError, AttributeError, ValueError) as error:
        raise FileNotFoundError(
            f"{name}: there is no such function ({error}); name it as in loader:my_module.my_function."
        ) from None
    return found


def _from_loader(name: str, n: int, half: str) -> Tensor:
    x = _loader(name)(n, half)
    check_images(x, f"what {name} returns", photograph=True)
    if len(x) > n or (len(x) < n and half != "held-out"):
        raise ValueError(f"{name} was asked for {n} images of half {half} and returned {len(x)}.")
    return x.float().cpu()


# ------------------------------------------------------------------------------------------------
# The split


def split(
    path: str | Path,
    seed: int = 0,
    groups: str = "file",
    skip: bool = False,
    to: str | Path | None = None,
    size: int = 1,
) -> dict:
    """Split a folder's pictures into two halves and held-out ones, and write that down.

    What belongs together stays together: all frames of a file, and all files of a group. A tenth of the
    pictures, at most 2,000, is held out; the other groups go to A and B, each to the half that is smaller
    so far. Within a half the pictures are shuffled, and a training set is its first ``n``.

    Parameters
    ----------
    path
        Of the folder.
    seed
        Of the order in which groups are taken.
    groups
        ``"file"``: each file by itself; ``"folder"``: all files of a subfolder belong together; or a regular
        expression, searched in each path inside the folder: files with the same first bracket (or the
        same match) belong together, as in ``"(person[0-9]+)_"``. Of tiles (`gahr.images.pictures.tile`) the
        rule is asked about the pictures that were cut.
    skip
        Leave out files that cannot be read; the split lists them.
    to
        Where to write; by default `SPLIT` in the folder, which must then be writable.
    size
        A picture with a smaller side counts as one that cannot be read.

    Returns
    -------
    written
        ``folder``, ``seed``, ``groups``, ``counts`` of groups in each half, ``unreadable`` (file: reason),
        and for each half its pictures: paths inside the folder, with ``#k`` for frame ``k`` of a file that
        has several.

    Raises
    ------
    ValueError
        If a file cannot be read, the pattern finds nothing in a path, or there are fewer than 3 groups.
    OSError
        If the folder is not there, holds no picture or cannot be written into.
    """
    if not isinstance(path, (str, Path)):
        raise TypeError(f"path must be that of a folder; got {path!r:.80}.")
    root, seed, size = Path(path).expanduser(), check_seed(seed), check_count(size, "size", 1)
    group_of, tiles = group_by(groups), (root / pictures.TILES).exists()
    members, unreadable = defaultdict(list), {}
    for file in pictures.files(root):
        inside = file.relative_to(root).as_posix()
        try:
            frames = len(pictures.read_file(file, size))
        except pictures.Unreadable as error:
            unreadable[inside] = str(error)
            continue
        group = group_of(inside.rpartition("/")[0] if tiles else inside)
        members[group] += [f"{inside}#{k}" for k in range(frames)] if frames > 1 else [inside]
    if unreadable and not (skip and members):
        pictures.settle(list(unreadable.values()), len(members), False, "--skip leaves them out")
    if len(members) < 3:
        raise ValueError(
            f"{root} has {len(members)} groups of pictures; two halves and held-out ones need 3."
        )
    halves = _deal(members, seed)
    target = Path(to).expanduser() if to else root / SPLIT
    written = {"folder": str(root.resolve()) if to else ".", "seed": seed, "groups": groups}
    group = {entry: name for name, entries in members.items() for entry in entries}
    counts = {half: len({group[entry] for entry in entries}) for half, entries in halves.items()}
    written |= {"counts": counts, "unreadable": unreadable, **halves}
    text = json.dumps(written, indent=1, ensure_ascii=False)
    try:
        _files.write_text(target, text)
    except OSError as error:
        raise OSError(
            f"{target} cannot be written ({error.strerror}): write the split elsewhere, by "
            f"`python -m gahr split {root} --to my-split.json`, and name the class folder:my-split.json@48."
        ) from None
    return written


def group_by(groups: str) -> Callable[[str], str]:
    """Function that says which group a file belongs to, by its path inside the folder, as `split` asks it.

    Parameters
    ----------
    groups
        ``"file"``, ``"folder"`` or a regular expression: see `split`.

    Raises
    ------
    ValueError
        If it is neither of these. The function raises it, too, for a path in which the pattern finds nothing.

    Examples
    --------
    >>> of = group_by("(patient[0-9]+)")
    >>> of("patient01/day1/0001.tif") == of("patient01/day2/0007.tif") == "patient01"
    True
    """
    if check_text(groups, "groups") == "file":
        return lambda inside: inside
    if groups == "folder":
        return lambda inside: inside.rpartition("/")[0]
    try:
        pattern = re.compile(groups)
    except re.error as error:
        raise ValueError(f"groups must be file, folder or a regular expression: {error}.") from None

    def group_of(inside: str) -> str:
        found = pattern.search(inside)
        if found is None:
            raise ValueError(f"{groups!r} is not found in {inside!r}, whose group it should say.")
        return found[1] if pattern.groups and found[1] is not None else found[0]

    return group_of


def _deal(members: dict[str, list[str]], seed: int) -> dict[str, list[str]]:
    """Whole groups to held-out pictures, A and B, in the order that the seed gives."""
    generator = random.Random(seed)
    order = sorted(members)
    generator.shuffle(order)
    total = sum(map(len, members.values()))
    wanted = min(_MOST_HELD_OUT, max(1, total // 10))
    halves = {half: [] for half in HALVES}
    for k, group in enumerate(order):
        enough = len(halves["held-out"]) >= wanted or len(order) - k <= 2
        half = min(("a", "b"), key=lambda h: len(halves[h])) if enough else "held-out"
        halves[half] += members[group]
    for entries in halves.values():
        generator.shuffle(entries)
    return halves


def _entry(entry: str) -> tuple[str, int]:
    """File and frame; a picture's own name ends with its kind, never with a number."""
    found = re.fullmatch(r"(.+)#(\d+)", entry)
    return (found[1], int(found[2])) if found else (entry, 0)


class _Problem(Exception):
    """What is wrong with a split."""


def _written(path: Path, size: int) -> tuple[Path, dict[str, list[str]]]:
    """Folder of the pictures and the halves; a folder that was never split is split now."""
    path = path.expanduser()
    file = path if path.suffix == ".json" else path / SPLIT
    if not file.exists():
        if file == path:
            raise FileNotFoundError(f"there is no {path}.")
        split(path, size=size)
    try:
        stored = json.loads(file.read_text(encoding="utf-8"))
        halves = {half: stored[half] for half in HALVES}
        root = file.parent / stored["folder"]
        _check_halves(halves)
    except (ValueError, KeyError, TypeError, AttributeError, _Problem) as error:
        why = error if isinstance(error, _Problem) else f"{type(error).__name__}: {error}"
        raise ValueError(f"{file} is no split of pictures ({why}); make it again.") from None
    return root, halves


def _check_halves(halves: dict[str, list[str]]) -> None:
    entries = [entry for half in halves.values() for entry in half]
    if any(Path(entry).is_absolute() or ".." in Path(entry).parts for entry in entries):
        raise _Problem("a picture lies outside the folder")
    sets = [{_entry(entry)[0] for entry in half} for half in halves.values()]
    if len(set.union(*sets)) < sum(map(len, sets)):
        raise _Problem("two halves share a picture")
