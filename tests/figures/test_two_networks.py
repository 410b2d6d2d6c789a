"""Chapter 6's tables, on made-up results."""

import pytest

from gahr.figures.two_networks import twin_table


def test_the_table_of_twins_takes_each_number_from_its_result():
    def results(share, alike):
        curve = {"n": 10, "sigma": [0.1, 0.5], "relative": [share, 2 * share]}
        about = {"n": 10, "measure": "between", "share": "both"}
        rows = [
            about | {"by": by, "values": [alike if by == "centered" else 0.0] * 9}
            for by in ("plain", "centered")
        ]
        return {"rows": [{"n": 100}, curve]}, {"rows": rows}

    text = twin_table(results(0.25, 0.5), results(0.125, 0.75), (10,), (0.5, 0.1)).splitlines()
    assert text[2:] == [
        "| 10 | B | 0.500 | 0.250 | 0.50 (0.50 to 0.50) |",
        "| 10 | its twin | 0.250 | 0.125 | 0.75 (0.75 to 0.75) |",
    ]
    with pytest.raises(KeyError):
        twin_table(results(0.25, 0.5), results(0.125, 0.75), (10,), (0.3,))
