"""FAN016 tells kinds of queries that are always slow from single slow ones, and writes out plan and index."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
import sqlglot

from proxy.analysis.workload import Workload
from proxy.settings.rules import RuleSettings
from rules.fan016_slow_query import RULE, SlowQuery, inspect
from tests.rules.traces import told

if TYPE_CHECKING:
    from proxy.findings.model import Finding

PENDING = "GET /videos?select=*&status=eq.pending_review&order=created_at.desc"


def findings(*lines: str, settings: RuleSettings | None = None) -> list[Finding]:
    workload = Workload(1000)
    for seen in told(lines):
        workload.add(seen)
    return list(inspect(workload, (settings or RuleSettings()).of(RULE)))


def test_five_slow_requests_are_one_and_four_are_not() -> None:
    (finding,) = findings(f"5 × {PENDING} → 40 rows, 900 ms")
    assert finding.title == "GET videos takes more than 724 ms in 5 of 100 cases"
    assert not findings(f"4 × {PENDING} → 40 rows, 900 ms")
    assert findings(f"1 × {PENDING} → 40 rows, 900 ms", settings=RuleSettings(slow_query=SlowQuery(min_calls=1)))


def test_one_slow_request_of_one_row_is_one_of_each() -> None:
    (finding,) = findings(f"1 × {PENDING} → 1 rows, 900 ms", settings=RuleSettings(slow_query=SlowQuery(min_calls=1)))
    assert finding.current == "1 request, 900 ms on average, 1 row in total"


def test_what_is_found_is_surely_as_slow_as_the_setting() -> None:
    assert not findings(f"9 × {PENDING} → 1 rows, 499 ms")
    assert findings(f"9 × {PENDING} → 1 rows, 730 ms")
    assert findings(f"9 × {PENDING} → 1 rows, 80 ms", settings=RuleSettings(slow_query=SlowQuery(p95=0.05)))


def test_a_few_slow_ones_among_many_are_none() -> None:
    assert not findings(f"97 × {PENDING} → 1 rows", f"3 × {PENDING} → 1 rows, 3000 ms")
    assert findings(f"90 × {PENDING} → 1 rows", f"10 × {PENDING} → 1 rows, 3000 ms")


def test_the_first_ones_of_a_cold_start_are_none_however_few_came_after_them() -> None:
    assert not findings(f"1 × {PENDING} → 1 rows, 3000 ms", f"8 × {PENDING} → 1 rows")
    assert not findings(f"4 × {PENDING} → 1 rows, 3000 ms", f"20 × {PENDING} → 1 rows")
    assert findings(f"5 × {PENDING} → 1 rows, 3000 ms", f"20 × {PENDING} → 1 rows")


@pytest.mark.parametrize(("calls", "impact"), [(5, "LOW"), (10, "MEDIUM"), (60, "HIGH"), (360, "CRITICAL")])
def test_the_impact_is_the_time_spent_in_an_hour(calls: int, impact: str) -> None:
    assert findings(f"{calls} × {PENDING} → 1 rows, 1001 ms")[0].impact == impact


def test_plan_and_index_are_written_out() -> None:
    (finding,) = findings(f"5 × {PENDING} → 40 rows, 900 ms")
    assert "-- For its plan, write explain (analyze, buffers) before it" in finding.fix.sql
    assert finding.fix.sql.endswith("create index concurrently on videos (status, created_at desc);")
    assert ".explain({ analyze: true, buffers: true });" in finding.fix.supabase_js
    assert "pgrst.db_plan_enabled" in finding.fix.supabase_js
    compile(finding.fix.supabase_py, "fix", "exec")
    assert len(sqlglot.parse(finding.fix.sql, dialect="postgres")) == 2


def test_a_query_that_no_index_serves_is_given_none() -> None:
    (finding,) = findings("5 × GET /videos?title=neq.a → 40 rows, 900 ms")
    assert "create index" not in finding.fix.sql
    assert finding.evidence[1] == "no filter or order that an index supports"


def test_writes_by_filters_have_a_plan_and_inserts_have_none() -> None:
    (finding,) = findings("5 × PATCH /videos?tracking=eq.1 → 900 ms".replace("→ 900", "→ 1 rows, 900"))
    assert "write explain before it" in finding.fix.sql
    assert finding.fix.sql.endswith("create index concurrently on videos (tracking);")
    assert len(sqlglot.parse(finding.fix.sql, dialect="postgres")) == 2
    assert not findings("5 × POST /videos → 1 rows, 900 ms")


@pytest.mark.parametrize("line", ["GET /t?select=*&a=eq.1&or=(b.eq.1,c.eq.2)", "GET /t?select=*,kid(*)&a=eq.1"])
def test_a_query_that_sql_does_not_express_whole_has_no_statement(line: str) -> None:
    (finding,) = findings(f"5 × {line} → 1 rows, 900 ms")
    assert "select" not in finding.fix.sql
    assert finding.fix.reason.startswith("No SQL: ")
    assert ".explain(" in finding.fix.supabase_js


def test_a_write_whose_condition_sql_does_not_express_is_not_printed_without_it() -> None:
    (finding,) = findings("5 × PATCH /t?a=eq.1&or=(b.eq.1,c.eq.2) → 1 rows, 900 ms")
    assert "update" not in finding.fix.sql
    assert finding.fix.reason.startswith("No SQL: ")
    (whole,) = findings('5 × PATCH /t?a=eq.1&columns="b" → 1 rows, 900 ms')
    assert "update t" in whole.fix.sql
    assert whole.fix.supabase_js
    assert whole.fix.supabase_py
    assert not whole.fix.reason
