"""How far two bases agree in their leading directions, and how much nearly equal factors excuse.

Where factors are nearly equal, single vectors are arbitrary and only the space that they span is
defined. The first three numbers here are about that space, for every number of directions ``k`` at once;
`angles` has the principal angles one by one.
"""

from __future__ import annotations

import torch
from torch import Tensor

from gahr._checks import check_number, check_tensor

__all__ = ["angles", "captured", "shared", "shared_when_mixed"]


def shared(a: Tensor, b: Tensor) -> Tensor:
    """Share of one leading space that lies in the other, ``tr(P_A P_B) / k``, for each ``k``, ``(n,)``.

    It is the mean squared cosine of the principal angles: 1 for the same space, and on average
    ``k / d`` for spaces drawn at random in ``d`` dimensions. Introduced in chapter 7.

    Parameters
    ----------
    a, b
        Orthonormal rows in order of rank, ``(n, d)`` both.

    Raises
    ------
    ValueError
        If the shapes differ or the rows are not orthonormal.

    Examples
    --------
    >>> shared(torch.eye(3)[[0, 1]], torch.eye(3)[[1, 0]])  # the same plane, in another order
    tensor([0., 1.])
    """
    for rows, name in ((a, "a"), (b, "b")):
        _check_orthonormal(rows, name)
    if a.shape != b.shape:
        raise ValueError(f"a and b must have one shape, (n, d); got {tuple(a.shape)}, {tuple(b.shape)}.")
    inside = (a @ b.T).square().double().cumsum(0).cumsum(1).diagonal()
    return (inside / torch.arange(1, len(a) + 1, device=a.device)).to(a)


def captured(rows: Tensor, products: Tensor, lam: Tensor) -> Tensor:
    """What a symmetric matrix keeps in the span of rows, over the most it keeps in any, for each ``k``.

    ``tr(P S)`` over the sum of the ``k`` largest eigenvalues: at most 1. Unlike `shared` it does not
    punish the exchange of directions with nearly equal factors.

    Parameters
    ----------
    rows
        Orthonormal, in order of rank, ``(n, d)``.
    products
        The matrix times each row, ``(n, d)``. A Jacobian will do: its antisymmetric part drops out.
    lam
        The matrix's largest eigenvalues (of a Jacobian, its symmetric part's), decreasing, ``(n,)``.

    Raises
    ------
    ValueError
        If the rows are not orthonormal or the shapes do not fit.

    Examples
    --------
    >>> S = torch.diag(torch.tensor([2.0, 1.5, 0.0]))
    >>> rows = torch.eye(3)[[1, 0]]
    >>> captured(rows, rows @ S, torch.tensor([2.0, 1.5]))
    tensor([0.7500, 1.0000])
    """
    _check_orthonormal(rows, "rows")
    check_tensor(products, "products", "rows (n, d)"), check_tensor(lam, "lam", "eigenvalues (n,)")
    if products.shape != rows.shape or lam.shape != rows.shape[:1]:
        raise ValueError(
            f"need a product for each row and as many eigenvalues; got {tuple(rows.shape)}, "
            f"{tuple(products.shape)}, {tuple(lam.shape)}."
        )
    kept = (rows * products).sum(1).double()
    return (kept.cumsum(0) / lam.double().cumsum(0)).to(rows)


def shared_when_mixed(lam: Tensor, width: float) -> Tensor:
    """What `shared` would be if directions near the cut were mixed at random, for each ``k``, ``(n,)``.

    All directions whose factor is within ``width`` of the ``k``-th one are taken as one space without
    preferred directions. Of its ``m``, ``i`` fall among the leading ``k`` both times, so that ``i^2 / m``
    are expected to agree. The others agree.

    Parameters
    ----------
    lam
        All factors, decreasing, ``(n,)``.
    width
        By how much two denoisers, or two draws of noise, change a factor.

    Examples
    --------
    >>> shared_when_mixed(torch.tensor([1.0, 0.5, 0.5, 0.0]), width=0.01)
    tensor([1.0000, 0.7500, 1.0000, 1.0000])
    """
    if check_tensor(lam, "lam", "factors (n,)").ndim != 1 or not len(lam) or (lam.diff() > 0).any():
        raise ValueError(f"lam must be decreasing factors, (n,); got shape {tuple(lam.shape)}.")
    check_number(width, "width", 0.0)
    near = (lam[:, None] - lam).abs() <= width
    k = torch.arange(1, len(lam) + 1, device=lam.device)
    alike = near.sum(1)
    leading = (near & (k <= k[:, None])).sum(1)
    return 1 - leading * (alike - leading) / alike / k


def angles(a: Tensor, b: Tensor) -> Tensor:
    """Principal angles between two subspaces in degrees, smallest first, ``(min(k, l),)``.

    Parameters
    ----------
    a, b
        Linearly independent rows that span them, ``(k, d)`` and ``(l, d)``.

    Examples
    --------
    >>> angles(torch.tensor([[1.0, 0.0, 0.0]]), torch.tensor([[1.0, 1.0, 0.0]])).round().tolist()
    [45.0]
    """
    from scipy.linalg import subspace_angles

    check_tensor(a, "a", "rows (k, d)"), check_tensor(b, "b", "rows (l, d)")
    if a.ndim != 2 or b.ndim != 2 or a.shape[1] != b.shape[1]:
        raise ValueError(
            f"rows must have one length, (k, d) and (l, d); got {tuple(a.shape)}, {tuple(b.shape)}."
        )
    found = subspace_angles(*(rows.detach().cpu().double().numpy().T for rows in (a, b)))
    return torch.from_numpy(found).rad2deg().flip(0).to(a.device)


def _check_orthonormal(rows: Tensor, name: str) -> None:
    if (
        check_tensor(rows, name, "orthonormal rows (n, d)").ndim != 2
        or not len(rows)
        or not torch.allclose(rows @ rows.T, torch.eye(len(rows)).to(rows), atol=1e-3)
    ):
        raise ValueError(f"{name} must be orthonormal rows, (n, d); got shape {tuple(rows.shape)}.")
