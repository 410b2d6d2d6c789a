"""The book's networks and results by name, and the manifest that vouches for them."""

import dataclasses
import json
import shutil

import pytest
import torch

from gahr import _files, measures, networks, recipes, zoo
from gahr.denoisers import Blind

FOLDERS = {"network": "networks", "result": "results", "images": "images"}


def rounded(network):
    """A denoiser whose convolutions are already float16, as every shipped network's are."""
    with torch.no_grad():
        for module in network.modules():
            if isinstance(module, (torch.nn.Conv2d, torch.nn.ConvTranspose2d)):
                module.weight.copy_(module.weight.half().float())
            elif isinstance(module, networks.BiasFreeNorm):
                module.running_sd.copy_(0.5 + torch.rand(module.running_sd.shape))
    return Blind(network.eval())


# ------------------------------------------------------------------------------------------------
# The manifest of this checkout


def test_a_row_that_is_changed_does_not_change_the_manifest():
    name = zoo.names("record")[0]
    row = zoo.describe(name)
    before = row["curves"]["held_out"]["psnr"][0]
    row["curves"]["held_out"]["psnr"][0] = -1.0
    assert zoo.describe(name)["curves"]["held_out"]["psnr"][0] == before != -1.0


def test_every_file_has_its_row_and_its_hash():
    assert zoo.verify() == []


def check_curves(row):
    """PSNR at the book's noise levels; a network of fresh images has no training set to measure."""
    assert row["recipe"]["n"] is None or row["recipe"]["n"] > 0
    kinds = {"held_out"} if row["recipe"]["n"] is None else {"train", "held_out"}
    assert kinds == set(row["curves"]), row["name"]
    for curve in row["curves"].values():
        assert tuple(curve["sigma"]) == measures.SIGMAS
        assert all(len(curve[key]) == len(measures.SIGMAS) for key in ("psnr", "se"))
    assert row["curves"]["held_out"]["images"] == 1000


def test_records_tell_everything_but_the_weights():
    files = _files.manifest()["files"]
    for name in zoo.names("record"):
        row = zoo.describe(name)
        assert row["name"] == name and row["kind"] == "record" and row["not_shipped"]
        assert {"recipe", "seed", "data", "provenance", "history", "curves"} <= set(row), name
        check_curves(row)
        assert name not in zoo.names() and f"networks/{name}.safetensors" not in files
        assert not {"sha256", "bytes"} & set(row)


def test_rows_say_what_a_reader_needs():
    files = _files.manifest()["files"]
    names = [(row["kind"], row["name"]) for row in files.values()]
    assert len(set(name for _, name in names)) == len(names)  # describe() finds one row by its name
    for file, row in files.items():
        folder, _, rest = file.partition("/")
        assert folder == FOLDERS[row["kind"]] and rest.rpartition(".")[0] == row["name"]
        assert row["bytes"] == (_files.checkout() / file).stat().st_size
        if row["kind"] == "network":
            assert {"recipe", "seed", "provenance", "curves"} <= set(row), file
            check_curves(row)


def test_data_stay_within_thirty_megabytes():
    assert sum(row["bytes"] for row in _files.manifest()["files"].values()) < 30e6


def test_no_small_face_network_is_shipped():
    # trained on few faces a network can give its training faces back, shuffled or not
    for path in (_files.checkout() / "networks").iterdir():
        images, _, size, *_ = path.stem.split("-")
        if images.startswith(("faces", "shuffled")):
            assert int(size.removeprefix("n")) >= 10_000, path.name
            recipe = zoo.describe(path.stem)["recipe"]
            assert (recipe["images"], f"n{recipe['n']}") == (images, size)


def test_clothes_networks_of_every_size_are_shipped():
    # Fashion-MNIST may be shown freely: on it the book shows memorization
    for n in (1, 10, 100, 1000, 10_000, 14_000):
        assert {f"fashion32-unet16-n{n}-{half}" for half in "ab"} <= set(zoo.names()), n


@pytest.mark.parametrize("name", zoo.names())
def test_every_shipped_network_loads_rounded(name):
    f = zoo.load(name)
    assert zoo.half_precision_is_exact(f)
    assert not f.training and not any(p.requires_grad for p in f.parameters())


@pytest.mark.parametrize("name", zoo.names("result"))
def test_every_result_reads(name):
    assert zoo.result(name)


# ------------------------------------------------------------------------------------------------
# A checkout that was tampered with


