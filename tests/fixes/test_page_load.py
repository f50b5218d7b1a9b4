"""Several reads as one function of the database: its query is SQL, and the calls are code."""

from __future__ import annotations

import subprocess

import sqlglot

from proxy.analysis.fingerprint import parse_fingerprint
from proxy.fixes.page_load import load_js, load_py, load_sql

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


def test_the_calls_are_code_in_both_languages() -> None:
    command = ["node", "--input-type=module", "--check", "-"]
    checked = subprocess.run(command, input=load_js(READS), text=True, capture_output=True, check=False)
    assert checked.returncode == 0, checked.stderr
    assert 'supabase.rpc("load_page", values)' in load_js(READS)
    compile(load_py(READS), "fix", "exec")
    assert 'supabase.rpc("load_page", values)' in load_py(READS)
