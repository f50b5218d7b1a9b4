"""The SQL of a batch read parses, quotes names and numbers its values."""

from __future__ import annotations

import sqlglot

from proxy.analysis.fingerprint import parse_fingerprint
from proxy.fixes.sql.batch import batch_sql


def sql(fingerprint: str, key: str, kind: str = "uuid") -> str:
    text = batch_sql(parse_fingerprint(fingerprint), key, kind)
    sqlglot.parse_one(text, dialect="postgres")
    return text


def test_the_key_is_compared_to_an_array_of_its_type() -> None:
    assert sql("GET t?id=eq.?", "id") == "select *\nfrom t\nwhere id = ANY($1::uuid[]);"
    assert "id = ANY($1::bigint[])" in sql("GET t?id=eq.?", "id", "integer")
    assert "id = ANY($1)" in sql("GET t?id=eq.?", "id", "")


def test_conditions_without_a_value_have_no_number() -> None:
    text = sql("GET t?a=is.null&id=eq.?&b=gte.?&c=not.is.null&d=ilike.?", "id")
    assert text.splitlines()[2:] == [
        "where id = ANY($1::uuid[])",
        "  and a is null",
        "  and b >= $2",
        "  and c is not null",
        "  and d ilike $3;",
    ]


def test_a_condition_without_a_plain_operator_becomes_a_one_line_comment() -> None:
    text = sql("GET t?id=eq.?&tags=cs.?&or=(a.eq.?,\nb.eq.?)&limit=?", "id")
    assert "  -- and tags=cs" in text
    assert "  -- and limit=?" in text
    assert "  -- and or=(a.eq.?, b.eq.?)" in text


def test_the_key_is_added_to_the_selected_columns() -> None:
    assert sql("GET t?select=name&id=eq.?", "id").startswith("select id, name\n")
    assert sql("GET t?select=id,films(*)&id=eq.?", "id").startswith("select *\n")


def test_order_keeps_direction_and_nulls() -> None:
    assert sql("GET t?id=eq.?&order=a.desc.nullslast,b", "id").endswith("order by a desc nulls last, b;")


def test_a_json_path_is_an_expression() -> None:
    text = sql("GET t?select=*&data->a->0->>k=eq.?&order=data->>k.desc", "data->a->0->>k")
    assert "where data -> 'a' -> 0 ->> 'k' = ANY($1::uuid[])" in text
    assert "order by data ->> 'k' desc" in text


def test_other_conditions_on_the_keys_column_stay() -> None:
    assert "where id = ANY($1::uuid[])\n  and id > $2\n  and id is not null;" in sql(
        "GET t?id=gt.?&id=eq.?&id=not.is.null", "id"
    )
