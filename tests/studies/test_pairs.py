"""Two denoisers on the same noise: against Gaussians, whose divergence is known."""

import math

import pytest
import torch

from book.studies import two_networks
from gahr import denoisers, images, measures, zoo
from gahr.analysis import pairs
from gahr.denoisers import BlindWiener, Wiener
from gahr.notebook import pick
from gahr.sampling import Sampling

QUICK = Sampling(step=0.2, beta=0.5, end=0.1)


def gaussian(spread, size=16, seed=0):
    """Images of a smooth Gaussian class: direction k has standard deviation spread / (1 + k)."""
    generator = torch.Generator().manual_seed(seed)
    basis = torch.linalg.qr(torch.randn(size**2, size**2, generator=torch.Generator().manual_seed(9)))[0]
    scale = spread / (1 + torch.arange(size**2))
    return 0.5 + (torch.randn(2000, size**2, generator=generator) * scale @ basis.T).view(-1, 1, size, size)


@pytest.fixture(scope="module")
def filters():
    return [BlindWiener(Wiener.fit(gaussian(2.0, seed=seed))) for seed in (1, 2)]


# ------------------------------------------------------------------------------------------------
# Drawing pairs


def test_one_denoiser_on_shared_noise_draws_the_same_picture_twice(filters):
    one, two = pairs.draw(filters[0], filters[0], (1, 16, 16), 3, QUICK)
    assert torch.equal(one.x, two.x)
    for share in ("start", "noise", "nothing"):
        same, other = pairs.draw(filters[0], filters[0], (1, 16, 16), 3, QUICK, share=share)
        assert torch.equal(same.x, one.x)  # the first of a pair never changes
        assert not torch.allclose(other.x, one.x, atol=1e-3)


def test_what_is_shared_is_what_it_says(filters):
    runs = {s: pairs.draw(*filters, (1, 16, 16), 4, QUICK, share=s) for s in pairs.SHARED}
    starts = {share: torch.equal(one.path[0], two.path[0]) for share, (one, two) in runs.items()}
    assert starts == {"both": True, "start": True, "noise": False, "nothing": False}
    calm = Sampling(step=0.2, beta=1.0, end=0.1)  # with no injected noise, only the start matters
    one = pairs.draw(*filters, (1, 16, 16), 2, calm, share="both")[1].x
    two = pairs.draw(*filters, (1, 16, 16), 2, calm, share="start")[1].x
    assert torch.equal(one, two)


def test_a_pair_does_not_depend_on_how_many_are_drawn(filters):
    few = pairs.draw(*filters, (1, 16, 16), 2, QUICK)
    more = pairs.draw(*filters, (1, 16, 16), 5, QUICK)
    for x, y in zip(few, more, strict=True):
        assert torch.allclose(x.x, y.x[:2], atol=1e-5)


def test_two_filters_of_one_class_agree_on_shared_noise_and_not_otherwise(filters):
    alike = {
        share: measures.similarity(*(r.x for r in pairs.draw(*filters, (1, 16, 16), 32, QUICK, share=share)))
        for share in ("both", "nothing")
    }
    assert alike["both"].median() > 0.95
    assert alike["nothing"].mean().abs() < 0.25  # two independent pictures: zero on average


def test_an_unknown_way_of_sharing_gets_the_nearest_name(filters):
    with pytest.raises(KeyError, match="unknown way of sharing 'starts'; did you mean 'start'"):
        pairs.draw(*filters, (1, 16, 16), share="starts")


# ------------------------------------------------------------------------------------------------
# Where trajectories part


def test_a_split_is_where_the_similarity_stays_low():
    similarity = torch.tensor(
        [[1.0, 0.2, 1.0, 0.2], [0.8, 0.95, 1.0, 0.3], [0.95, 0.96, 0.5, 0.1], [0.3, 0.95, 0.5, 0.2]]
    )
    assert pairs.split(similarity).tolist() == [3, -1, 2, 0]
    assert pairs.split(similarity, 0.05).tolist() == [-1] * 4


