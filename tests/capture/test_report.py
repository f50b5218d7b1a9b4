"""The report at the end of a capture: whole findings first, then what was seen."""

from __future__ import annotations

from proxy.capture.report import MOST_WHOLE, Traffic, report
from proxy.findings.model import CountedFinding
from tests.check.factories import finding


def test_the_first_findings_are_whole_and_the_others_are_named() -> None:
    seen = [CountedFinding(finding(f"t{n}"), "f", "t", 1, False) for n in range(MOST_WHOLE + 2)]
    lines = list(report([*seen, *seen], Traffic(30, 0, 3), "f.jsonl", []))
    assert sum(line.startswith("[") for line in lines) == MOST_WHOLE + 2
    assert sum(line.startswith("  Mute with") for line in lines) == MOST_WHOLE
    assert lines[-1] == f"fanin: 30 requests in 3 traces, {MOST_WHOLE + 2} findings; recording: f.jsonl"


def test_no_request_is_said_with_the_variables_and_what_is_outside_is_counted() -> None:
    assert "from none of A, B\\x1b." in next(report([], Traffic(0, 0, 0), "f", ["A", "B\x1b"]))
    first, last = report([], Traffic(2, 1, 1), "f", [])
    assert first == "fanin: 1 request outside PostgREST's path: passed on, and not analysed"
    assert last == "fanin: 2 requests in 1 trace, 0 findings; recording: f"
