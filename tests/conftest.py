"""What several test modules share."""

import os
import socket
from pathlib import Path

import numpy as np
import pytest
import torch

os.environ.setdefault("MPLBACKEND", "Agg")
torch.set_num_threads(1)  # everything here is small: threads only wait for each other


@pytest.fixture(autouse=True)
def plain_environment(monkeypatch):
    """No test sees the reader's own data folders, caches or display settings."""
    for name in ("GAHR_CELEBA", "GAHR_FASHION", "GAHR_STILL", "GAHR_CACHE"):
        monkeypatch.delenv(name, raising=False)


@pytest.fixture
def fixtures():
    """Folder of small files written by the authors' own code (or by its layout)."""
    return Path(__file__).parent / "fixtures"


@pytest.fixture
def lively():
    """Give a network weights, gains and spreads that are far from trivial."""

    def make(network, seed=0, dtype=torch.float64):
        generator = torch.Generator().manual_seed(seed)
        with torch.no_grad():
            for name, value in network.state_dict().items():
                if name.endswith(("running_sd", "gammas")):
                    value.copy_(0.5 + torch.rand(value.shape, generator=generator))
                else:
                    fan_in = value[0].numel()
                    value.copy_(torch.randn(value.shape, generator=generator) * (2 / fan_in) ** 0.5)
        return network.to(dtype).eval()

    return make


@pytest.fixture
def rng():
    return np.random.default_rng(0)


@pytest.fixture
def offline(monkeypatch):
    """An address on this machine where nobody answers."""
    for name in ("HTTP_PROXY", "HTTPS_PROXY", "ALL_PROXY", "http_proxy", "https_proxy", "all_proxy"):
        monkeypatch.delenv(name, raising=False)
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        port = listener.getsockname()[1]
    return f"http://127.0.0.1:{port}/"
