"""The study of chapter 13: two networks on the same faces, one of which sees their pixels permuted."""

from __future__ import annotations

import torch
from torch import Tensor

from gahr import bases, images, measures, zoo
from gahr._checks import check_images
from gahr.analysis import locality
from gahr.denoisers import Denoiser, Wiener, add_noise
from gahr.images import synthetic
from gahr.jacobian import asymmetry, linearize

NETWORKS = {"faces": "faces40-unet16-n13000-a", "shuffled": "shuffled40-unet16-n13000-a"}
SIGMA, FACES, COUNT = 0.3, 8, 1000
RANKS = (*range(1, 21), 29, 30, 41, 53, 70, 100, 150, 200, 300, 400, 600, 800, 1200)
RANGES = {"all": (0.01, 1.0), "strong": (0.1, 1.0), "middle": (0.05, 0.5)}
WINDOWS = (0, 1, 2, 3, 5, 8)


class Shuffling:
    """A denoiser of shuffled images, used on images: shuffle, denoise, shuffle back."""

    def __init__(self, f: Denoiser, seed: int = 0) -> None:
        self.f, self.seed = f, seed

    def __call__(self, y: Tensor, sigma: float | None = None) -> Tensor:
        """Estimate of the clean images, in their own order."""
        return synthetic.unshuffled(self.f(synthetic.shuffled(y, self.seed), sigma), self.seed)


def rearranged(M: Tensor, order: Tensor) -> Tensor:
    """The matrix that does to images in another order what ``M`` does to images: ``P M P^T``."""
    locality.side(M)
    locality.check_order(order, len(M))
    return M[order][:, order]


def restored(M: Tensor, order: Tensor) -> Tensor:
    """Undo `rearranged`: rows and columns in the order of the image's pixels."""
    return rearranged(M, order.argsort())


def diagonal_share(M: Tensor) -> float:
    """Share of the squared entries on the diagonal: 1 if each pixel is treated for itself.

    Examples
    --------
    >>> diagonal_share(torch.eye(4)), diagonal_share(torch.ones(4, 4))
    (1.0, 0.25)
    """
    locality.side(M)
    return (M.diagonal().square().sum() / M.square().sum()).item()


def neighbours(e: Tensor) -> Tensor:
    """Correlation of adjacent pixels in each image, ``(B,)``: near 1 if smooth, 0 if without structure.

    ``sum e_i e_j / sum e_i^2`` with the mean removed, both sums taken per pair (Moran's I).
    """
    check_images(e, "e")
    e = e - e.mean((1, 2, 3), keepdim=True)
    down, across = e[..., 1:, :] * e[..., :-1, :], e[..., 1:] * e[..., :-1]
    pairs = torch.cat([down.flatten(1), across.flatten(1)], 1)
    return pairs.mean(1) / e.square().flatten(1).mean(1)


def gaps(table: Tensor, other: Tensor, sigmas: tuple[float, ...]) -> dict[str, list[dict]]:
    """How much better the first table of PSNRs is, by image, and both slopes over some ranges.

    ``table``, ``other``: ``(levels, B)``, the same noisy images. Slopes have intervals from a
    bootstrap over images; ``difference`` is the second's less the first's, by image, and ``ratio`` the
    second's over the first's, both resampled together.
    """
    more = table - other
    mean, se = more.mean(1).tolist(), (more.std(1) / more.shape[1] ** 0.5).tolist()
    rows = [{"sigma": s, "db": db, "se": e} for s, db, e in zip(sigmas, mean, se, strict=True)]
    slopes = []
    for name, (low, high) in RANGES.items():
        at = [k for k, sigma in enumerate(sigmas) if low <= sigma <= high]
        for of, each in (("first", table), ("second", other), ("difference", -more)):
            slope, least, most = measures.slope(each[at], tuple(sigmas[k] for k in at))
            slopes.append({"range": name, "of": of, "slope": slope, "low": least, "high": most})
        levels = [sigmas[k] for k in at]
        slopes.append({"range": name, "of": "ratio"} | ratio(table[at], other[at], levels))
    return {"gaps": rows, "slopes": slopes}


