"""A trace reads as a tree: merged requests as one line, bypass reasons with their reason, findings below."""

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
    shown = text(trace(spans))
    assert "4 requests → 1 upstream call" in shown
    assert shown.count("merged: 4 requests, 4 keys, 1 call") == 1


def test_equal_requests_that_shared_an_answer_are_one_line() -> None:
    spans = [replace(span(LINE.format(7), n + 1), call=1, shared=4, outcome=Outcome.SHARED) for n in range(4)]
    assert text(trace(spans)).count("shared: 4 requests, 1 call") == 1


def test_a_request_left_alone_says_why() -> None:
    assert "passed: offset (The query has an offset)" in text(
        trace([replace(span(LINE.format(1), 1), bypass_reason="offset")])
    )


def test_a_finding_is_printed_below_with_its_fix() -> None:
    shown = text(parallel([LINE.format(n) for n in range(6)]))
    assert "[MEDIUM: FAN001] 6 reads of creators, one for each id" in shown
    assert "where id = ANY($1::bigint[]);" in shown


def test_a_long_trace_is_cut_and_the_rest_counted() -> None:
    shown = text(parallel(["GET /t?a=gt.1"] * (MOST_SPANS + 7)))
    assert "… and 7 more requests" in shown


def test_inferred_mixed_and_truncated_are_marked() -> None:
    seen = replace(trace([span(LINE.format(1), 1)], explicit=False, mixed=True), truncated=True, route="")
    assert text(seen).startswith("● t (inferred, mixed, truncated)")


def test_nothing_that_a_client_wrote_reaches_the_terminal_raw() -> None:
    nasty = replace(span(LINE.format(1), 1), caller="\x1b[31m", fingerprint="GET t\x07")
    shown = text(replace(trace([nasty]), route="\x1b]0;x\x07"))
    assert all(line.isprintable() for line in shown.split("\n"))


def test_only_closed_traces_are_printed() -> None:
    stream = io.StringIO()
    trees = TracePrinter(stream)
    trees(WindowClosed(1, 0.0))
    assert not stream.getvalue()
    trees(TraceClosed(trace([span(LINE.format(1), 1)]), ()))
    assert stream.getvalue().startswith("● GET /export")
