"""Photographs as tensors, and the exact rule that cuts a class into two disjoint halves.

Two classes of photographs carry the book: clothes (Fashion-MNIST, free to show) and faces (CelebA,
which may not be redistributed, so only a reader who has it can load it). Generated classes, drawn
from a seed and never stored, are in `gahr.synthetic`.
"""

from __future__ import annotations

import gzip
import io
import os
import zipfile
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import torch
from torch import Tensor
from torch.nn import functional as F

from gahr import _files
from gahr._checks import check_images, check_known, check_number

__all__ = [
    "HELD_OUT",
    "capacity",
    "drop_near_duplicates",
    "folder",
    "portrait",
    "read",
    "split",
    "split_indices",
]

HELD_OUT = 2000
"""How many images of each class are kept out of both halves."""

_FASHION_URL = "https://github.com/zalandoresearch/fashion-mnist/raw/b2617bb6d3ffa2e429640350f613e3291e10b141/data/fashion/"
_FASHION_FILES = {
    "train-images-idx3-ubyte.gz": "sha256:3aede38d61863908ad78613f6a32ed271626dd12800ba2636569512369268a84",
    "t10k-images-idx3-ubyte.gz": "sha256:346e55b948d973a97e58d2351dde16a484bd415d4595297633bb08f03db6a073",
}
_FASHION_PACKAGE = Path("/usr/share/datasets/fashion-mnist")
CLASSES = ("fashion32", "faces40")


# ------------------------------------------------------------------------------------------------
# Near-duplicates and halves


def drop_near_duplicates(x: Tensor, threshold: float = 0.95, block: int = 2000) -> Tensor:
    """Indices of the images that stay once near-duplicates are removed, in their old order.

    An image goes if its correlation with an earlier image that stays exceeds ``threshold``, both
    reduced to 20x20 by averaging and their means removed. Images are compared in blocks, so memory
    grows with ``block`` times the number kept, never with its square.

    Parameters
    ----------
    x
        Images, ``(B, 1, H, W)``; 8-bit images are accepted too.
    threshold
        Correlation above which two images count as the same.
    block
        Images compared at once.

    Returns
    -------
    kept
        Increasing indices, int64.

    Notes
    -----
    Source: paper, appendix A.1 and the authors' code (same rule, without their N x N matrix).

    Examples
    --------
    >>> x = torch.rand(3, 1, 20, 20, generator=torch.Generator().manual_seed(0))
    >>> drop_near_duplicates(torch.cat([x, 0.5 * x[:1] + 0.1]))
    tensor([0, 1, 2])
    """
    check_number(threshold, "threshold", -1.0, 1.0)
    vectors = F.adaptive_avg_pool2d(x.float(), 20).flatten(1)
    vectors = vectors - vectors.mean(1, keepdim=True)
    vectors = F.normalize(vectors, dim=1)
    kept, seen = [], torch.empty(0, vectors.shape[1])
    for start in range(0, len(vectors), block):
        new = vectors[start : start + block]
        fresh = torch.ones(len(new), dtype=torch.bool)
        for chunk in seen.split(8192):
            fresh &= ~((new @ chunk.T) > threshold).any(1)
        candidates = fresh.nonzero()[:, 0]
        alike = (new[candidates] @ new[candidates].T) > threshold
        stays = torch.zeros(len(candidates), dtype=torch.bool)
        for i in range(len(candidates)):
            stays[i] = not (alike[i] & stays).any()
        seen = torch.cat([seen, new[candidates[stays]]])
        kept.append(candidates[stays] + start)
    return torch.cat(kept)


def _order(name: str) -> np.ndarray:
    """File numbers of a class in the book's fixed order, near-duplicates already gone."""
    check_known(name, CLASSES, "image class")
    with np.load(_files.fetch(f"images/{name}-order.npz")) as stored:
        return stored["order"]


