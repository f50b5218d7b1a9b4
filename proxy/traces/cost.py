"""Measures what an application request cost: the sum over all parts of its trace."""

from collections import Counter
from collections.abc import Mapping

import msgspec

from proxy.analysis.spans import asked_of_postgrest, counts_as_query, total_bytes, total_rows
from proxy.model import Trace


class TraceCost(msgspec.Struct, frozen=True):
    """What a trace with all its parts asked of PostgREST."""

    source: str
    """Name of the recording that contains it."""
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
    kinds: Mapping[str, int] = {}
    """Number of queries by fingerprint."""
    lacks: tuple[str, ...] = ()
    """Measures that are not known, and so 0."""

    @property
    def can_fail_build(self) -> bool:
        """Whether it can fail a build. An inferred or mixed trace may contain other requests; a truncated one is
        incomplete.
        """
        return self.kind == "explicit" and not self.truncated

    def measure(self, name: str) -> int:
        """The measure ``name``: `queries`, `upstream_calls`, `rows` or `bytes`."""
        return int(getattr(self, name))


def can_fail_build(trace: Trace) -> bool:
    """Whether a trace can fail a build: the client named it, and it is complete."""
    return trace.kind == "explicit" and not trace.truncated


class TraceCosts:
    """Collects the costs of traces; the parts of one trace are added up."""

    def __init__(self) -> None:
        self._costs: dict[tuple[str, str, bool], TraceCost] = {}

    def add(self, source: str, trace: Trace, lacks: tuple[str, ...] = ()) -> None:
        """Add a trace of the recording ``source``, which does not show the measures ``lacks``."""
        key, cost = (source, trace.id, trace.explicit), _cost_of(source, trace, lacks)
        previous = self._costs.get(key)
        self._costs[key] = cost if previous is None else _combined(previous, cost)

    def all(self) -> list[TraceCost]:
        """All costs, in the order in which the traces were first added."""
        return list(self._costs.values())


def _cost_of(source: str, trace: Trace, lacks: tuple[str, ...]) -> TraceCost:
    asked = asked_of_postgrest(trace)
    counted = [span for span in asked.spans if counts_as_query(span.method, span.retry, span.bypass_reason)]
    kinds = Counter([span.fingerprint for span in counted])
    return TraceCost(
        source=source,
        id=trace.id,
        route=trace.route,
        kind=trace.kind,
        truncated=trace.truncated,
        queries=kinds.total(),
        upstream_calls=asked.calls,
        rows=total_rows(asked.spans),
        bytes=total_bytes(asked.spans),
        kinds=kinds,
        lacks=lacks,
    )


def _combined(first: TraceCost, later: TraceCost) -> TraceCost:
    return TraceCost(
        source=first.source,
        id=first.id,
        route=first.route or later.route,
        kind="mixed" if later.kind == "mixed" else first.kind,
        truncated=first.truncated or later.truncated,
        queries=first.queries + later.queries,
        upstream_calls=first.upstream_calls + later.upstream_calls,
        rows=first.rows + later.rows,
        bytes=first.bytes + later.bytes,
        kinds=Counter(first.kinds) + Counter(later.kinds),
        lacks=first.lacks,
    )
