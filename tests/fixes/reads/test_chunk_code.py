"""Reads of long lists parse in JavaScript, Python and SQL for all names."""

from __future__ import annotations

import subprocess

import pytest
import sqlglot

from proxy.fixes.reads.chunk_code import chunk_fix
from tests.fixes.seen import first_key, seen

SHAPES = (
    "GET t?id=in.?",
    "GET videos?select=id,status&tracking_id=in.?&status=neq.?&x=fts.?&a=is.null&order=created_at.desc",
    'GET the "table"?Id=in.?&it\'s a column=eq.?&\\=eq.?',
    "GET a$$b?$xx$=in.?",
    "GET t?chunk=in.?&at=eq.?&answers=eq.?&status=in.?",
)


@pytest.mark.parametrize("kind", ["uuid", "text"])
@pytest.mark.parametrize("shape", SHAPES)
def test_the_code_parses_for_all_names(shape: str, kind: str) -> None:
    fix = chunk_fix(seen(shape, first_key(shape).column, kind=kind))
    compile(fix.supabase_py, "fix", "exec")
    command = ["node", "--check", "-"]
    checked = subprocess.run(command, input=fix.supabase_js, text=True, capture_output=True, check=False)
    assert checked.returncode == 0, checked.stderr
    if fix.sql and "create function" not in fix.sql:
        assert isinstance(sqlglot.parse_one(fix.sql, dialect="postgres"), sqlglot.exp.Select)


def test_rows_without_an_order_are_read_in_chunks() -> None:
    fix = chunk_fix(seen("GET videos?select=id,status&tracking_id=in.?&status=neq.?", "tracking_id"))
    assert "async function listVideosByTrackingIds(trackingIds, status) {" in fix.supabase_js
    assert '.in("tracking_id", chunk)\n      .neq("status", status);' in fix.supabase_js
    assert '.in_("tracking_id", chunk)\n            .neq("status", status)' in fix.supabase_py
    assert fix.sql == "select id, status\nfrom videos\nwhere tracking_id = ANY($1)\n  and status <> $2;"


@pytest.mark.parametrize("rest", ["&order=at", "&limit=?"])
def test_rows_that_belong_together_are_read_by_a_function(rest: str) -> None:
    fix = chunk_fix(seen(f"GET private.t?id=in.?{rest}", "id"))
    assert "create function private.list_t_by_ids(keys jsonb) returns setof private.t" in fix.sql
    assert 'supabase.schema("private").rpc("list_t_by_ids", { keys })' in "".join(
        map(str.strip, fix.supabase_js.split("\n"))
    )
    assert 'supabase.schema("private").rpc("list_t_by_ids", {"keys": keys})' in fix.supabase_py


def test_an_ordered_list_of_a_path_into_json_has_no_fix() -> None:
    fix = chunk_fix(seen("GET t?d->>k=in.?&order=id", "d->>k"))
    assert (fix.sql, fix.supabase_js) == ("", "")
    assert "path into JSON" in fix.reason


def test_the_columns_by_which_a_function_is_filtered_are_selected_and_taken_out_again() -> None:
    fix = chunk_fix(seen("GET t?select=a&id=in.?&kind=eq.?&order=at which.desc&limit=?", "id"))
    for code in (fix.supabase_js, fix.supabase_py):
        assert '.select("_order:kind,_order_2:\\"at which\\",a")' in code
    assert "return data.map(({ _order, _order_2, ...row }) => row);" in fix.supabase_js
    assert 'added = {"_order", "_order_2"}' in fix.supabase_py


def test_a_function_cannot_be_filtered_by_columns_of_trees_and_aggregates() -> None:
    for query in ("select=a&id=in.?&or=(b.eq.?,c.eq.?)&limit=?", "select=a.count()&id=in.?&kind=eq.?"):
        fix = chunk_fix(seen(f"GET t?{query}", "id"))
        assert fix.reason.startswith("No fix: PostgREST filters the rows of a function")
        assert not fix.supabase_js
