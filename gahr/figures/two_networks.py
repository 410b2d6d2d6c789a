"""Tables of two networks and the pictures that they draw from the same noise."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from gahr.intervals import median
from gahr.notebook import pick, table

__all__ = ["twin_table"]


def twin_table(
    halves: Sequence[Mapping], twins: Sequence[Mapping], sizes: Sequence[int], sigmas: Sequence[float]
) -> str:
    """A beside B, trained on other images, and beside its twin: A's own images, B's initial weights.

    ``halves`` and ``twins`` are two stored results each: estimates (``...-pairs``) and samples.
    """
    rows = []
    for n in sizes:
        for who, results in (("B", halves), ("its twin", twins)):
            estimates, samples = (result["rows"] for result in results)
            (curve,) = pick(estimates, n=n)
            share = dict(zip(curve["sigma"], curve["relative"], strict=True))
            drawn = pick(samples, n=n, measure="between", share="both", by="centered")
            alike = median(drawn[0]["values"])  # the first: with injected noise
            rows.append((n, who, *(f"{share[s]:.3f}" for s in sigmas), alike))
    head = ("N", "A with", *(f"ratio, noise {s:g}" for s in sigmas), "correlation of samples")
    return table(head, rows, left=0)
