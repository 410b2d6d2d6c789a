"""The studies of chapter 5: pairs of networks, on shrinkers whose distance has a closed form."""

import json

import pytest
import torch

from book.studies import transition
from gahr import _files, denoisers, images, measures, networks, zoo
from gahr.notebook import pick
from gahr.training import shelf


def listed(images_name, n, half, network="unet2", kind="record"):
    recipe = {"images": images_name, "n": n, "half": half, "network": network}
    name = f"{images_name}-{network}-n{n}-{half}"
    return name, {"name": name, "kind": kind, "recipe": recipe}


@pytest.fixture
def pairs_listed(checkout):
    """Both halves for n = 5 and 50, and what must not be taken for a pair."""
    rows = [listed("discs16", n, half) for n in (50, 5) for half in "ab"]
    rows += [listed("discs16", 500, "a"), listed("discs16", None, "a"), listed("discs16", None, "b")]
    rows += [listed("discs16", 7, half, "unet4") for half in "ab"]
    rows += [listed("discs8", 6, half) for half in "ab"]
    rows += [listed("discs16", 8, "a", "unet2"), listed("discs16", 8, "b", "unet4")]
    rows += [listed("discs16", 50, "a-twin")]
    text = json.dumps({"repository": "r", "files": {}, "records": dict(rows)})
    (checkout / "manifest.json").write_text(text)
    _files.forget_manifest()
    return checkout


def test_pairs_of_shrinkers_have_a_closed_form(pairs_listed, monkeypatch):
    factors = {"n5-a": 0.9, "n5-b": 0.5, "n50-a": 0.8, "n50-b": 0.75}
    asked = []

    def shrinker(name, runs):
        asked.append(name)
        factor = factors[name.removeprefix("discs16-unet2-")]
        return lambda y, sigma: factor * y

    monkeypatch.setattr(zoo, "load_run", shrinker)
    found = transition.pairs("discs16", network="unet2")
    assert found["images"] == 1000 and found["network"] == "unet2"
    assert [row["n"] for row in found["rows"]] == [5, 50] and len(asked) == 4
    x = images.load("discs16", 1000, "held-out")
    power = x.square().mean().item()
    for row, (a, b) in zip(found["rows"], ((0.9, 0.5), (0.8, 0.75)), strict=True):
        assert tuple(row["sigma"]) == measures.SIGMAS
        for k, sigma in enumerate(measures.SIGMAS):
            variance = 0.5 * (a - b) ** 2 * (power + sigma**2)
            mse = sum((c - 1) ** 2 * power + (c * sigma) ** 2 for c in (a, b)) / 2
            assert row["variance"][k] == pytest.approx(variance, rel=0.01)
            assert row["mse"][k] == pytest.approx(mse, rel=0.02)
            assert row["relative"][k] == pytest.approx(variance / mse, rel=0.02)
            # four standard errors of a mean over images are far below the number itself
            assert 0 < row["se"][k] < 0.05 * variance


def test_a_network_and_its_twin_of_the_same_pictures(pairs_listed, monkeypatch):
    factors = {"discs16-unet2-n50-a": 0.8, "discs16-unet2-n50-a-twin": 0.7}
    monkeypatch.setattr(zoo, "load_run", lambda name, runs: lambda y, sigma: factors[name] * y)
    found = transition.pairs("discs16", network="unet2", ends=("a", "a-twin"))["rows"]
    power = images.load("discs16", 1000, "held-out").square().mean().item()
    assert [row["n"] for row in found] == [50]
    assert found[0]["variance"][6] == pytest.approx(0.005 * (power + 0.01), rel=0.01)
    assert transition._result_name("discs16", "unet16", ("a", "a-twin")) == "discs16-twin"


def test_pairs_see_the_noise_of_the_curves(pairs_listed, monkeypatch):
    def noting(seen):
        def f(y, sigma):
            if not seen or not torch.equal(seen[-1], y):  # the first answer is asked for twice
                seen.append(y)
            return y

        return f

    seen, curve = [], []
    f, g = noting(seen), noting([])
    monkeypatch.setattr(zoo, "load_run", lambda name, runs: f if name.endswith("a") else g)
    transition.pairs("discs16", network="unet2")
    x = images.load("discs16", 1000, "held-out")
    measures.psnr_curve(noting(curve), x)
    chunks = len(curve) // len(measures.SIGMAS)
    for level in range(len(measures.SIGMAS)):
        part = slice(level * chunks, (level + 1) * chunks)  # of the first pair
        assert all(map(torch.equal, seen[part], curve[part]))


def test_networks_that_are_not_shipped_are_found_among_the_runs(pairs_listed, tmp_path, monkeypatch):
    runs = tmp_path / "runs"
    made = {}
    for n in (5, 50):
        for half, seed in (("a", 0), ("b", 1)):
            name = f"discs16-unet2-n{n}-{half}"
            network = networks.initialize(networks.UNet(2, 1), seed + n).eval()
            made[name] = zoo.load(shelf.save(denoisers.Blind(network), runs / name / f"{name}.safetensors"))
    monkeypatch.setenv("GAHR_RUNS", str(runs))
    found = transition.pairs("discs16", network="unet2")
    x = images.load("discs16", 1000, "held-out")
    a, b = (made[f"discs16-unet2-n50-{half}"] for half in "ab")
    expected = measures.compare(a, b, x, measures.SIGMAS[6], seed=6000)
    (row,) = pick(found["rows"], n=50)
    assert {key: row[key][6] for key in expected} == expected
    assert found == transition.pairs("discs16", runs, network="unet2")


def test_a_size_whose_networks_are_gone_keeps_what_is_stored(pairs_listed, tmp_path, monkeypatch):
    runs = tmp_path / "runs"
    for half, seed in (("a", 0), ("b", 1)):
        name = f"discs16-unet2-n50-{half}"
        network = networks.initialize(networks.UNet(2, 1), seed).eval()
        shelf.save(denoisers.Blind(network), runs / name / f"{name}.safetensors")
    with pytest.raises(
        FileNotFoundError, match="n5-a is not shipped with the book, and there is no .*how to train it"
    ):
        transition.pairs("discs16", runs, network="unet2")  # never measured, and not to be made up
    rows = [{"n": 5, "variance": [1.5]}, {"n": 50, "variance": [2.5]}]
    stored = {"images": 1000, "rows": rows}
    monkeypatch.setattr(transition, "_sizes", lambda *_: [5, 50])
    monkeypatch.setattr(zoo, "names", lambda kind="network": ["discs16-unet2-pairs"] * (kind == "result"))
    monkeypatch.setattr(zoo, "result", lambda name: stored)
    found = transition.pairs("discs16", runs, network="unet2")["rows"]
    assert found[0] == rows[0] and found[1]["n"] == 50
    assert len(found[1]["variance"]) == len(measures.SIGMAS)
    stored["images"] = 10  # of another measurement
    with pytest.raises(FileNotFoundError, match="discs16-unet2-n5-a"):
        transition.pairs("discs16", runs, network="unet2")
