"""What the lab page reads: networks, their graphs, and pictures to start from.

    python -m book.lab FOLDER

Nothing here is computed by a network, and no picture is a photograph that may not be shown.
"""

from __future__ import annotations

import base64
import json
from pathlib import Path

import torch
from torch import Tensor

from book.lab import graphs
from gahr import images, zoo
from gahr._files import write_atomically

__all__ = ["NETWORKS", "write"]

SIZES = (1, 10, 100, 1000, 10000, 14000)
NETWORKS = (
    *(f"fashion32-unet16-n{n}-{half}" for n in SIZES for half in "ab"),
    *(f"faces40-unet16-n13000-{half}" for half in "ab"),
    *(f"calpha40a{alpha}-unet16-fresh-a" for alpha in range(1, 6)),
    "discs40-unet16-fresh-a",
)
"""The networks of the lab."""

PICTURES, TRAINING = 12, 1000


def write(folder: str | Path) -> list[Path]:
    """Write everything the lab page reads into one folder.

    Parameters
    ----------
    folder
        Is made if need be; the page looks in ``_static/lab/networks``.

    Returns
    -------
    written
        What `book.lab.graphs.write` writes; ``pictures.json``: the portrait and some held-out clothes, as
        8-bit pixels in base64, with their sides; ``clothes-a.bin`` and ``clothes-b.bin``: the first
        1,000 training images of each half, 8-bit, 32x32, one after the other.
    """
    folder = Path(folder)
    written = graphs.write([name for name in NETWORKS if name in zoo.names()], folder)
    clothes = images.load("fashion32", PICTURES, "held-out")
    shown = {"portrait": images.portrait()}
    shown |= {f"clothes-{k + 1}": clothes[k : k + 1] for k in range(PICTURES)}
    rows = {
        name: {"size": x.shape[-1], "pixels": base64.b64encode(_bytes(x)).decode()}
        for name, x in shown.items()
    }
    files = {"pictures.json": (json.dumps(rows) + "\n").encode()}
    files |= {f"clothes-{half}.bin": _bytes(images.load("fashion32", TRAINING, half)) for half in "ab"}
    return written + [
        write_atomically(folder / name, lambda temporary, content=content: temporary.write_bytes(content))
        for name, content in files.items()
    ]


def _bytes(x: Tensor) -> bytes:
    return (x * 255).round().clamp(0, 255).to(torch.uint8).numpy().tobytes()
