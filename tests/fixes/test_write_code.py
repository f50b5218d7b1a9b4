"""Writes of many rows in JavaScript, Python and SQL: code that parses, whatever the names."""

from __future__ import annotations

import subprocess

import pytest
import sqlglot

from proxy.analysis.fingerprint import conflict_of, read_fingerprint
from proxy.fixes.sql.write import batch_write_sql, each_its_own_sql, rows_sql
from proxy.fixes.write_code import (
    batch_write_js,
    batch_write_py,
    rows_js,
    rows_py,
    write_name,
)

SHAPES = (
    "PATCH videos?id=eq.?&status=eq.?&x=fts.?&a=is.null&select=*",
    "DELETE t?class=eq.?&changes=eq.?&classs=lt.?&or=(a.eq.?,\u2028b.is.null)",
    'PATCH the "order"\n?Id=eq.?&it\'s a column=eq.?&\\=eq.?',
)
POSTS = ("POST t", "POST order?on_conflict=user,Group&select=a,b", 'POST "\n?on_conflict=a b')


def is_javascript(code: str) -> bool:
    command = ["node", "--input-type=module", "--check", "-"]
    return subprocess.run(command, input=code, text=True, capture_output=True, check=False).returncode == 0


@pytest.mark.parametrize("shape", SHAPES)
def test_a_write_by_keys_parses(shape: str) -> None:
    shown = read_fingerprint(shape)
    key = shown.filters[0].column
    assert is_javascript(batch_write_js(shown, key, True) + rows_js(shown, key, True))
    compile(batch_write_py(shown, key) + "\n" + rows_py(shown, key), "fix", "exec")
    assert len(sqlglot.parse(batch_write_sql(shown, key, "uuid"), dialect="postgres")) == 1
    assert len(sqlglot.parse(each_its_own_sql(shown, key), dialect="postgres")) == 1


@pytest.mark.parametrize("shape", POSTS)
def test_a_write_of_rows_parses(shape: str) -> None:
    shown = read_fingerprint(shape)
    conflict = conflict_of(shown)
    assert is_javascript(rows_js(shown, conflict, False))
    compile(rows_py(shown, conflict), "fix", "exec")
    assert len(sqlglot.parse(rows_sql(shown, conflict), dialect="postgres")) == 1


def test_names_say_what_is_done_to_what_by_what() -> None:
    for shape, key, name in (
        (SHAPES[0], "id", "updateVideosByIds"),
        ("DELETE videos?tracking_id=eq.?", "tracking_id", "deleteVideosByTrackingIds"),
        ("POST videos", "", "insertVideos"),
        ("POST videos?on_conflict=id", "", "upsertVideos"),
    ):
        assert write_name(read_fingerprint(shape), key) == name


def test_rows_are_given_back_where_they_are_wanted() -> None:
    shown = read_fingerprint("PATCH videos?id=eq.?&select=id,status")
    assert '.select("id,status");\n' in batch_write_js(shown, "id", True)
    assert ".select" not in batch_write_js(shown, "id", False)


def test_the_columns_that_tell_a_row_are_the_applications_own() -> None:
    shown = read_fingerprint("POST monthly_tracking?on_conflict=month,creator_id")
    assert '.upsert(rows, { onConflict: "month,creator_id" });' in rows_js(shown, conflict_of(shown), False)
    assert '.upsert(rows, on_conflict="month,creator_id")' in rows_py(shown, conflict_of(shown))
    assert "on conflict (month, creator_id)\ndo update set" in rows_sql(shown, conflict_of(shown))


def test_other_conditions_keep_their_numbers() -> None:
    shown = read_fingerprint("PATCH t?a=eq.?&id=eq.?&b=is.null&c=gt.?&d=fts.?")
    sql = batch_write_sql(shown, "id", "")
    assert "where id = ANY($1)\n  and a = $3\n  and b is null\n  and c > $4\n  -- and d=fts\n;" in sql


def test_a_write_names_its_schema_where_it_is_not_the_first() -> None:
    shown, rows = read_fingerprint("PATCH private.t?id=eq.?"), read_fingerprint("POST private.t")
    for script in (batch_write_js(shown, "id", False), rows_js(rows, "", False)):
        assert 'supabase.schema("private").from("t")' in script.replace("\n    ", "")
    for python in (batch_write_py(shown, "id"), rows_py(rows, "")):
        assert 'supabase.schema("private").table("t")' in python
    for sql in (batch_write_sql(shown, "id", ""), each_its_own_sql(shown, "id"), rows_sql(rows, "id")):
        assert "private.t" in sql
        assert len(sqlglot.parse(sql, dialect="postgres")) == 1
