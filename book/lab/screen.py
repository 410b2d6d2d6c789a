"""``python -m book.lab.screen``: draw the first screen, and choose the seeds that the lab begins with.

Everything depends on networks that come with the book, and is drawn again when they change. ``facts.json``
says with which it was made; a test compares.
"""

from __future__ import annotations

import json
import sys
from pathlib import Path
from typing import NamedTuple

import numpy as np
import torch
from torch import Tensor

from book.lab import draws, landing, vectors
from gahr import denoisers, images, measures, zoo
from gahr._files import manifest, write_atomically, write_text

__all__ = ["FOLDER", "LOOPS", "Loop", "main", "used"]

ROOT = Path(__file__).resolve().parents[2]
FOLDER = ROOT / "_static" / "first"
SEEDS_FILE = ROOT / "_static" / "lab" / "shown.mjs"
PAGE = ROOT / "book" / "intro.md"

RANKS = (4, 20, 100)
FRAMES, LEVELS = 60, 32


class Loop(NamedTuple):
    """Two networks that draw from one noise."""

    images: str
    n: int
    like: str  # the loop whose seed it takes: its own, or that of more pictures
    label: str

    @property
    def names(self) -> tuple[str, str]:
        """The two networks."""
        return tuple(f"{self.images}-unet16-n{self.n}-{half}" for half in "ab")

    @property
    def size(self) -> int:
        """Side of the pictures."""
        return int(self.images[-2:])


LOOPS = {
    "faces": Loop("faces40", 13_000, "faces", "13,000 faces each"),
    "clothes": Loop("fashion32", 14_000, "clothes", "14,000 clothes each"),
    "few": Loop("fashion32", 10, "clothes", "10 clothes each"),
}
"""What the first screen shows. Few pictures are of clothes: networks that learned few faces by heart draw
photographs that may not be shown."""


# ------------------------------------------------------------------------------------------------
# Pictures


def gray(x: Tensor, sigma: float = 0.0, top: float = 1.0) -> np.ndarray:
    """A picture under noise as 8-bit gray, on a scale that shows both, in few levels.

    A network that learned pictures by heart draws them at any brightness: ``top`` becomes white as the noise
    goes. The lab does the same.
    """
    white = 1 + (min(max(top, 0.2), 1.0) - 1) * (1 - min(sigma, 1.0))
    share = (x.reshape(x.shape[-2:]) + 1.2 * sigma) / (white + 2.4 * sigma)
    return ((share.clamp(0, 1) * (LEVELS - 1)).round() * (255 / (LEVELS - 1))).round().byte().numpy()


def colored(vector: Tensor, size: int) -> np.ndarray:
    """A direction in the book's colours, orange, white and purple, ``(H, W, 3)``."""
    from matplotlib import colormaps

    share = (vector / vector.abs().max()).view(size, size).numpy() / 2 + 0.5
    return (colormaps["PuOr"](share)[..., :3] * 255).round().astype(np.uint8)


def beside(*pictures: np.ndarray, gap: int = 4) -> np.ndarray:
    """Pictures in a row, what is between them transparent, ``(H, W, 4)``."""
    parts = []
    for picture in pictures:
        rgb = picture if picture.ndim == 3 else np.repeat(picture[..., None], 3, axis=2)
        opaque = np.full((*rgb.shape[:2], 1), 255, np.uint8)
        parts += [np.concatenate([rgb, opaque], axis=2), np.zeros((len(rgb), gap, 4), np.uint8)]
    return np.concatenate(parts[:-1], axis=1)


def frames(a: draws.Way, b: draws.Way) -> list[np.ndarray]:
    """A, the noise that both start from, and B, from the start to the samples."""
    last = max(len(a.path), len(b.path)) - 1
    at = sorted({round(k) for k in np.linspace(0, last, FRAMES)})
    start = gray(a.path[0][0], 1.0)

    def shown(way: draws.Way, k: int) -> np.ndarray:
        k = min(k, len(way.path) - 1)
        return gray(way.path[k][0], 1.0 if k == 0 else float(way.sigma[k][0]), float(way.top[k][0]))

    return [beside(shown(a, k), start, shown(b, k)) for k in at]


def enlarged(picture: np.ndarray, times: int) -> np.ndarray:
    """Each pixel as a square of pixels."""
    return picture.repeat(times, axis=0).repeat(times, axis=1)


def save(name: str, pictures: list[np.ndarray], folder: Path) -> Path:
    """One picture as PNG, several as a loop that holds its first and its last."""
    from PIL import Image

    first, *rest = [Image.fromarray(picture) for picture in pictures]
    wait = [900, *[90] * (len(rest) - 1), 3000]
    more = (
        {"save_all": True, "append_images": rest, "duration": wait, "loop": 0, "lossless": True}
        if rest
        else {}
    )
    return write_atomically(folder / name, lambda file: first.save(file, optimize=True, **more))


