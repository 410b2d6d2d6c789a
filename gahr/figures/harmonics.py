"""Figures of chapter 9: how a vector is judged to be a wave along the contour, or not."""

from __future__ import annotations

from collections.abc import Sequence

from matplotlib.axes import Axes
from torch import Tensor

from gahr import plots

__all__ = ["judged"]


def judged(
    column: Sequence[Axes], strip: Tensor, profile: Tensor, power: Tensor, purity: Tensor, start: Tensor
) -> None:
    """Is it a wave? A strip, below it its profile, with dots where it counts, and its spectrum.

    Parameters
    ----------
    column
        Three axes, one above the other.
    strip
        What lies around a line, straightened, ``(rows, columns)``.
    profile, power
        Its profile along the line, and its share of power at each frequency.
    purity, start
        The share of the best window of four frequencies, and where the window begins.
    """
    above, middle, below = column
    plots.image(above, strip, signed=True)
    middle.plot(profile.tolist(), color=plots.COLORS["blue"])
    high = profile.abs() >= profile.abs().max() / 2
    middle.scatter(high.nonzero()[:, 0], profile[high], s=8, color=plots.COLORS["blue"])
    middle.axhline(0, color=plots.COLORS["gray"], lw=0.8)
    for half in (-0.5, 0.5):
        middle.axhline(half * profile.abs().max().item(), color=plots.COLORS["gray"], lw=0.8, ls=":")
    middle.set(yticks=[], xlabel="column", xlim=(-0.5, len(profile) - 0.5))
    below.axvspan(start.item() - 0.5, start.item() + 3.5, color="0.85")
    below.bar(range(power.shape[-1]), power.flatten().tolist(), color=plots.COLORS["blue"])
    below.set(xlabel="frequency", ylim=(0, 1), title=f"purity {purity.item():.2f}")
