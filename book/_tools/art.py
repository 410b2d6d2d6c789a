"""Draw the logo and the README's picture from the book's own network: ``python book/_tools/art.py``.

The logo is one direction in which the face network shrinks the noisy portrait, smoothed and drawn as filled
contours. The README's picture puts a few of these directions beside the portrait. What the landing
page shows is drawn by ``python -m book.lab.screen``; ``make art`` runs both.
"""

from __future__ import annotations

import re
from pathlib import Path

import matplotlib.pyplot as plt
import numpy as np
from scipy import ndimage
from skimage.measure import approximate_polygon

from gahr import bases, denoisers, images, jacobian, plots, zoo

STATIC = Path(__file__).resolve().parents[2] / "_static"
LOGO_RANK = 24
RANKS = (3, 5, 8, 12, 23, 41, 65, 101)


def logo(direction: np.ndarray) -> None:
    """One direction as an SVG: orange where it is negative, blue where it is positive."""
    smooth = ndimage.zoom(ndimage.gaussian_filter(direction, 1.0), 3, order=3)
    limit = np.quantile(np.abs(smooth), 0.995)
    levels = np.array([-9, -0.6, -0.3, -0.12, 0.12, 0.3, 0.6, 9]) * limit
    shades = ["#B34A00", "#D55E00", "#EFA56B", "#F7F4EE", "#7DBBE0", "#0072B2", "#00507D"]
    fig = plt.figure(figsize=(2, 2))
    ax = fig.add_axes((0, 0, 1, 1))
    filled = ax.contourf(smooth[::-1], levels=levels, colors=shades)
    edge = plt.Circle((0.5, 0.5), 0.49, transform=ax.transAxes)
    filled.set_clip_path(edge)
    ax.add_patch(plt.Circle((0.5, 0.5), 0.49, transform=ax.transAxes, fill=False, ec="#5B6470", lw=1.5))
    ax.set_axis_off()
    ax.set_aspect("equal")
    plt.rcParams["svg.hashsalt"] = "gahr"
    file = STATIC / "logo.svg"
    fig.savefig(file, transparent=True, metadata={"Date": None})
    plt.close(fig)
    file.write_text(re.sub(r'(?<=\sd=")[ML\sz\d.-]+', thinned, file.read_text("utf-8")), encoding="utf-8")


def thinned(outline: re.Match) -> str:
    """An outline to a tenth of a point, without the points that lie on a line between others."""
    parts = []
    for part in filter(str.strip, re.split("(?=M)", outline[0])):
        points = np.array(re.findall(r"(-?[\d.]+)\s+(-?[\d.]+)", part), dtype=float)
        closed = part.rstrip().endswith("z")
        ring = np.concatenate([points, points[:1]]) if closed else points
        kept = approximate_polygon(ring, 0.12).round(1)
        ends = "z" if closed else ""
        parts.append("M" + " ".join(f"{x:g} {y:g}" for x, y in (kept[:-1] if closed else kept)) + ends)
    return "".join(parts)


def main() -> None:
    """Draw both files."""
    f, x, sigma = zoo.load("faces40-unet16-n13000-a"), images.portrait(), 0.15
    y = denoisers.add_noise(x, sigma)
    basis = bases.symmetric(jacobian.jacobian(f, y), shape=(1, 40, 40))
    e = basis.e * (basis.e @ y.flatten()).sign()[:, None]  # an eigenvector has no sign of its own
    logo(e[LOGO_RANK - 1].view(40, 40).numpy())
    fig, axes = plots.figure(2, 5, size=(1.7, 1.8))
    flat = axes.ravel()
    plots.images(flat[:2], [y, f(y)], ["a noisy portrait", "what the network makes of it"])
    plots.images(
        flat[2:],
        [e[k - 1].view(40, 40) for k in RANKS],
        [f"direction {k}, kept by {basis.lam[k - 1]:.2f}" for k in RANKS],
        signed=True,
    )
    fig.savefig(STATIC / "readme.png", dpi=130, metadata={"Software": None})


if __name__ == "__main__":
    main()
