"""Where the antisymmetric part of a denoiser's Jacobian comes from.

The Jacobian of an ideal denoiser that is told the noise level is symmetric; of a network it is only
nearly so. Two causes can be told apart. A blind denoiser is ``F(y, s(y))``, so its Jacobian holds a
term of rank one, ``(dF/ds) (grad s)^T``, the ideal one's too. And what changes with the noise from one
draw to the next cancels in the mean over draws, which alone costs error: see `least_excess`.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import NamedTuple

import torch
from torch import Tensor

from gahr._checks import check_count, check_number, check_square, stream
from gahr.jacobian import Linearization

__all__ = ["Energies", "energies", "least_excess", "pair_share"]


class Energies(NamedTuple):
    """Squared Frobenius norms of Jacobians at several noise draws, and of their mean over draws."""

    whole: float
    """Mean of ``||J||^2`` over draws."""
    antisymmetric: float
    """Mean of ``||(J - J^T) / 2||^2``."""
    mean_whole: float
    """``||E J||^2``, without bias from the finite number of draws."""
    mean_antisymmetric: float

    @property
    def ratio(self) -> float:
        """``||J - J^T|| / ||J||`` of one draw, as a root mean square."""
        return 2 * (self.antisymmetric / self.whole) ** 0.5

    @property
    def ratio_of_mean(self) -> float:
        """The same of the mean Jacobian; 0 where its estimate comes out negative."""
        return 2 * (max(self.mean_antisymmetric, 0.0) / self.mean_whole) ** 0.5


def energies(draws: Iterable[Tensor | Linearization], passes: int = 64, seed: int = 0) -> Energies:
    """How much of the Jacobian is antisymmetric, at single noise draws and in the mean over them.

    Parameters
    ----------
    draws
        Jacobians of one denoiser at one image with different noise, at least two: matrices ``(d, d)``,
        for which the answer is exact, or what `gahr.jacobian.linearize` returns.
    passes
        Random directions multiplied with each and with its transpose, the same for all draws; not used
        for matrices.
    seed
        Of the directions.

    Raises
    ------
    ValueError
        If there are fewer than two draws, or a matrix is not square.

    Notes
    -----
    The squared norm of a mean over M draws is too large by a M-th of the spread; that is taken off.

    Examples
    --------
    >>> turn = torch.tensor([[0.0, 1.0], [-1.0, 0.0]])
    >>> energies([torch.eye(2) + turn, torch.eye(2) - turn])
    Energies(whole=4.0, antisymmetric=2.0, mean_whole=0.0, mean_antisymmetric=-2.0)
    """
    there, back, scale = [], [], 1.0
    for J in draws:
        if not isinstance(J, Linearization):
            rows, columns = check_square(J).T.double(), J.double()
        else:
            count = check_count(passes, "passes", 2)
            z = (2.0 * torch.randint(0, 2, (count, J.d), generator=stream(seed)) - 1).to(J.y)
            rows, columns, scale = J.jvp(z).double(), J.vjp(z).double(), 1 / count
        there.append(rows)
        back.append(columns)
    if len(there) < 2:
        raise ValueError(f"a mean over noise needs at least two draws; got {len(there)}.")
    found = []
    for part in (torch.stack(there), (torch.stack(there) - torch.stack(back)) / 2):
        single = scale * part.square().sum((1, 2)).mean()
        mean = scale * part.mean(0).square().sum()
        found.append((single.item(), ((len(part) * mean - single) / (len(part) - 1)).item()))
    (whole, mean_whole), (anti, mean_anti) = found
    return Energies(whole, anti, mean_whole, mean_anti)


def least_excess(found: Energies, sigma: float) -> float:
    """Squared error, summed over pixels, that asymmetry must cost at this image: ``sigma^2 ||E A||^2``.

    Let ``g = f - f*`` be the distance from an ideal denoiser whose Jacobian is symmetric. Expanded in
    Hermite polynomials of the noise, ``E ||g||^2`` is at least its part of degree one, which is
    ``sigma^2 ||E grad g||^2`` (Stein's lemma), and the antisymmetric part of that is ``E A`` alone. What
    cancels over noise draws is of higher degree, and an error of high degree has a large gradient: it
    can be large in ``A`` and small in decibels.

    Parameters
    ----------
    found
        What `energies` says at one image.
    sigma
        Noise level.

    Examples
    --------
    >>> least_excess(Energies(whole=50.0, antisymmetric=6.0, mean_whole=40.0, mean_antisymmetric=1.0), 0.5)
    0.25
    """
    return check_number(sigma, "sigma", 0.0) ** 2 * max(found.mean_antisymmetric, 0.0)


def pair_share(J: Tensor) -> float:
    """Share of the antisymmetric energy in its leading plane: 1 for a term of rank one, ``u v^T``.

    Antisymmetric matrices have equal singular values in pairs, one pair for each plane that they turn.

    Examples
    --------
    >>> u, v = torch.tensor([1.0, 0.0, 2.0]), torch.tensor([0.0, 1.0, 1.0])
    >>> round(pair_share(torch.eye(3) + torch.outer(u, v)), 4)
    1.0
    """
    energy = torch.linalg.svdvals((check_square(J) - J.T).double()).square()
    return (energy[:2].sum() / energy.sum()).item()
