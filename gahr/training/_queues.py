"""Where a sweep's jobs run: on this machine, or under Slurm. submitit does the work."""

from __future__ import annotations

import contextlib
import dataclasses
import os
import shutil
import signal
import subprocess
import time
from collections.abc import Iterator
from pathlib import Path
from types import ModuleType
from typing import TYPE_CHECKING

from gahr.training._jobs import GRACE, Job

if TYPE_CHECKING:
    import submitit

__all__ = ["Local", "Slurm", "deaf", "engine"]

_YEAR, _DAY = 525_600, 1440  # minutes
_WAITING = ("PENDING", "CONFIGURING", "REQUEUED", "REQUEUE_HOLD", "SPECIAL_EXIT")
_ENDED = (
    "COMPLETED",
    "FAILED",
    "TIMEOUT",
    "PREEMPTED",
    "NODE_FAIL",
    "BOOT_FAIL",
    "DEADLINE",
    "OUT_OF_MEMORY",
)


@contextlib.contextmanager
def deaf() -> Iterator[None]:
    """Hear Ctrl-C only afterwards; what is started here never does, the sweep stops it in good order."""
    before = signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGINT})
    try:
        yield
    finally:
        signal.pthread_sigmask(signal.SIG_SETMASK, before)


def engine(name: str, at_once: int | None, processes: int, options: dict) -> Local | Slurm:
    """Where jobs run, by name: ``"local"`` or ``"slurm"``; raise if it cannot be as asked."""
    from gahr._checks import check_known, check_number

    kinds = {"local": Local, "slurm": Slurm}
    kind = kinds[check_known(name, kinds, "engine")]
    counts = {"at_once": at_once, "processes": processes} | options
    for key in ("at_once", "processes", "gpus", "cpus", "time"):
        if counts.get(key) is not None:
            check_number(counts[key], key, 1)
    unknown = sorted(set(options) - kind.options)
    if unknown:
        raise ValueError(f"the engine {name} has no option {unknown[0]}.")
    return kind(at_once, processes, options)


def _submitit() -> ModuleType:
    try:
        import submitit
    except ImportError:
        raise ModuleNotFoundError('a sweep needs submitit: pip install "gahr[train]"') from None
    return submitit


