"""Aggregates in ``select``: certain ones, and names that are aggregates unless there is such a column."""

from __future__ import annotations

import pytest

from proxy.postgrest.request.aggregates import aggregate_names, counted_name, has_aggregate


@pytest.mark.parametrize(
    "value",
    ["count()", "id,n:count()", "a.sum()", "a::int.max()::text", "id,...kid(n.avg())", "(()"],
)
def test_a_function_over_the_rows_of_the_relation_is_an_aggregate(value: str) -> None:
    assert has_aggregate(value.encode())


@pytest.mark.parametrize(
    "value", ["id", "kid!inner()", "id,kid()", "*,k:kid!fk!inner()", "...kid()", "id,kid(count())", "id,kid(n.sum())"]
)
def test_an_empty_embed_and_an_aggregate_inside_an_embed_are_none(value: str) -> None:
    assert not has_aggregate(value.encode())


@pytest.mark.parametrize(
    ("value", "names"),
    [
        ("count", ["count"]),
        (' n:count::text,"count"', ["count"]),
        ("json_agg,count", ["json_agg", "count"]),
        ("count->x", ["count"]),
        ("counted,a_count,id", []),
        ("id,kid(count)", []),
        ("count()", []),
        ("id", []),
        ("count,(", []),
    ],
)
def test_names_of_aggregate_functions_are_found(value: str, names: list[str]) -> None:
    assert aggregate_names(value.encode()) == tuple(name.encode() for name in names)


def test_bytes_that_are_no_text_have_no_names() -> None:
    assert aggregate_names(b"count,\xff") == ()
    assert has_aggregate(b"\xff()")


def test_of_a_select_that_is_not_read_every_name_that_it_may_have_is_an_aggregate() -> None:
    deep, wide = b"count,a" + b"(a" * 30 + b")" * 30, b"count," + b"a," * 300
    assert aggregate_names(deep) == aggregate_names(wide) == (b"count",)
    assert has_aggregate(wide + b"kid()")
    assert counted_name(wide) == b""
