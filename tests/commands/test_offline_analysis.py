"""The offline analysis returns findings with their occurrences, and warnings about ignores."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from msgspec.structs import replace

from proxy.commands.offline_analysis import OfflineAnalysis
from proxy.settings.loading import load
from rules import RULES
from tests.rules.traces import parallel, span, trace

if TYPE_CHECKING:
    from proxy.model import Trace

FAN_OUT = parallel([f"GET /videos?id=eq.{number}&select=id" for number in range(9)])
ONE = replace(trace([span("GET /songs?id=eq.1&select=id", 1)]), id="one")
IGNORED: dict[str, Any] = {"ignore": [{"rule": "FAN001", "reason": "in spring"}]}


def analysed(*traces: Trace, **settings: Any) -> OfflineAnalysis:
    analysis = OfflineAnalysis(RULES, load(settings).settings)
    for number, recorded in enumerate(traces):
        analysis.judge(f"file {number}", recorded)
    analysis.close()
    return analysis


def test_a_finding_is_returned_once_with_its_numbers_of_occurrences_and_traces() -> None:
    part = replace(FAN_OUT, part=2)
    (seen,) = analysed(ONE, FAN_OUT, part, replace(FAN_OUT, id="u")).seen()
    assert (seen.finding.code, seen.times, seen.traces) == ("FAN001", 3, 3)
    assert (seen.source, seen.trace, seen.can_fail) == ("file 1", "t", True)


def test_parts_of_a_trace_in_one_recording_are_one_trace() -> None:
    analysis = OfflineAnalysis(RULES, load({}).settings)
    for part in (FAN_OUT, replace(FAN_OUT, part=2)):
        analysis.judge("file", part)
    analysis.close()
    (seen,) = analysis.seen()
    assert (seen.times, seen.traces) == (2, 1)


def test_traces_that_can_fail_a_build_are_analysed_separately_and_come_first() -> None:
    seen = analysed(replace(FAN_OUT, explicit=False), FAN_OUT, replace(FAN_OUT, truncated=True)).seen()
    assert [(counted.can_fail, counted.times) for counted in seen] == [(True, 1), (False, 2)]


def test_a_finding_about_the_workload_has_no_trace() -> None:
    slow = [replace(trace([span("GET /slow?id=eq.1&select=id → 900 ms", 1)]), id=str(n)) for n in range(9)]
    (seen,) = [counted for counted in analysed(*slow).seen() if counted.finding.code == "FAN016"]
    assert (seen.times, seen.traces, seen.source, seen.trace) == (1, 0, "", "")


def test_an_ignored_finding_is_known_and_not_seen() -> None:
    analysis = analysed(FAN_OUT, **IGNORED)
    assert (analysis.seen(), analysis.warnings()) == ([], [])
    (known,) = analysis.known()
    assert known.ignore is not None
    assert (known.count, known.ignore.reason) == (1, "in spring")


def test_an_ignore_is_unmatched_only_if_neither_run_matches_it() -> None:
    assert analysed(ONE, **IGNORED).unmatched == ["ignore 1 (FAN001) has matched no finding"]
    assert analysed(ONE, replace(FAN_OUT, explicit=False), **IGNORED).unmatched == []
    assert analysed(**IGNORED).unmatched == []


def test_a_finding_is_known_once_postgrest_accepted_its_name() -> None:
    refused = replace(FAN_OUT, spans=tuple(replace(each, status=404) for each in FAN_OUT.spans))
    assert analysed(refused).known() == []
    assert len(analysed(refused, FAN_OUT).known()) == 1


def test_evicted_findings_are_a_warning() -> None:
    others = [replace(FAN_OUT, id=str(n), route=f"GET /{n}") for n in range(3)]
    analysis = analysed(*others, **{"detect.findings": 2})
    assert analysis.warnings() == ["later findings evicted 1 finding: raise detect.findings"]
