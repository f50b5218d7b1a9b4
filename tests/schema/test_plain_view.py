"""Which views show rows and columns of one table, and which of its columns they ask to be null or not."""

from __future__ import annotations

import pytest

from proxy.schema.plain_view import PlainView, plain_view


@pytest.mark.parametrize(
    ("definition", "tests"),
    [
        ("SELECT id, lower(word) AS word FROM private.notes;", ()),
        ("SELECT id FROM notes WHERE (gone IS NULL);", (("gone", True),)),
        (
            'SELECT id FROM notes n WHERE ((n."Gone" IS NOT NULL) AND (a = 1) AND (b IS NULL))',
            (("Gone", False), ("b", True)),
        ),
        ("SELECT id FROM notes WHERE ((gone IS NULL) OR (a IS NULL))", ()),
        ("SELECT id FROM notes WHERE (NOT ((gone IS NULL) AND (a IS NULL)))", ()),
        ("SELECT id FROM notes WHERE (sent IS TRUE)", ()),
        ("SELECT id FROM notes WHERE (lower(word) IS NULL)", ()),
    ],
)
def test_a_plain_view_has_the_conditions_on_null_that_must_hold(
    definition: str, tests: tuple[tuple[str, bool], ...]
) -> None:
    assert plain_view(definition) == PlainView(tests)


@pytest.mark.parametrize(
    "definition",
    [
        "SELECT a, count(*) AS n FROM t GROUP BY a",
        "SELECT max(a) AS a FROM t",
        "SELECT DISTINCT a FROM t",
        "SELECT a FROM t LIMIT 5",
        "SELECT a, row_number() OVER (ORDER BY a) AS n FROM t",
        "SELECT t.a FROM (t JOIN s ON (t.id = s.id))",
        "SELECT t.a FROM t, s",
        "SELECT a FROM t UNION ALL SELECT a FROM t",
        "SELECT a FROM (SELECT a FROM t OFFSET 0) s",
        "SELECT a FROM t WHERE (EXISTS ( SELECT 1 FROM t s))",
        "WITH s AS (SELECT a FROM t) SELECT a FROM s",
        "VALUES (1)",
        "no query (",
    ],
)
def test_a_view_that_does_more_with_rows_is_none(definition: str) -> None:
    assert plain_view(definition) is None
