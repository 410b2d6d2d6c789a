"""Figures of chapter 12: gaps to exact optima, and numbers of factors."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from matplotlib.axes import Axes
from torch import Tensor

from gahr import plots
from gahr.notebook import pick

__all__ = ["counts", "gaps"]


def gaps(ax: Axes, optima: Mapping[str, Mapping]) -> None:
    """Gap of each network to the exact blind optimum against the noise level, with two standard errors.

    ``optima``: stored results ``...-optima`` by the name to print.
    """
    for name, found in optima.items():
        rows = pick(found["gaps"], pair="network")
        sigma, db, se = ([row[key] for row in rows] for key in ("sigma", "db", "se"))
        ax.errorbar(sigma, db, [2 * each for each in se], marker="o", ms=3, label=name)
    plots.log_ticks(ax, x=(0.01, 0.03, 0.1, 0.3, 1.0))
    ax.set(xlabel="noise level", ylabel="gap to the optimum (dB)", ylim=(0, None))
    ax.legend()


def counts(
    axes: Sequence[Axes],
    sigmas: Sequence[float],
    above: Mapping[str, Mapping[str, Tensor]],
    thresholds: Sequence[float],
) -> None:
    """How many factors lie above thresholds, against the noise level.

    The exact optimum's number above the least threshold is a wide gray band, so that a line on it shows.

    Parameters
    ----------
    axes
        One for each class.
    sigmas
        Noise levels.
    above
        By class, then under ``network`` and ``exact``: numbers of factors, ``(levels, thresholds)``.
    thresholds
        From largest to least; one colour each.
    """
    for ax, (name, found) in zip(axes, above.items(), strict=True):
        label = f"exact, above {thresholds[-1]:g}"
        ax.plot(sigmas, found["exact"][:, -1], color=plots.COLORS["gray"], lw=7, alpha=0.35, label=label)
        for k, (color, level) in enumerate(zip(plots.COLORS.values(), thresholds, strict=False)):
            ax.plot(
                sigmas, found["network"][:, k], "o-", ms=3, color=color, label=f"network, above {level:g}"
            )
        plots.log_ticks(ax, x=(0.01, 0.03, 0.1), y=(1, 10, 100, 1000))
        ax.set(title=name, xlabel="noise level")
    axes[0].set_ylabel("number of factors")
    axes[-1].legend(loc="center left", bbox_to_anchor=(1, 0.5))