def test_two_walkers_in_two_wells_part_where_the_wells_part():
    def well(side):  # both are one blur above sigma = 0.5; below, each pulls to a picture of its own
        picture = torch.zeros(1, 1, 8, 8)
        picture[..., ::2, :] = 1.0
        picture = picture if side == 0 else picture.transpose(2, 3)

        def f(y, sigma=None):
            level = (y - y.mean((1, 2, 3), keepdim=True)).std((1, 2, 3), keepdim=True)
            middle = torch.zeros(1, 1, 8, 8) + torch.arange(8.0).view(8, 1) / 8
            return torch.where(level > 0.5, middle, picture).expand_as(y)

        return f

    f, g = well(0), well(1)
    plan = Sampling(step=0.1, beta=1.0, end=0.05, mean=0.5)
    runs = pairs.draw(f, g, (1, 8, 8), 3, plan, keep=1)
    alike = pairs.alike(f, g, runs)
    place = pairs.split(alike)
    level = (runs[0].path - runs[0].path.mean((2, 3, 4), keepdim=True)).std((2, 3, 4))
    for pair, k in enumerate(place.tolist()):
        assert k > 0 and alike[k - 1, pair] > 0.999
        assert level[k - 1, pair] > 0.5 >= level[k, pair]


def test_the_shorter_run_stays_where_it_stopped(filters):
    early = Sampling(step=0.2, beta=0.5, end=0.4)
    one, two = (pairs.draw(filters[0], filters[0], (1, 16, 16), 2, s, keep=1)[0] for s in (early, QUICK))
    alike = pairs.alike(filters[0], filters[0], (one, two))
    assert len(alike) == len(two.path) > len(one.path)
    assert torch.allclose(alike[: len(one.path) - 1], torch.ones(1), atol=1e-4)
    padded = pairs.estimates(filters[0], one, len(two.path))
    assert torch.equal(padded[-1], padded[len(one.path) - 1])


@pytest.mark.parametrize("bad", [torch.zeros(4), torch.zeros(0, 3)])
def test_a_split_needs_a_table(bad):
    with pytest.raises(ValueError, match=r"similarity must have shape \(K, B\); got"):
        pairs.split(bad)


# ------------------------------------------------------------------------------------------------
# From estimates to densities


def test_the_score_gap_is_that_of_the_scores(filters):
    from gahr import scores

    f, g = (u.wiener for u in filters)
    x, sigma = gaussian(2.0, seed=3)[:50], 0.3
    y = denoisers.add_noise(x, sigma)
    true = (scores.score(f, y, sigma) - scores.score(g, y, sigma)).square().flatten(1).sum(1).mean()
    variance = measures.model_variance(f, g, x, sigma).mean().item()
    assert 2 * 256 * variance / sigma**4 == pytest.approx(true.item(), rel=1e-4)


@pytest.mark.parametrize("low", [0.05, 0.2])
def test_the_integral_is_the_divergence_of_two_gaussians(low):
    spread = torch.tensor([[1.0, 0.5, 0.2, 0.1], [0.7, 0.6, 0.25, 0.1]], dtype=torch.float64)
    sigmas = torch.logspace(math.log10(low), 3, 1500, dtype=torch.float64)
    a, b = (s**2 for s in spread)
    variance = []
    for u in sigmas**2:  # E over y ~ N(0, a + u) of the squared difference of the estimates
        difference = (a / (a + u) - b / (b + u)).square() * (a + u)
        variance.append(0.5 * difference.sum().item() / 4)
    ratio = (a + low**2) / (b + low**2)
    divergence = 0.5 * (ratio - 1 - ratio.log()).sum().item()  # KL of the two blurred Gaussians
    nats = pairs.kl(variance, sigmas.tolist(), pixels=4)
    assert nats[0] == pytest.approx(divergence, rel=1e-3)
    assert len(nats) == len(sigmas) - 1 and all(x >= y for x, y in zip(nats, nats[1:], strict=False))


# ------------------------------------------------------------------------------------------------
# Baselines and stored results


@pytest.mark.parametrize("sigma", [0.05, 0.3, 1.0])
def test_a_blind_wiener_filter_finds_the_noise_level(filters, sigma):
    y = denoisers.add_noise(gaussian(2.0, seed=4)[:100], sigma)
    told, alone = filters[0].wiener(y, sigma), filters[0](y)
    apart = (told - alone).square().mean() / (told - y).square().mean()
    assert apart < 0.01


def test_samples_of_a_blind_wiener_filter_have_the_class_s_covariance(filters):
    plan = Sampling(step=0.05, beta=0.1, end=0.02)
    x = pairs.draw(filters[0], filters[0], (1, 16, 16), 300, plan)[0].x
    wiener = filters[0].wiener
    variance = ((x - wiener.mean).flatten(1) @ wiener.vectors.T).var(0)
    ratio = variance[1:12] / wiener.values[1:12]  # below the start's variance, above the end's noise
    assert 0.8 < ratio.mean() < 1.1


