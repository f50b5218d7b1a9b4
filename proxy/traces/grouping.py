"""Groups spans into traces: by the id that a client sends, else by caller and timing.

Traces serve reports only; they never decide which requests may share a call.

Source: docs/explanation/architecture.md#traces.
"""

from collections import Counter, OrderedDict
from collections.abc import Callable

import msgspec

from proxy.model import RequestHead, Span, Trace
from proxy.observe.trace_size import span_bytes, text_bytes
from proxy.traces.writes import WriteCounts

MIN_NAMED_TRACES = 50
"""Number of named traces of one caller that are needed to conclude that it creates a new trace id per call."""
PER_CALL_SHARE = 0.95
"""Share of them with a single span that is needed to conclude so."""
SWEPT = 1000
"""Open traces that a sweep looks at, so that it takes less than a millisecond."""
MAX_CALLERS = 1000
"""Number of callers whose use of trace ids is stored."""


class GroupingSettings(msgspec.Struct, frozen=True):
    """When a trace closes (times in seconds, number of spans), and how many traces may be open."""

    quiet_explicit: float
    quiet_inferred: float
    max_age: float
    max_spans: int
    max_open: int
    max_bytes: int = 64_000_000


class OpenTrace:
    """A trace that is not closed: spans can be added."""

    def __init__(self, id_: str, caller_hash: bytes, peer: str, explicit: bool, part: int, now: float) -> None:
        self.id = id_
        self.caller_hash = caller_hash
        self.peer = peer
        self.explicit = explicit
        self.part = part
        self.route = ""
        self.mixed = False
        self.in_flight = 0
        self.queries = 0
        """Number of queries so far, including those in flight; the pipeline counts them."""
        self.calls_saved = 0
        """Number of requests without an upstream call of their own, from `record_call`."""
        self._calls: set[int] = set()
        self.start = now
        self.last_active = now
        self.spans: list[Span] = []
        self.held_bytes = 0
        """Estimated bytes of the spans."""
        self._fingerprints: set[str] = set()
        self.truncated = False

    def __repr__(self) -> str:
        return f"<OpenTrace {self.id} spans={len(self.spans)} in_flight={self.in_flight}>"

    def record_call(self, call: int) -> None:
        """Record that the upstream call with this number answered a request; several requests can share a call."""
        self.calls_saved += call in self._calls
        self._calls.add(call)

    def cost_of(self, span: Span) -> int:
        """Bytes that ``span`` would add."""
        if span.fingerprint in self._fingerprints:
            return span_bytes(span)
        return span_bytes(span) + text_bytes(span.fingerprint) + text_bytes(span.relation)

    def add(self, span: Span, cost: int) -> None:
        """Add a span, of which ``cost_of`` is ``cost``."""
        self.spans.append(span)
        self._fingerprints.add(span.fingerprint)
        self.held_bytes += cost

    def to_trace(self) -> Trace:
        """The closed trace. It is ``truncated`` if requests are in flight, because their spans are missing."""
        return Trace(
            id=self.id,
            explicit=self.explicit,
            mixed=self.mixed,
            truncated=self.truncated or self.in_flight > 0,
            part=self.part,
            route=self.route,
            start=self.start,
            end=self.last_active,
            spans=tuple(self.spans),
            held_bytes=self.held_bytes,
        )


OnClosed = Callable[[OpenTrace], None]


class _IdUse:
    """How a caller uses trace ids: the number of traces that it named, and of those with a single span."""

    def __init__(self) -> None:
        self.named = 0
        self.single_span = 0

    @property
    def per_call(self) -> bool:
        return self.named >= MIN_NAMED_TRACES and self.single_span >= PER_CALL_SHARE * self.named


