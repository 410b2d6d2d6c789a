"""The landing page's first screen, from facts about what was drawn: no number is typed."""

from __future__ import annotations

import re

__all__ = ["filled"]

MARK = re.compile(r"<!-- (first|basis) -->.*?<!-- /\1 -->", re.DOTALL)
HERE = "../_static/first"


def filled(text: str, facts: dict) -> str:
    """The landing page with the loops and the basis of these facts."""
    parts = {"first": _loops_html, "basis": _basis_html}
    return MARK.sub(
        lambda found: f"<!-- {found[1]} -->\n{parts[found[1]](facts)}\n<!-- /{found[1]} -->", text
    )


def _basis_html(facts: dict) -> str:
    """The portrait under noise, three directions at it, and the estimate."""
    shown = [("noisy", "the portrait under noise", "A portrait under noise.")]
    shown += [
        (
            f"direction-{rank}",
            f"direction {rank}, kept by {factor:.2f}",
            f"Direction {rank} at the portrait: waves in orange and purple along its contours.",
        )
        for rank, factor in facts["factors"].items()
    ]
    shown.append(("estimate", "what the network makes of it", "The portrait, cleaned by the network."))
    figures = [
        f'<figure><img src="{HERE}/{name}.png" width="160" height="160" alt="{alt}">'
        f"<figcaption>{said}</figcaption></figure>"
        for name, said, alt in shown
    ]
    return "\n".join(['<div class="first-basis">', *figures, "</div>"])


def _loops_html(facts: dict) -> str:
    """The loops, switched by buttons that need no script, with a still picture for pauses and for paper."""
    lines = ['<div class="first-loops">']
    for name, row in facts["loops"].items():
        checked = " checked" if name == next(iter(facts["loops"])) else ""
        lines.append(f'<input type="radio" name="first" id="first-{name}"{checked}>')
        lines.append(f'<label for="first-{name}">{row["label"]}</label>')
    lines.append('<input type="checkbox" id="first-still"><label for="first-still">Pause</label>')
    for name, row in facts["loops"].items():
        lines += _loop(name, row, facts["among"])
    return "\n".join([*lines, "</div>"])


SAID = {
    "faces": "both draw nearly the same face",
    "clothes": "both draw nearly the same picture",
    "few": "they part, each to a picture of its own",
}


def _loop(name: str, row: dict, among: int) -> list[str]:
    alike = f"similarity {row['similarity']:.2f}"
    said = f"Trained on {row['label']}, not one shared, {SAID[name]} ({alike}; the median pair of {among})."
    if name == "few":
        said = (
            f"From the same noise. Trained on {row['label']}, {SAID[name]} ({alike}). Why clothes? "
            "Networks that learned few faces by heart would show photographs that may not be shown."
        )
    alt = (
        "Noise in the middle; at its left what network A makes of it, at its right network B. "
        f"Trained on {row['label']}, they end with {alike}."
    )
    size = f'width="{5 * (3 * row["size"] + 8)}" height="{5 * row["size"]}"'
    return [
        f'<figure class="first-{name}">',
        '<div class="first-names">',
        "<span>network A</span><span>the same noise</span><span>network B</span></div>",
        '<picture><source media="(prefers-reduced-motion: reduce), print" '
        f'srcset="{HERE}/{name}.png" {size}>'
        f'<img class="first-loop" src="{HERE}/{name}.webp" {size} alt="{alt}"></picture>',
        f'<img class="first-still" src="{HERE}/{name}.png" {size} alt="{alt}">',
        f"<figcaption>{said}</figcaption>",
        "</figure>",
    ]
