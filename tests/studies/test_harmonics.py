"""The stored studies on C^alpha images, on denoisers whose slopes and bases are known."""

import dataclasses

import numpy as np
import pytest
import torch
from known_slopes import blocks, flat
from torch.nn import functional

from book.studies import calpha, harmonics, shrinkage, shuffled
from gahr import bases, images, measures, zoo
from gahr._files import unpack_vectors
from gahr.notebook import pick


def number(found, basis, measure):
    (row,) = pick(found["rows"], alpha=4, basis=basis, measure=measure)
    return [row["mean"], row["se"]]


def test_a_denoiser_with_one_basis_for_all_is_seen_not_to_adapt(monkeypatch):
    blur = torch.nn.AvgPool2d(3, stride=1, padding=1)
    monkeypatch.setattr(zoo, "load", lambda name: lambda y, sigma=None: blur(y))
    monkeypatch.setattr(harmonics, "ALPHAS", (4,))
    found = harmonics.harmonics(seeds=(1, 2))
    assert number(found, "network, at another picture", "oracle") == pytest.approx([0, 0], abs=1e-3)
    assert number(found, "network", "oracle") == [0, 0]
    assert number(found, "network", "asymmetry")[0] < 1e-6
    own, lent = (number(found, kind, "aligned") for kind in ("network", "network, at another picture"))
    assert own == pytest.approx(lent, abs=1e-3)
    for row in found["spectra"]:
        assert row["least"] == pytest.approx(row["most"], abs=1e-4) and row["least"] <= row["mean"]
    assert [row["rank"] for row in found["spectra"]] == list(range(1, 21))
    mean = [row["mean"] for row in found["spectra"]]
    assert mean == sorted(mean, reverse=True)
    assert [(row["alpha"], row["seed"]) for row in found["shares"]] == [(4, 1), (4, 2)]


def test_a_denoiser_that_is_blind_to_contours_has_the_same_share_everywhere(monkeypatch):
    """The mean has one vector, the constant: its share is the area that lies near the contour."""
    asked = []
    flat = lambda y, sigma=None: y.mean((2, 3), keepdim=True).expand_as(y)  # noqa: E731
    monkeypatch.setattr(zoo, "load", lambda name: flat)
    monkeypatch.setattr(zoo, "load_run", lambda name, runs: asked.append(f"{runs}/{name}") or flat)
    monkeypatch.setattr(harmonics, "UNEQUAL_COUNT", 1)
    found = harmonics.unequal(seeds=(2, 3), runs="folder")
    assert asked == [f"folder/calpha40a{a}b8-unet16-fresh-a" for a in ("1.5", "2", "4")]
    for kind in ("trained", "of 1.5", "of 2", "of 4", "smoothest"):
        rows = pick(found["rows"], network=kind)
        assert [(row["contour"], row["seed"]) for row in rows] == [
            (a, s) for a in (1.5, 2, 4) for s in (2, 3)
        ]
        for row in rows:
            line = calpha.contour(1, 40, row["contour"], row["seed"])[0].round()
            area = ((torch.arange(40)[:, None] - line).abs() <= 4).float().mean().item()
            assert row["share"] == pytest.approx(area, abs=1e-3)
            assert area == pytest.approx(9 / 40) or row["seed"] == 3
    assert [row["contour"] for row in found["shown"]] == [1.5, 2, 4]
    for row in found["shown"]:
        assert row["lam"] == pytest.approx([1], abs=1e-4)
        assert unpack_vectors(row["vectors"]).abs().min() > 0.99


