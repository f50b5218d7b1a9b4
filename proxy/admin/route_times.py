"""How long the traces of each route took in the last hour, minute by minute."""

from array import array
from bisect import bisect_left
from collections import OrderedDict
from collections.abc import Callable, Iterator, Sequence

import msgspec

from proxy.analysis.spans import count_queries
from proxy.analysis.workload import DURATION_BOUNDS, quantile_of
from proxy.observe.events import Event, TraceClosed

MINUTES = 60
MAX_ROUTES = 100
"""Maximum number of routes: a new one replaces the one of which no trace has closed for the longest time."""


class MinuteView(msgspec.Struct, frozen=True):
    """What closed in a minute, ``ago`` minutes before the present one. ``p50`` and ``p95`` are milliseconds."""

    ago: int
    traces: int
    p50: float
    p95: float


class RouteView(msgspec.Struct, frozen=True):
    """A route with the minutes in which a trace of it closed, the oldest first, and all of them together."""

    route: str
    traces: int
    queries: int
    p50: float
    p95: float
    minutes: tuple[MinuteView, ...]


class _Minute:
    __slots__ = ("counts", "number", "queries")

    def __init__(self, number: int) -> None:
        self.number = number
        self.queries = 0
        self.counts = array("I", bytes(4 * (len(DURATION_BOUNDS) + 1)))


class RouteTimes:
    """An observer of closed traces. ``clock`` returns seconds."""

    def __init__(self, clock: Callable[[], float]) -> None:
        self._clock = clock
        self._routes: OrderedDict[str, OrderedDict[int, _Minute]] = OrderedDict()
        """By route, the one of the last trace at the end; the minutes of each by their number, the oldest first."""

    def __call__(self, event: Event) -> None:
        if not isinstance(event, TraceClosed):
            return
        trace, now = event.trace, self._now()
        minutes = self._routes.setdefault(trace.route, OrderedDict())
        self._routes.move_to_end(trace.route)
        minute = minutes.get(now)
        if minute is None:
            minute = minutes[now] = _Minute(now)
            _drop_old(minutes, now)
        minute.counts[bisect_left(DURATION_BOUNDS, trace.end - trace.start)] += 1
        minute.queries += count_queries(trace.spans)
        if len(self._routes) > MAX_ROUTES:
            self._routes.popitem(last=False)

    def views(self) -> Iterator[RouteView]:
        """The routes of the last hour, the one with the most traces first."""
        now = self._now()
        for minutes in self._routes.values():
            _drop_old(minutes, now)
        recent = [(route, tuple(minutes.values())) for route, minutes in self._routes.items() if minutes]
        recent.sort(key=lambda each: (-sum(sum(minute.counts) for minute in each[1]), each[0]))
        return (_view(route, minutes, now) for route, minutes in recent)

    def _now(self) -> int:
        return int(self._clock() // 60)


def _drop_old(minutes: OrderedDict[int, _Minute], now: int) -> None:
    while minutes and next(iter(minutes)) <= now - MINUTES:
        minutes.popitem(last=False)


def _view(route: str, minutes: Sequence[_Minute], now: int) -> RouteView:
    together = [sum(counts) for counts in zip(*(minute.counts for minute in minutes), strict=True)]
    return RouteView(
        route=route,
        traces=sum(together),
        queries=sum(minute.queries for minute in minutes),
        p50=_ms(together, 0.5),
        p95=_ms(together, 0.95),
        minutes=tuple(
            MinuteView(now - one.number, sum(one.counts), _ms(one.counts, 0.5), _ms(one.counts, 0.95))
            for one in minutes
        ),
    )


def _ms(counts: Sequence[int], share: float) -> float:
    return round(1000 * quantile_of(counts, share), 1)
