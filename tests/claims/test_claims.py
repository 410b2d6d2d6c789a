"""What the trained networks show, as it was written down before they were trained.

The training runs stand as they are: where a claim fails, neither it nor a seed is to be adjusted.
"""

import math

import numpy as np
import pytest

from book.claims import ladders
from gahr import images, measures, zoo
from gahr.ideal.homogeneous import BestHomogeneous

RUNGS = {
    "fashion32-unet16": (1, 10, 100, 1000, 10_000, 14_000),
    "faces40-unet16": (10, 100, 1000, 13_000),
    "faces20-unet16": (10, 100, 1000, 13_000),
    "faces10-unet16": (10, 100, 1000, 13_000),
    "faces20-bfcnn32": (1, 10, 100, 1000, 13_000),
    "calpha40a2-unet16": (10, 100, 1000, 10_000),
    "calpha40a4-unet16": (10, 100, 1000, 10_000),
    "discs40-unet16": (10, 100, 1000, 10_000),
}
SHALLOW = ("faces10-unet16", "faces20-bfcnn32")  # learn ten faces less by heart: claim (a) fails, as reported
DEEP = tuple(stem for stem in RUNGS if stem not in SHALLOW)


def each(names):
    return pytest.mark.parametrize(("stem", "half"), [(stem, half) for stem in names for half in "ab"])


def curves(n, half):
    return zoo.describe(f"fashion32-unet16-n{n}-{half}")["curves"]


def test_every_pair_of_ladders_is_held_to_the_claims():
    assert ladders.LADDERS.keys() == RUNGS.keys()
    stored = {name for name in zoo.names("result") if name.endswith("-pairs")}
    assert stored == set(ladders.LADDERS.values())


@each(RUNGS)
def test_the_curves_rest_on_enough_images(stem, half):
    rungs = zoo.ladder(stem, half)
    assert tuple(rungs) == RUNGS[stem]
    for n, facts in rungs.items():
        found = facts["curves"]
        assert found["train"]["images"] == min(n, 1000) and found["held_out"]["images"] >= 1000
        assert tuple(found["train"]["sigma"]) == tuple(found["held_out"]["sigma"]) == measures.SIGMAS


@each(DEEP)
def test_who_knows_ten_images_better_answers_new_ones_less_evenly(stem, half):
    # claim (a) fails in its second half, as reported: trained for decibels, such a network puts something in
    # place of a new picture that depends on the noise
    gap, spread = ladders.few(stem, half)
    assert gap > 15 and 1 < spread < 7


@pytest.mark.parametrize("stem", DEEP)
def test_in_one_half_at_least_by_more_than_two_decibels(stem):
    assert max(ladders.few(stem, half)[1] for half in "ab") > 2


@each(SHALLOW)
def test_small_pictures_and_one_scale_are_memorized_less_deeply(stem, half):
    gap, spread = ladders.few(stem, half)
    assert 4 < gap < 10 and 1 < spread < 5


@each(RUNGS)
def test_the_gap_falls_with_n(stem, half):
    # where both gaps are gone, their difference is noise: it may be up to twice its standard error
    for small, large, sigma, rise, error in ladders.rises(stem, half):
        assert rise < 2 * error, (small, large, sigma)
        assert large > (100 if stem in SHALLOW else 1000), (small, large, sigma)


@each(RUNGS)
def test_at_the_largest_n_the_gap_is_closed(stem, half):
    for gap, error in ladders.last(stem, half):
        assert abs(gap) <= max(0.3, 2 * error)


@pytest.mark.parametrize("stem", RUNGS)
def test_two_halves_networks_become_one_function(stem):
    assert tuple(row["n"] for row in zoo.result(ladders.LADDERS[stem])["rows"]) == RUNGS[stem]
    variance = np.array(ladders.variances(stem))
    se = np.array([row["se"] for row in zoo.result(ladders.LADDERS[stem])["rows"]])
    noise = np.hypot(se[1:], se[:-1])  # where both networks are one function, the difference is noise
    if stem == "faces10-unet16":  # claim (c) fails here, as reported: at sigma = 1 the last rung is no lower
        assert 2 * noise[-1, -1] < variance[-1, -1] - variance[-2, -1] < 0.1 * variance[-1, -1]
        variance[-1, -1] = variance[-2, -1]
    assert (np.diff(variance, axis=0) < 2 * noise).all()
    assert (np.diff(variance, axis=0)[:-1] < 0).all()
    assert (variance[0] > 5 * variance[-1]).all()


@pytest.mark.parametrize("half", ["a", "b"])
def test_trained_on_one_image_no_network_beats_the_best_that_is_homogeneous(half):
    best = BestHomogeneous(images.load("fashion32", 1, half))
    curve = curves(1, half)["train"]
    mean = []
    for sigma, mse in zip(curve["sigma"], curve["mse"], strict=True):
        mean.append(mse * best.d / best.mse(sigma))
        # the squared error of the best is sigma^2 z^2: over 200 draws its mean is within 30 % (3 se)
        assert mean[-1] > 1 - 3 * math.sqrt(2 / 200), sigma
    assert np.mean(mean) > 1
