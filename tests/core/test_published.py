"""The authors' networks: listed once, fetched, verified with git's hash, read without running code."""

import contextlib
import hashlib
import http.server
import io
import pathlib
import pickle
import re
import shutil
import subprocess
import threading

import pytest
import torch

from gahr import _files, _published, networks, zoo
from gahr.denoisers import Blind

NAME = "celeba80-n1000-a"
OFFICIAL = dict(_published.NETWORKS)


def blob(data):
    """Git's hash of a file's content, by its definition."""
    return hashlib.sha1(b"blob " + str(len(data)).encode() + b"\0" + data).hexdigest()


def saved(thing, **options):
    """What ``torch.save`` writes."""
    stream = io.BytesIO()
    torch.save(thing, stream, **options)
    return stream.getvalue()


# ------------------------------------------------------------------------------------------------
# The table


def test_every_network_of_the_authors_has_one_row():
    faces = {f"celeba80-n{10**k}-{half}" for k in range(6) for half in "ab"}
    assert set(OFFICIAL) == faces | {f"calpha80-alpha{alpha}" for alpha in range(1, 6)}
    assert len(OFFICIAL) == 17 and zoo.names("published") == [*OFFICIAL, *_published.EARLIER]
    paths, hashes = zip(*(OFFICIAL | _published.EARLIER).values(), strict=True)
    assert len(set(paths)) == len(set(hashes)) == 20
    assert all(re.fullmatch("[0-9a-f]{40}", digits) for digits in hashes)
    for address in (_published.ADDRESS, _published.EARLIER_ADDRESS):  # one commit, not a branch
        assert re.fullmatch(r"https://.*/[0-9a-f]{40}/", address)


@pytest.mark.parametrize("name", OFFICIAL)
def test_names_say_what_the_paths_say(name):
    path, _ = OFFICIAL[name]
    kind, n, half = re.fullmatch(r"(.*?)(?:-n(\d+)-([ab]))?", name).groups()
    if kind == "celeba80":
        folder = re.fullmatch(r"denoisers/UNet/img_align_celeba_80x80/(.*)/model.pt", path)[1]
        size, swapped = re.fullmatch(r"0to255_RF_90x90_set_size_(\d+)(_swapped)?", folder).groups()
        assert size == {"100000": "99325"}.get(n, n) and bool(swapped) == (half == "b")
    else:
        assert f"/C_alpha{kind[-1]}_beta{kind[-1]}_line_80x80_" in path


@pytest.mark.parametrize(
    "data, expected",
    [
        (b"", "e69de29bb2d1d6434b8b29ae775ad8c2e48c5391"),  # git's well-known empty blob
        (
            b"what is up, doc?",
            "bd9dbf5aae1a3862dd1526723246b20206e5fc37",
        ),  # the example of Pro Git, chapter 10
        (bytes(range(256)) * 4000, None),
    ],
)
def test_git_s_hash(tmp_path, data, expected):
    (tmp_path / "file").write_bytes(data)
    found = _files.digest(tmp_path / "file", "git")
    assert found == (expected or blob(data))
    if shutil.which("git"):
        ask = ["git", "hash-object", "--no-filters", "file"]
        said = subprocess.run(ask, cwd=tmp_path, capture_output=True, text=True, check=True)
        assert found == said.stdout.strip()


# ------------------------------------------------------------------------------------------------
# Fetching


@pytest.fixture
def authors(tmp_path, monkeypatch, offline):
    """A stand-in for the authors' repository, and an empty cache.

    Returns a function that publishes content under `NAME` (with another hash, or cut short, if asked),
    the cache, and the list of what was asked for.
    """
    pages, asked = {}, []

    class Handler(http.server.BaseHTTPRequestHandler):
        def do_GET(self):
            asked.append(self.path)
            body, sent = pages.get(self.path, (b"", 0))
            self.send_response(200 if body else 404)
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body[:sent])

        def log_message(self, *arguments):
            pass

    path, _ = OFFICIAL[NAME]

    def publish(body, digits=None, sent=None):
        pages[f"/{path}"] = body, len(body) if sent is None else sent
        monkeypatch.setitem(_published.NETWORKS, NAME, (path, digits or blob(body)))

    service = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    thread = threading.Thread(target=service.serve_forever, daemon=True)
    thread.start()
    monkeypatch.setattr(_published, "ADDRESS", f"http://127.0.0.1:{service.server_port}/")
    monkeypatch.setenv("GAHR_CACHE", str(tmp_path / "cache"))
    yield publish, tmp_path / "cache", asked
    service.shutdown()
    service.server_close()
    thread.join()


