"""What a checkpoint promises: full disks cost nothing, damage is noticed, a longer run may start from it."""

import contextlib
import dataclasses
import errno
import io
import json
import os
import random
import tempfile
from pathlib import Path

import pytest
import torch

from gahr import _files, zoo
from gahr.training import _engine, loop, recipes, shelf
from gahr.training._checkpoint import Checkpoint

RECIPE = recipes.Recipe(
    "discs16", 8, "a", network="unet2", blocks=1, steps=40, batch=4, learning_rate=3e-3, precision="fp32"
)


def weights(f):
    return {key: value.clone() for key, value in f.network.state_dict().items()}


def same(one, two):
    return one.keys() == two.keys() and all(torch.equal(value, two[key]) for key, value in one.items())


def network_of(recipe, folder):
    return weights(zoo.load(Path(folder) / recipe.name / f"{recipe.name}.safetensors"))


class Interrupted(Exception):
    pass


@pytest.fixture
def halfway(tmp_path, monkeypatch, short):
    """The folder of a run that was interrupted at step 32."""
    write = _files.write_text

    def stop(path, text):
        write(path, text)
        if json.loads(text).get("step") == 32:
            raise Interrupted

    monkeypatch.setattr(_files, "write_text", stop)
    with pytest.raises(Interrupted):
        loop.run(RECIPE, tmp_path, checkpoint_every=0)
    monkeypatch.setattr(_files, "write_text", write)
    return tmp_path / RECIPE.name


@contextlib.contextmanager
def no_file_above(limit):
    """The system itself refuses to let a file grow further, as a full disk does."""
    resource = pytest.importorskip("resource")
    soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (limit, hard))  # Python turns the signal into an error
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))


@contextlib.contextmanager
def full_disk():
    """Half of what is written arrives; then there is no space left."""

    def fail(self, data):
        with open(self, "wb") as stream:
            stream.write(data[: len(data) // 2])
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC), str(self))

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(Path, "write_bytes", fail)
        yield


@contextlib.contextmanager
def read_only():
    def fail(*_, **__):
        raise OSError(errno.EROFS, os.strerror(errno.EROFS))

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(tempfile, "mkstemp", fail)
        yield


@pytest.mark.parametrize(
    ("trouble", "reason"),
    [
        (lambda: no_file_above(3000), "File too large"),
        (full_disk, "No space left on device"),
        (read_only, "Read-only file system"),
    ],
)
def test_a_disk_that_takes_nothing_costs_nothing(halfway, trouble, reason):
    before = {path.name: path.read_bytes() for path in halfway.iterdir()}
    assert len(before["checkpoint.pt"]) > 3000
    with trouble(), pytest.raises(OSError, match=reason) as caught:
        loop.run(RECIPE, halfway.parent)
    said = str(caught.value)
    assert str(halfway / "checkpoint.pt") in said and "run the same command again" in said
    assert "the checkpoint before it is untouched" in said and "\n" not in said
    assert {path.name: path.read_bytes() for path in halfway.iterdir()} == before
    loop.run(RECIPE, halfway.parent)  # there is space again
    loop.run(RECIPE, halfway.parent / "whole")
    assert same(network_of(RECIPE, halfway.parent), network_of(RECIPE, halfway.parent / "whole"))


def test_a_folder_that_cannot_be_is_found_out_before_anything_is_trained(tmp_path, monkeypatch, short):
    (tmp_path / "taken").write_text("a file where the folder should be")
    monkeypatch.setattr(loop, "step", lambda *_, **__: pytest.fail("trained for nothing"))
    with pytest.raises(OSError, match="cannot write the checkpoint of step 0 .*; nothing is lost"):
        loop.run(RECIPE, tmp_path / "taken")
    assert (tmp_path / "taken").read_text() == "a file where the folder should be"


def test_room_for_the_moments_is_found_out_before_the_first_step(tmp_path, monkeypatch, short):
    asked = []
    with monkeypatch.context() as patch:
        patch.setattr(loop._files, "reserve", lambda folder, sizes: asked.append((folder, sizes)))
        path = loop.run(RECIPE, tmp_path)
    ((folder, sizes),) = asked
    assert folder == path.parent and len(sizes) == 3
    assert min(sizes[:2]) >= (path.parent / "checkpoint.pt").stat().st_size
    assert sizes[2] >= path.stat().st_size / 2  # kernels are kept in float16

    def full(folder, sizes):
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    monkeypatch.setattr(loop._files, "reserve", full)
    monkeypatch.setattr(loop, "step", lambda *_, **__: pytest.fail("trained for nothing"))
    with pytest.raises(OSError, match=r"step 0 and the later ones, \d+ MB in all \(No space left"):
        loop.run(RECIPE, tmp_path / "full")


