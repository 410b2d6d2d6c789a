"""The studies of chapter 6: many pairs of samples, for every N, and what they are compared with."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import partial

import torch
from torch import Tensor

from gahr import _files, images, measures, zoo
from gahr.analysis import memorization, pairs
from gahr.denoisers import Blind, BlindWiener, Wiener
from gahr.images import photographs
from gahr.sampling import Sampling

PAIRS, SHOWN, HELD_OUT, SEED = 64, 6, 256, 0
SIZES = (1, 10, 100, 1000, 10000, 14000)
TWINS = ("a", "a-again")  # how the names of two networks of the same images end
STEP, STEPS = 0.1, (0.02, 0.05, 0.1, 0.2, 0.35, 0.5)
Job = Callable[[], dict]


def settings(images_name: str, step: float = STEP, beta: float = 0.1) -> Sampling:
    """The sampler of these studies: the paper's with a longer step, from the class's mean gray."""
    return Sampling(step=step, beta=beta, mean=_mean(images_name).mean().item())


def _mean(images_name: str) -> Tensor:
    """Mean image of a class, ``(1, C, H, W)``; of 1,000 held-out ones where none is stored."""
    if images_name in photographs.CLASSES:
        return photographs.covariance(images_name)[0]
    return images.load(images_name, 1000, "held-out").mean(0, keepdim=True)


def samples(
    images_name: str,
    sizes: tuple[int, ...] = SIZES,
    network: str = "unet16",
    run: Callable[[Sequence[Job]], list] = lambda jobs: [job() for job in jobs],
) -> dict:
    """Pairs of samples from networks of disjoint halves, and the nearest training image of each.

    ``run`` does the jobs, which do not depend on each other; each has its own seeds.
    """
    stem, last = f"{images_name}-{network}", max(sizes)
    jobs: dict[tuple, Job] = {("sizes", n): partial(_size, images_name, stem, n, last, 0.1) for n in sizes}
    jobs["deterministic",] = partial(_size, images_name, stem, last, last, 1.0)
    for part, beta in (("shared", 0.1), ("shared_deterministic", 1.0)):
        for who in ("networks", "itself"):
            for share in pairs.SHARED if beta < 1 else ("both", "nothing"):
                if (who, share) != ("itself", "both"):  # the same run twice
                    jobs[part, who, share] = partial(_shared, images_name, stem, last, beta, who, share)
    found: dict = {"sizes": {}}
    for key, result in zip(jobs, run(list(jobs.values())), strict=True):
        place = found
        for name in key[:-1]:
            place = place.setdefault(name, {})
        place[str(key[-1])] = result
    train = {half: images.load(images_name, last, half) for half in ("a", "b")}
    return found | {
        "across_halves": _near(train["a"][:HELD_OUT], train["b"]),
        "sampler": _plan(settings(images_name)),
        "seed": SEED,
        "network": network,
        "pairs": PAIRS,
    }


def _size(images_name: str, stem: str, n: int, ruler_n: int, beta: float) -> dict:
    """All similarities of the pairs of two networks trained on n images each."""
    train = {half: images.load(images_name, n, half) for half in ("a", "b")}
    held_out = images.load(images_name, HELD_OUT, "held-out")
    shape, plan = tuple(held_out.shape[1:]), settings(images_name, beta=beta)
    runs = pairs.draw(*pairs.halves(f"{stem}-n{n}"), shape, PAIRS, plan, SEED)
    drawn = {half: run.x for half, run in zip(("a", "b"), runs, strict=True)}
    row = {
        "between": _both(drawn["a"], drawn["b"]),
        "copy": {half: _near(x, train[half]) for half, x in drawn.items()},
        "held_out": _near(held_out, train["a"]),
    }
    if n > 1:
        ratios = {half: memorization.distance_ratio(x, train[half]) for half, x in drawn.items()}
        row["distance_ratio"] = {half: _short(ratio) for half, ratio in ratios.items()}
    ruler = pairs.halves(f"{stem}-n{ruler_n}")[0]
    if hasattr(ruler.network, "mid_block"):
        row["features"] = _by_features(ruler, drawn, train, held_out)
    if images_name == "fashion32":  # pictures that may be shown
        row["pictures"] = _pictures(drawn, train)
    return row


def _by_features(ruler: Blind, drawn: dict, train: dict, held_out: Tensor) -> dict:
    """The same by what one network, for all N, sees; the mean over new images is removed."""
    new = memorization.features(ruler, held_out)
    center = new.mean(0)
    seen, known = (
        {half: memorization.features(ruler, x) - center for half, x in part.items()}
        for part in (drawn, train)
    )
    return {
        "between": _short(measures.similarity(seen["a"], seen["b"], center=False)),
        "copy": {half: _short(measures.nearest(seen[half], known[half], False)[1]) for half in seen},
        "held_out": _short(measures.nearest(new - center, known["a"], False)[1]),
    }


def _shared(images_name: str, stem: str, n: int, beta: float, who: str, share: str) -> dict:
    """Similarity of pairs by what they share: of the two networks, or of the first with itself."""
    f, g = pairs.halves(f"{stem}-n{n}")
    shape = tuple(_mean(images_name).shape[1:])
    plan = settings(images_name, beta=beta)
    runs = pairs.draw(f, f if who == "itself" else g, shape, PAIRS, plan, SEED, share=share)
    return _both(*(run.x for run in runs))


def again(
    images_name: str,
    sizes: tuple[int, ...] = (10, 14000),
    network: str = "unet16",
    count: int = PAIRS,
) -> dict:
    """Pairs of samples from networks of the *same* images, of other initial weights and batches.

    The first of each pair is that of `samples`.
    """
    plan, shape, found = settings(images_name), tuple(_mean(images_name).shape[1:]), {}
    for n in sizes:
        stem = f"{images_name}-{network}-n{n}"
        f, g = (zoo.load_run(f"{stem}-{end}").to(memory_format=torch.channels_last) for end in TWINS)
        runs = pairs.draw(f, g, shape, count, plan, SEED)
        found[str(n)] = {"between": _both(*(run.x for run in runs))}
    return {"sizes": found, "sampler": _plan(plan), "pairs": count, "seed": SEED, "network": network}


def wiener(images_name: str, sizes: tuple[int, ...] = SIZES) -> dict:
    """The same of Wiener filters fitted to the two halves: what a shared covariance explains."""
    x = images.load(images_name, 1000, "held-out")
    plan, found = settings(images_name), {}
    for n in [n for n in sizes if n > 1]:
        filters = [Wiener.fit(images.load(images_name, n, half)) for half in ("a", "b")]
        rows = [measures.compare(*filters, x, s, seed=1000 * k) for k, s in enumerate(measures.SIGMAS)]
        found[str(n)] = {"sigma": list(measures.SIGMAS)} | {k: [r[k] for r in rows] for k in rows[0]}
        drawn = pairs.draw(*map(BlindWiener, filters), tuple(x.shape[1:]), PAIRS, plan, SEED)
        found[str(n)]["between"] = _both(*(run.x for run in drawn))
    return {"sizes": found, "images": len(x), "sampler": _plan(plan), "pairs": PAIRS, "seed": SEED}


def steps(images_name: str, n: int, network: str = "unet16", count: int = 24) -> dict:
    """What fewer steps cost: the same network and seeds with longer and longer steps.

    The measure is the energy of the samples in bands of the photographs' principal directions,
    relative to the photographs', and its distance from that of the longest run (root mean square over
    bands of the difference of the logarithms, in dB), beside the similarity of the pairs of networks.
    """
    f, g = pairs.halves(f"{images_name}-{network}-n{n}")
    mean, values, vectors, _ = photographs.covariance(images_name)
    edges = [e for e in (0, 3, 10, 30, 100, 300, 1000) if e < len(values)]
    bands = [slice(a, b) for a, b in zip(edges, edges[1:], strict=False)]
    shape, rows = tuple(mean.shape[1:]), []
    plans = [settings(images_name, step) for step in STEPS]
    plans += [settings(images_name, step, 1.0) for step in (0.05, 0.1, 0.2)]
    for plan in plans:
        one, two = pairs.draw(f, g, shape, count, plan, SEED)
        energy = ((torch.cat([one.x, two.x]) - mean).flatten(1) @ vectors.T).square().mean(0)
        share = torch.stack([energy[band].sum() / values[band].sum() for band in bands])
        rows.append(
            _plan(plan)
            | {
                "steps": one.steps.float().mean().item(),
                "energy": _short(share),
                "between": _short(measures.similarity(one.x, two.x)),
            }
        )
    for row in rows:
        far = 10 * (torch.tensor(row["energy"]) / torch.tensor(rows[0]["energy"])).log10()
        row["distance_dB"] = far.square().mean().sqrt().item()
    return {"rows": rows, "bands": edges, "network": f"{images_name}-{network}-n{n}", "pairs": count}


def _plan(plan: Sampling) -> dict:
    return {key: round(getattr(plan, key), 6) for key in ("step", "beta", "start", "end", "mean")}


def _short(values: Tensor) -> list[float]:
    return [round(value, 4) for value in values.tolist()]


def _both(x: Tensor, y: Tensor) -> dict:
    """Similarity by both conventions."""
    return {
        "centered": _short(measures.similarity(x, y)),
        "plain": _short(measures.similarity(x, y, center=False)),
    }


def _near(x: Tensor, train: Tensor) -> dict:
    """Similarity to the nearest training image, by both conventions."""
    return {
        "centered": _short(measures.nearest(x, train)[1]),
        "plain": _short(measures.nearest(x, train, center=False)[1]),
    }


def _pictures(drawn: dict, train: dict) -> dict:
    """The first pairs, and the training image nearest to each sample."""
    found = {}
    for half, x in drawn.items():
        found[half] = _files.pack(x[:SHOWN])
        found[f"nearest_{half}"] = _files.pack(memorization.closest(x[:SHOWN], train[half]))
    return found
