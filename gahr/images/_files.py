"""Where photographs are found on this machine: the files behind `gahr.images.photographs`."""

from __future__ import annotations

import gzip
import hashlib
import io
import zipfile
from collections.abc import Iterator
from pathlib import Path

import numpy as np

from gahr import _files

__all__ = ["face_pixels", "fashion_pixels"]

_FASHION_URL = "https://github.com/zalandoresearch/fashion-mnist/raw/b2617bb6d3ffa2e429640350f613e3291e10b141/data/fashion/"
# file: (MD5 as published by its authors, SHA-256 of what is inside)
_FASHION_FILES = {
    "train-images-idx3-ubyte.gz": (
        "8d4fb7e6c68d591d4c3dfef9ec88bf0d",
        "c59f468a2f672dc815687fe0f83887768d799fd8a3f3276145d20f83aa44d888",
    ),
    "t10k-images-idx3-ubyte.gz": (
        "bef4ecab320f06d8554ea6380940ec79",
        "5b4141f0afbad91edebe8549f8fcffe087ea10ca49f1dbef5c9a5cd8815ce37b",
    ),
}
_FASHION_PACKAGE = Path("/usr/share/datasets/fashion-mnist")


def fashion_pixels() -> np.ndarray:
    """All 70,000 Fashion-MNIST images, 8 bit, ``(70000, 28, 28)``: training files, then test files."""
    chosen = _files.chosen("GAHR_FASHION")
    folder = chosen or _FASHION_PACKAGE
    parts = []
    for file, (md5, content) in _FASHION_FILES.items():
        path = folder / file
        if not path.exists() and chosen:
            raise FileNotFoundError(f"GAHR_FASHION is {folder}, which has no {file}.")
        if not path.exists():
            path = _files.download(_FASHION_URL + file, f"md5:{md5}")
        try:
            with gzip.open(path) as stream:
                raw = stream.read()
        except (OSError, EOFError) as error:
            raise ValueError(f"{path} is not a complete gzip file ({error}); remove it.") from None
        if hashlib.sha256(raw).hexdigest() != content:
            raise ValueError(f"{path} does not hold Fashion-MNIST's images; remove it and try again.")
        parts.append(np.frombuffer(raw, np.uint8, offset=16).reshape(-1, 28, 28))
    return np.concatenate(parts)


def face_pixels(numbers: np.ndarray) -> np.ndarray:
    """CelebA faces by file number, 8 bit, ``(B, 40, 40)``, from the reader's own copy."""
    path = _files.chosen("GAHR_CELEBA")
    if path is None:
        raise FileNotFoundError(
            "faces40 needs a copy of CelebA, which may not be redistributed: set GAHR_CELEBA to the "
            "folder img_align_celeba, to its zip, or to an .npz with 'images' and 'ids'."
        )
    if path.suffix == ".npz":
        return _faces_of_npz(path, numbers)
    names = [f"{number:06d}.jpg" for number in numbers.tolist()]
    found = zip(names, _files_of(path, names), strict=True)
    return np.stack([_shrink_face(data, name) for name, data in found])


def _faces_of_npz(path: Path, numbers: np.ndarray) -> np.ndarray:
    """Faces from an archive of ``images`` (8 bit, 40x40) and ``ids``; other arrays are refused."""
    try:
        with np.load(path) as stored:
            pixels, ids = stored["images"], stored["ids"]
    except (ValueError, KeyError, EOFError, TypeError, zipfile.BadZipFile) as error:
        why = (str(error) or type(error).__name__).splitlines()[0].strip("'")
        raise ValueError(f"GAHR_CELEBA is {path}, no .npz with 'images' and 'ids': {why}") from None
    if pixels.dtype != np.uint8 or pixels.shape[1:] != (40, 40) or ids.shape != pixels.shape[:1]:
        raise ValueError(
            f"GAHR_CELEBA is {path}, whose images must be uint8 (B, 40, 40), with ids (B,); they are "
            f"{pixels.dtype} {pixels.shape} with ids {ids.shape}. The folder or zip of CelebA works as it is."
        )
    position = {number: i for i, number in enumerate(ids.tolist())}
    missing = [number for number in numbers.tolist() if number not in position]
    if missing:
        raise FileNotFoundError(f"{path} lacks {len(missing)} files, the first {missing[0]:06d}.jpg.")
    return pixels[[position[number] for number in numbers.tolist()]]


def _files_of(path: Path, names: list[str]) -> Iterator[bytes]:
    """Contents of the named files in a folder or zip, which may hold them one level down."""
    if path.suffix == ".zip":
        if not zipfile.is_zipfile(path):
            raise FileNotFoundError(f"GAHR_CELEBA is {path}, which is not there or not a complete zip.")
        with zipfile.ZipFile(path) as archive:
            inside = {Path(member).name: member for member in archive.namelist()}
            for name in names:
                if name not in inside:
                    raise FileNotFoundError(f"{path} holds no {name}; is it img_align_celeba.zip?")
                yield archive.read(inside[name])
        return
    below = path / "img_align_celeba"
    for name in names:
        file = (below if below.is_dir() else path) / name
        if not file.exists():
            raise FileNotFoundError(f"GAHR_CELEBA is {path}, which has no {name}.")
        yield file.read_bytes()


def _shrink_face(data: bytes, name: str) -> np.ndarray:
    """Crop an aligned 218x178 CelebA picture to 160x160 as the authors do; gray; 40x40; 8 bit."""
    from PIL import Image

    try:
        pixels = np.asarray(Image.open(io.BytesIO(data)).convert("RGB"), np.float32).mean(2)
    except OSError:
        raise ValueError(f"{name} cannot be read as a picture; copy it again.") from None
    if pixels.shape != (218, 178):
        size = "x".join(map(str, pixels.shape))
        raise ValueError(f"an aligned CelebA picture is 218x178; {name} is {size}.")
    small = Image.fromarray(pixels[29:-29, 9:-9]).resize((40, 40), Image.Resampling.BICUBIC)
    return np.asarray(small).round().clip(0, 255).astype(np.uint8)
