"""Fan-outs are detected by the key in which reads differ, by overlap, and without polling."""

from __future__ import annotations

from itertools import accumulate
from typing import TYPE_CHECKING

import pytest
from msgspec.structs import replace

from proxy.analysis.fingerprint import parse_fingerprint
from proxy.analysis.patterns.fan_out import (
    FanOutDetector,
    fan_outs,
    parallel_fan_out,
    sequential_fan_out,
    varying_key,
)
from proxy.analysis.patterns.pauses import BusyTime
from proxy.analysis.steps import result_of
from rules.fan001_n_plus_one_read import NPlusOne
from tests.rules.traces import span, trace

if TYPE_CHECKING:
    from proxy.model import Span

BOUNDS = NPlusOne(min_calls=3, min_distinct=2)


def key_column(*lines: str) -> str | None:
    spans = [span(line, number + 1) for number, line in enumerate(lines)]
    key = result_of(varying_key(parse_fingerprint(spans[0].fingerprint), spans, BOUNDS))
    return None if key is None else key.column


def test_the_key_is_the_eq_filter_with_most_values() -> None:
    assert key_column("GET /t?a=eq.1&b=eq.1", "GET /t?a=eq.1&b=eq.2", "GET /t?a=eq.2&b=eq.3") == "b"


def test_too_few_calls_or_too_few_values_have_no_key() -> None:
    assert key_column("GET /t?a=eq.1", "GET /t?a=eq.2") is None
    assert key_column(*["GET /t?a=eq.1"] * 9) is None


def test_a_filter_with_another_operator_is_not_a_key() -> None:
    assert key_column("GET /t?a=gt.1", "GET /t?a=gt.2", "GET /t?a=gt.3") is None


def detected(spans: list[Span], others: list[Span] | None = None) -> list[bool]:
    """Whether the spans are a fan-out in parallel, and whether they are one in sequence, beside others of the trace."""
    parsed, load = parse_fingerprint("GET t?a=eq.?"), BusyTime([*(others or ()), *spans])
    return [
        result_of(detect(parsed, spans, BOUNDS, load)) is not None for detect in (parallel_fan_out, sequential_fan_out)
    ]


PARALLEL, SEQUENTIAL = [True, False], [False, True]


def test_a_fan_out_is_parallel_or_sequential_by_what_most_of_its_spans_are() -> None:
    def every(interval: float) -> list[Span]:
        return [span(f"GET /t?a=eq.{n}", n, start=n * interval, end=n * interval + 0.1) for n in range(9)]

    assert (detected(every(0.01)), detected(every(0.15))) == (PARALLEL, SEQUENTIAL)


def test_reads_sent_two_by_two_are_parallel_though_some_pairs_did_not_overlap() -> None:
    starts = [0.0, 0.01, 0.05, 0.06, 0.10, 0.11, 0.15, 0.17, 0.20, 0.22]
    assert detected([span(f"GET /t?a=eq.{n}", n, start=at, end=at + 0.015) for n, at in enumerate(starts)]) == PARALLEL


def test_quick_reads_are_parallel_if_each_has_a_connection_of_its_own_and_sequential_on_those_of_a_pool() -> None:
    def on(*connections: int) -> list[Span]:
        return [
            replace(span(f"GET /t?a=eq.{n}", n, start=n / 50, end=n / 50 + 0.01), connection=connection, connected=0.0)
            for n, connection in enumerate(connections)
        ]

    assert detected(on(*range(1, 10))) == PARALLEL
    assert detected(on(1, 2, 3, 4, 5, 2, 1, 4, 3)) == SEQUENTIAL
    assert detected(on(0, 0, 0, 0, 0, 0)) == SEQUENTIAL


def test_connections_of_a_pool_used_in_turn_do_not_make_reads_without_overlap_parallel() -> None:
    def on(first: int, last: float = 0.01) -> list[Span]:
        spans = [span(f"GET /t?a=eq.{n}", n, start=1 + n / 50, end=1 + n / 50 + 0.01) for n in range(9)]
        spans[0] = replace(spans[0], end=1 + last)
        return [replace(one, connection=first + n, connected=0.0) for n, one in enumerate(spans)]

    before = [replace(span(f"GET /u?b=eq.{n}", 20 + n, start=0.1), connection=1 + n, connected=0.0) for n in range(12)]
    assert detected(on(1), before) == SEQUENTIAL
    assert detected(on(20), before) == PARALLEL, "each was opened for these reads"
    assert detected(on(1, last=0.03), before) == PARALLEL, "two of them overlap"
    old = [replace(one, connected=-2.0) for one in on(1)]
    assert detected(old) == SEQUENTIAL, "they were opened for another trace"
    assert detected([replace(old[0], end=1.03), *old[1:]]) == PARALLEL, "two of them overlap"


def test_a_person_or_a_timer_makes_no_loop_and_a_busy_machine_does_not_end_one() -> None:
    def with_pauses(*pauses: float) -> list[bool]:
        starts = accumulate(pauses, lambda at, pause: at + 0.02 + pause, initial=0.0)
        return detected([span(f"GET /t?a=eq.{n}", n, start=at, end=at + 0.02) for n, at in enumerate(starts)])

    assert with_pauses(0.001, 0.03, 0.4, 0.01, 0.02, 0.05, 0.01, 0.02) == SEQUENTIAL
    assert with_pauses(0.14, 0.16, 0.28, 0.14, 0.15, 0.19) == [False, False]


def test_each_fingerprint_that_fans_out_is_detected_unless_the_trace_is_mixed() -> None:
    lines = [f"{line}eq.{n}" for line in ("GET /t?a=", "GET /u?b=", "DELETE /t?a=") for n in range(9)]
    spans = [span(line, number + 1) for number, line in enumerate([*lines, "GET /v?a=eq.1"])]
    retries = [span(f"GET /w?a=eq.{n}", 50 + n, retry=True) for n in range(9)]
    detected = [
        (parsed.relation, fan_out.key.column, len(fan_out.spans))
        for parsed, fan_out in filter(None, fan_outs(trace([*spans, *retries]), parallel_fan_out, BOUNDS))
    ]
    assert detected == [("t", "a", 9), ("u", "b", 9)]
    assert not list(fan_outs(trace(spans, mixed=True), parallel_fan_out, BOUNDS))


@pytest.mark.parametrize("detect", [parallel_fan_out, sequential_fan_out])
@pytest.mark.parametrize(
    ("statuses", "reads"),
    [
        ([400] * 9, 0),
        ([401] * 4 + [403] * 5, 0),
        ([404] * 9, 0),
        ([406] * 9, 0),
        ([406, 400] * 5, 0),
        ([200] * 2 + [403] * 9, 0),
        ([200] * 6 + [400] * 3, 6),
        ([200] + [406] * 8, 9),
        ([504] * 9, 9),
        ([429] * 9, 9),
        ([0] * 9, 9),
    ],
    ids=str,
)
def test_refused_reads_are_in_no_fan_out(detect: FanOutDetector, statuses: list[int], reads: int) -> None:
    step = 0.001 if detect is parallel_fan_out else 0.02
    spans = [
        replace(span(f"GET /t?a=eq.{n}", n + 1, start=n * step, end=n * step + 0.015), status=status)
        for n, status in enumerate(statuses)
    ]
    found = [len(fan_out.spans) for _, fan_out in filter(None, fan_outs(trace(spans), detect, BOUNDS))]
    assert found == ([reads] if reads else [])
