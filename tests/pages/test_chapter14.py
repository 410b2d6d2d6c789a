"""Chapter 14 asks for pictures on Colab: a cell that no other test runs."""

import io
import sys
import types
import zipfile

import numpy as np
import pytest
from PIL import Image

import chapters
from gahr import images


def png(gray):
    stream = io.BytesIO()
    Image.fromarray(np.full((16, 16), gray, np.uint8)).save(stream, "PNG")
    return stream.getvalue()


def packed(**files):
    stream = io.BytesIO()
    with zipfile.ZipFile(stream, "w") as made:
        for name, content in files.items():
            made.writestr(f"sub/{name}.png", content)
    return stream.getvalue()


@pytest.mark.parametrize("zipped", [False, True])
def test_what_is_uploaded_becomes_a_class(monkeypatch, zipped):
    grays = {"a": png(10), "b": png(20), "c": png(30)}
    sent = {"mine.zip": packed(**grays)} if zipped else {f"{name}.png": file for name, file in grays.items()}
    files = types.SimpleNamespace(upload=lambda: sent)
    monkeypatch.setitem(sys.modules, "google", types.ModuleType("google"))
    monkeypatch.setitem(sys.modules, "google.colab", types.SimpleNamespace(files=files))
    cells = [cell["source"] for cell in chapters.Chapter.read(chapters.BOOK / "14-your-own.ipynb").code]
    imports = next(source for source in cells if "import tempfile" in source)
    (cell,) = [source for source in cells if "upload = False" in source]
    told = {}
    exec(imports, told)
    exec(cell.replace("upload = False", "upload = True"), told)
    x = images.folder(told["pictures"], told["side"])
    assert (255 * x[:, 0, 0, 0]).round().tolist() == [10, 20, 30]
