"""Rows of the replication table on shuffled faces: appendix C.3 and Figure 21 of the paper."""

from __future__ import annotations

from functools import partial

from book.claims.claim import RANKS, Found, _bounded, count, images
from book.claims.generalization import Claim, looks
from gahr import intervals, paper, zoo
from gahr.notebook import judge, pick

STUDY = "shuffled40-spectra"
SCALE = (
    f"faces, 40x40, 16 channels, N = 13,000, {looks(13_000)}; a network of faces and one of shuffled faces"
)
PRINTED = paper.SHUFFLED_EIGENVALUES


def claims() -> list[Claim]:
    """All rows, in the paper's order."""
    faces = count(lambda: len(pick(zoo.result(STUDY)["jacobians"], denoiser="faces")))
    jacobians = f"{SCALE}; {faces} pictures, the portrait and held-out faces, sigma = 0.3"
    curves = f"{SCALE}; {images(STUDY)} held-out pictures, the same for both"
    return [
        Claim(
            "Fig. 21",
            "shuffled: the error is much higher",
            "PSNR lower by at least 3 dB at sigma = 0.3: twice the error",
            curves,
            partial(gap, 0.3, 3),
        ),
        *(
            Claim(
                "Fig. 21",
                f"shuffled: the PSNR slope is much lower{where}",
                f"at most two thirds of the other's, over {levels}",
                curves,
                partial(slopes, which),
                note,
                "shuffled: the PSNR slope is much lower",
            )
            for which, where, levels, note in (
                (
                    "all",
                    "",
                    "all noise levels",
                    "Under weak noise the network of shuffled faces returns nearly "
                    "its input, whose slope is one. Only where noise hides something can a slope be low.",
                ),
                ("strong", ", strong noise", "noise of 0.1 to 1", ""),
            )
        ),
        Claim(
            "Fig. 21",
            "shuffled: eigenvalues "
            + ", ".join(f"{value:g} at {rank}" for rank, value in paper.SHUFFLED_EIGENVALUES.items()),
            f"each within 10 % of the paper's, {RANKS}",
            f"{SCALE}; 1 picture, the portrait, sigma = 0.3",
            eigenvalues,
            "Our network has learned a handful of directions of the whole face, which it amplifies, and "
            "treats the rest nearly pixel by pixel.",
        ),
        Claim(
            "Fig. 21",
            "shuffled: shrinkage decays more slowly",
            "more factors above 0.1 than the network of faces has, for every face",
            jacobians,
            decay,
        ),
        Claim(
            "Fig. 21",
            "shuffled back, vectors are noisy but have structure",
            "correlation of neighbouring pixels, mean of the first 20 vectors: at least 0.1, and at most 0.9 "
            "times that of the network of faces",
            jacobians,
            noisy,
        ),
    ]


def gap(sigma: float, least: float) -> Found:
    """PSNR gap at a noise level, with two standard errors over images."""
    (row,) = pick(zoo.result(STUDY)["gaps"], sigma=sigma)
    value, width = row["db"], 2 * row["se"]
    return _bounded(intervals.Interval(value, value - width, value + width), least=least, unit=" dB")


def slopes(which: str = "all") -> Found:
    """Slope with shuffled pixels over that without; its interval resamples both on the same faces."""
    rows = pick(zoo.result(STUDY)["slopes"], range=which)
    (first,), (second,), (ratio,) = (pick(rows, of=of) for of in ("first", "second", "ratio"))
    span = intervals.Interval(*(ratio[key] for key in ("slope", "low", "high")))
    text, margin, verdict = _bounded(span, most=2 / 3)
    return f"{text}: slopes {second['slope']:.3f} and {first['slope']:.3f}", margin, verdict


def eigenvalues() -> Found:
    """Eigenvalues of the symmetric part at the portrait, the largest relative distance, and verdict."""
    found = zoo.result(STUDY)
    values = pick(found["jacobians"], denoiser="shuffled", face=0)[0]["symmetric"]
    known = [rank - 1 for rank in found["ranks"]]
    ours = paper.at_ranks(values, list(paper.SHUFFLED_EIGENVALUES), known=known)
    worst = max(
        abs(value / printed - 1)
        for value, printed in zip(ours, paper.SHUFFLED_EIGENVALUES.values(), strict=True)
    )
    text = ", ".join(f"{value:.3g}" for value in ours)
    return text, f"{100 * (0.1 - worst):+.1f} points", judge(worst, worst, worst, most=0.1)


def _by_face(column: str) -> tuple[list[float], list[float]]:
    """A number of the Jacobians of the shuffled network, and of that of faces."""
    rows = zoo.result(STUDY)["jacobians"]
    one, other = ([row[column] for row in pick(rows, denoiser=name)] for name in ("shuffled", "faces"))
    return one, other


def _ratios(column: str) -> intervals.Interval:
    """Number of the shuffled network over that of the other, by face: mean and range."""
    ratios = [one / other for one, other in zip(*_by_face(column), strict=True)]
    return intervals.Interval(sum(ratios) / len(ratios), min(ratios), max(ratios))


def decay() -> Found:
    """How many times more directions are kept by more than a tenth."""
    text, margin, verdict = _bounded(_ratios("above 0.1"), least=1)
    return f"{text} times as many", margin, verdict


def noisy() -> Found:
    """Correlation of neighbouring pixels in the shuffled network's vectors, shuffled back."""
    ours, theirs = _by_face("neighbours")
    other = sum(theirs) / len(theirs)
    span = intervals.Interval(sum(ours) / len(ours), min(ours), max(ours))
    text, margin, verdict = _bounded(span, 0.1, 0.9 * other)
    return f"{text}; faces {other:.2f}", margin, verdict
