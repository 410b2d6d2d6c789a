"""A list of runs, as submitit jobs on this machine or under Slurm.

What is finished is skipped, what was interrupted goes on from its checkpoint, and what failed does
not stop the rest. ``python -m gahr sweep --help`` lists the options.
"""

from __future__ import annotations

import argparse
import contextlib
import dataclasses
import functools
import signal
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING

from gahr.training import _jobs, _progress, _queues
from gahr.training.loop import is_finished, read_json
from gahr.training.recipes import options_of
from gahr.training.runs import EXAMPLE, read

if TYPE_CHECKING:
    import submitit

    from gahr.training.recipes import Recipe

__all__ = ["Run", "add_parser", "command_for", "is_finished", "main", "run"]

_OPTIONS = {
    "partition": (str, "Slurm's partition"),
    "account": (str, "Slurm's account"),
    "qos": (str, "Slurm's quality of service"),
    "constraint": (str, "features that a node must have, as Slurm names them"),
    "gpus": (int, "GPUs of each run"),
    "gpu-type": (str, "type of GPU under Slurm, as in a100"),
    "mem": (str, "memory of each run under Slurm, as in 32GB"),
    "cpus": (int, "cores of each run, under Slurm"),
    "time": (int, "minutes of a job, under Slurm (a day); what is not finished then is requeued"),
}


@dataclasses.dataclass
class Run:
    """One recipe on its way, in a folder of its name.

    ``state`` is ``"waiting"``, ``"queued"``, ``"running"``, ``"finished"`` or ``"failed"``; ``note`` says
    more.
    """

    recipe: Recipe
    folder: Path
    state: str = "waiting"
    note: str = ""
    _job: submitit.Job | None = None
    _killed: int = 0

    @property
    def name(self) -> str:
        """The recipe's name."""
        return self.recipe.name

    @property
    def status(self) -> dict:
        """What the run last said about itself: ``step``, ``held_out``, ``images_per_second``, ``seconds``."""
        return read_json(self.folder / "status.json")

    @property
    def step(self) -> int:
        """How far it had come when it last said so."""
        return self.status.get("step") or 0

    @property
    def said(self) -> list[str]:
        """Last lines that its command printed or, if it printed none, that its job did."""
        text = _jobs.said(self.folder)
        if not text.strip() and self._job is not None:
            with contextlib.suppress(OSError):
                text = self._job.paths.stderr.read_text(encoding="utf-8", errors="replace")
        return text.rstrip().splitlines()[-15:]

    @property
    def row(self) -> tuple[str, ...]:
        """Name, state, step, held-out PSNR, images per second and seconds, to be shown."""
        status, state = self.status, f"{self.state}: {self.note}" if self.note else self.state
        psnr = " ".join(f"{value:.1f}" for value in status.get("held_out") or ())
        speed, seconds = (status.get(key) for key in ("images_per_second", "seconds"))
        numbers = ["" if value is None else f"{value:.0f}" for value in (speed, seconds)]
        return self.name, state, f"{self.step}/{self.recipe.steps}", psnr, *numbers


def command_for(
    recipe: Recipe, folder: str | Path, processes: int = 1, checkpoint_every: float | None = None
) -> list[str]:
    """The command that trains a recipe; run again, it goes on from its last checkpoint.

    Examples
    --------
    >>> from gahr.training.recipes import Recipe
    >>> command_for(Recipe("discs40", 8, "a"), "runs")[1:9]
    ['-m', 'gahr', 'train', '--folder', 'runs', '--images', 'discs40', '--n']
    """
    # standalone: a free port for each; "--": torchrun would take --n for an option of its own
    torchrun = ["torch.distributed.run", "--standalone", f"--nproc_per_node={processes}", "-m", "--"]
    command = [sys.executable, "-m", *(torchrun if processes > 1 else []), "gahr", "train"]
    command += ["--folder", str(folder), *options_of(dataclasses.asdict(recipe))]
    return command if checkpoint_every is None else [*command, "--checkpoint-every", str(checkpoint_every)]


