"""What a chapter shows: sentences, tables, verdicts, and explorers with or without a kernel.

Measured numbers are displayed by the cell that measured them. `explore` draws the same figure either way:
with a kernel it makes ipywidgets; where nothing will answer (the rendered book, or ``GAHR_STILL=1``) it draws
every frame once and lets the page flip.
"""

from __future__ import annotations

import base64
import hashlib
import html
import io
import json
import math
import os
from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import TypeVar

from gahr._checks import check_known

__all__ = ["by_effort", "explore", "flipbook", "is_live", "judge", "pick", "say", "table", "verdict"]

T = TypeVar("T")


def by_effort(effort: str, quick: T, default: T, full: T | None = None) -> T:
    """Choose a setting by the chapter's ``effort``; ``full`` falls back to ``default``.

    Examples
    --------
    >>> by_effort("quick", quick=10, default=100)
    10
    """
    check_known(effort, ("quick", "default", "full"), "effort")
    if effort == "quick":
        return quick
    return default if effort == "default" or full is None else full


def say(text: str) -> None:
    """Display a sentence, in Markdown, as the output of a cell; in a script, print it."""
    try:
        from IPython import get_ipython
        from IPython.display import Markdown, display
    except ImportError:
        print(text)
        return
    if get_ipython() is None:
        print(text)
    else:
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
    text = [[cell.replace("|", r"\|") for cell in line] for line in text]  # a bar would begin a new cell
    text.insert(1, [":--"] * left + ["--:"] * (len(head) - left))
    return "\n".join(
        "|" + "|".join(line) + "|" if i == 1 else "| " + " | ".join(line) + " |"
        for i, line in enumerate(text)
    )


def pick(rows: Iterable[Mapping], **columns: object) -> list[Mapping]:
    """Rows of a stored table whose columns have the given values, in their order.

    A row without such a column does not match. If none does, a `KeyError` says what was asked for.

    Examples
    --------
    >>> rows = [{"n": 10, "half": "a", "mean": 0.5}, {"n": 10, "half": "b", "mean": 0.7}]
    >>> pick(rows, n=10, half="b")[0]["mean"]
    0.7
    """
    found = [row for row in rows if columns.items() <= row.items()]
    if not found:
        asked = ", ".join(f"{name} = {value!r}" for name, value in columns.items())
        raise KeyError(f"no row of the table has {asked}.")
    return found


def verdict(claim: str, value: float, expected: float, tolerance: float, unit: str = "") -> None:
    """Print whether a measured number is where the text says it is, the number, and (where that is).

    Machines differ in a measured number's last digits, so nbval is told to leave that number out of its
    comparison (`book/_tools/nbval.cfg`); verdict and target must be as stored.

    Examples
    --------
    >>> verdict("slope", 0.6134, expected=0.61, tolerance=0.05)
    holds  slope: 0.613 (0.61 +- 0.05)
    >>> verdict("gap", 3.0, expected=0.0, tolerance=0.5, unit="dB")
    FAILS  gap: 3 dB (0 +- 0.5)
    """
    holds = abs(value - expected) <= tolerance
    unit = f" {unit}" if unit else ""
    print(f"{'holds' if holds else 'FAILS'}  {claim}: {value:.3g}{unit} ({expected:g} +- {tolerance:g})")


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


# ------------------------------------------------------------------------------------------------
# Explorers

_PAGE = """
<div class="gahr-flip" id="{key}" role="group" aria-label="{label}">
<img src="{poster}" alt="{alt}" style="max-width:100%;height:auto;background:#fff">
<p><label for="{key}-slider">{label}</label>
<input type="range" id="{key}-slider" min="0" max="{last}" value="{first}" step="1">
<output for="{key}-slider" aria-live="polite">{value}</output></p>
</div>
<script>
(function () {{
  const box = document.getElementById("{key}"), frames = {frames}, names = {names}, alts = {alts};
  const slider = box.querySelector("input"), image = box.querySelector("img");
  slider.addEventListener("input", function () {{
    image.src = frames[slider.value];
    image.alt = alts[slider.value];
    box.querySelector("output").textContent = names[slider.value];
  }});
}})();
</script>
"""


