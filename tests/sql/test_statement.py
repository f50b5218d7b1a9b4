"""The SQL of a request: readable and quoted, with notes on what it leaves out."""

from __future__ import annotations

import pytest
import sqlglot
from hypothesis import given
from hypothesis import strategies as st
from sqlglot import exp

from proxy.postgrest.request.api_request import read_api_request
from proxy.sql.statement import Sql, sql_of


def sql(target: str, method: bytes = b"GET", *prefers: bytes, **types: str) -> Sql:
    request = read_api_request(method, target.encode(), b"", "", prefers, b"")
    assert request is not None
    return sql_of(request, types)


def statement(target: str, method: bytes = b"GET", *prefers: bytes, **types: str) -> str:
    """The statement on one line."""
    return " ".join(sql(target, method, *prefers, **types).statement.split())


def test_a_read_is_formatted_on_several_lines() -> None:
    assert sql("/t?select=a,b:c::int&id=eq.1&d=not.is.null&order=a.desc,b.nullsfirst&limit=3&offset=4") == Sql(
        "SELECT\n  t.a,\n  CAST(t.c AS int) AS b\nFROM t\nWHERE\n  t.id = '1' AND NOT t.d IS NULL\n"
        "ORDER BY\n  t.a DESC,\n  t.b ASC NULLS FIRST\nLIMIT 3\nOFFSET 4;",
        (),
    )


@pytest.mark.parametrize(
    ("param", "condition"),
    [
        ("a=eq.1", "t.a = '1'"),
        ("a=neq.1", "t.a <> '1'"),
        ("a=like.*x*", "t.a LIKE '%x%'"),
        ("a=not.ilike.x", "NOT t.a ILIKE 'x'"),
        ("a=match.^x", "t.a ~ '^x'"),
        ("a=imatch.^x", "t.a ~* '^x'"),
        ("a=in.(1,%22b,c%22)", "t.a IN ('1', 'b,c')"),
        ("a=in.()", "t.a = ANY('{}')"),
        ("a=gt(all).{1,2}", "t.a > ALL('{1,2}')"),
        ("a=is.unknown", "t.a IS UNKNOWN"),
        ("a=is.not_null", "NOT t.a IS NULL"),
        ("a=isdistinct.1", "t.a IS DISTINCT FROM '1'"),
        ("a=fts(german).x", "t.a @@ to_tsquery('german', 'x')"),
        ("a=plfts.x", "t.a @@ plainto_tsquery('x')"),
        ("a=phfts.x", "t.a @@ phraseto_tsquery('x')"),
        ("a=wfts.x", "t.a @@ websearch_to_tsquery('x')"),
        ("a=cs.{1}", "t.a @> '{1}'"),
        ("a=cd.{1}", "t.a <@ '{1}'"),
        ("a=ov.{1}", "t.a && '{1}'"),
        ("a=sl.(1,2)", "t.a << '(1,2)'"),
        ("a=sr.(1,2)", "t.a >> '(1,2)'"),
        ("a=nxr.(1,2)", "t.a &< '(1,2)'"),
        ("a=nxl.(1,2)", "t.a &> '(1,2)'"),
        ("a=adj.(1,2)", "t.a -|- '(1,2)'"),
        ("a->b->>0=eq.x", "t.a -> 'b' ->> 0 = 'x'"),
        ("or=(a.eq.1,not.and(b.eq.2,c.lt.3))", "( t.a = '1' OR NOT ( t.b = '2' AND t.c < '3' ) )"),
        ("not.or=(a.eq.1,b.eq.2)", "NOT ( t.a = '1' OR t.b = '2' )"),
    ],
)
def test_every_operator_is_written(param: str, condition: str) -> None:
    assert statement(f"/t?{param}") == f"SELECT t.* FROM t WHERE {condition};"


def test_the_requested_schema_is_written() -> None:
    request = read_api_request(b"GET", b"/t?a=eq.1", b"", "My shop", (), b"")
    assert request is not None
    assert " ".join(sql_of(request).statement.split()) == "SELECT t.* FROM \"My shop\".t WHERE t.a = '1';"


def test_names_and_literals_cannot_change_the_statement() -> None:
    """Text of a client is one identifier or one constant when the statement is parsed again."""
    evil = "x'; drop table t; --"
    name = 'a"; drop table t; --'
    target = f"/t?select={_quoted(name)}&{_quoted(name)}=eq.{evil}".replace(";", "%3B").replace("#", "%23")
    (tree,) = sqlglot.parse(sql(target).statement, dialect="postgres")
    assert isinstance(tree, exp.Select)
    assert {literal.this for literal in tree.find_all(exp.Literal)} == {evil}
    assert {column.name for column in tree.find_all(exp.Column)} == {name}


def _quoted(name: str) -> str:
    return '"' + name.replace('"', '\\"') + '"'


