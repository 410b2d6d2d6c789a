"""Which runs: the book's by name, in which N is all that differs, and lists of one's own from a file."""

import collections
import dataclasses
import importlib.util
import subprocess
import sys

import pytest
import torch

from gahr import __main__, images, networks, zoo
from gahr.images import classes
from gahr.training import recipes, runs
from gahr.training.recipes import Recipe

ALL = [(name, recipe) for name in runs.NAMES for recipe in runs.named(name)]
IDS = [f"{name}:{recipe.name}" for name, recipe in ALL]


def test_no_two_runs_share_a_name():
    names = collections.Counter(recipe.name for _, recipe in ALL)
    assert [name for name, count in names.items() if count > 1] == []
    assert len(names) > 50


@pytest.mark.parametrize("recipe", [recipe for _, recipe in ALL], ids=IDS)
def test_every_run_has_images_and_a_network_that_takes_them(recipe):
    assert recipe.half in ("a", "b")
    if classes.is_drawn(recipe.images):
        x = classes.load(recipe.images, 1, "held-out")
    else:
        assert recipe.n is not None  # no endless stream of photographs
        most = images.capacity("fashion32" if recipe.images.startswith("fashion") else "faces40")
        assert recipe.n <= most
        size = int(recipe.images.lstrip("abcdefghijklmnopqrstuvwxyz"))
        x = torch.zeros(1, 1, size, size)
    networks.check_input(recipes.build(recipe.network, recipe.blocks), x)


def test_every_n_of_a_class_gets_the_same_computation():
    # what a network can do then depends on its data, not on how long it was trained
    groups = collections.defaultdict(set)
    for _, recipe in ALL:
        if recipe.tag.partition("-")[0] == str(recipe.steps):
            continue  # shorter on purpose, and its name says so
        key = (recipe.images, recipe.network)
        groups[key].add((recipe.steps, recipe.batch, recipe.learning_rate, recipe.ema, recipe.blocks))
    assert {key: found for key, found in groups.items() if len(found) > 1} == {}


def test_a_tag_tells_what_differs():
    base = {recipe.name: recipe for _, recipe in ALL if not recipe.tag}
    tagged = [recipe for _, recipe in ALL if recipe.tag]
    assert tagged
    for recipe in tagged:
        twin = dataclasses.asdict(base[recipe.name.removesuffix(f"-{recipe.tag}")])
        first = recipe.tag.startswith("mse-")  # the first recipe, and what differs from that
        twin |= recipes.SQUARED_ERROR if first else {}
        mine = dataclasses.asdict(recipe)
        differs = {key for key in mine if mine[key] != twin[key]} - {"tag"}
        said = [str(mine[key]) for key in differs - {"seed"}]
        said += [f"seed{recipe.seed}" if said else "twin"] if "seed" in differs else []
        assert len(said) in (1, 2) and recipe.tag.removeprefix("mse-") == "-".join(said)
    defaults = {f.name: f.default for f in dataclasses.fields(recipes.Recipe)}
    for name in ("precision", "noise", "objective", "optimizer", "schedule", "learning_rate", "muon_rate"):
        assert {getattr(recipe, name) for recipe in base.values()} == {defaults[name]}


def test_every_run_of_the_book_is_in_the_manifest_as_it_would_be_trained_today():
    for _, recipe in ALL:
        assert zoo.describe(recipe.name)["recipe"] == dataclasses.asdict(recipe), recipe.name


def test_halves_come_in_pairs_that_start_from_different_weights():
    found = collections.defaultdict(dict)
    for _, recipe in ALL:
        found[recipe.name.replace("-b", "-a")][recipe.half] = recipe
    pairs = [pair for pair in found.values() if len(pair) == 2]
    assert len(pairs) >= 20
    for pair in pairs:
        assert pair["a"].seed != pair["b"].seed
        assert dataclasses.replace(pair["b"], half="a", seed=pair["a"].seed) == pair["a"]
    assert all(set(pair) == {"a"} for pair in found.values() if len(pair) == 1)


def test_the_sets_are_those_of_the_book():
    sizes = {(name, recipe.images, recipe.n, recipe.half) for name, recipe in ALL}
    for half in "ab":
        for n in (1, 10, 100, 1000, 10_000, 14_000):
            assert ("clothes", "fashion32", n, half) in sizes
        for n in (10, 100, 1000):
            assert ("faces-small", "faces40", n, half) in sizes
        assert ("faces", "faces40", 13_000, half) in sizes
    assert {recipe.images for recipe in runs.named("calpha")} == {f"calpha40a{k}" for k in (1, 2, 3, 4, 5)}
    assert all(recipe.n is None for name in ("calpha", "manifolds") for recipe in runs.named(name))


def test_an_unknown_set_gets_the_nearest():
    with pytest.raises(KeyError, match="unknown set of runs 'cloths'; did you mean 'clothes'"):
        runs.named("cloths")


