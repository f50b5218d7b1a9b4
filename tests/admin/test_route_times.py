"""Routes have the times of their traces of the last hour, by minute."""

from __future__ import annotations

from msgspec.structs import replace

from proxy.admin.route_times import MAX_ROUTES, MINUTES, RouteTimes
from proxy.observe.events import TraceClosed, WindowClosed
from tests.rules.traces import span, trace


class Clock:
    now = 60_000.0

    def __call__(self) -> float:
        return self.now


def closed(route: str, seconds: float, queries: int = 1) -> TraceClosed:
    spans = [span("GET /t?id=eq.1", n + 1, start=0.0, end=seconds) for n in range(queries)]
    return TraceClosed(replace(trace(spans), route=route, start=0.0, end=seconds), ())


def test_each_minute_has_its_own_quantiles_and_the_route_has_those_of_all() -> None:
    times = RouteTimes(clock := Clock())
    for _ in range(9):
        times(closed("GET /export", 0.0015, queries=3))
    clock.now += 120
    times(closed("GET /export", 3.0))
    times(WindowClosed(1, 0.0))
    (route,) = times.views()
    assert (route.route, route.traces, route.queries, route.p50, route.p95) == ("GET /export", 10, 28, 2.0, 4096.0)
    assert [(minute.ago, minute.traces, minute.p50) for minute in route.minutes] == [(2, 9, 2.0), (0, 1, 4096.0)]


def test_what_closed_over_an_hour_ago_is_gone_and_so_is_its_route() -> None:
    times = RouteTimes(clock := Clock())
    times(closed("old", 1.0))
    times(closed("both", 1.0))
    clock.now += 60 * MINUTES
    times(closed("both", 1.0))
    assert [(route.route, route.traces) for route in times.views()] == [("both", 1)]


def test_routes_are_limited_in_number_and_the_one_without_traces_for_the_longest_time_goes() -> None:
    times = RouteTimes(Clock())
    for number in range(MAX_ROUTES):
        times(closed(f"route {number}", 1.0))
    times(closed("route 0", 1.0))
    times(closed("one more", 1.0))
    names = {route.route for route in times.views()}
    assert len(names) == MAX_ROUTES
    assert {"route 0", "one more"} < names
    assert "route 1" not in names


def test_the_route_with_the_most_traces_comes_first() -> None:
    times = RouteTimes(Clock())
    for name in ("b", "a", "c", "c"):
        times(closed(name, 1.0))
    assert [route.route for route in times.views()] == ["c", "a", "b"]