def test_a_disk_that_fills_at_the_very_end_does_not_cost_the_run(tmp_path, monkeypatch, short):
    def fail(f, path):
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC), str(path))

    with monkeypatch.context() as patch:
        patch.setattr(shelf, "save", fail)
        with pytest.raises(OSError, match="No space left"):
            loop.run(RECIPE, tmp_path)
    monkeypatch.setattr(loop, "step", lambda *_, **__: pytest.fail("trained again"))
    loop.run(RECIPE, tmp_path)
    assert (tmp_path / RECIPE.name / "facts.json").exists()
    modified = (tmp_path / RECIPE.name / "facts.json").stat().st_mtime_ns
    loop.run(RECIPE, tmp_path)  # and what is finished is not done again
    assert (tmp_path / RECIPE.name / "facts.json").stat().st_mtime_ns == modified
    with pytest.raises(ValueError, match="holds another recipe's network; remove it or choose another"):
        loop.run(dataclasses.replace(RECIPE, steps=41), tmp_path)


def flipped(data, where):
    damaged = bytearray(data)
    damaged[where] ^= 0xFF
    return bytes(damaged)


def a_weight(data):
    """Bytes of one weight in a checkpoint."""
    saved = torch.load(io.BytesIO(data), weights_only=True)
    return saved["network"]["encoder.0.0.weight"].numpy().tobytes()


def stored(value):
    buffer = io.BytesIO()
    torch.save(value, buffer)
    return buffer.getvalue()


