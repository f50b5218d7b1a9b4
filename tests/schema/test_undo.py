"""What undoes a fix is printed with it, and is never run with it."""

from __future__ import annotations

import pytest

from proxy.schema.undo import in_a_line, with_undo


def test_the_undo_follows_as_a_comment() -> None:
    assert with_undo("drop table a;", "create table a ();") == "drop table a;\n-- undo: create table a ();"


def test_each_line_of_an_undo_is_a_comment() -> None:
    assert with_undo("a;", 'create index "b\nc" on d (e);') == 'a;\n-- undo: create index "b\n-- c" on d (e);'


@pytest.mark.parametrize(
    ("sql", "line"),
    [
        ("(a\n  OR b)", "(a OR b)"),
        ("(a = 'x  y'::text)", "(a = 'x  y'::text)"),
        ("(a = 'x\ny'::text)", "(a = E'x\\U0000000Ay'::text)"),
        ("(a = 'it''s\ry'::text)", "(a = E'it''s\\U0000000Dy'::text)"),
        ("(a = E'x\\\\\ny'::text)", "(a = E'x\\\\\\U0000000Ay'::text)"),
        ("(a = E'\\'\n')", "(a = E'\\'\\U0000000A')"),
        ('("a\n""b" = 1)', '(U&"a\\+00000A""b" = 1)'),
        ("(name = 'a' AND more = 'b\n')", "(name = 'a' AND more = E'b\\U0000000A')"),
    ],
)
def test_line_breaks_between_words_become_spaces_and_those_in_literals_and_names_stay(sql: str, line: str) -> None:
    assert in_a_line(sql) == line
