"""One write and one read instead of many: the code parses for all names."""

from __future__ import annotations

import subprocess

import pytest
import sqlglot

from proxy.fixes.writes.recount_code import Recount, recount_fix
from proxy.postgrest.database_facts import DatabaseFacts
from tests.fixes.seen import seen

RECOUNTS = (
    ("PATCH videos?id=eq.?", "id", "HEAD videos?tracking_id=eq.?", "", "PATCH tracking?id=eq.?&month=eq.?"),
    ("DELETE the table?it's=eq.?", "it's", "GET the table?class=eq.?&b=eq.?", "class", "DELETE order?a=eq.?"),
    ("POST t?on_conflict=a", "", "GET t?limit=?", "", "POST counts"),
    ("POST t", "", "GET t", "", ""),
)


def recount(write: str, key: str, read: str, by: str, then: str) -> Recount:
    last = seen(then) if then else None
    return Recount(seen(write, *filter(None, [key])), seen(read, *filter(None, [by])), True, last, 1, int(bool(then)))


@pytest.mark.parametrize(("write", "key", "read", "by", "then"), RECOUNTS)
def test_javascript_python_and_sql_parse_for_all_names(write: str, key: str, read: str, by: str, then: str) -> None:
    made = recount(write, key, read, by, then)
    fix = recount_fix(made, DatabaseFacts())
    command = ["node", "--input-type=module", "--check", "-"]
    checked = subprocess.run(command, input=fix.supabase_js, text=True, capture_output=True, check=False)
    assert checked.returncode == 0, checked.stderr
    compile(fix.supabase_py, "fix", "exec")
    assert len(sqlglot.parse(fix.sql, dialect="postgres")) == made.calls


def test_a_language_that_lacks_a_step_has_no_code_and_the_reason_is_said() -> None:
    fix = recount_fix(recount("PATCH t?id=eq.?", "id", "GET t?select=k(*)&id=lt.?", "", ""), DatabaseFacts())
    assert fix.sql == ""
    assert fix.supabase_js
    assert "foreign keys" in fix.reason
