"""Figures and tables on C^alpha images show the numbers they were given, and oracles have known slopes."""

import matplotlib
import pytest
import torch

from gahr import denoisers

matplotlib.use("Agg")
import matplotlib.pyplot as plt

from gahr import bases, contours, geometry, harmonics, plots, synthetic


@pytest.fixture(autouse=True)
def close():
    yield
    plt.close("all")


def stored():
    """Two classes whose slopes are 0.4 and 0.6."""
    classes = {}
    for name, slope in (("1", 0.4), ("3", 0.6)):
        span = [slope, slope - 0.02, slope + 0.02]
        classes[name] = {
            "psnr": {"network": [10.0, 12.0, 14.0]},
            "local": [slope, slope / 2],
            "slope": {"rule": span, "own": span, "0.01 to 0.1": [slope / 4, 0.0, 0.2]},
            "fixed": {"network": span, "cosines": [0.3, 0.29, 0.31]},
            "without floor": [slope + 0.1, slope, slope + 0.2],
        }
    ranges = {"rule": [0.1, 1.0], "0.01 to 0.1": [0.01, 0.1]}
    return {"sigma": [0.01, 0.1, 1.0], "ranges": ranges, "classes": classes}


def test_an_edge_holds_cosines_and_wavelets_to_their_slopes():
    """1/3 and 1/2 in large pictures; a Gaussian field has its exact 4/5 at any size."""
    middle = slice(3, 6)
    assert contours.oracle_slopes(1024, "wavelets")[middle].mean().item() == pytest.approx(1 / 2, abs=0.05)
    assert contours.oracle_slopes(1024, "cosines")[middle].mean().item() < 0.45
    small, large = (contours.oracle_slopes(side, "Gaussian field") for side in (40, 256))
    assert small[2:6].mean().item() == pytest.approx(4 / 5, abs=0.03)
    assert torch.allclose(small, large, atol=0.03)


def test_bends_are_drawn_beside_what_an_edge_allows():
    _, axes = plots.figure(1, 3)
    contours.ends(axes[0], large=64)
    for ax, limit in zip(axes[0], (1 / 3, 1 / 2, 4 / 5), strict=True):
        assert [len(line.get_xdata()) for line in ax.lines[:2]] == [len(contours.LEVELS) - 1] * 2
        assert ax.lines[2].get_ydata()[0] == limit


def test_slopes_are_drawn_and_written_as_stored():
    _, axes = plots.figure(1, 2)
    contours.slopes(axes[0], stored())
    assert list(axes[0, 0].lines[0].get_xdata()) == [40, 20, 0]
    assert list(axes[0, 1].lines[0].get_ydata()) == pytest.approx([0.4, 0.6])
    first, second = contours.slope_table(stored()).splitlines()[2:]
    assert first == "| 1 | 0.400 (0.380 to 0.420) | 0.46 | -0.10 | 0.50 | 0.33 | 0.00 |"
    assert second == "| 3 | 0.600 (0.580 to 0.620) | 0.75 | -0.15 | 0.75 | 0.71 | 0.67 |"


def test_local_slopes_stand_between_their_levels():
    _, axes = plots.figure()
    contours.local(axes[0, 0], stored())
    assert list(axes[0, 0].lines[1].get_xdata()) == [30, 10]
    assert list(axes[0, 0].lines[1].get_ydata()) == [0.6, 0.3]


def test_other_ranges_and_bases_have_their_rows():
    rows = contours.range_table(stored()).splitlines()[2:]
    assert rows[0] == "| rule | 0.1 to 1 | 0.40 ± 0.02 | 0.60 ± 0.02 |"
    assert rows[1] == "| 0.01 to 0.1 | 0.01 to 0.1 | 0.10 ± 0.10 | 0.15 ± 0.10 |"
    assert rows[2] == "| rule, each class by itself | its own | 0.40 ± 0.02 | 0.60 ± 0.02 |"
    assert rows[3] == "| rule, floor taken off | as the rule | 0.50 ± 0.10 | 0.70 ± 0.10 |"
    rows = contours.basis_table(stored()).splitlines()[2:]
    assert rows[1] == "| oracle, cosines | 0.30 ± 0.01 | 0.30 ± 0.01 |"
    assert rows[2] == "| theory, C-alpha | 0.50 | 0.75 |"


def test_heights_are_at_the_levels_that_were_asked_for():
    rows = contours.height_table(stored(), 3, sigmas=(1.0, 0.01)).splitlines()
    assert rows[0] == "| PSNR in dB, alpha = 3 | noise 1.00 | noise 0.01 |"
    assert rows[2:] == ["| network | 14.0 | 10.0 |"]


