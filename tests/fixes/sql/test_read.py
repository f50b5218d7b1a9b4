"""The SQL of a read parses and numbers its values."""

from __future__ import annotations

import sqlglot

from proxy.analysis.fingerprint import parse_fingerprint
from proxy.fixes.sql.read import estimate_sql, read_sql, subquery_sql


def parsed(text: str) -> str:
    sqlglot.parse_one(text, dialect="postgres")
    return text


def sql(fingerprint: str) -> str:
    return parsed(read_sql(parse_fingerprint(fingerprint)))


def test_a_read_has_select_filters_and_order() -> None:
    assert sql("GET t") == "select *\nfrom t;"
    assert sql("GET t?select=id,title&a=eq.?&b=is.null&c=in.?&order=at.desc.nullslast,id&limit=?") == (
        "select id, title\nfrom t\nwhere a = $1\n  and b is null\n  and c = ANY($2)\norder by at desc nulls last, id"
        "\nlimit $3;"
    )


def test_a_subquery_continues_the_numbers_and_keeps_limit_and_offset() -> None:
    lines, values = subquery_sql(parse_fingerprint("GET t?a=eq.?&order=at&limit=?&offset=?"), 2)
    assert (lines[-4:], values) == (["where a = $3", "order by at", "limit $4", "offset $5"], 5)


def test_a_head_counts_rows() -> None:
    assert sql("HEAD t?select=id&a=eq.?&order=at") == "select count(*)\nfrom t\nwhere a = $1;"


def test_a_dollar_in_a_name_is_not_a_placeholder() -> None:
    assert 'where "a$1" = $1\n  and c = $2' in sql("GET t?a$1=eq.?&c=eq.?")


def test_an_estimate_is_a_plan() -> None:
    assert estimate_sql(parse_fingerprint("GET t?select=a&b=is.null&order=a")) == (
        'explain (format json)\nselect 1\nfrom t\nwhere b is null;\n-- "Plan Rows" at the top is the estimate'
    )
