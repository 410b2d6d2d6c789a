"""What a recipe decides: the images of every step and the rates, and what it refuses."""

import dataclasses
import math

import pytest
import torch

from gahr.images import classes
from gahr.training import recipes

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


def test_the_authors_rate_is_halved_ten_times():
    recipe = recipes.Recipe("discs16", 5, "a", steps=1000, **recipes.AUTHORS)
    assert [recipe.rate(step) for step in (0, 99, 100, 250, 999)] == [1e-3, 1e-3, 5e-4, 2.5e-4, 1e-3 / 512]


def test_a_constant_rate_rises_stays_and_falls():
    recipe = recipes.Recipe("discs16", 5, "a", steps=1000, schedule="constant", learning_rate=3e-3)
    by_hand = {0: 1 / 200, 99: 0.5, 198: 199 / 200, 199: 1, 500: 1, 899: 1, 900: 1, 901: 0.99, 999: 0.01}
    for step, fraction in by_hand.items():
        assert recipe.fraction(step) == pytest.approx(fraction, rel=1e-12), step
        assert recipe.rate(step) == pytest.approx(3e-3 * fraction, rel=1e-12), step
    assert recipe.last_tenth == 900 and recipe.in_bf16(899) and not recipe.in_bf16(900)


def test_a_constant_rate_of_a_few_steps():
    recipe = recipes.Recipe("discs16", 5, "a", steps=50, schedule="constant")
    for step in range(50):  # still rising when the fall begins
        fraction = min((step + 1) / 200, (50 - step) / 5)
        assert recipe.fraction(step) == pytest.approx(fraction, rel=1e-12), step
    short = dataclasses.replace(recipe, steps=9)  # too short to fall
    assert [short.fraction(step) for step in (0, 8)] == pytest.approx([1 / 200, 9 / 200], rel=1e-12)


@pytest.mark.parametrize("steps", [7, 40, 230, 1500])
def test_at_a_constant_rate_runs_share_their_steps_until_the_shorter_falls(steps):
    short, long = (
        recipes.Recipe("discs16", 5, "a", steps=count, schedule="constant") for count in (steps, 5 * steps)
    )
    for step in range(short.last_tenth):
        assert short.fraction(step) == long.fraction(step) and short.in_bf16(step) == long.in_bf16(step)
    if steps >= 40:  # the first step of the last tenth is still shared
        assert short.fraction(short.last_tenth) == long.fraction(short.last_tenth)
    if steps >= 230:  # and it does fall
        assert short.fraction(steps - 1) == 1 / (steps // 10) < long.fraction(steps - 1) == 1
