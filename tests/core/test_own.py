"""Pictures of one's own as an image class: by name, split once, groups whole, in every command."""

import json
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image

from gahr import __main__, images
from gahr.images import own


def picture(path, gray, side=16):
    path.parent.mkdir(parents=True, exist_ok=True)
    Image.fromarray(np.full((side, side), gray, np.uint8)).save(path)


@pytest.fixture
def people(tmp_path):
    """Six persons with five pictures each, in two subfolders; the gray says which picture it is."""
    root = tmp_path / "Mes images, été"
    for person in range(6):
        for shot in range(5):
            kind = ("indoors", "outdoors")[shot % 2]
            picture(root / kind / f"p{person}_{shot}.png", 10 * person + 5 * (shot % 2) + shot)
    return root


def numbers(x):
    return (255 * x[:, 0, 0, 0]).round().int().tolist()


def person_of(entry):
    return entry.rpartition("/")[2].partition("_")[0]


def test_halves_share_no_picture_and_hold_all(people):
    name = f"folder:{people}@16"
    counts = {half: images.count(name, half) for half in own.HALVES}
    assert sum(counts.values()) == 30 and counts["held-out"] == 3 and counts["a"] - counts["b"] in (0, 1)
    sets = [set(numbers(images.load(name, counts[half], half))) for half in own.HALVES]
    assert len(set.union(*sets)) == 30
    x = images.load(name, 5, "a")
    assert x.shape == (5, 1, 16, 16) and torch.equal(images.load(name, 9, "a")[:5], x)
    assert not images.is_drawn(name)


def test_the_split_is_written_down_and_does_not_change(people):
    name = f"folder:{people}@8"
    x = images.load(name, 10, "b")
    written = json.loads((people / own.SPLIT).read_text(encoding="utf-8"))
    assert written["seed"] == 0 and written["groups"] == "file" and written["unreadable"] == {}
    assert [numbers(images.load(name, 1, "b"))[0]] == numbers(x)[:1]
    picture(people / "indoors" / "a new one.png", 200)
    assert torch.equal(images.load(name, 10, "b"), x)
    assert images.count(name, "a") + images.count(name, "b") + images.count(name, "held-out") == 30
    own.split(people)
    assert images.count(name, "a") + images.count(name, "b") + images.count(name, "held-out") == 31
    assert own.split(people, seed=1)["a"] != own.split(people, seed=2)["a"]
    assert own.split(people, seed=1) == own.split(people, seed=1)


@pytest.mark.parametrize("pattern", ["(p[0-9]+)_", "p[0-9]+"])
def test_groups_are_never_split(people, pattern):
    for seed in range(10):
        written = own.split(people, seed, pattern)
        sets = [{person_of(entry) for entry in written[half]} for half in own.HALVES]
        assert sum(map(len, sets)) == 6 == len(set.union(*sets))
        assert len(written["held-out"]) == 5 and len(written["a"]) + len(written["b"]) == 25
        assert abs(len(written["a"]) - len(written["b"])) == 5
    assert len({person_of(entry) for entry in written["a"][:5]}) > 1  # a small set has several groups


def test_subfolders_may_be_groups_and_frames_always_are(tmp_path):
    for k in range(5):
        frames = [Image.new("L", (16, 16), 10 * k + j) for j in range(4)]
        for j, frame in enumerate(frames):
            frame.putpixel((j, 5), 255)
        (tmp_path / f"film {k}").mkdir()
        frames[0].save(tmp_path / f"film {k}" / "a.gif", save_all=True, append_images=frames[1:])
        picture(tmp_path / f"film {k}" / "b.png", 10 * k + 5)
    for groups, parts in (("folder", 5), ("file", 10)):
        written = own.split(tmp_path, groups=groups)
        entries = sum((written[half] for half in own.HALVES), [])
        assert len(entries) == 25 and "film 3/a.gif#2" in entries

        def part(entry, groups=groups):
            return entry.partition("/")[0] if groups == "folder" else entry.partition("#")[0]

        sets = [set(map(part, written[half])) for half in own.HALVES]
        assert sum(map(len, sets)) == parts
    k = written["a"].index(next(entry for entry in written["a"] if "#" in entry))
    film, frame = int(written["a"][k][5]), int(written["a"][k][-1])
    assert numbers(images.load(f"folder:{tmp_path}@16", k + 1, "a"))[k] == 10 * film + frame