def ratio(table: Tensor, other: Tensor, sigmas: list[float], draws: int = 1000) -> dict[str, float]:
    """Second mean slope over the first, with a 95 % interval from a bootstrap of images in pairs."""
    entry = -20 * torch.tensor(sigmas, dtype=torch.float64).log10()
    entry = (entry - entry.mean())[:, None]
    first, second = ((entry * each.double()).sum(0) for each in (table, other))  # but for one common factor
    picks = torch.randint(len(first), (draws, len(first)), generator=torch.Generator().manual_seed(0))
    drawn = second[picks].mean(1) / first[picks].mean(1)
    low, high = drawn.quantile(torch.tensor([0.025, 0.975], dtype=torch.float64)).tolist()
    return {"slope": (second.mean() / first.mean()).item(), "low": low, "high": high}


def describe(J: Tensor, wiener: Tensor, spectra: bool = False) -> dict:
    """Numbers of one Jacobian, in the order of the image's pixels; with ``spectra`` factors at `RANKS`, too.

    Factors and directions are those of the symmetric part. ``neighbours`` is the mean over the first 20
    directions; ``above 0.5`` how many factors exceed one half.
    """
    size = round(len(J) ** 0.5)
    S = bases.symmetric(J, shape=(1, size, size))
    found = {
        "trace": J.trace().item(),
        **{f"above {least:g}": int((S.lam > least).sum()) for least in (1, 0.5, 0.2, 0.1)},
        "asymmetry": asymmetry(J).value,
        "diagonal": diagonal_share(J),
        "likeness": locality.likeness(J, wiener),
        "neighbours": neighbours(S.e[:20].view(-1, 1, size, size)).mean().item(),
    }
    if spectra:
        found["symmetric"] = S.lam[torch.tensor([k for k in RANKS if k <= len(J)]) - 1].tolist()
    return found


def spectra() -> dict:
    """PSNR gaps on held-out faces; Jacobians of both networks at the portrait and at some of them.

    Returns
    -------
    found
        ``psnr``: a curve for each ``denoiser``. ``gaps``, ``slopes``: see
        `gaps`. ``jacobians``: by denoiser and ``face`` (0: the portrait, with spectra), see `describe`.
        ``windows``: by the order of the ``pixels`` and ``radius``, the best linear estimate's ``mse``.
    """
    mean, values, vectors, rest = images.covariance("faces40")
    C, order = locality.whole(values, vectors, rest), locality.order(40)
    x = images.load("faces40", COUNT, "held-out")
    f = {name: zoo.load(network) for name, network in NETWORKS.items()}
    on_faces = {"faces": f["faces"], "shuffled": Shuffling(f["shuffled"])}
    on_faces["wiener"] = Wiener(mean, values, vectors, rest)
    tables = {name: measures.psnr_table(g, x)[:, 0] for name, g in on_faces.items()}
    wiener = C @ torch.linalg.inv(C + SIGMA**2 * torch.eye(len(C), dtype=torch.float64))
    jacobians = [{"denoiser": "wiener"} | describe(wiener, wiener, spectra=True)]
    for k, clean in enumerate([images.portrait(), *x[:FACES, None]]):
        y = add_noise(clean, SIGMA, seed=k)
        J = {"faces": linearize(f["faces"], y).matrix()}
        J["shuffled"] = restored(linearize(f["shuffled"], synthetic.shuffled(y)).matrix(), order)
        for name, matrix in J.items():
            numbers = describe(matrix, wiener, spectra=k == 0)
            jacobians.append({"denoiser": name, "face": k} | numbers)
    levels = list(measures.SIGMAS)
    psnr = [{"denoiser": n, "sigma": levels, "psnr": table.mean(1).tolist()} for n, table in tables.items()]
    windows = []
    for pixels, covariance in (("faces", C), ("shuffled", rearranged(C, order))):
        for radius in WINDOWS:
            mse = locality.window_mse(covariance, SIGMA, radius)
            windows.append({"pixels": pixels, "radius": radius, "mse": mse})
    return {
        "networks": list(NETWORKS.values()),
        "images": COUNT,
        "sigma": SIGMA,
        "ranks": list(RANKS),
        "psnr": psnr,
        **gaps(tables["faces"], tables["shuffled"], measures.SIGMAS),
        "jacobians": jacobians,
        "windows": windows,
    }


STUDIES = {"shuffled40-spectra": spectra}
