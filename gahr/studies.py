"""Measurements that chapters read from ``data/results/``: too long for a page, or on private images.

One function makes one result; `store` writes it with its provenance. Redo one with
``python -m gahr measure NAME``.
"""

from __future__ import annotations

import json
import time
from pathlib import Path

import torch

from gahr import _files, bases, denoisers, images, measures, zoo
from gahr._checks import check_known

__all__ = ["faces40_denoisers", "store"]


def fixed_denoisers(name: str, size: int) -> dict[str, denoisers.Denoiser]:
    """Three denoisers that use no network: two thresholds, and the class's Wiener filter."""
    return {
        "cosine threshold": denoisers.Threshold(bases.dct(size, size)),
        "wavelet threshold": denoisers.Threshold(bases.wavelet(size, size), keep=(size // 8) ** 2),
        "Wiener": denoisers.Wiener(*images.covariance(name)),
    }


def faces40_denoisers() -> dict:
    """PSNR curves of four denoisers on 1,000 held-out faces, the same noise for all."""
    x = images.split("faces40", 1000, "held-out")
    network = "faces40-unet16-n13000-a"
    chosen = fixed_denoisers("faces40", 40) | {"network": zoo.load(network)}
    curves = {name: measures.psnr_curve(f, x) for name, f in chosen.items()}
    return {"network": network, "images": len(x), "curves": curves}


_STUDIES = {"faces40-denoisers": faces40_denoisers}


def store(name: str) -> Path:
    """Compute a result, write it to ``data/results/`` and add its manifest row.

    Raises
    ------
    KeyError
        If there is no such study; the message names the nearest.
    FileNotFoundError
        If there is no checkout to write to, or the study needs images this machine lacks.
    """
    check_known(name, _STUDIES, "study")
    data = _files.checkout()
    if data is None:
        raise FileNotFoundError("results are stored in a checkout; there is none here.")
    began = time.monotonic()
    found = _rounded(_STUDIES[name]())
    path = data / "results" / f"{name}.json"
    text = json.dumps(found, indent=1) + "\n"
    _files.write_atomically(path, lambda temporary: temporary.write_text(text, encoding="utf-8"))
    provenance = {
        "commit": _files.commit(),
        "torch": torch.__version__,
        "seconds": round(time.monotonic() - began),
        "command": f"python -m gahr measure {name}",
    }
    zoo.add(path, "result", {"provenance": provenance})
    return path


def _rounded(value: object) -> object:
    """Numbers to five significant digits, so that files stay small and readable."""
    if isinstance(value, float):
        return float(f"{value:.5g}")
    if isinstance(value, dict):
        return {key: _rounded(item) for key, item in value.items()}
    return [_rounded(item) for item in value] if isinstance(value, list) else value
