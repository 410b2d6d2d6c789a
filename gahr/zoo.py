"""The book's networks and results by name: load them, list them, read what is told of them.

`gahr.training.shelf` saves and adds them.
"""

from __future__ import annotations

import copy
import json
from pathlib import Path

import safetensors
import torch

from gahr import _files, _published, networks
from gahr._checks import check_known, check_text
from gahr.denoisers import Blind

__all__ = ["describe", "halves", "ladder", "load", "load_run", "names", "published", "result"]


def names(kind: str = "network") -> list[str]:
    """Names in the manifest: of networks, or of another kind.

    Parameters
    ----------
    kind
        ``"network"``, ``"result"``, ``"images"``, or ``"record"``: a network whose recipe, history
        and curves are told, and whose weights are not shipped. ``"run"``: not in the manifest, but
        finished on this machine, in the folder that ``GAHR_RUNS`` names, or ``runs``. ``"published"``:
        not ours, see `published`.

    Examples
    --------
    >>> names("published")[4:7]
    ['calpha80-alpha5', 'celeba80-n1-a', 'celeba80-n1-b']
    """
    check_known(kind, (*_files.FOLDERS, "record", "run", "published"), "kind")
    if kind == "published":
        return [*_published.NETWORKS, *_published.EARLIER]
    if kind == "run":
        return sorted(path.parent.name for path in _runs().glob("*/facts.json"))
    if kind == "record":
        return sorted(_files.manifest().get("records", {}))
    rows = _files.manifest()["files"].values()
    return sorted(row["name"] for row in rows if row["kind"] == kind)


def _runs() -> Path:
    return _files.chosen("GAHR_RUNS") or Path("runs")


def describe(name: str) -> dict:
    """Manifest row of a network, record or result: recipe, provenance, curves, hash. A copy of its own.

    Of a run that was finished on this machine, and is not in the manifest, its ``facts.json``.
    """
    listing = _files.manifest()
    rows = {row["name"]: row for row in listing["files"].values()} | listing.get("records", {})
    if name not in rows and name in names("run"):
        facts = json.loads((_runs() / name / "facts.json").read_text(encoding="utf-8"))
        return {"name": name, "kind": "run", **facts}
    check_known(name, rows, "network or result")
    return copy.deepcopy(rows[name])


def load(name: str) -> Blind:
    """Trained denoiser by name, as ``"faces40-unet16-n13000-a"``, verified, in evaluation mode.

    A path to a ``.safetensors`` file works too. An unknown name is a `KeyError` that names the nearest; a
    file that is corrupt, was changed, or is no network, a `ValueError`.
    """
    if isinstance(name, (str, Path)) and Path(name).suffix == ".safetensors":
        path = Path(name)
    else:
        if Path(check_text(name, "name")).is_file():
            raise ValueError(
                f"{name} is no .safetensors: use gahr.networks.from_state_dict(torch.load(...))."
            )
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

    ``runs`` is the folder of runs; by default the one that ``GAHR_RUNS`` names, or ``runs``. Where it is
    neither, a `FileNotFoundError` says how to train it. For the rest see `load`.
    """
    if check_text(name, "name") in names():
        return load(name)
    folder = Path(runs).expanduser() if runs else _runs()
    path = folder / name / f"{name}.safetensors"
    if not path.exists():
        raise FileNotFoundError(
            f"{name} is not shipped with the book, and there is no {path}. `python -m gahr zoo show {name}` "
            "says how to train it; GAHR_RUNS names the folder of runs."
        )
    return load(str(path))


def halves(stem: str) -> tuple[Blind, Blind]:
    """The two networks trained on disjoint halves, for instance ``halves("fashion32-unet16-n10")``.

    Networks that were trained on this machine are found where `load_run` looks.

    Raises
    ------
    KeyError
        If the manifest lacks one; the message names the nearest.
    """
    own, both = names("run"), [f"{stem}-{half}" for half in ("a", "b")]
    loaded = [load_run(name) if name in own else load(name) for name in both]
    f, g = (each.to(memory_format=torch.channels_last) for each in loaded)
    return f, g


def ladder(stem: str, half: str = "a") -> dict[int, dict]:
    """What `describe` says of networks that differ in training-set size only, by size, smallest first.

    ``stem`` is of class and network, for instance ``"fashion32-unet16"``; ``half`` is what the names end
    with: ``"a"`` or ``"b"``, or with a tag, ``"a-mse"``. Where none is stored, runs that were finished on
    this machine (see `names`) will do.

    Examples
    --------
    >>> ladder("faces20-unet16")[100]["name"]
    'faces20-unet16-n100-a'
    """
    known = {}
    stored, own = names("network") + names("record"), names("run")
    theirs = any(name.startswith(f"{stem}-n") for name in stored)  # no ladder mixes the book's and others
    for name in stored if theirs else stored + own:
        front, _, end = name.rpartition("-n")
        size, _, tail = end.partition("-")
        if front and size.isdigit():
            known.setdefault(f"{front}, half {tail}", {})[int(size)] = name
    rungs = known[check_known(f"{stem}, half {half}", known, "ladder")]
    return {n: describe(name) for n, name in sorted(rungs.items())}


def published(name: str) -> Blind:
    """One of the paper's own networks by name, fetched from its authors' repository and verified.

    It comes in evaluation mode, without gradients, and is not fetched again while it lies in the cache.

    Parameters
    ----------
    name
        ``"celeba80-n1000-a"`` was trained on 1,000 faces (gray, 80x80) of the authors' first half of
        CelebA, ``-b`` on as many of the other half (their "swapped"). Sizes go from ``n1`` in tens to
        ``n100000``, which the paper calls 1e5 and is really 99,325 images. ``"calpha80-alpha1"`` to
        ``"calpha80-alpha5"`` were trained on 100,000 geometric C^alpha images, contour and backgrounds
        of the same regularity. ``"bfcnn-bsd400-gray"``, ``"bfcnn-mnist-gray"`` and
        ``"bfcnn-bsd300-color"`` are the group's BF-CNNs of 2021, for photographs, digits and colour
        photographs. ``names("published")`` lists all.

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
    By the authors' code all but the BF-CNNs are UNets with 64 channels and 3 blocks that predict the
    noise in images with intensities in [0, 1]. **The UNets' real files are untested**: they could not
    be downloaded where this was written, and the tests use made-up files, laid out as the authors'
    code saves them. The BF-CNNs' files were tried by hand. They state no licence, and have no copy here.

    The halves are the authors', not those of `gahr.images`. A network trained on few faces gives them
    back: CelebA's terms (non-commercial research, no redistribution) hold for its samples too.
    """
    f = Blind(networks.from_state_dict(_published.state(name)))
    return f.requires_grad_(False).eval()


def result(name: str) -> dict:
    """Stored result (a JSON file under ``data/results/``) by name, verified."""
    check_known(name, names("result"), "result")
    return json.loads(_files.fetch(f"results/{name}.json").read_text(encoding="utf-8"))
