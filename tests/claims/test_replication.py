"""The replication table: verdicts follow from rules, and the page shows what is stored."""

import json
import math
import re

import pytest

import replication as page
from book.claims import claim, generalization, layout, table
from gahr import paper, zoo
from gahr.measures import SIGMAS


@pytest.fixture
def stored(monkeypatch):
    """A manifest and results of our own making."""
    networks, results = {}, {}
    monkeypatch.setattr(zoo, "describe", lambda name: networks[name])
    monkeypatch.setattr(zoo, "result", lambda name: results[name])
    return networks, results


def curves(train, held_out, se=0.0):
    """Both curves as functions of the noise level."""
    made = {}
    for name, curve in (("train", train), ("held_out", held_out)):
        made[name] = {
            "sigma": list(SIGMAS),
            "psnr": [curve(s) for s in SIGMAS],
            "se": [se] * len(SIGMAS),
        }
    return {"curves": made}


def put(networks, stem, *args, **more):
    networks |= {f"{stem}-{half}": curves(*args, **more) for half in "ab"}


def with_slope(slope, start=30.0):
    return lambda sigma: start - 20 * slope * math.log10(sigma)


@pytest.mark.parametrize(("slope", "verdict"), [(1.0, "holds"), (0.95, "holds"), (0.8, "differs")])
def test_the_slope_of_a_straight_curve_is_found(stored, slope, verdict):
    put(stored[0], "fashion32-unet16-n1", with_slope(slope), with_slope(0))
    for half in "ab":  # errors are averaged before decibels are taken: these decibels must not be read
        curve = stored[0][f"fashion32-unet16-n1-{half}"]["curves"]["train"]
        curve["mse"] = [10 ** (-p / 10) for p in curve["psnr"]]
        curve["psnr"] = [20.0] * len(SIGMAS)
    text, margin, found = claim.slope(1)
    assert float(text) == pytest.approx(slope, abs=1e-3) and found == verdict
    assert float(margin) == pytest.approx(0.1 - abs(slope - 1), abs=1e-3)


def test_flat_and_poor_are_judged_up_to_sigma_0_4(stored):
    def steep_beyond(sigma):
        return 15.0 if sigma <= 0.4 else 5.0

    put(stored[0], "fashion32-unet16-n10", with_slope(0, 26.0), steep_beyond)
    assert claim.flat(10) == ("0 dB", "+2 dB", "holds")
    assert claim.apart(10) == ("11 dB", "+1 dB", "holds")
    put(stored[0], "fashion32-unet16-n10", with_slope(0, 24.0), with_slope(0.1, 15.0))
    assert claim.flat(10)[2] == "differs" and claim.apart(10)[2] == "differs"


@pytest.mark.parametrize(
    ("gap", "se", "verdict"), [(0.2, 0.0, "holds"), (0.5, 0.0, "differs"), (0.5, 0.2, "holds")]
)
def test_closed_allows_0_3_dB_or_twice_the_standard_error(stored, gap, se, verdict):
    put(stored[0], "x-n14000", with_slope(0.5, 20 + gap), with_slope(0.5, 20.0), se=se)
    text, _, found = claim.closed("x-n14000")
    assert float(text.removesuffix(" dB")) == pytest.approx(gap, abs=1e-3) and found == verdict


def test_pairs_against_copies(stored):
    about = {"n": 14000, "by": "centered"}
    pair = about | {"beta": 0.1, "measure": "between", "share": "both", "values": [0.99] * 40}
    copies = [about | {"beta": 0.1, "measure": "copy", "half": h, "values": [0.9] * 40} for h in "ab"]
    calm = pair | {"beta": 1.0, "values": [0.97] * 40}
    rows = [pair | {"share": "nothing", "values": [0.1]}, calm, pair, *copies]
    stored[1]["fashion32-samples"] = {"sampler": {"beta": 0.1}, "rows": rows}
    assert claim.above_copies(14000, "centered")[0::2] == ("1", "holds")
    assert claim.copies(14000)[2] == "differs" and claim.copies(14000, 0.8, 0.95)[2] == "holds"
    assert claim.between(14000) == ("0.99", "+0.09", "holds")
    assert claim.between(14000, noise=False) == ("0.97", "+0.07", "holds")
    pair["values"] = [0.8] * 30 + [0.99] * 10
    text, _, verdict = claim.above_copies(14000, "centered")  # sd sqrt(0.25 * 0.75 / 40) = 0.068
    assert text.startswith("0.25 (0.1") and verdict == "differs"
    assert claim.agreeing(0.5)[0::2] == ("0.25 (0.1419 to 0.4019)", "differs")  # Wilson's, by hand
    assert claim.parted() == ("30 of 40 pairs", "+30 pairs", "holds")


