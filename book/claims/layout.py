"""The replication table as it stands on its page: a summary, a filter, and rows folded by figure.

Plain HTML, which works without scripts: radio buttons filter, ``<details>`` fold, and a phone shows each
row as a card.
"""

from __future__ import annotations

import json
import re
from collections import Counter
from collections.abc import Iterable
from html import escape
from itertools import groupby
from pathlib import Path

from book.claims import table

__all__ = ["changed", "counts", "every", "summary"]

SIGNS = {"holds": "✓", "unclear": "≈", "differs": "✗", "not measured yet": "…", "not comparable": "–"}
FIRST_RECIPE = Path(__file__).with_name("first_recipe.json")
"""Verdicts by today's rules on networks trained for squared error, before they were trained again."""
STATES = {"holds": "hold", "in part": "hold in part", "open": "are open", "differs": "differ"}
SHOWN = {"all": "all rows", "holds": "those that hold", "open": "open ones", "differs": "those that differ"}
HEADS = ("paper", "what it says, and our rule", "ours (margin)", "our scale", "verdict")


def counts() -> str:
    """How many facts of the paper hold, hold in part, are open and differ: for the landing page."""
    parts = {part: _tally(table.rows(part)) for part in table.PARTS}
    found = sum(parts.values(), Counter())
    lines = ['<div class="verdict-counts">']
    for state, said in STATES.items():
        place = "open" if state == "in part" else state
        lines.append(f'<div class="verdict {place}"><strong>{found[state]}</strong> {said}</div>')
    lines += ["</div>", ""]
    lines.append(
        f"That is how {found.total()} facts of the paper fare at our scale, each judged by rules that stand "
        "beside it."
    )
    for part, tally in parts.items():
        name, _, about = part.partition(": ")
        lines.append(f"Of {name[0].lower()}{name[1:]} ({about}), {tally['holds']} of {tally.total()} hold.")
    lines.append("Where they differ, {doc}`replication` gives the reason, as far as we know it.")
    return "\n".join(lines)


def summary() -> str:
    """How many facts hold, hold in part, are open and differ, by section, with the reasons."""
    parts = {part: table.rows(part) for part in table.PARTS}
    every = [row for rows in parts.values() for row in rows]
    found, of = _tally(every), Counter(table.state(row) for row in every)
    said = ", ".join(f"{found[state]} {text}" for state, text in STATES.items())
    lines = [
        f"**Of {found.total()} facts {said}.** They are told in {len(every)} rows, of which "
        f"{of['holds']} hold, {of['open']} are open or not comparable and {of['differs']} differ; "
        f"{sum(row.fact in table.UNCOUNTED for row in every)} rows are theorems or arithmetic, or go beyond "
        "the paper, and are not counted as evidence.",
        "",
        "| part of the paper | " + " | ".join(STATES.values()) + " |",
        "|:--" + "|--:" * len(STATES) + "|",
    ]
    for part, rows in parts.items():
        tally = _tally(rows)
        lines.append(f"| {part} | " + " | ".join(str(tally[state]) for state in STATES) + " |")
    for part, rows in parts.items():
        lines += ["", f"**{part}: why some differ or are open, as far as we know**", ""]
        for note, of in table.reasons(rows).items():
            sources = ", ".join(dict.fromkeys(table.group(row.source) for row in of))
            tally = Counter(row.verdict for row in of)
            many = " and ".join(f"{count} {verdict}" for verdict, count in tally.items())
            lines.append(f"- {sources} ({many}): {note}")
    return "\n".join(lines)


def changed() -> str:
    """What training changed: rows whose verdict is another than with networks of the first recipe."""
    before = json.loads(FIRST_RECIPE.read_text(encoding="utf-8"))
    now = _keyed((row.source, row.claim, row) for row in table.rows())
    was = _keyed((old["source"], old["claim"], old) for old in before)
    pairs = [(old, now[key]) for key, old in was.items() if key in now]
    moved = [(old, row) for old, row in pairs if old["verdict"] != row.verdict]
    lines = [
        f"Of {len(pairs)} rows that were measured with both, {len(moved)} have another verdict.",
        "",
        "| paper | claim | first recipe | now |",
        "|:--|:--|:--|:--|",
    ]
    for old, row in moved:
        cells = (f"{one['verdict']}: {one['ours']}" for one in (old, row._asdict()))
        lines.append(f"| {row.source} | {row.claim} | " + " | ".join(cells) + " |")
    return "\n".join(lines)


