"""What must hold of a step and of a long run: it survives kills, and two processes do one's work."""

import dataclasses
import functools
import json
import math
import os
import random
import signal
import subprocess
import sys
import time
from pathlib import Path

import accelerate
import pytest
import torch

from gahr import networks, zoo
from gahr.__main__ import command_of
from gahr.training import _engine, _muon, loop, recipes
from gahr.training.objective import RunningError

RECIPE = recipes.Recipe(
    "discs16", 8, "a", network="unet2", blocks=1, steps=40, batch=4, learning_rate=3e-3, precision="fp32"
)
ROOT = Path(__file__).resolve().parent.parent.parent


def weights(f):
    return {key: value.clone() for key, value in f.network.state_dict().items()}


def same(one, two):
    return one.keys() == two.keys() and all(torch.equal(value, two[key]) for key, value in one.items())


# ------------------------------------------------------------------------------------------------
# Processes of their own


def command(recipe, folder, *more, launcher=()):
    """The command line that trains a recipe, eager."""
    words = command_of(dataclasses.asdict(recipe)).replace("--tag ''", "").split()[3:]
    return [sys.executable, "-m", *launcher, "gahr", *words, "--eager", "--folder", str(folder), *more]


def environment():
    """One thread, no GPU, and neither the reader's images nor settings of another launcher."""
    kept = {k: v for k, v in os.environ.items() if not k.startswith(("GAHR_", "ACCELERATE_", "SLURM_"))}
    return kept | {"CUDA_VISIBLE_DEVICES": "", "OMP_NUM_THREADS": "1", "PYTHONPATH": str(ROOT)}


def finish(words):
    """Run a command to its end; return what it wrote on standard error."""
    done = subprocess.run(words, env=environment(), capture_output=True, text=True, timeout=300)
    assert done.returncode == 0, done.stderr
    return done.stderr


def network_of(recipe, folder):
    return weights(zoo.load(Path(folder) / recipe.name / f"{recipe.name}.safetensors"))


def kill_at_random_moments(words, checkpoint, kills, seed, longest):
    """Start a command again and again, and kill it a random time after its loop has begun.

    Returns the steps of the checkpoints that the kills left behind.
    """
    moments, steps = random.Random(seed), []
    for _ in range(kills):
        before = checkpoint.stat().st_mtime_ns if checkpoint.exists() else 0
        with subprocess.Popen(words, env=environment(), stderr=subprocess.PIPE) as process:
            while process.poll() is None and not (
                checkpoint.exists() and checkpoint.stat().st_mtime_ns > before
            ):
                time.sleep(0.01)
            time.sleep(longest * moments.random())
            process.send_signal(signal.SIGKILL)
            error = process.stderr.read().decode()
        assert process.returncode in (0, -signal.SIGKILL), error
        steps.append(torch.load(checkpoint, weights_only=True)["step"])
    return steps


def test_killed_at_random_moments_a_run_ends_with_the_same_weights(tmp_path):
    recipe = dataclasses.replace(RECIPE, steps=400, ema=0.9)
    loop.run(recipe, tmp_path / "whole", compiled=False)
    words = command(recipe, tmp_path / "killed", "--checkpoint-every", "0")  # one after every step
    whole, killed = (tmp_path / name / recipe.name for name in ("whole", "killed"))
    facts = json.loads((whole / "facts.json").read_text())
    # writing after every step more than doubles the time of the loop: three kills do not reach its end
    longest = facts["history"][-1]["seconds"] / 2
    steps = kill_at_random_moments(words, killed / "checkpoint.pt", kills=3, seed=0, longest=longest)
    assert steps == sorted(steps) and len({step for step in steps if 0 < step < recipe.steps}) >= 2, steps
    assert finish(words) == ""  # not on a terminal: no progress bar; and no warnings
    assert same(network_of(recipe, tmp_path / "whole"), network_of(recipe, tmp_path / "killed"))
    again = json.loads((killed / "facts.json").read_text())
    one, two = ([row | {"seconds": 0} for row in found["history"]] for found in (facts, again))
    assert one == two and facts["curves"] == again["curves"]
    # nothing half-written is left
    assert sorted(path.name for path in killed.iterdir()) == sorted(path.name for path in whole.iterdir())


