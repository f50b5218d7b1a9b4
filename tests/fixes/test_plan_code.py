"""How to see a plan: code that parses, whatever the names."""

from __future__ import annotations

import subprocess

import pytest
import sqlglot

from proxy.analysis.fingerprint import read_fingerprint
from proxy.fixes.plan_code import plan_js, plan_py, plan_sql

SHAPES = (
    "GET videos?select=*&status=eq.?&order=created_at.desc&limit=?",
    "HEAD order?class=eq.?&or=(a.eq.?,\u2028b.is.null)",
    "PATCH t?id=eq.?&columns=a&a=fts.?",
    "DELETE \"\n?it's=lt.?",
)


@pytest.mark.parametrize("shape", SHAPES)
def test_all_three_parse(shape: str) -> None:
    shown = read_fingerprint(shape)
    command = ["node", "--input-type=module", "--check", "-"]
    checked = subprocess.run(command, input=plan_js(shown), text=True, capture_output=True, check=False)
    assert checked.returncode == 0, checked.stderr
    compile(plan_py(shown), "fix", "exec")
    assert len(sqlglot.parse(plan_sql(shown), dialect="postgres")) == 1


def test_a_write_is_not_run_to_see_its_plan() -> None:
    assert "analyze" not in plan_sql(read_fingerprint("DELETE t?id=eq.?"))
    assert ".delete" not in plan_js(read_fingerprint("DELETE t?id=eq.?"))
    assert "explain (analyze, buffers)" in plan_sql(read_fingerprint("GET t?id=eq.?"))
