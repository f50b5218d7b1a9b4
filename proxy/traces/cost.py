"""What one application request cost: all parts of its trace together."""

import msgspec

from proxy.analysis.spans import rows_of, size_of
from proxy.model import Trace


class TraceCost(msgspec.Struct, frozen=True):
    """A trace with all its parts, measured."""

    source: str
    """The recording that it is from."""
    id: str
    route: str
    kind: str
    """`explicit`, `inferred` or `mixed`."""
    truncated: bool
    """Whether it had more requests than these."""
    queries: int
    upstream_calls: int
    rows: int
    bytes: int

    @property
    def can_fail_build(self) -> bool:
        """Whether it can fail a build: what is inferred, mixed or cut short may be another one's work, or not all of
        it.
        """
        return self.kind == "explicit" and not self.truncated

    def measure(self, name: str) -> int:
        """One of the four."""
        return int(getattr(self, name))


def can_fail_build(trace: Trace) -> bool:
    """Whether a trace is what its client named, and all of it."""
    return trace.kind == "explicit" and not trace.truncated


class TraceCosts:
    """What was told of so far, trace by trace; parts of one trace are one work."""

    def __init__(self) -> None:
        self._costs: dict[tuple[str, str, bool], TraceCost] = {}

    def add(self, source: str, trace: Trace) -> None:
        """Measure a trace of a recording."""
        place, part = (source, trace.id, trace.explicit), _cost_of(source, trace)
        before = self._costs.get(place)
        self._costs[place] = part if before is None else _combined(before, part)

    def all(self) -> list[TraceCost]:
        """In the order that they were told of first."""
        return list(self._costs.values())


def _cost_of(source: str, trace: Trace) -> TraceCost:
    return TraceCost(
        source=source,
        id=trace.id,
        route=trace.route,
        kind=trace.kind,
        truncated=trace.truncated,
        queries=sum(not span.retry for span in trace.spans),
        upstream_calls=trace.calls,
        rows=rows_of(trace.spans),
        bytes=size_of(trace.spans),
    )


def _combined(one: TraceCost, other: TraceCost) -> TraceCost:
    return TraceCost(
        source=one.source,
        id=one.id,
        route=one.route or other.route,
        kind="mixed" if other.kind == "mixed" else one.kind,
        truncated=one.truncated or other.truncated,
        queries=one.queries + other.queries,
        upstream_calls=one.upstream_calls + other.upstream_calls,
        rows=one.rows + other.rows,
        bytes=one.bytes + other.bytes,
    )
