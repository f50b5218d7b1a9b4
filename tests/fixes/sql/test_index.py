"""The index of a query has equality columns first, then its order or one range column."""

from __future__ import annotations

import pytest
import sqlglot

from proxy.analysis.fingerprint import parse_fingerprint
from proxy.fixes.sql.index import index_sql


@pytest.mark.parametrize(
    ("fingerprint", "columns"),
    [
        ("GET t?a=eq.?", "a"),
        ("GET t?b=gt.?&a=eq.?&c=in.?&order=d.desc.nullslast,e", "a, c, d desc nulls last, e"),
        ("GET t?a=eq.?&b=gte.?&b=lt.?&c=lt.?", "a, b"),
        ("GET t?a=eq.?&a=gt.?&order=a", "a"),
        ("GET t?order=at.desc", "at desc"),
        ("HEAD t?a=eq.?&order=b", "a"),
        ("GET t?gone=is.null&x=fts.?&y=not.eq.?", "gone"),
        ("GET t?data->>k=eq.?&order=id", "(data ->> 'k'), id"),
        ("GET t?Order=eq.?", '"Order"'),
    ],
)
def test_equality_columns_come_before_the_order_or_one_range(fingerprint: str, columns: str) -> None:
    sql = index_sql(parse_fingerprint(fingerprint))
    assert sql == f"create index concurrently on t ({columns});"
    sqlglot.parse_one(sql, dialect="postgres")


def test_a_schema_is_named_unless_it_is_the_default() -> None:
    assert index_sql(parse_fingerprint("GET private.t?a=eq.?")) == "create index concurrently on private.t (a);"


@pytest.mark.parametrize("fingerprint", ["GET t", "GET t?x=ilike.?", "GET t?or=(a.eq.?,b.eq.?)", "GET t?order=k(x)"])
def test_there_is_no_index_if_a_b_tree_does_not_help(fingerprint: str) -> None:
    assert index_sql(parse_fingerprint(fingerprint)) == ""
