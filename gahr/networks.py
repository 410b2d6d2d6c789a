"""The paper's two networks, without a single additive constant.

Every convolution has ``bias=False`` and every normalization divides by a standard deviation and
multiplies by a gain, so in evaluation mode the whole network is *homogeneous*: doubling the input
doubles the output. A network made of such pieces and ReLUs is linear around each input, which is
what lets chapter 7 read a denoiser as a matrix.

Parameter names are those of the authors' released code, so their files load here.
"""

from __future__ import annotations

import re
from collections.abc import Mapping

import torch
from torch import Tensor, nn

from gahr._checks import check_count, check_images, stream

__all__ = ["BFCNN", "BiasFreeNorm", "UNet", "count_parameters", "from_state_dict"]


class BiasFreeNorm(nn.Module):
    """Batch normalization with nothing added: divide by the spread, multiply by a gain.

    The spread is the biased (1/n) standard deviation of each channel over batch and pixels. The
    mean enters the spread only; it is never subtracted from the signal. In evaluation mode the
    running spread is used, and the layer is a fixed diagonal matrix. Source: paper, appendix A.1; the gains
    start as in the authors' code.
    """

    eps = 1e-5
    momentum = 0.1
    shared = False
    """Whether several processes train one network, each on its part of the batch: then the spread is
    that of the whole batch."""

    def __init__(self, channels: int) -> None:
        super().__init__()
        self.gammas = nn.Parameter(_gains((1, channels, 1, 1)))
        self.register_buffer("running_sd", torch.ones(1, channels, 1, 1))

    def forward(self, x: Tensor) -> Tensor:
        """Normalize ``x`` of shape ``(B, channels, H, W)``."""
        if not self.training:
            return x * (self.gammas / self.running_sd)
        if self.shared:
            mean = _process_mean(x.float().mean((0, 2, 3), keepdim=True))
            variance = _process_mean((x.float() - mean).square().mean((0, 2, 3), keepdim=True))
        else:
            variance = x.float().var(dim=(0, 2, 3), keepdim=True, unbiased=False)
        spread = torch.sqrt(variance + self.eps)
        with torch.no_grad():
            self.running_sd.lerp_(spread, self.momentum)
        return x * (self.gammas / spread)


def _gains(shape: tuple[int, ...], generator: torch.Generator | None = None) -> Tensor:
    return (torch.randn(shape, generator=generator) * (2.0 / 9.0 / 64.0)).clamp_(-0.025, 0.025)


class _SumOverProcesses(torch.autograd.Function):
    """Sum of a tensor over processes; its gradient is the sum of theirs."""

    @staticmethod
    def forward(ctx: object, x: Tensor) -> Tensor:
        total = x.clone()
        torch.distributed.all_reduce(total)
        return total

    @staticmethod
    def backward(ctx: object, gradient: Tensor) -> Tensor:
        return _SumOverProcesses.apply(gradient)


def _process_mean(x: Tensor) -> Tensor:
    return _SumOverProcesses.apply(x) / torch.distributed.get_world_size()


def _conv(in_channels: int, out_channels: int) -> nn.Conv2d:
    return nn.Conv2d(in_channels, out_channels, 3, padding=1, bias=False)


