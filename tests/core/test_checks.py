"""Bad input is refused in one sentence that says what to do."""

import math

import numpy as np
import pytest
import torch

from gahr._checks import check_images, check_known, check_number, check_same_shape


def test_good_images_come_back_untouched():
    x = torch.rand(2, 1, 8, 8)
    assert check_images(x, photograph=True, multiple=4) is x
    edge = torch.tensor([[[[-5e-7, 1 + 5e-7]]]])
    assert check_images(edge, photograph=True) is edge  # rounding is forgiven
    beyond = torch.tensor([[[[-3.0, 5.0]]]])
    assert check_images(beyond) is beyond  # noisy images may leave [0, 1]


@pytest.mark.parametrize(
    ("x", "options", "error", "sentence"),
    [
        (np.zeros((1, 1, 4, 4)), {}, TypeError, r"x must be a torch tensor \(B, C, H, W\); got ndarray"),
        (torch.zeros(1, 1, 4, 4, dtype=torch.uint8), {}, TypeError, "Divide 8-bit images by 255"),
        (torch.zeros(4, 4), {}, ValueError, r"got \(4, 4\). Add the missing axes, as in x\[None, None\]"),
        (torch.zeros(1, 4, 4), {}, ValueError, r"must have shape \(B, C, H, W\); got \(1, 4, 4\)"),
        (torch.zeros(0, 1, 4, 4), {}, ValueError, "x holds no image"),
        (torch.zeros(1, 1, 12, 8), {"multiple": 8}, ValueError, "12x8; .* divisible by 8"),
        (torch.zeros(1, 1, 8, 12), {"multiple": 8}, ValueError, "8x12; .* divisible by 8"),
        (torch.full((1, 1, 4, 4), math.nan), {}, ValueError, "x contains NaN or infinite values"),
        (torch.full((1, 1, 4, 4), math.inf), {}, ValueError, "x contains NaN or infinite values"),
        (torch.full((1, 1, 4, 4), 1.01), {"photograph": True}, ValueError, r"range is \[1.01, 1.01\]"),
        (torch.full((1, 1, 4, 4), -0.01), {"photograph": True}, ValueError, r"range is \[-0.01, -0.01\]"),
    ],
)
def test_bad_images_are_refused(x, options, error, sentence):
    with pytest.raises(error, match=sentence):
        check_images(x, **options)


def test_the_caller_s_name_is_used():
    with pytest.raises(ValueError, match="^held_out contains NaN"):
        check_images(torch.full((1, 1, 2, 2), math.nan), "held_out")


def test_same_shape():
    check_same_shape(torch.zeros(2, 3), torch.ones(2, 3))
    with pytest.raises(ValueError, match=r"p and q must have the same shape; got \(2, 3\) and \(3, 2\)"):
        check_same_shape(torch.zeros(2, 3), torch.zeros(3, 2), ("p", "q"))


def test_unknown_names_get_the_nearest_or_the_list():
    assert check_known("faces40", ["fashion32", "faces40"], "class") == "faces40"
    with pytest.raises(KeyError, match="unknown class 'face40'; did you mean 'faces40'?"):
        check_known("face40", ["fashion32", "faces40"], "class")
    with pytest.raises(KeyError, match="known are: fashion32, faces40"):
        check_known("qqq", ["fashion32", "faces40"], "class")
    with pytest.raises(KeyError, match="known are: none"):
        check_known("qqq", [], "class")


@pytest.mark.parametrize("value", [0, 0.5, 1, np.float32(0.5), np.int64(1), np.array(0.5), torch.tensor(0.5)])
def test_numbers_in_range(value):
    assert check_number(value, "p", 0, 1) == float(value)


@pytest.mark.parametrize(
    ("value", "limits", "sentence"),
    [
        (1.5, (0, 1), r"p must be in \[0, 1\]; got 1.5"),
        (-1, (0, 1), r"p must be in \[0, 1\]; got -1"),
        (math.nan, (0, 1), "p must be in"),
        (math.inf, (0,), r"p must be in \[0, inf\); got inf"),
    ],
)
def test_numbers_out_of_range(value, limits, sentence):
    with pytest.raises(ValueError, match=sentence):
        check_number(value, "p", *limits)


def test_open_ends_and_words():
    with pytest.raises(ValueError, match=r"p must be in \(0, 1\]; got 0"):
        check_number(0, "p", 0, 1, open_low=True)
    for word in ("much", "0.25", None, [0.5], torch.tensor([0.1, 0.2])):
        with pytest.raises(TypeError, match="p must be a number; got"):
            check_number(word, "p", 0)
