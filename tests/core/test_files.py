"""Where data lie: verified in the checkout, fetched where there is none, written whole or not at all."""

import errno
import hashlib
import http.server
import json
import os
import shutil
import subprocess
import sys
import tempfile
import threading
from pathlib import Path

import pytest
import torch

from gahr import _files, images


def digest(data):
    return hashlib.sha256(data).hexdigest()


def test_sha256(tmp_path):
    (tmp_path / "abc").write_bytes(b"abc")
    expected = "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad"  # FIPS 180-2's example
    assert _files.digest(tmp_path / "abc") == expected


def test_the_checkout_is_found():
    data = _files.checkout()
    assert data.name == "data" and (data / "manifest.json").exists()
    assert set(_files.manifest()) >= {"repository", "files"}


# ------------------------------------------------------------------------------------------------
# Writing


def test_a_file_is_written_with_its_folder(tmp_path):
    path = tmp_path / "new" / "file.txt"
    assert _files.write_atomically(path, lambda temporary: temporary.write_text("all")) == path
    assert path.read_text() == "all"
    with path.open() as reader:  # whoever reads meanwhile sees the old file, whole
        _files.write_atomically(path, lambda temporary: temporary.write_text("again"))
        assert reader.read() == "all"
    assert path.read_text() == "again"
    assert [p.name for p in path.parent.iterdir()] == ["file.txt"]


def test_a_failing_writer_leaves_the_old_file(tmp_path):
    path = tmp_path / "file.txt"
    path.write_text("old")

    def fail(temporary):
        temporary.write_text("half")
        assert path.read_text() == "old"
        raise OSError("no space left on device")

    with pytest.raises(OSError, match="no space left"):
        _files.write_atomically(path, fail)
    assert path.read_text() == "old"
    assert [p.name for p in tmp_path.iterdir()] == ["file.txt"]


# ------------------------------------------------------------------------------------------------
# The checkout's files


@pytest.fixture
def toy_data(tmp_path, monkeypatch):
    """A checkout's data folder with one small result."""
    data = tmp_path / "data"
    (data / "results").mkdir(parents=True)
    (data / "results" / "toy.json").write_bytes(b'{"a": 1}')
    row = {"name": "toy", "kind": "result", "sha256": digest(b'{"a": 1}'), "bytes": 8}
    text = json.dumps({"repository": "https://nowhere.invalid/r", "files": {"results/toy.json": row}})
    (data / "manifest.json").write_text(text)
    monkeypatch.setattr(_files, "checkout", lambda: data)
    _files.forget_manifest()
    yield data
    _files.forget_manifest()


def test_a_checkout_s_file_is_verified(toy_data):
    assert _files.fetch("results/toy.json") == toy_data / "results" / "toy.json"
    (toy_data / "results" / "toy.json").write_bytes(b'{"a": 2}')
    with pytest.raises(ValueError, match=r"data/results/toy.json is corrupt .* git checkout -- data/results"):
        _files.fetch("results/toy.json")


def test_an_unknown_file_gets_the_nearest_name(toy_data):
    with pytest.raises(KeyError, match="unknown data file .* did you mean 'results/toy.json'"):
        _files.fetch("results/tay.json")


# ------------------------------------------------------------------------------------------------
# Fetching


@pytest.fixture
def server(monkeypatch, offline):
    """A web server on this machine; returns its address, a dictionary of pages and a list of requests."""
    pages, asked = {}, []

    class Handler(http.server.BaseHTTPRequestHandler):
        def do_GET(self):
            asked.append(self.path)
            body = pages.get(self.path, 404)
            status, body = (body, b"") if isinstance(body, int) else (200, body)
            self.send_response(status)
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, *arguments):
            pass

    service = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    thread = threading.Thread(target=service.serve_forever, daemon=True)
    thread.start()
    yield f"http://127.0.0.1:{service.server_port}", pages, asked
    service.shutdown()
    service.server_close()
    thread.join()


