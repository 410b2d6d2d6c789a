"""Sentences, tables and verdicts: measured numbers are displayed by the cell that measured them."""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence
from typing import TypeVar

from gahr._checks import check_known

__all__ = ["judge", "pick", "say", "table", "verdict"]

T = TypeVar("T")


def pick(effort: str, quick: T, default: T, full: T | None = None) -> T:
    """Choose a setting by the chapter's ``effort``; ``full`` falls back to ``default``.

    Examples
    --------
    >>> pick("quick", quick=10, default=100)
    10
    """
    check_known(effort, ("quick", "default", "full"), "effort")
    if effort == "quick":
        return quick
    return default if effort == "default" or full is None else full


def say(text: str) -> None:
    """Display a sentence, in Markdown, as the output of a cell."""
    from IPython.display import Markdown, display

    display(Markdown(text))


def table(head: Sequence[str], rows: Iterable[Sequence[object]], left: int = 1) -> str:
    """Markdown table; the first ``left`` columns are aligned left, the others right.

    Examples
    --------
    >>> print(table(("class", "N"), [("clothes", 1000)]))
    | class | N |
    |:--|--:|
    | clothes | 1,000 |
    """
    lines = [head, *rows]
    text = [[f"{cell:,}" if isinstance(cell, int) else str(cell) for cell in line] for line in lines]
    text.insert(1, [":--"] * left + ["--:"] * (len(head) - left))
    return "\n".join(
        "|" + "|".join(line) + "|" if i == 1 else "| " + " | ".join(line) + " |"
        for i, line in enumerate(text)
    )


def verdict(claim: str, value: float, expected: float, tolerance: float, unit: str = "") -> None:
    """Print whether a measured number is where the text says it is.

    The number itself is not printed, so that another machine's last digit changes nothing.

    Examples
    --------
    >>> verdict("slope", 0.6134, expected=0.61, tolerance=0.05)
    slope 0.61 +- 0.05: holds
    >>> verdict("gap", 3.0, expected=0.0, tolerance=0.5, unit="dB")
    gap 0 +- 0.5 dB: FAILS
    """
    holds = abs(value - expected) <= tolerance
    unit = f" {unit}" if unit else ""
    print(f"{claim} {expected:g} +- {tolerance:g}{unit}: {'holds' if holds else 'FAILS'}")


def judge(value: float, low: float, high: float, least: float = -math.inf, most: float = math.inf) -> str:
    """Whether a number and its interval lie between two bounds: ``"holds"``, ``"unclear"``, ``"differs"``.

    Examples
    --------
    >>> judge(0.94, 0.92, 0.95, least=0.9)
    'holds'
    >>> judge(0.91, 0.88, 0.95, least=0.9)  # the number does, an end of the interval does not
    'unclear'
    """
    inside = [least <= number <= most for number in (value, low, high)]
    return "holds" if all(inside) else "differs" if not any(inside) else "unclear"
