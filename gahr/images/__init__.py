"""Images as tensors: photographs, drawn classes, and halves that never meet."""

from gahr.images.classes import count, fresh, is_drawn, load
from gahr.images.own import group_by, split
from gahr.images.photographs import capacity, covariance, drop_near_duplicates, portrait, read, split_indices
from gahr.images.pictures import folder, tile

__all__ = [
    "capacity",
    "count",
    "covariance",
    "drop_near_duplicates",
    "folder",
    "fresh",
    "group_by",
    "is_drawn",
    "load",
    "portrait",
    "read",
    "split",
    "split_indices",
    "tile",
]
