"""Measurements that chapters read from ``data/results/``: too long for a page, or on private images.

One function makes one result; `store` writes it with its provenance. Redo one with
``python -m book.studies NAME``.
"""

from __future__ import annotations

import functools
import json
import time
from pathlib import Path

import torch

from book.studies import along, manifolds, shrinkage, shuffled, slopes, two_networks, unequal
from gahr import _files, bases, denoisers, images, measures, zoo
from gahr._checks import check_known
from gahr.training import shelf

__all__ = ["faces40_denoisers", "pairs", "store"]


def faces40_denoisers() -> dict:
    """PSNR curves of chapter 1's four denoisers on 1,000 held-out faces, the same noise for all."""
    x = images.load("faces40", 1000, "held-out")
    network = "faces40-unet16-n13000-a-psnr"
    chosen = {
        "cosine threshold": denoisers.Threshold(bases.dct(40, 40)),
        "wavelet threshold": denoisers.Threshold(bases.wavelet(40, 40), keep=25),
        "Wiener": denoisers.Wiener(*images.covariance("faces40")),
        "network": zoo.load(network),
    }
    curves = {name: measures.psnr_curve(f, x) for name, f in chosen.items()}
    return {"network": network, "images": len(x), "curves": curves}


def pairs(
    images_name: str,
    runs: str | Path | None = None,
    network: str = "unet16",
    ends: tuple[str, str] = ("a", "b"),
) -> dict:
    """How far apart two networks trained on disjoint halves are, for every N and noise level.

    Parameters
    ----------
    images_name
        Image class, for instance ``"fashion32"``.
    runs
        Folder of runs, for networks that are not shipped (``GAHR_RUNS`` by default).
    network
        Architecture and width.
    ends
        How the two networks' names end. ``("a", "a-again")``: trained on the same images, from other
        initial weights and batches.

    Returns
    -------
    found
        For each N that both were trained on (a size whose networks are not at hand keeps what is
        stored for it): ``sigma``, ``variance`` (half the mean squared difference of the two estimates of
        the same noisy held-out images, per pixel) with its standard error ``se`` over images, the
        networks' own ``mse`` (the mean of both), and ``relative``, variance over mse.

    Notes
    -----
    Source: paper, section 2.2, where generalization is near-zero model variance.
    """
    x = images.load(images_name, 1000, "held-out")
    found, stored = {}, _stored_sizes(_result_name(images_name, network, ends), len(x))
    for n in _sizes(images_name, network, ends):
        try:
            f, g = (zoo.load_run(f"{images_name}-{network}-n{n}-{end}", runs) for end in ends)
        except FileNotFoundError:
            if str(n) not in stored:
                raise
            found[str(n)] = stored[str(n)]
            continue
        rows = [measures.compare(f, g, x, sigma, seed=1000 * k) for k, sigma in enumerate(measures.SIGMAS)]
        found[str(n)] = {"sigma": list(measures.SIGMAS)} | {
            key: [row[key] for row in rows] for key in rows[0]
        }
    return {"images": len(x), "network": network, "sizes": found}


def _result_name(images_name: str, network: str, ends: tuple[str, str]) -> str:
    """What the result of `pairs` is called."""
    stem = images_name if network == "unet16" else f"{images_name}-{network}"
    return f"{stem}-pairs" if ends == ("a", "b") else f"{stem}-{ends[1].rpartition('-')[2]}"


def _stored_sizes(name: str, n: int) -> dict:
    """What is stored for each N, if it was measured on as many images."""
    stored = zoo.result(name) if name in zoo.names("result") else {"images": 0, "sizes": {}}
    return stored["sizes"] if stored["images"] == n else {}


def _sizes(images_name: str, network: str, ends: tuple[str, str]) -> list[int]:
    """Training-set sizes of which the manifest knows both networks."""
    known = {name for kind in ("network", "record") for name in zoo.names(kind)}
    sizes = {n for n in (zoo.describe(name)["recipe"]["n"] for name in known) if n is not None}
    return sorted(n for n in sizes if all(f"{images_name}-{network}-n{n}-{end}" in known for end in ends))


_STUDIES = {"faces40-denoisers": faces40_denoisers} | {
    f"{name}-pairs": functools.partial(pairs, name)
    for name in ("fashion32", "faces40", "faces20", "faces10", "calpha40a2", "calpha40a4", "discs40")
}
_STUDIES["fashion32-again"] = functools.partial(pairs, "fashion32", ends=two_networks.TWINS)
_STUDIES["faces20-bfcnn32-pairs"] = functools.partial(pairs, "faces20", network="bfcnn32")
_STUDIES |= {
    "fashion32-samples": functools.partial(two_networks.samples, "fashion32"),
    "fashion32-again-samples": functools.partial(two_networks.again, "fashion32"),
    "fashion32-steps": functools.partial(two_networks.steps, "fashion32", 14000),
    "fashion32-wiener": functools.partial(two_networks.wiener, "fashion32"),
    "faces40-samples": functools.partial(two_networks.samples, "faces40", (13000,)),
    "faces20-bfcnn32-samples": functools.partial(two_networks.samples, "faces20", (13000,), "bfcnn32"),
    "faces40-wiener": functools.partial(two_networks.wiener, "faces40", (13000,)),
}
_STUDIES |= {"calpha40-slopes": slopes.slopes, "calpha40-harmonics": along.along}
_STUDIES["calpha40-unequal"] = unequal.unequal
_STUDIES |= {"adapted-bases": shrinkage.clothes, "adapted-faces": shrinkage.faces}
_STUDIES |= {"shuffled40-spectra": shuffled.spectra}
for _name, _n, _shown in (("discs40", 200, 3), ("ray40", 1000, 1), ("sinusoids40", 500, 1)):
    _STUDIES[f"{_name}-optima"] = functools.partial(manifolds.optima, _name, _n)
    _STUDIES[f"{_name}-tangents"] = functools.partial(manifolds.tangents, _name, _shown)


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
        "command": f"python -m book.studies {name}",
    }
    shelf.add(path, "result", {"provenance": provenance})
    return path


def _rounded(value: object) -> object:
    """Numbers to five significant digits, so that files stay small and readable."""
    if isinstance(value, float):
        return float(f"{value:.5g}")
    if isinstance(value, dict):
        return {key: _rounded(item) for key, item in value.items()}
    return [_rounded(item) for item in value] if isinstance(value, list) else value
