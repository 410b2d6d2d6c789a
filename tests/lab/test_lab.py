"""The lab's mathematics, as node runs it, and that the page's scripts agree with the package."""

import json
import re
import shutil
import subprocess
from pathlib import Path

import numpy as np
import pytest
import torch

from book.lab import draws, export, vectors
from gahr import images, jacobian, measures, zoo

ROOT = Path(__file__).parent.parent.parent
SCRIPTS = sorted((ROOT / "_static" / "lab").glob("*.mjs"))
needs_node = pytest.mark.skipif(shutil.which("node") is None, reason="node is not installed")


@needs_node
def test_the_mathematics_in_node():
    command = ["node", "--test", "--test-reporter=tap", str(ROOT / "tests" / "lab" / "lab.test.mjs")]
    done = subprocess.run(command, capture_output=True, text=True, timeout=300)
    passed = re.search(r"^# pass (\d+)$", done.stdout, re.MULTILINE)
    assert done.returncode == 0, done.stdout[-3000:]
    assert passed and int(passed[1]) >= 19


@needs_node
@pytest.mark.parametrize("script", SCRIPTS, ids=lambda path: path.name)
def test_scripts_parse(script):
    subprocess.run(["node", "--check", str(script)], check=True, capture_output=True)


def test_scripts_are_small_and_name_no_other_host():
    assert SCRIPTS
    for script in SCRIPTS:
        text = script.read_text(encoding="utf-8")
        hosts = set(re.findall(r"https?://[^\s\"'`)]+", text)) - {"http://www.w3.org/2000/svg"}
        assert len(text.splitlines()) <= 300 and not hosts, script.name


def test_the_page_asks_for_networks_that_the_lab_has():
    text = "".join(script.read_text(encoding="utf-8") for script in SCRIPTS)
    sizes = re.search(r"const SIZES = \[([\d, ]+)\]", text)[1]
    assert tuple(int(n) for n in sizes.split(",")) == export.SIZES
    for name in re.findall(r"\"((?:fashion|faces|discs|calpha)\d+[a-z0-9-]*-[ab])\"", text):
        assert name in export.NETWORKS, name


# ------------------------------------------------------------------------------------------------
# What the scripts compute is what the package computes


def node(script, **given):
    """What a module says of given values: ``script`` knows them as ``given``, the lab's folder as ``lab``."""
    folder = json.dumps((ROOT / "_static" / "lab").as_uri())
    text = f"const given = {json.dumps(given)};\nconst lab = {folder};\n"
    command = ["node", "--input-type=module"]
    done = subprocess.run(
        command, input=text + script, capture_output=True, text=True, check=True, timeout=300
    )
    return json.loads(done.stdout)


@pytest.fixture(scope="module")
def halves(tmp_path_factory):
    """The training pictures that the page can search, as it gets them."""
    folder = tmp_path_factory.mktemp("lab")
    for half in "ab":
        x = images.load("fashion32", export.TRAINING, half)
        (folder / f"clothes-{half}.bin").write_bytes(export._bytes(x))
    return folder


@needs_node
@pytest.mark.parametrize("half", ["a", "b"])
def test_nearest_training_pictures_are_those_of_the_package(half, halves):
    """For every N: samples that are training pictures under some noise, and others."""
    known = images.load("fashion32", export.TRAINING, half)
    copies = known[[0, 5, 9, 500, 990, 994, 999]] * 0.7 + 0.1
    x = torch.cat([copies, images.load("fashion32", 3, "held-out")])
    found = node(
        """
        const { readFileSync } = await import("node:fs");
        const { nearest } = await import(`${lab}/training.mjs`);
        const bytes = new Uint8Array(readFileSync(given.file));
        const x = given.x.map((row) => Float32Array.from(row));
        const all = given.sizes.map((n) => x.map((row) => nearest(row, bytes, given.half, n)));
        console.log(JSON.stringify(all.map((row) => row.map(({ at, value }) => [at, value]))));
        """,
        file=str(halves / f"clothes-{half}.bin"),
        half=half,
        sizes=export.SIZES,
        x=x.flatten(1).tolist(),
    )
    for n, row in zip(export.SIZES, found, strict=True):
        searched = min(n, export.TRAINING)
        at, value = measures.nearest(x, images.load("fashion32", searched, half))
        first = export.TRAINING - searched if half == "b" else 0
        assert [place - first for place, _ in row] == at.tolist(), n
        assert torch.tensor([v for _, v in row]).allclose(value.float(), atol=1e-5), n


@needs_node
def test_noise_is_the_same_on_the_page_and_here():
    page = node(
        """
        const { normals } = await import(`${lab}/random.mjs`);
        console.log(JSON.stringify(given.seeds.map((seed) => Array.from(normals(50, seed)))));
        """,
        seeds=[0, 3, 999_999],
    )
    ours = draws.take(draws.normals(np.array([0, 3, 999_999])), 50)
    assert np.allclose(page, ours, atol=1e-6)


def test_one_sample_does_not_depend_on_the_others():
    f, start = zoo.load("faces10-unet16-n13000-a"), draws.mean("faces40")
    together, alone = draws.climb(f, 10, [4, 7], start), draws.climb(f, 10, [7], start)
    assert together.x[1:].allclose(alone.x, atol=1e-4) and together.steps[1] == alone.steps[0]
    assert len(together.path) == together.steps.max() + 2 and together.path[-1].equal(together.x)


@needs_node
def test_stored_directions_are_eigenvectors_when_the_page_reads_them(tmp_path):
    f = zoo.load("faces10-unet16-n13000-a")
    y = images.portrait(10) + 0.15 * draws.noise(100, 1000).view(1, 1, 10, 10)
    basis = vectors.leading(f, y, 8)
    assert basis.residual.max() < 1e-5
    (tmp_path / "e.bin").write_bytes(vectors.packed(basis.e))
    read = node(
        """
        const { readFileSync } = await import("node:fs");
        const { unpacked } = await import(`${lab}/stored.mjs`);
        const rows = unpacked(new Uint8Array(readFileSync(given.file)), 8);
        console.log(JSON.stringify(rows.map((row) => Array.from(row))));
        """,
        file=str(tmp_path / "e.bin"),
    )
    e, J = torch.tensor(read), jacobian.jacobian(f, y)
    assert (e @ e.T).allclose(torch.eye(8), atol=0.02)
    assert (e @ (J + J.T) / 2).allclose(basis.lam[:, None] * e, atol=0.02)


def test_the_page_s_sampler_has_the_same_settings():
    text = (ROOT / "_static" / "lab" / "sampler.mjs").read_text(encoding="utf-8")
    settings = f"step: {draws.STEP:g}, beta: {draws.BETA:g}, start: {draws.START:g}, end: {draws.END:g}"
    assert settings in text
