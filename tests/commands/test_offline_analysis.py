"""Traffic is judged trace by trace: what was found, where, how often, and what is to be told of ignores."""

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


def judged(*traces: Trace, **settings: Any) -> OfflineAnalysis:
    courts = OfflineAnalysis(RULES, load(settings).settings)
    for number, one in enumerate(traces):
        courts.judge(f"file {number}", one)
    courts.close()
    return courts


def test_a_finding_is_once_with_how_often_and_in_how_many_traces_it_was_made() -> None:
    part = replace(FAN_OUT, part=2)
    (seen,) = judged(ONE, FAN_OUT, part, replace(FAN_OUT, id="u")).seen()
    assert (seen.finding.code, seen.times, seen.traces) == ("FAN001", 3, 3)
    assert (seen.source, seen.trace, seen.can_fail) == ("file 1", "t", True)


def test_parts_of_a_trace_in_one_recording_are_one_trace() -> None:
    courts = OfflineAnalysis(RULES, load({}).settings)
    for one in (FAN_OUT, replace(FAN_OUT, part=2)):
        courts.judge("file", one)
    courts.close()
    (seen,) = courts.seen()
    assert (seen.times, seen.traces) == (2, 1)


def test_traces_that_can_fail_a_build_are_judged_apart_and_told_first() -> None:
    seen = judged(replace(FAN_OUT, explicit=False), FAN_OUT, replace(FAN_OUT, truncated=True)).seen()
    assert [(one.can_fail, one.times) for one in seen] == [(True, 1), (False, 2)]


def test_a_finding_of_the_workload_is_in_no_trace() -> None:
    slow = [replace(trace([span("GET /slow?id=eq.1&select=id → 900 ms", 1)]), id=str(n)) for n in range(9)]
    (seen,) = [one for one in judged(*slow).seen() if one.finding.code == "FAN016"]
    assert (seen.times, seen.traces, seen.source, seen.trace) == (1, 0, "", "")


def test_what_is_ignored_is_known_and_not_seen() -> None:
    courts = judged(FAN_OUT, **IGNORED)
    assert (courts.seen(), courts.warnings()) == ([], [])
    (known,) = courts.known()
    assert known.ignore is not None
    assert (known.count, known.ignore.reason) == (1, "in spring")


def test_an_ignore_is_idle_only_where_no_kind_of_trace_has_something_for_it() -> None:
    assert judged(ONE, **IGNORED).warnings() == ["ignore 1 (FAN001) has matched no finding"]
    assert judged(ONE, replace(FAN_OUT, explicit=False), **IGNORED).warnings() == []
    assert judged(**IGNORED).warnings() == []


def test_a_name_that_upstream_has_not_taken_is_no_finding_until_it_is_taken() -> None:
    refused = replace(FAN_OUT, spans=tuple(replace(one, status=404) for one in FAN_OUT.spans))
    assert judged(refused).known() == []
    assert len(judged(refused, FAN_OUT).known()) == 1


def test_findings_that_gave_way_are_warned_of() -> None:
    others = [replace(FAN_OUT, id=str(n), route=f"GET /{n}") for n in range(3)]
    told = judged(*others, **{"detect.findings": 2})
    assert told.warnings() == ["1 findings gave way to later ones: raise detect.findings"]
