"""Files of pictures as a viewer shows them, or a sentence that says why not. Pillow does the reading."""

from __future__ import annotations

import io
import tempfile
import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
import torch
from torch import Tensor

from gahr._checks import check_count, check_number

if TYPE_CHECKING:
    from PIL import Image

__all__ = ["ENDINGS", "TILES", "Unreadable", "files", "folder", "read_file", "settle", "tile"]

_KINDS = "apng avif bmp dib gif heic heif jfif jp2 jpe jpeg jpg mpo pgm png pnm ppm tif tiff webp"
ENDINGS = frozenset(f".{kind}" for kind in _KINDS.split())
"""What the names of pictures end with; other files are passed over."""

TILES = "gahr-tiles.json"
"""Name of the file that marks a folder of tiles."""

_REDUCED, _NEGATIVE = 254, 262  # TIFF: a page is a preview of another; its zero is white


class Unreadable(ValueError):
    """A file that looks like a picture and gives none; the message has its name and the reason."""


def files(root: str | Path) -> list[Path]:
    """Pictures in a folder and below it, at least one, sorted by their path; hidden ones are passed over.

    Raises
    ------
    FileNotFoundError
        If there is no such folder, or no picture in it.
    """
    root = Path(root).expanduser()

    def counts(file: Path) -> bool:
        parts = file.relative_to(root).parts
        hidden = any(part.startswith(".") or part == "__MACOSX" for part in parts)  # as macOS's ._x.png
        return file.suffix.lower() in ENDINGS and not hidden and file.is_file()

    found = sorted(filter(counts, root.rglob("*"))) if root.is_dir() else []
    if not found:
        raise FileNotFoundError(f"{root} is not a folder with pictures ({', '.join(sorted(ENDINGS))}).")
    return found


def folder(path: str | Path, size: int = 40, *, color: bool = False, skip: bool = False) -> Tensor:
    """Any folder of pictures and its subfolders: center squares, sorted by path, in [0, 1].

    ``(B, 1, size, size)``, or with ``color`` 3 channels, float32. See `read_file` for what becomes of a
    picture; none is enlarged. What looks like a picture and cannot be read, or is smaller than ``size``, is
    a `ValueError` that names it and counts the others; with ``skip`` it is left out, with a warning. A
    folder that does not exist or holds no picture is a `FileNotFoundError`.
    """
    parts, refused = [], []
    for file in files(path):
        try:
            parts.append(read_file(file, size, color=color))
        except Unreadable as error:
            refused.append(str(error))
    settle(refused, len(parts), skip, "skip=True leaves them out")
    return torch.cat(parts)


def settle(refused: list[str], read: int, skip: bool, advice: str) -> None:
    """Raise if files were refused, or warn if they may be skipped and others are left."""
    if not refused:
        return
    if skip and read:
        warnings.warn(f"{len(refused)} files were left out: " + "; ".join(refused), stacklevel=3)
        return
    more = f" So it is with {len(refused)} of {read + len(refused)} files; {advice}." if read else ""
    raise Unreadable(refused[0] + more)


def read_file(file: str | Path, size: int, *, color: bool = False) -> Tensor:
    """One file's picture, or all frames of an animation and all pages of a TIFF, as a viewer shows them.

    Turned as its EXIF entry says, transparent parts on white, palettes, CMYK, LAB and embedded color
    profiles turned to sRGB, 16 bits scaled to [0, 1]. Then the center square, gray (ITU-R 601) unless
    ``color``, shrunk to ``size`` by a bicubic filter that does not alias.

    Returns
    -------
    x
        ``(frames, 1, size, size)``, or 3 channels, float32 in [0, 1].

    Raises
    ------
    Unreadable
        If the file is damaged, no picture, smaller than ``size``, has more than 178 million pixels, or
        is of a kind of which nobody can say what white is (32 bits). It is a `ValueError`.
    """
    check_number(size, "size", 1)
    with _named(file):
        return torch.stack([_square(frame, size, color, file) for frame in _frames(Path(file))])


def tile(path: str | Path, to: str | Path, side: int) -> int:
    """Cut every picture of a folder and its subfolders into square tiles, each a PNG file.

    Tile k of ``PATH/day/1.tif`` becomes ``TO/day/1.tif/1_k.png``, counted row by row, frame after frame.
    A file `TILES` marks the folder: a split takes what belongs together from the pictures that were cut, so
    that tiles of one picture never part. Pictures are read as by `read_file`, but neither cut to a square
    nor shrunk nor made gray; 16 bits of gray stay 16. What is left at the right and the lower edge, less
    than a tile, is left out.

    Parameters
    ----------
    path, to
        Folder of the pictures; a folder that does not exist yet, outside of it. It is made whole or not
        at all.
    side
        Of a tile, in pixels.

    Returns
    -------
    count
        How many tiles were written.

    Raises
    ------
    FileExistsError
        If ``to`` exists.
    FileNotFoundError
        If there is no such folder, or no picture in it.
    OSError
        If ``to`` cannot be written.
    TypeError
        If ``path`` or ``to`` is no path.
    Unreadable
        If a file cannot be read or is smaller than a tile; the message names it.
    ValueError
        If ``to`` lies in ``path``, or ``path`` holds tiles already.
    """
    for name, value in (("path", path), ("to", to)):
        if not isinstance(value, (str, Path)):
            raise TypeError(f"{name} must be that of a folder; got {value!r:.80}.")
    side, target, root = check_count(side, "side", 1), Path(to).expanduser(), Path(path).expanduser()
    if target.exists():
        raise FileExistsError(f"{target} exists; tiles are written into a new folder.")
    if target.resolve().is_relative_to(root.resolve()):
        raise ValueError(f"{target} lies in {root}; tiles of its pictures would be taken for pictures.")
    found = files(root)
    if (root / TILES).exists():
        raise ValueError(f"{root} holds tiles already; cut the pictures that they come from.")
    try:
        made = tempfile.TemporaryDirectory(dir=target.parent)
    except OSError as error:
        raise OSError(f"{target} cannot be written ({error.strerror}).") from None
    with made:
        tiles = Path(made.name, "tiles")
        count = sum(_cut(file, tiles / file.relative_to(root), side) for file in found)
        (tiles / TILES).write_text(f'{{"side": {side}}}\n', encoding="utf-8")
        tiles.rename(target)
    return count


