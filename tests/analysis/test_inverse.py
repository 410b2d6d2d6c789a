"""Linear measurements: orthonormal rows, and what each of them measures."""

import math

import numpy as np
import pytest
import torch
from scipy import fft

from gahr.analysis import inverse

SHAPE = (1, 8, 12)

MEASUREMENTS = {
    "inpainting": inverse.inpainting(SHAPE, 2, 3, 4, 5),
    "random pixels": inverse.random_pixels(SHAPE, 0.25, seed=1),
    "super-resolution": inverse.super_resolution(SHAPE, 4),
    "compressive": inverse.compressive(SHAPE, 0.25, seed=1),
    "spectral": inverse.spectral(SHAPE, 3),
}
COUNTS = {
    "inpainting": 96 - 20,
    "random pixels": 24,
    "super-resolution": 6,
    "compressive": 24,
    "spectral": 9,
}


def draw(*shape, seed=0):
    return torch.randn(shape, generator=torch.Generator().manual_seed(seed))


@pytest.mark.parametrize("name", MEASUREMENTS)
def test_rows_are_orthonormal_and_lift_is_the_transpose(name):
    problem, m = MEASUREMENTS[name], COUNTS[name]
    assert problem.rows.shape == (m, 96) and problem.fraction == m / 96
    torch.testing.assert_close(problem.rows @ problem.rows.T, torch.eye(m), atol=1e-5, rtol=0)
    x, c = draw(3, *SHAPE), draw(3, m, seed=1)
    assert problem.measure(x).shape == (3, m) and problem.lift(c).shape == (3, *SHAPE)
    left, right = (problem.measure(x) * c).sum(1), (x * problem.lift(c)).flatten(1).sum(1)
    torch.testing.assert_close(left, right, atol=1e-4, rtol=0)
    torch.testing.assert_close(problem.measure(problem.lift(c)), c, atol=1e-5, rtol=0)
    once = problem.project(x)
    torch.testing.assert_close(problem.project(once), once, atol=1e-5, rtol=0)
    torch.testing.assert_close(problem.measure(once), problem.measure(x), atol=1e-5, rtol=0)


def test_inpainting_hides_its_rectangle():
    x = draw(1, *SHAPE)
    seen = MEASUREMENTS["inpainting"].project(x)
    expected = x.clone()
    expected[..., 2:6, 3:8] = 0
    torch.testing.assert_close(seen, expected)


def test_random_pixels_are_pixels_of_the_seed():
    x = draw(1, *SHAPE)
    seen = MEASUREMENTS["random pixels"].project(x)
    kept = seen != 0
    assert kept.sum() == 24 and torch.equal(seen[kept], x[kept])
    rows = MEASUREMENTS["random pixels"].rows
    assert torch.equal(inverse.random_pixels(SHAPE, 0.25, seed=1).rows, rows)
    assert not torch.equal(inverse.random_pixels(SHAPE, 0.25, seed=2).rows, rows)


def test_super_resolution_averages_blocks():
    x = draw(2, *SHAPE)
    means = x.view(2, 2, 4, 3, 4).mean((2, 4))
    torch.testing.assert_close(MEASUREMENTS["super-resolution"].measure(x), 4 * means.flatten(1))
    color = inverse.super_resolution((3, 4, 4), 2)
    assert color.rows.shape == (12, 48)


def test_spectral_keeps_the_lowest_cosines():
    x = draw(1, *SHAPE)
    expected = fft.dctn(x[0, 0].numpy(), norm="ortho")[:3, :3].ravel()
    np.testing.assert_allclose(MEASUREMENTS["spectral"].measure(x)[0], expected, atol=1e-5)


def test_compressive_patterns_are_dense_and_of_the_seed():
    rows = MEASUREMENTS["compressive"].rows
    assert (rows.abs() > 1e-4).float().mean() > 0.95
    assert torch.equal(inverse.compressive(SHAPE, 0.25, seed=1).rows, rows)
    assert not torch.equal(inverse.compressive(SHAPE, 0.25, seed=2).rows, rows)


