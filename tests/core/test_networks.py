"""The authors' two networks: their sizes, their files, their arithmetic, and homogeneity."""

import math

import numpy as np
import pytest
import torch

from gahr import jacobian, networks
from gahr.denoisers import Blind

# name of the stored file, and whether its first layer is linear
FILES = {
    "unet-2blocks-4ch": True,
    "unet-3blocks-4ch-dataparallel": True,
    "bfcnn-6layers-8ch-linear-first": True,
    "bfcnn-6layers-8ch-relu-first": False,
}


def stored(folder, name):
    with np.load(folder / f"{name}.npz") as file:
        arrays = {key: torch.from_numpy(file[key]) for key in file.files}
    state = {key.removeprefix("state."): v for key, v in arrays.items() if key.startswith("state.")}
    return state, arrays["y"], arrays["residual"]


@pytest.mark.parametrize(("blocks", "count"), [(1, 366_080), (2, 1_825_024), (3, 7_659_264), (4, 30_993_152)])
def test_unet_has_the_paper_s_parameter_counts(blocks, count):
    with torch.device("meta"):
        assert networks.count_parameters(networks.UNet(64, blocks)) == count


def test_bfcnn_has_the_paper_s_parameter_count():
    with torch.device("meta"):
        assert networks.count_parameters(networks.BFCNN(64, 21)) == 702_784


@pytest.mark.parametrize("network", [networks.UNet(4, 2), networks.BFCNN(4, 5)])
def test_nothing_is_added_anywhere(network):
    names = [name for name, _ in network.named_parameters()]
    assert names and not [name for name in names if "bias" in name]
    assert all(name.endswith((".weight", ".gammas")) for name in names)


@pytest.mark.parametrize("name", FILES)
def test_the_authors_files_reproduce_their_residuals(fixtures, name):
    state, y, residual = stored(fixtures, name)
    network = networks.from_state_dict(state, first_layer_linear=FILES[name])
    assert not network.training
    with torch.no_grad():
        torch.testing.assert_close(network(y), residual, atol=1e-5, rtol=0)
    assert residual.abs().max() > 1e-2  # so that the comparison says something


def test_the_first_layer_of_an_old_bfcnn_matters(fixtures):
    state, y, residual = stored(fixtures, "bfcnn-6layers-8ch-relu-first")
    with torch.no_grad():
        assert (networks.from_state_dict(state)(y) - residual).abs().max() > 1e-3


@pytest.mark.parametrize(
    "network",
    [
        networks.UNet(3, 1),
        networks.UNet(2, 4, image_channels=3),
        networks.BFCNN(5, 4, image_channels=2),
        networks.BFCNN(3, 9, first_layer_linear=False),
    ],
)
def test_architecture_is_read_off_the_state_dict(network):
    linear = getattr(network, "first_layer_linear", True)
    again = networks.from_state_dict(network.state_dict(), first_layer_linear=linear)
    assert type(again) is type(network)
    for fact in ("channels", "blocks", "layers", "image_channels", "first_layer_linear", "multiple"):
        assert getattr(again, fact, None) == getattr(network, fact, None)
    y = torch.randn(2, network.image_channels, 16, 16)
    with torch.no_grad():
        torch.testing.assert_close(again(y), network.eval()(y))


def without(state, key):
    return {k: v for k, v in state.items() if k != key}


@pytest.mark.parametrize(
    ("change", "sentence"),
    [
        (lambda s: {}, "not the weights of a UNet .* the names begin with: nothing"),
        (lambda s: {"fc.weight": torch.ones(2)}, "the names begin with: fc.weight"),
        (lambda s: without(s, "decoder.0.1.gammas"), "do not fit a UNet: Missing key.*decoder.0.1.gammas"),
        (lambda s: s | {"decoder.0.9.weight": torch.ones(1)}, "Unexpected key.*decoder.0.9.weight"),
        (lambda s: s | {"mid_block.0.weight": torch.ones(8, 8, 3, 3)}, "size mismatch for mid_block.0"),
        (lambda s: s | {"encoder.0.0.weight": torch.ones(4)}, r"first weight must be .*got \(4,\)"),
    ],
)
def test_wrong_weights_are_refused(change, sentence):
    state = dict(networks.UNet(4, 1).state_dict())
    with pytest.raises(ValueError, match=sentence) as caught:
        networks.from_state_dict(change(state))
    assert "\n" not in str(caught.value)


def test_wrong_bfcnn_weights_are_refused():
    state = dict(networks.BFCNN(4, 5).state_dict())
    with pytest.raises(ValueError, match="do not fit a BFCNN: Missing key.*BN_layers.2.running_sd"):
        networks.from_state_dict(without(state, "BN_layers.2.running_sd"))
    with pytest.raises(ValueError, match=r"layers must be in \[3, inf\); got 1"):
        networks.from_state_dict({"conv_layers.0.weight": torch.ones(4, 1, 3, 3)})


def test_weights_inside_a_checkpoint_are_found():
    network = networks.UNet(2, 1).eval()
    again = networks.from_state_dict({"epoch": 3, "state_dict": network.state_dict()})
    assert torch.equal(again(torch.ones(1, 1, 4, 4)), network(torch.ones(1, 1, 4, 4)))


@pytest.mark.parametrize(
    ("make", "sentence"),
    [
        (lambda: networks.UNet(0), r"channels must be in \[1, inf\); got 0"),
        (lambda: networks.UNet(4, 0), r"blocks must be in \[1, inf\); got 0"),
        (lambda: networks.BFCNN(4, 2), r"layers must be in \[3, inf\); got 2"),
        (lambda: networks.BFCNN(0), r"channels must be in \[1, inf\)"),
    ],
)
def test_impossible_networks_are_refused(make, sentence):
    with pytest.raises(ValueError, match=sentence):
        make()


