"""``python -m gahr``: what it prints, and what it returns when something is wrong."""

import dataclasses
import json
import re
import shlex

import pytest

from gahr import __main__, zoo
from gahr.training import loop, shelf


def test_zoo_list_names_every_file(capsys):
    assert __main__.main(["zoo"]) == 0
    listed = capsys.readouterr().out
    for kind in ("network", "result", "images"):
        for name in zoo.names(kind):
            assert name in listed
    assert "81,579 bytes  faces40-order" in listed


def test_zoo_show_and_verify(capsys):
    assert __main__.main(["zoo", "show", "portrait"]) == 0
    assert json.loads(capsys.readouterr().out)["kind"] == "images"
    assert __main__.main(["zoo", "verify"]) == 0
    assert "every file is there and unchanged" in capsys.readouterr().out


def test_verify_fails_loudly(monkeypatch, capsys):
    monkeypatch.setattr(shelf, "verify", lambda: ["results/a.json: its hash is not the manifest's"])
    assert __main__.main(["zoo", "verify"]) == 1
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
    assert __main__.main(arguments) == 1
    error = capsys.readouterr().err
    assert sentence in error and error.startswith("gahr: ") and error.count("\n") == 1


@pytest.mark.parametrize("arguments", [[], ["fly"], ["train"], ["train", "--images", "a", "--n", "many"]])
def test_wrong_usage_exits_with_two(arguments, capsys):
    with pytest.raises(SystemExit) as caught:
        __main__.main(arguments)
    assert caught.value.code == 2
    assert "usage: python -m gahr" in capsys.readouterr().err


def test_train_writes_a_network_and_its_facts(tmp_path, capsys):
    arguments = "train --images discs8 --n 6 --half a --network unet2 --blocks 1 --steps 10 --batch 2 --eager"
    assert __main__.main([*arguments.split(), "--learning-rate", "1e-3", "--folder", str(tmp_path)]) == 0
    folder = tmp_path / "discs8-unet2-n6-a"
    assert f"{folder.name}.safetensors is finished" in capsys.readouterr().out
    f = zoo.load(folder / "discs8-unet2-n6-a.safetensors")
    assert f.network.channels == 2
    facts = json.loads((folder / "facts.json").read_text())
    assert facts["recipe"]["steps"] == 10 and facts["recipe"]["learning_rate"] == 1e-3
    assert json.loads((folder / "status.json").read_text())["step"] == 10


@pytest.mark.parametrize("n", [100, None])
def test_the_printed_command_reproduces_the_recipe(n, monkeypatch):
    recipe = loop.Recipe("discs40", n, "b", network="bfcnn8", steps=7, ema=0.9, seed=3)
    words = shlex.split(__main__.command_of(dataclasses.asdict(recipe)))
    assert words[:3] == ["python", "-m", "gahr"]
    seen = []
    monkeypatch.setattr(loop, "load_images", lambda recipe: seen.append(recipe) or 1 / 0)
    with pytest.raises(ZeroDivisionError):
        __main__.main(words[3:])
    assert seen == [recipe]


def test_help_says_what_each_option_of_a_recipe_means(capsys):
    with pytest.raises(SystemExit):
        __main__.main(["train", "--help"])
    text = " ".join(capsys.readouterr().out.partition("options:")[2].split())
    said = dict(re.findall(r"--([a-z-]+) [A-Z_]+ (.*?)(?= --[a-z]|$)", text))
    for field in dataclasses.fields(loop.Recipe):
        found = said[field.name.replace("_", "-")]
        assert len(found.split()) >= 3, field.name
        if field.default not in (dataclasses.MISSING, ""):
            assert found.endswith(f"[{field.default}]"), found
    assert all(choice in said["schedule"] for choice in ("cosine: ", "halving: ", "constant: "))
    assert "fresh" in said["n"]


def test_train_starts_from_another_run(tmp_path, capsys):
    words = "train --images discs8 --n 6 --half a --network unet2 --blocks 1 --batch 2 --eager"
    words = [*words.split(), "--schedule", "constant", "--folder", str(tmp_path)]
    assert __main__.main([*words, "--steps", "10"]) == 0
    start = tmp_path / "discs8-unet2-n6-a" / "before-decay.pt"
    assert __main__.main([*words, "--steps", "20", "--tag", "long", "--start", str(start)]) == 0
    histories = [
        json.loads((tmp_path / name / "facts.json").read_text())["history"]
        for name in ("discs8-unet2-n6-a", "discs8-unet2-n6-a-long")
    ]
    assert [[row["step"] for row in rows] for rows in histories] == [[10], [10, 18, 20]]
    assert (
        __main__.main([*words, "--steps", "20", "--tag", "lost", "--start", str(tmp_path / "lost.pt")]) == 1
    )
    assert "lost.pt" in capsys.readouterr().err
