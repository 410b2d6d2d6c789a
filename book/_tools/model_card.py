"""Write the tables of networks and of claims into ``data/README.md``, from the manifest.

    python book/_tools/model_card.py

A test fails when the table is out of step.
"""

from __future__ import annotations

import re
import sys

import chapters
from book.claims import ladders
from gahr import _files, zoo

PAGE = chapters.ROOT / "data" / "README.md"
MARK = re.compile(r"<!-- (networks|claims) -->.*?<!-- /\1 -->", re.DOTALL)
SHOWN = (0.02, 0.1, 0.5)


def table() -> str:
    """One row for each network and record: cost, device, and PSNR on training and held-out images."""
    levels = ", ".join(f"{sigma:g}" for sigma in SHOWN)
    lines = [
        f"| network | N | steps | looks | objective | seconds | device | training PSNR at {levels} "
        "| held-out PSNR | weights |",
        "|:--|--:|--:|--:|:--|--:|:--|:--|:--|:--|",
    ]
    shipped = set(zoo.names("network"))
    names = sorted([*shipped, *zoo.names("record")], key=_order)
    for name in names:
        row = zoo.describe(name)
        recipe, provenance = row["recipe"], row["provenance"]
        n = "fresh" if recipe["n"] is None else f"{recipe['n']:,}"
        cells = [f"`{name}`", n, f"{recipe['steps']:,}", looks(recipe), recipe["objective"]]
        cells += [f"{provenance['seconds']:,}", provenance["device"]]
        cells += [
            _psnr(row, "train"),
            _psnr(row, "held_out"),
            "shipped" if name in shipped else row["not_shipped"],
        ]
        lines.append(f"| {' | '.join(cells)} |")
    return "\n".join([*lines, "", bf16_costs()])


def looks(recipe: dict) -> str:
    """How often each training image was seen; fresh images are seen once.

    >>> looks({"steps": 6000, "batch": 64, "n": 14_000}), looks({"steps": 6000, "batch": 64, "n": None})
    ('27', '1')
    """
    return "1" if recipe["n"] is None else f"{recipe['steps'] * recipe['batch'] / recipe['n']:,.0f}"


def bf16_costs(twin: str = "-fp32") -> str:
    """What training in bf16 costs at weak noise, from every network that has a twin in fp32."""
    found = []
    for name in zoo.names("record") + zoo.names("network"):
        if name.endswith(twin):
            both = [zoo.describe(each)["curves"] for each in (name.removesuffix(twin), name)]
            kind = "train" if "train" in both[0] else "held_out"  # fresh images are all held out
            half, full = (curves[kind] for curves in both)
            apart = [a - b for a, b in zip(half["psnr"], full["psnr"], strict=True)]
            weak = ", ".join(f"{d:+.2f} at {s:g}" for d, s in zip(apart[:3], half["sigma"], strict=False))
            found.append(
                f"What bf16 costs: {'training' if kind == 'train' else 'held-out'} PSNR of "
                f"`{name.removesuffix(twin)}` less that of the same run in fp32 is {weak}, and between "
                f"{min(apart):+.2f} and {max(apart):+.2f} dB at all levels (one seed)."
            )
    return "\n".join(found)


def _order(name: str) -> tuple:
    recipe = zoo.describe(name)["recipe"]
    return recipe["images"], recipe["network"], recipe["n"] or 10**9, recipe["half"], name


def _psnr(row: dict, which: str) -> str:
    curve = row["curves"].get(which)
    if curve is None:
        return "-"
    found = dict(zip(curve["sigma"], curve["psnr"], strict=True))
    return ", ".join(f"{found[sigma]:.1f}" for sigma in SHOWN)


def in_step(text: str) -> str:
    """The page with today's rows."""
    tables = {"networks": table, "claims": ladders.table}
    return MARK.sub(lambda found: f"<!-- {found[1]} -->\n{tables[found[1]]()}\n<!-- /{found[1]} -->", text)


def main() -> int:
    """Rewrite the page."""
    text = in_step(PAGE.read_text(encoding="utf-8"))
    _files.write_text(PAGE, text)
    return 0


if __name__ == "__main__":
    sys.exit(main())
