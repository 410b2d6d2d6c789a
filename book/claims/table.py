"""The paper's figures and numbers beside ours: one row for each, made from what is stored.

A row's verdict follows from its rule and our measurement alone. Where nothing is stored yet the
verdict says so, and where our data or scale cannot speak it is ``not comparable``.
"""

from __future__ import annotations

from typing import NamedTuple

from book.claims import generalization, harmonics, manifolds, shrinkage, shuffled

__all__ = ["PARTS", "Row", "VERDICTS", "markdown", "rows"]

PARTS = {
    "Section 2 and appendix B: generalization": (generalization,),
    "Section 3 and appendix C: inductive biases": (
        shrinkage,
        harmonics,
        manifolds,
        shuffled,
    ),
}
"""Parts of the paper, and where their claims are.

:meta hide-value:
"""

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


def rows(part: str | None = None) -> list[Row]:
    """Rows of one part of the paper, or all of them, in the paper's order.

    Parameters
    ----------
    part
        A key of `PARTS`.
    """
    made = []
    for module in PARTS[part] if part else sum(PARTS.values(), ()):
        for source, claim, rule, scale, find, note in module.claims():
            try:
                ours, margin, verdict = find() if find else ("", "", "not comparable")
            except KeyError:  # the manifest knows no such network or result
                ours, margin, verdict = "", "", "not measured yet"
            made.append(Row(source, claim, rule, ours, margin, scale, verdict, note))
    return made


def markdown() -> str:
    """How often each verdict occurs; then for each part its rows, and notes on those that do not hold."""
    tables = {part: rows(part) for part in PARTS}
    heads = " | ".join(part.partition(":")[0] for part in tables)
    lines = [f"| verdict | {heads} | meaning |", f"|:--|{'--:|' * len(tables)}:--|"]
    for name, text in VERDICTS.items():
        counts = [str(sum(row.verdict == name for row in table)) for table in tables.values()]
        lines.append(f"| {' | '.join((name, *counts, text))} |")
    for part, table in tables.items():
        lines += ["", f"### {part}", "", *_table(table)]
        notes = {f"- {row.source}: {row.note}": None for row in table if _asks(row)}
        lines += ["", "Why, as far as we know:", "", *notes] if notes else []
    return "\n".join(lines)


def _table(table: list[Row]) -> list[str]:
    lines = [
        "| paper | what it says, and our rule | ours (margin) | our scale | verdict |",
        "|:--|:--|:--|:--|:--|",
    ]
    for row in table:
        claim = row.claim + (f".<br>*Rule: {row.rule}.*" if row.rule else ".")
        ours = f"{row.ours}<br>({row.margin})" if row.ours else ""
        verdict = f"**{row.verdict}**" if row.verdict in ("differs", "unclear") else row.verdict
        cells = (cell.replace("|", "\\|") for cell in (row.source, claim, ours, row.scale, verdict))
        lines.append(f"| {' | '.join(cells)} |")
    return lines


def _asks(row: Row) -> bool:
    return bool(row.note) and row.verdict in ("differs", "unclear")