def test_two_processes_compute_what_one_does(tmp_path):
    recipe = dataclasses.replace(RECIPE, steps=10)
    launcher = ("torch.distributed.run", "--standalone", "--nproc_per_node", "2", "-m", "--")
    finish(command(recipe, tmp_path / "two", launcher=launcher))
    loop.run(recipe, tmp_path / "one", compiled=False)
    one, two = (network_of(recipe, tmp_path / folder) for folder in ("one", "two"))
    start = networks.initialize(recipes.build("unet2", 1), recipe.seed).state_dict()
    for key, value in one.items():
        moved = (value - start[key]).abs().max()
        # float16 weights: half a unit in the last place of the largest, and Adam's rounding errors
        assert (two[key] - value).abs().max() < 0.02 * moved, key
    facts = json.loads((tmp_path / "two" / recipe.name / "facts.json").read_text())
    assert facts["provenance"]["processes"] == 2
    alone = json.loads((tmp_path / "one" / recipe.name / "facts.json").read_text())
    assert facts["history"][-1]["loss"] == pytest.approx(alone["history"][-1]["loss"], rel=1e-4)
    assert [p.name for p in (tmp_path / "two" / recipe.name).iterdir() if p.name.startswith(".")] == []


BATCH = torch.randn(6, 3, 4, 4, generator=torch.Generator().manual_seed(0)) + torch.arange(6.0).view(
    6, 1, 1, 1
)
"""Images whose means differ, so that the halves' spreads are not the whole's."""


def normalized(norm, x):
    """Output, spread, and the gradients of the mean of a function that tells values apart."""
    with torch.no_grad():
        norm.gammas.copy_(torch.tensor([0.7, -1.3, 0.2]).view(1, 3, 1, 1))
    x = x.clone().requires_grad_()
    y = norm.train()(x)
    (y.sin() * (1 + x.detach())).mean().backward()
    return {"y": y.detach(), "spread": norm.running_sd, "x": x.grad, "gammas": norm.gammas.grad}


def half_of_the_batch(rank, folder):
    """What one of two processes does with its part, with the spread shared and not."""
    rendezvous = f"file://{folder}/rendezvous"
    torch.distributed.init_process_group("gloo", init_method=rendezvous, rank=rank, world_size=2)
    for shared in (True, False):
        norm = networks.BiasFreeNorm(3)
        norm.shared = shared
        torch.save(normalized(norm, BATCH[3 * rank : 3 * rank + 3]), f"{folder}/{shared}-{rank}.pt")
    torch.distributed.destroy_process_group()


def test_two_processes_share_the_spread_and_its_gradient(tmp_path):
    torch.multiprocessing.spawn(half_of_the_batch, (str(tmp_path),), nprocs=2)
    whole = normalized(networks.BiasFreeNorm(3), BATCH)
    for shared in (True, False):
        one, two = (torch.load(tmp_path / f"{shared}-{rank}.pt", weights_only=True) for rank in (0, 1))
        found = {
            "y": torch.cat([one["y"], two["y"]]),
            "spread": one["spread"],
            "x": torch.cat([one["x"], two["x"]]) / 2,  # of the mean of the processes' losses
            "gammas": (one["gammas"] + two["gammas"]) / 2,
        }
        for name, value in found.items():
            assert torch.allclose(value, whole[name], rtol=1e-5, atol=1e-7) == shared, (name, shared)


def test_a_batch_that_does_not_divide_is_refused(monkeypatch, short):
    monkeypatch.setattr(accelerate.Accelerator, "num_processes", 3)
    with pytest.raises(ValueError, match="a batch of 4 images does not divide among 3 processes"):
        loop.train(RECIPE, loop.load_images(RECIPE)[0])


# ------------------------------------------------------------------------------------------------
# Steps


def recorded(monkeypatch, recipe):
    """Train, and return the finished network and its parameters after every step."""
    seen, step = [], loop.step

    def watch(engine, *more):
        error = step(engine, *more)
        seen.append({k: v.detach().clone() for k, v in engine.network.named_parameters()})
        return error

    monkeypatch.setattr(loop, "step", watch)
    return loop.train(recipe, loop.load_images(recipe)[0])[0], seen


def rounded(value):
    return value.half().float() if value.shape[-1] > 1 else value


def test_the_moving_average_is_the_recursion_by_hand(monkeypatch, short):
    f, seen = recorded(monkeypatch, dataclasses.replace(RECIPE, ema=0.8))
    average = seen[0]
    for later in seen[1:]:
        average = {key: 0.8 * average[key] + 0.2 * value for key, value in later.items()}
    for key, value in f.network.named_parameters():
        torch.testing.assert_close(value, rounded(average[key]), rtol=1e-3, atol=1e-6)
        assert not torch.allclose(value, rounded(seen[-1][key]), rtol=1e-3, atol=1e-6)


