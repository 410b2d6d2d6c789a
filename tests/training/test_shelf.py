"""The shelf of the book: what goes on it, what does not, and how it is verified."""

import dataclasses
import json
import shutil

import pytest
import torch

from gahr import _files, networks, zoo
from gahr.denoisers import Blind
from gahr.training import recipes, runs, shelf


def rounded(network):
    """A denoiser whose convolutions are already float16, as every shipped network's are."""
    with torch.no_grad():
        for module in network.modules():
            if isinstance(module, (torch.nn.Conv2d, torch.nn.ConvTranspose2d)):
                module.weight.copy_(module.weight.half().float())
            elif isinstance(module, networks.BiasFreeNorm):
                module.running_sd.copy_(0.5 + torch.rand(module.running_sd.shape))
    return Blind(network.eval())


def test_every_file_has_its_row_and_its_hash():
    assert shelf.verify() == []


def test_few_faces_are_never_shipped():
    everything = [recipe for name in runs.NAMES for recipe in runs.named(name)]
    kept = {recipe.name for recipe in everything if not shelf.may_ship(dataclasses.asdict(recipe))}
    small = {
        recipe.name
        for recipe in everything
        if recipe.images in ("faces40", "faces20", "faces10", "shuffled40") and recipe.n < 10_000
    }
    assert kept == small and len(small) >= 6


# ------------------------------------------------------------------------------------------------
# A checkout of one network and one result


@pytest.fixture
def copied(tmp_path, monkeypatch):
    """A small copy of this checkout's data folder, complete and verified."""
    data = tmp_path / "data"
    for folder in _files.FOLDERS.values():
        (data / folder).mkdir(parents=True)
    text = json.dumps({"repository": "https://nowhere.invalid/r", "files": {}})
    (data / "manifest.json").write_text(text)
    monkeypatch.setattr(_files, "checkout", lambda: data)
    _files.forget_manifest()
    torch.manual_seed(0)
    path = shelf.save(rounded(networks.UNet(2, 1)), tmp_path / "toy-unet2-n5-a.safetensors")
    shelf.add(path, "network", {"recipe": {"n": 5}})
    (tmp_path / "curve.json").write_text('{"psnr": [20.5]}')
    shelf.add(tmp_path / "curve.json", "result")
    assert shelf.verify() == []
    yield data
    _files.forget_manifest()


def test_adding_copies_and_lists(copied):
    assert zoo.names() == ["toy-unet2-n5-a"] and zoo.names("result") == ["curve"]
    row = zoo.describe("toy-unet2-n5-a")
    stored = copied / "networks" / "toy-unet2-n5-a.safetensors"
    assert row["recipe"] == {"n": 5} and row["bytes"] == stored.stat().st_size
    assert row["sha256"] == _files.digest(stored)
    assert zoo.result("curve") == {"psnr": [20.5]}
    assert zoo.load("toy-unet2-n5-a")(torch.zeros(1, 1, 4, 4)).shape == (1, 1, 4, 4)


def test_adding_again_replaces_the_row(copied, tmp_path):
    (tmp_path / "curve.json").write_text('{"psnr": [21.5]}')
    shelf.add(tmp_path / "curve.json", "result", {"about": "newer"})
    assert zoo.result("curve") == {"psnr": [21.5]} and shelf.verify() == []
    assert zoo.describe("curve")["about"] == "newer"
    shelf.add(copied / "results" / "curve.json", "result")  # already in place
    assert shelf.verify() == []


def test_a_changed_file_is_found(copied):
    path = copied / "results" / "curve.json"
    path.write_text('{"psnr": [99.0]}')
    assert shelf.verify() == ["results/curve.json: its hash is not the manifest's"]
    with pytest.raises(ValueError, match="is corrupt or was changed"):
        zoo.result("curve")


def test_a_missing_file_is_found(copied):
    (copied / "results" / "curve.json").unlink()
    assert shelf.verify() == ["results/curve.json: in the manifest, missing on disk"]


def test_an_unlisted_file_is_found(copied):
    shutil.copy(copied / "results" / "curve.json", copied / "networks" / "extra.json")
    assert shelf.verify() == ["networks/extra.json: on disk, not in the manifest"]


# ------------------------------------------------------------------------------------------------
# Taking finished runs into the checkout


@pytest.fixture
def finished(tmp_path):
    """Make the folder that a finished run leaves behind."""

    def make(images, n, network=None):
        recipe = recipes.Recipe(images, n, "a", network="unet2", blocks=1)
        folder = tmp_path / "runs" / recipe.name
        torch.manual_seed(0)
        shelf.save(rounded(network or networks.UNet(2, 1)), folder / f"{recipe.name}.safetensors")
        facts = {"recipe": dataclasses.asdict(recipe), "seed": 0, "curves": {"held_out": {"psnr": [20.5]}}}
        (folder / "facts.json").write_text(json.dumps(facts))
        return folder

    return make


@pytest.mark.parametrize(
    ("images", "n"),
    [("fashion32", 1), ("fashion32", 14_000), ("faces40", 10_000), ("shuffled40", 13_000), ("discs40", None)],
)
def test_a_run_becomes_a_network(copied, finished, images, n):
    folder = finished(images, n)
    row = shelf.add_run(folder)
    assert row == zoo.describe(folder.name) and row["kind"] == "network"
    assert folder.name in zoo.names() and zoo.names("record") == []
    assert row["curves"] == {"held_out": {"psnr": [20.5]}} and row["recipe"]["n"] == n
    y = torch.rand(1, 1, 8, 8)
    assert torch.equal(zoo.load(folder.name)(y), zoo.load(folder / f"{folder.name}.safetensors")(y))
    assert shelf.verify() == []