def test_color_and_a_split_that_lies_elsewhere(people, tmp_path, monkeypatch):
    monkeypatch.setenv("HOME", str(tmp_path))
    own.split(people, to=tmp_path / "my split.json")
    assert not (people / own.SPLIT).exists()
    x = images.load("folder:~/my split.json@8-color", 3, "a")
    assert x.shape == (3, 3, 8, 8)
    assert torch.equal(x.mean(1, keepdim=True).round(decimals=4), images.load(
        f"folder:{tmp_path}/my split.json@8", 3, "a").round(decimals=4))  # fmt: skip


def test_unreadable_files_are_listed_or_skipped(people, capsys):
    (people / "broken.png").write_bytes(b"no picture")
    with pytest.raises(ValueError, match=r"broken.png cannot be read .*1 of 31 files; --skip leaves"):
        images.load(f"folder:{people}@16", 1, "a")
    assert not (people / own.SPLIT).exists()
    assert __main__.main(["split", str(people), "--skip", "--seed", "3", "--groups", "(p.)_"]) == 0
    said = capsys.readouterr().out
    assert "left out: " in said and "broken.png cannot be read" in said and "held-out: 5 pictures" in said
    written = json.loads((people / own.SPLIT).read_text(encoding="utf-8"))
    assert list(written["unreadable"]) == ["broken.png"] and written["seed"] == 3
    assert images.count(f"folder:{people}@16", "held-out") == 5


def test_a_folder_that_cannot_be_written_says_where_to(people, monkeypatch):
    def fail(*_, **__):
        raise PermissionError(13, "Permission denied")

    monkeypatch.setattr(own._files, "write_atomically", fail)
    with pytest.raises(OSError, match=r"cannot be written \(Permission denied\).*--to my-split.json"):
        images.count(f"folder:{people}@16", "a")


def test_another_language_and_no_git_are_no_hindrance(people):
    environment = {"LC_ALL": "C", "LANG": "C", "PATH": "", "PYTHONPATH": str(Path(own.__file__).parents[2])}
    command = [sys.executable, "-m", "gahr", "split", str(people)]
    said = subprocess.run(command, env=environment, capture_output=True, check=True)
    assert "été" in said.stdout.decode() and not said.stderr
    name = f"folder:{people}@8"
    code = f"from gahr import _files, images; print(images.load({name!r}, 2, 'a').shape, _files.commit())"
    said = subprocess.run([sys.executable, "-c", code], env=environment, capture_output=True, check=True)
    assert said.stdout.decode().startswith("torch.Size([2, 1, 8, 8]) gahr ")


@pytest.mark.parametrize(
    ("name", "error", "sentence"),
    [
        ("folder:", ValueError, "named as in folder:PATH@48"),
        ("folder:x", ValueError, "named as in folder:PATH@48"),
        ("folder:x@0", ValueError, "named as in folder:PATH@48"),
        ("folder:x@48-colour", ValueError, "named as in folder:PATH@48"),
        ("folder:/nowhere@48", FileNotFoundError, "/nowhere is not a folder with pictures"),
        ("folder:/nowhere.json@48", FileNotFoundError, "there is no /nowhere.json"),
        ("loader:nowhere.cells", FileNotFoundError, "there is no such function .*my_module.my_function"),
        ("loader:json.nothing", FileNotFoundError, "there is no such function"),
        ("loader:cells", FileNotFoundError, "there is no such function"),
    ],
)
def test_wrong_names_are_one_sentence(name, error, sentence):
    for call in (lambda: images.load(name, 1, "a"), lambda: images.is_drawn(name)):
        with pytest.raises(error, match=sentence) as caught:
            call()
        assert "\n" not in str(caught.value)


