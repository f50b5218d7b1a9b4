"""The batch read in JavaScript and Python has a name from the relation, keeps the filters, and parses for all names."""

from __future__ import annotations

import subprocess

import pytest

from proxy.fixes.loops.batch_code import batch_fix, batch_js, batch_name, batch_py
from tests.fixes.seen import first_key, seen

SHAPES = (
    "GET t?id=eq.?",
    "GET videos?select=id,status&tracking_id=eq.?&status=neq.?&x=fts.?&a=is.null&order=created_at.desc.nullsfirst",
    "GET t?select=*&data->a->>k=eq.?",
    "GET t?class=eq.?&default=eq.?&1a=eq.?&id=gt.?&id=lt.?&data=in.?&keys=not.eq.?",
    'GET the "table"?Id=eq.?&it\'s a column=eq.?&\\=eq.?',
)


@pytest.mark.parametrize(
    ("relation", "key", "name"),
    [
        ("creator_payout_profiles", "creator_id", "listPayoutProfilesByCreatorIds"),
        ("videos", "monthly_tracking_id", "listVideosByMonthlyTrackingIds"),
        ("creators", "id", "listCreatorsByIds"),
        ("id_cards", "id", "listIdCardsByIds"),
        ("cards", "status", "listCardsByStatuses"),
        ("cards", "category", "listCardsByCategories"),
    ],
)
def test_the_name_consists_of_relation_and_key(relation: str, key: str, name: str) -> None:
    assert batch_name(relation, key) == name


@pytest.mark.parametrize("many", [True, False])
@pytest.mark.parametrize("shape", SHAPES)
def test_the_python_compiles_for_all_names(shape: str, many: bool) -> None:
    compile(batch_py(seen(shape, first_key(shape).column), many), "fix", "exec")


@pytest.mark.parametrize("many", [True, False])
@pytest.mark.parametrize("shape", SHAPES)
def test_the_javascript_parses_for_all_names(shape: str, many: bool) -> None:
    code = batch_js(seen(shape, first_key(shape).column, kind="text"), many)
    checked = subprocess.run(["node", "--check", "-"], input=code, text=True, capture_output=True, check=False)
    assert checked.returncode == 0, checked.stderr


def test_filters_order_and_select_are_those_of_the_query() -> None:
    script = batch_js(seen(SHAPES[1], "tracking_id"), many=True)
    assert '.select("_key:tracking_id,id,status", { count: "exact" })\n      .in("tracking_id", chunk)' in script
    assert '.neq("status", status)\n      .filter("x", "fts", x)\n      .is("a", null)' in script
    assert '.order("created_at", { ascending: false, nullsFirst: true });' in script
    python = batch_py(seen(SHAPES[1], "tracking_id"), many=True)
    assert '.is_("a", "null")\n            .order("created_at", desc=True, nullsfirst=True)' in python


def test_every_value_has_a_different_name() -> None:
    calls = seen("GET t?id=eq.?&class=eq.?&id=gt.?&ids=eq.?&x=fts.?&s=in.?", "id")
    code = batch_js(calls, many=True)
    assert "listTByIds(ids, _class, id_2, ids_2, x, sList) {" in code
    assert '.in("id", chunk)\n      .eq("class", _class)\n      .gt("id", id_2)\n      .eq("ids", ids_2)' in code
    assert '.filter("s", "in", `(${sList.map(quoted).join()})`)' in code
    assert "def list_t_by_ids(ids, _class, id_2, ids_2, x, s_list):" in batch_py(calls, many=True)


def test_a_key_that_the_query_does_not_select_is_taken_out_of_the_rows() -> None:
    calls = seen("GET t?select=*&data->a->>k=eq.?", "data->a->>k", kind="text")
    script = batch_js(calls, many=True)
    assert '.select("_key:data->a->>k,*"' in script
    assert "for (const { _key, ...row } of data) {" in script
    assert 'key = known.get(text(row.pop("_key")), chunk[0])' in batch_py(calls, many=True)
    assert 'row["id"]' in batch_js(seen("GET t?select=id,a&id=eq.?", "id"), many=True)
    assert '.select("_key:id,id:title"' in batch_js(seen("GET t?select=id:title&id=eq.?", "id"), many=True)


def test_a_logic_tree_is_a_call_with_quoted_values() -> None:
    calls = seen("GET t?id=eq.?&or=(a.eq.?,b.is.null,c.in.?)", "id")
    assert "  .or(`a.eq.${quoted(a)},b.is.null,c.in.(${cList.map(quoted).join()})`);" in batch_js(calls, many=False)
    assert '.or_("a.eq.{},b.is.null,c.in.({})".format(quoted(a), ",".join(map(quoted, c_list))))' in batch_py(
        calls, many=False
    )


def test_two_columns_that_vary_are_pairs() -> None:
    calls = seen("GET attachments?owner_type=eq.?&owner_id=eq.?", "owner_type", "owner_id", kind="text")
    fix = batch_fix(calls, many=True)
    assert "`and(owner_type.eq.${quoted(ownerType)},owner_id.eq.${quoted(ownerId)})`" in fix.supabase_js
    assert "where (owner_type, owner_id) in (select owner_type, owner_id from jsonb_populate" in fix.sql


def test_a_limit_of_each_call_is_kept_by_a_function_that_is_printed_whole() -> None:
    shape = "GET messages?conversation_id=eq.?&order=at.desc&limit=?"
    fix = batch_fix(seen(shape, "conversation_id", limit=1), many=True)
    assert fix.sql.startswith("create function list_messages_by_conversation_ids(keys jsonb) returns setof messages")
    assert "order by at desc\n    limit 1\n" in fix.sql
    assert '.rpc("list_messages_by_conversation_ids", { keys }, { count: "exact" })' in fix.supabase_js


def test_a_limit_that_left_out_no_row_needs_no_function() -> None:
    fix = batch_fix(seen("GET t?id=eq.?&limit=?", "id", limit=1), many=True)
    assert ".rpc(" not in fix.supabase_js
    assert "if (!byKey.has(key)) byKey.set(key, row);" in fix.supabase_js


def test_a_second_row_of_a_key_that_had_one_is_not_dropped_without_a_word() -> None:
    fix = batch_fix(seen("GET t?user_id=eq.?", "user_id", rows=1), many=False)
    assert 'if (byKey.has(key)) throw new Error("several rows of one key");' in fix.supabase_js
    assert 'raise ValueError("several rows of one key")' in fix.supabase_py


def test_chunks_are_smaller_the_more_rows_a_key_has() -> None:
    for rows, size in ((1, 200), (60, 16), (5000, 1)):
        assert f"at += {size})" in batch_js(seen("GET t?id=eq.?", "id", rows=rows), many=True)


@pytest.mark.parametrize(
    ("shape", "reason"),
    [
        ("GET t?select=count()&id=eq.?", "aggregates"),
        ("GET t?select=a(&id=eq.?", "grammar"),
        ("GET t?id=eq.?&x=?", "no method for x=?"),
    ],
)
def test_what_cannot_be_kept_is_a_reason_and_no_code(shape: str, reason: str) -> None:
    fix = batch_fix(seen(shape, "id"), many=True)
    assert (fix.sql, fix.supabase_js, fix.supabase_py) == ("", "", "")
    assert reason in fix.reason


def test_an_embed_has_no_sql_and_the_reason_is_said() -> None:
    fix = batch_fix(seen("GET t?select=id,kids(*)&id=eq.?", "id"), many=True)
    assert not fix.sql
    assert fix.supabase_js
    assert fix.reason == "No SQL: PostgREST joins embeds by foreign keys, which fanin does not see."
