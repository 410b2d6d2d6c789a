"""What the lab page reads: networks, their graphs, and pictures to start from.

    python -m book.lab FOLDER

No picture is a photograph that may not be shown: the only face beside the portrait is a sample of a network
that was trained on many.
"""

from __future__ import annotations

import base64
import json
from pathlib import Path

import torch
from torch import Tensor

from book.lab import draws, graphs
from gahr import images, zoo
from gahr._files import write_atomically

__all__ = ["NETWORKS", "pictures", "write"]

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
        What `book.lab.graphs.write` writes; ``pictures.json``: the portrait, a face and some held-out
        clothes, as 8-bit pixels in base64, with their sides; ``clothes-a.bin`` and ``clothes-b.bin``: the
        first 1,000 training images of half A and the *last* 1,000 of half B, 8-bit, 32x32, one after the
        other. So each holds the half's smaller sets, A's at its beginning and B's at its end.
    """
    folder = Path(folder)
    written = graphs.write([name for name in NETWORKS if name in zoo.names()], folder)
    rows = {
        name: {"size": x.shape[-1], "pixels": base64.b64encode(_bytes(x)).decode()}
        for name, x in pictures().items()
    }
    files = {"pictures.json": (json.dumps(rows) + "\n").encode()}
    files |= {f"clothes-{half}.bin": _bytes(images.load("fashion32", TRAINING, half)) for half in "ab"}
    return written + [
        write_atomically(folder / name, lambda temporary, content=content: temporary.write_bytes(content))
        for name, content in files.items()
    ]


def pictures() -> dict[str, Tensor]:
    """Pictures to start from, ``(1, 1, H, W)``, rounded to 8 bits as the page gets them."""
    clothes = images.load("fashion32", PICTURES, "held-out")
    f = zoo.load("faces40-unet16-n13000-a")
    face = draws.climb(f, 40, [0], draws.mean("faces40")).x.clamp(0, 1)
    shown = {"portrait": images.portrait(), "face": face}
    shown |= {f"clothes-{k + 1}": clothes[k : k + 1] for k in range(PICTURES)}
    return {name: (x * 255).round() / 255 for name, x in shown.items()}


def _bytes(x: Tensor) -> bytes:
    return (x * 255).round().clamp(0, 255).to(torch.uint8).numpy().tobytes()
