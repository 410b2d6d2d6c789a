"""The paper's figures and numbers beside ours: one row for each, made from what is stored.

A row's verdict follows from its rule and our measurement alone. Where nothing is stored yet the
verdict says so, and where our data or scale cannot speak it is ``not comparable``.
"""

from __future__ import annotations

from typing import NamedTuple

from gahr import _section2

__all__ = ["Row", "VERDICTS", "markdown", "rows"]

VERDICTS: dict[str, str] = {
    "holds": "our interval, or where there is none our number, satisfies the rule",
    "unclear": "our number satisfies the rule and an end of its interval does not, or the reverse",
    "differs": "neither our number nor its interval satisfies the rule",
    "not measured yet": "the run or the result that the row needs is not stored with the book",
    "not comparable": "we lack the paper's pictures, or the paper prints no number that ours could meet",
}


class Row(NamedTuple):
    """One claim of the paper, and what we found.

    Parameters
    ----------
    source
        Where in the paper.
    claim
        What it says, or the number it prints.
    rule
        What our measurement must satisfy.
    ours
        Our number, with its interval where there is one.
    margin
        Distance to the rule's nearer bound; negative outside.
    scale
        Images and network.
    verdict
        A key of `VERDICTS`.
    note
        What we think is the reason, for a row that differs.
    """

    source: str
    claim: str
    rule: str
    ours: str
    margin: str
    scale: str
    verdict: str
    note: str = ""


def rows() -> list[Row]:
    """All rows of the paper's section 2 and appendix B, in the paper's order."""
    made = []
    for source, claim, rule, scale, find, note in _section2.claims():
        try:
            ours, margin, verdict = find() if find else ("", "", "not comparable")
        except KeyError:  # the manifest knows no such network or result
            ours, margin, verdict = "", "", "not measured yet"
        made.append(Row(source, claim, rule, ours, margin, scale, verdict, note))
    return made


def markdown(table: list[Row]) -> str:
    """How often each verdict occurs, the rows as a table, and notes on those that do not hold."""
    counts = {name: sum(row.verdict == name for row in table) for name in VERDICTS}
    lines = ["| verdict | rows | meaning |", "|:--|--:|:--|"]
    lines += [f"| {name} | {counts[name]} | {text} |" for name, text in VERDICTS.items()]
    lines += ["", "| paper | what it says, and our rule | ours (margin) | our scale | verdict |"]
    lines += ["|:--|:--|:--|:--|:--|"]
    for row in table:
        claim = row.claim + (f".<br>*Rule: {row.rule}.*" if row.rule else ".")
        ours = f"{row.ours}<br>({row.margin})" if row.ours else ""
        verdict = f"**{row.verdict}**" if row.verdict in ("differs", "unclear") else row.verdict
        lines.append(f"| {' | '.join((row.source, claim, ours, row.scale, verdict))} |")
    notes = {f"- {row.source}: {row.note}": None for row in table if _asks(row)}
    return "\n".join([*lines, "", *(["Why, as far as we know:", "", *notes] if notes else [])]).rstrip()


def _asks(row: Row) -> bool:
    return bool(row.note) and row.verdict in ("differs", "unclear")