def _cut(file: Path, folder: Path, side: int) -> int:
    """Write a file's tiles into a folder of its own; how many there are."""
    from PIL import Image

    folder.mkdir(parents=True)
    count, frames = 0, _frames(file)
    while True:
        with _named(file):
            frame = next(frames, None)
            if frame is None and not count:
                raise Unreadable(f"{file} holds no picture.")
            if frame is None:
                return count
            frame.load()
            width, height = frame.size
            if min(width, height) < side:
                raise Unreadable(f"{file} has {width} x {height} pixels, fewer than a tile of side {side}.")
        if frame.mode == "F":
            frame = Image.fromarray((np.asarray(frame) * 257).round().astype(np.uint16))
        for top in range(0, height - side + 1, side):
            for left in range(0, width - side + 1, side):
                tile = frame.crop((left, top, left + side, top + side))
                tile.save(folder / f"{file.stem}_{count}.png", icc_profile=None)  # it is applied
                count += 1


@contextmanager
def _named(file: str | Path) -> Iterator[None]:
    """What goes wrong while a file is read names the file."""
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # what Pillow doubts and still reads, a viewer shows
            yield
    except Unreadable:
        raise
    except Exception as error:  # damaged bytes can make a reader fail in any way
        why = (str(error) or type(error).__name__).splitlines()[0]
        raise Unreadable(f"{file} cannot be read as a picture: {why}") from None


def _frames(file: Path) -> Iterator[Image.Image]:
    """What a file holds, one picture after the other, each of mode L, RGB, or F from 0 to 255."""
    from PIL import Image

    with Image.open(file) as image:
        alone = image.format == "MPO"  # a camera's further pictures are previews or the other eye's
        for k in range(1 if alone else getattr(image, "n_frames", 1)):
            image.seek(k)
            if image.format != "TIFF" or not image.tag_v2.get(_REDUCED, 0) & 1:
                yield _as_seen(image, file)


def _as_seen(image: Image.Image, file: Path) -> Image.Image:
    """One frame as a viewer shows it."""
    from PIL import Image, ImageOps

    form, profile = image.format, image.info.get("icc_profile")
    negative = form == "TIFF" and image.tag_v2.get(_NEGATIVE) == 0
    image = ImageOps.exif_transpose(image)
    if image.mode.startswith("I;16") or (image.mode == "I" and form == "PNG"):
        pixels = np.asarray(image).astype(np.float32) / 257
        return Image.fromarray(255 - pixels if negative else pixels)
    if image.mode in ("I", "F"):
        raise Unreadable(f"{file} has 32 bits a pixel, which do not say what white is; save it with 8 or 16.")
    if image.mode in ("RGBA", "LA", "PA", "La", "RGBa") or "transparency" in image.info:
        image = image.convert("RGBA")
        white = Image.new("RGBA", image.size, "white")
        image = Image.alpha_composite(white, image).convert("RGB")
    elif image.mode not in ("L", "RGB", "CMYK", "LAB"):
        image = image.convert("L" if image.mode == "1" else "RGB")
    return _to_srgb(image, profile)


def _to_srgb(image: Image.Image, profile: bytes | None) -> Image.Image:
    """Colors by their embedded profile, if it is a good one and not sRGB already."""
    from PIL import ImageCms

    srgb = ImageCms.createProfile("sRGB")
    if image.mode == "LAB":
        return ImageCms.profileToProfile(image, ImageCms.createProfile("LAB"), srgb, outputMode="RGB")
    if profile:
        try:
            source = ImageCms.ImageCmsProfile(io.BytesIO(profile))
            if "sRGB" not in ImageCms.getProfileDescription(source):
                return ImageCms.profileToProfile(image, source, srgb, outputMode="RGB")
        except (OSError, ImageCms.PyCMSError):
            pass  # viewers pass over a broken profile
    return image if image.mode in ("L", "RGB") else image.convert("RGB")


def _square(image: Image.Image, size: int, color: bool, file: str | Path) -> Tensor:
    """The center square, ``(C, size, size)`` in [0, 1]."""
    from PIL import Image

    side = min(image.size)
    if side < size:
        raise Unreadable(
            f"{file} is {image.width}x{image.height}, smaller than {size}x{size}, and nothing is enlarged: "
            f"choose a size of at most {side}."
        )
    if image.mode != "F":
        image = image.convert("RGB" if color else "L")
    left, top = (image.width - side) // 2, (image.height - side) // 2
    square = image.crop((left, top, left + side, top + side))
    pixels = np.array(square.resize((size, size), Image.Resampling.BICUBIC), np.float32)
    x = torch.from_numpy(pixels).div(255).clamp(0, 1)
    return x.permute(2, 0, 1) if x.ndim == 3 else x.expand(3 if color else 1, -1, -1)
