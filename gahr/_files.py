"""Where the book's data lie, in the checkout or fetched and verified; and pictures as text inside results."""

from __future__ import annotations

import base64
import contextlib
import errno
import functools
import glob
import hashlib
import json
import os
import subprocess
import tempfile
import zlib
from collections.abc import Callable, Iterator, Sequence
from importlib import metadata
from pathlib import Path

import torch
from torch import Tensor

from gahr._checks import check_images, check_known

try:
    import fcntl
except ImportError:  # Windows
    fcntl = None

_PACKAGE = Path(__file__).resolve().parent

FOLDERS = {"network": "networks", "result": "results", "images": "images"}
"""Where files of each kind lie under ``data/``."""


def checkout() -> Path | None:
    """The checkout's ``data/`` folder, or ``None`` where the package is installed without one."""
    data = _PACKAGE.parent / "data"
    return data if (data / "manifest.json").exists() else None


@functools.cache
def _manifest_text() -> str:
    data = checkout()
    path = data / "manifest.json" if data else _PACKAGE / "manifest.json"
    return path.read_text(encoding="utf-8")


_parsed = functools.lru_cache(maxsize=1)(json.loads)


def manifest() -> dict:
    """The manifest: ``repository`` and, under ``files``, one row for each data file.

    All callers share it: it is not to be changed.
    """
    return _parsed(_manifest_text())


def forget_manifest() -> None:
    """Read the manifest again when it is next asked for: it was changed, or lies elsewhere now."""
    _manifest_text.cache_clear()


def version() -> str:
    """Version of the installed package."""
    return metadata.version("gahr")


def commit() -> str:
    """Commit of the checkout this runs from, or the installed version."""
    ask = ["git", "describe", "--always", "--dirty", "--abbrev=12"]
    try:
        found = subprocess.run(ask, cwd=_PACKAGE, capture_output=True, text=True, check=True)
        return found.stdout.strip()
    except (OSError, subprocess.CalledProcessError):
        return f"gahr {version()}"


def chosen(variable: str) -> Path | None:
    """Path that the reader gives in an environment variable, ``~`` expanded; ``None`` if it is empty."""
    value = os.environ.get(variable)
    return Path(value).expanduser() if value else None


def cache() -> Path:
    """Folder for fetched files: ``GAHR_CACHE``, or the system's usual place."""
    import pooch

    return chosen("GAHR_CACHE") or Path(pooch.os_cache("gahr"))


def digest(path: Path, kind: str = "sha256") -> str:
    """Hexadecimal hash of a file: ``"sha256"``, ``"md5"``, or ``"git"`` (what ``git hash-object`` prints)."""
    start = b"blob %d\0" % path.stat().st_size if kind == "git" else b""
    begun = hashlib.new("sha1" if kind == "git" else kind, start, usedforsecurity=False)
    with open(path, "rb") as stream:
        return hashlib.file_digest(stream, lambda: begun).hexdigest()


def fetch(name: str) -> Path:
    """Path of a data file by its name under ``data/``, as ``"networks/NAME.safetensors"``, verified.

    The checkout's file is used where there is one; otherwise the file is downloaded from the release of
    the installed version into the cache. An unknown name is a `KeyError`, a file with another hash than
    the manifest's a `ValueError`, a failed download a `ConnectionError`.
    """
    listing = manifest()
    check_known(name, listing["files"], "data file")
    if Path(name).is_absolute() or ".." in Path(name).parts:
        raise ValueError(f"the manifest names {name}, which lies outside data/.")
    expected = listing["files"][name]["sha256"]
    data = checkout()
    if data is None or not (data / name).exists():
        url = f"{listing['repository']}/raw/v{version()}/data/{name}"
        return download(url, f"sha256:{expected}")
    found = digest(data / name)
    if found != expected:
        raise ValueError(
            f"data/{name} is corrupt or was changed: its SHA-256 is {found[:12]}..., the manifest "
            f"says {expected[:12]}.... Restore it with: git checkout -- data/{name}"
        )
    return data / name


