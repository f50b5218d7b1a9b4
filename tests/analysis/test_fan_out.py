"""Fan-outs are detected by the key in which reads differ, by overlap, and without polling."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
from msgspec.structs import replace

from proxy.analysis.fan_out import (
    BusyTime,
    FanOutDetector,
    fan_outs,
    has_many_rows_per_key,
    is_polled,
    parallel_fan_out,
    sequential_fan_out,
    split_at_pauses,
    varying_key,
    without_polling,
)
from proxy.analysis.fingerprint import parse_fingerprint
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


def spans_at(*starts: float, line: str = "GET /t?a=eq.1") -> list[Span]:
    return [span(line, number, start=start, end=start + 0.1) for number, start in enumerate(starts, 1)]


def test_a_pause_ends_a_run_and_a_slow_call_does_not() -> None:
    slow = span("GET /t?a=eq.1", 9, start=1.05, end=3.0)
    runs = split_at_pauses([*spans_at(0.0, 0.2, 1.0, 1.1), slow, *spans_at(3.2)], pause=0.5)
    assert [len(run) for run in runs] == [2, 4]
    assert not list(split_at_pauses([], 0.5))


def test_equal_requests_at_even_intervals_with_few_other_requests_are_polling() -> None:
    other = span("GET /t?a=eq.2", 9, start=0.5, end=0.6)
    assert result_of(without_polling([*spans_at(0.0, 1.0, 2.1, 3.0), other])) == [other]
    for starts in ((0.0, 1.0), (0.0, 1.0, 3.0), (0.0, 0.1, 0.2), (0.0, 0.0, 0.0)):
        assert len(result_of(without_polling(spans_at(*starts)))) == len(starts)


def test_intervals_below_the_minimum_period_of_a_timer_are_not_polling() -> None:
    for period, polled in ((0.15, False), (0.25, True)):
        equal = [span("GET /t?a=eq.1", n, start=n * period, end=n * period + 0.01) for n in range(5)]
        assert is_polled(equal, BusyTime(equal)) is polled


def test_even_waits_after_each_answer_and_growing_waits_are_polling() -> None:
    def polled(*times: tuple[float, float]) -> bool:
        equal = [span("GET /t?a=eq.1", n, start=start, end=end) for n, (start, end) in enumerate(times)]
        return is_polled(equal, BusyTime(equal))

    assert polled((0.0, 0.2), (0.5, 0.52), (0.82, 0.84), (1.14, 1.16))
    assert polled((0.0, 0.01), (0.2, 0.21), (0.6, 0.61), (1.4, 1.41))
    # A busy machine delays one of them; none comes early.
    assert polled((0.0, 0.182), (0.63, 0.654), (0.979, 1.014), (1.333, 1.348), (1.654, 1.671))
    assert not polled((0.0, 0.01), (0.7, 0.71), (1.1, 1.11), (1.5, 1.51), (1.7, 1.71))
    assert not polled((0.0, 0.01), (0.2, 0.21), (0.6, 0.61))
    assert not polled((0.0, 0.01), (0.8, 0.81), (1.2, 1.21), (1.4, 1.41))


def test_busy_time_between_two_moments_counts_the_spans_that_began_between_them() -> None:
    busy = BusyTime(spans_at(3.0, 1.0, 2.0))
    seconds = [round(busy.seconds_between(*moments), 9) for moments in ((1.0, 3.0), (0.0, 9.0), (3.5, 9.0))]
    assert seconds == [0.2, 0.3, 0.0]


def test_overlapping_spans_are_busy_once_and_timers_that_start_together_are_polling() -> None:
    assert round(BusyTime(spans_at(1.0, 1.0, 1.05, 1.02)).seconds_between(0.0, 9.0), 9) == 0.15
    timers = [[span(f"GET /t?a=eq.{n}", n, start=0.0, end=0.35), *spans_at(0.75, 1.25, 1.75)] for n in range(3)]
    busy = BusyTime([each for timer in timers for each in timer])
    assert [is_polled(timer, busy) for timer in timers] == [True] * 3


def test_a_fan_out_is_parallel_or_sequential_by_what_most_of_its_spans_are() -> None:
    def detected(interval: float) -> list[bool]:
        spans = [span(f"GET /t?a=eq.{n}", n, start=n * interval, end=n * interval + 0.1) for n in range(9)]
        parsed = parse_fingerprint("GET t?a=eq.?")
        return [
            result_of(detect(parsed, spans, BOUNDS)) is not None for detect in (parallel_fan_out, sequential_fan_out)
        ]

    assert (detected(0.01), detected(0.2)) == ([True, False], [False, True])


def test_a_key_has_many_rows_if_an_answer_had_several_or_the_query_has_an_order() -> None:
    for line, answer, many in (("?a=eq.1", "1 rows", False), ("?a=eq.1", "2 rows", True), ("?order=b", "1 rows", True)):
        read = span(f"GET /t{line} → {answer}", 1)
        assert has_many_rows_per_key(parse_fingerprint(read.fingerprint), [read]) is many


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
