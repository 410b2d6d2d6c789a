"""Chapter 6 with and without a copy of CelebA: here a folder of made-up pictures in its layout."""

import nbformat
import numpy as np
import pytest
from PIL import Image

import chapters
from execute import execute
from gahr import images

CHAPTER = chapters.BOOK / "06-two-networks.ipynb"
SHOWN = 20  # photographs of each half that the chapter loads with quick effort


@pytest.fixture
def celeba(tmp_path):
    """A folder with just the files that the chapter asks for, gray ramps instead of faces."""
    folder = tmp_path / "img_align_celeba"
    folder.mkdir()
    rng = np.random.default_rng(0)
    for half in ("a", "b"):
        for number in images.split_indices("faces40", SHOWN, half):
            ramp = np.linspace(0, 255, 218)[:, None, None] * rng.uniform(0.3, 1.0, (1, 178, 3))
            Image.fromarray(ramp.astype(np.uint8)).save(folder / f"{number:06d}.jpg")
    return folder


def shown(tmp_path, celeba=False):
    """The figure of faces after a quick run: its size and the sentence below it."""
    target = tmp_path / CHAPTER.name
    execute(CHAPTER, target, effort="quick", celeba=celeba)
    cells = nbformat.read(target, as_version=4).cells
    name = "fig-two-faces"
    cell = next(c for c in cells if c.metadata.get("mystnb", {}).get("figure", {}).get("name") == name)
    data = [output["data"] for output in cell.outputs]
    pictures = [d["image/png"] for d in data if "image/png" in d]
    sentences = " ".join(d["text/markdown"] for d in data if "text/markdown" in d)
    assert len(pictures) == 1
    assert not [o for c in cells if c.cell_type == "code" for o in c.outputs if o.get("name") == "stderr"]
    return pictures[0], sentences


def height(picture):
    import base64

    return int.from_bytes(base64.b64decode(picture)[20:24], "big")


def test_the_chapter_reads_well_with_and_without_celeba(tmp_path, celeba, monkeypatch):
    monkeypatch.setenv("GAHR_STILL", "1")  # as `execute` sets it; undone after the test
    monkeypatch.delenv("MPLBACKEND", raising=False)  # figures are to appear in the notebook
    without, sentence = shown(tmp_path)
    assert "may not be passed on" in sentence
    monkeypatch.setenv("GAHR_CELEBA", str(celeba))
    given, sentence = shown(tmp_path, celeba=True)
    assert f"the nearest of {SHOWN} training photographs" in sentence
    assert height(given) > 1.6 * height(without)  # four rows instead of two
