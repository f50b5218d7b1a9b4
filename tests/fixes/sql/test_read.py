"""The SQL of one read is SQL: its values are numbered, and nothing is left unsaid."""

from __future__ import annotations

import sqlglot

from proxy.analysis.fingerprint import read_fingerprint
from proxy.fixes.sql.read import estimate_sql, narrow_sql, part_sql, read_sql


def parsed(text: str) -> str:
    sqlglot.parse_one(text, dialect="postgres")
    return text


def sql(fingerprint: str) -> str:
    return parsed(read_sql(read_fingerprint(fingerprint)))


def test_a_read_is_its_select_filters_and_order() -> None:
    assert sql("GET t") == "select *\nfrom t;"
    assert sql("GET t?select=id,title&a=eq.?&b=is.null&c=in.?&order=at.desc.nullslast,id&limit=?") == (
        "select id, title\nfrom t\nwhere a = $1\n  and b is null\n  and c = ANY($2)\norder by at desc nulls last, id"
        "\nlimit $3;"
    )


def test_a_part_of_a_larger_one_has_its_own_values_and_as_many_rows_as_the_read() -> None:
    lines, values = part_sql(read_fingerprint("GET t?a=eq.?&order=at&limit=?&offset=?"), 2)
    assert (lines[-4:], values) == (["where a = $3", "order by at", "limit $4", "offset $5"], 5)


def test_fewer_columns_are_of_the_same_rows() -> None:
    assert parsed(narrow_sql(read_fingerprint("GET t?a=eq.?&limit=?"), "id")).endswith("where a = $1\nlimit $2;")


def test_a_head_is_a_count() -> None:
    assert sql("HEAD t?select=id&a=eq.?&order=at") == "select count(*)\nfrom t\nwhere a = $1;"


def test_names_with_a_dollar_do_not_disturb_the_numbers() -> None:
    assert 'where "a$b" = $1\n  and c = $2' in sql("GET t?a$b=eq.?&c=eq.?")


def test_what_has_no_plain_operator_is_named_in_a_comment() -> None:
    assert sql("GET t?a=fts.?&or=(b.eq.?,c.is.null)") == (
        "select *\nfrom t\n  -- and or=(b.eq.?,c.is.null)\n  -- and a=fts\n;"
    )


def test_an_estimate_ends_outside_of_its_comments() -> None:
    text = estimate_sql(read_fingerprint("GET t?select=a&or=(b.is.null)&order=a"))
    assert text == (
        'explain (format json)\nselect 1\nfrom t\n  -- and or=(b.is.null)\n;\n-- "Plan Rows" at the top is the estimate'
    )