def test_picture_and_network_are_told_apart(monkeypatch):
    """Each network keeps the mean of one row: its share is where the contour comes near that row."""

    def keeping(row):
        only = torch.zeros(40, 1)
        only[row] = 1
        return lambda y, sigma=None: y[:, :, row].mean(2)[..., None, None] * only.expand(40, 40)

    kept = {"1.5": 10, "2": 20, "4": 25}
    named = lambda name, runs: keeping(kept[name.split("b8")[0].removeprefix("calpha40a")])  # noqa: E731
    monkeypatch.setattr(zoo, "load_run", named)
    monkeypatch.setattr(zoo, "load", lambda name: keeping(15))
    monkeypatch.setattr(harmonics, "UNEQUAL_COUNT", 1)
    found = harmonics.unequal(seeds=(3,))["rows"]
    share = {(row["network"], row["contour"]): row["share"] for row in found}
    for a in (1.5, 2, 4):
        line = calpha.contour(1, 40, a, 3)[0].round()
        for name, row in {"1.5": 10, "2": 20, "4": 25, "smoothest": 15}.items():
            near = ((row - line).abs() <= 4).float().mean().item()
            assert share[name if name == "smoothest" else f"of {name}", a] == pytest.approx(near, abs=1e-3)
        assert share["trained", a] == share[f"of {a:g}", a]
    for row in found:  # a level bar cuts a picture's edges as it cuts those of the mirror image
        assert 0 < row["aligned"] == pytest.approx(row["mirror"], abs=1e-3)
    assert len(set(share.values())) > 6


def test_the_study_of_bases_holds_each_picture_against_the_next(monkeypatch):
    def f(y, sigma=None):  # its Jacobian differs from picture to picture
        return functional.avg_pool2d(y.square(), 3, stride=1, padding=1)

    monkeypatch.setattr(zoo, "load", lambda name: f)
    monkeypatch.setattr(harmonics, "ALPHAS", (4,))
    monkeypatch.setattr(harmonics, "COUNT", 5)
    found = harmonics.harmonics(seeds=(1, 2, 3))
    views = [calpha.look(f, 4.0, seed, harmonics.SIGMA) for seed in (1, 2, 3)]
    reached = [calpha.oracle_db(views[i], views[(i + 1) % 3]) for i in range(3)]
    for name in ("cosines", "network, at another picture"):
        above = np.array([row[name] - row["network"] for row in reached])
        expected = [above.mean(), above.std(ddof=1) / 3**0.5]
        assert number(found, name, "oracle") == pytest.approx(expected)
    own = np.array([measures.psnr(v.x, v.estimate).item() for v in views])
    expected = (own - np.array([row["network"] for row in reached])).mean()
    assert number(found, "network", "itself")[0] == pytest.approx(expected)


def test_eigenvalues_are_told_by_mean_least_and_largest(monkeypatch):
    x = torch.rand(1, 1, 40, 40, generator=torch.Generator().manual_seed(0))
    values = iter([1.0, 2.0, 6.0])

    def look(f, alpha, seed, sigma):
        basis = bases.Basis(torch.tensor([next(values)]), torch.ones(1, 1600), None, (1, 40, 40))
        return calpha.View(x, x, x + 0.1, torch.full((40,), 20.0), basis, 0.0, 0.1)

    monkeypatch.setattr(calpha, "look", look)
    monkeypatch.setattr(calpha, "summary", lambda *a, **k: {"share": 0.0})
    monkeypatch.setattr(calpha, "oracle_db", lambda *a: {"network": 0.0})
    monkeypatch.setattr(zoo, "load", lambda name: None)
    monkeypatch.setattr(harmonics, "ALPHAS", (4,))
    (row,) = harmonics.harmonics(seeds=(1, 2, 3))["spectra"]
    assert row == {"alpha": 4, "rank": 1, "mean": 3, "least": 1, "most": 6}


