"""Chunks and arrays in JavaScript, Python and SQL: code that parses whatever the names."""

from __future__ import annotations

import subprocess

import pytest
import sqlglot

from proxy.analysis.fingerprint import read_fingerprint
from proxy.fixes.chunk_code import array_sql, chunked_js, chunked_py

SHAPES = (
    "GET t?id=in.?",
    "GET videos?select=id,status&tracking_id=in.?&status=neq.?&x=fts.?&a=is.null&order=created_at.desc",
    'GET the "table"?Id=in.?&it\'s a column=eq.?&\\=eq.?',
    "GET a$$b?$xx$=in.?",
)


@pytest.mark.parametrize("shape", SHAPES)
def test_the_python_parses(shape: str) -> None:
    shown = read_fingerprint(shape)
    compile(chunked_py(shown, shown.filters[0].column), "fix", "exec")


@pytest.mark.parametrize("shape", SHAPES)
def test_the_javascript_parses(shape: str) -> None:
    shown = read_fingerprint(shape)
    code = chunked_js(shown, shown.filters[0].column)
    checked = subprocess.run(["node", "--check", "-"], input=code, text=True, capture_output=True, check=False)
    assert checked.returncode == 0, checked.stderr


@pytest.mark.parametrize("kind", ["uuid", "integer", ""])
@pytest.mark.parametrize("shape", SHAPES)
def test_the_sql_begins_with_a_select(shape: str, kind: str) -> None:
    shown = read_fingerprint(shape)
    select, _, _ = array_sql(shown, shown.filters[0].column, kind).partition("create function")
    assert isinstance(sqlglot.parse_one(select, dialect="postgres"), sqlglot.exp.Select)


def test_no_name_ends_the_body_of_the_function() -> None:
    code = array_sql(read_fingerprint(SHAPES[3]), "$xx$", "")
    mark = code.partition(" as ")[2].partition("\n")[0]
    assert code.count(mark) == 2
    assert code.endswith(f"{mark};")


def test_the_select_and_the_filters_are_the_applications_own() -> None:
    shown = read_fingerprint(SHAPES[1])
    script, python = chunked_js(shown, "tracking_id"), chunked_py(shown, "tracking_id")
    assert "async function listVideosByTrackingIds(trackingIds, status, x) {" in script
    assert '    .in("tracking_id", chunk)\n    .neq("status", status)' in script
    assert "def list_videos_by_tracking_ids(tracking_ids, status, x):" in python
    assert '.in_("tracking_id", tracking_ids[at : at + 200])\n            .neq("status", status)' in python
    call = 'supabase.rpc("list_videos_by_tracking_ids", {"keys": tracking_ids}).select("tracking_id,id,status")'
    assert call + '.neq("status", status)' in python


def test_that_all_rows_together_are_in_no_order_is_said_where_there_is_one() -> None:
    for shape, said in ((SHAPES[0], False), (SHAPES[1], True)):
        shown = read_fingerprint(shape)
        for code in (chunked_js(shown, "id"), chunked_py(shown, "id")):
            assert ("Each chunk is in order" in code) is said


def test_an_array_has_the_type_that_its_elements_look_like() -> None:
    shown = read_fingerprint("GET t?select=a&id=in.?")
    assert "where id = ANY($1::uuid[]);" in array_sql(shown, "id", "uuid")
    assert "create function list_t_by_ids(keys bigint[]) returns setof t" in array_sql(shown, "id", "integer")
    assert "where id = ANY($1);" in array_sql(shown, "id", "")


def test_a_key_and_columns_called_like_the_codes_own_names_disturb_nothing() -> None:
    shown = read_fingerprint("GET t?chunk=in.?&at=eq.?&answers=eq.?&status=in.?")
    script, python = chunked_js(shown, "chunk"), chunked_py(shown, "chunk")
    assert "listTByChunks(_chunks, at_2, _answers, statusList) {" in script
    assert "def list_t_by_chunks(_chunks, at_2, _answers, status_list):" in python
    assert '{ keys: _chunks }).select("*").eq("at", at_2).eq("answers", _answers).in("status", statusList)' in script
    checked = subprocess.run(["node", "--check", "-"], input=script, text=True, capture_output=True, check=False)
    assert checked.returncode == 0, checked.stderr


def test_the_function_is_of_the_schema_that_its_table_is_of() -> None:
    shown = read_fingerprint("GET private.t?id=in.?")
    sql = array_sql(shown, "id", "uuid")
    assert "create function private.list_t_by_ids(keys uuid[]) returns setof private.t" in sql
    assert sql.count("from private.t\n") == 2
    assert 'await supabase.schema("private").rpc("list_t_by_ids", { keys: ids })' in chunked_js(shown, "id")
    assert '# Or in one call, its keys in the body: supabase.schema("private").rpc(' in chunked_py(shown, "id")
