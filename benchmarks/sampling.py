"""Seconds for 64 samples of one network: all at once, against one at a time.

The reference is the loop of the authors' released code, which draws one image at a time. Ours draws
a batch, from which each image drops out when it is done; once with the network as it is loaded and
once in channels-last layout, as chapter 6 uses it. All run alternately in this process, with the
same network, settings and noise. Run it with nothing else on the machine:
``python benchmarks/sampling.py`` (``--count 4 --step 0.5 --rounds 1`` to try it out).
"""

from __future__ import annotations

import argparse
import statistics
import time

import torch

from gahr import denoisers, images, measures, zoo
from gahr.sampling import Sampling, sample

NETWORK, SHAPE = "fashion32-unet16-n14000-a", (1, 32, 32)


@torch.no_grad()
def one_at_a_time(f: denoisers.Blind, n: int, settings: Sampling) -> torch.Tensor:
    """The reference: algorithm 1 for each image in turn."""
    h, drawn = settings.step, []
    gain = ((1 - settings.beta * h) ** 2 - (1 - h) ** 2) ** 0.5
    for seed in range(n):
        stream = torch.Generator().manual_seed(seed)
        y = settings.mean + settings.start * torch.randn((1, *SHAPE), generator=stream)
        while True:
            correction = -f.network(y)
            sigma = correction.norm() / y.numel() ** 0.5
            if sigma <= settings.end:
                break
            noise = torch.randn((1, *SHAPE), generator=stream)
            y = y + h * correction + gain * sigma * noise
        drawn.append(y - f.network(y))
    return torch.cat(drawn)


def main() -> None:
    """Print the seconds of each round, the medians, their ratios, and how alike the samples are."""
    options = argparse.ArgumentParser(description=__doc__)
    options.add_argument("--count", type=int, default=64, help="samples")
    options.add_argument("--step", type=float, default=0.1, help="h")
    options.add_argument("--rounds", type=int, default=3)
    chosen = options.parse_args()
    plain = zoo.load(NETWORK)
    last = zoo.halves(NETWORK.removesuffix("-a"))[0]
    plan = Sampling(step=chosen.step, mean=images.covariance("fashion32")[0].mean().item())
    ways = {
        "one at a time": lambda: one_at_a_time(plain, chosen.count, plan),
        "batched (ours)": lambda: sample(plain, SHAPE, chosen.count, plan).x,
        "batched, channels last (ours)": lambda: sample(last, SHAPE, chosen.count, plan).x,
    }
    seconds: dict[str, list[float]] = {name: [] for name in ways}
    found = {}
    for _ in range(chosen.rounds):
        for name, way in ways.items():
            began = time.perf_counter()
            found[name] = way()
            seconds[name].append(time.perf_counter() - began)
            print(f"{name:30} {seconds[name][-1]:7.2f} s", flush=True)
    reference, *ours = ((name, statistics.median(values)) for name, values in seconds.items())
    for name, median in ours:
        alike = measures.similarity(found[name], found[reference[0]]).median().item()
        print(
            f"{name}: median {median:.2f} s against {reference[1]:.2f} s, "
            f"{reference[1] / median:.1f} times; median similarity of the samples {alike:.4f}"
        )


if __name__ == "__main__":
    main()