def test_what_is_stored_was_measured_with_the_settings_of_today():
    """What is stored was measured with the settings that the module has."""
    found = zoo.result("calpha40-unequal")
    assert (found["sigma"], found["count"], found["background"]) == (
        harmonics.UNEQUAL_SIGMA,
        harmonics.UNEQUAL_COUNT,
        harmonics.BACKGROUND,
    )
    found = zoo.result("calpha40-harmonics")
    assert (found["sigma"], found["count"], found["pictures"]) == (
        harmonics.SIGMA,
        harmonics.COUNT,
        len(harmonics.SEEDS),
    )
    found = zoo.result("calpha40-waves")
    assert (found["sigma"], found["count"]) == (harmonics.SIGMA, harmonics.WAVE_COUNT)
    seeds = {row["seed"] for row in found["rows"]}
    assert not seeds & set(harmonics.SEEDS) and tuple(map(tuple, found["rules"])) == harmonics.RULES
    for alpha in harmonics.ALPHAS:
        rows = pick(found["rows"], alpha=alpha, basis="network")
        assert [row["seed"] for row in rows] == harmonics.apart(float(alpha))
    found = zoo.result("adapted-bases")
    assert (found["sigma"], tuple(found["cuts"])) == (shrinkage.SIGMA, shrinkage.CUTS)
    found = zoo.result("shuffled40-spectra")
    assert (found["sigma"], tuple(found["ranks"]), found["images"]) == (
        shuffled.SIGMA,
        shuffled.RANKS,
        shuffled.COUNT,
    )


def test_optimizers_are_held_against_seeds(monkeypatch):
    """Two of the three networks are one: their leading spaces are the same; the third keeps others."""
    cosines = bases.dct(40, 40)

    def keep(ranks):
        e = cosines[ranks]
        e = e * torch.linspace(1, 0.5, len(e)).sqrt()[:, None]
        return lambda y, sigma=None: ((y.flatten(1) @ e.T) @ e).view_as(y)

    first, second = list(range(20)), [*range(15), *range(100, 105)]
    made = {"calpha40a4-unet16-fresh-a-adam": keep(second)}
    curve = {"sigma": [0.1], "psnr": [30.0]}
    facts = {"curves": {"held_out": curve}, "recipe": {"steps": 7}}
    monkeypatch.setattr(zoo, "load_run", lambda name, runs=None: made.get(name, keep(first)))
    monkeypatch.setattr(zoo, "describe", lambda name: facts)
    monkeypatch.setattr(zoo, "load", lambda name: keep(second))
    found = harmonics.optimizers(seeds=(1, 2), wave_count=3)
    assert [row["mean"] for row in found["pairs"]] == pytest.approx([1, 0.75, 0.75], abs=1e-4)
    assert [len(row["each"]) for row in found["pairs"]] == [2, 2, 2]
    controls = {row["second"]: row["mean"] for row in found["controls"]}
    assert controls.pop("a network of alpha = 2") == pytest.approx(0.75, abs=1e-4)
    assert controls.pop("itself, at another picture") == pytest.approx(1, abs=1e-4)  # it ignores pictures
    assert controls["the broadest cosines"] == pytest.approx(1, abs=1e-4) and len(controls) == 3
    assert found["networks"][0] == {"network": "Muon", "steps": 7, "sigma": [0.1], "psnr": [30.0]}
    assert [row["measure"] for row in found["waves"]] == 3 * ["waves", "waves, mirror", "waves, less mirror"]
    own = pick(found["waves"], measure="waves")
    assert own[0]["mean"] == own[1]["mean"] > 0 and own[0]["mean"] != own[2]["mean"]
    assert all(row["mean"] == 0 for row in pick(found["waves"], measure="waves, less mirror"))
    aligned = pick(found["rows"], measure="aligned")
    assert aligned[0]["mean"] == aligned[1]["mean"] != aligned[2]["mean"]


