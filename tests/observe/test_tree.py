"""A trace is printed as a tree: one line per merged call, bypass reasons with their text, findings below."""

from __future__ import annotations

import io

from msgspec.structs import replace

from proxy.findings.report import finding_lines
from proxy.model import Outcome, Trace
from proxy.observe.confirmed_names import ConfirmedNames
from proxy.observe.events import TraceClosed, WindowClosed
from proxy.observe.tree import MOST_ALIKE, MOST_SPANS, TracePrinter, trace_lines
from proxy.settings.rules import RuleSettings
from rules.fan001_n_plus_one_read import RULE, detect
from tests.rules.traces import parallel, span, trace

LINE = "GET /creators?id=eq.{}"


def text(seen: Trace) -> str:
    names = ConfirmedNames()
    names.learn(seen.spans)
    found = [list(finding_lines(finding)) for finding in detect(seen, RuleSettings().of(RULE))]
    return "\n".join(trace_lines(seen, found, names))


def test_requests_that_shared_a_call_are_one_line() -> None:
    spans = [replace(span(LINE.format(n), n + 1), call=1, shared=4, outcome=Outcome.MERGED) for n in range(4)]
    printed = text(trace(spans))
    assert "4 requests → 1 upstream call" in printed
    assert printed.count("merged: 4 requests, 4 keys, 1 call") == 1


def test_equal_requests_that_shared_an_answer_are_one_line() -> None:
    spans = [replace(span(LINE.format(7), n + 1), call=1, shared=4, outcome=Outcome.SHARED) for n in range(4)]
    assert text(trace(spans)).count("shared: 4 requests, 1 call") == 1


def test_a_request_that_was_fetched_ahead_has_a_line_of_its_own() -> None:
    outcomes = (Outcome.MERGED, Outcome.PREFETCHED, Outcome.PREFETCHED)
    spans = [
        replace(span(LINE.format(n), n + 1), call=1, shared=9, outcome=outcome) for n, outcome in enumerate(outcomes)
    ]
    printed = text(trace(spans))
    assert "3 requests → 1 upstream call" in printed
    assert printed.count("  prefetched") == 2


def test_a_request_that_was_not_merged_has_its_reason() -> None:
    assert "passed: offset (The query has an offset other than 0)" in text(
        trace([replace(span(LINE.format(1), 1), bypass_reason="offset")])
    )


def test_a_finding_is_printed_below_with_its_fix() -> None:
    printed = text(parallel([LINE.format(n) for n in range(6)]))
    assert "[LOW: FAN001] 6 reads of creators, one for each id" in printed
    assert "where id = ANY($1);" in printed


def test_a_long_trace_is_truncated_and_the_rest_counted() -> None:
    printed = text(parallel([f"GET /t{n}?a=gt.1" for n in range(MOST_SPANS + 7)]))
    assert "… and 7 more requests" in printed


def test_the_lines_of_a_loop_are_folded_and_those_of_other_requests_are_not() -> None:
    loop = [f"GET /t?a=eq.{n} → 2 rows, 1 kB" for n in range(MOST_ALIKE + 1)]
    printed = text(parallel([*loop[:9], "GET /u?a=gt.1", *loop[9:]])).split("\n")
    assert sum(line.startswith("├─ GET t?a=eq.?") for line in printed) == MOST_ALIKE // 2
    (rest,) = [line for line in printed if "more like these" in line]
    assert rest == "├─ … 7 more like these: GET t?a=eq.?  in 10.0 ms  14 rows, 7000 bytes"
    assert sum("GET u?a=gt.?" in line for line in printed) == 1
    few = text(parallel(loop[:MOST_ALIKE]))
    assert "more like these" not in few


def test_a_finding_is_printed_whole_once_and_then_in_a_line() -> None:
    stream = io.StringIO()
    trees = TracePrinter(stream)
    seen = parallel([LINE.format(n) for n in range(6)])
    for _ in range(3):
        trees(TraceClosed(seen, tuple(detect(seen, RuleSettings().of(RULE)))))
    printed = stream.getvalue()
    assert printed.count("[LOW: FAN001] 6 reads of creators, one for each id") == 3
    assert printed.count("where id = ANY($1);") == 1
    assert printed.count("(again; its fix is above)") == 2


def test_inferred_mixed_and_truncated_are_marked() -> None:
    seen = replace(trace([span(LINE.format(1), 1)], explicit=False, mixed=True), truncated=True, route="")
    assert text(seen).startswith("● t (inferred, mixed, truncated)")


def test_text_from_clients_is_escaped_for_the_terminal() -> None:
    nasty = replace(span(LINE.format(1), 1), caller="\x1b[31m", fingerprint="GET t\x07")
    printed = text(replace(trace([nasty]), route="\x1b]0;x\x07"))
    assert all(line.isprintable() for line in printed.split("\n"))


def test_only_closed_traces_are_printed() -> None:
    stream = io.StringIO()
    trees = TracePrinter(stream)
    trees(WindowClosed(1, 0.0))
    assert not stream.getvalue()
    trees(TraceClosed(trace([span(LINE.format(1), 1)]), ()))
    assert stream.getvalue().startswith("● GET /export")