def write_atomically(path: Path, write: Callable[[Path], object]) -> Path:
    """Let ``write`` fill a temporary file beside ``path``, then rename: all of it or nothing.

    An `OSError` (no rights, a full disk) leaves the old file, if any, untouched.
    """
    path.parent.mkdir(parents=True, exist_ok=True)
    handle, name = tempfile.mkstemp(dir=path.parent, prefix=f".{path.name}.", suffix=path.suffix)
    temporary = Path(name)
    with _held(handle):
        try:
            write(temporary)
            temporary.chmod(0o644)
            with open(temporary, "rb+") as stream:
                os.fsync(stream.fileno())  # or a power cut could leave the new name on an empty file
            temporary.replace(path)
        finally:
            temporary.unlink(missing_ok=True)
    return path


def write_text(path: Path, text: str) -> Path:
    """Write a text as `write_atomically` does."""
    return write_atomically(path, lambda temporary: temporary.write_text(text, encoding="utf-8"))


def rounded(value: object, digits: int) -> object:
    """What JSON can hold, measurements to some significant digits; whole numbers and settings as they are."""
    if isinstance(value, float):
        return float(f"{value:.{digits}g}")
    if isinstance(value, dict):
        return {key: rounded(item, digits) for key, item in value.items()}
    return [rounded(item, digits) for item in value] if isinstance(value, (list, tuple)) else value


@contextlib.contextmanager
def _held(handle: int) -> Iterator[None]:
    """Lock an open file until the end, whatever ends it; so `remove_abandoned` knows that it is in use."""
    try:
        if fcntl is None:  # where there are no locks, an open file cannot be renamed either
            os.close(handle)
            handle = -1
        else:
            with contextlib.suppress(OSError):  # a file system without locks
                fcntl.flock(handle, fcntl.LOCK_EX)
        yield
    finally:
        if handle >= 0:
            os.close(handle)


def remove_abandoned(path: Path) -> None:
    """Remove what killed processes left half-written beside ``path``; what another is writing stays."""
    for left in path.parent.glob(f".{glob.escape(path.name)}.*"):
        with contextlib.suppress(OSError), open(left, "rb") as stream:
            if fcntl is not None:
                fcntl.flock(stream, fcntl.LOCK_EX | fcntl.LOCK_NB)
                left.unlink()


def reserve(folder: Path, sizes: Sequence[int]) -> None:
    """Raise ``OSError`` unless files of these sizes can be in a folder at once; none is left there."""
    folder.mkdir(parents=True, exist_ok=True)
    with contextlib.ExitStack() as files:
        for size in sizes:
            stream = files.enter_context(tempfile.NamedTemporaryFile(dir=folder, prefix=".reserved."))
            try:
                os.posix_fallocate(stream.fileno(), 0, size)
            except (AttributeError, OSError) as error:  # not macOS, not every file system
                if getattr(error, "errno", None) not in (None, errno.EOPNOTSUPP, errno.EINVAL):
                    raise
                stream.write(bytes(size))
                stream.flush()


