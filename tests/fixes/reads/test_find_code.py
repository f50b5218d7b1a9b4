"""The read of one row has a name, parses, and returns the row or nothing."""

from __future__ import annotations

import subprocess

import pytest

from proxy.analysis.fingerprint import parse_fingerprint
from proxy.fixes.reads.find_code import find_js, find_name, find_py, find_sql

SHAPES = ("GET creators?select=*&order=created_at", "GET class?user_id=eq.?&id=gt.?&x=fts.?&or=(a.\u2028b)", 'GET "\n')


@pytest.mark.parametrize("shape", SHAPES)
@pytest.mark.parametrize("column", ["id", "user_id", "class"])
def test_the_code_parses(shape: str, column: str) -> None:
    parsed = parse_fingerprint(shape)
    command = ["node", "--input-type=module", "--check", "-"]
    checked = subprocess.run(command, input=find_js(parsed, column), text=True, capture_output=True, check=False)
    assert checked.returncode == 0, checked.stderr
    compile(find_py(parsed, column), "fix", "exec")


def test_the_row_is_read_by_the_column_and_the_filters_of_the_list() -> None:
    parsed = parse_fingerprint("GET creators?select=id,email&status=eq.?&order=created_at")
    assert find_name(parsed, "user_id") == "getCreatorByUserId"
    assert '.eq("user_id", userId)\n    .eq("status", status)\n    .maybeSingle();' in find_js(parsed, "user_id")
    assert ".maybe_single()" in find_py(parsed, "user_id")  # as in JavaScript, several rows are an error
    assert "return answer.data if answer else None" in find_py(parsed, "user_id")
    assert find_sql(parsed, "user_id").endswith("where user_id = $1\n  and status = $2;")