@pytest.mark.parametrize(
    ("call", "sentence"),
    [
        (lambda: inverse.Rows(torch.eye(4)[:2] * 2, (1, 2, 2)), "must be orthonormal"),
        (lambda: inverse.Rows(torch.full((2, 4), math.nan), (1, 2, 2)), "must be orthonormal"),
        (lambda: inverse.Rows(torch.eye(5), (1, 2, 2)), r"rows must be \(m, 4\)"),
        (lambda: inverse.Rows(torch.eye(4), (2, 2)), r"shape must be \(C, H, W\); got \(2, 2\)"),
        (lambda: inverse.inpainting(SHAPE, 0, 0, 0, 0), "must hide some pixels .* and not all"),
        (lambda: inverse.inpainting(SHAPE, 0, 0, 8, 12), "must hide some pixels .* and not all"),
        (lambda: inverse.inpainting(SHAPE, -3, 0, 2, 2), r"top must be in \[0, inf\); got -3"),
        (lambda: inverse.inpainting((8, 12), 1, 1, 2, 2), r"shape must be \(C, H, W\)"),
        (lambda: inverse.random_pixels(SHAPE, 0.0), r"fraction must be in \(0, 1\]; got 0.0"),
        (lambda: inverse.compressive(SHAPE, 1.5), r"fraction must be in \(0, 1\]; got 1.5"),
        (lambda: inverse.super_resolution(SHAPE, 3), "8x12 pixels do not divide into blocks of 3x3"),
        (lambda: inverse.super_resolution(SHAPE, 0), r"factor must be in \[1, inf\); got 0"),
        (lambda: inverse.spectral(SHAPE, 9), r"cutoff must be in \[1, 8\]; got 9"),
        (lambda: inverse.Pixels(torch.ones(1, 2, 2)), r"seen must be a bool mask.*got torch.float32"),
        (lambda: MEASUREMENTS["spectral"].measure(torch.zeros(1, 1, 8, 8)), r"shape \(1, 8, 12\); got"),
        (lambda: MEASUREMENTS["spectral"].measure(torch.full((1, *SHAPE), math.nan)), "x contains NaN"),
        (lambda: MEASUREMENTS["spectral"].lift(torch.zeros(9)), r"measurements must be \(B, 9\); got \(9,\)"),
    ],
)
def test_impossible_measurements_are_refused(call, sentence):
    with pytest.raises(ValueError, match=sentence):
        call()


def test_a_mask_measures_what_its_matrix_does_and_needs_no_room():
    seen = torch.rand(3, 8, 12, generator=torch.Generator().manual_seed(0)) < 0.4
    mask, x = inverse.Pixels(seen), torch.rand(2, 3, 8, 12)
    dense = inverse.Rows(mask.rows, (3, 8, 12))
    assert mask.fraction == dense.fraction
    assert torch.equal(mask.measure(x), dense.measure(x))
    assert torch.equal(mask.project(x), dense.project(x)) and torch.equal(mask.project(x), x * seen)
    large = inverse.inpainting((3, 512, 512), 100, 100, 50, 50)  # as a matrix: 2 TiB
    big = torch.rand(1, 3, 512, 512)
    assert torch.equal(large.project(big)[..., 99, :], big[..., 99, :]) and large.count == 3 * (512**2 - 2500)


def test_a_colour_image_is_blurred_channel_by_channel():
    x = torch.rand(2, 3, 8, 6, generator=torch.Generator().manual_seed(0))
    whole = inverse.spectral((3, 8, 6), 3).project(x)
    each = [inverse.spectral((1, 8, 6), 3).project(x[:, c : c + 1]) for c in range(3)]
    torch.testing.assert_close(whole, torch.cat(each, 1))


def test_a_hidden_pixel_is_hidden_in_all_its_channels():
    x = draw(1, 3, 8, 12)
    kept = inverse.random_pixels((3, *SHAPE[1:]), 0.25, seed=1).project(x) != 0
    assert torch.equal(kept, (MEASUREMENTS["random pixels"].project(x[:, :1]) != 0).expand_as(x))
