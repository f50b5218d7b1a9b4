"""Reads by chunks and by an array parse in JavaScript, Python and SQL for all names."""

from __future__ import annotations

import subprocess

import pytest
import sqlglot

from proxy.analysis.fingerprint import parse_fingerprint
from proxy.fixes.chunk_code import array_sql, chunked_js, chunked_py

SHAPES = (
    "GET t?id=in.?",
    "GET videos?select=id,status&tracking_id=in.?&status=neq.?&x=fts.?&a=is.null&order=created_at.desc",
    'GET the "table"?Id=in.?&it\'s a column=eq.?&\\=eq.?',
    "GET a$$b?$xx$=in.?",
)


@pytest.mark.parametrize("shape", SHAPES)
def test_the_python_compiles_for_all_names(shape: str) -> None:
    parsed = parse_fingerprint(shape)
    compile(chunked_py(parsed, parsed.filters[0].column), "fix", "exec")


@pytest.mark.parametrize("shape", SHAPES)
def test_the_javascript_parses_for_all_names(shape: str) -> None:
    parsed = parse_fingerprint(shape)
    code = chunked_js(parsed, parsed.filters[0].column)
    checked = subprocess.run(["node", "--check", "-"], input=code, text=True, capture_output=True, check=False)
    assert checked.returncode == 0, checked.stderr


@pytest.mark.parametrize("kind", ["uuid", "integer", ""])
@pytest.mark.parametrize("shape", SHAPES)
def test_the_sql_begins_with_a_select(shape: str, kind: str) -> None:
    parsed = parse_fingerprint(shape)
    select, _, _ = array_sql(parsed, parsed.filters[0].column, kind).partition("create function")
    assert isinstance(sqlglot.parse_one(select, dialect="postgres"), sqlglot.exp.Select)


def test_no_relation_name_ends_the_body_of_the_sql_function() -> None:
    code = array_sql(parse_fingerprint(SHAPES[3]), "$xx$", "")
    mark = code.partition(" as ")[2].partition("\n")[0]
    assert code.count(mark) == 2
    assert code.endswith(f"{mark};")


def test_select_and_filters_are_those_of_the_query() -> None:
    parsed = parse_fingerprint(SHAPES[1])
    script, python = chunked_js(parsed, "tracking_id"), chunked_py(parsed, "tracking_id")
    assert "async function listVideosByTrackingIds(trackingIds, status, x) {" in script
    assert '    .in("tracking_id", chunk)\n    .neq("status", status)' in script
    assert "def list_videos_by_tracking_ids(tracking_ids, status, x):" in python
    assert '.in_("tracking_id", tracking_ids[at : at + 200])\n            .neq("status", status)' in python
    call = 'supabase.rpc("list_videos_by_tracking_ids", {"keys": tracking_ids}).select("tracking_id,id,status")'
    assert call + '.neq("status", status)' in python


def test_the_code_says_that_chunks_are_not_ordered_together_if_the_query_has_an_order() -> None:
    for shape, said in ((SHAPES[0], False), (SHAPES[1], True)):
        parsed = parse_fingerprint(shape)
        for code in (chunked_js(parsed, "id"), chunked_py(parsed, "id")):
            assert ("Each chunk is ordered" in code) is said


def test_the_type_of_the_array_is_that_of_the_literal_class() -> None:
    parsed = parse_fingerprint("GET t?select=a&id=in.?")
    assert "where id = ANY($1::uuid[]);" in array_sql(parsed, "id", "uuid")
    assert "create function list_t_by_ids(keys bigint[]) returns setof t" in array_sql(parsed, "id", "integer")
    assert "where id = ANY($1);" in array_sql(parsed, "id", "")


def test_columns_named_like_variables_of_the_code_do_not_clash() -> None:
    parsed = parse_fingerprint("GET t?chunk=in.?&at=eq.?&answers=eq.?&status=in.?")
    script, python = chunked_js(parsed, "chunk"), chunked_py(parsed, "chunk")
    assert "listTByChunks(_chunks, at_2, _answers, statusList) {" in script
    assert "def list_t_by_chunks(_chunks, at_2, _answers, status_list):" in python
    assert '{ keys: _chunks }).select("*").eq("at", at_2).eq("answers", _answers).in("status", statusList)' in script
    checked = subprocess.run(["node", "--check", "-"], input=script, text=True, capture_output=True, check=False)
    assert checked.returncode == 0, checked.stderr


def test_the_function_has_the_schema_of_its_table() -> None:
    parsed = parse_fingerprint("GET private.t?id=in.?")
    sql = array_sql(parsed, "id", "uuid")
    assert "create function private.list_t_by_ids(keys uuid[]) returns setof private.t" in sql
    assert sql.count("from private.t\n") == 2
    assert 'await supabase.schema("private").rpc("list_t_by_ids", { keys: ids })' in chunked_js(parsed, "id")
    assert '# Or in one call, with the keys in the body: supabase.schema("private").rpc(' in chunked_py(parsed, "id")
