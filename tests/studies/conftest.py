"""A checkout with an empty manifest."""

import pytest

from gahr import _files


@pytest.fixture
def checkout(tmp_path, monkeypatch):
    (tmp_path / "manifest.json").write_text('{"repository": "https://nowhere.invalid/r", "files": {}}')
    monkeypatch.setattr(_files, "checkout", lambda: tmp_path)
    _files.forget_manifest()
    yield tmp_path
    _files.forget_manifest()