def is_live() -> bool:
    """Whether a kernel will answer: not under ``GAHR_STILL=1``, and only with ipywidgets installed."""
    if os.environ.get("GAHR_STILL"):
        return False
    try:
        import ipywidgets  # noqa: F401
        from IPython import get_ipython
    except ImportError:
        return False
    return get_ipython() is not None


def explore(
    draw: Callable[..., None], choices: Mapping[str, Sequence], alt: str, start: int = 0, dpi: int = 80
) -> None:
    """Let the reader vary the arguments of a drawing function.

    Parameters
    ----------
    draw
        Called with one keyword argument for each choice; makes one matplotlib figure.
    choices
        Name of each argument and its possible values, best first: the static page varies the
        first only and keeps the others at their first value.
    alt
        What the figure shows, for readers who do not see it; the current value is appended.
    start, dpi
        Which value of the first choice is shown at the beginning; resolution of the static frames.

    Raises
    ------
    ValueError
        If there is no choice, or one without values.
    """
    if not choices or not all(len(values) for values in choices.values()):
        raise ValueError("explore needs at least one choice, and a value for each.")
    if is_live():
        _live(draw, choices, start)
        return
    (name, values), *others = choices.items()
    fixed = {other: options[0] for other, options in others}
    frames = [_png(lambda value=value: draw(**{name: value}, **fixed), dpi) for value in values]
    flipbook(frames, [str(value) for value in values], name, alt, start)


def flipbook(frames: Sequence[bytes], names: Sequence[str], label: str, alt: str, start: int = 0) -> None:
    """Display PNG frames with a slider that needs no kernel; without scripts, one still frame."""
    from IPython.display import HTML, display

    if len(frames) != len(names) or not 0 <= start < len(frames):
        raise ValueError(f"{len(frames)} frames need as many names, and a start among them.")
    sources = ["data:image/png;base64," + base64.b64encode(frame).decode() for frame in frames]
    key = "flip-" + hashlib.sha256(b"".join(frames)).hexdigest()[:10]
    alts = [f"{alt} ({label} = {name})" for name in names]
    page = _PAGE.format(
        key=key,
        label=html.escape(label),
        poster=sources[start],
        alt=html.escape(alts[start], quote=True),
        last=len(frames) - 1,
        first=start,
        value=html.escape(names[start]),
        frames=_script(sources),
        names=_script(names),
        alts=_script(alts),
    )
    display(HTML(page))


def _script(values: Sequence[str]) -> str:
    """A JavaScript array literal that cannot end its own script element."""
    return json.dumps(list(values)).replace("<", "\\u003c")


def _png(draw: Callable[[], None], dpi: int) -> bytes:
    """One frame, reduced to 128 colours: a third of the bytes, and no difference to the eye."""
    import matplotlib.pyplot as plt
    from PIL import Image

    draw()
    stream = io.BytesIO()
    plt.gcf().savefig(stream, format="png", dpi=dpi)
    plt.close("all")
    small = io.BytesIO()
    with Image.open(stream) as frame:
        frame.convert("RGB").quantize(128).save(small, format="png", optimize=True)
    return small.getvalue()


def _live(draw: Callable[..., None], choices: Mapping[str, Sequence], start: int) -> None:
    """Controls above the figure; a slider that is dragged draws once, when it is let go."""
    import ipywidgets
    import matplotlib.pyplot as plt
    from IPython.display import display

    controls = {}
    for i, (name, values) in enumerate(choices.items()):
        kind = ipywidgets.SelectionSlider if i == 0 else ipywidgets.Dropdown
        first = values[start] if i == 0 else values[0]
        extra = {"continuous_update": False} if i == 0 else {}
        controls[name] = kind(options=list(values), value=first, description=name, **extra)

    def show(**chosen: object) -> None:
        draw(**chosen)
        plt.show()

    display(ipywidgets.interactive(show, **controls))
