"""Runs within the tests' own process: short, eager, on the CPU."""

import functools

import pytest
import torch

from gahr.training import _engine, loop


@pytest.fixture
def short(monkeypatch):
    """No compiler, a short settling, few held-out images: for runs within this process, on the CPU."""
    monkeypatch.setattr(_engine, "_has_compiler", lambda: False)
    monkeypatch.setattr(loop, "HELD_OUT", 20)
    monkeypatch.setattr(loop, "_settle", functools.partial(loop._settle, batches=10))
    monkeypatch.setattr(torch.cuda, "is_available", lambda: False)
