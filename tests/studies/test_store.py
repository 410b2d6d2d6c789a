"""Stored measurements: computed, rounded, written with their provenance."""

import json

import pytest

from book.studies import store
from gahr import _files, zoo
from gahr.training import shelf


def test_a_result_is_rounded_stored_and_listed(checkout, monkeypatch):
    rows = [{"n": 10, "psnr": 26.123456789}, {"n": 100, "psnr": 1e-9 / 3}]
    found = {"sigma": [26.123456789, float(1)], "images": 1000, "name": "toy", "rows": rows}
    monkeypatch.setattr(store, "studies", lambda: {"toy": lambda: found})
    path = store.store("toy")
    assert path == checkout / "results" / "toy.json"
    rows = [{"n": 10, "psnr": 26.123}, {"n": 100, "psnr": 3.3333e-10}]
    expected = {"sigma": [26.123, 1.0], "images": 1000, "name": "toy", "rows": rows}
    assert json.loads(path.read_text()) == expected == zoo.result("toy")
    assert '  {"n": 10, "psnr": 26.123},\n' in path.read_text()  # a line for each row
    provenance = zoo.describe("toy")["provenance"]
    assert provenance["command"] == "python -m book.studies toy"
    assert {"commit", "torch", "seconds"} <= set(provenance)
    assert shelf.verify() == []


def test_unknown_studies_get_the_nearest_name():
    with pytest.raises(KeyError, match="unknown study 'faces40-denoiser'; did you mean 'faces40-denoisers'"):
        store.store("faces40-denoiser")


def test_without_a_checkout_nothing_is_computed(monkeypatch):
    monkeypatch.setattr(_files, "checkout", lambda: None)
    monkeypatch.setattr(store, "studies", lambda: {"toy": lambda: pytest.fail("computed for nothing")})
    with pytest.raises(FileNotFoundError, match="results are stored in a checkout"):
        store.store("toy")


def test_every_stored_result_has_its_study():
    assert set(zoo.names("result")) <= set(store.studies())


@pytest.mark.parametrize("name", zoo.names("result"))
def test_a_table_is_flat(name):
    """Rows of named columns: a cell is a number, a word, or a list of numbers (a curve, a sample)."""
    for key, value in zoo.result(name).items():
        if isinstance(value, dict):
            assert key == "sampler"
        elif isinstance(value, list) and any(isinstance(row, dict) for row in value):
            for cell in (cell for row in value for cell in row.values()):
                assert isinstance(cell, (int, float, str)) or {type(v) for v in cell} <= {int, float}