def test_a_blind_wiener_filter_needs_every_direction():
    with pytest.raises(ValueError, match="the filter must keep all 1024 directions; it has"):
        BlindWiener(Wiener(*images.covariance("fashion32")))


def test_halves_are_the_two_networks():
    f, g = zoo.halves("fashion32-unet16-n10")
    y = torch.rand(2, 1, 32, 32, generator=torch.Generator().manual_seed(0))
    for h, half in ((f, "a"), (g, "b")):
        assert torch.allclose(h(y), zoo.load(f"fashion32-unet16-n10-{half}")(y), atol=1e-5)


def test_the_excess_counts_both_networks_by_both_rulers():
    numbers = {"centered": ([0.9], [0.1]), "features": ([0.9, 0.9], [0.9, 0.5]), "plain": ([0], [0])}
    rows = []
    for by, (a, b) in numbers.items():
        rows.append({"measure": "held_out", "by": by, "values": [0.5]})
        rows += [{"measure": "copy", "half": half, "by": by, "values": v} for half, v in (("a", a), ("b", b))]
    assert pairs.copies(rows) == [0.9, 0.1]
    assert pairs.excess(rows) == (0.5, 0.875)


def test_the_summary_is_of_the_largest_size_and_has_its_controls():
    def centered(*values, **columns):
        about = {"n": 100, "beta": 0.2, "measure": "between", "share": "both", "by": "centered"}
        return about | columns | {"values": list(values)}

    def row(measure, *values, **columns):
        return {"n": 100, "beta": 0.2, "measure": measure, "by": "centered", "values": list(values)} | columns

    rows = [centered(0.1, n=20), centered(0.8, 0.9, 1.0), centered(0.95, beta=1.0)]
    rows += [centered(0.2, share="nothing"), centered(0.9, share="start"), centered(0, by="plain")]
    rows += [row("copy", 0.3, 0.5, half="a"), row("copy", 0.7, half="b"), row("held_out", 0.6)]
    rows += [row("copy", 1, half=half, beta=1.0) for half in "ab"] + [row("held_out", 1, beta=1.0)]
    stored = {"sampler": {"beta": 0.2}, "rows": rows}
    found = {key: interval.value for key, interval in pairs.medians(stored).items()}
    assert found == {
        "A, B": 0.9,
        "none injected": 0.95,
        "nothing shared": 0.2,
        "new, nearest": 0.6,
        "with nearest": 0.5,
    }


# ------------------------------------------------------------------------------------------------
# The studies


@pytest.fixture
def small(monkeypatch):
    monkeypatch.setattr(two_networks, "PAIRS", 3)
    monkeypatch.setattr(two_networks, "SHOWN", 2)
    monkeypatch.setattr(two_networks, "HELD_OUT", 20)
    full = two_networks.settings
    monkeypatch.setattr(two_networks, "settings", lambda name, step=0.5, beta=0.3: full(name, step, beta))


def test_the_samples_study_finds_the_copies(small):
    found = two_networks.samples("fashion32", (1, 10))
    one, ten = pick(found["rows"], n=1), pick(found["rows"], n=10, beta=0.1)
    assert found["pairs"] == 3 and "distance_ratio" not in {row["measure"] for row in one}
    assert {row["half"] for row in pick(ten, measure="distance_ratio")} == {"a", "b"}
    (new,) = pick(ten, measure="held_out", by="centered")
    for half in ("a", "b"):
        copies = pick(ten, measure="copy", half=half)
        assert {row["by"]: len(row["values"]) for row in copies} == dict.fromkeys(
            ("centered", "plain", "features"), 3
        )
        assert min(pick(copies, by="centered")[0]["values"]) > 0.9 > max(new["values"][:3])
        assert max(pick(one, measure="copy", half=half, by="centered")[0]["values"]) <= 1.0001
    shares = {(row["measure"], row["share"], row["beta"]) for row in found["rows"] if "share" in row}
    expected = {("between", "both", 0.1), ("between", "both", 1.0)}
    for measure in ("between", "itself"):
        expected |= {(measure, share, 0.1) for share in ("start", "noise", "nothing")}
        expected.add((measure, "nothing", 1.0))
    assert shares == expected
    kept = pairs.pictures(pick(found["pictures"], n=10, beta=0.1), (1, 32, 32))
    shown = kept["a"]
    near = kept["nearest_a"]
    again = measures.similarity(shown, near)
    seen = pick(ten, measure="copy", half="a", by="centered")[0]["values"]
    assert torch.allclose(again, torch.tensor(seen[:2]), atol=0.02)
    train = images.load("fashion32", 10, "b")
    near_b = kept["nearest_b"]
    assert all((train - x).abs().amax((1, 2, 3)).min() == 0 for x in near_b)


