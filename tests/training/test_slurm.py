"""A sweep under a real Slurm of one node, on loopback: what is requeued or killed goes on and ends well."""

import contextlib
import dataclasses
import json
import os
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
from pathlib import Path

import pytest
import torch
from processes import running, wait_for
from safetensors.torch import load_file

from gahr import _files, zoo
from gahr.training import shelf, sweep
from gahr.training.recipes import Recipe

CONF = """
ClusterName=test
SlurmctldHost={host}(127.0.0.1)
SlurmctldPort={ports[0]}
SlurmdPort={ports[1]}
AuthType=auth/munge
AuthInfo=socket={folder}/munge.socket,cred_expire=20
MpiDefault=none
ProctrackType=proctrack/linuxproc
TaskPlugin=task/none
SwitchType=switch/none
ReturnToService=2
SlurmUser=root
SlurmctldPidFile={folder}/slurmctld.pid
SlurmdPidFile={folder}/slurmd.pid
SlurmctldLogFile={folder}/slurmctld.log
SlurmdLogFile={folder}/slurmd.log
SlurmdSpoolDir={folder}/spool
StateSaveLocation={folder}/state
SlurmdParameters=config_overrides
SelectType=select/cons_tres
SelectTypeParameters=CR_Core
SchedulerParameters=sched_interval=2,bf_interval=2
JobAcctGatherType=jobacct_gather/none
AccountingStorageType=accounting_storage/none
NodeName={host} NodeAddr=127.0.0.1 CPUs=2 RealMemory=1000 State=UNKNOWN
PartitionName=all Nodes=ALL Default=YES MaxTime=INFINITE State=UP
"""
# cred_expire is also how long a requeued job waits, two minutes by default


def free_ports(count):
    with contextlib.ExitStack() as stack:
        sockets = [stack.enter_context(socket.socket()) for _ in range(count)]
        for each in sockets:
            each.bind(("127.0.0.1", 0))
        return [each.getsockname()[1] for each in sockets]


def end(process):
    process.terminate()
    try:
        process.wait(15)
    except subprocess.TimeoutExpired:
        process.kill()
        process.wait(15)


class Slurm:
    """Slurm's commands, for the Slurm of this test."""

    def __init__(self, folder):
        self.folder = folder
        self.environment = {k: v for k, v in os.environ.items() if not k.startswith(("SLURM", "SBATCH"))}
        self.environment["SLURM_CONF"] = f"{folder}/slurm.conf"

    def __call__(self, *words):
        done = subprocess.run(words, env=self.environment, capture_output=True, text=True, timeout=60)
        return done.stdout.strip() if done.returncode == 0 else ""

    def start(self, stack):
        (self.folder / "spool").mkdir()
        (self.folder / "state").mkdir()
        host = socket.gethostname().partition(".")[0]
        conf = CONF.format(folder=self.folder, host=host, ports=free_ports(2))
        (self.folder / "slurm.conf").write_text(conf)
        key = self.folder / "munge.key"
        key.write_bytes(os.urandom(1024))
        key.chmod(0o600)
        # a munged of our own: one that serves this machine is not disturbed
        ours = [f"--{name}-file={self.folder}/munge.{name}" for name in ("key", "log", "pid", "seed")]
        ours += ["--foreground", "--force", f"--socket={self.folder}/munge.socket"]
        with open(self.folder / "start.log", "w") as log:
            for words in (["munged", *ours], ["slurmctld", "-D"], ["slurmd", "-D"]):
                process = subprocess.Popen(words, env=self.environment, stdout=log, stderr=log)
                stack.callback(end, process)
                if words[0] == "munged":
                    wait_for((self.folder / "munge.socket").exists, what="the start of munged")
        stack.callback(self.empty)
        try:
            wait_for(lambda: self("sinfo", "--noheader", "--format=%T") == "idle", 90, "an idle node")
        except AssertionError as error:
            logs = [path.read_text(errors="replace")[-2000:] for path in self.folder.glob("*.log")]
            raise AssertionError("\n\n".join([str(error), *logs])) from None

    def empty(self):
        """Cancel every job and wait until it is gone: the daemons would leave it running."""
        with contextlib.suppress(AssertionError, subprocess.TimeoutExpired):
            self("scancel", "--user=root")
            wait_for(lambda: not self("squeue", "--noheader"), 60)


@pytest.fixture
def slurm(monkeypatch):
    """A Slurm of one node with two cores, gone when the test ends."""
    pytest.importorskip("submitit", reason='sweeps need submitit: pip install "gahr[train]"')
    monkeypatch.setenv("PATH", os.environ.get("PATH", "") + ":/usr/sbin:/sbin")
    needed = ("slurmctld", "slurmd", "sbatch", "srun", "squeue", "scancel", "scontrol", "sinfo", "munged")
    if missing := [name for name in needed if not shutil.which(name)]:
        pytest.skip(f"{', '.join(missing)} not installed (on Debian: apt install slurm-wlm munge)")
    if os.geteuid():
        pytest.skip("only root can start a Slurm")
    # a socket's path may have 107 characters only
    with tempfile.TemporaryDirectory(prefix="slurm") as folder, contextlib.ExitStack() as stack:
        slurm = Slurm(Path(folder))
        slurm.start(stack)
        yield slurm