class UNet(nn.Module):
    """The authors' UNet: predicts the noise in an image, at any noise level, without being told it.

    Each block has two 3x3 convolutions; the width doubles at each coarser scale; 2x2 averages go
    down, transposed convolutions go up, and each scale hands its features across.

    Parameters
    ----------
    channels, image_channels
        Width of the finest scale (64 in the paper, 16 on a laptop); channels of the images (1: gray).
    blocks
        Number of coarser scales (3 in the paper). Image sides must be divisible by ``2**blocks``.

    Notes
    -----
    Source: paper, appendix A.1.

    Examples
    --------
    >>> count_parameters(UNet(channels=64, blocks=3))
    7659264
    >>> UNet(channels=4, blocks=2).eval()(torch.zeros(1, 1, 8, 8)).shape
    torch.Size([1, 1, 8, 8])
    """

    def __init__(self, channels: int = 16, blocks: int = 3, image_channels: int = 1) -> None:
        super().__init__()
        channels, blocks = check_count(channels, "channels", 1), check_count(blocks, "blocks", 1)
        image_channels = check_count(image_channels, "image_channels", 1)
        self.channels, self.blocks, self.image_channels = channels, blocks, image_channels
        widths = [channels * 2**b for b in range(blocks + 1)]

        def unit(inner: int, outer: int) -> list[nn.Module]:
            return [_conv(inner, outer), BiasFreeNorm(outer), nn.ReLU()]

        self.encoder = nn.ModuleDict()
        for b in range(blocks):
            first = [_conv(image_channels, widths[0]), nn.ReLU()] if b == 0 else unit(*widths[b - 1 : b + 1])
            self.encoder[str(b)] = nn.Sequential(*first, *unit(widths[b], widths[b]))
        self.mid_block = nn.Sequential(*unit(*widths[-2:]), *unit(widths[-1], widths[-1]))
        self.decoder, self.upsample = nn.ModuleDict(), nn.ModuleDict()
        for b in reversed(range(blocks)):
            self.upsample[str(b)] = nn.ConvTranspose2d(widths[b + 1], widths[b], 2, stride=2, bias=False)
            last = [_conv(widths[0], image_channels)] if b == 0 else unit(widths[b], widths[b])
            self.decoder[str(b)] = nn.Sequential(*unit(widths[b + 1], widths[b]), *last)

    @property
    def multiple(self) -> int:
        """Height and width must be divisible by this."""
        return 2**self.blocks

    def forward(self, y: Tensor) -> Tensor:
        """Predict the noise in ``y``, ``(B, C, H, W)``; the clean estimate is ``y`` minus it."""
        features, across = y, []
        for b in range(self.blocks):
            features = self.encoder[str(b)](features)
            across.append(features)
            features = nn.functional.avg_pool2d(features, 2)
        features = self.mid_block(features)
        for b in reversed(range(self.blocks)):
            features = torch.cat([self.upsample[str(b)](features), across[b]], dim=1)
            features = self.decoder[str(b)](features)
        return features


class BFCNN(nn.Module):
    """The bias-free convolutional network: 21 layers of 3x3 convolutions, one scale.

    Parameters
    ----------
    channels, image_channels
        Width of every hidden layer (64 in the paper); channels of the images (1: gray).
    layers
        Number of convolutions (21 in the paper).
    first_layer_linear
        No ReLU after the first convolution (the paper's choice). Older files of the authors have
        one there; the stored weights cannot tell, so the caller must.

    Notes
    -----
    Source: paper, appendix A.1; Mohan et al. (ICLR 2020).

    Examples
    --------
    >>> count_parameters(BFCNN(channels=64, layers=21))
    702784
    """

    multiple = 1

    def __init__(
        self, channels: int = 64, layers: int = 21, image_channels: int = 1, first_layer_linear: bool = True
    ) -> None:
        super().__init__()
        channels, layers = check_count(channels, "channels", 1), check_count(layers, "layers", 3)
        image_channels = check_count(image_channels, "image_channels", 1)
        self.channels, self.layers, self.image_channels = channels, layers, image_channels
        self.first_layer_linear = first_layer_linear
        hidden = layers - 2
        self.conv_layers = nn.ModuleList(
            [_conv(image_channels, channels)]
            + [_conv(channels, channels) for _ in range(hidden)]
            + [_conv(channels, image_channels)]
        )
        self.BN_layers = nn.ModuleList(BiasFreeNorm(channels) for _ in range(hidden))

    def forward(self, y: Tensor) -> Tensor:
        """Predict the noise in ``y``, ``(B, C, H, W)``; the clean estimate is ``y`` minus it."""
        features = self.conv_layers[0](y)
        if not self.first_layer_linear:
            features = torch.relu(features)
        for conv, norm in zip(self.conv_layers[1:-1], self.BN_layers, strict=True):
            features = torch.relu(norm(conv(features)))
        return self.conv_layers[-1](features)


