"""The first screen: drawn with today's networks, and no face that may not be shown."""

import json

import numpy as np
import pytest
import torch
from PIL import Image

from book.lab import draws, landing, screen
from gahr import zoo

FACTS = json.loads((screen.FOLDER / "facts.json").read_text("utf-8"))


def test_it_was_drawn_with_the_networks_that_come_with_the_book():
    assert FACTS["networks"] == screen.used(), "run make art"


def test_the_landing_page_and_the_lab_s_seeds_are_in_step():
    text = screen.PAGE.read_text("utf-8")
    assert landing.filled(text, FACTS) == text, "run make art"
    seeds = screen.SEEDS_FILE.read_text("utf-8")
    assert f"faces: {FACTS['loops']['faces']['seed']}, clothes: {FACTS['loops']['clothes']['seed']} " in seeds
    assert FACTS["loops"]["few"]["seed"] == FACTS["loops"]["clothes"]["seed"]


def test_networks_that_learned_few_faces_are_never_shown():
    for loop in screen.LOOPS.values():
        recipes = [zoo.describe(name)["recipe"] for name in loop.names]
        assert all(recipe["images"].startswith("fashion") or recipe["n"] >= 10_000 for recipe in recipes)


def test_the_story_shows():
    alike = {name: row["similarity"] for name, row in FACTS["loops"].items()}
    assert alike["faces"] > 0.85 and alike["clothes"] > 0.85 and alike["few"] < 0.75


@pytest.mark.parametrize("name", screen.LOOPS)
def test_a_loop_is_small_and_begins_with_one_noise(name):
    path = screen.FOLDER / f"{name}.webp"
    assert path.stat().st_size < 300_000
    side = screen.LOOPS[name].size
    with Image.open(path) as loop:
        first = np.asarray(loop.convert("RGB"))
        loop.seek(loop.n_frames - 1)
        last = np.asarray(loop.convert("RGB")).astype(int)
    a, noise, b = (first[:, k * (side + 4) : k * (side + 4) + side] for k in range(3))
    assert (a == noise).all() and (b == noise).all()
    assert (last[:, side + 4 : 2 * side + 4] == noise).all()
    with Image.open(screen.FOLDER / f"{name}.png") as still:
        assert (np.asarray(still.convert("RGB")).astype(int) == last).all()


def test_the_rule_takes_the_median_pair(monkeypatch):
    alike = torch.tensor([0.9, 0.1, 0.7, 0.3])
    way = draws.Way(torch.zeros(4, 1, 2, 2), [], [], [], torch.zeros(4))
    monkeypatch.setattr(draws, "climb", lambda *_: way)
    monkeypatch.setattr(draws.zoo, "load", lambda name: None)
    monkeypatch.setattr(draws.measures, "similarity", lambda *_: alike)
    assert draws.story(("a", "b"), 2, "faces40", 4) == (2, pytest.approx(0.7))


def test_a_picture_under_noise_is_shown_on_a_scale_that_holds_both():
    x = torch.tensor([[[-1.2, 2.2], [0.0, 1.0]]])
    found = screen.gray(x, 1.0)
    assert found[0, 0] == 0 and found[0, 1] == 255
    assert screen.gray(x)[1].tolist() == [0, 255]
    assert screen.gray(x / 2, top=0.5)[1].tolist() == [0, 255]  # at full contrast
    assert (screen.gray(x, 1.0, top=0.5) == found).all()  # the start is the same for all