def test_what_the_pictures_cause_is_halves_less_twins(stored):
    for name, few, many in (("pairs", [0.4, 0.5], [0.05, 0.045]), ("twin", [0.1, 0.1], [0.045, 0.05])):
        rows = [{"n": n, "relative": r} for n, r in ((10, few), (14_000, many))]
        stored[1][f"fashion32-{name}"] = {"rows": rows}
    assert claim.owed(10, 14_000) == ("0.005; at N = 10 at least 0.30", "+0.005", "holds")
    stored[1]["fashion32-twin"]["rows"][1]["relative"] = [0.0, 0.05]
    assert claim.owed(10, 14_000)[2] == "differs"


def test_where_the_gap_closes_is_interpolated_in_log_n(stored):
    # at each size the gap falls from 10 dB to 0.1 dB over one decade, ever later
    for size, last in ((10, 10), (20, 100), (40, 100)):
        for n in (10, 100, 1000, 13000):
            gap, stem = 10.0 if n <= last else 0.1, f"faces{size}-unet16-n{n}"
            put(stored[0], stem, with_slope(0.5, 20 + gap), with_slope(0.5, 20.0))
    text, margin, verdict = claim.increase()
    line, power = 10 ** (1 + 9 / 9.9), 10**1.5
    spans = [f"{scale * power:.0f} to {scale * line:.0f}" for scale in (1, 10, 10)]
    assert text == "N = " + ", ".join(spans)
    assert margin == "+1.00 to +1.00 decades" and verdict == "holds"


def test_what_is_not_stored_is_said(stored):
    verdicts = {row.verdict for row in table.rows()}
    assert verdicts == {"not measured yet", "not comparable", "holds"}  # parameters need no file


def test_every_row_has_a_rule_and_a_known_verdict():
    rows = table.rows()
    assert {row.verdict for row in rows} <= set(table.VERDICTS)
    assert all(row.rule for row in rows if row.verdict != "not comparable")
    assert all(row.ours for row in rows if row.verdict in ("holds", "unclear", "differs"))
    explained = [row for row in rows if row.verdict in ("unclear", "differs")]
    assert all(row.note for row in explained), [row.claim for row in explained if not row.note]
    sources = " ".join(row.source for row in rows).replace(",", " ").split()
    assert {str(number) for number in range(1, 22)} <= set(sources)  # all figures of the paper


def test_the_pages_show_what_is_stored():
    for path in page.PAGES:
        text = path.read_text(encoding="utf-8")
        assert page.MARK.search(text)
        assert page.in_step(text) == text, "run book/_tools/replication.py"


def test_weak_noise_first_is_judged_by_new_pictures(stored):
    for n, short in ((1000, lambda s: 0.2 if s <= 0.05 else 1.5), (14_000, lambda s: 0)):
        put(stored[0], f"x-n{n}", with_slope(0, 26.0), lambda s, short=short: 30 - short(s))
    assert claim.rising("x", 14_000) == ("1.3 dB", "+1.3 dB", "holds")
    put(stored[0], "x-n1000", with_slope(0, 26.0), lambda s: 30 - (1.0 if s <= 0.05 else 0.5))
    assert claim.rising("x", 14_000)[2] == "differs"
    stored[0]["x-n1000-b"] = curves(with_slope(0, 26.0), lambda s: 30 - (0.2 if s <= 0.05 else 1.5))
    assert claim.rising("x", 14_000)[1:] == ("+0.4 dB", "unclear")  # the halves do not agree


MANY = re.compile(
    r"(\b\d[\d,]*|\bno) (?:(?:training|held-out|training and [\d,]+ held-out) )?(?:pictures?|pairs)\b"
)
TRAINED = re.compile(r"\bnetworks?\b")


def test_every_row_with_a_number_says_how_many_pictures_and_networks_it_rests_on():
    measured = [row for row in table.rows() if row.ours]
    for what in (MANY, TRAINED):
        assert not [f"{row.source}: {row.scale}" for row in measured if not what.search(row.scale)]
    for scale in ("faces, 40x40, N = 13,000", "portrait, half A", "C^alpha, … pictures", "32x32, two halves"):
        assert not MANY.search(scale)