def test_by_default_there_is_no_moving_average(monkeypatch, short):
    f, seen = recorded(monkeypatch, RECIPE)
    assert len(seen) == RECIPE.steps
    for key, value in f.network.named_parameters():
        assert torch.equal(value, rounded(seen[-1][key]))


def test_on_squared_error_the_loop_is_plain_adam(monkeypatch, short):
    recipe = dataclasses.replace(RECIPE, objective="mse", optimizer="adam", noise="uniform")
    _, seen = recorded(monkeypatch, recipe)
    network = networks.initialize(networks.UNet(2, 1), RECIPE.seed).train()
    adam, x = torch.optim.Adam(network.parameters()), loop.load_images(RECIPE)[0]
    for t, found in enumerate(seen):
        y, noise, _ = recipes.draw(recipe, x, t)
        loss = ((y - network(y)) - (y - noise)).square().mean()  # the estimate against the clean image
        for group in adam.param_groups:
            group["lr"] = recipe.rate(t)
        adam.zero_grad()
        loss.backward()
        adam.step()
        for key, value in network.named_parameters():
            torch.testing.assert_close(found[key], value.detach(), rtol=1e-3, atol=1e-4)


def test_on_decibels_the_loop_is_adam_and_muon_on_errors_over_their_running_means(monkeypatch, short):
    _, seen = recorded(monkeypatch, RECIPE)
    network = networks.initialize(networks.UNet(2, 1), RECIPE.seed).train()
    kernels, others = _muon.split(network)
    adam, muon = torch.optim.Adam(others, betas=(0.9, 0.99)), _muon.Muon(kernels)
    x, mean = loop.load_images(RECIPE)[0], {}
    for t, found in enumerate(seen):
        y, noise, sigma = recipes.draw(RECIPE, x, t)
        errors = (network(y) - noise).square().mean((1, 2, 3))
        places = [min(31, max(0, int(32 * (1 - math.log(s) / math.log(0.005))))) for s in sigma.tolist()]
        starts = [0.005 ** (2 * (1 - (k + 0.5) / 32)) for k in range(32)]
        loss = sum(e / mean.get(k, starts[k]) for e, k in zip(errors, places, strict=True)) / len(errors)
        for k in set(places):
            here = [e.item() for e, place in zip(errors, places, strict=True) if place == k]
            mean[k] = 0.98 * mean.get(k, starts[k]) + 0.02 * sum(here) / len(here)
        for optimizer, peak in ((adam, RECIPE.learning_rate), (muon, RECIPE.muon_rate)):
            optimizer.param_groups[0]["lr"] = peak * RECIPE.fraction(t)
            optimizer.zero_grad()
        loss.backward()
        adam.step()
        muon.step()
        for key, value in network.named_parameters():
            torch.testing.assert_close(found[key], value.detach(), rtol=1e-4, atol=1e-6)
            value.data.copy_(found[key])  # rounding errors of one step do not grow in the next


def test_a_resumed_run_remembers_the_running_errors_and_the_momentum(monkeypatch, short, tmp_path):
    loop.run(RECIPE, tmp_path)
    saved = torch.load(tmp_path / RECIPE.name / "checkpoint.pt", weights_only=True)
    assert {"optimizer 0", "optimizer 1", "running error"} <= set(saved)
    assert not torch.equal(saved["running error"]["mean"], RunningError().mean)
    assert all("momentum" in state for state in saved["optimizer 1"]["state"].values())


def test_the_last_tenth_of_the_steps_is_in_full_precision(monkeypatch, short):
    monkeypatch.setattr(_engine, "_has_bf16", lambda: True)
    seen, forward = [], _engine._Errors.forward
    monkeypatch.setattr(
        _engine._Errors, "forward", lambda self, *a: seen.append(self.half) or forward(self, *a)
    )
    loop.train(dataclasses.replace(RECIPE, precision="bf16"), loop.load_images(RECIPE)[0])
    assert seen == 36 * [True] + 4 * [False]
    for precision, expected in (("bf16 throughout", True), ("fp32", False)):
        seen.clear()
        loop.train(dataclasses.replace(RECIPE, precision=precision), loop.load_images(RECIPE)[0])
        assert seen == 40 * [expected]