@pytest.fixture
def copied(tmp_path, monkeypatch):
    """A small copy of this checkout's data folder, complete and verified."""
    data = tmp_path / "data"
    for folder in FOLDERS.values():
        (data / folder).mkdir(parents=True)
    text = json.dumps({"repository": "https://nowhere.invalid/r", "files": {}})
    (data / "manifest.json").write_text(text)
    monkeypatch.setattr(_files, "checkout", lambda: data)
    _files._manifest_text.cache_clear()
    torch.manual_seed(0)
    path = zoo.save(rounded(networks.UNet(2, 1)), tmp_path / "toy-unet2-n5-a.safetensors")
    zoo.add(path, "network", {"recipe": {"n": 5}})
    (tmp_path / "curve.json").write_text('{"psnr": [20.5]}')
    zoo.add(tmp_path / "curve.json", "result")
    assert zoo.verify() == []
    yield data
    _files._manifest_text.cache_clear()


def test_adding_copies_and_lists(copied):
    assert zoo.names() == ["toy-unet2-n5-a"] and zoo.names("result") == ["curve"]
    row = zoo.describe("toy-unet2-n5-a")
    stored = copied / "networks" / "toy-unet2-n5-a.safetensors"
    assert row["recipe"] == {"n": 5} and row["bytes"] == stored.stat().st_size
    assert row["sha256"] == _files.sha256(stored)
    assert zoo.result("curve") == {"psnr": [20.5]}
    assert zoo.load("toy-unet2-n5-a")(torch.zeros(1, 1, 4, 4)).shape == (1, 1, 4, 4)


def test_adding_again_replaces_the_row(copied, tmp_path):
    (tmp_path / "curve.json").write_text('{"psnr": [21.5]}')
    zoo.add(tmp_path / "curve.json", "result", {"about": "newer"})
    assert zoo.result("curve") == {"psnr": [21.5]} and zoo.verify() == []
    assert zoo.describe("curve")["about"] == "newer"
    zoo.add(copied / "results" / "curve.json", "result")  # already in place
    assert zoo.verify() == []


def test_a_changed_file_is_found(copied):
    path = copied / "results" / "curve.json"
    path.write_text('{"psnr": [99.0]}')
    assert zoo.verify() == ["results/curve.json: its hash is not the manifest's"]
    with pytest.raises(ValueError, match="is corrupt or was changed"):
        zoo.result("curve")


def test_a_missing_file_is_found(copied):
    (copied / "results" / "curve.json").unlink()
    assert zoo.verify() == ["results/curve.json: in the manifest, missing on disk"]


def test_an_unlisted_file_is_found(copied):
    shutil.copy(copied / "results" / "curve.json", copied / "networks" / "extra.json")
    assert zoo.verify() == ["networks/extra.json: on disk, not in the manifest"]


def test_a_changed_network_is_not_loaded(copied):
    path = copied / "networks" / "toy-unet2-n5-a.safetensors"
    data = bytearray(path.read_bytes())
    data[-1] ^= 1
    path.write_bytes(data)
    with pytest.raises(ValueError, match="is corrupt or was changed"):
        zoo.load("toy-unet2-n5-a")


# ------------------------------------------------------------------------------------------------
# Taking finished runs into the checkout


@pytest.fixture
def finished(tmp_path):
    """Make the folder that a finished run leaves behind."""

    def make(images, n, network=None):
        recipe = recipes.Recipe(images, n, "a", network="unet2", blocks=1)
        folder = tmp_path / "runs" / recipe.name
        torch.manual_seed(0)
        zoo.save(rounded(network or networks.UNet(2, 1)), folder / f"{recipe.name}.safetensors")
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
    row = zoo.add_run(folder)
    assert row == zoo.describe(folder.name) and row["kind"] == "network"
    assert folder.name in zoo.names() and zoo.names("record") == []
    assert row["curves"] == {"held_out": {"psnr": [20.5]}} and row["recipe"]["n"] == n
    y = torch.rand(1, 1, 8, 8)
    assert torch.equal(zoo.load(folder.name)(y), zoo.load(folder / f"{folder.name}.safetensors")(y))
    assert zoo.verify() == []


@pytest.mark.parametrize("images", ["faces40", "faces20", "faces10", "shuffled40"])
@pytest.mark.parametrize("n", [1, 1000, 9_999])
def test_a_run_on_few_faces_becomes_a_record_without_weights(copied, finished, images, n):
    folder = finished(images, n)
    before = sorted(copied.rglob("*"))
    row = zoo.add_run(folder)
    assert row == zoo.describe(folder.name) and row["kind"] == "record"
    assert row["not_shipped"] == "few faces: not passed on"
    assert row["curves"] == {"held_out": {"psnr": [20.5]}}
    assert zoo.names("record") == [folder.name] and folder.name not in zoo.names()
    assert sorted(copied.rglob("*")) == before and zoo.verify() == []
    with pytest.raises(KeyError, match="unknown network"):
        zoo.load(folder.name)