def geo():
    row = {
        "summary": {"network": {"aligned": [0.8, 0.01], "purity": [0.7, 0.02]}},
        "share": [0.2, 0.4],
        "lam": [[2.0 - k / 10, 1.0, 3.0] for k in range(24)],
        "oracle": {"cosines": [-1.5, 0.2], "network": [0.0, 0.0]},
        "network itself": [-2.0, 0.1],
    }
    rough = row | {"share": [0.5, 0.6]}
    return {"classes": {"2": rough, "4": row}}


def test_eigenvalues_are_those_of_the_scaled_rank():
    first, last = contours.eigenvalue_table(geo(), ranks=(1, 20)).splitlines()[2:]
    assert first.startswith("| 1 | 1.147 | 2.00 (1.00 to 3.00) | 2.00")
    assert last.startswith("| 20 | 0.65 | 0.10 (1.00 to 3.00) | 0.58") and "| 1.10 (1" in last


def test_measures_and_oracles_are_written_as_stored():
    assert contours.measure_table(geo(), 4).splitlines()[2] == "| network | 0.80 ± 0.01 | 0.70 ± 0.02 |"
    every = contours.measure_table(geo()).splitlines()[2:]
    assert every[1] == "| network, alpha = 4 | 0.80 ± 0.01 | 0.70 ± 0.02 |" and len(every) == 2
    rows = contours.oracle_table(geo()).splitlines()[2:]
    assert rows[0] == "| cosines | -1.50 ± 0.20 | -1.50 ± 0.20 |"
    assert rows[1] == "| the network, with its own factors | -2.00 ± 0.10 | -2.00 ± 0.10 |"


def test_strips_are_those_of_the_contour_and_of_its_mirror_image():
    view = geometry.look(lambda y, sigma=None: y, 4.0, 2, 0.1)
    _, axes = plots.figure(3, 2)
    contours.strips(axes, view)
    vectors = geometry.leading(view, "network", 2)
    for column, heights in ((0, view.heights), (1, view.heights.flip(0))):
        shown = torch.from_numpy(axes[2, column].images[0].get_array().filled())
        assert torch.allclose(shown, harmonics.straighten(vectors, heights)[1])


def test_cosines_led_by_an_estimate():
    constant, none = contours.led(lambda y, sigma=None: torch.ones_like(y), 4.0, pictures=2)
    assert abs(constant) < 0.05 and none < 0.05  # the first cosine leads already
    seeds, sigma = iter((1, 2)), 0.15
    gain, _ = contours.led(lambda y, sigma=None: synthetic.c_alpha(1, 40, 4.0, seed=next(seeds)), 4.0, 2)
    expected = []
    for seed in (1, 2):  # led by the clean picture itself, all other coefficients vanish
        x = synthetic.c_alpha(1, 40, 4.0, seed=seed).flatten()
        plain = bases.oracle_error(bases.dct(40, 40) @ x, sigma)
        expected.append(10 * torch.log10(plain / bases.oracle_error(x.norm()[None], sigma)).item())
    assert gain == pytest.approx(sum(expected) / 2, abs=0.05) and gain > 10


def test_a_glance_is_at_the_noisy_picture():
    def cube(y, sigma=None):  # its Jacobian is y^2 on the diagonal
        return y.pow(3) / 3

    lam = contours.glance(cube, 4.0, 1, 0.15, 3, size=8).basis.lam
    y = denoisers.add_noise(synthetic.c_alpha(1, 8, 4.0, seed=1), 0.15)
    assert torch.allclose(lam, y.flatten().square().sort(descending=True).values[:3], rtol=1e-2)


def test_the_error_of_the_led_basis_is_that_of_a_mean():
    x = {s: synthetic.c_alpha(1, 40, 4.0, seed=s) for s in (1, 2)}
    seeds, gains = iter((1, 2)), []
    for s in (1, 2):
        plain = bases.oracle_error(bases.dct(40, 40) @ x[s].flatten(), 0.15)
        gains.append(10 * torch.log10(plain / bases.oracle_error(x[s].norm()[None], 0.15)).item())
    se = contours.led(lambda y, sigma=None: x[next(seeds)], 4.0, 2)[1]
    assert se == pytest.approx(abs(gains[0] - gains[1]) / 2, abs=0.02)  # of two: half their difference


def test_bars_of_slopes_reach_from_the_low_end_to_the_high_one():
    span = [0.4, 0.3, 0.45]
    row = {"psnr": {"network": [10.0, 12.0]}, "slope": {"rule": span}}
    stored = {"sigma": [0.1, 1.0], "ranges": {"rule": [0.1, 1.0]}, "classes": {"1": row}}
    _, axes = plots.figure(1, 2)
    contours.slopes(axes[0], stored)
    assert axes[0, 1].containers[0].lines[2][0].get_segments()[0][:, 1] == pytest.approx([0.3, 0.45])
