"""Cells of tables that several chapters print."""

from __future__ import annotations

from collections.abc import Mapping

__all__ = ["embolden", "error"]


def embolden(row: list[str], place: int) -> None:
    """Mark the one number of a table to look at."""
    row[place] = f"**{row[place]}**"


def error(row: Mapping, form: str) -> str:
    """Mean and standard error of a stored row, never torn apart at the end of a line."""
    return f"{row['mean']:{form}}\N{NO-BREAK SPACE}±\N{NO-BREAK SPACE}{row['se']:.2f}"
