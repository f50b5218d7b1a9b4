"""The parts of a fingerprint as clauses of SQL."""

from __future__ import annotations

import pytest

from proxy.analysis.fingerprint import OrderItem, read_fingerprint
from proxy.fixes.sql.clauses import (
    array_type,
    columns_sql,
    conditions_sql,
    directed,
    expression,
    key_sql,
    order_sql,
    select_sql,
    statement,
    table_sql,
    unsaid,
    where_sql,
)

SHOWN = read_fingerprint("GET t?a=eq.?&b=is.null&c=in.?&d=fts.?&or=(e.eq.?,\nf.eq.?)&limit=?&order=g.desc.nullslast")


def test_conditions_are_numbered_behind_what_is_there_and_only_where_they_have_a_value() -> None:
    assert conditions_sql(SHOWN.filters) == (["a = $1", "b is null", "c = ANY($2)"], 2)
    assert conditions_sql(SHOWN.filters, 4) == (["a = $5", "b is null", "c = ANY($6)"], 6)


def test_what_no_condition_says_is_told_on_one_line_each() -> None:
    assert unsaid(SHOWN, SHOWN.filters) == ["or=(e.eq.?, f.eq.?)", "d=fts"]


def test_the_clauses_come_in_their_order() -> None:
    assert select_sql(SHOWN, "*", ["a = $1", "b is null"], ["d=fts"], SHOWN.order) == [
        "select *",
        "from t",
        "where a = $1",
        "  and b is null",
        "  -- and d=fts",
        "order by g desc nulls last",
    ]
    assert select_sql(SHOWN, "1", []) == ["select 1", "from t"]
    assert where_sql([], ["x"]) == ["  -- and x"]


def test_a_semicolon_is_no_part_of_a_comment() -> None:
    assert statement(["select 1"]) == "select 1;"
    assert statement(["select 1", "  -- and x"]) == "select 1\n  -- and x\n;"


def test_a_path_into_json_is_an_expression_with_its_steps_quoted() -> None:
    assert expression("Data->a->0->>it's") == "\"Data\" -> 'a' -> 0 ->> 'it''s'"
    assert directed("(x)", OrderItem("x", True, "nullsfirst")) == "(x) desc nulls first"
    assert order_sql(OrderItem("data->>k", False, "")) == "data ->> 'k'"


@pytest.mark.parametrize(
    ("select", "key", "columns"),
    [("a,b", "", "a, b"), ("a", "id", "id, a"), ("id,a", "id", "id, a"), ("*", "id", "*"), ("a,k(*)", "id", "*")],
)
def test_the_columns_are_those_of_a_plain_list_and_the_key(select: str, key: str, columns: str) -> None:
    assert columns_sql(select, key) == columns


def test_a_key_is_compared_to_an_array_of_what_its_literals_look_like() -> None:
    assert key_sql("id", "uuid") == "id = ANY($1::uuid[])"
    assert key_sql("id", "text") == "id = ANY($1)"
    assert (array_type("integer"), array_type("text")) == ("bigint[]", "")


def test_a_schema_is_named_where_it_is_not_the_first() -> None:
    assert table_sql(read_fingerprint("GET t?id=eq.?")) == "t"
    assert table_sql(read_fingerprint('GET a"b.user?id=eq.?')) == '"a""b"."user"'
