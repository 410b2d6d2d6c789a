"""Whole Jacobian at 40x40: batched passes against one backward pass for each pixel.

The reference is the way of the authors' released code. Both run alternately in this process, on
the same network and image. Run it with nothing else on the machine: ``python benchmarks/jacobian.py``
"""

from __future__ import annotations

import statistics
import time

import torch

from gahr import bases, denoisers, images, zoo

ROUNDS = 3


def one_pixel_at_a_time(f: denoisers.Denoiser, y: torch.Tensor) -> torch.Tensor:
    """The reference: d backward passes."""
    y = y.clone().requires_grad_(True)
    flat = f(y).flatten()
    rows = [torch.autograd.grad(value, y, retain_graph=True)[0].flatten() for value in flat]
    return torch.stack(rows)


def main() -> None:
    """Print the seconds of each round, the medians and their ratio."""
    f = zoo.load("faces40-unet16-n13000-a")
    y = denoisers.add_noise(images.portrait(), 0.15)
    ways = {"one pixel at a time": one_pixel_at_a_time, "batched (ours)": bases.jacobian}
    seconds: dict[str, list[float]] = {name: [] for name in ways}
    found = {}
    for _ in range(ROUNDS):
        for name, way in ways.items():
            began = time.perf_counter()
            found[name] = way(f, y)
            seconds[name].append(time.perf_counter() - began)
            print(f"{name:22} {seconds[name][-1]:6.2f} s", flush=True)
    reference, ours = (statistics.median(values) for values in seconds.values())
    apart = (found["batched (ours)"] - found["one pixel at a time"]).abs().max().item()
    print(f"medians {reference:.2f} s and {ours:.2f} s: {reference / ours:.1f} times; apart by {apart:.0e}")


if __name__ == "__main__":
    main()
