"""The SQL of a page starts after the last row, whatever its nulls."""

from __future__ import annotations

import sqlglot

from proxy.analysis.fingerprint import parse_fingerprint
from proxy.fixes.reads.page_code import Seek
from proxy.fixes.sql.page import next_page_sql


def test_a_page_starts_after_the_last_key_of_the_previous_page() -> None:
    sql = next_page_sql(parse_fingerprint("GET t?select=title&a=eq.?"), Seek(("id",)), 1000)
    assert sql == (
        "select id, title\nfrom t\nwhere a = $1\n  and id > $2\norder by id\nlimit 1000;\n"
        "-- $2: id of the last row; omit the condition for the first page"
    )
    assert "where id > $1\norder by id\nlimit $2;" in next_page_sql(parse_fingerprint("GET t"), Seek(("id",)))


def test_columns_of_the_order_are_compared_one_by_one_with_their_nulls() -> None:
    sql = next_page_sql(parse_fingerprint("GET videos?select=name&order=a.desc,b"), Seek(("id",)))
    sqlglot.parse_one(sql, dialect="postgres")
    assert sql.startswith("select a, b, id, name\n")
    assert "((a < $1 or (a is not null and $1 is null))" in sql
    assert "a is not distinct from $1 and (b > $2 or (b is null and $2 is not null))" in sql
    assert "b is not distinct from $2 and id > $3" in sql


def test_columns_without_nulls_are_compared_as_a_row() -> None:
    same, mixed = (parse_fingerprint(f"GET t?order=a.desc,b{direction}") for direction in (".desc", ""))
    seek = Seek(("id",), ("a", "b"))
    assert "where (a, b, id) < ($1, $2, $3)\n" in next_page_sql(same, seek)
    assert "where (a < $1 or a = $1 and b > $2 or a = $1 and b = $2 and id > $3)\n" in next_page_sql(mixed, seek)
