"""Writes of many rows are one statement of SQL, with the values numbered in their order."""

from __future__ import annotations

import sqlglot

from proxy.analysis.fingerprint import parse_fingerprint
from proxy.fixes.sql.write import batch_write_sql, row_write_sql, rows_sql, update_each_sql
from tests.fixes.seen import seen


def parsed(text: str) -> str:
    """The same text, which is SQL."""
    sqlglot.parse_one(text, dialect="postgres")
    return text


def test_an_update_for_an_array_of_keys_sets_its_value_behind_the_keys() -> None:
    assert parsed(batch_write_sql(seen("PATCH videos?id=eq.?&status=eq.?", "id"))) == (
        "update videos\nset changed_column = $2 -- and the other columns of the body\n"
        "where id = ANY($1)\n  and status = $3;"
    )


def test_a_delete_for_an_array_of_keys_sets_nothing() -> None:
    assert parsed(batch_write_sql(seen("DELETE videos?id=eq.?&status=eq.?", "id"))) == (
        "delete\nfrom videos\nwhere id = ANY($1)\n  and status = $2;"
    )


def test_one_write_keeps_all_its_conditions() -> None:
    assert parsed(row_write_sql(parse_fingerprint("DELETE videos?id=eq.?"))).endswith("where id = $1;")
    assert "where id = $2" in parsed(row_write_sql(parse_fingerprint("PATCH videos?id=eq.?")))


def test_rows_with_values_of_their_own_are_updated_from_one_array() -> None:
    text = parsed(update_each_sql(seen("PATCH videos?id=eq.?&a=not.eq.?", "id")))
    assert "from jsonb_populate_recordset(null::videos, $1::jsonb) as given" in text
    assert text.endswith("where videos.id = given.id\n  and not (videos.a = $2);")


def test_an_insert_updates_on_a_conflict_only_where_one_is_named() -> None:
    assert "on conflict" not in parsed(rows_sql(parse_fingerprint("POST videos"), ""))
    text = parsed(rows_sql(parse_fingerprint("POST videos?on_conflict=month, creator_id"), ""))
    assert "insert into videos (month, creator_id, changed_column)" in text
    assert "on conflict (month, creator_id)\ndo update set changed_column = excluded.changed_column;" in text


def test_a_name_that_needs_quotes_has_them() -> None:
    assert 'where videos."user" = given."user";' in update_each_sql(seen("PATCH videos?user=eq.?", "user"))


def test_rows_are_skipped_by_the_columns_that_the_calls_name_and_not_by_any_other_key() -> None:
    skip = "resolution=ignore-duplicates"
    named = rows_sql(parse_fingerprint("POST t?on_conflict=code"), skip, ("id",))
    assert named.endswith("on conflict (code)\ndo nothing;")
    assert rows_sql(parse_fingerprint("POST t"), skip, ("id",)).endswith("on conflict (id)\ndo nothing;")
