"""The best denoisers there can be, where they are known."""

from gahr.ideal.mixtures import BlindMemory, FiniteSet, Gaussian, GaussianMixture

__all__ = ["BlindMemory", "FiniteSet", "Gaussian", "GaussianMixture"]
