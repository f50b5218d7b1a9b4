"""One write and one list instead of many: code that parses, whatever the names."""

from __future__ import annotations

import subprocess

import pytest
import sqlglot

from proxy.analysis.fingerprint import read_fingerprint
from proxy.fixes.recount_code import Recount, recount_js, recount_py, recount_sql

RECOUNTS = (
    ("PATCH videos?id=eq.?", "id", "HEAD videos?tracking_id=eq.?", "", "PATCH tracking?id=eq.?&month=eq.?"),
    ("DELETE the table?it's=eq.?", "it's", "GET the table?class=eq.?&or=(a.eq.?)", "class", "DELETE order?a=eq.?"),
    ("POST t?on_conflict=a", "", "GET t?limit=?", "", "POST counts"),
    ("POST t", "", "GET t", "", ""),
)


@pytest.mark.parametrize(("write", "key", "read", "by", "then"), RECOUNTS)
def test_all_three_parse(write: str, key: str, read: str, by: str, then: str) -> None:
    last = read_fingerprint(then) if then else None
    recount = Recount(read_fingerprint(write), key, "uuid", read_fingerprint(read), by, "", last, 1, int(bool(then)))
    command = ["node", "--input-type=module", "--check", "-"]
    checked = subprocess.run(command, input=recount_js(recount), text=True, capture_output=True, check=False)
    assert checked.returncode == 0, checked.stderr
    compile(recount_py(recount), "fix", "exec")
    assert len(sqlglot.parse(recount_sql(recount), dialect="postgres")) == recount.calls
