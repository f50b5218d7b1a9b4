"""Columns, literals and operators as SQL expressions, quoted and without control characters."""

from __future__ import annotations

import pytest
import sqlglot
from hypothesis import given
from hypothesis import strategies as st
from sqlglot import exp

from tests.sql.factories import sql, statement


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


def test_sql_keywords_are_quoted_as_names() -> None:
    assert (
        statement("/order?select=user&group=eq.1")
        == 'SELECT "order"."user" FROM "order" WHERE "order"."group" = \'1\';'
    )


def test_a_path_into_a_column_that_is_not_json_starts_at_to_jsonb() -> None:
    assert statement("/t?select=a->b", a="hstore") == "SELECT to_jsonb(t.a) -> 'b' AS b FROM t;"
    assert not sql("/t?select=a->b", a="jsonb").notes
    assert "to_jsonb" in sql("/t?select=a->b").notes[0]
