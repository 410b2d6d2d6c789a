"""Two denoisers on the same noise: the paper's test of whether they learned the same density.

Both start from the same noise and are injected the same noise, so whatever differs between their
samples comes from the denoisers.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import torch
from torch import Tensor

from gahr import measures, scores
from gahr._calls import Caller
from gahr._checks import (
    check_count,
    check_known,
    check_number,
    check_numbers,
    check_same_shape,
    check_tensor,
)
from gahr._files import unpack
from gahr.denoisers import Denoiser
from gahr.intervals import Interval, median, superiority
from gahr.notebook import pick
from gahr.sampling import Sampling, Trajectory, sample

__all__ = ["SHARED", "alike", "copies", "draw", "estimates", "excess", "kl", "medians", "pictures", "split"]

_APART = 1_000_000
SHARED = {"both": (0, 1, 0, 1), "start": (0, 1, 0, 2), "noise": (0, 1, 3, 1), "nothing": (0, 1, 3, 2)}
"""What a pair may share; the numbers tell which streams of noise start and shake each of the two."""


def draw(
    f: Denoiser,
    g: Denoiser,
    shape: tuple[int, int, int],
    n: int = 1,
    settings: Sampling | None = None,
    seed: int = 0,
    keep: int = 0,
    share: str = "both",
) -> tuple[Trajectory, Trajectory]:
    """Draw ``n`` pairs of samples from shared noise.

    Parameters
    ----------
    f, g
        The denoisers; the same one twice is a control.
    shape, n, settings, seed, keep
        As in `gahr.sampling.sample`. Pair ``i`` is the same whatever ``n`` is.
    share
        ``"both"`` (the starting and the injected noise), ``"start"``, ``"noise"`` or ``"nothing"``.
        What ``f`` draws does not depend on it.

    Notes
    -----
    Source: paper, section 2.2 and Figure 2, which shares both.
    """
    check_known(share, SHARED, "way of sharing")
    seeds = [seed + _APART * stream for stream in SHARED[share]]
    first = sample(f, shape, n, settings, seeds[0], keep, noise_seed=seeds[1])
    return first, sample(g, shape, n, settings, seeds[2], keep, noise_seed=seeds[3])


# ------------------------------------------------------------------------------------------------
# Where two trajectories part


@torch.no_grad()
def estimates(f: Denoiser, run: Trajectory, steps: int | None = None) -> Tensor:
    """What a denoiser answers at each kept state of a trajectory, ``(K, B, C, H, W)``.

    With ``steps`` the last answer is repeated to that length, for a run that stopped before another.
    """
    ask = Caller(f)
    answers = torch.stack([ask(state) for state in run.path])
    missing = 0 if steps is None else max(0, steps - len(answers))
    return torch.cat([answers, answers[-1:].expand(missing, *answers.shape[1:])])


def alike(f: Denoiser, g: Denoiser, runs: tuple[Trajectory, Trajectory], center: bool = True) -> Tensor:
    """Similarity of the two one-shot estimates at each kept state, ``(K, B)``.

    The longer run sets K: the other stays where it stopped.
    """
    length = max(len(run.path) for run in runs)
    one, two = (estimates(h, run, length) for h, run in zip((f, g), runs, strict=True))
    return torch.stack([measures.similarity(x, y, center) for x, y in zip(one, two, strict=True)])


def split(similarity: Tensor, threshold: float = 0.9) -> Tensor:
    """Where each pair parts: the first place from which its similarity stays below a threshold.

    Of ``similarity``, ``(K, B)`` as from `alike`: an index into the K states, ``(B,)``; -1 for a pair that
    ends above the threshold.

    Examples
    --------
    >>> split(torch.tensor([[0.95, 0.95], [0.5, 0.5], [0.95, 0.95], [0.5, 0.95]]))
    tensor([ 3, -1])
    """
    check_number(threshold, "threshold", -1.0, 1.0)
    if check_tensor(similarity, "similarity", "numbers (K, B)").ndim != 2 or not len(similarity):
        raise ValueError(f"similarity must have shape (K, B); got {tuple(similarity.shape)}.")
    apart = (similarity < threshold).int()
    stays = apart.flip(0).cummin(0).values.flip(0)
    return torch.where(stays[-1] > 0, stays.argmax(0), -1)


# ------------------------------------------------------------------------------------------------
# From two estimates of the same noisy image to two densities


def kl(variance: Sequence[float], sigma: Sequence[float], pixels: int) -> list[float]:
    """What the score difference adds up to, in nats for each smallest noise level included, all but the last.

    ``integral of E ||s_f(y) - s_g(y)||^2 sigma dsigma`` from each level up to the largest. Were both
    fields scores of diffused densities, and ``y`` noisy samples of the first, this would be the
    divergence of the second from the first, blurred at that level (less that at the largest level).

    Parameters
    ----------
    variance, sigma
        Model variance per pixel (half the mean squared difference of the estimates) at increasing noise
        levels, at least two.
    pixels
        Of an image.

    Notes
    -----
    Source: paper, equation 2; Song et al. (2021), theorem 1. Trapezoid rule in ``log sigma``.
    """
    variance, sigma = check_numbers(variance, "variance"), check_numbers(sigma, "sigma")
    check_same_shape(variance, sigma, ("variance", "sigma"))
    excess = 2 * check_count(pixels, "pixels", 1) * variance  # of E ||s_f(y) - s_g(y)||^2 sigma^4
    return [scores.kl_bound(excess[k:], sigma[k:]) for k in range(len(sigma) - 1)]


# ------------------------------------------------------------------------------------------------
# What a stored result ``...-samples`` says


def copies(rows: Sequence[Mapping], by: str = "centered") -> list[float]:
    """Similarity of each sample, of both networks, to its nearest training image.

    ``rows`` are of a stored result ``...-samples``, for one N and sampler; ``by`` is ``"centered"``,
    ``"plain"`` or ``"features"``.
    """
    a, b = (pick(rows, measure="copy", half=half, by=by)[0]["values"] for half in ("a", "b"))
    return a + b


def excess(rows: Sequence[Mapping]) -> tuple[float, float]:
    """How often a sample is nearer to its nearest training image than a new image is to its own.

    By pixels and by features, from the ``rows`` of `copies`. See `gahr.intervals.superiority`: 0.5 is no
    copying.
    """
    pixels, features = (
        superiority(copies(rows, by), pick(rows, measure="held_out", by=by)[0]["values"])
        for by in ("centered", "features")
    )
    return pixels, features


def medians(stored: Mapping) -> dict[str, Interval]:
    """Median correlations of a stored result ``...-samples``, at its largest N, each beside its control.

    Returns
    -------
    found
        ``"A, B"`` on shared noise, ``"none injected"``, ``"nothing shared"``; then new images with the
        nearest training image (``"new, nearest"``), and samples with theirs (``"with nearest"``).
    """
    last = pick(stored["rows"], n=max(row["n"] for row in stored["rows"]))
    noisy = pick(last, beta=stored["sampler"]["beta"])

    def middle(rows: Sequence[Mapping], **columns: object) -> Interval:
        return median(pick(rows, by="centered", **columns)[0]["values"])

    return {
        "A, B": middle(noisy, measure="between", share="both"),
        "none injected": middle(last, measure="between", share="both", beta=1.0),
        "nothing shared": middle(noisy, measure="between", share="nothing"),
        "new, nearest": middle(noisy, measure="held_out"),
        "with nearest": median(copies(noisy)),
    }


def pictures(rows: Sequence[Mapping], shape: tuple[int, int, int]) -> dict[str, Tensor]:
    """The first samples for one N and sampler, and the training images nearest to them.

    From rows of the table ``pictures`` of a stored result ``...-samples``, pictures of a shape ``(C, H, W)``:
    ``"a"``, ``"nearest_a"``, ``"b"`` and ``"nearest_b"``, each ``(B, C, H, W)``.
    """
    return {row["which"]: unpack(row["packed"], shape) for row in rows}
