"""Where a run stands, on disk: written whole or not at all, refused if it is damaged or another run's."""

from __future__ import annotations

import dataclasses
import io
import zipfile
from collections.abc import Callable
from pathlib import Path

import torch

from gahr import _files
from gahr.training._engine import Engine
from gahr.training.recipes import Recipe

__all__ = ["BRANCH", "Checkpoint"]

BRANCH = "before-decay.pt"
"""The second file of a run at a constant rate: where it stood when its decay began."""


class _Another(Exception):
    """A checkpoint of another recipe, or of other training images."""


class Checkpoint:
    """Where a run stands, on disk: written whole or not at all, by the main process.

    In ``folder`` (``None`` keeps nothing) lies what the ``engine`` holds. A checkpoint of another ``recipe``,
    or of training images with another hash than ``images``, is refused. ``start`` is another run's
    checkpoint, to go on from if the folder has none: both recipes hold their rate constant and differ in
    ``steps`` and ``tag`` at most, and no step of either's decay was taken.
    """

    def __init__(
        self,
        folder: str | Path | None,
        recipe: Recipe,
        engine: Engine,
        images: str | None = None,
        start: str | Path | None = None,
    ) -> None:
        self.path = Path(folder) / "checkpoint.pt" if folder else None
        self.start = None if start is None else Path(start)
        self.recipe, self.engine, self.images = recipe, engine, images

    def _parts(self) -> dict:
        engine = self.engine
        parts = {"network": engine.network, "average": engine.average, "running error": engine.running}
        parts |= {f"optimizer {k}": optimizer for k, optimizer in enumerate(engine.optimizers)}
        return {name: part for name, part in parts.items() if part is not None}

    def read(self) -> tuple[int, float, list[dict]]:
        """Restore network and optimizers; return step, seconds and history (zeros at a beginning).

        A file that is damaged, or of other images or other steps, is a `ValueError`.
        """
        found = (0, 0.0, [])
        if self.path and self.path.exists():
            found = self._read(self.path, self._check_own, "remove it or choose another folder")
        elif self.start:
            found = self._read(self.start, self._check_start, "start from another checkpoint or from none")
        if self.path and self.engine.is_main:
            for name in (self.path.name, BRANCH):
                _files.remove_abandoned(self.path.with_name(name))
        self.engine.accelerator.wait_for_everyone()
        return found

    def _read(self, path: Path, check: Callable[[dict], None], advice: str) -> tuple[int, float, list[dict]]:
        data = path.read_bytes()
        try:
            saved = _verified(data)
            check(saved)
            if self.images and saved.get("images") not in (None, self.images):
                raise _Another("other training images")
            for name, part in self._parts().items():
                part.load_state_dict(saved[name])
            return saved["step"], saved["seconds"], saved["history"]
        except _Another as what:
            raise ValueError(f"{path} belongs to {what}; {advice}.") from None
        except Exception as error:  # damaged bytes can make a reader fail in any way
            why = f"{type(error).__name__}: {error}".splitlines()[0]
            raise ValueError(f"{path} is damaged ({why}); remove it to begin again.") from None

    def _check_own(self, saved: dict) -> None:
        if saved["recipe"] != dataclasses.asdict(self.recipe):
            raise _Another("another recipe")

    def _check_start(self, saved: dict) -> None:
        """Raise unless this recipe would have taken every step that the other run took."""
        mine, other = dataclasses.asdict(self.recipe), saved["recipe"]
        differs = [key for key in mine if key not in ("steps", "tag") and other.get(key) != mine[key]]
        if differs:
            raise _Another(f"a recipe of other {', '.join(differs)}")
        if self.recipe.schedule != "constant":
            raise _Another(f"a run with a {self.recipe.schedule} schedule, whose every rate depends on steps")
        first = min(self.recipe.last_tenth, Recipe(**other).last_tenth)
        if saved["step"] > first:
            raise _Another(f"a run at step {saved['step']}, past step {first}, where a decay begins")

    def write(self, step: int, seconds: float, history: list[dict], name: str = "checkpoint.pt") -> None:
        """Save where the run stands; an `OSError` leaves the checkpoint before untouched."""
        if self.path is None or not self.engine.is_main:
            return
        path = self.path.with_name(name)
        if step == 0:
            self._reserve()
        state = {key: part.state_dict() for key, part in self._parts().items()}
        state |= {"recipe": dataclasses.asdict(self.recipe), "images": self.images}
        state |= {"step": step, "seconds": seconds, "history": history}
        buffer = io.BytesIO()  # torch would report a full disk as an error of its own
        torch.save(state, buffer)
        try:
            _files.write_atomically(path, lambda temporary: temporary.write_bytes(buffer.getbuffer()))
        except OSError as error:
            raise self._refusal(error, f"cannot write the checkpoint of step {step}") from None

    def _reserve(self) -> None:
        """Find out before the first step whether there is room for all that the run will write."""
        network = sum(value.nbytes for value in self.engine.network.state_dict().values())
        whole = 3 * network + 1_000_000  # with two moments of each weight, and the history
        if self.engine.average is not None:
            whole += network
        copies = 3 if self.recipe.schedule == "constant" else 2  # a new one is written beside the old
        try:
            _files.reserve(self.path.parent, [whole] * copies + [network])
        except OSError as error:
            size = (whole * copies + network) / 1e6
            raise self._refusal(
                error, f"cannot write the checkpoint of step 0 and the later ones, {size:.0f} MB in all"
            ) from None

    def _refusal(self, error: OSError, what: str) -> OSError:
        kept = "the checkpoint before it is untouched" if self.path.exists() else "nothing is lost"
        advice = f"{what} ({error.strerror}); {kept}. Mend that and run the same command again"
        return OSError(error.errno, advice, str(self.path))


def _verified(data: bytes) -> dict:
    """What a file holds. Torch stores checksums and does not check them."""
    with zipfile.ZipFile(io.BytesIO(data)) as parts:
        folders = (part.filename for part in parts.infolist() if part.external_attr)
        if wrong := parts.testzip() or next(folders, None):  # it would read nothing from a folder
            raise ValueError(f"{wrong} is not what was written")
    return torch.load(io.BytesIO(data), weights_only=True, map_location="cpu")
