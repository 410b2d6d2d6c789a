"""The recipe and the loop: it learns, repeats itself bit for bit, and goes on where it stood."""

import dataclasses
import functools
import hashlib
import json
import math

import pytest
import torch

from gahr import denoisers, measures, networks, zoo
from gahr.denoisers import Blind, add_noise
from gahr.images import classes, synthetic
from gahr.training import _engine, _muon, loop, objective, recipes, shelf

RECIPE = recipes.Recipe("toy", 32, "a", network="unet4", blocks=1, steps=60, batch=8, learning_rate=3e-3)


@pytest.fixture(autouse=True)
def plain_loop(monkeypatch):
    """No compiler (it costs more than these runs), full precision, a short settling."""
    monkeypatch.setattr(_engine, "_has_compiler", lambda: False)
    monkeypatch.setattr(_engine, "_has_bf16", lambda: False)
    monkeypatch.setattr(loop, "_settle", functools.partial(loop._settle, batches=10))
    monkeypatch.setattr(loop, "_curves", lambda f, x, held_out: {"train": {}, "held_out": {}})
    # train on the CPU, where arithmetic repeats itself
    monkeypatch.setattr(torch.cuda, "is_available", lambda: False)


@pytest.fixture(scope="module")
def x():
    """Flat gray images: all a denoiser has to learn is to average."""
    grays = torch.rand(32, 1, 1, 1, generator=torch.Generator().manual_seed(0))
    return grays.expand(32, 1, 8, 8).contiguous()


def weights(f):
    return {key: value.clone() for key, value in f.network.state_dict().items()}


def same(one, two):
    return all(torch.equal(value, two[key]) for key, value in one.items())


def test_it_learns_what_is_easy(x):
    f, facts = loop.train(dataclasses.replace(RECIPE, steps=600, batch=16), x)
    new = torch.rand(64, 1, 1, 1, generator=torch.Generator().manual_seed(1)).expand(64, 1, 8, 8)
    with torch.no_grad():
        for sigma in (0.02, 0.2, 0.5):
            error = (f(add_noise(new, sigma)) - new).square().mean().item()
            assert error < 0.5 * sigma**2  # doing nothing leaves sigma^2
    losses = [row["loss"] for row in facts["history"]]
    assert losses[-1] < 0.5 * losses[0]


def test_a_seed_decides_everything(x):
    torch.manual_seed(1)
    first, facts = loop.train(RECIPE, x)
    torch.manual_seed(2)
    again, _ = loop.train(RECIPE, x)
    assert same(weights(first), weights(again))
    other, _ = loop.train(dataclasses.replace(RECIPE, seed=1), x)
    assert not same(weights(first), weights(other))
    assert facts["recipe"] == dataclasses.asdict(RECIPE) and facts["seed"] == 0
    assert facts["provenance"]["images_seen"] == 60 * 8
    json.dumps(facts)


class Interrupted(Exception):
    pass


def test_an_interrupted_run_ends_where_an_uninterrupted_one_does(x, tmp_path):
    whole, facts = loop.train(RECIPE, x)

    def stop(row):
        if row["step"] >= 32:
            raise Interrupted

    with pytest.raises(Interrupted):
        loop.train(RECIPE, x, folder=tmp_path, report=stop, checkpoint_every=0)
    saved = torch.load(tmp_path / "checkpoint.pt", weights_only=True)
    assert 0 < saved["step"] < 60
    steps = []
    resumed, more = loop.train(RECIPE, x, folder=tmp_path, report=lambda row: steps.append(row["step"]))
    assert min(steps) > saved["step"]  # it did go on, rather than begin again
    assert same(weights(whole), weights(resumed))
    assert [row["step"] for row in more["history"]] == [row["step"] for row in facts["history"]]
    assert [row["loss"] for row in more["history"]] == [row["loss"] for row in facts["history"]]


def test_another_recipe_s_checkpoint_is_refused(x, tmp_path):
    loop.train(dataclasses.replace(RECIPE, steps=3), x, folder=tmp_path, checkpoint_every=0)
    with pytest.raises(ValueError, match="checkpoint.pt belongs to another recipe; remove it"):
        loop.train(dataclasses.replace(RECIPE, steps=4), x, folder=tmp_path)


def test_the_finished_network_is_rounded_and_its_file_exact(x, tmp_path):
    f, _ = loop.train(dataclasses.replace(RECIPE, steps=5), x)
    assert shelf.half_precision_is_exact(f) and not f.training
    for key, value in weights(f).items():
        if key.endswith("weight"):
            assert torch.equal(value, value.half().float())
        assert value.dtype == torch.float32
    spreads = [v for k, v in weights(f).items() if k.endswith("running_sd")]
    assert not all(torch.equal(v, v.half().float()) for v in spreads)
    assert same(weights(f), weights(zoo.load(shelf.save(f, tmp_path / "toy.safetensors"))))