def test_counts_of_pictures_come_from_what_is_stored(monkeypatch):
    rows, result = table.rows(), zoo.result

    def other(name):
        found = result(name)
        counts = [key for key in ("images", "pictures", "pairs") if isinstance(found.get(key), int)]
        return found | dict.fromkeys(counts, 77)

    monkeypatch.setattr(zoo, "result", other)
    pairs = zip(rows, table.rows(), strict=True)
    still = {row.source for row, now in pairs if row.ours and now.scale == row.scale}
    curves, listed = {"Fig. 1", "Fig. 11", "Fig. 15", "Figs. 11, 19"}, {"Fig. 3", "Fig. 6", "Sec. 3"}
    assert still == curves | listed | {"Fig. 21", "Sec. 3.1", "Sec. 3.1, eq. 6", "Table 1"}


def test_where_a_row_names_n_looks_are_told():
    named = re.compile(r"\bN = ")
    rows = [row for row in table.rows() if row.ours and (named.search(row.claim) or named.search(row.scale))]
    assert not [f"{row.source}: {row.scale}" for row in rows if not re.search(r"[\d,]+ looks", row.scale)]
    assert {"Sec. 2.2", "Fig. 15", "Fig. 3", "Sec. 3.1", "Figs. 11, 19", "Fig. 21"} <= {
        r.source for r in rows
    }


def test_looks_are_those_of_the_recipes():
    """By the manifest, and by the study of asymmetry, whose networks are its own."""
    stems = {"fashion32-unet16-n{}-a": 6000, "faces20-bfcnn32-n{}-a": 2000, "faces20-unet16-n{}-a": 6000}
    for stem, steps in stems.items():
        for n in (10, 1000):
            recipe = zoo.describe(stem.format(n))["recipe"]
            assert steps == recipe["steps"]
            assert generalization.looks(n, steps) == f"{recipe['steps'] * recipe['batch'] / n:,.0f} looks"
    study = zoo.result("faces20-asymmetry")
    (scale,) = {row.scale for row in table.rows() if "told" in row.scale}
    assert f"N = {study['n']:,}, {study['steps']:,} steps" in scale
    assert generalization.looks(study["n"], study["steps"]) in scale


def test_the_rule_for_ranks_says_what_the_code_does():
    half, ratio, shift = re.search(r"\(k \+ (1/2)\) / (\d+) - (1/2)", claim.RANKS).groups()
    assert (half, shift) == ("1/2", "1/2")
    for rank in (5, 53, 245):
        assert paper.place(rank) == (rank + 0.5) / float(ratio) - 0.5
    rules = [row.rule for row in table.rows() if row.claim.partition("eigenvalues ")[2][:1].isdigit()]
    assert len(rules) == 3 and all(claim.RANKS in rule for rule in rules)


def test_the_first_recipe_is_named_where_its_networks_are_measured():
    (row,) = [row for row in table.rows() if row.source == "Figs. 11, 19"]
    assert "first recipe, 6,000 steps" in row.scale and "27 looks" in row.scale
    assert zoo.describe("fashion32-unet16-n14000-a-mse-quadratic")["recipe"]["steps"] == 6000


def test_the_other_architecture_is_held_to_figure_1_s_rules():
    rules = {row.claim: row.rule for row in table.rows() if row.source in ("Fig. 1", "Fig. 11")}
    other = {said: rule for said, rule in rules.items() if said.startswith("BF-CNN, N = 1")}
    few = {said.removeprefix("BF-CNN, ") for said in other} - {
        "N = 10,000: training and held-out PSNR are equal"
    }
    assert {"N = 1", "N = 10", "N = 100"} == {said.partition(":")[0] for said in few}
    for said in few:
        assert other[f"BF-CNN, {said}"] == rules[said.replace("N = 100:", "N = 10:")]


@pytest.fixture
def made_up(monkeypatch):
    """Seven rows of our own making, in one part: five facts, one of them told in two rows."""
    rows = [
        table.Row("Fig. 1", "a < b", "a at most 2", "1", "+1", "faces", "holds", fact="b is large"),
        table.Row("Fig. 1, bottom", "c", "c is 3", "5", "-2", "faces", "differs", "Too few `pixels`.", "c"),
        table.Row("Fig. 2", "d", "d is 1", "1", "0", "faces", "unclear", "Too few `pixels`.", "d"),
        table.Row("Fig. 2", "e", "", "", "", "none", "not comparable", fact="e"),
        table.Row("Fig. 3", "b > 0", "b at least 0", "-1", "-1", "discs", "differs", "No.", "b is large"),
        table.Row("Fig. 3", "b + 0 = b", "to 1 %", "1", "+1", "discs", "holds", fact="theorem"),
        table.Row("Fig. 3", "f", "f is 1", "1", "0", "discs", "holds", fact="f"),
    ]
    monkeypatch.setattr(table, "PARTS", {"Section 2: one": ()})
    monkeypatch.setattr(table, "rows", lambda part=None: rows)


