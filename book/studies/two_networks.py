"""The studies of chapter 6: many pairs of samples, for every N, and what they are compared with."""

from __future__ import annotations

from functools import partial

import torch
from torch import Tensor
from torch.nn import functional as F

from book.studies import agreement
from book.studies.transition import TWINS
from gahr import _files, images, measures, zoo
from gahr.analysis import memorization, pairs
from gahr.denoisers import Blind, BlindWiener, Wiener
from gahr.images import photographs
from gahr.sampling import Sampling

PAIRS, SHOWN, HELD_OUT, SEED = 64, 6, 256, 0
SIZES = (1, 10, 100, 1000, 10000, 14000)
STEP, STEPS = 0.1, (0.05, 0.1, 0.2, 0.35, 0.5)
NOISY, CALM = 0.1, 1.0
"""Settings ``beta`` of the sampler: with injected noise, and without."""


def settings(images_name: str, step: float = STEP, beta: float = NOISY) -> Sampling:
    """The sampler of these studies: the paper's with a longer step, from the class's mean gray."""
    return Sampling(step=step, beta=beta, mean=_mean(images_name).mean().item())


def _mean(images_name: str) -> Tensor:
    """Mean image of a class, ``(1, C, H, W)``; of 1,000 held-out ones where none is stored."""
    if images_name in photographs.CLASSES:
        return photographs.covariance(images_name)[0]
    return images.load(images_name, 1000, "held-out").mean(0, keepdim=True)


def _shape(images_name: str) -> tuple[int, ...]:
    return tuple(_mean(images_name).shape[1:])


def samples(images_name: str, sizes: tuple[int, ...] = SIZES, network: str = "unet16") -> dict:
    """Pairs of samples from networks of disjoint halves, and the nearest training image of each.

    Returns
    -------
    found
        ``rows``: similarities, one for each pair or image under ``values``. ``measure`` says of what:
        ``between`` the two networks' samples, or the first's with ``itself``, by what they ``share``; each
        network's with their nearest training image (``copy``, by ``half``); new images with theirs
        (``held_out``); ``distance_ratio``, by half; and images of one half with the nearest of the other
        (``across_halves``; for clothes also without their black frame). ``by``: correlation
        (``centered``), cosine (``plain``), or ``features``.
        ``n`` is the number of training images, ``beta`` the sampler's. ``pictures``: the first samples and
        their nearest training images, packed, where they may be shown.
    """
    stem, last = f"{images_name}-{network}", max(sizes)
    rows, pictures = [], []
    for n, beta in [*((n, NOISY) for n in sizes), (last, CALM)]:
        drawn, train = _drawn(images_name, stem, n, beta), _train(images_name, n)
        ruler = zoo.halves(f"{stem}-n{last}")[0]
        rows += [{"n": n, "beta": beta} | row for row in _size(images_name, drawn, train, ruler)]
        if images_name == "fashion32":  # pictures that may be shown
            pictures += [{"n": n, "beta": beta} | row for row in _pictures(drawn, train)]
    f, g = zoo.halves(f"{stem}-n{last}")
    for beta, shares in ((NOISY, ("start", "noise", "nothing")), (CALM, ("nothing",))):
        plan = settings(images_name, beta=beta)
        for share in shares:
            for measure, other in (("between", g), ("itself", f)):
                runs = pairs.draw(f, other, _shape(images_name), PAIRS, plan, SEED, share=share)
                about = {"n": last, "beta": beta, "measure": measure, "share": share}
                rows += [about | row for row in _both(*(run.x for run in runs))]
    rows += [{"n": last} | row for row in across(images_name, _train(images_name, last))]
    return {
        "sampler": _plan(settings(images_name)),
        "seed": SEED,
        "network": network,
        "pairs": PAIRS,
        "rows": rows,
        "pictures": pictures,
    }


def across(images_name: str, train: dict[str, Tensor]) -> list[dict]:
    """Images of half A with the nearest of half B; clothes also without the frame that all of them share."""
    parts = {"across_halves": slice(None)}
    if images_name == "fashion32":
        parts["across_halves, no frame"] = slice(2, -2)  # the photographs have 28 by 28 pixels
    return [
        {"measure": measure} | row
        for measure, inner in parts.items()
        for row in _near(train["a"][:HELD_OUT, :, inner, inner], train["b"][..., inner, inner])
    ]