def test_settling_averages_the_spread_over_batches(x):
    network = networks.initialize(networks.UNet(2, 1), 3)
    norm, spreads = network.encoder["0"][3], []
    probe = networks.initialize(networks.UNet(2, 1), 3).train()
    for k in range(4):
        y, _, _ = recipes.draw(RECIPE, x, RECIPE.steps + k)
        with torch.no_grad():
            features = torch.relu(probe.encoder["0"][0](y))
            features = probe.encoder["0"][2](features)
            spreads.append((features.var((0, 2, 3), unbiased=False) + 1e-5).sqrt())
    before = {key: value.clone() for key, value in network.state_dict().items() if key.endswith("weight")}
    loop._settle.func(network, x, RECIPE, batches=4)
    torch.testing.assert_close(norm.running_sd.flatten(), torch.stack(spreads).mean(0), rtol=1e-5, atol=0)
    assert norm.momentum == 0.1  # put back
    assert all(torch.equal(network.state_dict()[key], value) for key, value in before.items())


@pytest.mark.parametrize(("weight", "rounded"), [(1 - 3e-4, False), (0.5 + 3e-5, True)])
def test_kernels_are_rounded_where_that_costs_nothing_and_kept_where_it_costs(weight, rounded):
    # on black images f(y) = (1 - w) y; float16 makes 1 - w = 3.0e-4 into 4.9e-4, which costs 4.2 dB
    network = torch.nn.Conv2d(1, 1, 3, padding=1, bias=False)
    with torch.no_grad():
        network.weight.zero_()[0, 0, 1, 1] = weight
    before = network.weight.clone()
    assert loop._round_weights(Blind(network), torch.zeros(3, 1, 8, 8)) is rounded
    assert torch.equal(network.weight, before.half().float() if rounded else before)


def test_weights_are_stored_as_precisely_as_they_are(tmp_path):
    exact = Blind(networks.initialize(networks.UNet(4, 1), 3).eval())
    coarse = Blind(networks.initialize(networks.UNet(4, 1), 3).eval())
    loop._round_weights(coarse, None)
    sizes = {}
    for name, f in (("exact", exact), ("coarse", coarse)):
        path = shelf.save(f, tmp_path / f"{name}.safetensors")
        assert same(weights(f), weights(zoo.load(path)))
        sizes[name] = path.stat().st_size
    assert sizes["exact"] > 1.3 * sizes["coarse"]


# ------------------------------------------------------------------------------------------------
# The recipe


@pytest.mark.parametrize(
    ("noise", "mean", "median"), [("uniform", 1 / 2, 1 / 2), ("quadratic", 1 / 3, 1 / 4)]
)
def test_noise_levels_are_distributed_as_stated(noise, mean, median):
    recipe = dataclasses.replace(RECIPE, noise=noise, batch=2000)
    y, z, _ = recipes.draw(recipe, torch.full((5, 1, 16, 16), 0.5), step=0)
    torch.testing.assert_close(y - z, torch.full_like(y, 0.5), atol=1e-5, rtol=0)
    sigma = z.square().mean((1, 2, 3)).sqrt()
    assert sigma.mean().item() == pytest.approx(mean, abs=0.03)
    assert sigma.median().item() == pytest.approx(median, abs=0.04)
    assert sigma.max() < 1.2


def test_mixed_noise_is_half_log_uniform_half_uniform_and_evenly_spread():
    sigma = objective.noise_levels("mixed", 101, torch.Generator().manual_seed(3))
    low, high = sigma[:50], sigma[50:]
    assert low.min() >= 0.005 and sigma.max() < 1
    logs = 1 - low.double().log() / math.log(0.005)
    for half, count in ((logs, 50), (high.double(), 51)):  # one in each of as many equal parts
        assert torch.equal((half * count + 1e-5).floor().long(), torch.arange(count))
        assert (half * count).frac().std() > 0.2  # and not always its middle


def test_the_level_that_draw_returns_is_that_of_the_noise():
    recipe = dataclasses.replace(RECIPE, batch=40)
    y, noise, sigma = recipes.draw(recipe, torch.full((5, 1, 32, 32), 0.5), step=3)
    assert y.shape == noise.shape == (40, 1, 32, 32)
    torch.testing.assert_close(noise.square().mean((1, 2, 3)).sqrt(), sigma, rtol=0.12, atol=0)


