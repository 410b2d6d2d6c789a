"""Training on pictures of one's own, from one command to the ladder; nothing is written outside a folder."""

import dataclasses
import json

import numpy as np
import pytest
import torch
from PIL import Image

from gahr import __main__, _files, images, zoo
from gahr.analysis import transition
from gahr.images import own
from gahr.training import loop, recipes, runs


@pytest.fixture
def photographs(tmp_path, rng):
    root = tmp_path / "photographs"
    root.mkdir()
    for k in range(30):
        Image.fromarray(rng.integers(0, 256, (8, 8, 3), dtype=np.uint8)).save(root / f"{k}.png")
    return root


def test_from_a_folder_to_a_ladder(photographs, tmp_path, short, monkeypatch, capsys):
    monkeypatch.setenv("GAHR_RUNS", str(tmp_path / "runs"))
    words = f"--network unet2 --blocks 1 --steps 10 --batch 2 --eager --folder {tmp_path / 'runs'}".split()
    for n, half in (("4", "a"), ("4", "b"), ("8", "a")):
        arguments = ["train", "--images", f"folder:{photographs}@8-color", "--n", n, "--half", half, *words]
        assert __main__.main(arguments) == 0
    stem = "photographs_8_color-unet2"
    assert zoo.names("run") == [f"{stem}-n4-a", f"{stem}-n4-b", f"{stem}-n8-a"]
    rungs = zoo.ladder(stem)
    assert [(n, facts["name"]) for n, facts in rungs.items()] == [(n, f"{stem}-n{n}-a") for n in (4, 8)]
    theirs = transition.gap(zoo.describe("fashion32-unet16-n10-a"))
    assert len(transition.gap(rungs[4]).db) == len(theirs.db)
    f, g = zoo.halves(f"{stem}-n4")
    y = torch.rand(1, 3, 8, 8)
    assert f(y).shape == (1, 3, 8, 8) and not torch.equal(f(y), g(y))
    facts = zoo.describe(f"{stem}-n4-a")
    assert facts["kind"] == "run" and facts["data"]["class"] == f"folder:{photographs}@8-color"
    assert facts["curves"]["held_out"]["images"] == 3  # all that there are
    assert __main__.main(["zoo", "show", f"{stem}-n4-a"]) == 0
    assert f"--images folder:{photographs}@8-color" in capsys.readouterr().out
    assert __main__.main(["zoo"]) == 0
    assert f"of your own  {stem}-n4-b" in capsys.readouterr().out
    assert zoo.names("network") and stem not in " ".join(zoo.names("network"))


@pytest.mark.parametrize("kind", ["folder", "loader"])
def test_a_network_of_three_channels_goes_on_bit_for_bit(photographs, tmp_path, short, monkeypatch, kind):
    """Two steps, an interruption, two more: the same weights as four steps in one piece."""
    name = f"folder:{photographs}@8-color"
    monkeypatch.setattr(loop, "_curves", lambda f, x, held_out: {"train": {}, "held_out": {}})
    if kind == "loader":  # not square, and by the loader's word in colour
        monkeypatch.setattr(own, "_loader", lambda _: lambda n, half: images.load(name, n, half)[..., 2:])
    how = {"network": "unet2", "blocks": 1, "steps": 4, "batch": 2, "precision": "fp32"}
    recipe = recipes.Recipe(name if kind == "folder" else "loader:__main__.mine", 6, "a", **how)
    x, held_out = images.load(recipe.images, 6, "a"), images.load(recipe.images, 3, "held-out")
    assert x.shape[1:] == held_out.shape[1:] == ((3, 8, 8) if kind == "folder" else (3, 8, 6))
    whole, facts = loop.train(recipe, x, held_out)
    plain_step = loop.step

    def step(engine, recipe, batch, t):
        if t == 2:
            raise InterruptedError
        return plain_step(engine, recipe, batch, t)

    with monkeypatch.context() as patch:
        patch.setattr(loop, "step", step)
        with pytest.raises(InterruptedError):
            loop.train(recipe, x, held_out, tmp_path / "run", checkpoint_every=0)
    assert torch.load(tmp_path / "run" / "checkpoint.pt", weights_only=True)["step"] == 2
    f, more = loop.train(recipe, x, held_out, tmp_path / "run")
    one, two = whole.network.state_dict(), f.network.state_dict()
    assert one.keys() == two.keys() and all(torch.equal(one[key], two[key]) for key in one)
    assert one["encoder.0.0.weight"].shape == (2, 3, 3, 3) and more["data"] == facts["data"]
    with pytest.raises(ValueError, match="x has 1 channels; this network was built for 3"):
        loop.train(dataclasses.replace(recipe, images=name), x[:, :1])
    with pytest.raises(ValueError, match="other training images"):
        loop.train(recipe, x.flip(1), held_out, tmp_path / "run")  # the same pictures with red for blue


