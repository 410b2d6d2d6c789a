"""Figures of chapter 9: gaps to exact optima, numbers of factors, and how a gap closed in training."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from matplotlib.axes import Axes
from torch import Tensor

from gahr import plots
from gahr.notebook import pick

__all__ = ["counts", "gaps", "training"]


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
    """How many factors lie above thresholds, against the noise level: network solid, exact dashed.

    Parameters
    ----------
    axes
        One for each class.
    sigmas
        Noise levels.
    above
        By class, then under ``network`` and ``exact``: numbers of factors, ``(levels, thresholds)``.
    thresholds
        One colour each.
    """
    for ax, (name, found) in zip(axes, above.items(), strict=True):
        for k, (color, level) in enumerate(zip(plots.COLORS.values(), thresholds, strict=False)):
            for which, style in (("network", "-"), ("exact", "--")):
                label = f"{which}, above {level:g}"
                ax.plot(sigmas, found[which][:, k], style, color=color, label=label)
        plots.log_ticks(ax, x=(0.01, 0.03, 0.1), y=(1, 10, 100, 1000))
        ax.set(title=name, xlabel="noise level", ylabel="number of factors")
    axes[-1].legend(loc="center left", bbox_to_anchor=(1, 0.5))


def training(ax: Axes, steps: Sequence[int], short: Mapping[float, Sequence[float]]) -> None:
    """Decibels that a network is short of a line, by noise level, against the step of its training."""
    for sigma, values in short.items():
        ax.plot(steps, values, "o-", ms=3, label=f"{sigma:g}")
    plots.log_ticks(ax, x=(300, 1000, 3000, 6000))
    ax.set(xlabel="step", ylabel="short of the line (dB)", ylim=(0, None))
    ax.legend(title="noise", loc="center left", bbox_to_anchor=(1, 0.5))