def _keyed(rows: Iterable[tuple]) -> dict[tuple, object]:
    """Rows by source and claim; claims of one text ("the same, faces") are told apart by their order."""
    found, seen = {}, Counter()
    for source, claim, row in rows:
        seen[source, claim] += 1
        found[source, claim, seen[source, claim]] = row
    return found


def every() -> str:
    """What the verdicts mean, a filter, and all rows."""
    told = Counter(row.fact for row in filter(table.counted, table.rows()))
    lines = [f"- {SIGNS[name]} *{name}*: {text}." for name, text in table.VERDICTS.items()]
    lines += ["", *_filter()]
    for part in table.PARTS:
        lines.append(f'<p class="claims-part">{escape(part)}</p>')
        for source, of in groupby(table.rows(part), lambda row: table.group(row.source)):
            lines += _folded(source, list(of), told)
    return "\n".join([*lines, "</div>"])


def _tally(rows: list[table.Row]) -> Counter:
    return Counter(table.facts(rows).values())


def _filter() -> list[str]:
    lines = ['<div class="claims">', '<fieldset class="claims-filter"><legend>Show</legend>']
    for state, said in SHOWN.items():
        checked = " checked" if state == "all" else ""
        button = f'<input type="radio" name="claims" value="{state}" id="claims-{state}"{checked}>'
        lines.append(f"<label>{button} {said}</label>")
    return [*lines, "</fieldset>"]


def _folded(source: str, rows: list[table.Row], told: Counter) -> list[str]:
    tally = Counter(row.verdict for row in rows)
    states = {row.verdict: table.state(row) for row in rows}
    said = ", ".join(
        f'<span class="verdict {state}">{tally[verdict]} {SIGNS[verdict]} {verdict}</span>'
        for verdict, state in states.items()
    )
    full = source.replace("Figs.", "Figures").replace("Fig.", "Figure").replace("Sec.", "Section")
    lines = [
        f"<details><summary>{escape(full)}: {said}</summary>",
        "<table><thead><tr>" + "".join(f"<th>{head}</th>" for head in HEADS) + "</tr></thead><tbody>",
    ]
    return [*lines, *(_row(row, told) for row in rows), "</tbody></table></details>"]


def _mark(row: table.Row, told: Counter) -> str:
    """Why a row is not counted, or with how many others it is counted as one fact; nothing for most."""
    if row.fact in table.UNCOUNTED:
        said = f"not counted: {row.fact}"
    elif not table.counted(row):
        said = "not counted"
    elif told[row.fact] > 1:
        said = f"one fact in {told[row.fact]} rows: {row.fact}"
    else:
        return ""
    return f'<br><span class="claims-mark">{_text(said)}</span>'


def _row(row: table.Row, told: Counter) -> str:
    rule = f"<br><em>Rule: {_text(row.rule)}.</em>" if row.rule else ""
    ours = f"{_text(row.ours)}<br>({_text(row.margin)})" if row.ours else ""
    state = table.state(row)
    verdict = f'<span class="verdict {state}">{SIGNS[row.verdict]} {row.verdict}</span>'
    says = f"{_text(row.claim)}.{rule}{_mark(row, told)}"
    cells = (_text(row.source), says, ours, _text(row.scale), verdict)
    columns = "".join(f'<td data-label="{head}">{cell}</td>' for head, cell in zip(HEADS, cells, strict=True))
    return f'<tr data-state="{state}">{columns}</tr>'


def _text(text: str) -> str:
    return re.sub(r"`([^`]+)`", r"<code>\1</code>", escape(text, quote=False))
