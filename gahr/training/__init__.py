"""How every network of the book was trained: `Recipe` says it, `train` does it."""

from gahr.training.loop import load_images, run, train
from gahr.training.recipes import AUTHORS, SQUARED_ERROR, Recipe, build, draw

__all__ = ["AUTHORS", "Recipe", "SQUARED_ERROR", "build", "draw", "load_images", "run", "train"]