def test_the_summary_counts_what_holds_is_open_and_differs(made_up):
    shown = layout.summary()
    assert "**Of 4 facts 1 hold, 1 hold in part, 1 are open, 1 differ.**" in shown
    assert "in 7 rows, of which 3 hold, 2 are open or not comparable and 2 differ; 1 rows are" in shown
    assert "| Section 2: one | 1 | 1 | 1 | 1 |" in shown
    assert "- Fig. 1, Fig. 2 (1 differs and 1 unclear): Too few `pixels`." in shown
    counted = re.findall(r"<strong>(\d+)</strong> ([\w ]+)<", layout.counts())
    assert counted == [("1", "hold"), ("1", "hold in part"), ("1", "are open"), ("1", "differ")]
    assert "1 of 4 hold" in layout.counts()


def test_what_training_changed_is_a_verdict_that_differs(made_up, monkeypatch, tmp_path):
    rows = [*table.rows(), table.Row("Fig. 2", "d", "d is 1", "1", "0", "clothes", "holds", fact="d")]
    monkeypatch.setattr(table, "rows", lambda part=None: rows)
    old = [("Fig. 1", "a < b", "holds"), ("Fig. 2", "d", "holds"), ("Fig. 9", "gone", "differs")]
    old.append(("Fig. 2", "d", "holds"))  # another row of the same text, whose verdict stays
    keys = ("source", "claim", "verdict")
    first = [dict(zip(keys, row, strict=True)) | {"ours": "7"} for row in old]
    (tmp_path / "old.json").write_text(json.dumps(first))
    monkeypatch.setattr(layout, "FIRST_RECIPE", tmp_path / "old.json")
    shown = layout.changed()
    assert "Of 3 rows that were measured with both, 1 have another verdict." in shown
    assert "| Fig. 2 | d | holds: 7 | unclear: 1 |" in shown and "a < b" not in shown


def test_rows_fold_by_figure_and_can_be_filtered(made_up):
    shown = layout.every()
    html = shown[shown.index('<div class="claims">') :]
    assert "\n\n" not in html.strip()  # a blank line would end the HTML
    assert html.count("<details>") == 3 and html.count("<tr data-state=") == 7
    states = re.findall(r'<tr data-state="(\w+)"', html)
    assert states == ["holds", "differs", "open", "open", "differs", "holds", "holds"]
    assert "a &lt; b" in html and "✗ differs" in html
    assert set(re.findall(r'type="radio" name="claims" value="(\w+)"', html)) == {
        "all",
        "holds",
        "open",
        "differs",
    }


def test_a_row_says_that_it_is_not_counted_or_shares_a_fact(made_up):
    shown = re.findall(r"<tr .*?</tr>", layout.every())
    marks = [re.findall(r'<span class="claims-mark">(.*?)</span>', row) for row in shown]
    shared = ["one fact in 2 rows: b is large"]
    assert marks == [shared, [], [], ["not counted"], shared, ["not counted: theorem"], []]


def test_all_rows_that_are_not_counted_or_share_a_fact_are_marked():
    rows, shown = table.rows(), layout.every()
    for kind in table.UNCOUNTED:
        assert shown.count(f">not counted: {kind}<") == sum(row.fact == kind for row in rows) > 0
    told = [row.fact for row in rows if table.counted(row)]
    assert shown.count(">one fact in ") == sum(told.count(fact) > 1 for fact in told) > 0
    assert shown.count("one fact in 9 rows: the slopes are alpha / (alpha + 1)<") == 9


def test_a_fact_of_which_no_row_holds_does_not_hold_in_part():
    row = table.Row("Fig. 1", "a", "a is 1", "1", "0", "faces", "unclear", "", "f")
    assert table.facts([row, row._replace(verdict="differs")]) == {"f": "open"}
    assert table.facts([row, row._replace(verdict="holds")]) == {"f": "in part"}


def test_every_verdict_has_a_sign():
    assert layout.SIGNS.keys() == table.VERDICTS.keys()