# ------------------------------------------------------------------------------------------------
# The objective


def test_dividing_by_the_running_error_is_the_gradient_of_the_mean_log_error():
    generator = torch.Generator().manual_seed(0)
    sigma = torch.tensor([0.01, 0.1, 0.1, 0.9])
    scale = torch.tensor([1.0, 2.0, 3.0, 4.0], requires_grad=True)
    errors = scale * torch.rand(4, generator=generator)
    running = objective.RunningError(rate=1.0)  # remembers the last batch only
    running.update(running.totals(sigma, errors.detach()))
    (gradient,) = torch.autograd.grad((running.weights(sigma) * errors).sum(), scale)
    errors = scale * (errors.detach() / scale.detach())
    levels = torch.stack([errors[0], errors[1:3].mean(), errors[3]])
    (expected,) = torch.autograd.grad((levels.log() * torch.tensor([1.0, 2.0, 1.0])).sum(), scale)
    torch.testing.assert_close(gradient, expected)


def test_the_running_error_begins_at_sigma_squared_and_follows():
    running = objective.RunningError()
    sigma = torch.tensor([0.001, 0.005, 0.03, 0.3, 0.99, 1.0])
    start = 1 / running.weights(sigma)
    half_a_bin = 200 ** (0.5 / 32)
    for s, found in zip((0.005, 0.005, 0.03, 0.3, 0.99, 1.0), start.sqrt().tolist(), strict=True):
        assert s / half_a_bin <= found * 1.001 and found <= 1.001 * s * half_a_bin
    assert running.bin(sigma)[:2].tolist() == [0, 0] and running.bin(sigma)[-2:].tolist() == [31, 31]
    error = torch.full((6,), 7.0)
    for _ in range(3):
        running.update(running.totals(sigma, error))
    expected = 7 + 0.98**3 * (start - 7)
    torch.testing.assert_close(1 / running.weights(sigma), expected)
    untouched = torch.tensor([0.1])
    assert 1 / running.weights(untouched) == 1 / objective.RunningError().weights(untouched)
    other = objective.RunningError()
    other.load_state_dict(running.state_dict())
    assert torch.equal(other.mean, running.mean)


@pytest.mark.parametrize("shape", [(8, 8), (5, 90), (90, 5), (1, 7)])
def test_muon_keeps_singular_vectors_and_makes_singular_values_equal(shape):
    matrix = torch.randn(shape, dtype=torch.float64, generator=torch.Generator().manual_seed(1))
    found = _muon.orthogonalized(3e-4 * matrix)
    left, values, right = torch.linalg.svd(matrix, full_matrices=False)
    values = values / values.square().sum().sqrt()
    for _ in range(5):
        values = 3.4445 * values - 4.7750 * values**3 + 2.0315 * values**5
    torch.testing.assert_close(found, left @ torch.diag(values) @ right)
    if max(shape) > 50:
        assert values.min() > 0.6 and values.max() < 1.25
    assert torch.equal(_muon.orthogonalized(torch.zeros(shape)), torch.zeros(shape))


def test_muon_is_torch_s_own_but_for_bfloat16():
    if not hasattr(torch.optim, "Muon"):
        pytest.skip("this torch has no Muon")
    generator = torch.Generator().manual_seed(2)
    start = torch.randn(6, 4, 3, 3, generator=generator)
    ours, theirs = start.clone().requires_grad_(), start.flatten(1).clone().requires_grad_()
    mine = _muon.Muon([ours], lr=0.02)
    reference = torch.optim.Muon([theirs], lr=0.02, weight_decay=0.0)
    for _ in range(5):
        gradient = torch.randn(start.shape, generator=generator)
        ours.grad, theirs.grad = gradient.clone(), gradient.flatten(1).clone()
        mine.step()
        reference.step()
    moved = (ours - start).flatten(1)
    assert (moved - (theirs - start.flatten(1))).norm() < 0.02 * moved.norm()


def test_muon_takes_the_kernels_between_channels_and_adam_the_rest():
    network = networks.UNet(2, 1)
    kernels, others = _muon.split(network)
    names = {id(p): name for name, p in network.named_parameters()}
    rest = {names[id(p)] for p in others}
    assert {"encoder.0.0.weight", "decoder.0.3.weight"} <= rest
    assert all(name.endswith(("gammas", "0.0.weight", "decoder.0.3.weight")) for name in rest)
    assert len(kernels) + len(others) == len(names) and len(kernels) == 5