def _train(images_name: str, n: int) -> dict[str, Tensor]:
    return {half: images.load(images_name, n, half) for half in ("a", "b")}


def _drawn(images_name: str, stem: str, n: int, beta: float) -> dict[str, Tensor]:
    """What the two networks of ``n`` images draw from the same noise."""
    plan = settings(images_name, beta=beta)
    runs = pairs.draw(*zoo.halves(f"{stem}-n{n}"), _shape(images_name), PAIRS, plan, SEED)
    return {half: run.x for half, run in zip(("a", "b"), runs, strict=True)}


def _size(images_name: str, drawn: dict, train: dict, ruler: Blind) -> list[dict]:
    """All similarities of the pairs of two networks, and of their samples with what each was trained on."""
    held_out = images.load(images_name, HELD_OUT, "held-out")
    both = {"measure": "between", "share": "both"}
    rows = [both | row for row in _both(drawn["a"], drawn["b"])]
    for half, x in drawn.items():
        rows += [{"measure": "copy", "half": half} | row for row in _near(x, train[half])]
    rows += [{"measure": "held_out"} | row for row in _near(held_out, train["a"])]
    if len(train["a"]) > 1:
        for half, x in drawn.items():
            ratio = _short(memorization.distance_ratio(x, train[half]))
            rows.append({"measure": "distance_ratio", "half": half, "values": ratio})
    if hasattr(ruler.network, "mid_block"):
        rows += _by_features(ruler, drawn, train, held_out)
    return rows


@torch.no_grad()
def features(f: Blind, x: Tensor, batch: int = 256) -> Tensor:
    """What the coarsest layer of a UNet says of each image, ``(B, channels, H', W')``.

    Its pixels are so large that a shift by one or two of the image's changes little.
    """
    network = getattr(f, "network", f)
    if not hasattr(network, "mid_block"):
        raise ValueError(f"a {type(network).__name__} has no middle block; use a UNet.")
    found = []
    for part in f.check(x).split(batch):
        for block in range(f.network.blocks):
            part = F.avg_pool2d(f.network.encoder[str(block)](part), 2)
        found.append(f.network.mid_block(part))
    return torch.cat(found)


def _by_features(ruler: Blind, drawn: dict, train: dict, held_out: Tensor) -> list[dict]:
    """The same by what one network, for all N, sees; the mean over new images is removed."""
    new = features(ruler, held_out)
    center = new.mean(0)
    seen, known = ({half: features(ruler, x) - center for half, x in part.items()} for part in (drawn, train))
    between = measures.similarity(seen["a"], seen["b"], center=False)
    rows = [{"measure": "between", "share": "both", "by": "features", "values": _short(between)}]
    for half in seen:
        values = _short(measures.nearest(seen[half], known[half], False)[1])
        rows.append({"measure": "copy", "half": half, "by": "features", "values": values})
    values = _short(measures.nearest(new - center, known["a"], False)[1])
    return [*rows, {"measure": "held_out", "by": "features", "values": values}]


def twins(
    images_name: str, sizes: tuple[int, ...] = (10, 14000), network: str = "unet16", count: int = PAIRS
) -> dict:
    """Pairs of samples from networks of the *same* images, of other initial weights and batches.

    The first of each pair, and the rows, are those of `samples`.
    """
    plan, rows = settings(images_name), []
    for n in sizes:
        stem = f"{images_name}-{network}-n{n}"
        f, g = (zoo.load_run(f"{stem}-{end}").to(memory_format=torch.channels_last) for end in TWINS)
        runs = pairs.draw(f, g, _shape(images_name), count, plan, SEED)
        about = {"n": n, "beta": NOISY, "measure": "between", "share": "both"}
        rows += [about | row for row in _both(*(run.x for run in runs))]
    return {"sampler": _plan(plan), "pairs": count, "seed": SEED, "network": network, "rows": rows}


