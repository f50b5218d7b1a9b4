"""Reads that differ in a key are told from reads that do not."""

from __future__ import annotations

from typing import TYPE_CHECKING

from proxy.analysis.fan_out import Load, fan_outs, in_turn, is_list, is_polled, runs, together, unpolled, varying_key
from proxy.analysis.fingerprint import read_fingerprint
from rules.fan001_n_plus_one_read import NPlusOne
from tests.rules.traces import span, trace

if TYPE_CHECKING:
    from proxy.model import Span

BOUNDS = NPlusOne(min_calls=3, min_distinct=2)


def key(*lines: str) -> str | None:
    spans = [span(line, number + 1) for number, line in enumerate(lines)]
    found = varying_key(read_fingerprint(spans[0].fingerprint), spans, BOUNDS)
    return None if found is None else found.column


def test_the_key_is_the_eq_filter_with_most_values() -> None:
    assert key("GET /t?a=eq.1&b=eq.1", "GET /t?a=eq.1&b=eq.2", "GET /t?a=eq.2&b=eq.3") == "b"


def test_too_few_calls_or_values_have_none() -> None:
    assert key("GET /t?a=eq.1", "GET /t?a=eq.2") is None
    assert key(*["GET /t?a=eq.1"] * 9) is None


def test_other_operators_are_no_keys() -> None:
    assert key("GET /t?a=gt.1", "GET /t?a=gt.2", "GET /t?a=gt.3") is None


def at(*starts: float, line: str = "GET /t?a=eq.1") -> list[Span]:
    return [span(line, number, start=start, end=start + 0.1) for number, start in enumerate(starts, 1)]


def test_a_pause_ends_a_run_and_a_slow_call_is_none() -> None:
    found = runs([*at(0.0, 0.2, 1.0, 1.1), span("GET /t?a=eq.1", 9, start=1.05, end=3.0), *at(3.2)], pause=0.5)
    assert [len(run) for run in found] == [2, 4]
    assert not list(runs([], 0.5))


def test_what_is_asked_at_even_intervals_while_little_else_is_asked_is_polled() -> None:
    other = span("GET /t?a=eq.2", 9, start=0.5, end=0.6)
    assert unpolled([*at(0.0, 1.0, 2.1, 3.0), other]) == [other]
    for starts in ((0.0, 1.0), (0.0, 1.0, 3.0), (0.0, 0.1, 0.2), (0.0, 0.0, 0.0)):
        assert len(unpolled(at(*starts))) == len(starts)


def test_an_interval_shorter_than_any_timers_is_none() -> None:
    for every, polled in ((0.15, False), (0.25, True)):
        again = [span("GET /t?a=eq.1", n, start=n * every, end=n * every + 0.01) for n in range(5)]
        assert is_polled(again, Load(again)) is polled


def test_waits_after_each_answer_may_be_even_too_and_those_of_a_client_that_backs_off_grow() -> None:
    def polled(*times: tuple[float, float]) -> bool:
        again = [span("GET /t?a=eq.1", n, start=start, end=end) for n, (start, end) in enumerate(times)]
        return is_polled(again, Load(again))

    assert polled((0.0, 0.2), (0.5, 0.52), (0.82, 0.84), (1.14, 1.16))
    assert polled((0.0, 0.01), (0.2, 0.21), (0.6, 0.61), (1.4, 1.41))
    assert not polled((0.0, 0.01), (0.2, 0.21), (0.6, 0.61))
    assert not polled((0.0, 0.01), (0.8, 0.81), (1.2, 1.21), (1.4, 1.41))


def test_the_load_between_two_moments_is_of_what_began_there() -> None:
    load = Load(at(3.0, 1.0, 2.0))
    assert [round(load.between(*moments), 9) for moments in ((1.0, 3.0), (0.0, 9.0), (3.5, 9.0))] == [0.2, 0.3, 0.0]


def test_the_load_of_several_at_once_counts_once_and_timers_that_start_together_are_timers() -> None:
    assert round(Load(at(1.0, 1.0, 1.05, 1.02)).between(0.0, 9.0), 9) == 0.15
    timers = [[span(f"GET /t?a=eq.{n}", n, start=0.0, end=0.35), *at(0.75, 1.25, 1.75)] for n in range(3)]
    assert [is_polled(timer, Load([one for other in timers for one in other])) for timer in timers] == [True] * 3


def test_together_or_one_after_another_is_told_by_what_most_did() -> None:
    def found(every: float) -> list[bool]:
        spans = [span(f"GET /t?a=eq.{n}", n, start=n * every, end=n * every + 0.1) for n in range(9)]
        shown = read_fingerprint("GET t?a=eq.?")
        return [find(shown, spans, BOUNDS) is not None for find in (together, in_turn)]

    assert (found(0.01), found(0.2)) == ([True, False], [False, True])


def test_a_key_has_several_rows_where_one_had_or_where_they_are_ordered() -> None:
    for line, answer, many in (("?a=eq.1", "1 rows", False), ("?a=eq.1", "2 rows", True), ("?order=b", "1 rows", True)):
        one = span(f"GET /t{line} → {answer}", 1)
        assert is_list(read_fingerprint(one.fingerprint), [one]) is many


def test_every_kind_of_read_that_fans_out_is_found_unless_the_trace_is_mixed() -> None:
    lines = [f"{line}eq.{n}" for line in ("GET /t?a=", "GET /u?b=", "DELETE /t?a=") for n in range(9)]
    spans = [span(line, number + 1) for number, line in enumerate([*lines, "GET /v?a=eq.1"])]
    retries = [span(f"GET /w?a=eq.{n}", 50 + n, retry=True) for n in range(9)]
    found = list(fan_outs(trace([*spans, *retries]), together, BOUNDS))
    assert [(shown.relation, one.key.column, len(one.spans)) for shown, one in found] == [("t", "a", 9), ("u", "b", 9)]
    assert not list(fan_outs(trace(spans, mixed=True), together, BOUNDS))