@pytest.fixture
def network(lively):
    return lively(networks.UNet(4, 2), dtype=torch.float32)


def kept(cache):
    return [path for path in cache.rglob("*") if path.is_file()]


def same(f, network):
    """Whether a denoiser is the one made from this network."""
    y = torch.rand(2, 1, 8, 8, generator=torch.Generator().manual_seed(1))
    with torch.no_grad():
        return torch.equal(f(y), y - network(y))


@pytest.mark.parametrize("prefix", ["", "module."])
@pytest.mark.parametrize("zipped", [True, False])  # torch's two formats
def test_a_published_network_computes_the_same(authors, network, prefix, zipped):
    publish, cache, asked = authors
    state = {prefix + key: value for key, value in network.state_dict().items()}
    publish(saved(state, _use_new_zipfile_serialization=zipped))
    f = zoo.published(NAME)
    assert isinstance(f, Blind) and same(f, network)
    assert not f.training and not any(p.requires_grad for p in f.parameters())
    assert same(zoo.published(NAME), network)
    assert asked == [f"/{OFFICIAL[NAME][0]}"] and len(kept(cache)) == 1  # fetched once


@pytest.mark.parametrize("channels", [1, 3])
def test_an_earlier_bfcnn_computes_the_same(authors, lively, monkeypatch, channels):
    publish, _, asked = authors
    network = lively(networks.BFCNN(4, 5, channels, first_layer_linear=False), dtype=torch.float32)
    earlier = {re.sub(r"BN_layers\.(\d+)\.(.*)", r"\2.\1", k): v for k, v in network.state_dict().items()}
    assert {"running_sd.0", "gammas.2", "conv_layers.4.weight"} < set(earlier)
    data = saved(earlier)
    publish(data)
    monkeypatch.setattr(_published, "EARLIER_ADDRESS", _published.ADDRESS)
    name = "bfcnn-bsd300-color"
    monkeypatch.setitem(_published.EARLIER, name, (OFFICIAL[NAME][0], blob(data)))
    f, y = zoo.published(name), torch.rand(2, channels, 8, 8)
    assert not f.network.first_layer_linear and torch.equal(f(y), y - network(y)) and len(asked) == 1


def test_a_wrong_file_is_refused_and_not_kept(authors, network):
    publish, cache, _ = authors
    data = saved(network.state_dict())
    publish(data, digits=hashlib.sha1(data).hexdigest())  # the hash of the content is not git's
    with pytest.raises(ValueError, match="model.pt has another hash .* nothing was kept") as caught:
        zoo.published(NAME)
    assert "\n" not in str(caught.value) and not kept(cache)
    publish(data)
    assert same(zoo.published(NAME), network)


@pytest.mark.parametrize("sent", [0, 1000])
def test_a_download_that_breaks_off_is_not_kept(authors, network, sent):
    publish, cache, _ = authors
    data = saved(network.state_dict())
    publish(data, sent=sent)
    with pytest.raises((ConnectionError, ValueError), match="could not fetch|another hash"):
        zoo.published(NAME)
    assert not kept(cache)
    publish(data)
    assert same(zoo.published(NAME), network)


def test_a_short_file_is_not_kept(authors, network):
    publish, cache, _ = authors
    data = saved(network.state_dict())
    publish(data[:-1000], digits=blob(data))  # the server believes it is complete
    with pytest.raises(ValueError, match="another hash"):
        zoo.published(NAME)
    assert not kept(cache)


@pytest.mark.parametrize(
    "spoil", [lambda data: data[:-1000], lambda data: data[:-1] + b"!", lambda data: b""]
)
def test_a_spoilt_cached_file_is_fetched_again(authors, network, spoil):
    publish, cache, asked = authors
    data = saved(network.state_dict())
    publish(data)
    zoo.published(NAME)
    (path,) = kept(cache)
    path.write_bytes(spoil(data))
    assert same(zoo.published(NAME), network)
    assert path.read_bytes() == data and len(asked) == 2