# ------------------------------------------------------------------------------------------------
# What is drawn


def loops(folder: Path, seeds: int) -> dict:
    """Draw all loops; seed and similarity of each."""
    chosen, found = {}, {}
    for name, loop in LOOPS.items():
        if loop.like == name:
            chosen[name] = draws.story(loop.names, loop.size, loop.images, seeds)[0]
        seed, start = chosen[loop.like], draws.mean(loop.images)
        a, b = (draws.climb(zoo.load(each), loop.size, [seed], start) for each in loop.names)
        made = frames(a, b)
        save(f"{name}.webp", made, folder)
        save(f"{name}.png", made[-1:], folder)
        found[name] = {
            "label": loop.label,
            "size": loop.size,
            "seed": seed,
            "similarity": round(float(measures.similarity(a.x, b.x)), 3),
        }
        if name == "faces":
            both = [gray(way.x, top=float(way.x.max())) for way in (a, b)]
            save("part-2.png", [enlarged(beside(*both), 4)], folder)
    return found


def basis(folder: Path) -> dict:
    """Draw the portrait, what the network makes of it, and three directions; their factors."""
    f, x, sigma = zoo.load(vectors.FACES), images.portrait(), vectors.NOISE["portrait"]
    y = denoisers.add_noise(x, sigma)
    found = vectors.leading(f, y, max(RANKS))
    shown = {"noisy": gray(y), "estimate": gray(f(y))}
    for rank in RANKS:
        shown[f"direction-{rank}"] = colored(found.e[rank - 1] * (found.e[rank - 1] @ y.flatten()).sign(), 40)
    for name, picture in shown.items():
        save(f"{name}.png", [enlarged(picture, 4)], folder)
    split = np.concatenate([shown["noisy"][:, :20], shown["estimate"][:, 20:]], axis=1)
    save("part-1.png", [enlarged(beside(shown["noisy"], split), 4)], folder)
    save("part-3.png", [enlarged(beside(*(shown[f"direction-{rank}"] for rank in RANKS[1:])), 4)], folder)
    return {str(rank): round(float(found.lam[rank - 1]), 2) for rank in RANKS}


def social(folder: Path) -> None:
    """The picture that a shared link shows, 1200x630: the question, and the two faces with their noise."""
    import matplotlib.pyplot as plt
    from PIL import Image

    with Image.open(folder / "faces.png") as last:
        row = np.asarray(last)
    figure = plt.figure(figsize=(12, 6.3), dpi=100, facecolor="white")
    axes = figure.add_axes((0.06, 0.05, 0.88, 0.55))
    axes.imshow(row, interpolation="nearest")
    axes.set_axis_off()
    title = {"fontsize": 40, "fontweight": "bold", "color": "#0072B2"}
    figure.text(0.06, 0.86, "How diffusion models generalize", **title)
    figure.text(
        0.06,
        0.72,
        "Two networks, not one picture in common,\nthe same noise. Why the same face?",
        fontsize=25,
    )
    write_atomically(
        folder / "social.png",
        lambda file: figure.savefig(file, facecolor="white", metadata={"Software": None}),
    )
    plt.close(figure)


def used() -> dict[str, str]:
    """Hashes of the networks that are shown."""
    names = sorted({name for loop in LOOPS.values() for name in loop.names} | {vectors.FACES})
    return {name: manifest()["files"][f"networks/{name}.safetensors"]["sha256"] for name in names}


def main(seeds: int = draws.SEEDS, folder: Path = FOLDER) -> int:
    """Draw everything, and bring the landing page and the lab's seeds in step."""
    torch.manual_seed(0)
    facts = {"networks": used(), "among": seeds, "loops": loops(folder, seeds), "factors": basis(folder)}
    social(folder)
    text = landing.filled(PAGE.read_text("utf-8"), facts)
    shown = {name: row["seed"] for name, row in facts["loops"].items() if LOOPS[name].like == name}
    seeds_text = (
        "// Written by `python -m book.lab.screen`: the seeds that the lab and the first screen begin with.\n"
        f"export const SEEDS = {{ {', '.join(f'{name}: {seed}' for name, seed in shown.items())} }};\n"
    )
    listing = json.dumps(facts, indent=1) + "\n"
    for file, content in {PAGE: text, SEEDS_FILE: seeds_text, folder / "facts.json": listing}.items():
        write_text(file, content)
    return 0


if __name__ == "__main__":
    sys.exit(main())
