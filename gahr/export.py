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

import numpy as np
from torch import nn

from gahr._checks import check_known
from gahr._files import fetch, write_atomically
from gahr.networks import BFCNN, BiasFreeNorm, UNet

if TYPE_CHECKING:
    import onnx

__all__ = ["KINDS", "WEIGHTS", "graph", "write"]

KINDS = ("denoise", "products")
"""What a graph computes: the estimate of ``y``, or ``J v`` and ``J^T J v`` at ``y`` for many ``v``."""

WEIGHTS = "network.safetensors"
"""The name under which a graph asks for its weights."""

Step = tuple[str, ...]
OPSET = 17


def steps(network: UNet | BFCNN) -> list[Step]:
    """A network as a list of steps that keep a stack: what is pushed on it is used at the same scale.

    Steps are ``("conv", weight, norm or "")``, ``("relu",)``, ``("push",)``, ``("pool",)``,
    ``("up", weight)`` and ``("cat",)``, with the names of the state dict.
    """
    if isinstance(network, BFCNN):
        made: list[Step] = [("conv", "conv_layers.0.weight", "")]
        made += [] if network.first_layer_linear else [("relu",)]
        for i in range(1, network.layers - 1):
            made += [("conv", f"conv_layers.{i}.weight", f"BN_layers.{i - 1}"), ("relu",)]
        return [*made, ("conv", f"conv_layers.{network.layers - 1}.weight", "")]
    if not isinstance(network, UNet):
        raise ValueError(f"only UNet and BFCNN can be exported; got {type(network).__name__}.")
    made = []
    for b in range(network.blocks):
        made += [*_sequence(f"encoder.{b}", network.encoder[str(b)]), ("push",), ("pool",)]
    made += _sequence("mid_block", network.mid_block)
    for b in reversed(range(network.blocks)):
        made += [("up", f"upsample.{b}.weight"), ("cat",), *_sequence(f"decoder.{b}", network.decoder[str(b)])]
    return made


def _sequence(prefix: str, layers: nn.Sequential) -> list[Step]:
    made: list[Step] = []
    for i, layer in enumerate(layers):
        if isinstance(layer, nn.Conv2d):
            made.append(("conv", f"{prefix}.{i}.weight", ""))
        elif isinstance(layer, BiasFreeNorm):  # a gain for each channel, folded into the convolution
            made[-1] = (*made[-1][:2], f"{prefix}.{i}")
        else:
            made.append(("relu",))
    return made