@pytest.mark.parametrize("images", ["faces40", "faces20", "faces10", "shuffled40"])
@pytest.mark.parametrize("n", [1, 1000, 9_999])
def test_a_run_on_few_faces_becomes_a_record_without_weights(copied, finished, images, n):
    folder = finished(images, n)
    before = sorted(copied.rglob("*"))
    row = shelf.add_run(folder)
    assert row == zoo.describe(folder.name) and row["kind"] == "record"
    assert row["not_shipped"] == "few faces: not passed on"
    assert row["curves"] == {"held_out": {"psnr": [20.5]}}
    assert zoo.names("record") == [folder.name] and folder.name not in zoo.names()
    assert sorted(copied.rglob("*")) == before and shelf.verify() == []
    with pytest.raises(KeyError, match="unknown network"):
        zoo.load(folder.name)


def test_a_large_network_becomes_a_record(copied, finished, monkeypatch):
    assert shelf.LARGEST == 4_000_000
    folder = finished("fashion32", 10)
    size = (folder / f"{folder.name}.safetensors").stat().st_size
    monkeypatch.setattr(shelf, "LARGEST", size - 1)
    assert shelf.add_run(folder)["not_shipped"] == "its weights are large"
    assert zoo.names("record") == [folder.name] and shelf.verify() == []
    other = finished("fashion32", 11)
    monkeypatch.setattr(shelf, "LARGEST", size)
    assert shelf.add_run(other)["kind"] == "network"


def test_a_run_may_be_taken_as_a_record(copied, finished):
    folder = finished("discs40", 10)
    row = shelf.add_run(folder, weights=False)
    assert row["kind"] == "record" and row["not_shipped"] == "to save space"
    assert zoo.names("record") == [folder.name] and folder.name not in zoo.names()
    assert shelf.verify() == []


@pytest.mark.parametrize("n", [10, 10_000])
def test_a_damaged_run_is_not_taken(copied, finished, n):
    folder = finished("faces40", n)
    path = folder / f"{folder.name}.safetensors"
    before = (copied / "manifest.json").read_bytes()
    path.write_bytes(path.read_bytes()[:-100])
    with pytest.raises(ValueError, match="is not a safetensors file"):
        shelf.add_run(folder)
    path.unlink()
    with pytest.raises(FileNotFoundError, match=folder.name):
        shelf.add_run(folder)
    assert (copied / "manifest.json").read_bytes() == before and shelf.verify() == []


def test_an_unfinished_run_is_not_taken(copied, finished):
    folder = finished("fashion32", 10)
    (folder / "facts.json").unlink()
    with pytest.raises(FileNotFoundError, match="facts.json"):
        shelf.add_run(folder)
    assert folder.name not in zoo.names()


def test_without_a_checkout_no_run_is_taken(finished, monkeypatch):
    monkeypatch.setattr(_files, "checkout", lambda: None)
    for n in (10, 10_000):
        with pytest.raises(FileNotFoundError, match="there is no checkout here"):
            shelf.add_run(finished("faces40", n))


def test_without_a_checkout_there_is_nothing_to_verify(monkeypatch, tmp_path):
    monkeypatch.setattr(_files, "checkout", lambda: None)
    with pytest.raises(FileNotFoundError, match="there is no checkout here"):
        shelf.verify()
    with pytest.raises(FileNotFoundError, match="there is no checkout here"):
        shelf.add(tmp_path / "x.json", "result")


def test_an_unknown_kind_is_refused(copied):
    with pytest.raises(KeyError, match="unknown kind 'picture'"):
        shelf.add("x.json", "picture")


def test_the_manifest_has_a_line_for_each_row():
    listing = {"repository": "r", "files": {}, "records": {"a": {"n": [1, 2]}, "b": {"n": None}}}
    text = shelf._text(listing)
    assert json.loads(text) == listing
    assert len(text.splitlines()) == 10 and '  "a": {"n": [1, 2]},' in text.splitlines()


# ------------------------------------------------------------------------------------------------
# Saving


@pytest.mark.parametrize(
    "network",
    [
        networks.UNet(3, 2),
        networks.UNet(1, 1, image_channels=3),
        networks.BFCNN(4, 5),
        networks.BFCNN(4, 5, first_layer_linear=False),
    ],
)
def test_a_rounded_network_comes_back_exactly(tmp_path, network):
    f = rounded(network)
    path = shelf.save(f, tmp_path / "network.safetensors")
    again = zoo.load(path)
    for key, value in f.state_dict().items():
        assert torch.equal(value, again.state_dict()[key]), key
    y = torch.randn(1, network.image_channels, 8, 8)
    with torch.no_grad():
        torch.testing.assert_close(f(y), again(y))
    assert getattr(again.network, "first_layer_linear", True) == getattr(network, "first_layer_linear", True)
    weights = sum(v.numel() for k, v in network.state_dict().items() if k.endswith("weight"))
    assert path.stat().st_size < 2 * weights + 10_000  # two bytes a weight


def test_rounding_is_noticed():
    exact = rounded(networks.UNet(2, 1))
    assert shelf.half_precision_is_exact(exact)
    assert not shelf.half_precision_is_exact(Blind(networks.UNet(2, 1)))
