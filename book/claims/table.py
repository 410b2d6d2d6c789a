"""The paper's figures and numbers beside ours: one row for each, made from what is stored.

A row's verdict follows from its rule and our measurement alone. Where nothing is stored yet the
verdict says so, and where our data or scale cannot speak it is ``not comparable``.
"""

from __future__ import annotations

from typing import NamedTuple

from book.claims import generalization, harmonics, manifolds, shrinkage, shuffled, slopes

__all__ = ["PARTS", "Row", "UNCOUNTED", "VERDICTS", "counted", "facts", "group", "reasons", "rows", "state"]

PARTS = {
    "Section 2 and appendix B: generalization": (generalization,),
    "Section 3 and appendix C: inductive biases": (
        shrinkage,
        slopes,
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
    "not comparable": "not counted: we lack the paper's pictures, or it prints no number for ours to meet",
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
    fact
        What the row is about: rows of one fact are counted once. Or a key of `UNCOUNTED`.
    """

    source: str
    claim: str
    rule: str
    ours: str
    margin: str
    scale: str
    verdict: str
    note: str = ""
    fact: str = ""


UNCOUNTED: dict[str, str] = {
    "theorem": "follows from mathematics, and checks our code",
    "arithmetic": "a count that could come out one way only",
    "beyond the paper": "a question that the paper leaves open",
}
"""What is no evidence for or against the paper.

:meta hide-value:
"""


def rows(part: str | None = None) -> list[Row]:
    """Rows of one part of the paper, or all of them; what belongs to one figure stands together.

    Parameters
    ----------
    part
        A key of `PARTS`.
    """
    if part is None:
        return [row for name in PARTS for row in rows(name)]
    made = []
    for module in PARTS[part]:
        for source, claim, rule, scale, find, note, fact in module.claims():
            try:
                ours, margin, verdict = find() if find else ("", "", "not comparable")
            except KeyError:  # the manifest knows no such network or result
                ours, margin, verdict = "", "", "not measured yet"
            made.append(
                Row(source, claim, rule, ours, margin, scale, verdict, note, fact or f"{source}: {claim}")
            )
    figures = list(dict.fromkeys(group(row.source) for row in made))  # of one figure, all together
    return sorted(made, key=lambda row: figures.index(group(row.source)))


def state(row: Row) -> str:
    """How a summary counts a row: ``"holds"``, ``"open"`` or ``"differs"``."""
    return row.verdict if row.verdict in ("holds", "differs") else "open"


def facts(table: list[Row]) -> dict[str, str]:
    """State of each fact: that of its rows where they agree.

    Where they do not, a fact of which some row holds does so ``"in part"``, and another is open. Rows that
    are not `counted` are left out.
    """
    states: dict[str, set[str]] = {}
    for row in filter(counted, table):
        states.setdefault(row.fact, set()).add(state(row))
    mixed = {fact: "in part" if "holds" in found else "open" for fact, found in states.items()}
    return {fact: found.pop() if len(found) == 1 else mixed[fact] for fact, found in states.items()}


def counted(row: Row) -> bool:
    """Whether a row counts as evidence: it can be compared, and is of no kind in `UNCOUNTED`."""
    return row.fact not in UNCOUNTED and row.verdict != "not comparable"


def group(source: str) -> str:
    """Where in the paper, without what comes after: rows of one figure fold together.

    >>> group("Fig. 2, bottom"), group("Figs. 9, 10"), group("Sec. 3.1, eq. 6")
    ('Fig. 2', 'Figs. 9, 10', 'Sec. 3.1')
    """
    return source if source.startswith("Figs.") else source.partition(",")[0]


def reasons(table: list[Row]) -> dict[str, list[Row]]:
    """Rows that do not simply hold, by the reason that we see."""
    found: dict[str, list[Row]] = {}
    for row in table:
        if row.note and row.verdict in ("differs", "unclear"):
            found.setdefault(row.note, []).append(row)
    return found