def test_batches_depend_on_seed_and_step_alone(x):
    first = recipes.draw(RECIPE, x, 7)
    torch.manual_seed(5)
    assert all(map(torch.equal, first, recipes.draw(RECIPE, x, 7)))
    assert not torch.equal(first[0], recipes.draw(RECIPE, x, 8)[0])
    other = dataclasses.replace(RECIPE, seed=1)
    assert not torch.equal(first[0], recipes.draw(other, x, 7)[0])


def test_every_training_image_is_drawn_equally_often():
    marks = (torch.arange(4.0) / 4).view(4, 1, 1, 1).expand(4, 1, 8, 8)
    y, z, _ = recipes.draw(dataclasses.replace(RECIPE, batch=4000), marks, 0)
    counts = torch.bincount((4 * (y - z).mean((1, 2, 3))).round().long(), minlength=4)
    assert (counts - 1000).abs().max() < 5 * math.sqrt(4000 * 3 / 16)


def test_the_learning_rate_warms_up_and_ends_at_zero():
    recipe = recipes.Recipe("faces40", 10, "a", steps=6000, learning_rate=1e-3)
    assert recipe.rate(0) == pytest.approx(1e-3 / 200, rel=1e-3)
    assert recipe.rate(199) == pytest.approx(1e-3, rel=0.01)
    assert recipe.rate(3000) == pytest.approx(0.5e-3)
    assert recipe.rate(5999) < 1e-9
    assert max(recipe.rate(t) for t in range(6000)) <= 1e-3


def test_names_and_architectures():
    assert recipes.Recipe("fashion32", 25_000, "b", network="bfcnn32").name == "fashion32-bfcnn32-n25000-b"
    assert networks.count_parameters(recipes.build("unet16", 3)) == 479_424
    assert isinstance(recipes.build("bfcnn8"), networks.BFCNN) and recipes.build("bfcnn8").layers == 21
    assert recipes.build("unet4", 2).blocks == 2


@pytest.mark.parametrize(
    ("call", "error", "sentence"),
    [
        (lambda: recipes.build("unet"), ValueError, "give the width after the architecture, as in unet16"),
        (lambda: recipes.build("net16"), KeyError, "unknown architecture 'net'; did you mean 'unet'"),
        (lambda: recipes.Recipe("a", 0, "a"), ValueError, r"n must be in \(0, inf\)"),
        (lambda: recipes.Recipe("a", 1, "a", steps=0), ValueError, "steps must be in"),
        (lambda: recipes.Recipe("a", 1, "a", learning_rate=math.nan), ValueError, "learning_rate must be"),
        (lambda: recipes.Recipe("a", 1, "a", noise="uniforn"), KeyError, "did you mean 'uniform'"),
    ],
)
def test_impossible_recipes_are_refused(call, error, sentence):
    with pytest.raises(error, match=sentence):
        call()


@pytest.mark.parametrize(
    ("change", "sentence"),
    [
        (lambda x: x[:31], "the recipe says n = 32; x holds 31 images"),
        (lambda x: torch.where(x == x[0], math.nan, x), "x contains NaN"),
        (lambda x: 2 * x, r"x must have intensities in \[0, 1\]"),
        (lambda x: x[..., :7], "x is 8x7; .* divisible by 2"),
        (lambda x: x.expand(32, 3, 8, 8), "x has 3 channels; this network was built for 1"),
        (lambda x: x[:, 0], "x must have shape"),
    ],
)
def test_images_that_do_not_fit_are_refused(x, change, sentence):
    with pytest.raises(ValueError, match=sentence):
        loop.train(RECIPE, change(x))
    if "recipe" not in sentence:
        with pytest.raises(ValueError, match=sentence.replace("x ", "held_out ", 1)):
            loop.train(RECIPE, x, change(x))


def test_a_loss_that_explodes_is_reported(x):
    with pytest.raises(ValueError, match="the loss is .* lower learning_rate|NaN"):
        loop.train(dataclasses.replace(RECIPE, learning_rate=1e30, steps=20), x)


def test_curves_and_history_are_those_of_the_finished_network(x, monkeypatch):
    monkeypatch.undo()
    monkeypatch.setattr(_engine, "_has_compiler", lambda: False)
    monkeypatch.setattr(_engine, "_has_bf16", lambda: False)
    monkeypatch.setattr(loop, "_settle", functools.partial(loop._settle, batches=5))
    held_out = synthetic.discs(20, 8)
    f, facts = loop.train(dataclasses.replace(RECIPE, steps=12), x, held_out)
    curves = facts["curves"]
    assert curves["train"]["images"] == 32 and curves["held_out"]["images"] == 20
    again = measures.psnr_curve(f, held_out)
    assert curves["held_out"]["psnr"] == pytest.approx(again["psnr"], abs=1e-4)
    assert [row["step"] for row in facts["history"]] == [10, 12]
    assert len(facts["history"][-1]["held_out"]) == len(facts["history"][-1]["train"]) == 5


