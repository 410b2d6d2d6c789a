"""How far two bases agree in their leading directions, and how much nearly equal factors excuse.

Where factors are nearly equal, single vectors are arbitrary and only the space that they span is
defined. The first two numbers here are about that space, for every number of directions ``k`` at once;
`angles` has the principal angles one by one. `within` asks how symmetric a Jacobian is inside such a space.
"""

from __future__ import annotations

import torch
from torch import Tensor

from gahr._checks import check_number, check_orthonormal, check_tensor
from gahr.jacobian import Linearization

__all__ = ["angles", "shared", "shared_when_mixed", "within"]


def shared(a: Tensor, b: Tensor) -> Tensor:
    """Share of one leading space that lies in the other, ``tr(P_A P_B) / k``, for each ``k``, ``(n,)``.

    It is the mean squared cosine of the principal angles: 1 for the same space, and on average
    ``k / d`` for spaces drawn at random in ``d`` dimensions. ``a`` and ``b`` are orthonormal rows in order of
    rank, ``(n, d)`` both. Introduced in chapter 7.

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
        check_orthonormal(rows, name)
    if a.shape != b.shape:
        raise ValueError(f"a and b must have one shape, (n, d); got {tuple(a.shape)}, {tuple(b.shape)}.")
    inside = (a @ b.T).square().double().cumsum(0).cumsum(1).diagonal()
    return (inside / torch.arange(1, len(a) + 1, device=a.device)).to(a)


def shared_when_mixed(lam: Tensor, width: float) -> Tensor:
    """What `shared` would be if directions near the cut were mixed at random, for each ``k``, ``(n,)``.

    All directions whose factor is within ``width`` of the ``k``-th one are taken as one space without
    preferred directions: by so much two denoisers, or two draws of noise, change a factor. Of its ``m``,
    ``i`` fall among the leading ``k`` both times, so that ``i^2 / m`` are expected to agree. The others
    agree. ``lam`` are all factors, decreasing, ``(n,)``.

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

    They are spanned by linearly independent rows, ``(k, d)`` and ``(l, d)``.

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


def within(J: Tensor | Linearization, rows: Tensor) -> float:
    """``||J - J^T|| / ||J||`` inside a space, for instance that of the leading directions.

    ``J`` is the matrix, ``(d, d)``, or what `gahr.jacobian.linearize` returns; orthonormal ``rows``, ``(k,
    d)``, span the space.

    Examples
    --------
    >>> J = torch.tensor([[1.0, 0.0, 5.0], [0.0, 1.0, 0.0], [0.0, 0.0, 0.0]])
    >>> within(J, torch.eye(3)[:2]), round(within(J, torch.eye(3)), 3)
    (0.0, 1.361)
    """
    check_tensor(rows, "rows", "directions (k, d)")
    products = rows @ J.T if isinstance(J, Tensor) else J.jvp(rows.contiguous())
    inside = products @ rows.T
    return ((inside - inside.T).norm() / inside.norm()).item()
