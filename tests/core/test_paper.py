"""The paper's numbers, and where its ranks fall among ours."""

import numpy as np
import pytest
import torch

from gahr import paper


def test_eigenvalues_are_printed_in_decreasing_order():
    for printed in (paper.FACE_EIGENVALUES, paper.SHUFFLED_EIGENVALUES):
        assert list(printed) == sorted(printed)
        assert (np.diff(list(printed.values())) < 0).all()
    for printed in (paper.DISC_EIGENVALUES, paper.CALPHA_EIGENVALUES):
        assert (np.diff(printed) < 0).all()
    assert [len(p) for p in (paper.FACE_EIGENVALUES, paper.DISC_EIGENVALUES, paper.CALPHA_EIGENVALUES)] == [
        21, 10, 20,
    ]  # fmt: skip


def test_ranks_fall_at_the_same_share_of_all_directions():
    lam = 1 - (torch.arange(1600).double() + 0.5) / 1600  # a function of the share alone
    found = paper.at_ranks(lam, (5, 100, 6000))
    assert found == pytest.approx([1 - (k + 0.5) / 6400 for k in (5, 100, 6000)])
    assert paper.at_ranks(lam[:64], (0, 245))[0] == pytest.approx(lam[0].item())  # no place before the first
    with pytest.raises(ValueError, match=r"need eigenvalues of ranks 74.6\d* to 74.6\d*, .* got 0 to 63"):
        paper.at_ranks(lam[:64], (300,))


def test_an_average_of_neighbours_has_its_middle_where_the_rule_says():
    # each of our directions stands for four of theirs: values that are means of four lie on a line's middles
    theirs = torch.linspace(1, 0, 6400).double()
    ours = theirs.view(1600, 4).mean(1)
    ranks = (5, 17, 29, 41, 53, 245)
    assert paper.at_ranks(ours, ranks) == pytest.approx(theirs[list(ranks)].tolist())


def test_ranks_may_be_known_here_and_there():
    lam = [3.0, 2.0, 0.0]
    assert paper.at_ranks(lam, [0, 1, 3], ratio=1, known=[0, 2, 4]) == [3.0, 2.5, 1.0]
    with pytest.raises(ValueError, match="got 1 to 4"):
        paper.at_ranks(lam, [0], ratio=1, known=[1, 2, 4])


def test_c_alpha_images_have_few_ranks_more_at_twice_the_side():
    assert pytest.approx(1.32, abs=0.005) == paper.NARROWER  # 2^(2 / (alpha + 1)) at alpha = 4
