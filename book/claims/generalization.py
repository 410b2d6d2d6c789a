"""Section 2 and appendix B of the paper: each claim with the rule that our number must satisfy."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from typing import NamedTuple

from book.claims import claim


class Claim(NamedTuple):
    """One row before it is measured; without ``find`` it cannot be. ``note``: why it may differ."""

    source: str
    claim: str
    rule: str
    scale: str
    find: Callable[[], claim.Found] | None
    note: str = ""


CLOTHES = "clothes, 32x32, 16 channels"
FACES = "faces, {0}x{0}, 16 channels"
PAIRS = f"{CLOTHES}; 64 pairs"


def claims() -> list[Claim]:
    """All rows, in the paper's order."""
    return [
        *_figure1(),
        *_figure2(),
        Claim(
            "Fig. 6",
            "no picture of one half has a near-duplicate in the other",
            f"no nearest pair across halves above {claim.COPY}",
            f"{CLOTHES}, 256 of half A",
            claim.across,
            "Near-duplicates were removed before the black frame was added; the frame raises similarity.",
        ),
        Claim(
            "Fig. 7",
            "most pairs agree",
            "more than half of the pairs at 0.9 or above, at the largest N",
            PAIRS,
            partial(claim.agreeing, least=0.5),
        ),
        Claim("Fig. 8", "some pairs part", "some pair below 0.9, at the largest N", PAIRS, claim.parted),
        Claim("Figs. 9, 10", "bedrooms (LSUN), 80x80: as Figs. 1 and 2", "", "no such pictures here", None),
        *_bf_cnn(),
        Claim(
            "Figs. 13, 14",
            "deterministic sampler, N = 20,000: pairs nearly identical",
            "median similarity of pairs at least 0.9",
            f"{PAIRS}, N = 14,000",
            partial(claim.between, 14000, noise=False),
        ),
        *_figure15(),
    ]


def _figure1() -> list[Claim]:
    slope = "slope over sigma from 0.1 to 1 within 0.1 of 1, both halves"
    flat = "held-out PSNR varies by at most 2 dB for sigma up to 0.4, both halves"
    above = "training PSNR at least 10 dB above held-out for sigma up to 0.4, both halves"
    closed = "gap at most 0.3 dB or twice its standard error, at every sigma"
    note = (
        "The best bias-free denoiser of one image has a slope near 1 in this range (chapter 4 derives it "
        "and draws it). Networks trained for minutes fall short of it, and more so the weaker the noise: "
        "that makes the line flatter."
    )
    rows = []
    for n in (1, 10):
        rows += [
            Claim(
                "Fig. 1",
                f"N = {n}: training PSNR has slope 1",
                slope,
                CLOTHES,
                partial(claim.slope, n),
                note,
            ),
            Claim("Fig. 1", f"N = {n}: held-out PSNR is flat", flat, CLOTHES, partial(claim.flat, n)),
            Claim("Fig. 1", f"N = {n}: held-out PSNR is poor", above, CLOTHES, partial(claim.apart, n)),
        ]
    return [
        *rows,
        Claim(
            "Fig. 1",
            "N = 1,000: transition, closed at small noise only",
            "gap at sigma = 1 at least 1 dB larger than at sigma = 0.01",
            CLOTHES,
            partial(claim.closing, "fashion32-unet16-n1000-a"),
            "Our pictures are smaller and need fewer: at N = 1,000 the transition is over. Chapter 5 "
            "measures where it lies.",
        ),
        Claim(
            "Fig. 1",
            "the same, faces",
            "gap at sigma = 1 at least 1 dB larger than at sigma = 0.01",
            FACES.format(40),
            partial(claim.closing, "faces40-unet16-n1000-a"),
        ),
        Claim(
            "Fig. 1",
            "N = 100,000: training and held-out PSNR are equal",
            closed,
            f"{CLOTHES}, N = 14,000",
            partial(claim.closed, "fashion32-unet16-n14000"),
        ),
        Claim(
            "Fig. 1",
            "the same, faces",
            closed,
            f"{FACES.format(40)}, N = 13,000",
            partial(claim.closed, "faces40-unet16-n13000"),
        ),
        Claim(
            "Sec. 2.2",
            "model variance goes to zero with N",
            "at every sigma at least 10 times smaller at the largest N than at N = 10",
            CLOTHES,
            partial(claim.variance, 10, 14000),
        ),
    ]


