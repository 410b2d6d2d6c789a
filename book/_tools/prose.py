"""What prose gains on its way to a page: links to the glossary at a term's first use, and minutes to read.

The sources stay as they are, so that a chapter reads the same in Jupyter and in Colab.
"""

from __future__ import annotations

import re

from chapters import Chapter, figure_names

WORDS, FIGURE, STEP = 130, 0.5, 5
"""Words a minute of such a text, minutes for a figure, and to what minutes are rounded."""

PROTECTED = re.compile(
    r"^(```|~~~|:::)[^\n]*\n.*?^\1[^\n]*$"  # fences
    r"|^</?[a-z][^\n]*\n(?:[^\n]+\n)*"  # HTML, up to a blank line
    r"|\$\$.*?\$\$|^#[^\n]*$|^\|[^\n]*$|^\([^\n]*\)=$"  # formulas, headings, tables, labels
    r"|\{[\w:-]+\}`[^`]*`|`[^`]*`|\$[^$]*\$"  # roles, code, formulas
    r"|!?\[[^\]]*\]\([^)]*\)|</?[a-zA-Z!][^>]*>|^\*\*Run it:[^\n]*$",  # links, tags, the line with the costs
    re.MULTILINE | re.DOTALL,
)
COST = re.compile(r"(?m)^(\*\*Run it:\*\*.*?)[ \t]*$")
NARROW = {"half": r"(?-i:[Hh]al(?:f|ves) [AB])", "score": r"(?:the|its|true) scores?"}
"""Words that often mean something else: half a decibel, and what a vector scores."""


def linked(text: str, terms: set[str]) -> str:
    """Markdown with the first use of each term linked; what was linked is taken out of ``terms``.

    >>> linked("A denoiser, two denoisers; `score`, they score, and the score.", {"denoiser", "score"})
    'A {term}`denoiser`, two denoisers; `score`, they score, and {term}`the score <score>`.'
    >>> linked("Two Denoisers, half a size, on half A.", {"denoiser", "half"})
    'Two {term}`Denoisers <denoiser>`, half a size, on {term}`half A <half>`.'
    """
    kept: list[str] = []

    def hide(found: re.Match) -> str:
        kept.append(found[0])
        return f"\0{len(kept) - 1}\0"

    text = PROTECTED.sub(hide, text)
    for term in sorted(terms, key=len, reverse=True):  # of two that begin alike, the longer one
        any_case = 0 if term != term.lower() else re.IGNORECASE
        pattern = NARROW.get(term, re.escape(term) + r"s?")
        found = re.search(rf"(?<![\w\0-])(?:{pattern})(?![\w-])", text, any_case)
        if found:
            terms.discard(term)
            role = term if found[0] == term else f"{found[0]} <{term}>"
            kept.append(f"{{term}}`{role}`")
            text = f"{text[: found.start()]}\0{len(kept) - 1}\0{text[found.end() :]}"
    while "\0" in text:
        text = re.sub("\0(\\d+)\0", lambda hidden: kept[int(hidden[1])], text)
    return text


def minutes(chapter: Chapter) -> int:
    """Minutes that it takes to read a chapter, folded parts included, to the nearest five."""
    words = len(re.findall(r"\w+", PROTECTED.sub(" ", chapter.text)))
    return max(STEP, round((words / WORDS + FIGURE * len(figure_names(chapter))) / STEP) * STEP)


def timed(text: str, minutes_to_read: int) -> str:
    """Markdown whose line with the costs says how long it takes to read, too.

    >>> timed("**Run it:** [Colab](x) · about 20 seconds on two cores, no GPU", 30)
    '**Run it:** [Colab](x) · about 20 seconds on two cores, no GPU · about 30 minutes to read'
    """
    return COST.sub(rf"\1 · about {minutes_to_read} minutes to read", text)
