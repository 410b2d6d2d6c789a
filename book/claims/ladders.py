"""What every pair of ladders showed of the claims that were written down before any was trained.

    (a) At N = 10 the gap exceeds 10 dB up to sigma = 0.4; held-out PSNR varies by less than 2 dB there.
    (b) The gap falls from rung to rung; at the last it is within 0.3 dB of zero, or twice its standard error.
    (c) Absolute model variance falls from rung to rung.

``model_card.py`` writes the table; ``tests/claims/test_claims.py`` asserts the rules.
"""

from __future__ import annotations

from itertools import pairwise

from gahr import notebook, zoo
from gahr.analysis import transition

LADDERS = {
    "fashion32-unet16": "fashion32-pairs",
    "faces40-unet16": "faces40-pairs",
    "faces20-unet16": "faces20-pairs",
    "faces10-unet16": "faces10-pairs",
    "faces20-bfcnn32": "faces20-bfcnn32-pairs",
    "calpha40a2-unet16": "calpha40a2-pairs",
    "calpha40a4-unet16": "calpha40a4-pairs",
    "discs40-unet16": "discs40-pairs",
}


def few(stem: str, half: str) -> tuple[float, float]:
    """Claim (a), up to sigma 0.4: smallest gap at N = 10, and by how much held-out PSNR varies, in dB."""
    facts = zoo.ladder(stem, half)[10]
    found, held_out = transition.gap(facts), facts["curves"]["held_out"]["psnr"]
    use = [k for k, sigma in enumerate(found.sigma) if sigma <= 0.4]
    seen = [held_out[k] for k in use]
    return min(found.db[k] for k in use), max(seen) - min(seen)


def rises(stem: str, half: str) -> list[tuple[int, int, float, float, float]]:
    """Claim (b): where the gap rose from rung to rung: both sizes, sigma, rise in dB, its error."""
    found = []
    for (small, before), (large, after) in pairwise(zoo.ladder(stem, half).items()):
        one, two = transition.gap(before), transition.gap(after)
        for sigma, a, b, e, f in zip(one.sigma, one.db, two.db, one.se, two.se, strict=True):
            if b > a:
                found.append((small, large, sigma, b - a, (e * e + f * f) ** 0.5))
    return found


def last(stem: str, half: str) -> list[tuple[float, float]]:
    """Claim (b): gap at the last rung and its standard error, at every noise level."""
    found = transition.gap(list(zoo.ladder(stem, half).values())[-1])
    return list(zip(found.db, found.se, strict=True))


def variances(stem: str) -> list[list[float]]:
    """Claim (c): absolute model variance at every noise level, a row for each size."""
    return [row["variance"] for row in zoo.result(LADDERS[stem])["rows"]]


def table() -> str:
    """A row for each pair of ladders."""
    rows = []
    for stem in LADDERS:
        gap, spread = zip(*(few(stem, half) for half in "ab"), strict=True)
        rose = max((r for half in "ab" for r in rises(stem, half)), key=lambda r: r[3], default=None)
        worst = max((g for half in "ab" for g in last(stem, half)), key=lambda g: abs(g[0]))
        var = variances(stem)
        falls = min(a / b for one, two in pairwise(var) for a, b in zip(one, two, strict=True))
        rows.append(
            (
                f"`{stem}`",
                f"{min(gap):.1f}",
                f"{max(spread):.2f}",
                "never" if rose is None else f"{rose[3]:.2f} ± {rose[4]:.2f} at {rose[2]:g}, N = {rose[1]:,}",
                f"{worst[0]:+.2f} ± {worst[1]:.2f}",
                f"{falls:.2f}",
            )
        )
    head = ("ladders", "(a) least gap", "(a) range", "(b) largest rise", "(b) last gap", "(c) least fall")
    return notebook.table(head, rows)