def capacity(name: str) -> int:
    """Largest N for which a class has two disjoint training sets and the held-out images.

    Examples
    --------
    >>> capacity("faces40")
    13146
    """
    return (len(_order(name)) - HELD_OUT) // 2


def split_indices(name: str, n: int, half: str) -> np.ndarray:
    """File numbers of a training set or of the held-out images. This is the whole rule.

    The class is put in a fixed shuffled order (stored in ``data/images/``) without near-duplicates.
    The first 2,000 are held out. Half ``"a"`` is the next ``n``; half ``"b"`` is the last ``n``.
    So small sets are nested in large ones, and A and B never meet.

    Parameters
    ----------
    name
        ``"fashion32"`` or ``"faces40"``.
    n
        Training-set size, or how many held-out images.
    half
        ``"a"``, ``"b"`` or ``"held-out"``.

    Raises
    ------
    KeyError
        If the class or the half is unknown; the message names the nearest.
    ValueError
        If ``n`` is larger than the half.
    """
    order = _order(name)
    check_known(half, ("a", "b", "held-out"), "half")
    limit = HELD_OUT if half == "held-out" else (len(order) - HELD_OUT) // 2
    if not 1 <= n <= limit:
        raise ValueError(f"{name}, {half}: n must be between 1 and {limit}; got {n}.")
    if half == "held-out":
        return order[:n]
    return order[HELD_OUT : HELD_OUT + n] if half == "a" else order[-n:]


def split(name: str, n: int, half: str) -> Tensor:
    """Images of a training set or of the held-out set, ``(n, 1, H, W)`` float32 in [0, 1].

    See `split_indices` for the rule and `read` for where the images come from.

    Raises
    ------
    FileNotFoundError
        If the class is not on this machine; the message says how to get it.
    """
    return read(name, split_indices(name, n, half))


# ------------------------------------------------------------------------------------------------
# Reading


def read(name: str, numbers: np.ndarray) -> Tensor:
    """Images of a class by file number, ``(B, 1, H, W)`` float32 in [0, 1].

    Fashion-MNIST is looked for in the stored subset first (no network needed), then in the folder
    ``GAHR_FASHION``, in Debian's ``dataset-fashion-mnist``, and last downloaded and verified.
    Faces are looked for in ``GAHR_CELEBA``: the folder ``img_align_celeba``, its zip, or an ``.npz``
    holding ``images`` (8-bit, 40x40) and ``ids``.
    """
    check_known(name, CLASSES, "image class")
    pixels = _fashion(numbers) if name == "fashion32" else _faces(numbers)
    x = torch.from_numpy(pixels)[:, None].float() / 255
    return F.pad(x, (2, 2, 2, 2)) if name == "fashion32" else x


def _fashion(numbers: np.ndarray) -> np.ndarray:
    with np.load(_files.fetch("images/fashion32-subset.npz")) as stored:
        position = {number: i for i, number in enumerate(stored["numbers"].tolist())}
        if all(number in position for number in numbers.tolist()):
            return stored["images"][[position[number] for number in numbers.tolist()]]
    return fashion_pixels()[numbers]


def fashion_pixels() -> np.ndarray:
    """All 70,000 Fashion-MNIST images, 8 bit, ``(70000, 28, 28)``: training files, then test files."""
    chosen = os.environ.get("GAHR_FASHION")
    folder_ = Path(chosen) if chosen else _FASHION_PACKAGE
    parts = []
    for file, known_hash in _FASHION_FILES.items():
        path = folder_ / file
        if not path.exists() and chosen:
            raise FileNotFoundError(f"GAHR_FASHION is {folder_}, which has no {file}.")
        if not path.exists():
            path = _files.download(_FASHION_URL + file, known_hash)
        with gzip.open(path) as stream:
            raw = np.frombuffer(stream.read(), np.uint8)
        if raw[:4].tolist() != [0, 0, 8, 3] or (raw.size - 16) % 784:
            raise ValueError(f"{path} is not an IDX file of 28x28 images; delete it and try again.")
        parts.append(raw[16:].reshape(-1, 28, 28))
    return np.concatenate(parts)


