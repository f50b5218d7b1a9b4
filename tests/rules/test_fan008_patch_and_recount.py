"""FAN008 tells counting after every row from counting once, from reading a row back, and from somebody who looks."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
import sqlglot
from msgspec.structs import replace

from proxy.postgrest.database_facts import DatabaseFacts, RelationFacts
from proxy.settings.rules import RuleSettings
from rules.fan008_patch_and_recount import RULE, PatchAndRecount, detect
from tests.rules.traces import parallel, span, trace

if TYPE_CHECKING:
    from collections.abc import Sequence

    from proxy.findings.model import Finding
    from proxy.model import Trace

LIST = "GET /videos?select=*&monthly_tracking_id=eq.{}&order=created_at.desc → 10 rows"


def findings(seen: Trace, settings: RuleSettings | None = None) -> list[Finding]:
    return list(detect(seen, (settings or RuleSettings()).of(RULE)))


def one_by_one(lines: Sequence[str], every: float = 0.02) -> Trace:
    return trace([span(line, n + 1, start=n * every, end=n * every + 0.01) for n, line in enumerate(lines)])


def review(rounds: int, trackings: int = 1) -> list[str]:
    lines = []
    for n in range(rounds):
        of = n % trackings
        lines += [f"PATCH /videos?id=eq.{n}", LIST.format(of), f"PATCH /monthly_tracking?id=eq.{of}"]
    return lines


def test_three_rounds_are_one_and_two_are_not() -> None:
    assert [finding.title for finding in findings(one_by_one(review(3)))] == [
        "3 writes to videos, and a new list of it after each"
    ]
    assert not findings(one_by_one(review(2)))
    assert findings(one_by_one(review(2)), RuleSettings(patch_and_recount=PatchAndRecount(min_rounds=2)))


def test_the_bulk_review_of_ten_videos_is_critical_and_takes_three_calls() -> None:
    (finding,) = findings(one_by_one(review(10)))
    assert finding.impact == "CRITICAL"
    assert finding.expected == "updateVideosByIds(…) once, and one recount: 30 requests become 3."
    assert finding.current.startswith("30 requests one after another, 100 rows read")
    assert finding.evidence == (
        "10 updates, each followed by the same kind of read of the same relation",
        "10 of them followed by a write to monthly_tracking, of 1 different row",
        "10 reads asked for 1 different list",
        "writes: values that vary: id=eq; the same in all calls: none",
        "reads: values that vary: none; the same in all calls: monthly_tracking_id=eq",
    )
    assert [findings(one_by_one(review(n)))[0].impact for n in (3, 9)] == ["HIGH", "HIGH"]


def test_the_fix_is_one_write_one_list_and_the_result_once() -> None:
    (finding,) = findings(one_by_one(review(10)))
    code = finding.fix.supabase_js
    assert "async function updateVideosByIds(ids, changes) {" in code
    assert "async function readVideos(monthlyTrackingId) {" in code
    assert "async function updateMonthlyTracking(id, changes) {" in code
    assert code.endswith("// await updateMonthlyTracking(…): writes the result once")
    assert "where id = ANY($1);\nselect *\nfrom videos\nwhere monthly_tracking_id = $1" in finding.fix.sql
    compile(finding.fix.supabase_py, "fix", "exec")
    assert len(sqlglot.parse(finding.fix.sql, dialect="postgres")) == 3


def test_several_lists_become_one_by_their_keys() -> None:
    (finding,) = findings(one_by_one(review(12, trackings=3)))
    assert finding.expected.endswith("36 requests become 5.")
    assert "async function listVideosByMonthlyTrackingIds(monthlyTrackingIds) {" in finding.fix.supabase_js
    assert "monthly_tracking_id = ANY($1)" in finding.fix.sql


@pytest.mark.parametrize(
    "line", ["HEAD /videos?tracking=eq.7", "GET /videos?select=count()&tracking=eq.7", "GET /videos"]
)
def test_a_count_is_a_recount_too_whatever_comes_after_it(line: str) -> None:
    (finding,) = findings(one_by_one([f"PATCH /videos?id=eq.{n // 2}" if n % 2 == 0 else line for n in range(10)]))
    assert finding.expected.endswith("10 requests become 2.")
    compile(finding.fix.supabase_py, "fix", "exec")
    assert ("count()" in line) is bool(finding.fix.reason)
    assert finding.fix.reason or len(sqlglot.parse(finding.fix.sql, dialect="postgres")) == 2


@pytest.mark.parametrize("write", ["POST /videos", "DELETE /videos?id=eq.{}", "POST /videos?on_conflict=id"])
def test_inserts_and_deletions_are_writes_too(write: str) -> None:
    lines = [line for n in range(4) for line in (write.format(n), LIST.format(7))]
    (finding,) = findings(one_by_one(lines))
    compile(finding.fix.supabase_py, "fix", "exec")
    assert len(sqlglot.parse(finding.fix.sql, dialect="postgres")) == 2


def test_looking_up_whether_the_next_one_is_there_is_not() -> None:
    for read, answer in (("&limit=1", "1 rows"), ("", "0 rows")):
        lines = [line for n in range(5) for line in (f"GET /videos?slug=eq.{n}{read} → {answer}", "POST /videos")]
        assert not findings(one_by_one(lines))
    gone = [line for n in range(4) for line in (f"DELETE /videos?id=eq.{n}", f"{LIST.format(7)} → 0 rows")]
    assert findings(one_by_one(gone))


def test_reading_back_the_row_that_was_written_is_not() -> None:
    for read in ("GET /videos?id=eq.{}", "GET /videos?slug=eq.{}"):
        write = read.replace("GET", "PATCH")
        assert not findings(one_by_one([line.format(n) for n in range(9) for line in (write, read)]))
    assert not findings(one_by_one([line.format(n) for n in range(9) for line in ("POST /t", "GET /t?id=eq.{}")]))


def test_one_row_that_changes_again_and_again_is_not() -> None:
    assert not findings(one_by_one(["PATCH /videos?id=eq.7", "GET /videos?tracking=eq.1"] * 9))


def test_a_list_of_another_relation_is_not() -> None:
    assert not findings(one_by_one([f"PATCH /videos?id=eq.{n // 2}" if n % 2 else "GET /rushes" for n in range(20)]))


def test_one_list_after_all_writes_is_not() -> None:
    assert not findings(one_by_one([*[f"PATCH /videos?id=eq.{n}" for n in range(10)], LIST.format(7)]))


def test_a_read_that_did_not_wait_for_the_write_is_not() -> None:
    assert not findings(parallel(review(10)))


def test_somebody_who_looks_at_the_list_each_time_is_not() -> None:
    spans = [span(line, n, start=n * 0.02 + n // 3, end=n * 0.02 + n // 3 + 0.01) for n, line in enumerate(review(9))]
    assert not findings(trace(spans))
    assert findings(trace(spans), RuleSettings(patch_and_recount=PatchAndRecount(max_pause=2.0)))


def test_retries_and_refused_writes_are_not() -> None:
    spans = one_by_one(review(9)).spans
    assert not findings(trace([replace(one, retry=True) for one in spans]))
    assert not findings(trace([replace(one, status=403) if one.method == "PATCH" else one for one in spans]))


def test_a_mixed_trace_is_not_judged_and_an_inferred_one_with_less_confidence() -> None:
    seen = one_by_one(review(9))
    assert not findings(replace(seen, mixed=True))
    assert [findings(replace(seen, explicit=known))[0].confidence for known in (True, False)] == ["high", "medium"]


def test_the_key_to_mute_by_does_not_depend_on_values() -> None:
    assert findings(one_by_one(review(6)))[0].key == findings(one_by_one(review(60)))[0].key


def test_reading_the_new_row_by_its_key_is_not_whatever_the_key_is_called() -> None:
    def back(column: str, rows: int = 1) -> Trace:
        lines = [f"POST /t → 1 rows|GET /t?{column}=eq.{n}&kind=eq.a → {rows} rows" for n in range(5)]
        return one_by_one("|".join(lines).split("|"))

    assert not findings(back("code"))
    assert not findings(back("id"))
    assert findings(back("code", rows=3))
    assert findings(back("id", rows=3)), "a column is no key by its name"


def test_what_the_database_declares_is_a_key_and_nothing_else_is() -> None:
    def found(*key: str) -> list[Finding]:
        lines = [f"POST /t → 1 rows|HEAD /t?a=eq.{n}&b=eq.1 → 3 in all" for n in range(5)]
        facts = DatabaseFacts(relations={"public.t": RelationFacts(declared_key=key)})
        return list(detect(one_by_one("|".join(lines).split("|")), replace(RuleSettings().of(RULE), facts=facts)))

    assert not found("a", "b")
    assert found("id")
    assert found("a", "c")


def test_a_list_by_a_part_of_the_key_of_the_written_row_is_a_recount() -> None:
    lines = [f"PATCH /lines?cart=eq.7&product=eq.{n}|GET /lines?cart=eq.7 → 5 rows" for n in range(5)]
    assert findings(one_by_one("|".join(lines).split("|")))