def test_stored_ladders_are_the_book_s_alone(tmp_path, monkeypatch):
    rungs = zoo.ladder("fashion32-unet16")
    folder = tmp_path / "fashion32-unet16-n77-a"
    folder.mkdir()
    (folder / "facts.json").write_text("{}")
    monkeypatch.setenv("GAHR_RUNS", str(tmp_path))
    assert zoo.ladder("fashion32-unet16") == rungs
    with pytest.raises(KeyError, match="ladder"):
        zoo.ladder("nothing-unet16")


@pytest.mark.parametrize("field", ["tag", "network"])
@pytest.mark.parametrize("value", ["../../x", "a/b", "a\\b", "a\0b", "a\nb"])
def test_no_name_leaves_the_folder(field, value):
    with pytest.raises(ValueError, match=f"{field} must be letters, digits"):
        recipes.Recipe("discs8", 3, "a", **{field: value})


def test_no_class_leaves_the_folder():
    with pytest.raises(ValueError, match="images must be the name of a class"):
        recipes.Recipe("../discs8", 3, "a")


def test_a_manifest_row_outside_the_data_is_refused(monkeypatch):
    monkeypatch.setattr(_files, "manifest", lambda: {"files": {"../secret": {"sha256": ""}}})
    with pytest.raises(ValueError, match="lies outside data/"):
        _files.fetch("../secret")


def test_a_mistyped_class_is_found_on_reading_the_list(tmp_path):
    path = tmp_path / "list.json"
    for row, error, sentence in (
        (
            {"images": "dics40"},
            KeyError,
            "recipe 1 of .*unknown image class 'dics40'; did you mean",
        ),
        ({"images": "discs40", "network": "unett16"}, KeyError, "recipe 1 of .*did you mean 'unet'"),
        ({"images": "folder:/nowhere@8"}, OSError, "recipe 1 of .*/nowhere is not a folder"),
    ):
        path.write_text(json.dumps([{"n": 3, "half": "a", **row}]))
        with pytest.raises(error, match=sentence):
            runs.read(str(path))


def test_the_hash_sees_signs_shapes_and_colors():
    recipe = recipes.Recipe("sinusoids8", 2, "a")
    x = torch.linspace(-1, 1, 128).view(2, 1, 8, 8)
    other = torch.where(x < 0, x / 2, x)  # differs below zero only
    found = [loop.data_identity(recipe, v)["sha256"] for v in (x, other)]
    assert found[0] != found[1]
    x = torch.rand(2, 1, 4, 16)
    shapes = [x, x.view(2, 1, 16, 4), x.view(2, 4, 4, 4), x.view(2, 1, 8, 8)]
    assert len({loop.data_identity(recipe, v)["sha256"] for v in shapes}) == 4


@pytest.mark.parametrize("damage", ["{", "[]", "", None])
def test_damaged_facts_are_written_again_and_damaged_weights_too(tmp_path, short, damage):
    recipe = recipes.Recipe("discs8", 3, "a", network="unet2", blocks=1, steps=10, batch=2, precision="fp32")
    path = loop.run(recipe, tmp_path)
    facts, weights = (path.parent / "facts.json").read_text(), path.read_bytes()
    assert loop.is_finished(recipe, path.parent)
    if damage is None:
        path.write_bytes(weights[:100])
    else:
        (path.parent / "facts.json").write_text(damage)
    assert not loop.is_finished(recipe, path.parent)
    assert loop.run(recipe, tmp_path) == path
    assert path.read_bytes() == weights and json.loads(facts)["curves"] == json.loads(
        (path.parent / "facts.json").read_text()
    )["curves"]  # fmt: skip
