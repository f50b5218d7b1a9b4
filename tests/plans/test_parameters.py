"""Values that stand for those of recordings: common, median and absent ones, and constants found by their hash."""

from __future__ import annotations

from hashlib import blake2b
from typing import TYPE_CHECKING

import msgspec
import pytest

from proxy.plans.parameters import ColumnFacts, Representatives, constants, representatives

if TYPE_CHECKING:
    from collections.abc import Sequence


class Statistics(msgspec.Struct, frozen=True):
    common_values: tuple[str, ...] = ()
    common_frequencies: tuple[float, ...] = ()
    histogram: tuple[str, ...] = ()


class Filter(msgspec.Struct, frozen=True):
    number: int
    column: str
    operator: str = "eq"
    path: str = ""
    is_array: bool = False
    table: tuple[str, str] = ("app", "item")


FACTS = {
    "status": ColumnFacts("text", Statistics(("open", "done", "it's"), (0.6, 0.3, 0.1))),
    "id": ColumnFacts("integer", Statistics(histogram=("1", "50", "99"))),
    "small": ColumnFacts("smallint", Statistics(("32767",), (1.0,))),
    "at": ColumnFacts("timestamp with time zone", Statistics(histogram=("2024-01-01", "2024-06-01", "2025-01-01"))),
    "owner": ColumnFacts("uuid", Statistics(histogram=("a", "b"))),
    "flag": ColumnFacts("boolean", Statistics(("t", "f"), (0.9, 0.1))),
    "facts": ColumnFacts("jsonb", Statistics()),
    "tags": ColumnFacts("text[]"),
    "new": ColumnFacts("integer"),
}
SALT = b"0123456789abcdef"


def of(*filters: Filter, known: dict[int, str] | None = None) -> Representatives:
    return representatives(filters, lambda _, column: FACTS.get(column), known)


def values(one: Filter) -> dict[str, str]:
    return {found.label: found.values[one.number] for found in of(one).sets}


@pytest.mark.parametrize(
    ("one", "expected"),
    [
        (Filter(1, "status"), ["open", "done", "fanin-absent"]),
        (Filter(1, "id"), ["1", "50", "100"]),
        (Filter(1, "id", "lt"), ["1", "50", "0"]),
        (Filter(1, "id", "gte"), ["1", "50", "100"]),
        (Filter(1, "at", "gt"), ["2024-01-01", "2024-06-01", "2200-01-01"]),
        (Filter(1, "at", "lte"), ["2024-01-01", "2024-06-01", "1900-01-01"]),
        (Filter(1, "owner"), ["a", "b", "f0000000-0000-4000-8000-00000000000f"]),
        (Filter(1, "status", "like"), ["op%", "do%", "fanin-%"]),
        (Filter(1, "status", "ilike"), ["%pe%", "%on%", "%in-abs%"]),
    ],
)
def test_a_common_a_median_and_an_absent_value_stand_for_a_literal(one: Filter, expected: list[str]) -> None:
    assert list(values(one).values())[:2] == expected[:2]
    if one.operator != "ilike":
        assert values(one)["absent"] == expected[2]


def test_a_list_has_several_values() -> None:
    one = Filter(1, "status", "in", is_array=True)
    assert values(one)["most common"] == '{"open","done","it\'s"}'
    assert values(one)["absent"] == '{"fanin-absent"}'


def test_equal_sets_are_made_once_and_an_absent_number_fits_its_type() -> None:
    assert values(Filter(1, "small")) == {"most common": "32767"}
    assert values(Filter(1, "flag")) == {"most common": "t", "median": "f"}


@pytest.mark.parametrize(
    ("one", "value"),
    [
        (Filter(1, "facts", path="->>a"), "fanin-absent"),
        (Filter(1, "facts", path="->a"), '"fanin-absent"'),
        (Filter(1, "facts", "cs"), '{"fanin-absent": 1}'),
        (Filter(1, "tags", "ov"), '{"fanin-absent"}'),
        (Filter(1, "new"), "0"),
        (Filter(1, "new", "in", is_array=True), '{"0"}'),
        (Filter(1, "unknown", "wfts"), "fanin-absent"),
    ],
)
def test_a_column_without_statistics_has_a_made_up_value_and_is_named(one: Filter, value: str) -> None:
    made = of(one)
    assert [found.values for found in made.sets] == [{1: value}]
    assert made.guessed == (one.column + one.path,)


def test_a_type_without_a_known_value_is_named() -> None:
    made = representatives([Filter(1, "mood")], lambda _, column: ColumnFacts("app.mood"))
    assert made.missing == ("mood",)


def test_a_recognised_constant_is_in_every_set() -> None:
    made = of(Filter(1, "status"), Filter(2, "id"), known={1: ""})
    assert [found.values for found in made.sets] == [{1: "", 2: "1"}, {1: "", 2: "50"}, {1: "", 2: "100"}]
    assert made.constant == ("status",)


def hashed(text: str) -> int:
    return int.from_bytes(blake2b(text.encode(), digest_size=8, key=SALT).digest(), "big")


def found(filters: list[Filter], params: list[str], calls: Sequence[tuple[int, ...]]) -> dict[int, str]:
    return constants(filters, params, calls, SALT, lambda _, column: FACTS.get(column))


def test_a_literal_that_is_the_same_in_all_calls_is_found_by_its_hash() -> None:
    params = ["select=id", "status=eq.?", "id=eq.?"]
    calls = [(0, hashed("open"), hashed("7")), (0, hashed("open"), hashed("8"))]
    assert found([Filter(1, "status"), Filter(2, "id")], params, calls) == {1: "open"}


@pytest.mark.parametrize(("column", "sent", "value"), [("flag", "true", "true"), ("status", "it%27s", "it's")])
def test_the_spelling_of_the_request_may_differ(column: str, sent: str, value: str) -> None:
    assert found([Filter(1, column)], [f"{column}=eq.?"], [(hashed(sent),)]) == {1: value}


def test_another_literal_and_one_that_varies_are_not_found() -> None:
    params = ["status=eq.?"]
    assert found([Filter(1, "status")], params, [(hashed("lost"),)]) == {}
    assert found([Filter(1, "status")], params, [(hashed("open"),), (hashed("done"),)]) == {}
    assert found([Filter(1, "status")], params, []) == {}
    assert found([Filter(1, "status")], [*params, "status=eq.?"], [(hashed("open"), hashed("open"))]) == {}
    assert found([Filter(1, "status")], ["kids.status=not.eq.?"], [(hashed("open"),)]) == {1: "open"}