def test_no_network_says_so(authors, network, monkeypatch, offline):
    publish, cache, _ = authors
    publish(saved(network.state_dict()))
    zoo.published(NAME)
    monkeypatch.setattr(_published, "ADDRESS", offline)
    assert same(zoo.published(NAME), network)  # from the cache
    (path,) = kept(cache)
    path.write_bytes(path.read_bytes()[:-1])
    sentence = (
        r"could not fetch http.*model.pt \(ConnectionError\)\. With no network, set GAHR_CACHE to .*\.$"
    )
    for _ in range(2):
        with pytest.raises(ConnectionError, match=sentence):
            zoo.published(NAME)
        path.unlink(missing_ok=True)
    assert not kept(cache)


def test_a_file_that_is_gone_says_so(authors):
    with pytest.raises(ConnectionError, match=r"could not fetch http.*\(HTTP status 404\): there is no such"):
        zoo.published(NAME)


def test_unknown_names_get_the_nearest(authors):
    _, _, asked = authors
    with pytest.raises(
        KeyError, match="unknown published network 'celeba80-n99325-a'; did you mean 'celeba80"
    ):
        zoo.published("celeba80-n99325-a")
    with pytest.raises(KeyError, match="did you mean 'calpha80-alpha4'"):
        zoo.published("calpha-alpha4")
    assert not asked


# ------------------------------------------------------------------------------------------------
# Reading what has the right hash


class Touch:
    """An object whose pickle makes a file when it is opened."""

    def __init__(self, path):
        self.path = path

    def __reduce__(self):
        return pathlib.Path.touch, (self.path,)


@pytest.mark.parametrize(
    "write",
    [
        pytest.param(lambda state, evil: saved({**state, "encoder.0.0.weight": evil}), id="a weight"),
        pytest.param(lambda state, evil: saved(evil), id="alone"),
        pytest.param(
            lambda state, evil: saved([state, evil], _use_new_zipfile_serialization=False), id="old format"
        ),
        pytest.param(lambda state, evil: pickle.dumps(evil, protocol=2), id="plain pickle"),
    ],
)
def test_a_pickle_that_runs_code_is_refused(authors, network, tmp_path, write):
    publish, cache, _ = authors
    mark = tmp_path / "it-ran"
    publish(write(network.state_dict(), Touch(mark)))
    with pytest.raises(ValueError, match=f"{NAME} was refused .* could run code") as caught:
        zoo.published(NAME)
    assert "\n" not in str(caught.value) and not mark.exists()
    with contextlib.suppress(RuntimeError):  # a plain pickle is no torch file, which shows too late
        torch.load(kept(cache)[0], weights_only=False)  # opened freely, the file does its harm
    assert mark.exists()


@pytest.mark.parametrize(
    "thing",
    [
        torch.zeros(3),
        [torch.zeros(3)],
        {"epoch": 3},
        {0: torch.zeros(3)},
        {"state_dict": {"encoder.0.0.weight": torch.zeros(4, 1, 3, 3)}},
    ],
    ids=["tensor", "list", "numbers", "unnamed", "nested"],
)
def test_what_is_no_state_dict_is_refused(authors, thing):
    publish, *_ = authors
    publish(saved(thing))
    with pytest.raises(ValueError, match=f"{NAME} was refused: .* holds no state dict"):
        zoo.published(NAME)


@pytest.mark.parametrize(
    "spoil", [lambda data: data[:2000], lambda data: b"<html>not here</html>", lambda data: b"\x80\x02."]
)
def test_what_is_no_torch_file_is_refused(authors, network, spoil):
    publish, *_ = authors
    publish(spoil(saved(network.state_dict())))
    with pytest.raises(ValueError, match=f"{NAME} was refused .* not a file of tensors alone") as caught:
        zoo.published(NAME)
    assert "\n" not in str(caught.value)


def test_weights_of_another_network_are_refused(authors, network):
    publish, *_ = authors
    publish(saved({}))
    with pytest.raises(ValueError, match="not the weights of a UNet"):
        zoo.published(NAME)
    state = network.state_dict()
    state.pop("mid_block.0.weight")
    publish(saved(state))
    with pytest.raises(ValueError, match="the weights do not fit a UNet"):
        zoo.published(NAME)
