"""What is known of a job: where it may run, what it said last, and why it failed."""

import pytest

from gahr.training import _jobs, _queues


def test_an_option_that_is_not_there_is_refused():
    with pytest.raises(KeyError, match="unknown engine 'slurn'; did you mean 'slurm'"):
        _queues.engine("slurn", None, 1, {})


@pytest.mark.parametrize(
    ("lines", "why"),
    [
        (["gahr: no such image class", "at all"], "no such image class"),
        (["Traceback ...", "ValueError: it is wrong", ""], "ValueError: it is wrong"),
        (["[rank1]: ValueError: it is wrong", "W1125 api.py: closing"], "ValueError: it is wrong"),
        (["what", "now"], "now"),
        ([], "it said nothing"),
    ],
)
def test_the_reason_of_a_failure(lines, why):
    assert _jobs.reason(lines) == why


def test_only_the_last_start_is_quoted(tmp_path):
    (tmp_path / "train.log").write_text("$ first\nit said $ 5\n$ second\nlast\nwords\n")
    assert _jobs.said(tmp_path) == "last\nwords\n"