def test_the_wiener_study_agrees_more_with_more_images(small):
    found = two_networks.wiener("fashion32", (10, 1000))
    few, many = found["errors"]
    assert (few["n"], many["n"]) == (10, 1000)
    assert all(m < f for f, m in zip(few["variance"], many["variance"], strict=True))
    assert len(pick(found["rows"], n=10, measure="between", by="centered")[0]["values"]) == 3


def test_the_steps_study_measures_from_its_longest_run(monkeypatch, small):
    full = two_networks.settings

    def short(name, step=0.5, beta=0.1):
        return full(name, min(4 * step, 0.5), max(beta, 0.5))

    monkeypatch.setattr(two_networks, "settings", short)
    rows = two_networks.steps("fashion32", 10, count=2)["rows"]
    assert rows[0]["distance_dB"] == 0 and rows[4]["distance_dB"] > 0
    assert rows[0]["steps"] > rows[4]["steps"]


def test_twins_are_drawn_as_the_halves_are(small, monkeypatch):
    asked = []

    def twin(name):
        asked.append(name)
        return zoo.load("fashion32-unet16-n10-a" if name.endswith("-a") else other)

    monkeypatch.setattr(zoo, "load_run", twin)
    other = "fashion32-unet16-n10-a"
    same = two_networks.twins("fashion32", (10,), count=3)
    assert asked == ["fashion32-unet16-n10-a", "fashion32-unet16-n10-a-twin"]
    assert min(pick(same["rows"], by="centered")[0]["values"]) > 0.9999
    other = "fashion32-unet16-n10-b"
    apart = two_networks.twins("fashion32", (10,), count=3)["rows"]
    runs = pairs.draw(
        *zoo.halves("fashion32-unet16-n10"),
        (1, 32, 32),
        3,
        two_networks.settings("fashion32"),
        two_networks.SEED,
    )
    expected = measures.similarity(*(run.x for run in runs))
    assert torch.allclose(torch.tensor(pick(apart, n=10, by="centered")[0]["values"]), expected, atol=1e-4)


def test_pairs_that_share_nothing_share_no_start():
    def flat(y, sigma=None):
        return torch.full_like(y, 0.5)

    plan = Sampling(step=0.5, beta=1.0, end=0.3)
    one, two = pairs.draw(flat, flat, (1, 4, 4), 8, plan, share="nothing")
    a, b = one.path[0].flatten(1), two.path[0].flatten(1)
    assert torch.cdist(a, b).min() > 0.1  # no start of one is a start of the other


def test_ten_times_the_energy_is_ten_decibels_away(monkeypatch):
    mean, values, vectors, rest = images.covariance("fashion32")
    factor = iter([1.0] + [10.0] * 20)

    class Run:
        def __init__(self, x):
            self.x, self.steps = x, torch.ones(len(x))

    base = (
        torch.randn(24, len(values), generator=torch.Generator().manual_seed(0)) * values.sqrt() @ vectors
    ).view(24, 1, 32, 32)

    def draw(f, g, shape, count, plan, seed):
        x = mean + next(factor) ** 0.5 * base
        return Run(x), Run(x)

    monkeypatch.setattr(pairs, "draw", draw)
    rows = two_networks.steps("fashion32", 10)["rows"]
    assert [row["distance_dB"] for row in rows] == pytest.approx([0] + [10] * (len(rows) - 1), abs=0.01)


def test_filters_see_the_noise_of_the_networks(monkeypatch):
    seeds = []
    monkeypatch.setattr(
        measures, "compare", lambda f, g, x, s, seed=0: seeds.append(seed) or {"variance": 0.0}
    )
    monkeypatch.setattr(two_networks, "PAIRS", 1)
    monkeypatch.setattr(
        two_networks.pairs, "draw", lambda *a, **k: [type("R", (), {"x": torch.rand(2, 1, 32, 32)})] * 2
    )
    two_networks.wiener("fashion32", (10,))
    assert seeds == [1000 * k for k in range(12)]
