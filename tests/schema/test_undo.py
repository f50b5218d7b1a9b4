"""What undoes a fix is printed with it, and is never run with it."""

from __future__ import annotations

from proxy.schema.undo import with_undo


def test_the_undo_follows_as_a_comment() -> None:
    assert with_undo("drop table a;", "create table a ();") == "drop table a;\n-- undo: create table a ();"


def test_each_line_of_an_undo_is_a_comment() -> None:
    assert with_undo("a;", 'create index "b\nc" on d (e);') == 'a;\n-- undo: create index "b\n-- c" on d (e);'
