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


FAKE_QUEUE = """#!/bin/sh
echo x >> {diary}
if [ $(wc -l < {diary}) -lt {answers} ]; then echo "slurm_load_jobs error: Unable to contact" >&2; exit 1; fi
echo "17|RUNNING"
"""


@pytest.fixture
def slurm(tmp_path, monkeypatch):
    """Where jobs run, on a machine whose queue answers only when it is asked for the n-th time."""
    pytest.importorskip("submitit")

    def make(answers):
        for name in ("sbatch", "srun", "scancel", "squeue"):
            script = FAKE_QUEUE.format(diary=tmp_path / "diary", answers=answers)
            (tmp_path / name).write_text(script if name == "squeue" else "#!/bin/sh\n")
            (tmp_path / name).chmod(0o755)
        monkeypatch.setenv("PATH", f"{tmp_path}:/usr/bin:/bin")
        monkeypatch.setattr(_queues.Slurm, "pause", 0.01)
        options = {"gpus": 2, "gpu_type": "a100", "mem": "32GB", "qos": "long", "constraint": "v100"}
        return _queues.engine("slurm", None, 1, options)

    return make


def test_a_busy_queue_is_asked_again_before_it_counts_as_empty(slurm, tmp_path):
    where = slurm(answers=4)
    where.look()
    assert where.queue == {"17": "RUNNING"} and (tmp_path / "diary").read_text().count("x") == 4


def test_a_queue_that_never_answers_submits_nothing(slurm, tmp_path):
    where = slurm(answers=100)
    with pytest.raises(OSError, match=r"does not answer \(slurm_load_jobs error.*nothing was submitted"):
        where.look()
    assert (tmp_path / "diary").read_text().count("x") == where.patience
    where = slurm(answers=1)
    where.look()
    where.queue["18"] = "PENDING"
    slurm(answers=1000)
    where.look()  # what was known still holds, and nobody waits
    assert where.queue == {"17": "RUNNING", "18": "PENDING"}


def test_slurm_s_options_reach_its_script(slurm):
    from submitit.slurm import slurm as scripts

    where = slurm(answers=1)
    text = scripts._make_sbatch_string("true", "folder", **where.parameters)
    for line in ("--gpus-per-node=a100:2", "--mem=32GB", "--qos=long", "--constraint=v100", "--requeue"):
        assert f"#SBATCH {line}" in text, text
    with pytest.raises(ValueError, match="a type of GPU, a100, needs their number"):
        _queues.engine("slurm", None, 1, {"gpu_type": "a100"})


def test_only_the_last_start_is_quoted(tmp_path):
    (tmp_path / "train.log").write_text("$ first\nit said $ 5\n$ second\nlast\nwords\n")
    assert _jobs.said(tmp_path) == "last\nwords\n"
