"""``python -m gahr``: train one network or many, and list, show or verify what the book ships."""

from __future__ import annotations

import argparse
import dataclasses
import json
import shlex
import sys


def main(arguments: list[str] | None = None) -> int:
    """Run a command; return the process's exit status."""
    from gahr import sweep

    parser = argparse.ArgumentParser(prog="python -m gahr", description=__doc__)
    commands = parser.add_subparsers(dest="command", required=True)
    _add_train(commands)
    sweep.add_parser(commands)
    measure = commands.add_parser("measure", help="recompute a stored result into data/results/")
    measure.add_argument("name", help="its name, as python -m gahr zoo lists it")
    export = commands.add_parser("export", help="write what the lab page reads: networks, graphs, pictures")
    export.add_argument("folder", help="where to")
    zoo_parser = commands.add_parser("zoo", help="networks and results that the book ships")
    zoo_parser.add_argument("action", choices=("list", "verify", "show", "add"), nargs="?", default="list")
    zoo_parser.add_argument("name", nargs="?", help="show: of what; add: a run's folder")
    zoo_parser.add_argument("--record", action="store_true", help="add: what was measured, not the weights")
    chosen = parser.parse_args(arguments)
    try:
        run = {"train": _train, "sweep": sweep.main, "measure": _measure, "export": _export, "zoo": _zoo}
        return run[chosen.command](chosen)
    except (ValueError, KeyError, OSError) as error:
        text = error.args[0] if isinstance(error, KeyError) else error
        print(f"gahr: {text}", file=sys.stderr)
        return 1


def _add_train(commands: argparse._SubParsersAction) -> None:
    from gahr.recipes import Recipe

    train = commands.add_parser("train", help="train one network by the book's recipe")
    kinds = {"int": int, "float": float, "int | None": _count}
    for field in dataclasses.fields(Recipe):
        option = f"--{field.name.replace('_', '-')}"
        required = field.default is dataclasses.MISSING
        default = None if required else field.default
        train.add_argument(option, type=kinds.get(str(field.type), str), required=required, default=default)
    train.add_argument("--folder", default="runs", help="where runs and their checkpoints go")
    train.add_argument("--checkpoint-every", type=float, default=120.0, help="seconds between checkpoints")
    train.add_argument("--eager", action="store_true", help="do not compile the network")
    train.add_argument("--log", help="folder for a TensorBoard log")
    train.add_argument("--add", action="store_true", help="take the finished run into data/")


def _count(text: str) -> int | None:
    """A training-set size; ``fresh`` means new images at every step."""
    return None if text == "fresh" else int(text)


def _train(chosen: argparse.Namespace) -> int:
    from gahr import training, zoo

    fields = [field.name for field in dataclasses.fields(training.Recipe)]
    recipe = training.Recipe(**{field: getattr(chosen, field) for field in fields})
    path = training.run(
        recipe,
        chosen.folder,
        checkpoint_every=chosen.checkpoint_every,
        compiled=False if chosen.eager else None,
        log=chosen.log,
        progress=True,
    )
    print(f"{path} is finished")
    if chosen.add:
        zoo.add_run(path.parent)
    return 0


def _measure(chosen: argparse.Namespace) -> int:
    from gahr import studies

    print(f"wrote {studies.store(chosen.name)}")
    return 0


def _export(chosen: argparse.Namespace) -> int:
    from gahr import lab

    written = lab.write(chosen.folder)
    size = sum(path.stat().st_size for path in written)
    print(f"wrote {len(written)} files, {size / 1e6:.1f} MB, into {chosen.folder}")
    return 0


def command_of(recipe: dict) -> str:
    """The command line that reproduces a recipe."""
    values = {key: "fresh" if value is None else str(value) for key, value in recipe.items()}
    options = [f"--{key.replace('_', '-')} {shlex.quote(value)}" for key, value in values.items()]
    return " ".join(["python -m gahr train", *options])


def _zoo(chosen: argparse.Namespace) -> int:
    from gahr import zoo

    if chosen.action == "verify":
        problems = zoo.verify()
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
        row = zoo.add_run(chosen.name, weights=not chosen.record)
        print(f"{row['name']}: {row.get('not_shipped', 'added')}")
        return 0
    for name in zoo.names("record"):
        print(f"{'record':8} {'not shipped':>15}  {name}")
    for kind in ("network", "result", "images"):
        for name in zoo.names(kind):
            print(f"{kind:8} {zoo.describe(name)['bytes']:>9,} bytes  {name}")
    return 0


if __name__ == "__main__":
    sys.exit(main())