def run(
    recipes: list[Recipe],
    folder: str | Path = "runs",
    engine: str = "local",
    at_once: int | None = None,
    processes: int = 1,
    options: dict | None = None,
    report: Callable[[list[Run]], None] | None = None,
    retries: int = 5,
    command: Callable[[Recipe, Path, int], list[str]] = command_for,
) -> list[Run]:
    """Train every recipe that is not trained yet; return when each is finished or has failed.

    An exception, Ctrl-C among them, cancels what was started. The same call then goes on.

    Parameters
    ----------
    recipes, folder
        What to do, and where; each run has a folder of its recipe's name there. Two of one name are refused.
    engine, options
        ``"local"`` or ``"slurm"``; and ``gpus``, under Slurm also those of `gahr.training._queues.Slurm`.
    at_once
        Jobs at a time; by default one on this machine, all of them under Slurm.
    processes
        Processes of each run, started by ``torchrun`` if there are several.
    report
        Called with all runs whenever they were looked at.
    retries
        How often a run that was killed is submitted again. An error is final at once, and a job that
        Slurm requeues goes on by itself.
    command
        Makes the command of a run.
    """
    folder = Path(folder).resolve()
    runs = [Run(recipe, folder / recipe.name) for recipe in recipes]
    names = [each.name for each in runs]
    for name in names:
        if names.count(name) > 1:
            raise ValueError(f"two recipes are called {name}; give one of them a tag.")
    where = _queues.engine(engine, at_once, processes, options or {})
    where.look()
    for each in runs:
        if is_finished(each.recipe, each.folder):
            each.state, each.note = "finished", "it was there"
        elif (job := where.find(each.folder)) is not None:
            each.state, each._job = "queued", job
    try:
        while not all(each.state in ("finished", "failed") for each in runs):
            where.look()
            for each in filter(_is_flying, runs):
                _follow(each, where, retries)
            room = (where.at_once or len(runs)) - sum(map(_is_flying, runs))
            for each in [each for each in runs if each.state == "waiting"][: max(0, room)]:
                _submit(each, where, command(each.recipe, folder, processes))
            if report:
                report(runs)
            time.sleep(where.pause)
    except BaseException:
        where.cancel([each._job for each in filter(_is_flying, runs)])
        raise
    if report:
        report(runs)
    return runs


def _is_flying(each: Run) -> bool:
    return each.state in ("queued", "running")


def _submit(each: Run, where: _queues.Local | _queues.Slurm, command: list[str]) -> None:
    each.folder.mkdir(parents=True, exist_ok=True)
    try:
        with _queues.deaf():
            each._job = where.submit(_jobs.Job(command, str(each.folder), {}), each.name)
            each.state = where.state(each._job) or "queued"
    except (OSError, RuntimeError) as error:  # Slurm refuses, or its controller does not answer
        each.state, each.note = "failed", (str(error).strip() or "it could not be submitted").splitlines()[-1]


def _follow(each: Run, where: _queues.Local | _queues.Slurm, retries: int) -> None:
    """Bring a run's state up to date; one whose job was killed waits to be submitted again."""
    state = where.state(each._job)
    if state in ("queued", "running"):
        each.state = state
        return
    if is_finished(each.recipe, each.folder):
        each.state, each.note = "finished", ""
    elif state == "cancelled":
        each.state, each.note = "failed", "it was cancelled"
    elif each._job.paths.result_pickle.exists():  # the command ended by itself
        each.state, each.note = "failed", _jobs.reason(each.said)
    else:
        each._killed += 1
        each.state = "waiting" if each._killed <= retries else "failed"
        each.note = "it was killed" if each._killed == 1 else f"it was killed {each._killed} times"


# ------------------------------------------------------------------------------------------------
# The command


def add_parser(commands: argparse._SubParsersAction) -> None:
    """Add ``sweep`` to the commands of ``python -m gahr``."""
    parser = commands.add_parser("sweep", help="train a list of networks, here or under Slurm")
    parser.add_argument("recipes", help=f"a .json file, as [{EXAMPLE}], or the name of a set of runs")
    parser.add_argument("--folder", default="runs", help="where runs and their checkpoints go")
    parser.add_argument("--engine", choices=("local", "slurm"), default="local", help="where they run")
    parser.add_argument("--at-once", type=int, help="runs at a time (1 here, all of them under Slurm)")
    parser.add_argument("--processes", type=int, default=1, help="processes of each run, by torchrun")
    parser.add_argument("--checkpoint-every", type=float, help="seconds between a run's checkpoints (120)")
    for name, (kind, text) in _OPTIONS.items():
        parser.add_argument(f"--{name}", type=kind, help=text)


def main(chosen: argparse.Namespace) -> int:
    """Run ``python -m gahr sweep``; return the process's exit status."""
    recipes = read(chosen.recipes)
    asked = {name.replace("-", "_"): getattr(chosen, name.replace("-", "_")) for name in _OPTIONS}
    options = {name: value for name, value in asked.items() if value is not None}
    command = functools.partial(command_for, checkpoint_every=chosen.checkpoint_every)
    before = signal.signal(signal.SIGTERM, signal.default_int_handler)  # as Ctrl-C
    try:
        with _progress.shown(sys.stdout) as show:
            settings = (chosen.folder, chosen.engine, chosen.at_once, chosen.processes, options)
            runs = run(recipes, *settings, lambda runs: show([each.row for each in runs]), command=command)
    except ModuleNotFoundError as error:
        print(f"gahr: {error}", file=sys.stderr)
        return 1
    except KeyboardInterrupt:
        print("gahr: stopped; the same command goes on from here", file=sys.stderr)
        return 130
    finally:
        signal.signal(signal.SIGTERM, before)
    failed = [each for each in runs if each.state == "failed"]
    for each in failed:
        print(f"\n{each.name} failed: {each.note}", *each.said, sep="\n  ", file=sys.stderr)
    names = f": {', '.join(each.name for each in failed)}" if failed else ""
    print(f"{len(runs) - len(failed)} finished, {len(failed)} failed{names}")
    return 1 if failed else 0
