"""Networks as ONNX graphs, which a browser can run: a small graph, and the weights left where they are.

A graph names its weights by their place in a network's ``.safetensors`` file, which ONNX calls external
data. So one graph serves every network of an architecture, and what a browser runs is, to the bit, the
file that the chapters read.
"""

from __future__ import annotations

import json
import math
import re
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from book.lab import draws
from book.lab.nodes import WEIGHTS, Graph, steps
from gahr._checks import check_known
from gahr._files import fetch, write_atomically

if TYPE_CHECKING:
    import onnx

__all__ = ["KINDS", "WEIGHTS", "graph", "write"]

KINDS = ("denoise", "products")
"""What a graph computes: the estimate of ``y``, or ``J v`` and ``J^T v`` at ``y`` for many ``v``."""

OPSET = 17


def graph(path: str | Path, kind: str) -> onnx.ModelProto:
    """The ONNX graph of a stored network, which refers to that file for its weights.

    Parameters
    ----------
    path
        A network's ``.safetensors`` file.
    kind
        ``"denoise"``: from ``y``, ``(B, C, H, W)``, the clean ``estimate``. ``"products"``: from ``y``,
        ``(1, C, H, W)``, and directions ``v``, ``(n, C, H, W)``, what the Jacobian at ``y`` makes of
        them and its transpose: ``there`` is ``J v``, ``back`` is ``J^T v``. Exact, by frozen gates.

    Raises
    ------
    ValueError
        If the kind is not one of `KINDS`, or the file is not that of a network.

    Notes
    -----
    ONNX opset 17. Weights stored in float16 are widened, and gains multiplied in, when the graph is loaded.
    """
    from onnx import TensorProto, helper

    from gahr import zoo

    check_known(kind, KINDS, "kind of graph")
    network = zoo.load(str(path)).network
    header, start = _header(Path(path))
    made, plan, sides = Graph(header, start), steps(network), ["height", "width"]

    def image(name: str, count: str | int) -> onnx.ValueInfoProto:
        return helper.make_tensor_value_info(name, TensorProto.FLOAT, [count, network.image_channels, *sides])

    noise, gates = made.forward("y", plan)
    if kind == "denoise":
        made.add("Sub", "y", noise, name="estimate")
        inputs, outputs = [image("y", "images")], [image("estimate", "images")]
    else:
        made.add("Sub", "v", made.forward("v", plan, gates)[0], name="there")
        made.add("Sub", "v", made.transposed("v", plan, gates), name="back")
        inputs = [image("y", 1), image("v", "directions")]
        outputs = [image(name, "directions") for name in ("there", "back")]
    needed = _needed(made.nodes, {o.name for o in outputs})
    read = {name for node in needed for name in node.input}
    return helper.make_model(
        helper.make_graph(
            needed, kind, inputs, outputs, [t for name, t in made.stored.items() if name in read]
        ),
        opset_imports=[helper.make_opsetid("", OPSET)],
        ir_version=8,
        producer_name="gahr",
    )


def _needed(nodes: list, outputs: set[str]) -> list:
    """Nodes on which an output depends."""
    kept, wanted = [], set(outputs)
    for node in reversed(nodes):
        if wanted & set(node.output):
            kept.append(node)
            wanted |= set(node.input)
    return kept[::-1]


def _header(path: Path) -> tuple[dict, int]:
    """What a safetensors file says of its tensors, and where they begin."""
    with path.open("rb") as file:
        size = int.from_bytes(file.read(8), "little")
        header = json.loads(file.read(size))
    header.pop("__metadata__", None)
    if size + 8 + max(entry["data_offsets"][1] for entry in header.values()) != path.stat().st_size:
        raise ValueError(f"{path.name} is cut short or too long.")
    if any(math.prod(entry["shape"]) == 0 for entry in header.values()):
        raise ValueError(f"{path.name} holds empty tensors.")
    return header, size + 8


def write(names: Sequence[str], folder: str | Path) -> list[Path]:
    """Write both graphs for each architecture among networks, and copy the networks beside them.

    Parameters
    ----------
    names
        Networks, as `gahr.zoo.names` lists them.
    folder
        Is made if need be.

    Returns
    -------
    written
        The files: the graphs, the networks, and ``networks.json``, which says for each network its
        graph, the side of its images, what it was trained on, how many of them (``null``: fresh
        ones at every step), and the mean intensity at which its samples begin.
    """
    from gahr import zoo

    folder = Path(folder)
    files, layouts, index = {}, [], {}
    for name in names:
        source = fetch(f"networks/{name}.safetensors")
        recipe, layout = zoo.describe(name)["recipe"], _header(source)
        if layout not in layouts:
            layouts.append(layout)
            for kind in KINDS:
                files[f"graph{len(layouts)}-{kind}.onnx"] = graph(source, kind).SerializeToString()
        files[source.name] = source.read_bytes()
        index[name] = {
            "graph": f"graph{1 + layouts.index(layout)}",
            "size": int(re.match(r"[a-z]+(\d+)", recipe["images"])[1]),
            "images": recipe["images"],
            "n": recipe["n"],
            "mean": draws.mean(recipe["images"]),
        }
    files["networks.json"] = (json.dumps(index, indent=1) + "\n").encode()
    return [
        write_atomically(folder / name, lambda temporary, content=content: temporary.write_bytes(content))
        for name, content in files.items()
    ]
