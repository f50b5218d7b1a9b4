"""The SQL of a request: readable and quoted, with notes on what it leaves out."""

from __future__ import annotations

import pytest
import sqlglot
from sqlglot import exp

from proxy.postgrest.request.api_request import read_api_request
from proxy.sql.statement import sql_of
from tests.sql.factories import sql


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


@pytest.mark.parametrize(
    "target", ["/t?%22a%0Ab%22=eq.1", "/t%1B[31m?a=eq.1", "/t?select=a::x$$", "/t?select=a::x%20%20y"]
)
def test_a_part_that_cannot_be_written_safely_gives_no_statement(target: str) -> None:
    result = sql(target)
    assert not result.statement
    assert result.notes[-1].startswith("No SQL is written for ")


def test_other_methods_have_no_statement() -> None:
    assert not sql("/t", b"OPTIONS").statement
