"""``python -m gahr``: train a network, and list, show or verify what the book ships."""

from __future__ import annotations

import argparse
import dataclasses
import json
import shlex
import sys
from pathlib import Path


def main(arguments: list[str] | None = None) -> int:
    """Run a command; return the process's exit status."""
    parser = argparse.ArgumentParser(prog="python -m gahr", description=__doc__)
    commands = parser.add_subparsers(dest="command", required=True)
    _add_train(commands)
    measure = commands.add_parser("measure", help="recompute a stored result into data/results/")
    measure.add_argument("name", help="its name, as python -m gahr zoo lists it")
    zoo_parser = commands.add_parser("zoo", help="networks and results that the book ships")
    zoo_parser.add_argument("action", choices=("list", "verify", "show"), nargs="?", default="list")
    zoo_parser.add_argument("name", nargs="?", help="with show: the network or result")
    chosen = parser.parse_args(arguments)
    try:
        return {"train": _train, "measure": _measure, "zoo": _zoo}[chosen.command](chosen)
    except (ValueError, KeyError, OSError) as error:
        text = error.args[0] if isinstance(error, KeyError) else error
        print(f"gahr: {text}", file=sys.stderr)
        return 1


def _add_train(commands: argparse._SubParsersAction) -> None:
    from gahr.training import Recipe

    train = commands.add_parser("train", help="train one network by the book's recipe")
    for field in dataclasses.fields(Recipe):
        option = f"--{field.name.replace('_', '-')}"
        kind = {"int": int, "float": float}.get(str(field.type), str)
        required = field.default is dataclasses.MISSING
        default = None if required else field.default
        train.add_argument(option, type=kind, required=required, default=default)
    train.add_argument("--folder", default="runs", help="where runs and their checkpoints go")
    train.add_argument("--add", action="store_true", help="copy the finished network into data/")


def _train(chosen: argparse.Namespace) -> int:
    from gahr import _files, training, zoo

    fields = [field.name for field in dataclasses.fields(training.Recipe)]
    recipe = training.Recipe(**{field: getattr(chosen, field) for field in fields})
    folder = Path(chosen.folder) / recipe.name
    x, held_out = training.load_images(recipe)

    def report(row: dict) -> None:
        seen = " ".join(f"{v:.1f}" for v in row["held_out"])
        print(f"step {row['step']:>6}  loss {row['loss']:.5f}  held-out PSNR {seen} dB", flush=True)

    f, facts = training.train(recipe, x, held_out, folder, report)
    path = zoo.save(f, folder / f"{recipe.name}.safetensors")
    text = json.dumps(facts, indent=1)
    _files.write_atomically(folder / "facts.json", lambda temporary: temporary.write_text(text))
    print(f"wrote {path}")
    if chosen.add:
        zoo.add(path, "network", facts)
    return 0


def _measure(chosen: argparse.Namespace) -> int:
    from gahr import studies

    print(f"wrote {studies.store(chosen.name)}")
    return 0


def command_of(recipe: dict) -> str:
    """The command line that reproduces a recipe."""
    options = [f"--{key.replace('_', '-')} {shlex.quote(str(value))}" for key, value in recipe.items()]
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
    for kind in ("network", "result", "images"):
        for name in zoo.names(kind):
            print(f"{kind:8} {zoo.describe(name)['bytes']:>9,} bytes  {name}")
    return 0


if __name__ == "__main__":
    sys.exit(main())
