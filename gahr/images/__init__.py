"""Images as tensors: photographs, drawn classes, and halves that never meet."""

from gahr.images.classes import fresh, is_drawn, load
from gahr.images.photographs import (
    capacity,
    covariance,
    drop_near_duplicates,
    folder,
    portrait,
    read,
    split_indices,
)

__all__ = [
    "capacity",
    "covariance",
    "drop_near_duplicates",
    "folder",
    "fresh",
    "is_drawn",
    "load",
    "portrait",
    "read",
    "split_indices",
]
