"""The pages say what speed.json has, and a missed target is said with how far it is missed."""

from __future__ import annotations

from proxy.reference.parts import renewed
from tests.bench import page
from tests.bench.load import Spread
from tests.bench.rows import ROWS, Check, Result

LOW = Check("CPU", Spread(50.0, 40.0, 60.0), 45.0, True, "µs")
HIGH = Check("throughput", Spread(5.0, 4.5, 5.5), 4.0, False, "×")


def test_the_pages_are_those_of_the_committed_figures() -> None:
    data = page.read()
    text = page.PAGE.read_text(encoding="utf-8")
    assert renewed(text, page.page_parts(data)) == text, "make docs"
    readme = page.README.read_text(encoding="utf-8")
    assert renewed(readme, {"bench": "\n" + page.checks(data)}) == readme, "make docs"
    assert page.plot(data["rows"]["fan-out"]["figures"]) == page.PLOT.read_text(encoding="utf-8"), "make docs"


def test_every_committed_row_is_one_that_can_be_measured() -> None:
    assert page.read()["rows"].keys() <= ROWS.keys()


def test_a_missed_target_is_said_with_how_far_and_a_met_one_is_said() -> None:
    row = page.plain(Result({}, [LOW, HIGH]))
    assert page.checks({"rows": {"x": row}}).splitlines()[2:] == [
        "| CPU | 50 µs (40 to 60) | ≤ 45 µs | missed by 11.1% |",
        "| throughput | 5 × (4.5 to 5.5) | ≥ 4 × | met |",
    ]


def test_the_plot_has_the_sides_that_have_a_colour_with_their_widths_to_scale() -> None:
    by = {"1 ms": [1.0, 1.0, 1.0], "200 ms": [10.0, 9.0, 12.0]}
    drawn = page.plot({"fanin": by, "another": by})
    assert (drawn.count("<polyline"), ">fanin</text>" in drawn, "another" in drawn) == (1, True, False)
