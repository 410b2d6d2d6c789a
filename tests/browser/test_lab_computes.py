"""The lab in a real browser: what it computes."""

import math

import pytest
import torch
from browsing import DESKTOP, PHONE, needs_engine, picture, result

from book.lab import draws
from gahr import images, jacobian, measures, zoo

# ------------------------------------------------------------------------------------------------
# What it computes


@needs_engine
@pytest.mark.parametrize(("viewport", "scheme"), [(DESKTOP, "light"), (PHONE, "dark")])
def test_estimates_are_those_of_torch(visit, viewport, scheme):
    page = visit("book/lab.html#picture=clothes-2&noise=0.3", viewport, scheme)
    found = result(page, "denoise")
    x, y = picture(found["x"]), picture(found["y"])
    assert x.allclose(images.load("fashion32", 2, "held-out")[1:], atol=1e-6)
    assert (y - x).std().item() == pytest.approx(0.3, rel=0.05)
    assert len(found["estimates"]) == 6
    for name, estimate in found["estimates"].items():
        assert picture(estimate).allclose(zoo.load(name)(y), atol=1e-3), name
    db = measures.psnr(x, picture(found["estimates"]["fashion32-unet16-n14000-a"])).item()
    assert f"N = 14,000: {db:.1f} dB" in page.inner_text("#gahr-lab")


@needs_engine
@pytest.mark.parametrize(("viewport", "scheme"), [(DESKTOP, "dark"), (PHONE, "light")])
def test_two_samples_are_those_of_torch(visit, viewport, scheme):
    page = visit("book/lab.html#panel=twins&family=clothes&seed=4", viewport, scheme)
    found = result(page, "twins")
    for name, estimate, sigma in zip(found["pair"], found["estimates"], found["sigma"], strict=True):
        expected, level = climb(zoo.load(name), 1024, 4, draws.mean("fashion32"))
        assert picture(estimate).allclose(expected, atol=1e-3), name
        assert sigma == pytest.approx(level, abs=1e-4)
    a, b = (picture(estimate).flatten() for estimate in found["estimates"])
    similarity = torch.corrcoef(torch.stack([a, b]))[0, 1].item()
    assert found["similarity"] == pytest.approx(similarity, abs=1e-5)


def climb(f, d, seed, mean, step=0.1, beta=0.1, end=0.05):
    """The paper's algorithm 1, with the page's noise."""
    noise = normals(seed)
    y = torch.tensor([mean + next(noise) for _ in range(d)])
    side = math.isqrt(d)
    while True:
        estimate = f(y.view(1, 1, side, side)).flatten()
        sigma = (estimate - y).square().mean().sqrt().item()
        if sigma <= end:
            return estimate.view(1, 1, side, side), sigma
        injected = sigma * math.sqrt((1 - beta * step) ** 2 - (1 - step) ** 2)
        y = y + step * (estimate - y) + injected * torch.tensor([next(noise) for _ in range(d)])


def normals(seed):
    """The page's random numbers (sfc32, seeded by splitmix32; Box and Muller), written anew."""
    mask = 0xFFFFFFFF
    state = (seed ^ 0x9E3779B9) & mask

    def split():
        nonlocal state
        state = (state + 0x9E3779B9) & mask
        t = ((state ^ (state >> 16)) * 0x21F0AAAD) & mask
        t = ((t ^ (t >> 15)) * 0x735A2D97) & mask
        return t ^ (t >> 15)

    a, b, c, counter = split(), split(), split(), 1

    def uniform():
        nonlocal a, b, c, counter
        t = (a + b + counter) & mask
        counter = (counter + 1) & mask
        a, b = b ^ (b >> 9), (c + (c << 3)) & mask
        c = (((c << 21) | (c >> 11)) + t) & mask
        return (t + 0.5) / 2**32

    for _ in range(12):
        uniform()
    while True:
        radius, angle = math.sqrt(-2 * math.log(uniform())), 2 * math.pi * uniform()
        yield radius * math.cos(angle)
        yield radius * math.sin(angle)


@needs_engine
@pytest.mark.parametrize(("viewport", "scheme"), [(DESKTOP, "light"), (PHONE, "dark")])
def test_eigenvectors_are_those_of_torch(visit, viewport, scheme):
    page = visit("book/lab.html#panel=basis&noise=0.16", viewport, scheme)
    name = "faces40-unet16-n13000-a"
    found = result(page, name)
    assert result(page, "basis") == [name]
    lam, e = eigenvectors(name, picture(found["y"]))
    early = result(page, "early")  # a first look: good for the first ten, from below for all, and sooner
    assert early["y"] == found["y"] and early["milliseconds"] < found["milliseconds"]
    rough = torch.tensor(early["lam"]).double()
    assert rough[:10].allclose(lam[:10], rtol=0.05) and (rough <= lam[:20] + 1e-3).all()
    assert torch.tensor(found["lam"]).double().allclose(lam[:20], atol=1e-3)
    assert max(found["residual"]) <= 1e-3
    ours = torch.tensor(found["e"]).double()
    # the first 19 span what the first 21 of torch span: the 20th may turn with the 21st
    assert (ours[:19] @ e[:21].T).square().sum(1).min() > 0.99


def eigenvectors(name, y):
    J = jacobian.jacobian(zoo.load(name), y).double()
    lam, e = torch.linalg.eigh((J + J.T) / 2)
    return lam.flip(0), e.T.flip(0)


@needs_engine
def test_stored_eigenvectors_are_those_of_torch_at_the_picture_that_the_page_shows(visit):
    found = result(visit("book/lab.html#panel=basis"), "stored")
    assert len(found["lam"]) == 150 and "lab-rank" in visit.pages[-1].content()
    lam, e = eigenvectors(found["names"][0], picture(found["y"]))
    assert torch.tensor(found["lam"]).double().allclose(lam[:150], atol=2e-3)
    ours = torch.tensor(found["e"]).double()
    assert (ours[:145] @ e[:150].T).square().sum(1).min() > 0.97  # stored in 8 bits
    assert (ours @ ours.T).allclose(torch.eye(150).double(), atol=0.05)


@needs_engine
def test_the_memorizing_network_stands_beside(visit):
    page = visit("book/lab.html#panel=basis&family=clothes&picture=clothes-1&noise=0.2")
    names = result(page, "basis")
    assert names == ["fashion32-unet16-n14000-a", "fashion32-unet16-n10-a"]
    assert page.locator(".lab-plot polyline").count() == 2


@needs_engine
@pytest.mark.parametrize("n", [1, 10, 14000])
def test_nearest_training_pictures_stand_below(visit, n):
    """At N = 10 both samples are copies: half B's nearest picture is one of half B."""
    page = visit(f"book/lab.html#panel=twins&family=clothes&n={n}&seed=3")
    found = result(page, "twins")
    for half, estimate, (_, value) in zip("ab", found["estimates"], found["nearest"], strict=True):
        known = images.load("fashion32", min(n, 1000), half)
        assert value == pytest.approx(measures.nearest(picture(estimate), known)[1].item(), abs=1e-4)
        if n <= 10:
            assert value > 0.95
