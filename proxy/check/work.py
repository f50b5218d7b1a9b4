"""What one application request cost: all parts of its trace together."""

from collections.abc import Iterable

import msgspec

from proxy.model import Trace
from proxy.postgrest.spans import grouped, rows_of, size_of


class Work(msgspec.Struct, frozen=True):
    """A trace with all its parts, measured."""

    source: str
    """The recording that it is from."""
    id: str
    route: str
    gates: bool
    """Whether it can fail a build: what is inferred, mixed or cut short may be another one's work, or not all of it."""
    queries: int
    upstream_calls: int
    rows: int
    bytes: int

    def measure(self, name: str) -> int:
        """One of the four."""
        return int(getattr(self, name))


def may_gate(trace: Trace) -> bool:
    """Whether a trace is what its client named, and all of it."""
    return trace.explicit and not trace.mixed and not trace.truncated


def works(source: str, traces: Iterable[Trace]) -> list[Work]:
    """The traces of one recording; parts of one trace are one work."""
    parts = grouped(traces, lambda trace: (trace.id, trace.explicit))
    return [_work(source, traces) for traces in parts.values()]


def _work(source: str, parts: list[Trace]) -> Work:
    spans = [span for part in parts for span in part.spans]
    return Work(
        source=source,
        id=parts[0].id,
        route=next((part.route for part in parts if part.route), ""),
        gates=all(map(may_gate, parts)),
        queries=sum(not span.retry for span in spans),
        upstream_calls=sum(part.calls for part in parts),
        rows=rows_of(spans),
        bytes=size_of(spans),
    )
