"""Measures of geometry, on vectors whose geometry is known."""

import math

import pytest
import torch

from gahr.analysis import harmonics

SIDE = 40


def grid():
    axis = torch.arange(float(SIDE))
    return axis[:, None].expand(SIDE, SIDE), axis[None, :].expand(SIDE, SIDE)


def ramp(degrees):
    """Distance across lines that are turned by so many degrees, and along them."""
    row, column = grid()
    turn = math.radians(degrees)
    row, column = row - 19.5, column - 19.5
    return row * math.cos(turn) + column * math.sin(turn), column * math.cos(turn) - row * math.sin(turn)


@pytest.mark.parametrize("degrees", [0, 30, 90, 135])
def test_normals_point_across_an_edge(degrees):
    across, _ = ramp(degrees)
    angle, strength = harmonics.normals(torch.sigmoid(across / 1.5)[None, None])
    error = torch.remainder(angle - math.radians(degrees) + math.pi / 2, math.pi) - math.pi / 2
    middle = slice(6, -6)
    assert error[middle, middle][across[middle, middle].abs() < 3].abs().max() < 0.03
    assert strength[across.abs() < 1].min() > 10 * strength[across.abs() > 10].max()


@pytest.mark.parametrize("degrees", [0, 30, 60])
def test_alignment_tells_across_from_along_at_any_angle(degrees):
    across, along = ramp(degrees)
    x = torch.sigmoid(across / 1.5)[None, None]
    waves = torch.stack([torch.sin(0.5 * across), torch.sin(0.5 * along), torch.sin(0.35 * (across + along))])
    found = harmonics.alignment(waves, x)
    assert found.tolist() == pytest.approx([1, 0, 0.5], abs=0.03)


def test_white_noise_is_not_aligned():
    noise = torch.randn(200, SIDE, SIDE, generator=torch.Generator().manual_seed(0))
    x = torch.sigmoid(ramp(30)[0])[None, None]
    assert harmonics.alignment(noise, x).mean().item() == pytest.approx(0.5, abs=0.02)
    heights = torch.full((SIDE,), 20.0)
    assert harmonics.across(noise, heights).mean().item() == pytest.approx(0.5, abs=0.02)
    assert harmonics.frequency(noise, heights).mean().item() == pytest.approx((SIDE - 1) / 2, abs=0.5)
    assert harmonics.purity(noise, heights).mean().item() < 0.2
    assert harmonics.share(noise, heights).mean().item() == pytest.approx(9 / SIDE, abs=0.01)


def bent(half_waves):
    """A wave along a curved contour, a few pixels wide, and the contour."""
    row, column = grid()
    heights = (20 + 6 * torch.sin(column[0] / 6)).round()
    bump = torch.exp(-(((row - heights) / 2) ** 2) / 2)
    return (bump * torch.cos(math.pi / SIDE * half_waves * (column + 0.5)))[None], heights


@pytest.mark.parametrize("half_waves", [2, 9, 15])
def test_a_wave_along_a_curved_contour_is_seen_as_one(half_waves):
    e, heights = bent(half_waves)
    assert harmonics.frequency(e, heights).item() == pytest.approx(half_waves, abs=1e-3)
    assert harmonics.purity(e, heights).item() == pytest.approx(1, abs=1e-4)
    assert harmonics.share(e, heights).item() > 0.99
    wrong = heights.flip(0)
    assert harmonics.purity(e, wrong).item() < 0.9
    assert harmonics.across(e, heights) > harmonics.across(e, wrong)


def spots(heights, widths=(0.7, 1.0, 2.0, 4.0, 8.0)):
    """Spots on a contour, of all widths and at all places, flat and with the sign of an edge."""
    row, column = grid()
    distance = row - heights
    band = torch.exp(-(distance**2) / 2)
    bells = torch.stack(
        [torch.exp(-(((column - c) / w) ** 2) / 2) for w in widths for c in range(0, SIDE, 3)]
    )
    return torch.cat([band * bells, distance * band * bells])


