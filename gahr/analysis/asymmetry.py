"""How symmetric a denoiser's Jacobian is inside a space of directions."""

from __future__ import annotations

from torch import Tensor

from gahr._checks import check_tensor
from gahr.jacobian import Linearization

__all__ = ["within"]


def within(J: Tensor | Linearization, rows: Tensor) -> float:
    """``||J - J^T|| / ||J||`` inside a space, for instance that of the leading directions.

    ``J`` is the matrix, ``(d, d)``, or what `gahr.jacobian.linearize` returns; orthonormal ``rows``, ``(k,
    d)``, span the space.

    Examples
    --------
    >>> import torch
    >>> J = torch.tensor([[1.0, 0.0, 5.0], [0.0, 1.0, 0.0], [0.0, 0.0, 0.0]])
    >>> within(J, torch.eye(3)[:2]), round(within(J, torch.eye(3)), 3)
    (0.0, 1.361)
    """
    check_tensor(rows, "rows", "directions (k, d)")
    products = rows @ J.T if isinstance(J, Tensor) else J.jvp(rows.contiguous())
    inside = products @ rows.T
    return ((inside - inside.T).norm() / inside.norm()).item()
