"""A network as an ONNX graph computes what torch computes, from the very same file."""

import json
import shutil

import pytest
import torch

from book.lab import export as lab
from book.lab import graphs, nodes
from gahr import denoisers, jacobian, networks, zoo
from gahr._files import fetch
from gahr.images import synthetic
from gahr.training import shelf

onnxruntime = pytest.importorskip("onnxruntime", reason="onnxruntime is not installed")

NAMES = ("fashion32-unet16-n14000-a", "faces20-bfcnn32-n13000-a", "faces10-unet16-n13000-a")


def stored(name):
    return fetch(f"networks/{name}.safetensors")


def session(path, kind, folder):
    """The graph, in a folder that holds the weights under the name that it asks for."""
    shutil.copy(path, folder / graphs.WEIGHTS)
    target = folder / f"{kind}.onnx"
    target.write_bytes(graphs.graph(path, kind).SerializeToString())
    return onnxruntime.InferenceSession(str(target), providers=["CPUExecutionProvider"])


@pytest.mark.parametrize("name", NAMES)
@pytest.mark.parametrize("size", [24, 40])  # none of these networks was trained on images of this size
def test_the_estimate_is_that_of_torch(name, size, tmp_path):
    y = denoisers.add_noise(synthetic.c_alpha(3, size, seed=1), 0.2)
    (ours,) = session(stored(name), "denoise", tmp_path).run(None, {"y": y.numpy()})
    assert torch.from_numpy(ours).allclose(zoo.load(name)(y), atol=3e-6)


@pytest.mark.parametrize("name", NAMES)
def test_products_are_those_of_the_jacobian_and_its_transpose(name, tmp_path):
    f, y = zoo.load(name), denoisers.add_noise(synthetic.c_alpha(1, 24, seed=1), 0.2)
    v = torch.randn(5, 24 * 24, generator=torch.Generator().manual_seed(0))
    J = jacobian.linearize(f, y)
    there, back = session(stored(name), "products", tmp_path).run(
        ["there", "back"], {"y": y.numpy(), "v": v.view(5, 1, 24, 24).numpy()}
    )
    assert torch.from_numpy(there).flatten(1).allclose(J.jvp(v), atol=1e-5)
    assert torch.from_numpy(back).flatten(1).allclose(J.vjp(v), atol=1e-5)


def test_a_first_layer_with_a_relu_is_kept(tmp_path):
    torch.manual_seed(0)
    f = denoisers.Blind(networks.BFCNN(4, 4, first_layer_linear=False).eval())
    path = shelf.save(f, tmp_path / "small.safetensors")
    y = torch.randn(2, 1, 9, 7)
    (ours,) = session(path, "denoise", tmp_path).run(None, {"y": y.numpy()})
    assert torch.from_numpy(ours).allclose(f(y), atol=1e-6)


def test_a_graph_is_small_and_serves_every_network_of_its_architecture(tmp_path):
    a, b = "fashion32-unet16-n10-a", "faces40-unet16-n13000-b"
    first, second = (graphs.graph(stored(name), "products").SerializeToString() for name in (a, b))
    assert first == second
    assert len(first) < 30_000 < stored(a).stat().st_size / 10


def test_bad_files_and_kinds_are_refused(tmp_path):
    with pytest.raises(KeyError, match="kind of graph"):
        graphs.graph(stored(NAMES[0]), "train")
    short = tmp_path / "short.safetensors"
    short.write_bytes(stored(NAMES[0]).read_bytes()[:-100])
    with pytest.raises(ValueError, match="safetensors"):
        graphs.graph(short, "denoise")
    with pytest.raises(ValueError, match="only UNet and BFCNN"):
        nodes.steps(torch.nn.Identity())


def test_the_lab_gets_all_that_it_asks_for(tmp_path):
    lab.write(tmp_path)
    index = json.loads((tmp_path / "networks.json").read_text())
    assert list(index) == list(lab.NETWORKS)
    assert {row["graph"] for row in index.values()} == {"graph1"}
    assert {name: row["size"] for name, row in index.items()}["faces40-unet16-n13000-a"] == 40
    for name in index:
        assert (tmp_path / f"{name}.safetensors").read_bytes() == stored(name).read_bytes()
    pictures = json.loads((tmp_path / "pictures.json").read_text())
    assert len(pictures) == 2 + lab.PICTURES  # the portrait and a face that a network drew
    assert (tmp_path / "clothes-a.bin").stat().st_size == 1000 * 32 * 32


def test_nothing_that_may_not_be_shown_goes_to_the_lab():
    faces = [zoo.describe(name)["recipe"] for name in lab.NETWORKS if name.startswith("faces")]
    assert all(recipe["n"] >= 10_000 for recipe in faces)
