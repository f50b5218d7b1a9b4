"""The parts of a fingerprint become SQL clauses."""

from __future__ import annotations

import pytest

from proxy.analysis.fingerprint import Filter, OrderItem, parse_fingerprint
from proxy.fixes.sql.clauses import (
    columns_sql,
    conditions_sql,
    expression,
    finish_statement,
    key_sql,
    order_sql,
    select_sql,
    sql_reason,
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
    assert select_sql(SHOWN, "*", ["a = $1", "b is null"], SHOWN.order) == [
        "select *",
        "from t",
        "where a = $1",
        "  and b is null",
        "order by g desc nulls last",
    ]
    assert select_sql(SHOWN, "1", []) == ["select 1", "from t"]
    assert where_sql([]) == []


def test_a_semicolon_is_not_inside_a_comment() -> None:
    assert finish_statement(["select 1"]) == "select 1;"
    assert finish_statement(["select 1", "  -- and x"]) == "select 1\n  -- and x\n;"


def test_a_json_path_is_an_expression_with_quoted_steps() -> None:
    assert expression("Data->a->0->>it's") == "\"Data\" -> 'a' -> 0 ->> 'it''s'"
    assert with_direction("(x)", OrderItem("x", True, "nullsfirst")) == "(x) desc nulls first"
    assert order_sql(OrderItem("data->>k", False, "")) == "data ->> 'k'"


@pytest.mark.parametrize(
    ("select", "columns"),
    [
        ("a,b", "a, b"),
        ("*", "*"),
        ("x:a,b::text,d->>k", "a as x, (b)::text as b, d ->> 'k' as k"),
        ("a,k(*)", ""),
        ("count()", ""),
        ("a::text); drop table t --", ""),
    ],
)
def test_the_columns_are_those_of_the_query_or_there_is_no_sql(select: str, columns: str) -> None:
    assert columns_sql(select) == columns


def test_a_column_is_added_under_a_name_of_its_own() -> None:
    assert columns_sql("a", {"_key": "data->>k"}) == "data ->> 'k' as _key, a"


def test_several_keys_are_compared_to_rows_with_the_types_of_the_relation() -> None:
    keys = parse_fingerprint("GET t?a=eq.?&order=eq.?")
    both = (Filter("a", "eq", 0), Filter("order", "eq", 1))
    assert key_sql(both[:1], keys) == "a = ANY($1)"
    assert key_sql(both, keys) == (
        '(a, "order") in (select a, "order" from jsonb_populate_recordset(null::t, $1::jsonb))'
    )


def test_a_query_without_sql_has_a_reason() -> None:
    assert sql_reason(parse_fingerprint("GET t?select=a"), ()) == ""
    assert "foreign keys" in sql_reason(parse_fingerprint("GET t?select=a,k(*)"), ())
    assert "or=(e.eq.?, f.eq.?), d=fts has no plain SQL operator" in sql_reason(SHOWN, SHOWN.filters)


def test_a_schema_is_named_unless_it_is_the_default() -> None:
    assert table_sql(parse_fingerprint("GET t?id=eq.?")) == "t"
    assert table_sql(parse_fingerprint('GET a"b.user?id=eq.?')) == '"a""b"."user"'
