"""The parts of a fingerprint become SQL clauses."""

from __future__ import annotations

import pytest

from proxy.analysis.fingerprint import OrderItem, parse_fingerprint
from proxy.fixes.sql.clauses import (
    array_type,
    columns_sql,
    conditions_sql,
    expression,
    finish_statement,
    key_sql,
    order_sql,
    select_sql,
    table_sql,
    unsupported_conditions,
    where_sql,
    with_direction,
)

SHOWN = parse_fingerprint("GET t?a=eq.?&b=is.null&c=in.?&d=fts.?&or=(e.eq.?,\nf.eq.?)&limit=?&order=g.desc.nullslast")


def test_numbers_continue_and_conditions_without_a_value_have_none() -> None:
    assert conditions_sql(SHOWN.filters) == (["a = $1", "b is null", "c = ANY($2)"], 2)
    assert conditions_sql(SHOWN.filters, 4) == (["a = $5", "b is null", "c = ANY($6)"], 6)


def test_unsupported_conditions_are_one_line_each() -> None:
    assert unsupported_conditions(SHOWN, SHOWN.filters) == ["or=(e.eq.?, f.eq.?)", "d=fts"]


def test_the_clauses_are_in_the_order_of_sql() -> None:
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


def test_a_semicolon_is_not_inside_a_comment() -> None:
    assert finish_statement(["select 1"]) == "select 1;"
    assert finish_statement(["select 1", "  -- and x"]) == "select 1\n  -- and x\n;"


def test_a_json_path_is_an_expression_with_quoted_steps() -> None:
    assert expression("Data->a->0->>it's") == "\"Data\" -> 'a' -> 0 ->> 'it''s'"
    assert with_direction("(x)", OrderItem("x", True, "nullsfirst")) == "(x) desc nulls first"
    assert order_sql(OrderItem("data->>k", False, "")) == "data ->> 'k'"


@pytest.mark.parametrize(
    ("select", "key", "columns"),
    [("a,b", "", "a, b"), ("a", "id", "id, a"), ("id,a", "id", "id, a"), ("*", "id", "*"), ("a,k(*)", "id", "*")],
)
def test_the_columns_are_those_of_a_plain_list_and_the_key(select: str, key: str, columns: str) -> None:
    assert columns_sql(select, key) == columns


def test_a_key_is_compared_to_an_array_of_its_literal_class() -> None:
    assert key_sql("id", "uuid") == "id = ANY($1::uuid[])"
    assert key_sql("id", "text") == "id = ANY($1)"
    assert (array_type("integer"), array_type("text")) == ("bigint[]", "")


def test_a_schema_is_named_unless_it_is_the_default() -> None:
    assert table_sql(parse_fingerprint("GET t?id=eq.?")) == "t"
    assert table_sql(parse_fingerprint('GET a"b.user?id=eq.?')) == '"a""b"."user"'
