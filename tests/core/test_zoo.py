"""The book's networks and results by name, as its manifest tells of them."""

import hashlib
import json

import pytest
import safetensors.torch
import torch

from gahr import _files, measures, networks, zoo

# ------------------------------------------------------------------------------------------------
# The manifest of this checkout


def test_a_row_that_is_changed_does_not_change_the_manifest():
    name = zoo.names("record")[0]
    row = zoo.describe(name)
    before = row["curves"]["held_out"]["psnr"][0]
    row["curves"]["held_out"]["psnr"][0] = -1.0
    assert zoo.describe(name)["curves"]["held_out"]["psnr"][0] == before != -1.0


def test_a_ladder_is_sorted_and_of_one_half(monkeypatch):
    kinds = {"network": ["x-unet8-n1000-b", "x-unet8-n1000-a", "x-unet8-n20-a", "x-unet8-fresh-a"]}
    kinds["record"], kinds["run"] = ["x-unet8-n3-a", "x-unet8-n3-a-fp32", "x-unet16-n7-a"], ["x-unet8-n7-a"]
    monkeypatch.setattr(zoo, "names", lambda kind: kinds[kind])
    monkeypatch.setattr(zoo, "describe", lambda name: {"name": name})
    found = zoo.ladder("x-unet8")
    assert list(found.items()) == [(n, {"name": f"x-unet8-n{n}-a"}) for n in (3, 20, 1000)]
    assert list(zoo.ladder("x-unet8", "b")) == [1000]
    with pytest.raises(KeyError, match="x-unet16"):
        zoo.ladder("x-unet17")


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
        assert folder == _files.FOLDERS[row["kind"]] and rest.rpartition(".")[0] == row["name"]
        assert row["bytes"] == (_files.checkout() / file).stat().st_size
        if row["kind"] == "network":
            assert {"recipe", "seed", "provenance", "curves"} <= set(row), file
            check_curves(row)


def test_data_stay_within_thirty_megabytes():
    assert sum(row["bytes"] for row in _files.manifest()["files"].values()) < 60e6


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
    kernels = [w for w in f.parameters() if w.ndim == 4 and w.shape[-1] > 1]
    rounded = zoo.describe(name)["provenance"].get("weights", "float16") == "float16"
    assert all(torch.equal(w, w.half().float()) for w in kernels) == rounded
    assert not f.training and not any(p.requires_grad for p in f.parameters())


@pytest.mark.parametrize("name", zoo.names("result"))
def test_every_result_reads(name):
    assert zoo.result(name)


# ------------------------------------------------------------------------------------------------
# A checkout that was tampered with


@pytest.fixture
def copied(tmp_path, monkeypatch):
    """A data folder with one network and one result, written without the package's own means."""
    files = {}
    torch.manual_seed(0)
    state = networks.initialize(networks.UNet(2, 1), 0).state_dict()
    for kind, name, data in (
        ("network", "toy-unet2-n5-a.safetensors", safetensors.torch.save(state)),
        ("result", "curve.json", b'{"psnr": [20.5]}'),
    ):
        path = tmp_path / "data" / _files.FOLDERS[kind] / name
        path.parent.mkdir(parents=True)
        path.write_bytes(data)
        row = {"name": path.stem, "kind": kind, "sha256": hashlib.sha256(data).hexdigest()}
        files[f"{path.parent.name}/{name}"] = row | {"bytes": len(data)}
    text = json.dumps({"repository": "https://nowhere.invalid/r", "files": files})
    (tmp_path / "data" / "manifest.json").write_text(text)
    monkeypatch.setattr(_files, "checkout", lambda: tmp_path / "data")
    _files.forget_manifest()
    yield tmp_path / "data"
    _files.forget_manifest()


def test_names_and_rows_are_the_manifest_s(copied):
    assert zoo.names() == ["toy-unet2-n5-a"] and zoo.names("result") == ["curve"]
    assert zoo.names("record") == zoo.names("images") == []
    assert zoo.describe("curve")["bytes"] == 16 and zoo.result("curve") == {"psnr": [20.5]}
    state = safetensors.torch.load_file(copied / "networks" / "toy-unet2-n5-a.safetensors")
    found = zoo.load("toy-unet2-n5-a").network.state_dict()
    assert found.keys() == state.keys() and all(torch.equal(found[key], state[key]) for key in state)


def test_a_changed_result_is_not_read(copied):
    (copied / "results" / "curve.json").write_text('{"psnr": [99.0]}')
    with pytest.raises(ValueError, match="is corrupt or was changed"):
        zoo.result("curve")


def test_a_changed_network_is_not_loaded(copied):
    path = copied / "networks" / "toy-unet2-n5-a.safetensors"
    data = bytearray(path.read_bytes())
    data[-1] ^= 1
    path.write_bytes(data)
    with pytest.raises(ValueError, match="is corrupt or was changed"):
        zoo.load("toy-unet2-n5-a")


# ------------------------------------------------------------------------------------------------
# Loading


def test_files_that_are_no_network(tmp_path):
    path = tmp_path / "broken.safetensors"
    path.write_bytes(b"nothing like it")
    with pytest.raises(ValueError, match="broken.safetensors is not a safetensors file"):
        zoo.load(path)
    good = safetensors.torch.save(networks.UNet(2, 1).state_dict())
    path.write_bytes(good[:-100])
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
