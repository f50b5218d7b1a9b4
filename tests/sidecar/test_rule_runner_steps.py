"""Rules work in small steps, whatever is in a trace: the event loop serves requests between two of them.

A step is measured in calls of functions, Python's and C's, so that the result is the same on every machine.
"""

from __future__ import annotations

import gc
import io
import sys
from typing import TYPE_CHECKING, Any

import pytest
from msgspec.structs import replace

from proxy.analysis.fingerprint import MAX_FILTERS
from proxy.observe.confirmed_names import ConfirmedNames
from proxy.observe.events import Events, TraceClosed
from proxy.observe.metrics import Metrics
from proxy.observe.trace_size import spans_bytes
from proxy.observe.tree import TracePrinter
from proxy.settings.model import Settings
from proxy.sidecar.rule_runner import MAX_FINDINGS, MORE, RuleRunner
from proxy.traces.store import TraceStore
from rules import RULES
from tests.rules.traces import span, trace

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from proxy.findings.model import Finding
    from proxy.model import Span, Trace

SPANS = 2000
"""trace.max_spans."""
MOST_FREED = 60_000
"""Blocks of memory that one step gives back: about 6 ms."""
MOST_CALLS = 40_000
"""Function calls of one step: about 3 ms without the profiler."""


def sequence(line: str, count: int = SPANS, gap: float = 0.01, **changes: Any) -> list[Span]:
    """Requests one after another; ``{n}`` in ``line`` is their number."""
    first = span(line.replace("{n}", "0"), 1)
    made = []
    for number in range(count):
        one = first if "{n}" not in line else span(line.replace("{n}", str(number)), number + 1)
        start = gap * number
        made.append(replace(one, number=number + 1, start=start, end=start + 0.005, call=number + 1, **changes))
    return made


def filters(count: int, value: str = "{n}") -> str:
    return "&".join(f"c{at}=eq.{value}" for at in range(count))


def keys(count: int, number: int = 0) -> tuple[tuple[str, tuple[int, ...]], ...]:
    return (("id", tuple(range(number * count, (number + 1) * count))), ("user_id", tuple(range(count))))


def lists_with_keys() -> list[Span]:
    """Lists of 1,000 keys each, and between them requests for one of them."""
    made = sequence("GET /creators", SPANS, rows=1000)
    reads = sequence("GET /videos?creator_id=eq.7")
    return [
        replace(reads[at], literals=(1000 * at - 7,)) if at % 2 else replace(one, row_keys=keys(1000, at))
        for at, one in enumerate(made)
    ]


def overlapping(spans: list[Span]) -> list[Span]:
    return [replace(one, end=one.start + 9.0) for one in spans]