def initialize(network: nn.Module, seed: int) -> nn.Module:
    """Draw fresh weights from ``seed`` as the authors do: Kaiming-normal, fan-in; small gains."""
    if not isinstance(network, nn.Module):
        raise TypeError(f"network must be a torch module; got {type(network).__name__}.")
    generator = stream(seed)
    with torch.no_grad():
        for module in network.modules():
            if isinstance(module, (nn.Conv2d, nn.ConvTranspose2d)):
                nn.init.kaiming_normal_(module.weight, mode="fan_in", generator=generator)
            elif isinstance(module, BiasFreeNorm):
                module.gammas.copy_(_gains(module.gammas.shape, generator))
    return network


def count_parameters(network: nn.Module) -> int:
    """Number of trained parameters (running spreads are not trained)."""
    return sum(p.numel() for p in network.parameters())


def from_state_dict(state: Mapping[str, Tensor], *, first_layer_linear: bool | None = None) -> UNet | BFCNN:
    """Build the network that a state dict belongs to, and load it, ready to evaluate, in float32.

    Architecture, width, depth and image channels are read off the names and shapes.

    Parameters
    ----------
    state
        Parameter names and tensors, in the authors' layout, or a checkpoint that has them as
        ``"state_dict"``; a leading ``module.`` (left behind by ``DataParallel``) is removed.
    first_layer_linear
        Only for `BFCNN`, where the weights do not tell: see there. By default yes, unless the names are
        those of the group's earlier files (``gammas.0``), whose networks have a ReLU there.

    Raises
    ------
    ValueError
        If the names are of neither network, or a tensor is missing, extra, not finite or of the wrong
        shape, or a spread is not positive.
    """
    state = getattr(state, "get", lambda *_: None)("state_dict") or state
    if not isinstance(state, Mapping) or not all(isinstance(value, Tensor) for value in state.values()):
        raise TypeError(f"a state dict maps names to tensors; got {type(state).__name__} of something else.")
    state = {re.sub(r"^(module\.)+", "", key): value for key, value in state.items()}
    earlier = "gammas.0" in state
    state = {re.sub(r"^(gammas|running_sd)\.(\d+)$", r"BN_layers.\2.\1", key): state[key] for key in state}
    first = state.get("encoder.0.0.weight", state.get("conv_layers.0.weight"))
    if first is not None and first.ndim != 4:
        raise ValueError(f"the first weight must be (out, in, 3, 3); got {tuple(first.shape)}.")
    if "encoder.0.0.weight" in state:
        blocks = len({key.split(".")[1] for key in state if key.startswith("encoder.")})
        network: UNet | BFCNN = UNet(first.shape[0], blocks, first.shape[1])
    elif "conv_layers.0.weight" in state:
        layers = sum(key.startswith("conv_layers.") for key in state)
        linear = not earlier if first_layer_linear is None else first_layer_linear
        network = BFCNN(first.shape[0], layers, first.shape[1], linear)
    else:
        found = ", ".join(list(state)[:3]) or "nothing"
        raise ValueError(
            "these are not the weights of a UNet (encoder.0.0.weight ...) or a BF-CNN "
            f"(conv_layers.0.weight ...); the names begin with: {found}."
        )
    for key, value in state.items():
        if not torch.isfinite(value).all():
            raise ValueError(f"{key} contains NaN or infinite values.")
        if key.endswith("running_sd") and not (value > 0).all():
            raise ValueError(f"{key} has a spread of {value.min().item():.3g}; a network divides by spreads.")
    try:
        network.load_state_dict({key: value.float() for key, value in state.items()})
    except RuntimeError as error:
        problems = "; ".join(line.strip() for line in str(error).splitlines()[1:3])
        raise ValueError(f"the weights do not fit a {type(network).__name__}: {problems}") from None
    return network.eval()


def check_input(network: nn.Module, y: Tensor, name: str = "y") -> Tensor:
    """Return ``y`` if this network can take it; raise a sentence that says why not."""
    check_images(y, name, multiple=getattr(network, "multiple", 1))
    expected = getattr(network, "image_channels", y.shape[1])
    if y.shape[1] != expected:
        raise ValueError(f"{name} has {y.shape[1]} channels; this network was built for {expected}.")
    return y
