"""``python -m gahr``: train one network or many, split your own pictures, list what the book ships."""

from __future__ import annotations

import argparse
import dataclasses
import inspect
import json
import re
import shlex
import sys

_START = "another run's before-decay.pt to go on from: rate constant, recipes alike but for steps and tag"


def main(arguments: list[str] | None = None) -> int:
    """Run a command; return the process's exit status."""
    from gahr.training import sweep

    parser = argparse.ArgumentParser(prog="python -m gahr", description=__doc__)
    commands = parser.add_subparsers(dest="command", required=True)
    _add_train(commands)
    sweep.add_parser(commands)
    _add_split(commands)
    zoo_parser = commands.add_parser("zoo", help="networks and results that the book ships")
    zoo_parser.add_argument("action", choices=("list", "verify", "show", "add"), nargs="?", default="list")
    zoo_parser.add_argument("name", nargs="?", help="show: of what; add: a run's folder")
    zoo_parser.add_argument("--record", action="store_true", help="add: what was measured, not the weights")
    chosen = parser.parse_args(arguments)
    try:
        run = {"train": _train, "sweep": sweep.main, "split": _split, "zoo": _zoo}
        return run[chosen.command](chosen)
    except (ValueError, KeyError, OSError) as error:
        text = error.args[0] if isinstance(error, KeyError) else error
        print(f"gahr: {text}", file=sys.stderr)
        return 1


def _add_train(commands: argparse._SubParsersAction) -> None:
    from gahr.training.recipes import Recipe

    train = commands.add_parser("train", help="train one network by the book's recipe")
    meanings = _meanings(Recipe)
    kinds = {"int": int, "float": float, "int | None": _count}
    for field in dataclasses.fields(Recipe):
        option = f"--{field.name.replace('_', '-')}"
        required = field.default is dataclasses.MISSING
        default = None if required else field.default
        text = meanings[field.name] + ("" if required else f" [{default}]")
        kind = kinds.get(str(field.type), str)
        train.add_argument(
            option, type=kind, required=required, default=default, help=text.replace("%", "%%")
        )
    train.add_argument("--start", metavar="CHECKPOINT", help=_START)
    train.add_argument("--folder", default="runs", help="where runs and their checkpoints go")
    train.add_argument("--checkpoint-every", type=float, default=120.0, help="seconds between checkpoints")
    train.add_argument("--eager", action="store_true", help="do not compile the network")
    train.add_argument("--log", help="folder for a TensorBoard log")
    train.add_argument("--add", action="store_true", help="take the finished run into data/")


def _add_split(commands: argparse._SubParsersAction) -> None:
    from gahr.images import own

    parser = commands.add_parser("split", help="split a folder of your own pictures into two halves")
    meanings = _meanings(own.split)
    parser.add_argument("path", help=meanings["path"])
    parser.add_argument("--seed", type=int, default=0, help=meanings["seed"])
    parser.add_argument("--groups", default="file", help=meanings["groups"].replace("%", "%%"))
    parser.add_argument("--skip", action="store_true", help=meanings["skip"])
    parser.add_argument("--to", help=meanings["to"])
    parser.add_argument("--size", type=int, default=1, help=meanings["size"])


def _split(chosen: argparse.Namespace) -> int:
    from gahr.images import own

    options = {name: getattr(chosen, name) for name in ("seed", "groups", "skip", "to", "size")}
    written = own.split(chosen.path, **options)
    for reason in written["unreadable"].values():
        print(f"left out: {reason}")
    sizes = ", ".join(f"{half}: {len(written[half])}" for half in own.HALVES)
    where = chosen.to or f"{chosen.path}/{own.SPLIT}"
    print(f"{sizes} pictures; written to {where}. Name the class folder:{chosen.to or chosen.path}@48.")
    return 0


def _meanings(documented: type) -> dict[str, str]:
    """What each parameter means, from a numpydoc docstring."""
    part = inspect.getdoc(documented).partition("Parameters\n----------\n")[2].partition("\n\n")[0]
    found = {}
    for names, text in re.findall(r"^(\w[\w, ]*)\n((?:    .+\n?)+)", part, re.MULTILINE):
        plain = " ".join(text.replace("``", "").replace("`", "").replace('"', "").split())
        found |= dict.fromkeys(names.split(", "), plain)
    return found


def _count(text: str) -> int | None:
    """A training-set size; ``fresh`` means new images at every step."""
    return None if text == "fresh" else int(text)


def _train(chosen: argparse.Namespace) -> int:
    from gahr.training import loop, shelf

    fields = [field.name for field in dataclasses.fields(loop.Recipe)]
    recipe = loop.Recipe(**{field: getattr(chosen, field) for field in fields})
    path = loop.run(
        recipe,
        chosen.folder,
        checkpoint_every=chosen.checkpoint_every,
        compiled=False if chosen.eager else None,
        log=chosen.log,
        progress=True,
        start=chosen.start,
    )
    print(f"{path} is finished")
    if chosen.add:
        shelf.add_run(path.parent)
    return 0


def command_of(recipe: dict) -> str:
    """The command line that reproduces a recipe."""
    from gahr.training.recipes import options_of

    return shlex.join(["python", "-m", "gahr", "train", *options_of(recipe)])


def _zoo(chosen: argparse.Namespace) -> int:
    from gahr import zoo
    from gahr.training import shelf

    if chosen.action == "verify":
        problems = shelf.verify()
        print("\n".join(problems) or "every file is there and unchanged")
        return 1 if problems else 0
    if chosen.action == "show":
        if not chosen.name:
            raise ValueError("zoo show needs a name; python -m gahr zoo lists them.")
        row = zoo.describe(chosen.name)
        print(json.dumps({k: v for k, v in row.items() if k != "history"}, indent=1))
        if "recipe" in row:
            print("\nReproduce with:\n  " + command_of(row["recipe"]))
        return 0
    if chosen.action == "add":
        if not chosen.name:
            raise ValueError("zoo add needs the folder of a finished run.")
        row = shelf.add_run(chosen.name, weights=not chosen.record)
        print(f"{row['name']}: {row.get('not_shipped', 'added')}")
        return 0
    for name in zoo.names("record"):
        print(f"{'record':8} {'not shipped':>15}  {name}")
    for name in zoo.names("run"):
        print(f"{'run':8} {'of your own':>15}  {name}")
    for kind in ("network", "result", "images"):
        for name in zoo.names(kind):
            print(f"{kind:8} {zoo.describe(name)['bytes']:>9,} bytes  {name}")
    return 0


if __name__ == "__main__":
    sys.exit(main())