def test_small_sets_are_measured_with_many_noise_draws(monkeypatch):
    monkeypatch.undo()
    asked = []
    monkeypatch.setattr(measures, "psnr_curve", lambda f, x, repeats=1: asked.append((len(x), repeats)) or {})
    for n in (1, 10, 150, 1200):
        loop._curves(None, torch.zeros(n, 1, 8, 8), torch.zeros(1200, 1, 8, 8))
    assert asked[::2] == [(1, 200), (10, 20), (150, 1), (1000, 1)]
    assert asked[1::2] == [(1000, 1)] * 4


def test_a_checkpoint_of_other_images_is_refused(x, tmp_path):
    recipe = dataclasses.replace(RECIPE, steps=4)
    loop.train(recipe, x, folder=tmp_path)
    loop.train(recipe, x, folder=tmp_path)  # its own are welcome
    with pytest.raises(ValueError, match="belongs to other training images; remove it or choose another"):
        loop.train(recipe, 0.5 * x, folder=tmp_path)


def test_a_glance_leaves_the_network_as_it_was():
    network = networks.initialize(networks.UNet(2, 1), 0).train()
    x = torch.rand(6, 1, 8, 8, generator=torch.Generator().manual_seed(0))
    before = {k: v.clone() for k, v in network.state_dict().items()}
    row = loop._glance(network, x, None)
    assert network.training and all(torch.equal(v, before[k]) for k, v in network.state_dict().items())
    f = denoisers.Blind(network.eval())
    with torch.no_grad():
        for k, sigma in enumerate((0.02, 0.05, 0.1, 0.2, 0.5)):
            y = denoisers.add_noise(x, sigma, seed=1000 * k)
            assert row["train"][k] == pytest.approx(measures.psnr(x, f(y)).mean().item(), abs=1e-3)


def test_the_status_counts_images_and_not_steps(tmp_path, monkeypatch):
    monkeypatch.setattr(loop, "HELD_OUT", 10)
    recipe = recipes.Recipe("discs16", 6, "a", network="unet2", blocks=1, steps=12, batch=4, precision="fp32")
    path = loop.run(recipe, tmp_path)
    status = json.loads((path.parent / "status.json").read_text())
    history = json.loads((path.parent / "facts.json").read_text())["history"]
    assert status["images_per_second"] == pytest.approx(12 * 4 / history[-1]["seconds"], rel=0.05)


class Gray(torch.nn.Module):
    """Answers 0.2 everywhere."""

    def __init__(self):
        super().__init__()
        self.unused = torch.nn.Parameter(torch.zeros(1))

    def forward(self, y):
        return y - 0.2


def test_training_and_held_out_images_are_not_exchanged(monkeypatch):
    monkeypatch.undo()
    x, new = torch.full((3, 1, 4, 4), 0.2), torch.full((5, 1, 4, 4), 0.8)
    curves, row = loop._curves(Blind(Gray()), x, new), loop._glance(Gray(), x, new)
    for train, held_out in (
        (curves["train"]["psnr"], curves["held_out"]["psnr"]),
        (row["train"], row["held_out"]),
    ):
        assert train[0] > 100 and held_out[0] == pytest.approx(-20 * math.log10(0.6), abs=1e-3)


def test_a_recipe_loads_its_half_and_a_thousand_held_out_images():
    x, held_out = loop.load_images(recipes.Recipe("discs8", 3, "b"))
    assert torch.equal(x, classes.load("discs8", 3, "b"))
    assert torch.equal(held_out, classes.load("discs8", 1000, "held-out"))


def test_the_hash_is_of_rounded_pixels():
    x = torch.tensor([[[[0.0, 0.102], [0.502, 1.0]]]])  # 0, 26.01, 128.01, 255
    x.view(-1)[1:3] -= 0.001  # 25.755, 127.755
    found = loop.data_identity(recipes.Recipe("toy", 1, "a"), x)["sha256"]
    assert found == hashlib.sha256(bytes([0, 26, 128, 255])).hexdigest()


def test_images_of_a_class_of_ones_own_are_not_said_to_be_the_book_s():
    x = torch.rand(2, 1, 8, 8)
    own, ours = (loop.data_identity(recipes.Recipe(name, 2, "a"), x) for name in ("own8", "discs8"))
    assert own["rule"] == "given to gahr.training.loop.train" and ours["rule"] == "gahr.images.classes.load"
