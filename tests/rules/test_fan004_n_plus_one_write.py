"""FAN004 tells writes of one row after the other from bulk writes, events and writes of one row."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
import sqlglot
from msgspec.structs import replace

from proxy.settings.rules import RuleSettings
from rules.fan004_n_plus_one_write import RULE, NPlusOneWrite, detect
from tests.rules.traces import parallel, span, trace

if TYPE_CHECKING:
    from collections.abc import Sequence

    from proxy.findings.model import Finding
    from proxy.model import Trace

UPSERT = "POST /monthly_tracking?on_conflict=month,creator_id"


def findings(seen: Trace, settings: RuleSettings | None = None) -> list[Finding]:
    return list(detect(seen, (settings or RuleSettings()).of(RULE)))


def one_by_one(lines: Sequence[str], every: float = 0.02) -> Trace:
    return trace([span(line, n + 1, start=n * every, end=n * every + 0.01) for n, line in enumerate(lines)])


def reviews(count: int) -> list[str]:
    return [f"PATCH /videos?id=eq.{n}" for n in range(count)]


@pytest.mark.parametrize("method", ["PATCH", "DELETE"])
def test_five_keys_are_one_in_a_loop_and_in_parallel_and_four_are_not(method: str) -> None:
    lines = [f"{method} /videos?id=eq.{n}" for n in range(5)]
    for seen, how in ((one_by_one(lines), "sent one after another"), (parallel(lines), "sent in parallel")):
        (finding,) = findings(seen)
        assert (finding.evidence[1], finding.confidence, finding.impact) == (how, "high", "LOW")
    assert not findings(one_by_one(lines[:4]))
    assert findings(one_by_one(lines[:2]), RuleSettings(n_plus_one_write=NPlusOneWrite(min_calls=2, min_distinct=2)))


def test_other_requests_between_them_do_not_matter() -> None:
    lines = [f"{line}|GET /videos?tracking=eq.1|PATCH /tracking?id=eq.1".split("|") for line in reviews(10)]
    (finding,) = findings(one_by_one([line for three in lines for line in three]))
    assert (finding.title, finding.impact) == ("10 updates of videos, one for each id", "MEDIUM")


@pytest.mark.parametrize("path", ["/monthly_tracking", "/monthly_tracking?select=*", UPSERT.removeprefix("POST ")])
def test_inserts_and_upserts_of_a_row_each_are(path: str) -> None:
    (finding,) = findings(one_by_one([f"POST {path}"] * 5))
    what = "upserts" if "on_conflict" in path else "inserts"
    assert finding.title == f"5 {what} into monthly_tracking, one row each"
    assert finding.confidence == "medium"
    assert not findings(one_by_one([f"POST {path}"] * 4))


def test_bulk_writes_are_not() -> None:
    assert not findings(one_by_one(["POST /t?columns=a,b"] * 9))
    assert not findings(one_by_one(["POST /t?columns=a,b → 2 rows, ids 1;2"] * 9))
    assert findings(one_by_one(["POST /t?columns=a,b → 1 rows, ids 1"] * 5))
    assert not findings(one_by_one(["POST /t?select=* → 2 rows, ids 1;2"] * 9))
    assert not findings(one_by_one([f"PATCH /t?id=in.({n},{n + 1})" for n in range(9)]))
    assert findings(one_by_one(["POST /t?select=* → 1 rows, ids 1"] * 9))[0].confidence == "high"


def test_writes_of_one_row_are_not() -> None:
    assert not findings(one_by_one(["PATCH /sessions?id=eq.7"] * 20))


def test_events_far_apart_are_not() -> None:
    assert not findings(one_by_one(["POST /events"] * 20, every=1.0))
    assert not findings(one_by_one(reviews(20), every=1.0))


def test_retries_refused_writes_functions_and_reads_are_not() -> None:
    spans = one_by_one(reviews(9)).spans
    assert not findings(trace([replace(one, retry=True) for one in spans]))
    assert not findings(trace([replace(one, status=409) for one in spans]))
    assert not findings(one_by_one(["POST /rpc/f"] * 9))
    assert not findings(one_by_one([f"GET /videos?id=eq.{n}" for n in range(9)]))


def test_a_mixed_trace_is_not_judged_and_an_inferred_one_with_less_confidence() -> None:
    seen = one_by_one(reviews(9))
    assert not findings(replace(seen, mixed=True))
    assert findings(replace(seen, explicit=False))[0].confidence == "low"


def test_an_update_is_one_call_per_group_of_rows_with_the_same_values_and_no_upsert() -> None:
    (finding,) = findings(parallel([f"PATCH /videos?id=eq.{n}&status=eq.new&select=id" for n in range(9)]))
    code = finding.fix.supabase_js
    assert "async function updateVideosByIds(ids, changes, status) {" in code
    assert '.update(changes)\n      .in("id", chunk)\n      .eq("status", status);' in code
    assert ".upsert(" not in code
    assert "set changed_column = $2 -- and the other columns of the body\nwhere id = ANY($1)" in finding.fix.sql
    assert "where videos.id = given.id\n  and videos.status = $2;" in finding.fix.sql
    assert finding.expected.endswith("9 requests become 1 if all rows get the same values.")


def test_upserts_without_on_conflict_are_told_by_their_preferences() -> None:
    preferences = "resolution=merge-duplicates"
    spans = [replace(one, preferences=preferences) for one in one_by_one(["POST /t"] * 9).spans]
    (finding,) = findings(trace(spans))
    assert finding.title == "9 upserts into t, one row each"
    assert ".upsert(group, { defaultToNull: false })" in finding.fix.supabase_js
    assert finding.fix.sql == ""
    assert "primary key" in finding.fix.reason
    (differing,) = findings(trace([*spans[:5], *one_by_one(["POST /t"] * 9).spans[5:]]))
    assert "different preferences" in differing.fix.reason


@pytest.mark.parametrize("line", ["PATCH /t?id=eq.{}", "DELETE /t?a->>k=eq.{}&b=lt.3", UPSERT, "POST /order"])
def test_the_fix_is_code_that_parses(line: str) -> None:
    (finding,) = findings(parallel([line.format(n) for n in range(9)]))
    compile(finding.fix.supabase_py, "fix", "exec")
    assert all(sqlglot.parse(finding.fix.sql, dialect="postgres"))


def test_a_deletion_has_one_cure() -> None:
    (finding,) = findings(parallel([f"DELETE /t?id=eq.{n}" for n in range(9)]))
    assert finding.fix.sql == "delete\nfrom t\nwhere id = ANY($1);"
    assert "upsert" not in str(finding)


def test_the_key_to_mute_by_does_not_depend_on_values() -> None:
    assert findings(parallel(reviews(6)))[0].key == findings(parallel(reviews(60)))[0].key
