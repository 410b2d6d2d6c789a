"""Stored measurements: computed, rounded, written with their provenance."""

import json

import pytest

from gahr import _files, images, measures, studies, zoo


@pytest.fixture
def checkout(tmp_path, monkeypatch):
    (tmp_path / "manifest.json").write_text('{"repository": "https://nowhere.invalid/r", "files": {}}')
    monkeypatch.setattr(_files, "checkout", lambda: tmp_path)
    _files._manifest_text.cache_clear()
    yield tmp_path
    _files._manifest_text.cache_clear()


def test_a_result_is_rounded_stored_and_listed(checkout, monkeypatch):
    found = {"psnr": [26.123456789, float(1)], "images": 1000, "name": "toy", "deep": {"x": [1e-9 / 3]}}
    monkeypatch.setitem(studies._STUDIES, "toy", lambda: found)
    path = studies.store("toy")
    assert path == checkout / "results" / "toy.json"
    expected = {"psnr": [26.123, 1.0], "images": 1000, "name": "toy", "deep": {"x": [3.3333e-10]}}
    assert json.loads(path.read_text()) == expected == zoo.result("toy")
    provenance = zoo.describe("toy")["provenance"]
    assert provenance["command"] == "python -m gahr measure toy"
    assert {"commit", "torch", "seconds"} <= set(provenance)
    assert zoo.verify() == []


def test_unknown_studies_get_the_nearest_name():
    with pytest.raises(KeyError, match="unknown study 'faces40-denoiser'; did you mean 'faces40-denoisers'"):
        studies.store("faces40-denoiser")


def test_without_a_checkout_nothing_is_computed(monkeypatch):
    monkeypatch.setattr(_files, "checkout", lambda: None)
    monkeypatch.setitem(studies._STUDIES, "toy", lambda: pytest.fail("computed for nothing"))
    with pytest.raises(FileNotFoundError, match="results are stored in a checkout"):
        studies.store("toy")


def test_the_fixed_denoisers_denoise_clothes():
    x = images.split("fashion32", 50, "held-out")
    for name, f in studies.fixed_denoisers("fashion32", 32).items():
        gained = measures.psnr_curve(f, x, (0.1,))["psnr"][0] - 20
        assert 1 < gained < 12, name
