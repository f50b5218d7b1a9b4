"""The code that returns a plan parses for all names."""

from __future__ import annotations

import subprocess

import pytest
import sqlglot

from proxy.analysis.fingerprint import parse_fingerprint
from proxy.fixes.reads.plan_code import plan_js, plan_py, plan_sql

SHAPES = (
    "GET videos?select=*&status=eq.?&order=created_at.desc&limit=?",
    "HEAD order?class=eq.?&or=(a.eq.?,\u2028b.is.null)",
    "PATCH t?id=eq.?&columns=a&a=fts.?",
    "DELETE \"\n?it's=lt.?",
)


@pytest.mark.parametrize("shape", SHAPES)
def test_javascript_python_and_sql_parse_for_all_names(shape: str) -> None:
    parsed = parse_fingerprint(shape)
    command = ["node", "--input-type=module", "--check", "-"]
    checked = subprocess.run(command, input=plan_js(parsed), text=True, capture_output=True, check=False)
    assert checked.returncode == 0, checked.stderr
    compile(plan_py(parsed), "fix", "exec")
    assert len(sqlglot.parse(plan_sql(parsed), dialect="postgres")) == 1


def test_the_plan_of_a_write_does_not_run_it() -> None:
    assert "analyze" not in plan_sql(parse_fingerprint("DELETE t?id=eq.?"))
    assert ".delete" not in plan_js(parse_fingerprint("DELETE t?id=eq.?"))
    assert "explain (analyze, buffers)" in plan_sql(parse_fingerprint("GET t?id=eq.?"))
