"""A training command as a submitit job: it ends with its job, whatever ended that.

submitit runs `Job` in a process of its own, and `Job` runs the command in another. Nobody writes
into a run's folder when its job is gone, nor do two at a time.
"""

from __future__ import annotations

import contextlib
import ctypes
import dataclasses
import os
import re
import shlex
import signal
import subprocess
import sys
from pathlib import Path
from typing import IO, TYPE_CHECKING

if TYPE_CHECKING:
    from submitit.helpers import DelayedSubmission

__all__ = ["GRACE", "Job", "reason", "said"]

GRACE = 20.0
"""Seconds that a command gets to end after SIGTERM; Slurm itself waits 30."""

_LIBC = ctypes.CDLL(None) if sys.platform == "linux" else None
_PDEATHSIG, _SUBREAPER = 1, 36
# torchrun ends with status 1 whatever happened, but says so
_KILLED = re.compile(r"exitcode +: -(9|15)\b|SignalException: .* got signal")


def _prctl(option: int, value: int) -> None:
    if _LIBC is not None:
        _LIBC.prctl(ctypes.c_int(option), *(ctypes.c_ulong(k) for k in (value, 0, 0, 0)))


def _settle_in() -> None:
    """Before the command starts: end when the job's process does, whatever ended that."""
    _prctl(_PDEATHSIG, signal.SIGTERM)
    signal.signal(signal.SIGUSR2, signal.SIG_IGN)  # Slurm may send the job's warning to everyone


def _hold(path: Path) -> IO:
    """Wait for a lock that is free again when this process and its command have both ended."""
    import fcntl

    stream = open(path, "a")  # noqa: SIM115
    with contextlib.suppress(OSError):  # a file system without locks
        fcntl.flock(stream, fcntl.LOCK_EX)
    return stream


def _end(process: subprocess.Popen) -> None:
    """End a command and what it started."""
    signal.signal(signal.SIGTERM, signal.SIG_IGN)
    process.terminate()
    try:
        process.wait(GRACE)
    except subprocess.TimeoutExpired:
        process.kill()
        process.wait()
    # torchrun's workers, should it be killed, are orphans that became our children
    with contextlib.suppress(OSError):
        for child in Path(f"/proc/self/task/{os.getpid()}/children").read_text().split():
            os.kill(int(child), signal.SIGKILL)


@dataclasses.dataclass
class Job:
    """A command that submitit can run, stop and run again; run again, it goes on where it stood.

    Its output goes to ``train.log`` in the run's ``folder``; ``environment`` holds changes. Called, it raises
    `RuntimeError` if the command ends with an error. If that was killed, the job ends without a result.
    """

    command: list[str]
    folder: str
    environment: dict[str, str]

    def __call__(self) -> None:
        # without a result the run counts as killed, not as failed
        signal.signal(signal.SIGTERM, lambda number, frame: sys.exit(128 + number))
        _prctl(_SUBREAPER, 1)
        folder = Path(self.folder)
        with _hold(folder / "lock") as lock, open(folder / "train.log", "a") as log:
            print("$", shlex.join(self.command), file=log, flush=True)
            process = subprocess.Popen(
                self.command,
                stdout=log,
                stderr=log,
                env={**os.environ, **self.environment},
                pass_fds=[lock.fileno()],
                start_new_session=True,
                preexec_fn=_settle_in,
            )
            try:
                status = process.wait()
            finally:
                _end(process)
        if status < 0 or status == 128 + signal.SIGTERM or (status and _KILLED.search(said(folder))):
            sys.exit(1)
        if status:
            raise RuntimeError(f"the command ended with status {status}; see {folder / 'train.log'}")

    def checkpoint(self) -> DelayedSubmission:
        """What submitit calls before a time-out or a preemption; it then requeues the job and leaves."""
        from submitit.helpers import DelayedSubmission

        return DelayedSubmission(self)


def said(folder: str | Path) -> str:
    """What the command of a run's folder printed since it was last started."""
    try:
        text = (Path(folder) / "train.log").read_text(encoding="utf-8", errors="replace")
    except OSError:
        return ""
    return ("\n" + text).rpartition("\n$ ")[2].partition("\n")[2]


def reason(lines: list[str]) -> str:
    """The line that says what went wrong: our own message, an exception, or the last."""
    for line in reversed(lines):
        text = line.partition("]: ")[2] if line.startswith("[rank") else line  # as torchrun marks it
        if text.startswith("gahr: ") or text.partition(":")[0].endswith(("Error", "Exception")):
            return text.removeprefix("gahr: ")
    return lines[-1] if lines else "it said nothing"
