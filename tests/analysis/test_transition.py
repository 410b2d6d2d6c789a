"""The gap and where it closes, against gaps that were made to close at a known place."""

import math

import pytest

from gahr.analysis import transition

SIGMAS = [0.01, 0.1, 0.5, 1.0]


def facts(train, held_out, se=(0.0, 0.0)):
    """What training leaves, with PSNR curves given as functions of the noise level."""
    made = {}
    for name, curve, error in (("train", train, se[0]), ("held_out", held_out, se[1])):
        made[name] = {"sigma": SIGMAS, "psnr": [curve(s) for s in SIGMAS], "se": [error] * len(SIGMAS)}
    return {"curves": made}


def test_gap_and_its_error_are_differences_and_roots_of_sums_of_squares():
    found = transition.gap(facts(lambda s: 30 + s, lambda s: 28.0, se=(0.3, 0.4)))
    assert found.sigma == tuple(SIGMAS)
    assert found.db == pytest.approx([2 + s for s in SIGMAS])
    assert found.se == pytest.approx([0.5] * 4)


def test_mean_gap_weighs_sigma_uniformly():
    # the mean of 2 + 3 sigma over [0.01, 1] does not depend on where the levels lie
    mean, se = transition.mean_gap(facts(lambda s: 30 + 3 * s, lambda s: 28.0, se=(0.0, 0.25)))
    assert mean == pytest.approx(2 + 3 * 0.505) and se == pytest.approx(0.25)


def test_the_curves_must_be_there_and_match():
    fresh = facts(lambda s: s, lambda s: s)
    del fresh["curves"]["train"]
    with pytest.raises(ValueError, match="'train' and 'held_out'; there is held_out"):
        transition.gap(fresh)
    other = facts(lambda s: s, lambda s: s)
    other["curves"]["train"]["sigma"] = [s / 2 for s in SIGMAS]
    with pytest.raises(ValueError, match="different noise levels"):
        transition.gap(other)


@pytest.mark.parametrize("threshold", [0.1, 1.0, 7.0])
def test_a_gap_that_is_straight_in_log_n_is_found_exactly(threshold):
    # gap = 12 - 4 log10(N): it is t at N = 10 ** ((12 - t) / 4), whatever the rungs
    sizes = (10, 150, 2000, 5000)
    gaps = [12 - 4 * math.log10(n) for n in sizes]
    found = transition.crossing(sizes, gaps, threshold, se=[0.2] * 4)
    assert found.n == pytest.approx(10 ** ((12 - threshold) / 4))
    assert found.low == pytest.approx(10 ** ((12 - threshold - 0.4) / 4))
    assert found.above < found.n < found.under
    assert found.high == pytest.approx(10 ** ((12 - threshold + 0.4) / 4))


def test_a_power_law_is_found_exactly_in_logarithms_and_not_otherwise():
    sizes = (10, 100, 1000)
    gaps = [300 / n for n in sizes]
    exact = transition.crossing(sizes, gaps, 1, logarithmic=True)
    assert exact.n == pytest.approx(300)
    straight = transition.crossing(sizes, gaps, 1)
    assert (straight.above, straight.under) == (exact.above, exact.under) == (100, 1000)
    assert straight.n > 500


def test_outside_the_ladder_nothing_is_interpolated():
    never = transition.crossing((10, 100), (9, 8), 1)
    assert never.n == never.under == math.inf and never.above == 100 and str(never) == "above 100"
    always = transition.crossing((10, 100), (0.5, -0.1), 1)
    assert always.n == always.above == 0 and always.under == 10 and str(always) == "below 10"


def test_a_gap_that_comes_back_closes_only_at_the_end():
    assert transition.crossing((1, 10, 100, 1000), (5, 0, 5, 0), 1).above == 100


def test_a_negative_gap_has_no_logarithm_and_still_a_place():
    found = transition.crossing((10, 1000), (10, -1), 1, logarithmic=True)
    assert str(found) == "100"
    assert found.n == pytest.approx(100)  # as if -1 were 0.1: halfway between 10 and 0.1


def test_a_ladder_is_located_in_the_mean_and_at_one_level():
    # the gap is (12 - 4 log10 N) times 2 sigma, so its mean over sigma in [0.01, 1] has the factor 1.01
    rungs = {
        n: facts(lambda s, n=n: 20 + (12 - 4 * math.log10(n)) * 2 * s, lambda s: 20.0)
        for n in (10, 100, 5000)
    }
    assert transition.locate(rungs, 1).n == pytest.approx(10 ** ((12 - 1 / 1.01) / 4))
    assert transition.locate(rungs, 1, sigma=0.1).n == pytest.approx(10 ** ((12 - 1 / 0.2) / 4))
    assert transition.locate(rungs, 1, logarithmic=True).n != transition.locate(rungs, 1).n
    with pytest.raises(ValueError, match=r"sigma must be one of 0.01, 0.1, 0.5, 1.0; got 0.2"):
        transition.locate(rungs, 1, sigma=0.2)


def test_the_onset_is_the_first_row_above():
    gaps = {10: 0.0, 18: 0.9, 32: 1.1, 56: 0.5, 100: 3.0}
    history = [{"step": s, "train": [20 + g, 30 + g], "held_out": [20.0, 30.0]} for s, g in gaps.items()]
    assert dict(transition.progress(history)) == pytest.approx(gaps)
    assert transition.onset(history, 1) == (18, 32)
    assert transition.onset(history, 2) == (56, 100)
    assert transition.onset(history, 5) == (100, math.inf)
    assert transition.onset(history[2:], 1) == (0, 32)


@pytest.mark.parametrize("sizes", [(10,), (100, 10), (10, 10), (0, 10), (10, 100, 1000)])
def test_a_ladder_must_be_one(sizes):
    with pytest.raises(ValueError, match="increasing sizes"):
        transition.crossing(sizes, (5, 0), 1)


def test_a_threshold_of_nothing_is_refused():
    with pytest.raises(ValueError, match="threshold must be in"):
        transition.crossing((10, 100), (5, 0), 0.0)


def test_a_gap_at_the_threshold_is_not_yet_below():
    assert transition.crossing((10, 100, 1000), (5.0, 1.0, 0.0), 1.0).above == 100


def test_a_gap_at_the_threshold_has_not_yet_opened():
    history = [
        {"step": s, "train": [20.0 + g], "held_out": [20.0]} for s, g in ((10, 0.0), (18, 1.0), (32, 1.5))
    ]
    assert transition.onset(history, 1.0) == (18, 32)


def test_curves_that_cannot_be_averaged_are_refused():
    for sigma in ((0.1, 1.0, 0.3), (0.1,)):
        curve = {"sigma": sigma, "psnr": [1.0] * len(sigma), "se": [0.1] * len(sigma)}
        with pytest.raises(ValueError, match="sigma must be at least two increasing noise levels"):
            transition.mean_gap({"curves": {"train": curve, "held_out": curve}})


def test_gaps_that_are_not_known_have_no_transition():
    for gaps, se in (((math.nan, 10, 0), None), ((20, 10, 0), (math.nan,) * 3), ((20, 10, 0), (0.1, 0.1))):
        with pytest.raises(ValueError, match="gaps and se must be finite, one for each size"):
            transition.crossing((10, 100, 1000), gaps, 5, se=se)