def test_waves_are_counted_along_the_contour_and_its_mirror_image(monkeypatch):
    """Of four vectors one is a wave along the contour, and two are along its mirror image."""
    heights = 20 + 8 * torch.sin(torch.arange(40.0) / 5)
    row, column = torch.arange(40.0)[:, None], (torch.arange(40.0) + 0.5) * torch.pi / 40

    def view(line, seed):
        lines = [(line, 6), (line.flip(0), 6), (line.flip(0), 4), (line, 0)]
        drawn = [torch.exp(-((row - at) ** 2) / 2) * torch.cos(k * column) for at, k in lines]
        e = torch.stack([v.flatten() / v.norm() for v in drawn])
        x = torch.rand(1, 1, 40, 40, generator=torch.Generator().manual_seed(seed))
        return calpha.View(x, x, x, line, bases.Basis(torch.ones(4), e, None, (1, 40, 40)), 0.0, 0.15)

    views = {(3, 1): view(heights, 1), (3, 2): view(heights.flip(0), 2)}
    monkeypatch.setattr(calpha, "look", lambda f, alpha, seed, sigma, noise: views[alpha, noise and seed])
    monkeypatch.setattr(zoo, "load", lambda name: name)
    monkeypatch.setattr(harmonics, "ALPHAS", (3,))
    monkeypatch.setattr(harmonics, "WAVE_COUNT", 4)
    monkeypatch.setattr(harmonics, "apart", lambda alpha, count: list(range(1, count + 1)))
    found = harmonics.waves(count=2)
    assert (found["sigma"], found["count"], found["pictures"]) == (harmonics.SIGMA, 4, 2)

    def shares(basis):
        return [(row["seed"], row["along"], row["mirror"]) for row in pick(found["rows"], basis=basis)]

    one, two = [0.25] * 4, [0.5] * 4  # waves by all four rules
    assert shares("network") == [(1, one, two), (2, one, two)]
    assert shares("network, at another picture") == [(1, two, one), (2, two, one)]
    assert all(own == mirror for _, own, mirror in shares("cosines"))
    assert len(found["rows"]) == 2 * 6
    means = {row["measure"]: (row["mean"], row["se"]) for row in pick(found["means"], basis="network")}
    assert means["waves"] == (0.25, 0) and means["waves, less mirror"] == (-0.25, 0)
    views[3, 2] = view(heights, 2)
    views[3, 1] = dataclasses.replace(
        view(heights, 1), heights=torch.full((40,), 20.0)
    )  # waves along no line
    found = harmonics.waves(count=2)
    (less,) = pick(found["means"], basis="network", measure="waves, less mirror")
    assert (less["mean"], less["se"]) == pytest.approx((-0.125, 0.125))


def test_another_architecture_is_measured_as_the_first(monkeypatch):
    """Both keep the same sixteenth of all directions: slope 1, and the whole leading space shared."""
    monkeypatch.setattr(images, "load", flat)
    monkeypatch.setattr(zoo, "load", lambda name: blocks())
    monkeypatch.setattr(zoo, "load_run", lambda name, runs=None: blocks())
    monkeypatch.setattr(harmonics, "COUNT", 100)  # all that the blocks keep
    found = harmonics.bfcnn(alphas=(2,), seeds=(1, 2), count=200)
    assert [row["slope"] for row in found["slopes"]] == pytest.approx([1, 1], abs=0.02)
    assert found["slopes"][0]["from"] == 0.01 and found["slopes"][0]["to"] < 1
    assert found["pairs"][0]["mean"] == pytest.approx(1, abs=1e-4)
    first, second = (pick(found["shares"], network=name) for name in ("BF-CNN", "UNet"))
    assert [row["share"] for row in first] == [row["share"] for row in second] and len(first) == 2


def test_contours_are_taken_that_lie_apart_from_their_mirror_images():
    found = harmonics.apart(5.0, 10)
    for seed in range(harmonics.FIRST, found[-1] + 1):
        line = calpha.contour(1, 40, 5.0, seed)[0]
        assert ((line - line.flip(0)).abs().mean() > harmonics.APART) == (seed in found)
    assert len(found) == 10


def test_cut_cosines_are_waves_on_one_side_each():
    heights = 20 + 8 * torch.sin(torch.arange(40.0) / 5)
    e = harmonics.cut_cosines(heights, 40)
    assert e.shape == (40, 40, 40)
    gram = e.flatten(1) @ e.flatten(1).T
    torch.testing.assert_close(gram, torch.eye(40), atol=1e-4, rtol=0)
    above = (torch.arange(40.0)[:, None] < heights - 1.5).float()
    sides = (e.square() * above).sum((1, 2))
    assert sides[0] < 0.01 and sides[1] > 0.8  # first below, then above
