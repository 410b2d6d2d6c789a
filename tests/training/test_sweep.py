"""A sweep on this machine: what is done is skipped, what was killed goes on, what fails stops nothing."""

import dataclasses
import json
import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest
import torch
from PIL import Image
from processes import running, wait_for

from gahr import __main__, zoo
from gahr.images import own
from gahr.training import loop, shelf, sweep
from gahr.training.recipes import Recipe

pytestmark = pytest.mark.skipif(sys.platform != "linux", reason="looks at processes in Linux's /proc")
pytest.importorskip("submitit", reason='sweeps need submitit: pip install "gahr[train]"')

RECIPE = Recipe("discs16", 8, "a", network="unet2", blocks=1, steps=20, batch=4, precision="fp32")


@pytest.fixture(autouse=True)
def one_thread(monkeypatch):
    """Threads decide the order of sums, hence the last bit."""
    monkeypatch.setenv("OMP_NUM_THREADS", "1")


def variant(**changes):
    return dataclasses.replace(RECIPE, **changes)


def eager(recipe, folder, processes):
    """The true command, with a checkpoint ten times a second; compiling would take longer than these runs."""
    return [*sweep.command_for(recipe, folder, processes), "--eager", "--checkpoint-every", "0.1"]


def weights(path):
    return zoo.load(str(path)).network.state_dict()


def same(one, two):
    return one.keys() == two.keys() and all(torch.equal(value, two[key]) for key, value in one.items())


def states(runs):
    return {each.name: each.state for each in runs}


# ------------------------------------------------------------------------------------------------
# Commands that do not train: quick, and they say when they began and ended, and what they saw

PRETEND = """
import json, os, pathlib, shutil, sys, time
folder, facts, network, diary, behaviour = sys.argv[1:]
def say(what):
    with open(diary, "a") as stream:
        print(json.dumps([what, folder, time.time(), dict(os.environ)]), file=stream, flush=True)
again = pathlib.Path(folder, "begun").exists()
pathlib.Path(folder, "begun").touch()
say("begins")
eval(behaviour)
shutil.copy(network, folder + "/" + folder.rpartition("/")[2] + ".safetensors")
pathlib.Path(folder, "facts.json").write_text(facts)
say("ends")
"""


@pytest.fixture(scope="module")
def network(tmp_path_factory):
    from gahr import networks
    from gahr.denoisers import Blind

    path = tmp_path_factory.mktemp("network") / "small.safetensors"
    return shelf.save(Blind(networks.initialize(networks.UNet(2, 1), 0)), path)


@pytest.fixture
def pretend(tmp_path, network):
    """Make a command that behaves as told, and read its diary."""

    def make(behaviour):
        def for_run(recipe, folder, processes):
            facts = json.dumps({"recipe": dataclasses.asdict(recipe)})
            told = behaviour(recipe) if callable(behaviour) else behaviour
            (Path(folder) / recipe.name).mkdir(parents=True, exist_ok=True)
            words = [folder / recipe.name, facts, network, tmp_path / "diary", told]
            return [sys.executable, "-c", PRETEND, *map(str, words)]

        return for_run

    make.diary = lambda: [json.loads(line) for line in (tmp_path / "diary").read_text().splitlines()]
    return make


def test_only_so_many_run_at_a_time(tmp_path, pretend, monkeypatch):
    monkeypatch.delenv("OMP_NUM_THREADS")
    monkeypatch.setattr(os, "cpu_count", lambda: 6)
    monkeypatch.setattr(torch.cuda, "device_count", lambda: 4)
    monkeypatch.setenv("CUDA_VISIBLE_DEVICES", "4,5,6,7")
    recipes = [variant(seed=k, tag=str(k)) for k in range(5)]
    told = {"options": {"gpus": 2}, "command": pretend("time.sleep(1)")}
    runs = sweep.run(recipes, tmp_path / "runs", at_once=2, **told)
    assert set(states(runs).values()) == {"finished"}
    at_work, most = {}, 0
    for what, folder, _, environment in pretend.diary():
        assert environment["OMP_NUM_THREADS"] == "3"  # the cores are shared
        if what == "begins":
            at_work[folder] = environment["CUDA_VISIBLE_DEVICES"]
            assert len(set(at_work.values())) == len(at_work)  # no GPU is
            assert set(at_work.values()) <= {"4,5", "6,7"}
        else:
            del at_work[folder]
        most = max(most, len(at_work))
    assert most == 2 and not at_work


def test_a_run_that_is_always_killed_is_given_up_and_the_rest_goes_on(tmp_path, pretend):
    recipes = [variant(tag="doomed"), variant(tag="fine")]
    behaviour = pretend(lambda recipe: "os.kill(os.getpid(), 9)" if recipe.tag == "doomed" else "0")
    runs = sweep.run(recipes, tmp_path / "runs", at_once=2, retries=2, command=behaviour)
    assert states(runs) == {RECIPE.name + "-doomed": "failed", RECIPE.name + "-fine": "finished"}
    assert runs[0].note == "it was killed 3 times"
    begun = [folder for what, folder, *_ in pretend.diary() if what == "begins"]
    assert begun.count(str(runs[0].folder)) == 3 and begun.count(str(runs[1].folder)) == 1


