"""FAN003 tells reads that were repeated for nothing from reads that had a reason."""

from __future__ import annotations

from typing import TYPE_CHECKING

import sqlglot
from msgspec.structs import replace

from proxy.settings.rules import RuleSettings
from rules import fan001_n_plus_one_read
from rules.fan001_n_plus_one_read import NPlusOne
from rules.fan003_duplicate_read import RULE, DuplicateRead, detect
from tests.rules.traces import found, parallel, span, trace

if TYPE_CHECKING:
    from proxy.findings.model import Finding
    from proxy.model import Span, Trace

ROW = "GET /creators?select=*&id=eq.7"


def findings(seen: Trace, settings: RuleSettings | None = None) -> list[Finding]:
    return list(detect(seen, (settings or RuleSettings()).of(RULE)))


def one_by_one(lines: list[str]) -> Trace:
    return trace([span(line, n + 1, start=float(n), end=n + 0.9) for n, line in enumerate(lines)])


def test_three_times_is_a_duplicate_and_twice_is_not() -> None:
    assert [finding.title for finding in findings(parallel([ROW] * 3))] == ["3 equal reads of creators"]
    assert not findings(parallel([ROW] * 2))


def test_the_threshold_is_a_setting() -> None:
    assert findings(parallel([ROW] * 2), RuleSettings(duplicate_read=DuplicateRead(min_calls=2)))


def test_reads_that_differ_in_a_byte_are_not() -> None:
    lines = [ROW, f"{ROW}&", "GET /creators?select=*&id=eq.%37", "HEAD /creators?select=*&id=eq.7"]
    assert not findings(parallel(lines * 2))


def test_pages_of_a_list_are_not() -> None:
    assert not findings(parallel([f"GET /videos?limit=10&offset={n}0" for n in range(20)]))


def test_reads_of_several_callers_are_not() -> None:
    spans = [replace(span(ROW, n + 1), same=n) for n in range(6)]
    assert not findings(trace(spans))


def with_ids(seen: Trace) -> Trace:
    """As if each read had a request id of its own."""
    spans = [
        replace(one, same=one.number, identity=1, exact_identity=100 + one.number, call_headers="x-request-id")
        for one in seen.spans
    ]
    return trace(spans)


def test_reads_with_an_id_each_are_one_and_the_evidence_names_the_header_and_the_setting() -> None:
    (finding,) = findings(with_ids(parallel([ROW] * 3)))
    assert finding.title == "3 equal reads of creators, but for x-request-id"
    assert finding.evidence == (
        "requests of one caller that are equal but for x-request-id, made 3 times, each time answered alike",
        "no write by anybody in between",
        "3 sent in parallel; fanin answered them with 3 upstream calls",
        "x-request-id is new in each, so that they share no call. If no SQL reads it:"
        ' identity.also_neutral = ["x-request-id"]',
    )
    assert finding.fix.supabase_js == findings(parallel([ROW] * 3))[0].fix.supabase_js
    assert not findings(with_ids(parallel([ROW] * 2)))


def test_no_setting_is_named_where_none_would_help() -> None:
    (finding,) = findings(with_ids(one_by_one([ROW] * 3)), RuleSettings(duplicate_read=DuplicateRead(max_pause=9.0)))
    assert finding.evidence[-1] == "3 sent one after another, which fanin cannot share"
    assert "also_neutral" not in " ".join(finding.evidence)


def test_a_write_between_is_a_reason_to_read_again() -> None:
    for write in ("PATCH /videos?id=eq.1", "POST /rpc/publish", "DELETE /creators?id=eq.7"):
        assert not findings(one_by_one([ROW, ROW, write, ROW, ROW]))
        assert len(findings(one_by_one([ROW, ROW, ROW, write, ROW]))) == 1
    assert findings(one_by_one([ROW, ROW, "OPTIONS /creators", ROW]))


def test_a_loop_that_reads_the_same_rows_between_writes_to_other_tables_is_a_duplicate() -> None:
    lines = [line for n in range(4) for line in (f"{ROW} → 1 rows, 1 kB", f"PATCH /outbox?id=eq.{n}")]
    (finding,) = findings(one_by_one(lines))
    assert finding.title == "4 equal reads of creators"
    assert finding.evidence[0].endswith("with no write by anybody in between, but for writes to outbox")
    assert not findings(one_by_one(lines[:4]))
    for write in ("POST /rpc/publish", "PATCH /creator_payouts?id=eq.1", "DELETE /creators?id=eq.7"):
        assert not findings(one_by_one([line if line in lines[::2] else write for line in lines])), write
    changed = [line.replace("1 kB", f"{n} kB") for n, line in enumerate(lines, 1)]
    assert not findings(one_by_one(changed))
    embedded = [line.replace("select=*", "select=*,outbox(state)") for line in lines]
    assert not findings(one_by_one(embedded))


