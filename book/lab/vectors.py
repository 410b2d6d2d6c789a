"""Bases that come with the lab page: the directions in which a denoiser shrinks each of its pictures."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import torch
from torch import Tensor

from book.lab import draws, export
from gahr import bases, zoo
from gahr._files import manifest, write_atomically, write_text
from gahr.denoisers import Denoiser
from gahr.jacobian import linearize

__all__ = ["COUNT", "NOISE", "SEED", "leading", "packed", "write"]

COUNT = 150
"""Directions of each picture."""

NOISE = {"portrait": 0.15, "face": 0.15}
SEED = 0
"""Noise level (clothes: 0.2) and seed of the noisy pictures; what the page begins with."""

FACES, CLOTHES, MEMORIZING = (
    "faces40-unet16-n13000-a",
    "fashion32-unet16-n14000-a",
    "fashion32-unet16-n10-a",
)


def leading(f: Denoiser, y: Tensor, count: int = COUNT) -> bases.Leading:
    """Leading eigenvectors of the Jacobian's symmetric part at ``y``, ``(1, C, H, W)``."""
    J = linearize(f, y, chunk=200).matrix()
    basis = bases.symmetric(J, count, shape=tuple(y.shape[1:]))
    rest = basis.e @ (J + J.T) / 2 - basis.lam[:, None] * basis.e
    residual = rest.norm(dim=1) / basis.lam.abs().max()
    return bases.Leading(basis.lam, basis.e, basis.e, basis.shape, residual, len(J))


def packed(e: Tensor) -> bytes:
    """Rows as 8-bit numbers with a sign, the largest at 127; the page makes them of length 1 again."""
    return (e * (127 / e.abs().amax(1, keepdim=True))).round().to(torch.int8).numpy().tobytes()


def write(folder: str | Path, count: int = COUNT) -> bool:
    """Write ``bases.json``, and ``basis-PICTURE.bin`` for each picture, unless they are there.

    Parameters
    ----------
    folder
        Is made if need be.
    count
        Directions of each picture.

    Returns
    -------
    written
        Whether something was.
    """
    folder = Path(folder)
    listing, made = folder / "bases.json", _made(count)
    if listing.exists() and json.loads(listing.read_text("utf-8")).get("made") == made:
        return False
    rows = {}
    for name, row, content in _rows(count):
        rows[name] = row
        write_atomically(
            folder / f"basis-{name}.bin", lambda file, content=content: file.write_bytes(content)
        )
    text = json.dumps({"made": made, "seed": SEED, "pictures": rows}) + "\n"
    write_text(listing, text)
    return True


def _rows(count: int) -> Iterator[tuple[str, dict, bytes]]:
    for name, x in export.pictures().items():
        network, others = (FACES, []) if name in NOISE else (CLOTHES, [MEMORIZING])
        sigma = NOISE.get(name, 0.2)
        y = x + sigma * draws.noise(x.numel(), SEED + 1000).view_as(x)  # the page's noise of that seed
        basis = leading(zoo.load(network), y, count)
        beside = {other: leading(zoo.load(other), y, count).lam for other in others}
        row = {
            "network": network,
            "noise": sigma,
            "lam": _short(basis.lam),
            "residual": _short(basis.residual),
            "others": {other: _short(lam) for other, lam in beside.items()},
        }
        yield name, row, packed(basis.e)


def _short(values: Tensor) -> list[float]:
    return [float(f"{value:.5g}") for value in np.asarray(values).tolist()]


def _made(count: int) -> str:
    """What the bases depend on, as a hash: noise, pictures and networks, and how many there are."""
    files = manifest()["files"]
    parts = [json.dumps([count, NOISE, SEED, export.PICTURES])]
    parts += [files[f"networks/{name}.safetensors"]["sha256"] for name in (FACES, CLOTHES, MEMORIZING)]
    return hashlib.sha256("\0".join(parts).encode()).hexdigest()