@pytest.fixture
def installed(tmp_path, monkeypatch, server):
    """The package as installed from a wheel: a manifest beside it, no checkout, an empty cache."""
    address, pages, asked = server
    package = tmp_path / "package"
    package.mkdir()
    row = {"name": "toy", "kind": "result", "sha256": digest(b"right"), "bytes": 5}
    text = json.dumps({"repository": address, "files": {"results/toy.json": row}})
    (package / "manifest.json").write_text(text)
    monkeypatch.setattr(_files, "_PACKAGE", package)
    monkeypatch.setenv("GAHR_CACHE", str(tmp_path / "cache"))
    _files.forget_manifest()
    assert _files.checkout() is None
    yield tmp_path / "cache", f"/raw/v{_files.version()}/data/results/toy.json", pages, asked
    _files.forget_manifest()


def test_without_a_checkout_a_file_is_fetched_once(installed):
    cache, address, pages, asked = installed
    pages[address] = b"right"
    path = _files.fetch("results/toy.json")
    assert path.read_bytes() == b"right" and path.parent == cache
    assert _files.fetch("results/toy.json") == path
    assert asked == [address]  # the release of this version, and once


def test_a_wrong_file_is_refused_and_not_kept(installed):
    cache, address, pages, _ = installed
    pages[address] = b"wrong"
    with pytest.raises(ValueError, match="toy.json has another hash .* nothing was kept") as caught:
        _files.fetch("results/toy.json")
    assert "\n" not in str(caught.value)
    assert not [p for p in cache.rglob("*") if p.is_file()]
    pages[address] = b"right"
    assert _files.fetch("results/toy.json").read_bytes() == b"right"


def test_a_changed_cached_file_is_fetched_again(installed):
    _, address, pages, asked = installed
    pages[address] = b"right"
    path = _files.fetch("results/toy.json")
    path.write_bytes(b"wrong")
    assert _files.fetch("results/toy.json").read_bytes() == b"right"
    assert len(asked) == 2


@pytest.mark.parametrize(
    ("status", "advice"),
    [
        (404, f"there is no such file (this is version {_files.version()} of gahr: is it published there?)"),
        (429, "wait some minutes and try again"),
        (403, "a proxy or a firewall may stand between"),
        (407, "a proxy asks for a password"),
        (503, "the server is out of order: try again later"),
        (410, "another answer than the file"),
    ],
)
def test_the_status_of_a_server_comes_with_advice(installed, status, advice):
    cache, address, pages, _ = installed
    pages[address] = status
    with pytest.raises(ConnectionError) as caught:
        _files.fetch("results/toy.json")
    said = str(caught.value)
    assert f"toy.json (HTTP status {status})" in said and advice in said and "\n" not in said
    assert said.endswith("Or use a clone of the repository, which carries the book's data.")
    assert not [p for p in cache.rglob("*") if p.is_file()]
    pages[address] = b"right"
    assert _files.fetch("results/toy.json").read_bytes() == b"right"


def test_a_proxy_that_is_not_there_is_named(installed, monkeypatch, offline):
    monkeypatch.setenv("HTTP_PROXY", offline)
    with pytest.raises(ConnectionError, match=r"\(ProxyError\): the proxy that HTTPS_PROXY names"):
        _files.fetch("results/toy.json")


def test_a_connection_that_breaks_off_leaves_nothing(installed):
    cache, address, pages, _ = installed

    class Cut(bytes):
        def __len__(self):
            return 100  # promised

    pages[address] = Cut(b"rig")
    with pytest.raises((ConnectionError, ValueError), match="toy.json"):
        _files.fetch("results/toy.json")
    assert not [p for p in cache.rglob("*") if p.is_file()]


def test_a_cache_that_cannot_be_written_is_named(installed, monkeypatch):
    cache, address, pages, asked = installed
    pages[address] = b"right"
    path = _files.fetch("results/toy.json")

    def fail(*_, **__):
        raise OSError(errno.EROFS, os.strerror(errno.EROFS))

    monkeypatch.setattr(tempfile, "mkstemp", fail)
    assert _files.fetch("results/toy.json") == path and len(asked) == 1  # reading is enough
    path.unlink()
    with pytest.raises(
        OSError, match=r"cannot be written \(Read-only file system\): let GAHR_CACHE name"
    ) as caught:
        _files.fetch("results/toy.json")
    assert str(cache) in str(caught.value)