@pytest.mark.parametrize(
    "damage",
    [
        lambda data: b"",
        lambda data: data[:1],
        lambda data: data[: len(data) // 2],
        lambda data: data[:-10],
        lambda data: b"nothing like a checkpoint",
        lambda data: b"\x80\x04K\x01.",
        lambda data: bytes(len(data)),
        lambda data: flipped(data, data.index(a_weight(data)) + 5),
        lambda data: stored([1, 2]),
        lambda data: stored({"recipe": dataclasses.asdict(RECIPE), "step": 3}),
        lambda data: stored(
            {"recipe": dataclasses.asdict(RECIPE), "step": 3, "network": {}, "optimizer": {}}
        ),
    ],
)
def test_a_damaged_checkpoint_is_named_with_what_to_do(halfway, damage):
    path = halfway / "checkpoint.pt"
    data = damage(path.read_bytes())
    path.write_bytes(data)
    with pytest.raises(ValueError, match="is damaged .*remove it to begin again") as caught:
        loop.run(RECIPE, halfway.parent)
    assert str(path) in str(caught.value)
    assert path.read_bytes() == data  # left for a second look
    path.unlink()
    loop.run(RECIPE, halfway.parent)


def test_no_single_damaged_byte_goes_unnoticed(halfway):
    # either the file says that it is damaged, or what it gives back is what was saved
    path = halfway / "checkpoint.pt"
    data, good = path.read_bytes(), torch.load(path, weights_only=True)
    engine = _engine.Engine(RECIPE, recipes.build("unet2", 1), False, None)
    refused = 0
    for where in random.Random(0).sample(range(len(data)), 600):
        path.write_bytes(flipped(data, where))
        try:
            step, _, history = Checkpoint(halfway, RECIPE, engine).read()
        except ValueError as error:
            assert str(path) in str(error)
            refused += 1
        else:
            assert step == good["step"] and history == good["history"]
            assert all(torch.equal(v, good["network"][k]) for k, v in engine.network.state_dict().items())
    assert 200 < refused < 600  # some bytes only pad


# ------------------------------------------------------------------------------------------------
# Going on from another run


CONSTANT = dataclasses.replace(RECIPE, schedule="constant", steps=60, ema=0.9)
LONG = dataclasses.replace(CONSTANT, steps=200, tag="long")


@pytest.fixture
def branch(tmp_path, short):
    """The file that a run at a constant rate left at the beginning of its decay."""
    loop.run(CONSTANT, tmp_path / "short")
    path = tmp_path / "short" / CONSTANT.name / "before-decay.pt"
    assert torch.load(path, weights_only=True)["step"] == 54
    return path


@pytest.mark.parametrize("steps", [200, 55])
def test_a_run_that_starts_from_another_s_steps_ends_as_if_it_had_taken_them(branch, tmp_path, steps):
    recipe = dataclasses.replace(LONG, steps=steps)
    loop.run(dataclasses.replace(recipe, tag=""), tmp_path / "long")  # 55 steps: the decay begins at 50
    if steps == 55:
        branch = tmp_path / "long" / CONSTANT.name / "before-decay.pt"
        recipe = dataclasses.replace(CONSTANT, tag="long")
        loop.run(dataclasses.replace(recipe, tag=""), tmp_path / "long again")
    taken, step = [], loop.step
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(loop, "step", lambda *a: taken.append(a[-1]) or step(*a))
        loop.run(recipe, tmp_path / "went on", start=branch)
    first = 54 if steps == 200 else 50
    assert taken == list(range(first, recipe.steps))  # the others were not taken again
    folder = tmp_path / ("long" if steps == 200 else "long again")
    untagged = dataclasses.replace(recipe, tag="")
    assert same(network_of(recipe, tmp_path / "went on"), network_of(untagged, folder))
    one = json.loads((tmp_path / "went on" / recipe.name / "facts.json").read_text())
    two = json.loads((folder / untagged.name / "facts.json").read_text())
    rows, expected = ([row | {"seconds": 0} for row in facts["history"]] for facts in (one, two))
    assert rows == expected and one["curves"] == two["curves"]


def test_an_interrupted_run_goes_on_from_its_own_steps_and_not_from_the_start(branch, tmp_path):
    class Interrupted(Exception):
        pass

    def stop(row):
        if row["step"] == 178:
            raise Interrupted

    x = loop.load_images(LONG)[0]
    with pytest.raises(Interrupted):
        loop.train(LONG, x, folder=tmp_path / "own", report=stop, checkpoint_every=0, start=branch)
    rows = []
    branch.unlink()  # it is not needed any more
    loop.train(LONG, x, folder=tmp_path / "own", report=rows.append, start=branch)
    assert [row["step"] for row in rows] == [178, 200]
    assert torch.load(tmp_path / "own" / "before-decay.pt", weights_only=True)["step"] == 180


def test_only_a_constant_rate_leaves_a_branch(tmp_path, short):
    loop.run(RECIPE, tmp_path)
    assert not (tmp_path / RECIPE.name / "before-decay.pt").exists()


@pytest.mark.parametrize(
    ("changes", "sentence"),
    [
        ({"noise": "uniform"}, "a recipe of other noise"),
        ({"seed": 1, "ema": 0.0}, "a recipe of other ema, seed"),
        ({"schedule": "cosine"}, "a recipe of other schedule"),
        ({"steps": 59}, "a run at step 54, past step 54"),
        ({"steps": 50}, "a run at step 54, past step 45, where a decay begins"),
    ],
)
def test_a_start_that_took_other_steps_is_refused(branch, tmp_path, changes, sentence):
    recipe = dataclasses.replace(LONG, **changes)
    x = loop.load_images(recipe)[0]
    if changes == {"steps": 59}:  # its decay begins at 54: the last that may
        loop.train(recipe, x, start=branch)
        return
    with pytest.raises(ValueError, match=sentence) as caught:
        loop.train(recipe, x, start=branch)
    assert str(branch) in str(caught.value) and "start from another checkpoint" in str(caught.value)


def test_the_end_of_a_run_or_another_schedule_is_no_start(branch, tmp_path):
    x = loop.load_images(LONG)[0]
    with pytest.raises(ValueError, match="a run at step 60, past step 54"):
        loop.train(LONG, x, start=branch.with_name("checkpoint.pt"))
    cosine = dataclasses.replace(CONSTANT, schedule="cosine")
    loop.run(cosine, tmp_path)
    start = tmp_path / cosine.name / "checkpoint.pt"
    with pytest.raises(ValueError, match="a cosine schedule, whose every rate depends on steps"):
        loop.train(dataclasses.replace(cosine, steps=100), x, start=start)
    with pytest.raises(ValueError, match="belongs to other training images"):
        loop.train(LONG, 0.5 * x, start=branch)
    with pytest.raises(FileNotFoundError, match="nowhere.pt"):
        loop.train(LONG, x, start=tmp_path / "nowhere.pt")
