"""The studies of chapter 5: how far apart two networks are, for every number of training images."""

from __future__ import annotations

import functools
from pathlib import Path

from gahr import images, measures, zoo

TWINS = ("a", "a-twin")
"""How the names of two networks of the same images end."""


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
        How the two networks' names end. `TWINS`: trained on the same images, from other initial weights
        and batches.

    Returns
    -------
    found
        ``rows``, one for each ``n`` that both were trained on (a size whose networks are not at hand keeps
        what is stored for it): ``sigma``, ``variance`` (half the mean squared difference of the two
        estimates of the same noisy held-out images, per pixel) with its standard error ``se`` over images,
        the networks' own ``mse`` (the mean of both), and ``relative``, variance over mse.

    Notes
    -----
    Source: paper, section 2.2, where generalization is near-zero model variance.
    """
    x = images.load(images_name, 1000, "held-out")
    rows, stored = [], _stored_rows(_result_name(images_name, network, ends), len(x))
    for n in _sizes(images_name, network, ends):
        try:
            f, g = (zoo.load_run(f"{images_name}-{network}-n{n}-{end}", runs) for end in ends)
        except FileNotFoundError:
            if n not in stored:
                raise
            rows.append(stored[n])
            continue
        levels = [measures.compare(f, g, x, s, seed=1000 * k) for k, s in enumerate(measures.SIGMAS)]
        curves = {key: [level[key] for level in levels] for key in levels[0]}
        rows.append({"n": n, "sigma": list(measures.SIGMAS)} | curves)
    return {"images": len(x), "network": network, "rows": rows}


def _result_name(images_name: str, network: str, ends: tuple[str, str]) -> str:
    """What the result of `pairs` is called."""
    stem = images_name if network == "unet16" else f"{images_name}-{network}"
    halves = ends[0][0] != ends[1][0]
    return f"{stem}-pairs" if halves else f"{stem}-{ends[1].rpartition('-')[2]}"


def _stored_rows(name: str, n: int) -> dict[int, dict]:
    """What is stored for each N, if it was measured on as many images."""
    stored = zoo.result(name) if name in zoo.names("result") else {"images": 0, "rows": []}
    return {row["n"]: row for row in stored["rows"]} if stored["images"] == n else {}


def _sizes(images_name: str, network: str, ends: tuple[str, str]) -> list[int]:
    """Training-set sizes of which the manifest knows both networks."""
    known = {name for kind in ("network", "record") for name in zoo.names(kind)}
    sizes = {n for n in (zoo.describe(name)["recipe"]["n"] for name in known) if n is not None}
    return sorted(n for n in sizes if all(f"{images_name}-{network}-n{n}-{end}" in known for end in ends))


STUDIES = {
    f"{name}-pairs": functools.partial(pairs, name)
    for name in ("fashion32", "faces40", "faces20", "faces10", "calpha40a2", "calpha40a4", "discs40")
} | {
    "faces20-bfcnn32-pairs": functools.partial(pairs, "faces20", network="bfcnn32"),
    "fashion32-twin": functools.partial(pairs, "fashion32", ends=TWINS),
    "faces40-twin": functools.partial(pairs, "faces40", ends=TWINS),
}
