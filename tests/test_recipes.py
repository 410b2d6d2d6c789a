"""The book's runs: their names, their images, and that N is all that differs between them."""

import collections
import dataclasses
import math

import pytest
import torch

from gahr import classes, images, networks, recipes, runs, zoo

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
        key = (recipe.images, recipe.network)
        groups[key].add((recipe.steps, recipe.batch, recipe.learning_rate, recipe.ema, recipe.blocks))
    assert {key: found for key, found in groups.items() if len(found) > 1} == {}


def test_a_tag_tells_what_differs():
    base = {recipe.name: recipe for _, recipe in ALL if not recipe.tag}
    tagged = [recipe for _, recipe in ALL if recipe.tag]
    assert tagged
    for recipe in tagged:
        twin = dataclasses.asdict(base[recipe.name.removesuffix(f"-{recipe.tag}")])
        mine = dataclasses.asdict(recipe)
        differs = {key for key in mine if mine[key] != twin[key]} - {"tag"}
        assert len(differs) == 1
        assert recipe.tag == ("again" if differs == {"seed"} else mine[differs.pop()])
    defaults = {f.name: f.default for f in dataclasses.fields(recipes.Recipe)}
    for name in ("precision", "noise", "objective", "optimizer", "schedule", "learning_rate", "muon_rate"):
        assert {getattr(recipe, name) for recipe in base.values()} == {defaults[name]}


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


def test_few_faces_are_never_shipped():
    kept = {recipe.name for _, recipe in ALL if not zoo.may_ship(dataclasses.asdict(recipe))}
    small = {
        recipe.name
        for _, recipe in ALL
        if recipe.images in ("faces40", "faces20", "faces10", "shuffled40") and recipe.n < 10_000
    }
    assert kept == small and len(small) >= 6


# ------------------------------------------------------------------------------------------------
# Fresh images


def test_fresh_images_are_new_at_every_step_and_repeat_themselves():
    recipe = recipes.Recipe("discs16", None, "a", batch=6)
    x = {}
    for step in (0, 1, 5999):
        y, noise, sigma = recipes.draw(recipe, None, step)
        assert all(map(torch.equal, (y, noise, sigma), recipes.draw(recipe, None, step)))
        x[step] = (y - noise).flatten(1)
        assert x[step].min() > -1e-5 and x[step].max() < 1 + 1e-5
    halves = [classes.load("discs16", 1000, half).flatten(1) for half in ("a", "b", "held-out")]
    for others in ([x[1], x[5999], *halves], [x[0], x[5999], *halves]):
        mine = x[0] if others[0] is x[1] else x[1]
        assert all(torch.cdist(mine, other).min() > 1e-3 for other in others)
    other = recipes.draw(dataclasses.replace(recipe, seed=1), None, 0)
    assert torch.cdist((other[0] - other[1]).flatten(1), x[0]).min() > 1e-3


def test_seeds_of_two_runs_never_meet():
    settling = 200  # batches after the last step
    assert max(recipe.steps for _, recipe in ALL) + settling < recipes._STRIDE


def test_seeds_and_steps_do_not_meet():
    """Another seed is another run, not the same one a step later."""
    x = torch.rand(50, 1, 8, 8, generator=torch.Generator().manual_seed(0))
    for images_name, n, data in (("discs16", None, None), ("discs16", 50, x)):
        one, two = (recipes.Recipe(images_name, n, "a", batch=6, seed=seed) for seed in (0, 1))
        first = recipes.draw(one, data, 0)[1]
        assert not torch.equal(first, recipes.draw(two, data, 0)[1])
        assert not torch.equal(recipes.draw(one, data, 1)[1], recipes.draw(two, data, 0)[1])


@pytest.mark.parametrize(
    ("change", "error", "message"),
    [
        ({"half": "held-out"}, KeyError, "half"),
        ({"n": 100.5}, ValueError, "n must be a whole number; got 100.5"),
        ({"steps": 2.5}, ValueError, "steps must be a whole number"),
    ],
)
def test_halves_and_counts_that_are_none_are_refused(change, error, message):
    with pytest.raises(error, match=message):
        recipes.Recipe(**({"images": "own48", "n": 100, "half": "a"} | change))


def test_a_short_run_warms_up_and_ends_at_zero():
    recipe = recipes.Recipe("faces40", 10, "a", steps=50, learning_rate=1.0)
    for t in (0, 20, 49):
        assert recipe.rate(t) == pytest.approx((t + 1) / 50 * 0.5 * (1 + math.cos(math.pi * t / 50)))


@pytest.mark.parametrize("ema", [1.0, -0.1, math.nan])
def test_an_average_that_never_moves_is_refused(ema):
    with pytest.raises(ValueError, match=r"ema must be in \[0, 1\)"):
        recipes.Recipe("a", 1, "a", ema=ema)


def test_an_unknown_precision_is_refused():
    with pytest.raises(KeyError, match="unknown precision"):
        recipes.Recipe("a", 1, "a", precision="fp61")


def recipe_says(recipe):
    """Which of its options a tag is about."""
    return {"fp32": "precision", "quadratic": "noise"}.get(recipe.tag)


def test_the_authors_rate_is_halved_ten_times():
    recipe = recipes.Recipe("discs16", 5, "a", steps=1000, **recipes.AUTHORS)
    assert [recipe.rate(step) for step in (0, 99, 100, 250, 999)] == [1e-3, 1e-3, 5e-4, 2.5e-4, 1e-3 / 512]


def test_what_is_stored_was_trained_as_the_sets_say():
    stored = {n for k in ("network", "record") for n in zoo.names(k)}
    checked = 0
    for name in runs.NAMES:
        for recipe in runs.named(name):
            if recipe.name in stored:
                earlier = {
                    key: value for key, value in recipes.SQUARED_ERROR.items() if key != recipe_says(recipe)
                }
                ways = (recipe, dataclasses.replace(recipe, **earlier))
                found = zoo.describe(recipe.name)["recipe"]
                assert found in [dataclasses.asdict(way) for way in ways], recipe.name
                checked += 1
    assert checked > 50
