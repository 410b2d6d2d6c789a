"""Generated classes: seeds, ranges, and the statistics that theory gives them."""

import math

import numpy as np
import pytest
import torch

from gahr.analysis import calpha
from gahr.images import synthetic

CLASSES = {
    "gaussian": synthetic.gaussian,
    "c_alpha": synthetic.c_alpha,
    "discs": synthetic.discs,
    "sinusoids": synthetic.sinusoids,
    "scaled": lambda n, size, seed: synthetic.scaled(torch.ones(1, 1, size, size), n, seed),
}


@pytest.mark.parametrize("name", CLASSES)
def test_images_depend_on_the_seed_alone(name):
    torch.manual_seed(1)
    x = CLASSES[name](5, size=12, seed=7)
    torch.manual_seed(2)
    assert x.shape == (5, 1, 12, 12) and x.dtype == torch.float32
    assert torch.equal(x, CLASSES[name](5, size=12, seed=7))
    assert not torch.equal(x, CLASSES[name](5, size=12, seed=8))
    assert len({tuple(image.flatten().tolist()) for image in x}) == 5


@pytest.mark.parametrize(
    ("name", "low", "high"), [("c_alpha", 0, 1), ("discs", 0, 1), ("sinusoids", -1, 1), ("scaled", 0, 1)]
)
def test_ranges(name, low, high):
    x = CLASSES[name](300, size=16, seed=0)
    assert low - 1e-6 <= x.min() < low + 0.1 * (high - low)
    assert high - 0.1 * (high - low) < x.max() <= high + 1e-6


# ------------------------------------------------------------------------------------------------
# Gaussian


def test_gaussian_covariance_is_the_stated_power():
    n, size = 20_000, 8
    x = synthetic.gaussian(n, size, decay=1.2, contrast=0.2, seed=0).double() - 0.5
    measured = torch.fft.fft2(x).abs().square().mean((0, 1)) / size**2
    power = synthetic.gaussian_power(size, 1.2, 0.2).double()
    torch.testing.assert_close(measured, power, rtol=0.06, atol=0)  # four standard errors
    # and nothing off the diagonal: the covariance matrix built from the power, entry by entry
    row = torch.fft.ifft2(power).real
    index = torch.arange(size)
    shift = (index[:, None] - index[None, :]) % size
    expected = row[shift[:, None, :, None], shift[None, :, None, :]].reshape(size**2, size**2)
    measured = torch.cov(x.flatten(1).T)
    torch.testing.assert_close(measured, expected, rtol=0, atol=5 * 0.04 / math.sqrt(n))
    assert x.mean().abs() < 5 * math.sqrt(power[0, 0] / size**2 / n)


def test_gaussian_power_falls_as_stated():
    power = synthetic.gaussian_power(32, decay=1.5, contrast=0.1)
    assert power.mean().item() == pytest.approx(0.01, rel=1e-5)
    assert (power[0, 1] / power[0, 4]).item() == pytest.approx(4**3, rel=1e-4)
    assert (power[3, 4] / power[0, 10]).item() == pytest.approx(2**3, rel=1e-4)  # |(3, 4)| = 5
    assert (power[0, 1] / power[0, -4]).item() == pytest.approx(4**3, rel=1e-4)
    assert power[0, 0] == power[0, 1]


# ------------------------------------------------------------------------------------------------
# C^alpha


