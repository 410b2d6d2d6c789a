"""The lab's mathematics, as node runs it, and that the page's scripts agree with the package."""

import re
import shutil
import subprocess
from pathlib import Path

import pytest

from book.lab import export

ROOT = Path(__file__).parent.parent.parent
SCRIPTS = sorted((ROOT / "_static" / "lab").glob("*.mjs"))
needs_node = pytest.mark.skipif(shutil.which("node") is None, reason="node is not installed")


@needs_node
def test_the_mathematics_in_node():
    command = ["node", "--test", "--test-reporter=tap", str(ROOT / "tests" / "lab" / "lab.test.mjs")]
    done = subprocess.run(command, capture_output=True, text=True, timeout=300)
    passed = re.search(r"^# pass (\d+)$", done.stdout, re.MULTILINE)
    assert done.returncode == 0, done.stdout[-3000:]
    assert passed and int(passed[1]) >= 12


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