FETCH = """
import sys
from pathlib import Path
from gahr import _files
_files._PACKAGE = Path(sys.argv[1])
sys.stdin.readline()
print(_files.fetch("results/toy.json").read_text())
"""


def test_threads_and_processes_may_fetch_at_once(installed):
    cache, address, pages, _ = installed
    pages[address] = b"right"
    words = [sys.executable, "-c", FETCH, str(_files._PACKAGE)]
    pipes = {"stdin": subprocess.PIPE, "stdout": subprocess.PIPE, "text": True}
    processes = [subprocess.Popen(words, **pipes) for _ in range(3)]
    for process in processes:
        process.stdin.write("\n")  # all at once
        process.stdin.flush()
    found = []
    threads = [
        threading.Thread(target=lambda: found.append(_files.fetch("results/toy.json"))) for _ in range(8)
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert [process.communicate(timeout=60)[0] for process in processes] == ["right\n"] * 3
    assert len(found) == 8 and len(set(found)) == 1 and found[0].read_bytes() == b"right"
    assert len([p for p in cache.rglob("*") if p.is_file()]) == 1


HALF_A_FILE = """
import sys, time
from pathlib import Path
from gahr import _files
def write(temporary):
    temporary.write_text("half")
    print("half", flush=True)
    time.sleep(60)
_files.write_atomically(Path(sys.argv[1]), write)
"""


def test_what_a_killed_process_left_goes_and_what_a_living_one_writes_stays(tmp_path):
    path = tmp_path / "Fichier [1] été.pt"
    with subprocess.Popen(
        [sys.executable, "-c", HALF_A_FILE, path], stdout=subprocess.PIPE, text=True
    ) as other:
        assert other.stdout.readline() == "half\n"
        _files.remove_abandoned(path)
        assert len(list(tmp_path.iterdir())) == 1
        other.kill()
        other.wait()
        _files.remove_abandoned(path.with_name("another"))
        assert len(list(tmp_path.iterdir())) == 1
        _files.remove_abandoned(path)
    assert not list(tmp_path.iterdir())


def test_a_new_name_never_stands_on_bytes_that_are_not_on_the_disk(tmp_path, monkeypatch):
    done = []
    fsync, replace = os.fsync, Path.replace
    monkeypatch.setattr(os, "fsync", lambda handle: done.append("fsync") or fsync(handle))
    monkeypatch.setattr(Path, "replace", lambda self, target: done.append("rename") or replace(self, target))
    _files.write_atomically(tmp_path / "a", lambda temporary: temporary.write_text("all"))
    assert done == ["fsync", "rename"]


def test_room_is_found_out_and_given_back(tmp_path):
    _files.reserve(tmp_path / "new", [1000, 2000])
    assert not list((tmp_path / "new").iterdir())
    free = shutil.disk_usage(tmp_path).free
    with pytest.raises(OSError):
        _files.reserve(tmp_path, [free // 2, free])
    assert not [p for p in tmp_path.iterdir() if p.is_file()]


def test_no_server_says_so(tmp_path, monkeypatch, offline):
    monkeypatch.setenv("GAHR_CACHE", str(tmp_path))
    with pytest.raises(ConnectionError, match="With no network, use a clone of the repository"):
        _files.download(f"{offline}toy.json", "sha256:" + "0" * 64)
    assert not [p for p in tmp_path.rglob("*") if p.is_file()]


def test_the_cache_is_the_reader_s_choice(monkeypatch, tmp_path):
    monkeypatch.setenv("GAHR_CACHE", str(tmp_path))
    assert _files.cache() == tmp_path
    monkeypatch.setenv("GAHR_CACHE", "")
    assert _files.cache().name == "gahr"


def test_packed_pictures_come_back_to_eight_bits():
    x = images.load("fashion32", 5, "a")
    text = _files.pack(x)
    assert torch.equal(_files.unpack(text, (1, 32, 32)), x)
    assert len(text) < x.numel()  # smaller than its bytes
