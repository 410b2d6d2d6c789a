"""ONNX nodes for a bias-free network: what it computes, what its Jacobian makes of directions, and back."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

import numpy as np
from torch import nn

from gahr.networks import BFCNN, BiasFreeNorm, UNet

if TYPE_CHECKING:
    import onnx

WEIGHTS = "network.safetensors"
"""The name under which a graph asks for its weights."""

Step = tuple[str, ...]


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
        made += [
            ("up", f"upsample.{b}.weight"),
            ("cat",),
            *_sequence(f"decoder.{b}", network.decoder[str(b)]),
        ]
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


class Graph:
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
        """A convolution's weight times its normalization's gains; transposed and flipped for the adjoint."""
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
                    gain = self.add(
                        "Div", *(self.outside(f"{norm}.{part}") for part in ("gammas", "running_sd"))
                    )
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
                u = self.add(
                    "Conv", u, self.weight(*step[1:], adjoint=True), kernel_shape=[3, 3], pads=[1] * 4
                )
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
