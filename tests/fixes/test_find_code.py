"""The read of one row: a name for it, and code that parses and gives back the row or nothing."""

from __future__ import annotations

import subprocess

import pytest

from proxy.analysis.fingerprint import read_fingerprint
from proxy.fixes.find_code import find_js, find_name, find_py, find_sql

SHAPES = ("GET creators?select=*&order=created_at", "GET class?user_id=eq.?&id=gt.?&x=fts.?&or=(a.\u2028b)", 'GET "\n')


@pytest.mark.parametrize("shape", SHAPES)
@pytest.mark.parametrize("column", ["id", "user_id", "class"])
def test_the_code_parses(shape: str, column: str) -> None:
    shown = read_fingerprint(shape)
    command = ["node", "--input-type=module", "--check", "-"]
    checked = subprocess.run(command, input=find_js(shown, column), text=True, capture_output=True, check=False)
    assert checked.returncode == 0, checked.stderr
    compile(find_py(shown, column), "fix", "exec")


def test_the_row_is_asked_for_by_the_column_and_the_lists_own_filters() -> None:
    shown = read_fingerprint("GET creators?select=id,email&status=eq.?&order=created_at")
    assert find_name(shown, "user_id") == "getCreatorByUserId"
    assert '.eq("user_id", userId)\n    .eq("status", status)\n    .maybeSingle();' in find_js(shown, "user_id")
    assert "return rows[0] if rows else None" in find_py(shown, "user_id")
    assert find_sql(shown, "user_id").endswith("where user_id = $1\n  and status = $2;")
