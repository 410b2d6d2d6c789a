"""A network that nobody here trained: the group's published BF-CNN, at a photograph of 64x64 pixels."""

from __future__ import annotations

import torch
from torch import Tensor
from torch.nn.functional import interpolate

from gahr import _files, bases, jacobian, measures, zoo
from gahr.analysis import subspaces
from gahr.denoisers import Denoiser, add_noise
from gahr.jacobian import linearize

SIGMA, SIZE, LEADING = 0.15, 64, 120
RANKS = (1, 3, 8, 17, 29, 53, 77, 101)
DENOISERS = {
    "BF-CNN, published": ("published", "bfcnn-bsd400-gray"),
    "our UNet of faces": ("load", "faces40-unet16-n13000-a"),
}


def photograph() -> Tensor:
    """The cameraman of scikit-image (CC0), ``(1, 1, 64, 64)``, intensities in [0, 1]."""
    from skimage import data

    x = torch.from_numpy(data.camera())[None, None].float() / 255
    return interpolate(x, SIZE, mode="area")


def at(f: Denoiser, x: Tensor, leading: int = LEADING, passes: int = 120) -> tuple[dict, Tensor]:
    """Leading factors and directions of a denoiser at a noisy photograph, and how symmetric its Jacobian is.

    Returns
    -------
    row
        ``psnr`` (dB); ``lam``, the leading eigenvalues of the symmetric part; ``packed``, directions at
        `RANKS`; ``ratio``, ``||J - J^T|| / ||J||``, with its standard error ``se`` over random probes;
        ``within``, the same inside the 50 leading directions.
    e
        Leading directions, ``(leading, d)``.
    """
    y = add_noise(x, SIGMA, seed=0)
    J = linearize(f, y, chunk=32)
    basis = bases.symmetric(J, leading, tol=1e-2, block=16)
    ratio = jacobian.asymmetry(J, passes)
    shown = basis.images([k - 1 for k in RANKS if k <= leading])
    row = {
        "psnr": measures.psnr(x, f(y)).item(),
        "lam": basis.lam.tolist(),
        "ratio": ratio.value,
        "se": ratio.error,
        "within": subspaces.within(J, basis.e[:50]),
        "packed": _files.pack_vectors(shown[:, 0]),
    }
    return row, basis.e


def beside() -> dict:
    """The published network and ours at the same noisy photograph, and what their leading spaces share.

    Returns
    -------
    found
        ``rows``: by ``denoiser``, what `at` finds. ``shared``: shared energy of the leading 50 directions.
        ``picture``: the photograph, packed.
    """
    x, rows, spaces = photograph(), [], []
    for name, (source, which) in DENOISERS.items():
        row, e = at(getattr(zoo, source)(which), x)
        rows.append({"denoiser": name} | row)
        spaces.append(e[:50])
    shared = subspaces.shared(*spaces)[-1].item()
    settings = {"sigma": SIGMA, "size": SIZE, "ranks": list(RANKS), "picture": _files.pack(x)}
    return settings | {"shared": shared, "rows": rows}


STUDIES = {"published-photograph": beside}
