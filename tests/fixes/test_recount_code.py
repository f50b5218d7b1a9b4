"""One write and one read instead of many: the code parses for all names."""

from __future__ import annotations

import subprocess

import pytest
import sqlglot

from proxy.analysis.fingerprint import parse_fingerprint
from proxy.fixes.recount_code import Recount, recount_js, recount_py, recount_sql

RECOUNTS = (
    ("PATCH videos?id=eq.?", "id", "HEAD videos?tracking_id=eq.?", "", "PATCH tracking?id=eq.?&month=eq.?"),
    ("DELETE the table?it's=eq.?", "it's", "GET the table?class=eq.?&or=(a.eq.?)", "class", "DELETE order?a=eq.?"),
    ("POST t?on_conflict=a", "", "GET t?limit=?", "", "POST counts"),
    ("POST t", "", "GET t", "", ""),
)


@pytest.mark.parametrize(("write", "key", "read", "by", "then"), RECOUNTS)
def test_javascript_python_and_sql_parse_for_all_names(write: str, key: str, read: str, by: str, then: str) -> None:
    last = parse_fingerprint(then) if then else None
    recount = Recount(parse_fingerprint(write), key, "uuid", parse_fingerprint(read), by, "", last, 1, int(bool(then)))
    command = ["node", "--input-type=module", "--check", "-"]
    checked = subprocess.run(command, input=recount_js(recount), text=True, capture_output=True, check=False)
    assert checked.returncode == 0, checked.stderr
    compile(recount_py(recount), "fix", "exec")
    assert len(sqlglot.parse(recount_sql(recount), dialect="postgres")) == recount.calls