def test_changes_of_sign_are_those_of_the_wave():
    for half_waves in (0, 1, 2, 5, 12):
        e, heights = bent(half_waves)
        assert harmonics.sign_changes(e, heights).tolist() == [half_waves]
    assert harmonics.sign_changes(spots(heights), heights).max() == 0
    opposite = spots(heights, (2.0,))[2] - spots(heights, (2.0,))[9]
    assert harmonics.sign_changes(opposite[None], heights).tolist() == [1]
    assert harmonics.sign_changes(torch.zeros(1, SIDE, SIDE), heights).tolist() == [0]


def test_lobes_count_from_a_height_on():
    """A Mexican hat: its side lobes have 2 exp(-3/2) = 0.446 of its height."""
    place = (torch.arange(float(SIDE)) - 20) / 4
    hat = ((1 - place**2) * torch.exp(-(place**2) / 2)).expand(1, 9, SIDE)
    level = torch.full((SIDE,), 4.0)
    for height, changes in ((0.5, 0), (0.45, 0), (0.42, 2), (0.1, 2)):
        assert harmonics.sign_changes(hat, level, height=height).tolist() == [changes]
    for height in (0, 1.1):
        with pytest.raises(ValueError, match=r"height must be in \(0, 1\]"):
            harmonics.sign_changes(hat, level, height=height)


def test_waves_are_told_from_spots_bars_and_noise():
    for half_waves in (2, 3, 9, 15):
        e, heights = bent(half_waves)
        assert harmonics.waves(e, heights).tolist() == [True]
        assert harmonics.waves(e, heights.flip(0)).tolist() == [False]
    assert not harmonics.waves(spots(heights), heights).any()
    part = bent(0)[0] * (torch.arange(SIDE) < 17)
    noise = torch.randn(200, SIDE, SIDE, generator=torch.Generator().manual_seed(0))
    assert not harmonics.waves(torch.cat([bent(0)[0], bent(1)[0], part, noise]), heights).any()


def test_a_stricter_rule_asks_for_more_swings_or_for_a_purer_wave():
    e, heights = bent(2)
    assert [harmonics.waves(e, heights, swings=k).item() for k in (2, 3)] == [True, False]
    mixed = bent(4)[0] + 0.5 * bent(12)[0]  # a fifth of the power is far from the rest
    assert harmonics.purity(mixed, heights).item() == pytest.approx(0.8, abs=1e-3)
    assert [harmonics.waves(mixed, heights, pure=p).item() for p in (0.79, 0.81)] == [True, False]
    with pytest.raises(ValueError, match="pure"):
        harmonics.waves(e, heights, pure=1.5)


def test_a_wave_between_two_colours_counts_as_a_wave():
    """One channel goes up where the other goes down: what swings is their difference."""
    e, heights = bent(5)
    both = torch.stack([e[0], -0.5 * e[0]])[None]
    assert harmonics.sign_changes(both, heights).tolist() == [5]
    assert harmonics.waves(both, heights).tolist() == [True]


def test_length_is_the_part_of_the_contour_that_is_covered():
    e, heights = bent(0)
    part = e * (torch.arange(SIDE) < 10)
    assert harmonics.length(torch.cat([e, part]), heights).tolist() == pytest.approx([1, 0.25], abs=0.01)


def test_strips_that_leave_the_image_are_filled_with_zeros():
    strip = harmonics.straighten(torch.ones(1, 5, 3), torch.tensor([0.0, 2.0, 7.0]), reach=1)
    assert strip[0].tolist() == [[0, 1, 0], [1, 1, 0], [1, 1, 0]]


def test_bad_vectors_are_refused():
    with pytest.raises(ValueError, match="vectors are images"):
        harmonics.share(torch.ones(5, 5), torch.ones(5))
    with pytest.raises(ValueError, match="heights must be one a column"):
        harmonics.share(torch.ones(1, 5, 5), torch.ones(4))
    with pytest.raises(ValueError, match="the picture is"):
        harmonics.alignment(torch.ones(1, 5, 5), torch.ones(1, 1, 6, 6))
    with pytest.raises(ValueError, match="x must be one picture"):
        harmonics.normals(torch.ones(2, 1, 6, 6))


