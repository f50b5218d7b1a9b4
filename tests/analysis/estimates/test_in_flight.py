from __future__ import annotations

from msgspec.structs import replace

from proxy.analysis.estimates.in_flight import MOST_SECONDS, InFlight
from tests.rules.traces import span


def most(*times: tuple[float, float]) -> int:
    flight = InFlight()
    flight.add([span("GET /t", number, start=start, end=end) for number, (start, end) in enumerate(times, 1)])
    return flight.most


def test_calls_that_overlap_are_in_flight_together_and_those_that_follow_are_not() -> None:
    assert most((0, 2), (1, 3), (2, 4)) == 2
    assert most((0, 1), (1, 2)) == 1
    assert most() == 0


def test_a_call_that_answered_several_requests_counts_once_and_a_request_without_one_not_at_all() -> None:
    shared = replace(span("GET /t", 1), call=7, shared=3)
    flight = InFlight()
    flight.add([shared, replace(shared, number=2), replace(shared, number=3), replace(shared, call=0)])
    assert flight.most == 1


def test_calls_of_different_traces_count_by_their_average_over_a_second() -> None:
    flight = InFlight()
    for number in range(1, 41):
        flight.add([span("GET /t", number, start=10.25, end=10.75)])
    assert flight.most == 20


def test_a_bounded_number_of_seconds_is_kept() -> None:
    flight = InFlight()
    flight.add([span("GET /t", 1, start=0, end=10 * MOST_SECONDS)])
    assert len(flight._busy) <= MOST_SECONDS
    assert flight.most == 1
