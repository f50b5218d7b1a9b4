"""FAN006 tells tables that never change from lists that do, that are filtered, long, or seldom read."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
import sqlglot
from msgspec.structs import replace

from proxy.analysis.workload import Workload
from proxy.settings.rules import RuleSettings
from rules.fan006_reference_table_read import RULE, ReferenceRead, inspect
from tests.rules.traces import parallel, told

if TYPE_CHECKING:
    from proxy.findings.model import Finding

DEFAULTS = RuleSettings().of(RULE)

RATES = "GET /video_rates?select=* → 5 rows"


def findings(*lines: str, settings: RuleSettings | None = None, limit: int = 1000) -> list[Finding]:
    workload = Workload(limit)
    for seen in told(lines):
        workload.add(seen)
    return list(inspect(workload, (settings or RuleSettings()).of(RULE)))


def test_a_small_table_that_many_traces_read_and_nobody_writes_is_one() -> None:
    (finding,) = findings(f"20 × {RATES}")
    assert finding.title == "5 rows of video_rates, read 20 times and never written"
    assert finding.current.startswith("20 requests in 20 traces, 2 kB")
    assert not findings(f"19 × {RATES}")
    assert findings(f"5 × {RATES}", settings=RuleSettings(reference_read=ReferenceRead(min_traces=5)))


def test_a_table_of_one_row_has_one_row() -> None:
    (finding,) = findings("20 × GET /settings?select=* → 1 rows")
    assert finding.title.startswith("1 row of settings")
    assert finding.evidence[0].startswith("1 row each time")


def test_reads_by_several_callers_are_none_because_policies_may_give_each_other_rows() -> None:
    workload = Workload(10)
    for number, seen in enumerate(told((f"25 × {RATES}",))):
        workload.add(replace(seen, spans=tuple(replace(one, identity=number) for one in seen.spans)))
    assert not list(inspect(workload, DEFAULTS))


def test_one_trace_that_reads_it_often_is_fan003s() -> None:
    workload = Workload(10)
    workload.add(parallel([RATES] * 100))
    assert not list(inspect(workload, DEFAULTS))


@pytest.mark.parametrize("write", ["POST /video_rates", "PATCH /video_rates?id=eq.1", "DELETE /video_rates?id=eq.1"])
def test_a_table_that_is_written_is_none(write: str) -> None:
    assert not findings(f"50 × {RATES}", f"1 × {write}")
    assert findings(f"50 × {RATES}", f"1 × {write.replace('video_rates', 'videos')}")


@pytest.mark.parametrize(
    ("read", "written", "told_of"),
    [
        ("public.video_rates", "public.video_rates", 0),
        ("public.video_rates", "private.video_rates", 1),
        ("public.video_rates", "video_rates", 0),
        ("video_rates", "public.video_rates", 0),
        ("video_rates", "public.rates", 1),
    ],
)
def test_a_write_of_another_schema_is_no_write_of_it_and_one_without_a_schema_may_be(
    read: str, written: str, told_of: int
) -> None:
    workload = Workload(10)
    for seen in told([f"50 × {RATES}", "1 × PATCH /video_rates?id=eq.1"]):
        spans = [replace(one, relation=read if one.method == "GET" else written) for one in seen.spans]
        workload.add(replace(seen, spans=tuple(spans)))
    assert len(list(inspect(workload, DEFAULTS))) == told_of


def test_a_table_whose_length_changes_is_none() -> None:
    assert not findings(f"50 × {RATES}", "1 × GET /video_rates?select=* → 6 rows")


def test_an_answer_that_failed_does_not_matter() -> None:
    workload = Workload(10)
    for seen in told([f"30 × {RATES}"]):
        workload.add(seen)
    (failed,) = told(["1 × GET /video_rates?select=* → 0 rows"])
    workload.add(replace(failed, spans=(replace(failed.spans[0], status=503),)))
    assert list(inspect(workload, DEFAULTS))


@pytest.mark.parametrize(
    "line",
    [
        "GET /video_rates?video_type=eq.OOTD → 1 rows",
        "GET /video_rates?or=(a.eq.1,b.eq.2) → 1 rows",
        "GET /video_rates?limit=5 → 5 rows",
        "HEAD /video_rates → 5 rows",
        "GET /videos → 101 rows",
        "GET /videos → 0 rows",
        "GET /rpc/rates → 5 rows",
    ],
)
def test_what_is_filtered_long_empty_or_no_table_is_none(line: str) -> None:
    assert not findings(f"50 × {line}")


def test_a_filter_without_a_value_is_the_same_for_all() -> None:
    assert findings("50 × GET /packages?archived_at=is.null&order=tier → 4 rows")


def test_where_not_all_written_tables_are_known_nothing_is_said() -> None:
    assert not findings(f"50 × {RATES}", "1 × POST /a", "1 × POST /b", limit=2)


@pytest.mark.parametrize(("others", "impact"), [(0, "HIGH"), (300, "MEDIUM"), (900, "LOW")])
def test_the_impact_is_its_share_of_all_requests(others: int, impact: str) -> None:
    lines = [f"40 × {RATES}", *([f"{others} × GET /videos?id=eq.1"] if others else [])]
    assert [finding.impact for finding in findings(*lines)] == [impact]


def test_the_fix_is_code_that_parses() -> None:
    (finding,) = findings("50 × GET /packages?select=tier&archived_at=is.null&order=tier → 4 rows")
    compile(finding.fix.supabase_py, "fix", "exec")
    sqlglot.parse_one(finding.fix.sql, dialect="postgres")
    assert "const listPackages = (() => {" in finding.fix.supabase_js


def test_the_finding_says_what_the_cache_would_have_answered() -> None:
    (finding,) = findings(f"25 × {RATES}")
    (said,) = [line for line in finding.evidence if "cache.fresh" in line]
    assert said.startswith('rules.fan006 = "rewrite" with cache.fresh = 300: ')
    assert " of 25 requests (" in said
    assert "without db_uri" not in said