# ------------------------------------------------------------------------------------------------
# Bias-free normalization


def test_training_divides_by_the_biased_spread_and_subtracts_nothing():
    norm = networks.BiasFreeNorm(2).train()
    x = torch.randn(1, 2, 2, 2, generator=torch.Generator().manual_seed(0)) + 3  # four numbers a channel
    with torch.no_grad():
        norm.gammas.copy_(torch.tensor([0.7, -1.3]).view(1, 2, 1, 1))
        found = norm(x).numpy()
    for channel, gain in enumerate((0.7, -1.3)):
        values = x[:, channel].double().numpy()
        mean = values.sum() / 4
        variance = ((values - mean) ** 2).sum() / 4
        np.testing.assert_allclose(found[:, channel], values * gain / np.sqrt(variance + 1e-5), rtol=1e-5)


def test_running_spread_moves_by_a_tenth_and_evaluation_uses_it():
    norm = networks.BiasFreeNorm(1).train()
    x = torch.tensor([1.0, 2.0, 4.0, 9.0]).view(1, 1, 2, 2)
    norm(x)
    spread = float(np.sqrt(np.var([1, 2, 4, 9]) + 1e-5))
    assert norm.running_sd.item() == pytest.approx(0.9 * 1 + 0.1 * spread, rel=1e-6)
    norm(x)
    assert norm.running_sd.item() == pytest.approx(0.81 + 0.19 * spread, rel=1e-6)
    norm.eval()
    expected = 5 * x * norm.gammas / (0.81 + 0.19 * spread)
    torch.testing.assert_close(norm(5 * x), expected)
    assert norm.running_sd.item() == pytest.approx(0.81 + 0.19 * spread, rel=1e-6)  # unmoved


def test_initial_weights_are_the_authors_and_depend_on_the_seed_alone():
    first, again, other = (networks.initialize(networks.UNet(16, 2), seed) for seed in (1, 1, 2))
    for name, value in first.state_dict().items():
        assert torch.equal(value, again.state_dict()[name])
        if not name.endswith("running_sd"):
            assert not torch.equal(value, other.state_dict()[name])
    kernel = networks.initialize(networks.UNet(32, 1), 0).mid_block[0].weight  # 32 channels to 64
    assert kernel.std().item() == pytest.approx((2 / (32 * 9)) ** 0.5, rel=0.03)  # Kaiming, fan in
    gains = torch.cat([networks.initialize(networks.BFCNN(64, 21), s).BN_layers[0].gammas for s in range(20)])
    assert gains.abs().max() <= 0.025
    assert gains.std().item() == pytest.approx(2 / 9 / 64, rel=0.1)


# ------------------------------------------------------------------------------------------------
# Homogeneity


NETWORKS = {
    "unet": lambda: networks.UNet(4, 2),
    "bfcnn": lambda: networks.BFCNN(6, 5),
    "bfcnn-relu-first": lambda: networks.BFCNN(6, 5, first_layer_linear=False),
}


@pytest.mark.parametrize("factor", [1e-3, 0.3, 2.0, 100.0])
@pytest.mark.parametrize("name", NETWORKS)
def test_doubling_the_input_doubles_the_output(lively, name, factor):
    f = Blind(lively(NETWORKS[name](), dtype=torch.float32))
    y = torch.randn(2, 1, 16, 16, generator=torch.Generator().manual_seed(3))
    with torch.no_grad():
        once, scaled = f(y), f(factor * y)
    assert (scaled - factor * once).norm() <= 1e-4 * factor * once.norm()
    assert (f(-y) + once).norm() > 1e-2 * once.norm()  # homogeneous, not linear


@pytest.mark.parametrize("name", FILES)
def test_the_stored_networks_are_homogeneous(fixtures, name):
    state, y, _ = stored(fixtures, name)
    f = Blind(networks.from_state_dict(state, first_layer_linear=FILES[name]))
    with torch.no_grad():
        once = f(y)
        for factor in (0.01, 7.0):
            assert (f(factor * y) - factor * once).norm() <= 1e-4 * factor * once.norm()


@pytest.mark.parametrize("name", NETWORKS)
def test_the_network_is_its_jacobian(lively, name):
    f = Blind(lively(NETWORKS[name]()))
    y = torch.randn(1, 1, 8, 8, dtype=torch.float64, generator=torch.Generator().manual_seed(4))
    J = jacobian.jacobian(f, y)
    torch.testing.assert_close(J @ y.flatten(), f(y).flatten().detach(), atol=1e-10, rtol=1e-8)


def test_input_is_checked():
    network = networks.UNet(4, 2)
    assert network.multiple == 4 and networks.BFCNN(4, 3).multiple == 1
    with pytest.raises(ValueError, match="divisible by 4"):
        networks.check_input(network, torch.zeros(1, 1, 10, 12))
    with pytest.raises(ValueError, match="y has 3 channels; this network was built for 1"):
        networks.check_input(network, torch.zeros(1, 3, 8, 8))


def test_weights_that_are_not_finite_are_refused():
    state = networks.UNet(2, 1).state_dict()
    name = "encoder.0.0.weight"
    with pytest.raises(ValueError, match="encoder.0.0.weight contains NaN"):
        networks.from_state_dict(state | {name: math.nan * state[name]})