def _faces(numbers: np.ndarray) -> np.ndarray:
    chosen = os.environ.get("GAHR_CELEBA")
    if not chosen:
        raise FileNotFoundError(
            "faces40 needs a copy of CelebA, which may not be redistributed: set GAHR_CELEBA to the "
            "folder img_align_celeba, to its zip, or to an .npz with 'images' and 'ids'."
        )
    path = Path(chosen)
    if path.suffix == ".npz":
        with np.load(path) as stored:
            position = {number: i for i, number in enumerate(stored["ids"].tolist())}
            missing = [number for number in numbers.tolist() if number not in position]
            if missing:
                raise FileNotFoundError(f"{path} lacks {len(missing)} files, the first {missing[0]:06d}.jpg.")
            return stored["images"][[position[number] for number in numbers.tolist()]]
    names = [f"{number:06d}.jpg" for number in numbers.tolist()]
    return np.stack([_shrink_face(data) for data in _files_of(path, names)])


def _files_of(path: Path, names: list[str]) -> Iterator[bytes]:
    """Contents of the named files in a folder or zip, which may hold them one level down."""
    if path.suffix == ".zip":
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


def _shrink_face(data: bytes) -> np.ndarray:
    """Crop an aligned 218x178 CelebA picture to 160x160 as the authors do; gray; 40x40; 8 bit."""
    from PIL import Image

    pixels = np.asarray(Image.open(io.BytesIO(data)).convert("RGB"), np.float32).mean(2)
    if pixels.shape != (218, 178):
        raise ValueError(f"an aligned CelebA picture is 218x178; this one is {pixels.shape}.")
    small = Image.fromarray(pixels[29:-29, 9:-9]).resize((40, 40), Image.Resampling.BICUBIC)
    return np.asarray(small).round().clip(0, 255).astype(np.uint8)


def folder(path: str | Path, size: int = 40) -> Tensor:
    """Any folder of pictures: center square, gray, ``size`` x ``size``; sorted by file name.

    Returns ``(B, 1, size, size)`` float32 in [0, 1].

    Raises
    ------
    FileNotFoundError
        If the folder does not exist or holds no picture.
    ValueError
        If a file that looks like a picture cannot be read.
    """
    from PIL import Image

    endings = {".png", ".jpg", ".jpeg", ".bmp", ".tif", ".tiff", ".webp", ".gif"}
    root = Path(path)
    files = sorted(f for f in root.glob("*") if f.suffix.lower() in endings) if root.is_dir() else []
    if not files:
        raise FileNotFoundError(f"{root} is not a folder with pictures ({', '.join(sorted(endings))}).")
    pictures = []
    for file in files:
        try:
            with Image.open(file) as image:
                gray = image.convert("L")
        except OSError as error:
            raise ValueError(f"{file} cannot be read as a picture: {error}") from None
        side = min(gray.size)
        left, top = (gray.width - side) // 2, (gray.height - side) // 2
        square = gray.crop((left, top, left + side, top + side))
        pictures.append(np.asarray(square.resize((size, size), Image.Resampling.BICUBIC)))
    return torch.from_numpy(np.stack(pictures))[:, None].float() / 255


def portrait(size: int = 40) -> Tensor:
    """A public-domain face (NASA portrait of Eileen Collins, from scikit-image), ``(1, 1, 40, 40)``.

    Scaled so that the eyes lie where CelebA's alignment puts them. No network has seen it.
    """
    with np.load(_files.fetch("images/portrait.npz")) as stored:
        x = torch.from_numpy(stored["image"])[None, None].float() / 255
    return check_images(x if size == 40 else F.interpolate(x, size, mode="area"), "portrait")