def test_rows_come_at_log_spaced_steps_and_the_log_holds_them(tmp_path, short):
    accumulator = pytest.importorskip("tensorboard.backend.event_processing.event_accumulator")
    recipe, rows = dataclasses.replace(RECIPE, steps=200), []
    x, held_out = loop.load_images(recipe)
    loop.train(recipe, x, held_out, report=rows.append, log=tmp_path)
    assert [row["step"] for row in rows] == [10, 18, 32, 56, 100, 178, 200]
    assert len(rows[0]["held_out"]) == len(loop.GLANCE_SIGMAS)
    log = accumulator.EventAccumulator(str(tmp_path / recipe.name)).Reload()
    for tag, value in {
        "loss": lambda row: row["loss"],
        **{f"train/{k}": lambda row, k=k: row["train"][k] for k in range(5)},
        **{f"held_out/{k}": lambda row, k=k: row["held_out"][k] for k in range(5)},
    }.items():
        events = log.Scalars(tag)
        assert [event.step for event in events] == [row["step"] for row in rows]
        assert [event.value for event in events] == pytest.approx([value(row) for row in rows], rel=1e-6)


def test_without_a_log_folder_none_is_written(tmp_path, short, monkeypatch):
    monkeypatch.chdir(tmp_path)
    loop.train(RECIPE, loop.load_images(RECIPE)[0])
    assert list(tmp_path.iterdir()) == []


# ------------------------------------------------------------------------------------------------
# Compiled, in bfloat16


@pytest.mark.skipif(not _engine._has_compiler(), reason="no C++ compiler here")
@pytest.mark.skipif(not _engine._has_bf16(), reason="no bfloat16 arithmetic here")
def test_compiled_in_bfloat16_a_run_stays_near_the_plain_one(monkeypatch):
    monkeypatch.setattr(torch.cuda, "is_available", lambda: False)
    monkeypatch.setattr(loop, "_settle", functools.partial(loop._settle, batches=10))
    plain = dataclasses.replace(RECIPE, steps=30, batch=8, network="unet4")
    x = loop.load_images(plain)[0]
    f, facts = loop.train(plain, x, compiled=False)
    g, fast = loop.train(dataclasses.replace(plain, precision="bf16"), x, compiled=True)
    assert fast["provenance"]["bf16"] and fast["provenance"]["compiled"]
    assert not facts["provenance"]["bf16"] and not facts["provenance"]["compiled"]
    one, two = (found["history"][-1]["loss"] for found in (facts, fast))
    assert one != two and two == pytest.approx(one, rel=0.05)
    y = recipes.draw(plain, x, 0)[0]
    start = networks.initialize(networks.UNet(4, 1), plain.seed)
    with torch.no_grad():
        travelled = (f(y) - (y - start.train()(y))).norm()
        assert (f(y) - g(y)).norm() < 0.1 * travelled


def test_many_runs_in_one_process_do_not_exhaust_the_compiler(monkeypatch, short):
    class Traced(accelerate.Accelerator):
        """Dynamo traces as always; the traced code then runs eager, so that no C++ is compiled."""

        def __init__(self, dynamo_backend, **more):
            assert dynamo_backend == "inductor"
            super().__init__(dynamo_backend="eager", **more)

    monkeypatch.setattr(accelerate, "Accelerator", Traced)
    monkeypatch.setattr(loop, "_curves", lambda f, x, held_out: {})
    # otherwise it would go on without a word, uncompiled
    monkeypatch.setattr(torch._dynamo.config, "fail_on_recompile_limit_hit", True)
    for width in range(1, torch._dynamo.config.recompile_limit + 3):
        recipe = dataclasses.replace(RECIPE, steps=1, network=f"unet{width}")
        loop.train(recipe, loop.load_images(recipe)[0], compiled=True)


def test_weights_do_not_decay(monkeypatch):
    """Without error there is no gradient, and Adam leaves the weights as they are, whatever the rate."""
    monkeypatch.setattr(torch.cuda, "is_available", lambda: False)
    network = networks.initialize(networks.UNet(2, 1), 0).train()
    before = {k: p.detach().clone() for k, p in network.named_parameters()}
    recipe = dataclasses.replace(RECIPE, schedule="halving")  # at its peak from the first step
    engine = _engine.Engine(recipe, network, False, None)
    loop.step(engine, recipe, (torch.zeros(4, 1, 8, 8), torch.zeros(4, 1, 8, 8), torch.ones(4)), 0)
    assert all(torch.equal(p, before[k]) for k, p in engine.network.named_parameters())
