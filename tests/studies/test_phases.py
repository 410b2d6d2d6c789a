"""The runs of the phase diagram, and what is measured of them."""

import shutil

import pytest

from book.studies import phases
from gahr import images, measures, zoo
from gahr.analysis import transition


def test_a_chain_is_one_run_read_at_doubling_steps():
    a, twin = phases.chain(300, "a"), phases.chain(300, "twin")
    assert [recipe.steps for recipe in a] == [250, 500, 1000, 2000, 4000, 8000, 16_000]
    assert {recipe.schedule for recipe in a} == {"constant"}
    assert {recipe.half for recipe in twin} == {"a"}
    assert {recipe.seed for recipe in twin} == {recipe.seed for recipe in phases.chain(300, "b")} != {0}
    looks = {n: 64 * phases.chain(n, "a")[-1].steps / n for n in phases.LAST}
    assert min(looks[n] for n in (100, 300, 1000)) >= 2000
    names = [r.name for n in phases.LAST for who in phases.RUNS for r in phases.chain(n, who)]
    assert len(set(names)) == len(names)


@pytest.fixture(scope="module")
def trained(tmp_path_factory):
    """A small diagram of discs: two sizes, two readings."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(phases, "IMAGES", "discs16")
        patch.setattr(phases, "NETWORK", "unet2")
        patch.setattr(phases, "READINGS", (20, 40))
        patch.setattr(phases, "LAST", {2: 40, 50: 20})
        folder = tmp_path_factory.mktemp("runs")
        paths = list(phases.train(folder, compiled=False))
        yield folder, paths, phases.phases(folder)


def test_every_reading_is_trained_and_measured(trained):
    folder, paths, found = trained
    assert len(paths) == len(set(paths)) == 9
    assert [(row["n"], row["steps"], row["looks"]) for row in found["rows"]] == [
        (2, 20, 640),
        (2, 40, 1280),
        (50, 20, 25.6),
    ]


def test_rows_say_what_the_networks_do(trained):
    folder, _, found = trained
    row, x = found["rows"][1], images.load("discs16", 500, "held-out")
    a, b, twin = (zoo.load_run(f"discs16-unet2-n2-{end}-40", folder) for end in ("a", "b", "a-twin"))
    for k in (0, 7):
        sigma = measures.SIGMAS[k]
        halves, same = (measures.compare(a, g, x, sigma, seed=1000 * k) for g in (b, twin))
        assert row["halves"][k] == halves["variance"] and row["twin"][k] == same["variance"]
        assert row["mse"][k] == halves["mse"]
    assert halves["variance"] != same["variance"]
    means = [transition.mean_gap({"curves": facts(folder, end)}) for end in ("a", "b")]
    assert row["gap"] == pytest.approx((means[0][0] + means[1][0]) / 2)
    assert row["gap_se"] == pytest.approx((means[0][1] ** 2 + means[1][1] ** 2) ** 0.5 / 2)


def facts(folder, end):
    import json

    return json.loads((folder / f"discs16-unet2-n2-{end}-40" / "facts.json").read_text())["curves"]


def test_what_is_not_trained_is_left_out(trained, tmp_path):
    folder = shutil.copytree(trained[0], tmp_path / "runs")
    found = trained[2]
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(phases, "IMAGES", "discs16")
        patch.setattr(phases, "NETWORK", "unet2")
        patch.setattr(phases, "READINGS", (20, 40))
        patch.setattr(phases, "LAST", {2: 40, 50: 20})
        (folder / "discs16-unet2-n50-a-twin-20" / "facts.json").unlink()
        rows = phases.phases(folder)["rows"]
        assert rows[:2] == found["rows"][:2]
        whole = found["rows"][2]
        assert rows[2] == {key: whole[key] for key in whole if not key.startswith("twin")}
        (folder / "discs16-unet2-n50-b-20" / "facts.json").unlink()
        assert phases.phases(folder)["rows"] == found["rows"][:2]


def test_a_reading_whose_runs_are_gone_keeps_what_is_stored_of_it(trained, tmp_path):
    folder, _, _ = trained
    for run in folder.iterdir():
        if "twin" not in run.name and "n2" in run.name:
            shutil.copytree(run, tmp_path / run.name)
    kept, lost, alone = {"n": 2, "steps": 20, "twin": [0.5]}, {"n": 2, "steps": 40}, {"n": 50, "steps": 20}
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(phases, "IMAGES", "discs16")
        patch.setattr(phases, "NETWORK", "unet2")
        patch.setattr(phases, "READINGS", (20, 40))
        patch.setattr(phases, "LAST", {2: 40, 50: 20})
        patch.setattr(zoo, "names", lambda kind="network": ["discs16-phases"] * (kind == "result"))
        patch.setattr(zoo, "result", lambda name: {"rows": [kept, lost, alone]})
        first, second, third = phases.phases(tmp_path)["rows"]
    assert first == kept and third == alone and second["looks"] == 1280 and "twin" not in second


def test_a_twin_trained_later_is_added_to_what_is_stored(trained, tmp_path):
    folder, _, found = trained
    for run in folder.iterdir():
        if "n50" in run.name and "-b-" not in run.name:
            shutil.copytree(run, tmp_path / run.name)
    whole = found["rows"][2]
    kept = {key: value for key, value in whole.items() if not key.startswith("twin")} | {"gap": 7}
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(phases, "IMAGES", "discs16")
        patch.setattr(phases, "NETWORK", "unet2")
        patch.setattr(phases, "READINGS", (20, 40))
        patch.setattr(phases, "LAST", {50: 20})
        patch.setattr(zoo, "names", lambda kind="network": ["discs16-phases"] * (kind == "result"))
        patch.setattr(zoo, "result", lambda name: {"rows": [kept]})
        (row,) = phases.phases(tmp_path)["rows"]
    assert row == whole | {"gap": 7}