class Local:
    """Jobs on this machine; submitit starts at once whatever it is given, so the sweep counts.

    ``at_once`` jobs at a time (one, if ``None``), each of some ``processes``, share the cores, unless
    ``OMP_NUM_THREADS`` is set. Option ``gpus``: each job gets that many of its own; without it every job
    sees all of them.
    """

    pause = 0.5
    options = frozenset({"gpus"})

    def __init__(self, at_once: int | None, processes: int, options: dict) -> None:
        self.submitit = _submitit()
        self.at_once = at_once or 1
        self.environment = {}
        if self.at_once * processes > 1 and "OMP_NUM_THREADS" not in os.environ:
            threads = max(1, (os.cpu_count() or 1) // (self.at_once * processes))
            self.environment["OMP_NUM_THREADS"] = str(threads)
        self.gpus = options.get("gpus", 0)
        self.devices = _devices(self.gpus * self.at_once)
        self.slots = [None] * self.at_once

    def find(self, folder: Path) -> None:
        """No job of an earlier sweep is known here; if one still trains, the next waits for it."""

    def submit(self, job: Job, name: str) -> submitit.Job:
        """Start a job on the first free slot."""
        slot = next(k for k, taken in enumerate(self.slots) if taken is None or taken.done())
        mine = self.devices[slot * self.gpus : (slot + 1) * self.gpus] if self.gpus else self.devices
        # submitit hides every GPU that was not asked for
        changes = self.environment | {"CUDA_VISIBLE_DEVICES": ",".join(mine)} if mine else self.environment
        executor = self.submitit.LocalExecutor(Path(job.folder) / "jobs")
        executor.update_parameters(timeout_min=_YEAR)
        self.slots[slot] = executor.submit(dataclasses.replace(job, environment=changes))
        return self.slots[slot]

    def look(self) -> None:
        """Nothing to ask: each job is a process of ours."""

    def state(self, job: submitit.Job) -> str | None:
        """``"running"``, or ``None`` when the job is gone."""
        return None if job.done() else "running"

    def cancel(self, jobs: list[submitit.Job]) -> None:
        """Stop jobs and wait until they are gone."""
        end = time.monotonic() + GRACE + 10
        while jobs and time.monotonic() < end:
            for job in jobs:
                with contextlib.suppress(ProcessLookupError):
                    os.kill(int(job.job_id), signal.SIGTERM)  # again, should it have been too early
            time.sleep(0.3)
            jobs = [job for job in jobs if not job.done()]


def _devices(needed: int) -> list[str]:
    """Names of the GPUs that this process sees."""
    import torch

    count = torch.cuda.device_count()
    if needed > count:
        raise ValueError(f"this needs {needed} GPUs at once; this machine has {count}.")
    seen = os.environ.get("CUDA_VISIBLE_DEVICES")
    return seen.split(",")[:count] if seen else [str(k) for k in range(count)]


class Slurm:
    """Jobs under Slurm; they outlive the sweep, and the next sweep finds them again.

    ``at_once`` jobs at a time (all of them if ``None``), each of some ``processes`` on one node. Options:
    ``partition``, ``account``, ``qos``, ``constraint``, ``gpus``, ``gpu_type``, ``mem``, ``cpus`` (one for
    each process by default) and ``time`` in minutes (a day). A job that runs out of time is requeued and goes
    on.
    """

    pause = 5.0
    patience = 6
    """How often the queue is asked for the first time, before it counts as out of reach."""
    options = frozenset(
        ("partition", "account", "qos", "constraint", "gpus", "gpu_type", "mem", "cpus", "time")
    )

    def __init__(self, at_once: int | None, processes: int, options: dict) -> None:
        self.submitit = _submitit()
        missing = [name for name in ("sbatch", "srun", "squeue", "scancel") if not shutil.which(name)]
        if missing:
            raise ValueError(f"Slurm's {', '.join(missing)} are not on the path of this machine.")
        self.at_once = at_once
        self.queue, self.seen = {}, False
        renamed = {"gpus": "gpus_per_node", "cpus": "cpus_per_task"}
        options = {"time": _DAY, "cpus": processes} | options
        if kind := options.pop("gpu_type", None):
            if "gpus" not in options:
                raise ValueError(f"a type of GPU, {kind}, needs their number: --gpus 1.")
            options["gpus"] = f"{kind}:{options['gpus']}"
        self.parameters = {renamed.get(key, key): value for key, value in options.items()}
        self.parameters["srun_args"] = [f"--cpus-per-task={options['cpus']}"]  # not passed on by itself
        self.parameters["additional_parameters"] = {"requeue": True}

    def find(self, folder: Path) -> submitit.Job | None:
        """A run's job that an earlier sweep submitted and that is still in the queue."""
        for path in folder.glob("jobs/*_submitted.pkl"):
            number = path.name.partition("_")[0]
            if self.queue.get(number, "CANCELLED") not in ("CANCELLED", "COMPLETING"):
                return self.submitit.SlurmJob(path.parent, number)
        return None

    def submit(self, job: Job, name: str) -> submitit.Job:
        """Submit a job of its own; an array could not be tried again one by one."""
        from submitit import helpers

        executor = self.submitit.SlurmExecutor(Path(job.folder) / "jobs", max_num_timeout=1000)
        executor.update_parameters(job_name=name, **self.parameters)
        # a sweep may itself run in an allocation, whose settings its jobs must not inherit
        kept = {key: os.environ[key] for key in ("SLURM_CONF",) if key in os.environ}
        with helpers.clean_env(), helpers.environment_variables(**kept):
            submitted = executor.submit(job)
        self.queue[submitted.job_id] = "PENDING"
        return submitted

    def look(self) -> None:
        """Ask Slurm how jobs are. ``sacct``, which submitit asks, needs an accounting database.

        A queue that was never seen and does not answer for half a minute is an `OSError`: without it, jobs
        of an earlier sweep would be submitted a second time.
        """
        ask = ["squeue", "--noheader", f"--user={os.getuid()}", "--states=all", "--format=%A|%T"]
        said = subprocess.run(ask, capture_output=True, text=True)
        for _ in range(0 if self.seen else self.patience - 1):
            if said.returncode == 0:
                break
            time.sleep(self.pause)
            said = subprocess.run(ask, capture_output=True, text=True)
        if said.returncode == 0:  # else the controller is busy: what we knew still holds
            found = dict(line.split("|") for line in said.stdout.split())
            self.queue = {number: state for number, state in found.items() if state not in _ENDED}
            self.seen = True
        elif not self.seen:
            why = (said.stderr.strip() or "it said nothing").splitlines()[-1]
            raise OSError(f"Slurm's queue does not answer ({why}); nothing was submitted.")

    def state(self, job: submitit.Job) -> str | None:
        """``"queued"``, ``"running"``, ``"cancelled"``, or ``None`` when the job is gone."""
        state = self.queue.get(job.job_id)
        if state is None or state == "CANCELLED":
            return state and "cancelled"
        return "queued" if state in _WAITING else "running"

    def cancel(self, jobs: list[submitit.Job]) -> None:
        """Cancel jobs; Slurm stops them within its ``KillWait``."""
        if jobs:
            subprocess.run(["scancel", *(job.job_id for job in jobs)], check=False)
