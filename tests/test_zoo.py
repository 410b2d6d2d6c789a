"""The book's networks and results by name, and the manifest that vouches for them."""

import json
import shutil

import pytest
import torch

from gahr import _files, networks, zoo
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


def test_every_file_has_its_row_and_its_hash():
    assert zoo.verify() == []


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
            assert row["recipe"]["n"] > 0 and {"train", "held_out"} <= set(row["curves"])


def test_data_stay_within_thirty_megabytes():
    assert sum(row["bytes"] for row in _files.manifest()["files"].values()) < 30e6


def test_no_small_face_network_is_shipped():
    # trained on few faces a network can give its training faces back
    for name in zoo.names():
        recipe = zoo.describe(name)["recipe"]
        assert not recipe["images"].startswith("faces") or recipe["n"] >= 10_000, name


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