def test_too_many_and_too_few(people, tmp_path):
    with pytest.raises(ValueError, match=r"n must be between 1 and 14; got 15.*python -m gahr split"):
        images.load(f"folder:{people}@16", 15, "a")
    with pytest.raises(ValueError, match="is 16x16, smaller than 17x17"):
        images.load(f"folder:{people}@17", 1, "a")
    with pytest.raises(KeyError, match="unknown half 'c'"):
        images.load(f"folder:{people}@16", 1, "c")
    with pytest.raises(ValueError, match="'x.' is not found in 'indoors/p0_0.png'"):
        own.split(people, groups="x.")
    with pytest.raises(ValueError, match="groups must be file, folder or a regular expression"):
        own.split(people, groups="(")
    with pytest.raises(ValueError, match="has 2 groups of pictures"):
        own.split(people, groups="folder")


@pytest.mark.parametrize(
    ("change", "why"),
    [
        (lambda w: w | {"a": w["a"] + w["b"][:1]}, "two halves share a picture"),
        (lambda w: w | {"a": ["../secret.png"]}, "a picture lies outside the folder"),
        (lambda w: w | {"a": ["/secret.png"]}, "a picture lies outside the folder"),
        (lambda w: {k: v for k, v in w.items() if k != "b"}, "KeyError"),
        (lambda w: w | {"a": 3}, "TypeError"),
        (lambda w: [w], "TypeError"),
    ],
)
def test_a_split_that_was_changed_by_hand(people, change, why):
    written = own.split(people)
    (people / own.SPLIT).write_text(json.dumps(change(written)), encoding="utf-8")
    with pytest.raises(ValueError, match=f"is no split of pictures .*{why}.*make it again"):
        images.load(f"folder:{people}@16", 1, "a")
    (people / own.SPLIT).write_text("{", encoding="utf-8")
    with pytest.raises(ValueError, match="is no split of pictures"):
        images.load(f"folder:{people}@16", 1, "a")


def test_a_lost_picture_is_named(people):
    written = own.split(people)
    (people / written["a"][0]).unlink()
    with pytest.raises(FileNotFoundError, match=f"{written['a'][0]} is in the split and not in the folder"):
        images.load(f"folder:{people}@16", 1, "a")


LOADER = """
import torch
def cells(n, half):
    start = {"a": 0, "b": 100, "held-out": 200}[half]
    most = 12 if half == "held-out" else n
    return torch.arange(start, start + min(n, most)).view(-1, 1, 1, 1).expand(-1, 1, 8, 8) / 255
def bad(n, half):
    return 255 * cells(n, half)
def few(n, half):
    return cells(n - 1, half)
"""


@pytest.fixture
def loader(tmp_path, monkeypatch):
    (tmp_path / "her_cells.py").write_text(LOADER)
    monkeypatch.syspath_prepend(str(tmp_path))
    yield
    sys.modules.pop("her_cells", None)


def test_a_loader_is_a_class(loader):
    assert numbers(images.load("loader:her_cells.cells", 3, "b")) == [100, 101, 102]
    assert len(images.load("loader:her_cells.cells", 1000, "held-out")) == 12
    assert images.count("loader:her_cells.cells", "a") is None
    with pytest.raises(ValueError, match=r"her_cells.bad returns must have intensities in \[0, 1\]"):
        images.load("loader:her_cells.bad", 3, "b")
    with pytest.raises(ValueError, match="was asked for 3 images of half a and returned 2"):
        images.load("loader:her_cells.few", 3, "a")


def test_short_names_stay_in_their_folder():
    assert own.short("folder:a/b c@48-color") == "b_c_48_color"
    assert own.short("folder:../x/../..-secret@8").count("/") == 0
    assert own.short("folder:/data/my split.json@8") == "my_split_8"