def _figure2() -> list[Claim]:
    copies, same = f"median similarity to the nearest training picture at least {claim.COPY}", "at least 0.9"
    return [
        *(
            Claim(
                "Fig. 2", f"N = {n}: samples are training pictures", copies, PAIRS, partial(claim.copies, n)
            )
            for n in (1, 10, 100)
        ),
        Claim(
            "Fig. 2",
            "N = 1,000: near a training picture, and distorted",
            f"the same median between 0.8 and {claim.COPY}",
            PAIRS,
            partial(claim.copies, 1000, 0.8, claim.COPY),
        ),
        Claim(
            "Fig. 2",
            "N = 100,000: the two networks draw nearly the same",
            f"median similarity of pairs {same}",
            f"{PAIRS}, N = 14,000",
            partial(claim.between, 14000),
            "Part of the pairs settle on different clothes, as in the paper's Figure 8. Seven times fewer "
            "training pictures than the paper's, and a small network.",
        ),
        Claim(
            "Fig. 2",
            "the same, faces",
            f"median similarity of pairs {same}",
            f"{FACES.format(40)}; 64 pairs, N = 13,000",
            partial(claim.between, 13000, "faces40-samples"),
        ),
        *(
            Claim(
                "Fig. 2, bottom",
                f"at large N pairs are more alike than copies ({text})",
                "of any pair and any sample, the pair is more alike than the sample and its nearest training "
                "picture, in more than half of the cases",
                f"{PAIRS}, N = 14,000",
                partial(claim.above_copies, 14000, convention),
            )
            for convention, text in (("centered", "means removed"), ("plain", "cosine"))
        ),
        Claim(
            "Fig. 2, bottom",
            "the same, faces",
            "the same, means removed",
            f"{FACES.format(40)}; 64 pairs, N = 13,000",
            partial(claim.above_copies, 13000, "centered", "faces40-samples"),
        ),
    ]


def _bf_cnn() -> list[Claim]:
    scale = "faces, 20x20, BF-CNN of 32 channels"
    return [
        Claim(
            "Fig. 11",
            "BF-CNN, N = 10: held-out PSNR is poor",
            "training PSNR at least 10 dB above held-out for sigma up to 0.4, both halves",
            scale,
            partial(claim.apart, 10, "faces20-bfcnn32"),
            "This network had not finished memorizing when its training stopped: training PSNR was "
            "still rising and held-out PSNR still falling (its history is in the manifest). All runs of "
            "a class get the same number of steps, and this architecture learns more slowly.",
        ),
        Claim(
            "Fig. 11",
            "BF-CNN, N = 10,000: training and held-out PSNR are equal",
            "gap at most 0.3 dB or twice its standard error, at every sigma",
            f"{scale}, N = 13,000",
            partial(claim.closed, "faces20-bfcnn32-n13000"),
        ),
        Claim(
            "Fig. 12",
            "BF-CNN: the two networks draw nearly the same",
            "median similarity of pairs at least 0.9",
            scale,
            partial(claim.between, 13000, "faces20-bfcnn32-samples"),
        ),
    ]


def _figure15() -> list[Claim]:
    counts = [("80x80, 3 blocks", 3, 7.6), ("40x40, 2 blocks", 2, 1.8)]
    return [
        Claim(
            "Fig. 15",
            "larger pictures need more training pictures",
            "at N = 100 the mean gap at 20x20 exceeds that at 10x10, half A",
            f"{FACES.format(10)} and {FACES.format(20)}",
            claim.resolution,
        ),
        Claim(
            "Fig. 15",
            "each doubling of the side needs less of an increase",
            "N at which the mean gap is 1 dB: fewer decades from 20x20 to 40x40 than from 10x10 to 20x20",
            f"{FACES.format(40)} (trained for twice the steps) and smaller; two halves, two interpolations",
            claim.increase,
        ),
        *(
            Claim(
                "Table 1",
                f"{name}: {paper} M parameters",
                "as printed, that is cut after one decimal",
                "the paper's network",
                partial(claim.parameters, blocks, paper),
            )
            for name, blocks, paper in counts
        ),
    ]