class TraceGrouper:
    """All open traces. It does no I/O: the time is an argument, and ``sweep`` returns the closed traces."""

    def __init__(self, settings: GroupingSettings) -> None:
        self.settings = settings
        self._open: dict[tuple[str, bytes, str], OpenTrace] = {}
        self._named: Counter[tuple[bytes, str]] = Counter()
        """Per caller, the number of its open named traces."""
        self._parts: OrderedDict[str, int] = OrderedDict()
        self._id_uses: OrderedDict[bytes, _IdUse] = OrderedDict()
        self._all_uses = _IdUse()
        self._closed: list[Trace] = []
        self._to_sweep: list[tuple[str, bytes, str]] = []
        self._inferred = 0
        self.held_bytes = 0
        """Estimated bytes of the spans of open traces, and of the traces that the last sweep returned."""
        self._swept_bytes = 0
        self.dropped = 0
        """Number of requests that are in no trace because of a limit."""
        self.on_closed: OnClosed = lambda _: None
        """Called with each trace that closes."""
        self.writes = WriteCounts()
        self.per_call_callers = 0
        """How often it was found that a caller, or all callers together, create a new trace id per call. Their traces
        are inferred.
        """

    def __len__(self) -> int:
        return len(self._open)

    def begin(self, head: RequestHead, peer: str, now: float) -> OpenTrace | None:
        """The trace of a request that arrives now; None if too many traces are open."""
        caller = head.caller_hash
        explicit = head.trace is not None and not self._per_call(caller)
        key = (head.trace or "", b"", "") if explicit else ("", caller, peer)
        trace = self._open.get(key)
        if trace is not None and self._is_over(trace, now):
            self._close(key, trace)
            trace = None
        if trace is None:
            if len(self._open) >= self.settings.max_open:
                self.dropped += 1
                return None
            trace = self._open[key] = self._new_trace(head, peer, explicit, now)
        trace.in_flight += 1
        trace.last_active = now
        if head.route and trace.route and head.route != trace.route:
            trace.mixed = not trace.explicit
        trace.route = trace.route or head.route
        return trace

    def end(self, trace: OpenTrace, span: Span, now: float) -> None:
        """Add the ``span`` of an answered request to ``trace``."""
        trace.in_flight -= 1
        trace.last_active = now
        cost = trace.cost_of(span)
        if self.held_bytes + cost > self.settings.max_bytes:
            self.dropped += 1
            trace.truncated = True
        elif len(trace.spans) < self.settings.max_spans:
            trace.add(span, cost)
            self.held_bytes += cost
        trace.truncated = trace.truncated or len(trace.spans) >= self.settings.max_spans

    def sweep(self, now: float) -> list[Trace]:
        """Close traces that are over, of the next ``SWEPT``. Returns all that were closed since the last sweep.

        The caller has finished with the traces that the last sweep returned.
        """
        self.held_bytes -= self._swept_bytes
        if not self._to_sweep:
            self._to_sweep = list(self._open)
        for key in self._to_sweep[-SWEPT:]:
            trace = self._open.get(key)
            if trace is not None and self._is_over(trace, now):
                self._close(key, trace)
        del self._to_sweep[-SWEPT:]
        closed, self._closed = self._closed, []
        self._swept_bytes = sum(trace.held_bytes for trace in closed)
        return closed

    def close_trace(self, name: str) -> bool:
        """Close the named trace now, because its client says that it is over. False if requests are in flight."""
        key = (name, b"", "")
        trace = self._open.get(key)
        if trace is not None and trace.in_flight:
            return False
        if trace is not None:  # not counted in _IdUse: a client that closes its traces does not create an id per call
            self._end(key, trace)
        return True

    def drain(self) -> list[Trace]:
        """Close every trace, even with requests in flight."""
        for key, trace in list(self._open.items()):
            self._close(key, trace)
        closed, self._closed = self._closed, []
        return closed

    def _new_trace(self, head: RequestHead, peer: str, explicit: bool, now: float) -> OpenTrace:
        if explicit:
            id_ = head.trace or ""
            self._mark_mixed(head.caller_hash, peer)
            self._named[head.caller_hash, peer] += 1
            return OpenTrace(id_, head.caller_hash, peer, True, self._next_part(id_), now)
        self._inferred += 1
        trace = OpenTrace(f"inferred-{self._inferred}", head.caller_hash, peer, False, 1, now)
        trace.mixed = (head.caller_hash, peer) in self._named
        return trace

    def _mark_mixed(self, caller_hash: bytes, peer: str) -> None:
        """Mark the caller's inferred trace as mixed: it overlaps a named one, and may contain requests of both."""
        inferred = self._open.get(("", caller_hash, peer))
        if inferred is not None:
            inferred.mixed = True

    def _is_over(self, trace: OpenTrace, now: float) -> bool:
        """Whether the trace closes: old or truncated, or nothing is in flight and it was silent for its quiet time."""
        if now - trace.start >= self.settings.max_age or trace.truncated:
            return True
        quiet = self.settings.quiet_explicit if trace.explicit else self.settings.quiet_inferred
        return not trace.in_flight and now - trace.last_active >= quiet

    def _close(self, key: tuple[str, bytes, str], trace: OpenTrace) -> None:
        """Close a trace that is over. The first part of a named trace counts for how its caller uses ids."""
        self._end(key, trace)
        if trace.explicit and trace.part == 1:
            self._learn(trace)

    def _end(self, key: tuple[str, bytes, str], trace: OpenTrace) -> None:
        del self._open[key]
        self.on_closed(trace)
        if trace.spans:
            self._closed.append(trace.to_trace())
        if trace.explicit:
            self._forget_name(trace)

    def _forget_name(self, trace: OpenTrace) -> None:
        caller = (trace.caller_hash, trace.peer)
        self._named[caller] -= 1
        if not self._named[caller]:
            del self._named[caller]

    def _next_part(self, id_: str) -> int:
        part = self._parts.pop(id_, 0) + 1
        self._parts[id_] = part
        if len(self._parts) > self.settings.max_open:
            self._parts.popitem(last=False)
        return part

    def _learn(self, trace: OpenTrace) -> None:
        use = self._id_uses.setdefault(trace.caller_hash, _IdUse())
        self._id_uses.move_to_end(trace.caller_hash)
        before = use.per_call, self._all_uses.per_call
        for each in (use, self._all_uses):
            each.named += 1
            each.single_span += len(trace.spans) == 1
        self.per_call_callers += (use.per_call, self._all_uses.per_call) > before
        if len(self._id_uses) > MAX_CALLERS:
            self._id_uses.popitem(last=False)

    def _per_call(self, caller_hash: bytes) -> bool:
        """Whether the caller creates an id per call. Of a caller with few traces so far, all callers together tell,
        unless one of its traces had several spans.
        """
        use = self._id_uses.get(caller_hash)
        if use is not None and (use.per_call or use.single_span < use.named):
            return use.per_call
        return self._all_uses.per_call
