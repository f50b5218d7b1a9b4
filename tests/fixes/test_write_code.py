"""Writes of many rows parse in JavaScript, Python and SQL for all names."""

from __future__ import annotations

import subprocess

import pytest
import sqlglot

from proxy.analysis.fingerprint import conflict_columns, parse_fingerprint
from proxy.fixes.sql.write import batch_write_sql, rows_sql, update_each_sql
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
def test_a_write_by_keys_parses_for_all_names(shape: str) -> None:
    parsed = parse_fingerprint(shape)
    key = parsed.filters[0].column
    assert is_javascript(batch_write_js(parsed, key, True) + rows_js(parsed, key, True))
    compile(batch_write_py(parsed, key) + "\n" + rows_py(parsed, key), "fix", "exec")
    assert len(sqlglot.parse(batch_write_sql(parsed, key, "uuid"), dialect="postgres")) == 1
    assert len(sqlglot.parse(update_each_sql(parsed, key), dialect="postgres")) == 1


@pytest.mark.parametrize("shape", POSTS)
def test_a_write_of_rows_parses_for_all_names(shape: str) -> None:
    parsed = parse_fingerprint(shape)
    conflict = conflict_columns(parsed)
    assert is_javascript(rows_js(parsed, conflict, False))
    compile(rows_py(parsed, conflict), "fix", "exec")
    assert len(sqlglot.parse(rows_sql(parsed, conflict), dialect="postgres")) == 1


def test_names_consist_of_verb_relation_and_key() -> None:
    for shape, key, name in (
        (SHAPES[0], "id", "updateVideosByIds"),
        ("DELETE videos?tracking_id=eq.?", "tracking_id", "deleteVideosByTrackingIds"),
        ("POST videos", "", "insertVideos"),
        ("POST videos?on_conflict=id", "", "upsertVideos"),
    ):
        assert write_name(parse_fingerprint(shape), key) == name


def test_rows_are_returned_on_request() -> None:
    parsed = parse_fingerprint("PATCH videos?id=eq.?&select=id,status")
    assert '.select("id,status");\n' in batch_write_js(parsed, "id", True)
    assert ".select" not in batch_write_js(parsed, "id", False)


def test_the_conflict_columns_are_those_of_the_query() -> None:
    parsed = parse_fingerprint("POST monthly_tracking?on_conflict=month,creator_id")
    assert '.upsert(rows, { onConflict: "month,creator_id" });' in rows_js(parsed, conflict_columns(parsed), False)
    assert '.upsert(rows, on_conflict="month,creator_id")' in rows_py(parsed, conflict_columns(parsed))
    assert "on conflict (month, creator_id)\ndo update set" in rows_sql(parsed, conflict_columns(parsed))


def test_other_conditions_keep_their_numbers() -> None:
    parsed = parse_fingerprint("PATCH t?a=eq.?&id=eq.?&b=is.null&c=gt.?&d=fts.?")
    sql = batch_write_sql(parsed, "id", "")
    assert "where id = ANY($1)\n  and a = $3\n  and b is null\n  and c > $4\n  -- and d=fts\n;" in sql


def test_a_write_names_its_schema_unless_it_is_the_default() -> None:
    parsed, rows = parse_fingerprint("PATCH private.t?id=eq.?"), parse_fingerprint("POST private.t")
    for script in (batch_write_js(parsed, "id", False), rows_js(rows, "", False)):
        assert 'supabase.schema("private").from("t")' in script.replace("\n    ", "")
    for python in (batch_write_py(parsed, "id"), rows_py(rows, "")):
        assert 'supabase.schema("private").table("t")' in python
    for sql in (batch_write_sql(parsed, "id", ""), update_each_sql(parsed, "id"), rows_sql(rows, "id")):
        assert "private.t" in sql
        assert len(sqlglot.parse(sql, dialect="postgres")) == 1
