"""Agreement beyond a baseline, against answers whose angle is known."""

import math

import pytest
import torch

from book.studies import agreement

x = torch.rand(6, 1, 4, 4, generator=torch.Generator().manual_seed(0))
u, v = torch.zeros(2, 1, 1, 4, 4)
u[..., 0, 0], v[..., 1, 1] = 1.0, 1.0


def shifted(direction):
    return lambda y, sigma: 0.5 * y + direction


def test_the_cosine_is_that_of_what_each_adds_to_the_baseline():
    for angle in (0.0, 1.0, math.pi / 2, math.pi):
        found = agreement.beyond(
            shifted(u), shifted(2 * math.cos(angle) * u + 2 * math.sin(angle) * v), shifted(0), x, 0.3
        )
        assert found["cosine"] == pytest.approx(math.cos(angle), abs=1e-6)
        assert found["size"] == pytest.approx((1 + 4) / 2 / 16, rel=1e-5)


def test_two_that_know_no_more_than_the_baseline_do_not_agree_in_anything():
    assert agreement.beyond(shifted(0), shifted(u), shifted(0), x, 0.3)["cosine"] == 0

    def noisy(seed):
        return lambda y, s: 0.5 * y + torch.randn(y.shape, generator=torch.Generator().manual_seed(seed))

    many = x[:1].expand(900, 1, 4, 4)
    found = agreement.beyond(noisy(1), noisy(2), shifted(0), many, 0.3, batch=900)
    assert abs(found["cosine"]) < 4 * found["se"] and found["se"] == pytest.approx(1 / 120, rel=0.1)


def test_all_three_are_told_the_same_level_and_see_the_same_noise():
    seen = []

    def asked(y, sigma):
        seen.append((y.clone(), sigma))
        return y

    agreement.beyond(asked, asked, asked, x, 0.25, seed=5)
    assert {sigma for _, sigma in seen} == {0.25}
    assert all(torch.equal(seen[0][0], y) for y, _ in seen)


def test_another_shape_is_refused():
    with pytest.raises(ValueError, match="g must return the shape of y"):
        agreement.beyond(shifted(0), lambda y, s: y[:, :, :2], shifted(u), x, 0.1)