def test_the_weight_of_an_edge_is_its_slope_smoothed():
    """An edge between two columns: derivatives of 1/2 in both, smoothed by a Gaussian of the stated width."""
    x = torch.zeros(1, 1, 33, 40)
    x[..., 20:] = 1
    weight = harmonics.normals(x, scale=2.0)[1][16]
    place = torch.arange(40.0) - 19.5
    assert weight.sum().item() == pytest.approx(0.5, rel=1e-3)
    assert (weight @ place.square() / weight.sum()).item() == pytest.approx(2.0**2 + 0.25, rel=0.06)


def test_across_compares_means_over_pairs():
    e = torch.zeros(1, 9, 40)
    e[0, 4] = torch.tensor([1.0, -1.0]).repeat(20)  # 1 in each of 2 x 40 pairs across, 4 in each of 39 along
    over, along = 2 * 40 / (8 * 40), 4 * 39 / (9 * 39)
    assert harmonics.across(e, torch.full((40,), 4.0)).item() == pytest.approx(over / (over + along))


def test_a_band_holds_four_frequencies():
    k = torch.arange(40.0)
    two = torch.cos(math.pi / 40 * 5 * (k + 0.5)) + torch.cos(math.pi / 40 * 9 * (k + 0.5))
    e = torch.zeros(1, 9, 40)
    e[0, 4] = two
    assert harmonics.purity(e, torch.full((40,), 4.0)).item() == pytest.approx(
        0.5
    )  # 5 and 9 do not fit into a band of 4
    assert harmonics.purity(e, torch.full((40,), 4.0), band=5).item() == pytest.approx(1)


def test_heights_are_rounded():
    e = torch.arange(6.0)[:, None] + torch.zeros(1, 6, 2)
    assert harmonics.straighten(e, torch.tensor([1.6, 2.4]), reach=1)[0].tolist() == [[1, 1], [2, 2], [3, 3]]


def test_an_edge_between_two_colours_counts_and_a_gray_picture_says_the_same():
    across, along = ramp(30)
    edge = torch.sigmoid(across / 1.5)
    x = torch.stack([edge, 1 - edge, torch.full_like(edge, 0.5)])[None]  # equally bright on both sides
    assert harmonics.normals(x.mean(1, keepdim=True))[1].max() < 1e-9 < harmonics.normals(x)[1].max()
    waves = torch.stack([torch.sin(0.5 * across), torch.sin(0.5 * along)])
    e = torch.stack([waves, 0.3 * waves, -waves], 1)
    torch.testing.assert_close(harmonics.alignment(e, x), harmonics.alignment(waves, edge[None, None]))
    gray = edge.expand(1, 3, -1, -1)
    torch.testing.assert_close(harmonics.normals(gray)[0], harmonics.normals(gray[:, :1])[0])
    torch.testing.assert_close(harmonics.normals(gray)[1], 3 * harmonics.normals(gray[:, :1])[1])


def test_along_a_contour_colours_add_their_energies():
    (e, heights), (other, _) = bent(9), bent(2)
    e, other = e + 0.1 * torch.ones_like(e), other + 0.1
    tools = (
        harmonics.share,
        harmonics.across,
        harmonics.frequency,
        harmonics.purity,
        harmonics.length,
        harmonics.sign_changes,
    )
    for tool in tools:
        alone = tool(e, heights)
        torch.testing.assert_close(tool(torch.stack([e, -e, 0.5 * e], 1), heights), alone)
        torch.testing.assert_close(tool(torch.stack([e, 0 * e], 1), heights), alone)
    both = harmonics.share(torch.stack([e, other], 1), heights)
    near = [harmonics.share(one, heights) * one.square().sum() for one in (e, other)]
    torch.testing.assert_close(both, sum(near) / (e.square().sum() + other.square().sum()))
    strip = harmonics.straighten(torch.stack([e, other], 1), heights)
    assert torch.equal(strip, torch.stack([harmonics.straighten(v, heights) for v in (e, other)], 1))