def beyond(images_name: str, network: str = "unet16", count: int = 500) -> dict:
    """Agreement without a sampler: what two networks know beyond one Wiener filter, on the same noisy images.

    Returns
    -------
    found
        ``rows``: by ``n``, ``pair`` (``halves``; ``twin``, where it is at hand) and ``sigma``, what
        `book.studies.agreement.beyond` finds. The filter is fitted to the most images of half A.
    """
    x, rows = images.load(images_name, count, "held-out"), []
    filter_ = Wiener.fit(images.load(images_name, max(SIZES), "a"))
    for n in SIZES:
        stem = f"{images_name}-{network}-n{n}"
        for pair, ends in (("halves", ("a", "b")), ("twin", TWINS)):
            try:
                f, g = (zoo.load_run(f"{stem}-{end}") for end in ends)
            except FileNotFoundError:
                continue  # there are twins for some N only
            for k, sigma in enumerate(measures.SIGMAS):
                found = agreement.beyond(f, g, filter_, x, sigma, seed=1000 * k)
                rows.append({"n": n, "pair": pair, "sigma": sigma} | found)
    return {"images": count, "network": f"{images_name}-{network}", "rows": rows}


def wiener(images_name: str, sizes: tuple[int, ...] = SIZES) -> dict:
    """The same of Wiener filters fitted to the two halves: what a shared covariance explains.

    ``rows`` are those of `samples`, ``errors`` those of `book.studies.transition.pairs`.
    """
    x = images.load(images_name, 1000, "held-out")
    plan, rows, errors = settings(images_name), [], []
    for n in [n for n in sizes if n > 1]:
        filters = [Wiener.fit(images.load(images_name, n, half)) for half in ("a", "b")]
        levels = [measures.compare(*filters, x, s, seed=1000 * k) for k, s in enumerate(measures.SIGMAS)]
        curves = {key: [level[key] for level in levels] for key in levels[0]}
        errors.append({"n": n, "sigma": list(measures.SIGMAS)} | curves)
        drawn = pairs.draw(*map(BlindWiener, filters), tuple(x.shape[1:]), PAIRS, plan, SEED)
        about = {"n": n, "beta": NOISY, "measure": "between", "share": "both"}
        rows += [about | row for row in _both(*(run.x for run in drawn))]
    settled = {"images": len(x), "sampler": _plan(plan), "pairs": PAIRS, "seed": SEED}
    return settled | {"errors": errors, "rows": rows}


def steps(images_name: str, n: int, network: str = "unet16", count: int = 24) -> dict:
    """What fewer steps cost: the same network and seeds with longer and longer steps.

    The measure is the energy of the samples in bands of the photographs' principal directions,
    relative to the photographs', and its distance from that of the longest run (root mean square over
    bands of the difference of the logarithms, in dB), beside the similarity of the pairs of networks.
    """
    f, g = zoo.halves(f"{images_name}-{network}-n{n}")
    mean, values, vectors, _ = photographs.covariance(images_name)
    edges = [e for e in (0, 3, 10, 30, 100, 300, 1000) if e < len(values)]
    bands = [slice(a, b) for a, b in zip(edges, edges[1:], strict=False)]
    shape, rows = tuple(mean.shape[1:]), []
    plans = [settings(images_name, step) for step in STEPS]
    plans += [settings(images_name, step, CALM) for step in (0.05, 0.1, 0.2)]
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


def _both(x: Tensor, y: Tensor) -> list[dict]:
    """Similarity by both conventions."""
    found = {"centered": measures.similarity(x, y), "plain": measures.similarity(x, y, center=False)}
    return [{"by": by, "values": _short(values)} for by, values in found.items()]


def _near(x: Tensor, train: Tensor) -> list[dict]:
    """Similarity to the nearest training image, by both conventions."""
    found = {
        by: measures.nearest(x, train, center)[1] for by, center in (("centered", True), ("plain", False))
    }
    return [{"by": by, "values": _short(values)} for by, values in found.items()]


def _pictures(drawn: dict, train: dict) -> list[dict]:
    """The first pairs, and the training image nearest to each sample."""
    rows = []
    for half, x in drawn.items():
        rows.append({"which": half, "packed": _files.pack(x[:SHOWN])})
        near = memorization.closest(x[:SHOWN], train[half])
        rows.append({"which": f"nearest_{half}", "packed": _files.pack(near)})
    return rows


STUDIES = {
    "fashion32-samples": partial(samples, "fashion32"),
    "fashion32-twin-samples": partial(twins, "fashion32"),
    "fashion32-beyond": partial(beyond, "fashion32"),
    "fashion32-steps": partial(steps, "fashion32", 14000),
    "fashion32-wiener": partial(wiener, "fashion32"),
    "faces40-samples": partial(samples, "faces40", (13000,)),
    "faces20-bfcnn32-samples": partial(samples, "faces20", (13000,), "bfcnn32"),
    "faces40-wiener": partial(wiener, "faces40", (13000,)),
}
