"""The usual pause between requests tells code from a person or a timer; a single one tells nothing."""

from __future__ import annotations

from typing import TYPE_CHECKING

from proxy.analysis.patterns.pauses import BusyTime, is_polled, runs_without_pauses, without_polling
from proxy.analysis.steps import result_of
from tests.rules.traces import span

if TYPE_CHECKING:
    from proxy.model import Span


def spans_at(*starts: float, line: str = "GET /t?a=eq.1") -> list[Span]:
    return [span(line, number, start=start, end=start + 0.1) for number, start in enumerate(starts, 1)]


def test_a_pause_ends_a_run_and_a_slow_call_does_not() -> None:
    slow = span("GET /t?a=eq.1", 9, start=1.05, end=3.0)
    spans = [*spans_at(0.0, 0.2, 1.0, 1.1), slow, *spans_at(3.2)]
    assert [len(run) for run in BusyTime(spans).split(spans, pause=0.5)] == [2, 4]
    assert not BusyTime([]).split([], 0.5)


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


def lengths(spans: list[Span], *others: Span, most: float = 0.5) -> list[int]:
    return [len(run) for run in runs_without_pauses(spans, 0.08, BusyTime([*spans, *others]), most)]


def test_a_run_with_a_few_long_pauses_is_whole_and_one_with_more_is_split_at_each() -> None:
    assert lengths(spans_at(0.0, 0.11, 0.22, 0.6, 0.71)) == [5]
    assert lengths(spans_at(0.0, 0.11, 0.22, 0.6, 0.71), most=0.2) == [3, 2]
    assert lengths(spans_at(0.0, 0.11, 0.3, 0.5, 0.7, 0.81)) == [2, 1, 1, 2]
    assert lengths(spans_at(0.0, 0.11, 0.22, 0.33, 1.5)) == [4, 1]
    assert lengths([]) == []


def test_what_other_requests_of_the_trace_took_is_no_pause() -> None:
    reads = spans_at(0.0, 0.3, 0.6, 0.9)
    writes = [span(f"PATCH /u?id=eq.{n}", 10 + n, start=0.12 + 0.3 * n, end=0.28 + 0.3 * n) for n in range(3)]
    assert (lengths(reads), lengths(reads, *writes)) == ([1, 1, 1, 1], [4])


def test_short_pauses_between_two_equal_reads_do_not_add_up_to_a_long_one() -> None:
    reads = [span(f"GET /t?id=eq.{n % 4}", n, start=n * 0.06, end=n * 0.06 + 0.02) for n in range(24)]
    assert lengths(reads[::4], *reads) == [6]