def test_a_large_network_becomes_a_record(copied, finished, monkeypatch):
    assert zoo.LARGEST == 4_000_000
    folder = finished("fashion32", 10)
    size = (folder / f"{folder.name}.safetensors").stat().st_size
    monkeypatch.setattr(zoo, "LARGEST", size - 1)
    assert zoo.add_run(folder)["not_shipped"] == "its weights are large"
    assert zoo.names("record") == [folder.name] and zoo.verify() == []
    other = finished("fashion32", 11)
    monkeypatch.setattr(zoo, "LARGEST", size)
    assert zoo.add_run(other)["kind"] == "network"


def test_a_run_may_be_taken_as_a_record(copied, finished):
    folder = finished("discs40", 10)
    row = zoo.add_run(folder, weights=False)
    assert row["kind"] == "record" and row["not_shipped"] == "to save space"
    assert zoo.names("record") == [folder.name] and folder.name not in zoo.names()
    assert zoo.verify() == []


@pytest.mark.parametrize("n", [10, 10_000])
def test_a_damaged_run_is_not_taken(copied, finished, n):
    folder = finished("faces40", n)
    path = folder / f"{folder.name}.safetensors"
    before = (copied / "manifest.json").read_bytes()
    path.write_bytes(path.read_bytes()[:-100])
    with pytest.raises(ValueError, match="is not a safetensors file"):
        zoo.add_run(folder)
    path.unlink()
    with pytest.raises(FileNotFoundError, match=folder.name):
        zoo.add_run(folder)
    assert (copied / "manifest.json").read_bytes() == before and zoo.verify() == []


def test_an_unfinished_run_is_not_taken(copied, finished):
    folder = finished("fashion32", 10)
    (folder / "facts.json").unlink()
    with pytest.raises(FileNotFoundError, match="facts.json"):
        zoo.add_run(folder)
    assert folder.name not in zoo.names()


def test_without_a_checkout_no_run_is_taken(finished, monkeypatch):
    monkeypatch.setattr(_files, "checkout", lambda: None)
    for n in (10, 10_000):
        with pytest.raises(FileNotFoundError, match="there is no checkout here"):
            zoo.add_run(finished("faces40", n))


def test_without_a_checkout_there_is_nothing_to_verify(monkeypatch, tmp_path):
    monkeypatch.setattr(_files, "checkout", lambda: None)
    with pytest.raises(FileNotFoundError, match="there is no checkout here"):
        zoo.verify()
    with pytest.raises(FileNotFoundError, match="there is no checkout here"):
        zoo.add(tmp_path / "x.json", "result")


# ------------------------------------------------------------------------------------------------
# Saving and loading


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
    path = zoo.save(f, tmp_path / "network.safetensors")
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
    assert zoo.half_precision_is_exact(exact)
    assert not zoo.half_precision_is_exact(Blind(networks.UNet(2, 1)))


def test_files_that_are_no_network(tmp_path):
    path = tmp_path / "broken.safetensors"
    path.write_bytes(b"nothing like it")
    with pytest.raises(ValueError, match="broken.safetensors is not a safetensors file"):
        zoo.load(path)
    good = zoo.save(rounded(networks.UNet(2, 1)), tmp_path / "good.safetensors")
    path.write_bytes(good.read_bytes()[:-100])
    with pytest.raises(ValueError, match="is not a safetensors file"):
        zoo.load(str(path))
    with pytest.raises(FileNotFoundError):
        zoo.load(tmp_path / "missing.safetensors")


def test_unknown_names_get_the_nearest(copied):
    with pytest.raises(KeyError, match="unknown network 'toy-unet2-n5-b'; did you mean 'toy-unet2-n5-a'"):
        zoo.load("toy-unet2-n5-b")
    with pytest.raises(KeyError, match="unknown result 'curves'; did you mean 'curve'"):
        zoo.result("curves")
    with pytest.raises(KeyError, match="unknown network or result 'curv'"):
        zoo.describe("curv")
    with pytest.raises(KeyError, match="unknown kind 'networks'; did you mean 'network'"):
        zoo.names("networks")
    with pytest.raises(KeyError, match="unknown kind 'picture'"):
        zoo.add("x.json", "picture")


def test_the_manifest_has_a_line_for_each_row():
    listing = {"repository": "r", "files": {}, "records": {"a": {"n": [1, 2]}, "b": {"n": None}}}
    text = zoo._text(listing)
    assert json.loads(text) == listing
    assert len(text.splitlines()) == 10 and '  "a": {"n": [1, 2]},' in text.splitlines()
