"""The SQL of a batch read parses, quotes names and numbers its values."""

from __future__ import annotations

import sqlglot

from proxy.fixes.loops.batch_code import batch_fix
from proxy.fixes.sql.batch import counts_sql, first_rows_sql, takes_keys
from tests.fixes.seen import seen


def sql(fingerprint: str, key: str, kind: str = "uuid") -> str:
    text = batch_fix(seen(fingerprint, key, kind=kind), many=True).sql
    sqlglot.parse_one(text, dialect="postgres")
    return text


def test_the_key_is_compared_to_an_array_of_its_columns_type() -> None:
    for kind in ("uuid", "integer", "text"):
        assert sql("GET t?id=eq.?", "id", kind) == "select *\nfrom t\nwhere id = ANY($1);"


def test_conditions_without_a_value_have_no_number() -> None:
    text = sql("GET t?a=is.null&id=eq.?&b=gte.?&c=not.is.null&d=ilike.?&e=not.is.true&f=not.in.?", "id")
    assert text.splitlines()[2:] == [
        "where id = ANY($1)",
        "  and a is null",
        "  and b >= $2",
        "  and not (c is null)",
        "  and d ilike replace($3, '*', '%')",
        "  and not (e is true)",
        "  and not (f = ANY($4));",
    ]


def test_a_condition_without_a_plain_operator_has_no_sql_and_a_reason() -> None:
    fix = batch_fix(seen("GET t?id=eq.?&tags=cs.?&or=(a.eq.?,\nb.eq.?)", "id"), many=True)
    assert fix.sql == ""
    assert fix.reason == "No SQL: or=(a.eq.?, b.eq.?), tags=cs has no plain SQL operator."


def test_a_key_that_is_not_selected_is_added_under_a_name_of_its_own() -> None:
    assert sql("GET t?select=name&id=eq.?", "id").startswith("select id as _key, name\n")
    assert sql("GET t?select=a:name,b::text,d->>k&id=eq.?", "id").startswith(
        "select id as _key, name as a, (b)::text as b, d ->> 'k' as k\n"
    )


def test_order_keeps_direction_and_nulls_and_means_the_columns_of_the_table() -> None:
    assert sql("GET t?id=eq.?&order=a.desc.nullslast,b", "id").endswith("order by a desc nulls last, b;")
    assert sql("GET t?select=id,a::text&id=eq.?&order=a", "id").endswith("order by t.a;")


def test_a_json_path_is_an_expression() -> None:
    text = sql("GET t?select=*&data->a->0->>k=eq.?&order=data->>k.desc", "data->a->0->>k")
    assert "where data -> 'a' -> 0 ->> 'k' = ANY($1)" in text
    assert "order by t.data ->> 'k' desc" in text


def test_other_conditions_on_the_keys_column_stay() -> None:
    assert "where id = ANY($1)\n  and id > $2\n  and not (id is null);" in sql(
        "GET t?id=gt.?&id=eq.?&id=not.is.null", "id"
    )


def test_a_function_of_first_rows_has_every_condition_inside_and_a_body_that_no_name_ends() -> None:
    text = first_rows_sql(seen("GET a$$b?k=eq.?&s=neq.?&x=is.null&order=at&limit=?", "k", limit=2), "f")
    assert "where t.k = given.k\n      and t.s <> given.s\n      and t.x is null\n" in text
    mark = text.partition(" as ")[2].partition("\n")[0]
    assert text.endswith(f"{mark};")
    assert text.count(mark) == 2


def test_a_function_of_counts_returns_the_keys_with_their_counts() -> None:
    text = counts_sql(seen("HEAD likes?post_id=eq.?&kind=eq.?", "post_id"), "f")
    assert "'post_id', given.post_id" in text
    assert "(select count(*) from likes as t" in text


def test_lists_twice_named_columns_and_embeds_do_not_fit_into_an_object_per_key() -> None:
    for shape, fits in (
        ("GET t?a=eq.?&b=gt.?", True),
        ("GET t?a=eq.?&a=gt.?", False),
        ("GET t?a=eq.?&b=in.?", False),
        ("GET t?a=eq.?&d->>k=eq.?", False),
        ("GET t?a=eq.?&b=fts.?", False),
        ("GET t?a=eq.?&kids=not.is.null", False),
    ):
        assert takes_keys(seen(shape, "a").parsed.filters, {"kids"}) is fits
