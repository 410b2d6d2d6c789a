"""Figures of chapter 12: gaps to exact optima, and parts of errors."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from matplotlib.axes import Axes

from gahr import plots
from gahr.notebook import pick

__all__ = ["gaps", "parts"]


def gaps(ax: Axes, optima: Mapping[str, Mapping]) -> None:
    """Gap of each network to the exact optimum against the noise level, with two standard errors.

    ``optima``: stored results ``...-optima`` by the name to print.
    """
    for name, found in optima.items():
        rows = pick(found["gaps"], pair="network")
        sigma, db, se = ([row[key] for row in rows] for key in ("sigma", "db", "se"))
        ax.errorbar(sigma, db, [2 * each for each in se], marker="o", ms=3, label=name)
    plots.log_ticks(ax, x=(0.01, 0.03, 0.1, 0.3, 1.0))
    ax.set(xlabel="noise level", ylabel="gap to the optimum (dB)", ylim=(0, None))
    ax.legend()


def parts(
    axes: Sequence[Axes], sigmas: Sequence[float], found: Mapping[str, Mapping[str, Sequence[float]]]
) -> None:
    """Squared errors in units of the noise power against the noise level, one panel for each class.

    The exact optimum is a wide gray band, so that a line on it shows.

    Parameters
    ----------
    axes
        One for each class.
    sigmas
        Noise levels.
    found
        By class, then by name: one number for each level. ``exact optimum`` is the band.
    """
    for ax, (name, lines) in zip(axes, found.items(), strict=True):
        label = "exact optimum"
        ax.plot(sigmas, lines[label], color=plots.COLORS["gray"], lw=7, alpha=0.35, label=label)
        rest = {key: values for key, values in lines.items() if key != label}
        for (key, values), color in zip(rest.items(), plots.COLORS.values(), strict=False):
            wide = 3 if key == "error" else 1.5  # other lines may lie on it
            ax.plot(sigmas, values, "o-", ms=3, lw=wide, color=color, label=key)
        plots.log_ticks(ax, x=(0.01, 0.03, 0.1))
        ax.set(title=name, xlabel="noise level", ylim=(0, None))
    axes[0].set_ylabel("squared error (units of $\\sigma^2$)")
    axes[-1].legend(loc="center left", bbox_to_anchor=(1, 0.5))