def halfway(folder, sweeping, after=100, seconds=600):
    """A run's checkpoint, as soon as it has come so far."""

    def saved():
        assert sweeping.poll() is None, "the sweep ended"
        path = folder / "checkpoint.pt"
        found = torch.load(path, weights_only=True) if path.exists() else {"step": 0}
        return found if found["step"] > after else None

    return wait_for(saved, seconds, f"step {after} of {folder.name}")


def jobs_of(folder):
    return [path.name.partition("_")[0] for path in sorted(folder.glob("jobs/*_submitted.pkl"))]


def same(one, two):
    return one.keys() == two.keys() and all(torch.equal(value, two[key]) for key, value in one.items())


def test_a_sweep_survives_a_requeue_and_a_kill(slurm, tmp_path, monkeypatch):
    small = Recipe("discs16", 8, "a", network="unet2", blocks=1, batch=4, precision="fp32")
    # three runs that must end alike, whatever happens to them, and a short one
    steps = {"requeued": 1200, "killed": 1200, "calm": 1200, "short": 100}
    recipes = [dataclasses.replace(small, tag=tag, steps=count) for tag, count in steps.items()]
    (tmp_path / "list.json").write_text(json.dumps([dataclasses.asdict(recipe) for recipe in recipes]))
    runs = {recipe.tag: tmp_path / "runs" / recipe.name for recipe in recipes}
    words = ["sweep", str(tmp_path / "list.json"), "--folder", str(tmp_path / "runs"), "--engine", "slurm"]
    words += ["--partition", "all", "--cpus", "1", "--time", "30", "--checkpoint-every", "0.3"]
    # one thread, for the last bit; and compiling would take longer than these runs
    environment = slurm.environment | {"OMP_NUM_THREADS": "1", "TORCHDYNAMO_DISABLE": "1"}
    before = {}
    with open(tmp_path / "said", "w") as said:
        words = [sys.executable, "-m", "gahr", *words]
        process = subprocess.Popen(words, env=environment, stdout=said, stderr=said)
        try:
            before["requeued"] = halfway(runs["requeued"], process)
            (job,) = jobs_of(runs["requeued"])
            slurm("scontrol", "requeue", job)
            before["killed"] = halfway(runs["killed"], process)
            number = min(running("gahr train", runs["killed"].parent, "--tag killed"))
            os.kill(number, signal.SIGKILL)
            status = process.wait(900)  # under a minute, but for a very busy machine
        finally:
            end(process)
    text = (tmp_path / "said").read_text()
    assert status == 0 and text.splitlines()[-1] == "4 finished, 0 failed", text
    # Slurm began the one job again; for the other the sweep submitted another
    assert "Restarts=1 " in slurm("scontrol", "show", "job", job) and jobs_of(runs["requeued"]) == [job]
    assert len(jobs_of(runs["killed"])) == 2

    networks = {}
    for recipe in recipes:
        folder = runs[recipe.tag]
        assert sweep.is_finished(recipe, folder)
        networks[recipe.tag] = load_file(folder / f"{recipe.name}.safetensors")
        starts = (folder / "train.log").read_text().count("$ ")
        assert starts == (2 if recipe.tag in before else 1), recipe.tag
    assert same(networks["requeued"], networks["calm"]) and same(networks["killed"], networks["calm"])
    assert not same(networks["short"], networks["calm"])
    for tag, checkpoint in before.items():
        # had it begun again at step 0, it would not repeat the times that were noted before
        history = json.loads((runs[tag] / "facts.json").read_text())["history"]
        known = [row["seconds"] for row in checkpoint["history"]]
        assert len(known) >= 5 and checkpoint["step"] < steps[tag]
        assert [row["seconds"] for row in history[: len(known)]] == pytest.approx(known, rel=1e-5)

    data = tmp_path / "data"
    data.mkdir()
    (data / "networks").mkdir()
    (data / "manifest.json").write_text('{"files": {}}')
    monkeypatch.setattr(_files, "checkout", lambda: data)
    _files.forget_manifest()
    try:
        for folder in runs.values():
            shelf.add_run(folder)
        assert len(zoo.names()) == 4 and shelf.verify() == []
        (data / "networks" / runs["killed"].name).with_suffix(".safetensors").write_bytes(b"")
        assert len(shelf.verify()) == 1
    finally:
        _files.forget_manifest()