def test_seeds_of_two_runs_never_meet():
    settling = 200  # batches after the last step
    assert max(recipe.steps for _, recipe in ALL) + settling < recipes._STRIDE


# ------------------------------------------------------------------------------------------------
# Lists for a sweep


sweeps = pytest.mark.skipif(not importlib.util.find_spec("submitit"), reason='needs "gahr[train]"')


def test_a_list_of_recipes(tmp_path):
    path = tmp_path / "list.json"
    path.write_text(f'[{runs.EXAMPLE}, {{"images": "ray40", "n": null, "half": "b", "learning_rate": 1}}]')
    assert runs.read(str(path)) == [
        Recipe("discs40", 100, "a"),
        Recipe("ray40", None, "b", learning_rate=1),
    ]
    assert [recipe.n for recipe in runs.read("faces")] == [13_000, 13_000]


@sweeps
@pytest.mark.parametrize(
    ("text", "sentence"),
    [
        ("[", "{} is not JSON: Expecting value: line 1 column 2 (char 1)"),
        ("[]", "{} must hold a list of recipes, as in ["),
        ('{"images": "discs40"}', "{} must hold a list of recipes, as in ["),
        ('[{"images": "discs40"}]', "recipe 1 of {} does not say n, half."),
        (
            f'[{runs.EXAMPLE}, {{"image": "a"}}]',
            "unknown field in recipe 2 of {}: 'image'; did you mean 'images'?",
        ),
        ('[{"images": "discs40", "n": "8", "half": "a"}]', 'recipe 1 of {}: n must be int | None; got "8".'),
        (
            '[{"images": "discs40", "n": true, "half": "a"}]',
            "recipe 1 of {}: n must be int | None; got true.",
        ),
        ('[{"images": "discs40", "n": 0, "half": "a"}]', "recipe 1 of {}: n must be in (0, inf); got 0."),
        (
            '[{"images": "discs40", "n": 8, "half": "a", "noise": "normal"}]',
            "recipe 1 of {}: unknown noise distribution 'normal'",
        ),
        (
            f"[{runs.EXAMPLE}, {runs.EXAMPLE}]",
            "two recipes are called discs40-unet16-n100-a; give one of them a tag.",
        ),
    ],
)  # fmt: skip
def test_a_wrong_list_is_one_sentence(tmp_path, capsys, text, sentence):
    path = tmp_path / "list.json"
    path.write_text(text)
    assert __main__.main(["sweep", str(path), "--folder", str(tmp_path / "runs")]) == 1
    said = capsys.readouterr()
    assert said.err.startswith("gahr: " + sentence.replace("{}", str(path)))
    assert said.err.count("\n") == 1 and not said.out
    assert not (tmp_path / "runs").exists()


@sweeps
@pytest.mark.parametrize(
    ("words", "sentence"),
    [
        (["none.json"], "No such file or directory: 'none.json'"),
        (["clothe"], "unknown set of runs 'clothe'; did you mean 'clothes'?"),
        (["faces", "--at-once", "0"], "at_once must be in [1, inf); got 0."),
        (["faces", "--processes", "-1"], "processes must be in [1, inf); got -1."),
        (["faces", "--partition", "all"], "the engine local has no option partition."),
        (["faces", "--gpus", "99"], "this needs 99 GPUs at once; this machine has "),
        (["faces", "--engine", "slurm"], "Slurm's sbatch, srun, squeue, scancel are not on the path"),
    ],
)
def test_a_wrong_command_is_one_sentence(tmp_path, monkeypatch, capsys, words, sentence):
    monkeypatch.setenv("PATH", "")
    assert __main__.main(["sweep", *words, "--folder", str(tmp_path / "runs")]) == 1
    said = capsys.readouterr()
    assert sentence in said.err and said.err.startswith("gahr: ") and said.err.count("\n") == 1
    assert not (tmp_path / "runs").exists()


@sweeps
@pytest.mark.parametrize("missing", ["submitit", "rich"])
def test_what_is_not_installed_is_named(tmp_path, monkeypatch, capsys, missing):
    monkeypatch.setitem(sys.modules, missing, None)
    monkeypatch.setitem(sys.modules, f"{missing}.console", None)
    if missing == "rich":
        monkeypatch.setattr(sys.stdout, "isatty", lambda: True, raising=False)
    assert __main__.main(["sweep", "faces", "--folder", str(tmp_path / "runs")]) == 1
    assert capsys.readouterr().err == f'gahr: a sweep needs {missing}: pip install "gahr[train]"\n'


def test_the_other_commands_need_neither_submitit_nor_rich():
    code = (
        "import sys; from gahr.__main__ import main; main(['zoo'])\n"
        "print([name for name in ('submitit', 'rich', 'accelerate') if name in sys.modules])"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, timeout=120)
    assert done.stdout.splitlines()[-1] == "[]", done.stdout + done.stderr