def download(
    url: str, known_hash: str, instead: str = "use a clone of the repository, which carries the book's data"
) -> Path:
    """Fetch a file into the cache and verify its hash; a cached file is verified each time.

    ``known_hash`` has its kind (see `digest`) and digits, as in ``"sha256:9f86..."``; ``instead`` tells a
    reader without a network what to do. A `ConnectionError` says that the address cannot be reached or the
    connection broke off; a `ValueError`, that what arrived has another hash: nothing is kept.
    """
    import pooch
    import requests

    kind, _, expected = known_hash.partition(":")
    path = cache() / f"{expected[:16]}-{url.rpartition('/')[2]}"
    if path.exists() and digest(path, kind) == expected:
        return path

    def arrive(temporary: Path) -> None:
        with requests.get(url, stream=True, timeout=60) as answer, open(temporary, "wb") as stream:
            answer.raise_for_status()
            for part in answer.iter_content(1 << 20):
                stream.write(part)
        if digest(temporary, kind) != expected:
            raise ValueError(
                f"what arrived from {url} has another hash than it should have "
                f"({kind}:{expected[:12]}...); nothing was kept."
            )

    pooch.get_logger().info("Downloading %s to %s.", url, path)
    remove_abandoned(path)
    try:
        return write_atomically(path, arrive)
    except requests.exceptions.RequestException as error:
        raise ConnectionError(f"could not fetch {url} ({_advice(error, instead)}") from error
    except OSError as error:
        if path.exists() and digest(path, kind) == expected:
            return path  # another process was faster
        raise OSError(
            f"{path.parent} cannot be written ({error.strerror or error}): let GAHR_CACHE name another one."
        ) from error


_STATUS = {
    403: "the server refuses; a proxy or a firewall may stand between",
    404: "there is no such file (this is version {version} of gahr: is it published there?)",
    407: "a proxy asks for a password: put it into HTTPS_PROXY",
    429: "the server is asked too often: wait some minutes and try again",
}


def _advice(error: Exception, instead: str) -> str:
    """What to do about a failed download, closing the bracket that the message opened."""
    import requests

    response = getattr(error, "response", None)
    if response is not None:
        code = response.status_code
        busy = "the server is out of order: try again later"
        known = _STATUS.get(code, busy if code >= 500 else "the server has another answer than the file")
        return f"HTTP status {code}): {known.format(version=version())}. Or {instead}."
    kind = type(error).__name__
    if isinstance(error, requests.exceptions.ProxyError):
        return f"{kind}): the proxy that HTTPS_PROXY names does not let it through. Or {instead}."
    if isinstance(error, requests.exceptions.SSLError):
        return f"{kind}): the connection is not trusted, as behind some proxies. Or {instead}."
    return f"{kind}). With no network, {instead}."


# ------------------------------------------------------------------------------------------------
# Pictures inside a stored result


def pack(x: Tensor) -> str:
    """Images as text, 8 bits a pixel, for a stored result; intensities are clipped to [0, 1]."""
    pixels = (check_images(x, "x").clamp(0, 1) * 255).round().to(torch.uint8)
    return base64.b64encode(zlib.compress(pixels.cpu().numpy().tobytes(), 9)).decode("ascii")


def unpack(text: str, shape: tuple[int, int, int]) -> Tensor:
    """The images that `pack` wrote, ``(B, C, H, W)``.

    Examples
    --------
    >>> x = torch.tensor([0.0, 0.2, 1.0, 1.7]).view(2, 1, 1, 2)
    >>> unpack(pack(x), (1, 1, 2)).flatten()
    tensor([0.0000, 0.2000, 1.0000, 1.0000])
    """
    pixels = torch.frombuffer(bytearray(zlib.decompress(base64.b64decode(text))), dtype=torch.uint8)
    return pixels.view(-1, *shape).float() / 255


def pack_vectors(e: Tensor) -> str:
    """Vectors ``(K, H, W)`` as text, 8 bits a pixel, each scaled to its largest entry."""
    return pack((e / e.abs().amax((1, 2), keepdim=True) / 2 + 0.5)[:, None])


def unpack_vectors(text: str, side: int = 40) -> Tensor:
    """What `pack_vectors` wrote, ``(K, H, W)``, in [-1, 1].

    Examples
    --------
    >>> e = torch.linspace(-3, 3, 2 * 16).view(2, 4, 4)
    >>> (unpack_vectors(pack_vectors(e), 4) * 3 - e).abs().max() < 3 / 128 + 1e-6
    tensor(True)
    """
    return 2 * unpack(text, (1, side, side))[:, 0] - 1