@given(st.text(st.characters(exclude_characters="\0", exclude_categories=["Cs"]), max_size=20))
def test_a_literal_is_one_constant_on_one_line_without_control_characters(text: str) -> None:
    raw = "".join(f"%{byte:02X}" for byte in text.encode())
    result = sql(f"/t?a=eq.{raw}").statement
    assert all(line.isprintable() for line in result.splitlines())
    (tree,) = sqlglot.parse(result.replace(" E'", " '"), dialect="postgres")
    assert isinstance(tree, exp.Select)
    assert len(list(tree.find_all(exp.Literal))) == 1
    if text.isprintable():
        assert [literal.this for literal in tree.find_all(exp.Literal)] == [text]


@pytest.mark.parametrize(
    ("literal", "written"),
    [
        ("a%0Ab", r"E'a\u000ab'"),
        ("%1B[31m'%5C", r"E'\u001b[31m''\\'"),
        ("%E2%80%AE", r"E'\u202e'"),
        ("a%5Cb", r"'a\b'"),
    ],
)
def test_unprintable_characters_are_escaped(literal: str, written: str) -> None:
    assert statement(f"/t?a=eq.{literal}") == f"SELECT t.* FROM t WHERE t.a = {written};"


@pytest.mark.parametrize(
    "target", ["/t?%22a%0Ab%22=eq.1", "/t%1B[31m?a=eq.1", "/t?select=a::x$$", "/t?select=a::x%20%20y"]
)
def test_a_part_that_cannot_be_written_safely_gives_no_statement(target: str) -> None:
    result = sql(target)
    assert not result.statement
    assert result.notes[-1].startswith("No SQL is written for ")


def test_sql_keywords_are_quoted_as_names() -> None:
    assert (
        statement("/order?select=user&group=eq.1")
        == 'SELECT "order"."user" FROM "order" WHERE "order"."group" = \'1\';'
    )


def test_every_item_that_is_not_an_aggregate_is_grouped_by() -> None:
    result = sql("/t?select=a,b:c,count(),n:d.sum()::text")
    assert " ".join(result.statement.split()) == (
        "SELECT t.a, t.c AS b, count(*), CAST(sum(t.d) AS text) AS n FROM t GROUP BY t.a, b;"
    )
    assert "db-aggregates-enabled" in result.notes[0]


def test_a_path_into_a_column_that_is_not_json_starts_at_to_jsonb() -> None:
    assert statement("/t?select=a->b", a="hstore") == "SELECT to_jsonb(t.a) -> 'b' AS b FROM t;"
    assert not sql("/t?select=a->b", a="jsonb").notes
    assert "to_jsonb" in sql("/t?select=a->b").notes[0]


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


@pytest.mark.parametrize(
    ("method", "target", "prefers", "written"),
    [
        (b"DELETE", "/t?a=eq.1", (), "DELETE FROM t WHERE t.a = '1';"),
        (b"DELETE", "/t?select=b", (b"return=representation",), "DELETE FROM t RETURNING t.b;"),
        (
            b"PATCH",
            "/t?a=eq.1&columns=b",
            (b"return=representation",),
            "UPDATE t SET b = body.b FROM json_populate_record(CAST(NULL AS t), $1) AS body"
            " WHERE t.a = '1' RETURNING t.*;",
        ),
        (
            b"POST",
            "/t",
            (),
            'INSERT INTO t ( "…" ) SELECT body."…" FROM json_populate_recordset(CAST(NULL AS t), $1) AS body;',
        ),
        (
            b"POST",
            "/t?columns=a,b&on_conflict=a",
            (b"resolution=merge-duplicates",),
            "INSERT INTO t ( a, b ) SELECT body.a, body.b FROM json_populate_recordset(CAST(NULL AS t), $1) AS body"
            " ON CONFLICT(a) DO UPDATE SET a = excluded.a, b = excluded.b;",
        ),
        (
            b"POST",
            "/t?columns=a",
            (b"resolution=ignore-duplicates",),
            "INSERT INTO t ( a ) SELECT body.a FROM json_populate_recordset(CAST(NULL AS t), $1) AS body"
            ' ON CONFLICT("primary key") DO NOTHING;',
        ),
    ],
)
def test_a_write_is_an_outline(method: bytes, target: str, prefers: tuple[bytes, ...], written: str) -> None:
    assert statement(target, method, *prefers) == written
    sqlglot.parse_one(written, dialect="postgres")


@pytest.mark.parametrize(
    ("method", "target", "note"),
    [
        (b"POST", "/t", "$1 is the body"),
        (b"PUT", "/t?a=eq.1", '"primary key"'),
        (b"POST", "/t?columns=a", "$1 is the body"),
        (b"DELETE", "/t", "There is no filter: the statement changes every row."),
        (b"DELETE", "/t?a=eq.1&limit=1", "are left out"),
        (b"OPTIONS", "/t", "OPTIONS runs no statement."),
    ],
)
def test_the_outline_of_a_write_has_notes(method: bytes, target: str, note: str) -> None:
    assert any(note in text for text in sql(target, method).notes)


def test_other_methods_have_no_statement() -> None:
    assert not sql("/t", b"OPTIONS").statement