def at_a_time(count: int, spans: list[Span]) -> list[Span]:
    """``spans``, so many of which begin together."""
    return [replace(one, start=0.1 * (at // count), end=0.1 * (at // count) + 0.05) for at, one in enumerate(spans)]


def rounds() -> list[Span]:
    """Writes, each followed by a list."""
    writes, reads = sequence(f"PATCH /t?{filters(290)}"), sequence(f"GET /t?x=gt.1&{filters(290, '1')}", rows=600)
    return [one for at in range(0, SPANS, 2) for one in (writes[at], reads[at + 1])]


TRACES: dict[str, Callable[[], list[Span]]] = {
    "a loop over 300 filters": lambda: sequence(f"GET /t?{filters(299)}"),
    "a burst over 300 filters": lambda: overlapping(sequence(f"GET /t?{filters(299)}")),
    "different queries": lambda: sequence("GET /t?" + "&".join(f"c{{n}}_{at}=eq.1" for at in range(40)), rows=600),
    "other filters at a time each": lambda: at_a_time(
        32, sequence("GET /t?" + "&".join(f"c{{n}}_{at}=eq.{{n}}{at}" for at in range(120)), status=400)
    ),
    "different relations": lambda: sequence("GET /t{n}?select=*&id=eq.1", rows=600, size=90_000),
    "equal reads": lambda: sequence(f"GET /t?{filters(290, '1')}"),
    "equal reads by a timer": lambda: sequence(f"GET /t?{filters(290, '1')}", gap=1.0),
    "writes row by row": lambda: sequence(f"PATCH /t?{filters(290)}"),
    "inserts": lambda: sequence("POST /t", row_keys=keys(1)),
    "a loop over keys of large answers": lambda: sequence("GET /t?id=eq.{n}", rows=1000, row_keys=keys(1000)),
    "lists with keys": lists_with_keys,
    "writes and recounts": rounds,
    "lists without keys": lambda: [
        *sequence("GET /creators", 1000, rows=600),
        *[replace(one, start=one.start + 30) for one in sequence("GET /t?creator_id=eq.{n}", 1000)],
    ],
}


@pytest.fixture(scope="module", params=TRACES)
def long_trace(request: pytest.FixtureRequest) -> Trace:
    spans = TRACES[request.param]()
    return replace(trace(spans), held_bytes=spans_bytes(spans))  # as it is measured while the trace is open


def calls_per_step(steps: Iterator[None]) -> Iterator[int]:
    calls = 0

    def count(_: object, event: str, __: object) -> None:
        nonlocal calls
        calls += event in ("call", "c_call")

    while True:
        calls = 0
        sys.setprofile(count)
        try:
            next(steps)
        except StopIteration:
            return
        finally:
            sys.setprofile(None)
            seen = calls
        yield seen


def test_no_step_of_a_rule_is_long(long_trace: Trace) -> None:
    events = Events()
    events.subscribe(TraceStore(500, 20_000, 200_000, ConfirmedNames(), lambda: 0.0), TraceClosed)
    events.subscribe(TracePrinter(io.StringIO()), TraceClosed)
    events.subscribe(Metrics(200, tuple))
    runner = RuleRunner(RULES, Settings(), events)
    assert max(calls_per_step(runner.steps(long_trace))) < MOST_CALLS
    assert max(calls_per_step(runner.inspection_steps(1e9))) < MOST_CALLS


def blocks_freed(steps: Iterator[None]) -> Iterator[int]:
    """By each step: what a step builds up is cheap to build, but has to be given back at once."""
    before = sys.getallocatedblocks()
    for _ in steps:
        held = sys.getallocatedblocks()
        yield before - held
        before = held
    yield before - sys.getallocatedblocks()


def test_no_step_of_a_rule_frees_much_memory_at_once(long_trace: Trace) -> None:
    runner = RuleRunner(RULES, Settings(), Events())
    gc.disable()
    try:
        assert max(blocks_freed(runner.steps(long_trace))) < MOST_FREED
    finally:
        gc.enable()


def findings(spans: list[Span]) -> list[Finding]:
    found: list[Finding] = []
    events = Events()
    events.subscribe(lambda event: found.extend(event.findings) if isinstance(event, TraceClosed) else None)
    RuleRunner(RULES, Settings(), events).run(trace(spans))
    return found


def test_evidence_says_that_only_the_first_filters_were_examined() -> None:
    (loop,) = [one for one in findings(sequence(f"GET /t?{filters(60)}", 20)) if one.code == "FAN002"]
    assert loop.evidence[-1] == f"only the first {MAX_FILTERS} of the query's 60 filters were examined"
    (loop,) = [one for one in findings(sequence(f"GET /t?{filters(50)}", 20)) if one.code == "FAN002"]
    assert "examined" not in "".join(loop.evidence)


def test_a_rule_reports_a_largest_number_of_findings_at_once_and_says_so() -> None:
    found = [one for one in findings(sequence("GET /t{n}", 300, rows=600)) if one.code == "FAN009"]
    assert len(found) == MAX_FINDINGS
    assert [MORE in one.evidence for one in found] == [False] * (MAX_FINDINGS - 1) + [True]