class _Graph:
    """Nodes in the order of computation; every method adds some and returns the last one's name."""

    def __init__(self, header: dict, start: int) -> None:
        from onnx import helper

        self.helper, self.header, self.start = helper, header, start
        self.nodes: list = []
        self.stored: dict[str, onnx.TensorProto] = {}
        self.known: dict[tuple, str] = {}

    def add(self, kind: str, *inputs: str, name: str = "", outputs: int = 1, **attributes: object) -> str:
        names = [name or f"{kind.lower()}{len(self.nodes)}"]
        names += [f"{names[0]}_{k}" for k in range(1, outputs)]
        self.nodes.append(self.helper.make_node(kind, list(inputs), names, **attributes))
        return names[0]

    def constant(self, values: Sequence, kind: type = np.int64) -> str:
        from onnx import numpy_helper

        array = np.array(values, kind)
        name = f"constant_{array.dtype}_" + "_".join(map(str, array.ravel().tolist()))
        self.stored.setdefault(name, numpy_helper.from_array(array, name))
        return name

    def outside(self, key: str) -> str:
        """A tensor of the network's file, in float32."""
        from onnx import TensorProto

        if key not in self.stored:
            entry = self.header[key]
            first, last = entry["data_offsets"]
            tensor = TensorProto(name=key, dims=entry["shape"], data_location=TensorProto.EXTERNAL)
            tensor.data_type = {"F16": TensorProto.FLOAT16, "F32": TensorProto.FLOAT}[entry["dtype"]]
            place = {"location": WEIGHTS, "offset": self.start + first, "length": last - first}
            for word, value in place.items():
                tensor.external_data.add(key=word, value=str(value))
            self.stored[key] = tensor
        if self.header[key]["dtype"] == "F32":
            return key
        return self.add("Cast", key, to=TensorProto.FLOAT)

    def weight(self, key: str, norm: str = "", adjoint: bool = False) -> str:
        """A convolution's weight times the gains of its normalization; transposed and flipped: its adjoint."""
        asked = (key, adjoint)
        if asked not in self.known:
            if adjoint:
                swapped = self.add("Transpose", self.weight(key, norm), perm=[1, 0, 2, 3])
                ends = [self.constant([value] * 2) for value in (-1, -(2**31))]
                axes, back = self.constant([2, 3]), self.constant([-1, -1])
                self.known[asked] = self.add("Slice", swapped, *ends, axes, back)
            else:
                found = self.outside(key)
                if norm:
                    gain = self.add("Div", *(self.outside(f"{norm}.{part}") for part in ("gammas", "running_sd")))
                    found = self.add("Mul", found, self.add("Transpose", gain, perm=[1, 0, 2, 3]))
                self.known[asked] = found
        return self.known[asked]

    def forward(self, x: str, plan: list[Step], gates: list[str] | None = None) -> tuple[str, list[str]]:
        """The network at ``x``; with ``gates``, what it does to directions while they are held fixed.

        Also returns the gates at ``x``, one for each ReLU.
        """
        from onnx import TensorProto

        stack, seen, given = [], [], iter(gates or [])
        for step in plan:
            if step[0] == "conv":
                x = self.add("Conv", x, self.weight(*step[1:]), kernel_shape=[3, 3], pads=[1] * 4)
            elif step[0] == "relu" and gates is not None:
                x = self.add("Mul", x, next(given))
            elif step[0] == "relu":
                open_ = self.add("Greater", x, self.constant([0], np.float32))
                seen.append(self.add("Cast", open_, to=TensorProto.FLOAT))
                x = self.add("Relu", x)
            elif step[0] == "push":
                stack.append(x)
            elif step[0] == "pool":
                x = self.add("AveragePool", x, kernel_shape=[2, 2], strides=[2, 2])
            elif step[0] == "up":
                x = self.add("ConvTranspose", x, self.weight(step[1]), kernel_shape=[2, 2], strides=[2, 2])
            else:
                x = self.add("Concat", x, stack.pop(), axis=1)
        return x, seen

    def transposed(self, u: str, plan: list[Step], gates: list[str]) -> str:
        """The transpose of what `forward` does with ``gates``: every step's own, in reverse order."""
        stack, left = [], list(gates)
        for step in reversed(plan):
            if step[0] == "conv":
                u = self.add("Conv", u, self.weight(*step[1:], adjoint=True), kernel_shape=[3, 3], pads=[1] * 4)
            elif step[0] == "relu":
                u = self.add("Mul", u, left.pop())
            elif step[0] == "push":
                u = self.add("Add", u, stack.pop())
            elif step[0] == "pool":
                scales = self.constant([1, 1, 2, 2], np.float32)
                u = self.add("Resize", u, "", scales, mode="nearest", nearest_mode="floor",
                             coordinate_transformation_mode="asymmetric")  # fmt: skip
                u = self.add("Mul", u, self.constant([0.25], np.float32))
            elif step[0] == "up":
                u = self.add("Conv", u, self.weight(step[1]), kernel_shape=[2, 2], strides=[2, 2])
            else:
                u = self.add("Split", u, axis=1, outputs=2)
                stack.append(f"{u}_1")
        return u


def graph(path: str | Path, kind: str) -> onnx.ModelProto:
    """The ONNX graph of a stored network, which refers to that file for its weights.

    Parameters
    ----------
    path
        A network's ``.safetensors`` file.
    kind
        ``"denoise"``: from ``y``, ``(B, C, H, W)``, the clean ``estimate``. ``"products"``: from ``y``,
        ``(1, C, H, W)``, and directions ``v``, ``(n, C, H, W)``, what the Jacobian at ``y`` makes of
        them: ``there`` is ``J v``, ``back`` is ``J^T J v``. Exact, by frozen gates.

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
    made, plan, sides = _Graph(header, start), steps(network), ["height", "width"]

    def image(name: str, count: str | int) -> onnx.ValueInfoProto:
        return helper.make_tensor_value_info(
            name, TensorProto.FLOAT, [count, network.image_channels, *sides]
        )

    noise, gates = made.forward("y", plan)
    if kind == "denoise":
        made.add("Sub", "y", noise, name="estimate")
        inputs, outputs = [image("y", "images")], [image("estimate", "images")]
    else:
        made.add("Sub", "v", made.forward("v", plan, gates)[0], name="there")
        made.add("Sub", "there", made.transposed("there", plan, gates), name="back")
        inputs = [image("y", 1), image("v", "directions")]
        outputs = [image(name, "directions") for name in ("there", "back")]
    needed = _needed(made.nodes, {o.name for o in outputs})
    read = {name for node in needed for name in node.input}
    return helper.make_model(
        helper.make_graph(needed, kind, inputs, outputs, [t for name, t in made.stored.items() if name in read]),
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
        graph, the side of its images, what it was trained on, and how many of them (``null``: fresh
        ones at every step).
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
        }
    files["networks.json"] = (json.dumps(index, indent=1) + "\n").encode()
    return [
        write_atomically(folder / name, lambda temporary, content=content: temporary.write_bytes(content))
        for name, content in files.items()
    ]
