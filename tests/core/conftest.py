"""Two shipped networks and their Jacobians, computed once for all tests of the core."""

import pytest

from gahr import images, zoo
from gahr.denoisers import add_noise
from gahr.images import synthetic
from gahr.jacobian import jacobian, linearize


def shipped(name, x, tol):
    """A shipped network, a noisy picture, its frozen gates, its whole Jacobian and a tolerance."""
    f, y = zoo.load(name), add_noise(x, 0.15)
    return f, y, linearize(f, y), jacobian(f, y), tol


@pytest.fixture(scope="session")
def face():
    return shipped("faces40-unet16-n13000-a", images.portrait(), 1e-4)


@pytest.fixture(scope="session")
def contour():
    """Its values 50 and 51 are much closer, 7e-4: to tell their vectors apart takes a finer tolerance."""
    return shipped("calpha40a4-unet16-fresh-a", synthetic.c_alpha(1, 40, alpha=4.0, seed=1), 1e-5)


@pytest.fixture(params=["face", "contour"])
def trained(request):
    return request.getfixturevalue(request.param)
