"""Writes of many rows parse in JavaScript, Python and SQL for all names."""

from __future__ import annotations

import subprocess

import pytest
import sqlglot

from proxy.analysis.fingerprint import parse_fingerprint
from proxy.fixes.sql.write import batch_write_sql, rows_sql, update_each_sql
from proxy.fixes.writes.write_code import (
    batch_write_js,
    batch_write_py,
    rows_js,
    rows_py,
    write_name,
)
from proxy.fixes.writes.write_fix import write_fix
from proxy.postgrest.database_facts import DatabaseFacts, RelationFacts
from tests.fixes.seen import first_key, seen

SHAPES = (
    "PATCH videos?id=eq.?&status=eq.?&x=fts.?&a=is.null&select=*",
    "DELETE t?class=eq.?&changes=eq.?&classs=lt.?&or=(a.eq.?,\u2028b.is.null)",
    'PATCH the "order"\n?Id=eq.?&it\'s a column=eq.?&\\=eq.?',
)
POSTS = ("POST t", "POST order?on_conflict=user,Group&select=a,b", 'POST "\n?on_conflict=a b')


def is_javascript(code: str) -> bool:
    command = ["node", "--input-type=module", "--check", "-"]
    return subprocess.run(command, input=code, text=True, capture_output=True, check=False).returncode == 0


RETURNS = "return=representation"
MERGE = "resolution=merge-duplicates"


@pytest.mark.parametrize("shape", SHAPES)
def test_a_write_by_keys_parses_for_all_names(shape: str) -> None:
    calls = seen(shape, first_key(shape).column, preferences=RETURNS)
    assert is_javascript(batch_write_js(calls))
    compile(batch_write_py(calls), "fix", "exec")
    assert len(sqlglot.parse(batch_write_sql(calls), dialect="postgres")) == 1
    assert len(sqlglot.parse(update_each_sql(calls), dialect="postgres")) == 1


@pytest.mark.parametrize("preferences", ["", RETURNS, MERGE, f"{MERGE},{RETURNS}", "resolution=ignore-duplicates"])
@pytest.mark.parametrize("shape", POSTS)
def test_a_write_of_rows_parses_for_all_names(shape: str, preferences: str) -> None:
    parsed = parse_fingerprint(shape)
    assert is_javascript(rows_js(parsed, preferences))
    compile(rows_py(parsed, preferences), "fix", "exec")
    assert len(sqlglot.parse(rows_sql(parsed, preferences), dialect="postgres")) == 1


def test_names_consist_of_verb_relation_and_key() -> None:
    for shape, keys, preferences, name in (
        (SHAPES[0], ["id"], "", "updateVideosByIds"),
        ("DELETE videos?tracking_id=eq.?", ["tracking_id"], "", "deleteVideosByTrackingIds"),
        ("POST videos", [], "", "insertVideos"),
        ("POST videos", [], MERGE, "upsertVideos"),
        ("POST videos?on_conflict=id", [], "", "upsertVideos"),
    ):
        assert write_name(parse_fingerprint(shape), keys, preferences) == name


def test_rows_are_returned_if_the_calls_return_them() -> None:
    shape = "PATCH videos?id=eq.?&select=id,status"
    assert '.select("id,status");\n' in batch_write_js(seen(shape, "id", preferences=RETURNS))
    assert ".select" not in batch_write_js(seen(shape, "id"))
    assert 'returning="minimal"' in batch_write_py(seen(shape, "id"))


def test_an_upsert_has_the_preferences_of_the_calls() -> None:
    parsed = parse_fingerprint("POST monthly_tracking?on_conflict=month,creator_id")
    script = rows_js(parsed, MERGE)
    assert '.upsert(group, { onConflict: "month,creator_id", defaultToNull: false });' in script
    assert 'on_conflict="month,creator_id", default_to_null=False' in rows_py(parsed, MERGE)
    assert "on conflict (month, creator_id)\ndo update set" in rows_sql(parsed, MERGE)
    by_primary_key = parse_fingerprint("POST t")
    assert ".upsert(group, { defaultToNull: false });" in rows_js(by_primary_key, MERGE)
    assert "ignoreDuplicates: true" in rows_js(by_primary_key, "resolution=ignore-duplicates")
    assert ".insert(rows, { defaultToNull: false });" in rows_js(by_primary_key, "")


def test_other_conditions_keep_their_numbers() -> None:
    sql = batch_write_sql(seen("PATCH t?a=eq.?&id=eq.?&b=is.null&c=gt.?", "id"))
    assert "where id = ANY($1)\n  and a = $3\n  and b is null\n  and c > $4;" in sql


def test_a_write_names_its_schema_unless_it_is_the_default() -> None:
    calls, rows = seen("PATCH private.t?id=eq.?", "id"), parse_fingerprint("POST private.t")
    for script in (batch_write_js(calls), rows_js(rows, "")):
        assert 'supabase.schema("private").from("t")' in "".join(map(str.strip, script.split("\n")))
    for python in (batch_write_py(calls), rows_py(rows, "")):
        assert 'supabase.schema("private").table("t")' in python
    for sql in (batch_write_sql(calls), update_each_sql(calls), rows_sql(rows, "")):
        assert "private.t" in sql
        assert len(sqlglot.parse(sql, dialect="postgres")) == 1


def test_an_upsert_by_the_primary_key_is_by_the_known_one_or_has_no_sql_and_says_why() -> None:
    calls = seen("POST t", preferences=MERGE)

    def facts(*key: str) -> DatabaseFacts:
        return DatabaseFacts(relations={"public.t": RelationFacts(declared_key=key)})

    assert "on conflict (a, b)\ndo update set" in write_fix(calls, facts("a", "b")).sql
    unknown, without = write_fix(calls, DatabaseFacts()), write_fix(calls, facts())
    assert (unknown.sql, without.sql) == ("", "")
    assert unknown.reason.startswith("No SQL: the upsert is by the primary key of t, which is unknown; fanin reads")
    assert without.reason == "No SQL: without on_conflict, the upsert is by the primary key, and t has none."
    assert unknown.supabase_js == write_fix(calls, facts("a")).supabase_js
