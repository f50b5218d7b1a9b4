"""A read as a SELECT with its embeds, aggregates, order and counts."""

from __future__ import annotations

from proxy.sql.statement import Sql
from tests.sql.factories import sql, statement


def test_a_read_is_formatted_on_several_lines() -> None:
    assert sql("/t?select=a,b:c::int&id=eq.1&d=not.is.null&order=a.desc,b.nullsfirst&limit=3&offset=4") == Sql(
        "SELECT\n  t.a,\n  CAST(t.c AS int) AS b\nFROM t\nWHERE\n  t.id = '1' AND NOT t.d IS NULL\n"
        "ORDER BY\n  t.a DESC,\n  t.b ASC NULLS FIRST\nLIMIT 3\nOFFSET 4;",
        (),
    )


def test_every_item_that_is_not_an_aggregate_is_grouped_by() -> None:
    result = sql("/t?select=a,b:c,count(),n:d.sum()::text")
    assert " ".join(result.statement.split()) == (
        "SELECT t.a, t.c AS b, count(*), CAST(sum(t.d) AS text) AS n FROM t GROUP BY t.a, b;"
    )
    assert "db-aggregates-enabled" in result.notes[0]


def test_an_embed_is_a_lateral_select_with_a_note_on_its_join_condition() -> None:
    result = sql("/t?select=a,x:r(b)&x.c=eq.1&r.limit=2")
    assert " ".join(result.statement.split()) == (
        "SELECT t.a, coalesce(x_rows.embedded, '[]') AS x FROM t LEFT JOIN LATERAL ("
        " SELECT json_agg(x_row.*) AS embedded"
        " FROM ( SELECT r.b FROM r WHERE foreign_key(r, t) AND r.c = '1' LIMIT 2 ) AS x_row ) AS x_rows ON TRUE;"
    )
    assert result.notes[0].startswith("foreign_key(a, b) stands for")


def test_a_relation_embedded_in_itself_has_another_alias() -> None:
    assert "FROM t AS t_2 WHERE foreign_key(t_2, t)" in statement("/t?select=a,t(b)")


def test_parameters_of_an_unknown_embed_are_noted() -> None:
    assert "PostgREST rejects parameters for 'r'" in sql("/t?select=a&r.b=eq.1").notes[0]


def test_an_order_by_a_column_of_an_embed_is_noted() -> None:
    result = sql("/t?select=a,r(b)&order=r(b).desc,a")
    assert "The order by r(b), a column of an embed, is left out." in result.notes
    assert result.statement.endswith("ORDER BY\n  t.a ASC;")


def test_counts_are_notes() -> None:
    assert sql("/t?a=eq.1&limit=1", b"GET", b"count=exact").notes == (
        "count=exact: the total is counted too, by SELECT count(*) FROM t WHERE t.a = '1'",
    )
    assert "the same FROM and WHERE" in sql("/t?select=r!inner(a)", b"GET", b"count=exact").notes[-1]
    assert "planner" in sql("/t", b"GET", b"count=planned").notes[0]
    assert sql("/t", b"HEAD").notes == ("HEAD: the rows are counted for Content-Range, and not sent.",)