def c_alpha_slowly(n, size, alpha, beta, seed):
    """The authors' algorithm one image and one frequency at a time, given the same draws."""
    generator = torch.Generator().manual_seed(seed)

    def uniform(*shape):
        return torch.rand(shape, generator=generator).double().numpy()

    contour_noise = 2 * uniform(n, size) - 1
    ground_noise = 2 * uniform(n, 2, size, size) - 1
    u, v = uniform(2, n, 1, 1)[:, :, 0, 0]
    coin = uniform(n, 1, 1)[:, 0, 0] < 0.5
    t = np.arange(size)
    wave = np.exp(-2j * np.pi * np.outer(t, t) / size)  # the discrete Fourier transform, as a matrix
    k = np.minimum(t, size - t).astype(float)
    line = np.where(k == 0, 1.0, k) ** -alpha
    radius = np.sqrt(k[:, None] ** 2 + k[None, :] ** 2)
    radius[0, 0] = 1.0
    plane = radius**-beta
    made = []
    for i in range(n):
        contour = (wave.conj() @ (line * (wave @ contour_noise[i])) / size).real
        height = [round(size * c) + size // 2 for c in contour]
        grounds = []
        for noise in ground_noise[i]:
            smooth = (wave.conj() @ (plane * (wave @ noise @ wave)) @ wave.conj() / size**2).real
            grounds.append((smooth - smooth.min()) / (smooth.max() - smooth.min()))
        bright, dark = u[i] + (1 - u[i]) * grounds[0], v[i] * grounds[1]
        hard = np.array([[1.0 if row >= height[column] else 0.0 for column in t] for row in t])
        mask = np.empty((size, size))
        for row in t:
            for column in t:
                up, left = abs(row - 1), abs(column - 1)
                mask[row, column] = (
                    hard[row, column] + hard[up, column] + hard[row, left] + hard[up, left]
                ) / 4
        mask = mask if coin[i] else 1 - mask
        made.append(mask * bright + (1 - mask) * dark)
    return np.array(made)


@pytest.mark.parametrize(("alpha", "beta"), [(1.0, None), (2.0, 8.0), (3.0, 1.0)])
def test_c_alpha_is_the_authors_algorithm(alpha, beta):
    x = synthetic.c_alpha(6, 20, alpha, beta, seed=4)[:, 0]
    expected = c_alpha_slowly(6, 20, alpha, alpha if beta is None else beta, seed=4)
    np.testing.assert_allclose(x, expected, atol=2e-5)


@pytest.mark.parametrize("alpha", [1.0, 1.5, 2.0])
def test_contours_have_the_spectrum_of_the_filter(alpha):
    # read off the images: with smooth backgrounds the contour is each column's largest jump
    size = 64
    x = synthetic.c_alpha(2000, size, alpha, beta=8.0, seed=0)[:, 0]
    jump = x.diff(dim=1).abs().max(1)
    clear = jump.values.amin(1) > 0.2
    assert clear.sum() > 80  # the lowest frequency is left out: large swings leave the image
    power = torch.fft.rfft(jump.indices[clear].double(), dim=1).abs().square().mean(0)[2:7]
    k = torch.arange(2, 7).double()
    slope = np.polyfit(k.log(), power.log(), 1)[0]
    assert slope == pytest.approx(-2 * alpha, abs=0.35)
    expected = size * size**2 / 3 * k ** (-2 * alpha)  # U[-1, 1] has variance 1/3
    assert (power / expected).log().mean().exp().item() == pytest.approx(0.9, abs=0.2)


def test_the_two_sides_of_c_alpha_are_coined():
    x = synthetic.c_alpha(600, 16, alpha=3.0, seed=1)[:, 0]
    top_is_brighter = (x[:, :2].mean((1, 2)) > x[:, -2:].mean((1, 2))).float().mean()
    assert abs(top_is_brighter - 0.5) < 4 * 0.5 / math.sqrt(600)


# ------------------------------------------------------------------------------------------------
# Discs


def test_discs_have_the_area_of_their_radius():
    size, n = 40, 500
    x = synthetic.discs(n, size, seed=3)[:, 0].double()
    ground = x[:, :1, :1]  # no disc reaches a corner
    weight = x - ground
    mass = weight.sum((1, 2))
    axis = torch.arange(size).double() + 0.5
    row = (weight.sum(2) @ axis) / mass
    column = (weight.sum(1) @ axis) / mass
    distance = (axis[:, None] - row[:, None, None]) ** 2 + (axis[None, :] - column[:, None, None]) ** 2
    radius = (2 * (weight * distance).sum((1, 2)) / mass).sqrt()  # a disc's mean square distance: r^2 / 2
    inside = (distance < 4).double()
    contrast = (weight * inside).sum((1, 2)) / inside.sum((1, 2))  # gray near the center
    visible = contrast.abs() > 0.02
    area = mass / contrast
    expected = math.pi * radius**2
    torch.testing.assert_close(area[visible], expected[visible], rtol=0.03, atol=0)
    assert (area / expected)[visible].mean().item() == pytest.approx(1, abs=0.01)
    for value, low, high in ((row, 10, 30), (column, 10, 30), (radius, 4, 10)):
        value = value[visible]
        assert low - 0.1 < value.min() < low + 0.5 and high - 0.5 < value.max() < high + 0.1
        error = (high - low) / math.sqrt(12 * n)
        assert value.mean().item() == pytest.approx((low + high) / 2, abs=4 * error)


def test_disc_edges_are_anti_aliased_and_grays_uniform():
    x = synthetic.discs(400, 40, seed=0)
    grays = torch.stack([torch.tensor([len(image.unique())]) for image in x])
    assert (grays > 5).float().mean() > 0.95  # more than two grays: partial coverage at the edge
    ground = x[:, 0, 0, 0]
    assert ground.mean().item() == pytest.approx(0.5, abs=4 * 0.289 / 20)
    assert ground.std().item() == pytest.approx(12**-0.5, rel=0.1)


# ------------------------------------------------------------------------------------------------
# Sinusoids, rays, shuffled pixels


@pytest.mark.parametrize("frequency", [(1, 1), (0, 2), (3, -1)])
def test_sinusoids_span_two_dimensions(frequency):
    size = 16
    x = synthetic.sinusoids(200, size, frequency, seed=0).flatten(1).double()
    singular = torch.linalg.svdvals(x)
    assert singular[2] < 1e-4 * singular[1] and singular[1] > 0.5 * singular[0]
    row, column = np.meshgrid(np.arange(size), np.arange(size), indexing="ij")
    angle = 2 * np.pi * (frequency[0] * row + frequency[1] * column) / size
    waves = torch.from_numpy(np.stack([np.sin(angle), np.cos(angle)]).reshape(2, -1))
    coordinates = x @ waves.T / (size**2 / 2)
    torch.testing.assert_close(coordinates @ waves, x, atol=1e-5, rtol=0)
    intensity, phase = coordinates.norm(dim=1), torch.atan2(coordinates[:, 1], coordinates[:, 0])
    assert intensity.max() <= 1 + 1e-5
    assert intensity.mean().item() == pytest.approx(0.5, abs=4 * 0.289 / math.sqrt(200))
    quarter = torch.bincount(((phase + math.pi) / (math.pi / 2)).long().clamp(0, 3), minlength=4)
    assert (quarter - 50).abs().max() < 4 * math.sqrt(200 * 3 / 16)


def test_scaled_images_lie_on_a_ray():
    image = torch.rand(1, 2, 6, 7, generator=torch.Generator().manual_seed(0))
    x = synthetic.scaled(image, 500, seed=1)
    factors = (x * image).flatten(1).sum(1) / image.square().sum()
    torch.testing.assert_close(x, factors[:, None, None, None] * image)
    assert factors.min() >= 0 and factors.max() <= 1
    assert factors.mean().item() == pytest.approx(0.5, abs=4 * 0.289 / math.sqrt(500))


def test_shuffling_is_one_permutation_for_all():
    marked = torch.arange(48.0).view(1, 1, 6, 8) / 48
    where = (synthetic.shuffled(marked, seed=5).flatten() * 48).round().long()
    assert sorted(where.tolist()) == list(range(48)) and where.tolist() != list(range(48))
    x = torch.rand(3, 2, 6, 8, generator=torch.Generator().manual_seed(0))
    y = synthetic.shuffled(x, seed=5)
    assert torch.equal(y.flatten(2), x.flatten(2)[..., where])
    assert torch.equal(synthetic.unshuffled(y, seed=5), x)
    assert torch.equal(synthetic.shuffled(synthetic.unshuffled(x, seed=5), seed=5), x)
    assert not torch.equal(synthetic.shuffled(x, seed=6), y)


@pytest.mark.parametrize(
    ("call", "sentence"),
    [
        (lambda: synthetic.gaussian(0), "n must be at least 1 and size at least 4; got n = 0, size = 40"),
        (lambda: synthetic.discs(2, 3), "got n = 2, size = 3"),
        (lambda: synthetic.sinusoids(-1), "got n = -1"),
        (lambda: synthetic.c_alpha(2, 16, alpha=-1), r"alpha must be in \[0, inf\); got -1"),
        (lambda: synthetic.c_alpha(2, 16, alpha=2, beta=math.nan), "beta must be in"),
        (lambda: synthetic.gaussian(2, decay=math.nan), "decay must be in"),
        (lambda: synthetic.gaussian_power(16, contrast=-0.1), "contrast must be in"),
        (lambda: synthetic.scaled(torch.ones(2, 1, 4, 4), 3), "image must be a single image.* got 2 images"),
        (lambda: synthetic.scaled(torch.full((1, 1, 4, 4), math.nan), 3), "image contains NaN"),
        (lambda: synthetic.shuffled(torch.ones(4, 4)), r"x must have shape \(B, C, H, W\)"),
        (lambda: synthetic.unshuffled(torch.full((1, 1, 4, 4), math.nan)), "x contains NaN"),
    ],
)
def test_impossible_classes_are_refused(call, sentence):
    with pytest.raises(ValueError, match=sentence):
        call()


def test_coverage_is_the_part_of_four_pixels_that_lies_below_the_contour():
    heights = torch.tensor([[3.4, 0.0, 6.0, 1.6, 2.0, 2.4]])
    found = synthetic.coverage(heights)[0, 0]
    low = heights[0].round()
    for row in range(6):
        for column in range(6):
            rows, columns = (row, abs(row - 1)), (column, abs(column - 1))  # reflected at the borders
            below = [float(r >= low[c]) for r in rows for c in columns]
            assert found[row, column].item() == sum(below) / 4
    with pytest.raises(TypeError, match="heights must be one a column"):
        synthetic.coverage([1.0, 2.0])


def test_a_picture_mixes_its_regions_by_the_coverage_of_its_contour():
    """Where regions are flat, so smooth are they, the picture is a line in the coverage."""
    x = synthetic.c_alpha(20, 40, 5.0, beta=40.0, seed=3)
    below = synthetic.coverage(calpha.contour(20, 40, 5.0, 3))
    for picture, part in zip(x, below, strict=True):
        wave = (
            torch.cos(2 * math.pi * torch.arange(40.0) / 40),
            torch.sin(2 * math.pi * torch.arange(40.0) / 40),
        )
        waves = [torch.ones(1, 40, 40)]
        waves += [v.expand(1, 40, 40) for v in wave] + [v[:, None].expand(1, 40, 40) for v in wave]
        system = torch.stack([m * v for m in (part, 1 - part) for v in waves]).flatten(1).double().T
        left = torch.linalg.lstsq(system, picture.flatten().double()[:, None], driver="gelsd")[0]
        assert (system @ left)[:, 0].tolist() == pytest.approx(picture.flatten().tolist(), abs=1e-4)