def test_a_job_told_of_its_preemption_stops_and_is_queued_again(tmp_path, pretend):
    def preempt(runs):
        if (runs[0].folder / "begun").exists() and not told:
            (task,) = running("submitit.core._submit", runs[0].folder)
            os.kill(task, signal.SIGUSR2)
            told.append(time.monotonic())

    told = []
    behaviour = pretend("again or time.sleep(600)")
    (run,) = sweep.run([RECIPE], tmp_path / "runs", report=preempt, retries=0, command=behaviour)
    assert (run.state, run.note) == ("finished", "") and time.monotonic() - told[0] < 15
    assert [what for what, *_ in pretend.diary()] == ["begins", "begins", "ends"]
    assert not running(run.folder)


def a_job(words, folder):
    code = "import json, sys; from gahr.training import _jobs; "
    code += "_jobs.Job(json.loads(sys.argv[1]), sys.argv[2], {})()"
    return subprocess.Popen([sys.executable, "-c", code, json.dumps(words), str(folder)])


def test_two_jobs_of_one_run_take_turns(tmp_path, pretend):
    words = pretend("time.sleep(1)")(RECIPE, tmp_path, 1)
    jobs = [a_job(words, tmp_path / RECIPE.name) for _ in range(2)]
    assert [job.wait(60) for job in jobs] == [0, 0]
    assert [what for what, *_ in pretend.diary()] == ["begins", "ends"] * 2


@pytest.mark.parametrize("number", [signal.SIGKILL, signal.SIGTERM])
def test_a_command_ends_with_its_job(tmp_path, pretend, number):
    words = pretend("time.sleep(600)")(RECIPE, tmp_path, 1)
    with a_job(words, tmp_path / RECIPE.name) as job:
        wait_for((tmp_path / "diary").exists)
        assert running(tmp_path / "diary")
        job.send_signal(number)
    wait_for(lambda: not running(tmp_path / "diary"), 10)


# ------------------------------------------------------------------------------------------------
# True runs
@pytest.fixture
def listed(tmp_path):
    def write(*recipes):
        path = tmp_path / "list.json"
        path.write_text(json.dumps([dataclasses.asdict(recipe) for recipe in recipes]))
        return str(path)

    return write


def test_a_failure_stops_nothing_and_what_is_finished_is_skipped(tmp_path, listed, monkeypatch, capfd):
    monkeypatch.setenv("PATH", "")  # no compiler: runs are eager
    wrong = [variant(images="fashion32", n=n) for n in (50_000, 60_000)]  # more than there are
    words = ["sweep", listed(*wrong, RECIPE), "--folder", str(tmp_path / "runs"), "--at-once", "3"]
    assert __main__.main(words) == 1
    said, error = capfd.readouterr()
    lines = said.splitlines()
    assert f"{RECIPE.name}: running, step 0/20" in lines
    (line,) = [
        line for line in lines if line.startswith(f"{RECIPE.name}: finished, step 20/20, held-out PSNR")
    ]
    assert " dB, " in line and line.endswith(" s")
    assert (
        f"{wrong[0].name}: failed: fashion32, a: n must be between 1 and 14396; got 50000., step 0/20"
        in lines
    )
    assert f"{wrong[1].name} failed: fashion32, a: n must be between 1 and" in error
    assert lines[-1] == f"1 finished, 2 failed: {wrong[0].name}, {wrong[1].name}"

    folder = tmp_path / "runs" / RECIPE.name
    facts = json.loads((folder / "facts.json").read_text())
    assert facts["recipe"] == dataclasses.asdict(RECIPE) and facts["provenance"]["processes"] == 1
    before = {path.name: path.stat().st_mtime_ns for path in folder.iterdir()}
    assert __main__.main(["sweep", listed(RECIPE), "--folder", str(tmp_path / "runs")]) == 0
    said = capfd.readouterr().out
    assert said.splitlines() == [line.replace("finished", "finished: it was there"), "1 finished, 0 failed"]
    assert {path.name: path.stat().st_mtime_ns for path in folder.iterdir()} == before


def test_a_sweep_trains_on_a_folder_of_ones_own(tmp_path, listed, monkeypatch):
    """The class is named ``folder:PATH@16`` in the list; what comes out is found by its short name."""
    monkeypatch.setenv("PATH", "")
    pictures = tmp_path / "my pictures"
    pictures.mkdir()
    for k in range(20):
        noise = torch.randint(256, (16, 16), generator=torch.Generator().manual_seed(k), dtype=torch.uint8)
        Image.fromarray(noise.numpy()).save(pictures / f"{k}.png")
    own.split(pictures)
    recipe = variant(images=f"folder:{pictures}@16", n=4)
    assert __main__.main(["sweep", listed(recipe), "--folder", str(tmp_path / "runs")]) == 0
    facts = json.loads((tmp_path / "runs" / recipe.name / "facts.json").read_text())
    assert facts["recipe"] == dataclasses.asdict(recipe) and len(facts["curves"]["held_out"]["psnr"]) > 3
    assert zoo.load_run(recipe.name, tmp_path / "runs")(torch.rand(1, 1, 16, 16)).shape == (1, 1, 16, 16)


