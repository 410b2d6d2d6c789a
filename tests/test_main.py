"""``python -m gahr``: what it prints, and what it returns when something is wrong."""

import dataclasses
import json
import shlex

import pytest

from gahr import __main__ as command
from gahr import training, zoo


def test_zoo_list_names_every_file(capsys):
    assert command.main(["zoo"]) == 0
    listed = capsys.readouterr().out
    for kind in ("network", "result", "images"):
        for name in zoo.names(kind):
            assert name in listed
    assert "81,579 bytes  faces40-order" in listed


def test_zoo_show_and_verify(capsys):
    assert command.main(["zoo", "show", "portrait"]) == 0
    assert json.loads(capsys.readouterr().out)["kind"] == "images"
    assert command.main(["zoo", "verify"]) == 0
    assert "every file is there and unchanged" in capsys.readouterr().out


def test_verify_fails_loudly(monkeypatch, capsys):
    monkeypatch.setattr(zoo, "verify", lambda: ["results/a.json: its hash is not the manifest's"])
    assert command.main(["zoo", "verify"]) == 1
    assert "its hash is not" in capsys.readouterr().out


@pytest.mark.parametrize(
    ("arguments", "sentence"),
    [
        (["zoo", "show"], "gahr: zoo show needs a name"),
        (["zoo", "show", "portait"], "gahr: unknown network or result 'portait'; did you mean 'portrait'?"),
        (["train", "--images", "fashon32", "--n", "5", "--half", "a"], "did you mean 'fashion32'"),
        (["train", "--images", "fashion32", "--n", "0", "--half", "a"], "n must be in"),
        (["train", "--images", "faces40", "--n", "5", "--half", "a"], "set GAHR_CELEBA"),
    ],
)
def test_mistakes_are_one_line_and_a_status(arguments, sentence, capsys):
    assert command.main(arguments) == 1
    error = capsys.readouterr().err
    assert sentence in error and error.startswith("gahr: ") and error.count("\n") == 1


@pytest.mark.parametrize("arguments", [[], ["fly"], ["train"], ["train", "--images", "a", "--n", "many"]])
def test_wrong_usage_exits_with_two(arguments, capsys):
    with pytest.raises(SystemExit) as caught:
        command.main(arguments)
    assert caught.value.code == 2
    assert "usage: python -m gahr" in capsys.readouterr().err


def test_train_writes_a_network_and_its_facts(tmp_path, capsys):
    arguments = "train --images discs8 --n 6 --half a --network unet2 --blocks 1 --steps 10 --batch 2 --eager"
    assert command.main([*arguments.split(), "--learning-rate", "1e-3", "--folder", str(tmp_path)]) == 0
    folder = tmp_path / "discs8-unet2-n6-a"
    assert f"{folder.name}.safetensors is finished" in capsys.readouterr().out
    f = zoo.load(folder / "discs8-unet2-n6-a.safetensors")
    assert f.network.channels == 2
    facts = json.loads((folder / "facts.json").read_text())
    assert facts["recipe"]["steps"] == 10 and facts["recipe"]["learning_rate"] == 1e-3
    assert json.loads((folder / "status.json").read_text())["step"] == 10


@pytest.mark.parametrize("n", [100, None])
def test_the_printed_command_reproduces_the_recipe(n, monkeypatch):
    recipe = training.Recipe("discs40", n, "b", network="bfcnn8", steps=7, ema=0.9, seed=3)
    words = shlex.split(command.command_of(dataclasses.asdict(recipe)))
    assert words[:3] == ["python", "-m", "gahr"]
    seen = []
    monkeypatch.setattr(training, "load_images", lambda recipe: seen.append(recipe) or 1 / 0)
    with pytest.raises(ZeroDivisionError):
        command.main(words[3:])
    assert seen == [recipe]
