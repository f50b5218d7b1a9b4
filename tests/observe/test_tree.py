"""A trace is printed as a tree: one line per merged call, bypass reasons with their text, findings below."""

from __future__ import annotations

import io

from msgspec.structs import replace

from proxy.model import Outcome, Trace
from proxy.observe.confirmed_names import ConfirmedNames
from proxy.observe.events import TraceClosed, WindowClosed
from proxy.observe.tree import MOST_SPANS, TracePrinter, trace_lines
from proxy.settings.rules import RuleSettings
from rules.fan001_n_plus_one_read import RULE, detect
from tests.rules.traces import parallel, span, trace

LINE = "GET /creators?id=eq.{}"


def text(seen: Trace) -> str:
    names = ConfirmedNames()
    names.learn(seen.spans)
    return "\n".join(trace_lines(seen, tuple(detect(seen, RuleSettings().of(RULE))), names))


def test_requests_that_shared_a_call_are_one_line() -> None:
    spans = [replace(span(LINE.format(n), n + 1), call=1, shared=4, outcome=Outcome.MERGED) for n in range(4)]
    printed = text(trace(spans))
    assert "4 requests → 1 upstream call" in printed
    assert printed.count("merged: 4 requests, 4 keys, 1 call") == 1


def test_equal_requests_that_shared_an_answer_are_one_line() -> None:
    spans = [replace(span(LINE.format(7), n + 1), call=1, shared=4, outcome=Outcome.SHARED) for n in range(4)]
    assert text(trace(spans)).count("shared: 4 requests, 1 call") == 1


def test_a_request_that_was_not_merged_has_its_reason() -> None:
    assert "passed: offset (The query has an offset)" in text(
        trace([replace(span(LINE.format(1), 1), bypass_reason="offset")])
    )


def test_a_finding_is_printed_below_with_its_fix() -> None:
    printed = text(parallel([LINE.format(n) for n in range(6)]))
    assert "[MEDIUM: FAN001] 6 reads of creators, one for each id" in printed
    assert "where id = ANY($1::bigint[]);" in printed


def test_a_long_trace_is_truncated_and_the_rest_counted() -> None:
    printed = text(parallel(["GET /t?a=gt.1"] * (MOST_SPANS + 7)))
    assert "… and 7 more requests" in printed


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