@pytest.mark.parametrize("damage", ["no facts", "another recipe", "no network", "a cut network"])
def test_a_run_is_finished_only_if_all_of_it_is_there(tmp_path, network, damage):
    folder = tmp_path / RECIPE.name
    folder.mkdir()
    path, facts = folder / f"{RECIPE.name}.safetensors", folder / "facts.json"
    path.write_bytes(network.read_bytes())
    facts.write_text(json.dumps({"recipe": dataclasses.asdict(RECIPE)}))
    assert sweep.is_finished(RECIPE, folder)
    recipe = RECIPE
    if damage == "no facts":
        facts.unlink()
    elif damage == "another recipe":
        recipe = variant(steps=21)
    elif damage == "no network":
        path.unlink()
    else:
        path.write_bytes(network.read_bytes()[:-100])
    assert not sweep.is_finished(recipe, folder)


def kill_once(which, after):
    """A report that kills one training process, some checkpoints after its beginning."""

    def report(runs):
        for each in runs:
            path = each.folder / "checkpoint.pt"
            if not report.killed and path.exists():
                checkpoint = torch.load(path, weights_only=True)
                if checkpoint["step"] > after:
                    report.killed.append(checkpoint)
                    os.kill(which(each.folder), signal.SIGKILL)

    report.killed = []
    return report


def test_a_killed_run_goes_on_and_ends_with_the_weights_of_an_uninterrupted_one(tmp_path):
    recipe = variant(steps=1000)
    report = kill_once(lambda folder: min(running("gahr train", folder.parent)), after=100)
    notes = []
    (run,) = sweep.run(
        [recipe],
        tmp_path / "killed",
        report=lambda runs: (report(runs), notes.append(f"{runs[0].state}: {runs[0].note}")),
        command=eager,
    )
    assert run.state == "finished" and report.killed and "running: it was killed" in notes
    assert (run.folder / "train.log").read_text().count("$ ") == 2
    # had it begun again at step 0, it would not repeat the times that were noted before
    history = json.loads((run.folder / "facts.json").read_text())["history"]
    known = [row["seconds"] for row in report.killed[0]["history"]]
    assert len(known) >= 5 and report.killed[0]["step"] < 1000
    assert [row["seconds"] for row in history[: len(known)]] == pytest.approx(known, rel=1e-5)
    whole = loop.run(recipe, tmp_path / "whole", compiled=False)
    assert same(weights(run.folder / whole.name), weights(whole))
    begun = loop.run(variant(steps=100), tmp_path / "other", compiled=False)
    assert not same(weights(begun), weights(whole))  # these weights could differ


def test_a_run_of_two_processes_survives_that_one_is_killed(tmp_path):
    recipe = variant(steps=400)
    # the two workers were started after torchrun
    report = kill_once(lambda folder: max(running("gahr train", folder.parent)), after=30)
    (run,) = sweep.run([recipe], tmp_path / "runs", processes=2, report=report, command=eager)
    assert run.state == "finished" and report.killed
    assert (run.folder / "train.log").read_text().count("$ ") == 2
    facts = json.loads((run.folder / "facts.json").read_text())
    assert facts["provenance"]["processes"] == 2 and facts["recipe"] == dataclasses.asdict(recipe)
    assert shelf.half_precision_is_exact(zoo.load(str(run.folder / f"{run.name}.safetensors")))
    assert not running("gahr train", tmp_path)


@pytest.mark.parametrize("stop", ["ctrl-c", "terminate"])
def test_stopping_a_sweep_leaves_nothing_running(tmp_path, listed, monkeypatch, stop):
    monkeypatch.setenv("PATH", "")
    words = ["sweep", listed(variant(steps=10**6), variant(steps=10**6, tag="two")), "--at-once", "2"]
    words = [sys.executable, "-m", "gahr", *words, "--folder", str(tmp_path / "runs")]
    streams = {"stdout": subprocess.PIPE, "stderr": subprocess.PIPE, "text": True}
    streams["preexec_fn"] = lambda: signal.signal(signal.SIGINT, signal.SIG_DFL)  # it may be ignored here
    with subprocess.Popen(words, start_new_session=True, **streams) as process:
        wait_for(lambda: len(running("gahr train", tmp_path)) == 2, 180)
        if stop == "ctrl-c":
            os.killpg(process.pid, signal.SIGINT)  # as a terminal does: everyone in its group
        else:
            process.terminate()
        try:
            _, error = process.communicate(timeout=60)
        finally:
            process.kill()
    assert not running(tmp_path)
    assert process.returncode == 130
    assert error == "gahr: stopped; the same command goes on from here\n"