def test_a_write_by_another_trace_between_is_one_too() -> None:
    reads = one_by_one([ROW] * 8).spans
    assert not findings(trace([replace(one, writes=2 * number) for number, one in enumerate(reads)]))
    assert len(findings(trace([replace(one, writes=number // 4) for number, one in enumerate(reads)]))) == 1


def test_retries_and_failures_are_not() -> None:
    assert not findings(trace([span(ROW, n + 1, retry=True) for n in range(6)]))
    assert not findings(trace([replace(span(ROW, n + 1), status=503) for n in range(6)]))


def test_what_a_timer_asks_is_not_and_what_slow_work_repeats_is() -> None:
    def every(seconds: float, *others: Span) -> Trace:
        return trace([*[span(ROW, n + 1, start=n * seconds, end=n * seconds + 0.02) for n in range(5)], *others])

    assert not findings(every(0.3))
    assert findings(every(0.1))
    assert findings(every(0.3, span("GET /videos?select=*", 9, start=0.05, end=0.95)))


def test_a_long_wait_is_a_reason_to_read_again() -> None:
    late = trace([span(ROW, n, start=start, end=start + 0.02) for n, start in enumerate((0.0, 0.1, 0.7, 0.75), 1)])
    assert not findings(late)
    assert findings(late, RuleSettings(duplicate_read=DuplicateRead(max_pause=0.7)))
    busy = [*late.spans, span("GET /videos?select=*", 9, start=0.15, end=0.69)]
    assert findings(trace(busy))


def test_functions_are_not() -> None:
    assert not findings(parallel(["GET /rpc/now"] * 6))


def test_a_mixed_trace_is_not_judged_and_an_inferred_one_with_less_confidence() -> None:
    spans = [span(ROW, n + 1) for n in range(3)]
    assert not findings(trace(spans, explicit=False, mixed=True))
    assert [finding.confidence for finding in findings(trace(spans, explicit=False))] == ["medium"]
    assert [finding.confidence for finding in findings(trace(spans))] == ["high"]


def test_repeated_reads_of_a_few_rows_are_one_finding() -> None:
    (finding,) = findings(parallel([f"GET /creators?select=*&id=eq.{n % 3}" for n in range(10)]))
    assert finding.title == "10 reads of creators for 3 different queries"
    assert finding.evidence[0].startswith("byte-equal requests of one caller, made 4 and 3 and 3 times")
    assert finding.expected == "10 requests become 3."


def test_an_n_plus_one_is_fan001s_alone() -> None:
    seen = parallel([f"GET /creators?select=*&id=eq.{n % 6}" for n in range(24)])
    assert found(fan001_n_plus_one_read.RULE, [seen])
    assert not findings(seen)
    assert findings(seen, RuleSettings(fan001="off"))


def test_what_is_too_little_for_fan001_is_fan003s_alone() -> None:
    seen = parallel([f"GET /creators?select=*&id=eq.{n % 4}" for n in range(24)])
    assert not found(fan001_n_plus_one_read.RULE, [seen])
    assert len(findings(seen)) == 1
    settings = RuleSettings(n_plus_one=NPlusOne(min_distinct=4))
    assert found(fan001_n_plus_one_read.RULE, [seen], settings)
    assert not findings(seen, settings)


def test_parallel_and_sequential_repetitions_are_told_apart() -> None:
    shared = [replace(span(ROW, n + 1), call=1) for n in range(4)]
    assert findings(trace(shared))[0].evidence[1] == "4 sent in parallel; fanin answered them with 1 upstream call"
    late = one_by_one([ROW] * 4)
    assert findings(late)[0].evidence[1] == "4 sent one after another, which fanin cannot share"
    both: list[Span] = [*shared, *one_by_one([f"{ROW}&name=is.null"] * 3).spans]
    assert len(findings(trace(both))) == 2


def test_the_places_that_ask_are_named() -> None:
    places = ("layout.tsx:3", "layout.tsx:3", "page.tsx:9", "middleware.ts:1")
    spans = [replace(span(ROW, n + 1), caller=place) for n, place in enumerate(places)]
    (finding,) = findings(trace(spans))
    assert finding.evidence[-1] == "called from layout.tsx:3 (2×), page.tsx:9 (1×), middleware.ts:1 (1×)"


def test_the_fix_reads_once() -> None:
    (finding,) = findings(parallel(["GET /videos?select=id,title&status=eq.x&at=gte.1&at=lt.2&order=at.desc"] * 3))
    assert "readVideos = cache(async (status, at, at_2) => {" in finding.fix.supabase_js
    assert "def read_videos(status, at, at_2):" in finding.fix.supabase_py
    assert finding.fix.sql.startswith("select id, title\nfrom videos\nwhere status = $1\n  and at >= $2\n  and at < $3")
    compile(finding.fix.supabase_py, "fix", "exec")
    sqlglot.parse_one(finding.fix.sql, dialect="postgres")


def test_the_impact_grows_with_the_number_of_reads_alone() -> None:
    assert findings(parallel([ROW] * 3))[0].impact == "LOW"
    assert findings(one_by_one([ROW] * 3))[0].impact == "LOW"
    assert findings(parallel([ROW] * 20))[0].impact == "HIGH"


def test_the_key_to_mute_by_does_not_depend_on_values() -> None:
    other = parallel([ROW.replace("7", "8")] * 9)
    assert findings(parallel([ROW] * 3))[0].key == findings(other)[0].key


def test_reads_whose_bound_is_each_time_a_new_moment_are_equal_and_have_no_code() -> None:
    lines = [f"GET /posts?select=*&published_at=lte.2026-01-01T00:00:{n:02}Z → 7 rows" for n in range(40)]
    (finding,) = findings(parallel(lines))
    assert finding.title == "40 equal reads of posts, but for the moving bound published_at=lte"
    assert finding.fix.reason.startswith("No code: published_at=lte has another value in each call.")
    assert finding.expected == "40 requests become 1."
    answers = [f"{line.partition(' → ')[0]} → {n} rows" for n, line in enumerate(lines)]
    assert not findings(parallel(answers)), "each answer had other rows"


def test_pages_by_a_key_are_not_equal_although_their_answers_are_as_long() -> None:
    assert not findings(parallel([f"GET /posts?id=gt.{n}&order=id&limit=7 → 7 rows" for n in range(40)]))
