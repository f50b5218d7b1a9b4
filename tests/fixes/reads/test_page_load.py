"""Several reads as one function of the database: its query is SQL, without client code."""

from __future__ import annotations

import sqlglot

from proxy.analysis.fingerprint import parse_fingerprint
from proxy.fixes.reads.page_load import load_fix, load_sql

READS = [
    parse_fingerprint("GET videos?select=id&creator_id=eq.?"),
    parse_fingerprint("GET creators?id=eq.?&status=eq.?"),
    parse_fingerprint("GET videos?status=eq.?&order=created_at"),
]


def test_each_read_is_an_array_under_a_name_of_its_own() -> None:
    sql = load_sql(READS)
    sqlglot.parse_one(sql, dialect="postgres")
    names = ["rows_videos_1", "rows_creators_2", "rows_videos_3"]
    assert [line.split("'")[1] for line in sql.splitlines() if line.startswith("  '")] == names


def test_the_values_of_all_reads_are_numbered_through() -> None:
    sql = load_sql(READS)
    assert [f"${number}" in sql for number in range(1, 6)] == [True, True, True, True, False]


def test_the_function_runs_with_the_rights_of_its_caller() -> None:
    assert load_sql(READS).endswith("-- in a function load_page(…) with security invoker")


def test_reads_without_sql_are_left_out_and_named_and_there_is_no_client_code() -> None:
    fix = load_fix([*READS, parse_fingerprint("GET kids?select=id,toys(*)")])
    assert fix.sql == load_sql(READS)
    assert (fix.supabase_js, fix.supabase_py) == ("", "")
    assert "types of columns" in fix.reason
    assert "reads of kids" in fix.reason
