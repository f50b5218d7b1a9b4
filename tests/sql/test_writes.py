"""A write as the outline of its statement, and notes on what the outline does not say."""

from __future__ import annotations

import pytest
import sqlglot

from tests.sql.factories import sql, statement


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
