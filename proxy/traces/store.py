"""Stores the most recently closed traces and the last warnings, for the admin port.

The number of traces is bounded, and so are the total numbers of their spans and of the keys in their answers.
"""

from collections import OrderedDict
from collections.abc import Callable, Iterator

import msgspec

from proxy.findings.model import Finding
from proxy.findings.store import finding_bytes
from proxy.model import Trace
from proxy.observe.confirmed_names import ConfirmedNames
from proxy.observe.events import Event, TraceClosed, Warned
from proxy.observe.trace_size import PER_ROW_KEY, trace_bytes

MAX_WARNINGS = 100
"""Largest number of different warnings that are stored."""


class StoredTrace(msgspec.Struct, frozen=True):
    """A closed trace with a unique ``number``."""

    number: int
    trace: Trace
    findings: tuple[Finding, ...]
    ended: float
    """When it closed, in seconds since 1970."""


class TraceStore:
    """An observer that stores at most ``traces`` traces with at most ``spans`` spans in total; always the last trace.

    ``keys`` bounds the number of stored row keys. Beyond it the oldest traces lose their keys, but stay stored.
    ``max_bytes`` bounds the estimated bytes (``observe.trace_size``) of traces and findings.
    """

    def __init__(
        self,
        traces: int,
        spans: int,
        keys: int,
        names: ConfirmedNames,
        wall: Callable[[], float],
        max_bytes: int = 64_000_000,
    ) -> None:
        """``wall`` returns seconds since 1970; ``names`` learns from the spans which names may be shown."""
        self.names = names
        self.spans = 0
        self.keys = 0
        self.held_bytes = 0
        self.dropped = 0
        self.keys_dropped = 0
        self.on_stored: Callable[[StoredTrace], None] = lambda _: None
        """Called with each stored trace."""
        self._max_traces = traces
        self._max_spans = spans
        self._max_keys = keys
        self._max_bytes = max_bytes
        self._bytes: dict[int, int] = {}
        """Per trace number, its bytes."""
        self._keys: OrderedDict[int, int] = OrderedDict()
        """Per trace number, the number of its row keys, if it has any."""
        self._wall = wall
        self._entries: OrderedDict[int, StoredTrace] = OrderedDict()

    def __len__(self) -> int:
        return len(self._entries)

    def __call__(self, event: Event) -> None:
        for _ in self.in_steps(event):
            pass

    def in_steps(self, event: Event) -> Iterator[None]:
        """Same as a call, in steps: several for a trace of many spans, one per trace that is dropped, or loses its
        keys."""
        if isinstance(event, TraceClosed):
            yield from self.names.learn_in_steps(event.trace.spans)
            size = trace_bytes(event.trace) + sum(map(finding_bytes, event.findings))
            yield
            keys = _key_count(event.trace)
            yield
            number = self.dropped + len(self._entries) + 1
            entry = StoredTrace(number, event.trace, event.findings, self._wall())
            self._entries[number] = entry
            self.spans += len(entry.trace.spans)
            self._bytes[number] = size
            self.held_bytes += size
            self._count_keys(entry, keys)
            yield from self._evict()
            self.on_stored(entry)

    def all(self) -> tuple[StoredTrace, ...]:
        """All stored traces, the newest first."""
        return tuple(reversed(self._entries.values()))

    def numbers(self) -> tuple[int, ...]:
        """The numbers of all stored traces, the oldest first."""
        return tuple(self._entries)

    def find(self, name: str) -> StoredTrace | None:
        """The trace with that number; if ``name`` is not a number, the newest trace with that id."""
        if name.isascii() and name.isdigit():
            return self._entries.get(int(name[:18]))
        return next((entry for entry in reversed(self._entries.values()) if entry.trace.id == name), None)

    def _evict(self) -> Iterator[None]:
        while len(self._entries) > self._max_traces or (
            len(self._entries) > 1 and (self.spans > self._max_spans or self.held_bytes > self._max_bytes)
        ):
            number, entry = self._entries.popitem(last=False)
            self.held_bytes -= self._bytes.pop(number)
            self.spans -= len(entry.trace.spans)
            self.keys -= self._keys.pop(number, 0)
            self.dropped += 1
            yield
        while self.keys > self._max_keys:
            number, keys = self._keys.popitem(last=False)
            self.keys -= keys
            self._drop_keys(self._entries[number], keys)
            yield

    def _count_keys(self, entry: StoredTrace, keys: int) -> None:
        """Count the ``keys`` of ``entry``. A trace with too many loses its own keys, and the others keep theirs."""
        if keys > self._max_keys:
            self._drop_keys(entry, keys)
        elif keys:
            self._keys[entry.number] = keys
            self.keys += keys

    def _drop_keys(self, entry: StoredTrace, keys: int) -> None:
        self._entries[entry.number] = msgspec.structs.replace(entry, trace=_without_keys(entry.trace))
        self.keys_dropped += keys
        self.held_bytes -= PER_ROW_KEY * keys
        self._bytes[entry.number] -= PER_ROW_KEY * keys


class StoredWarning(msgspec.Struct):
    """A warning and how often it was given. ``first`` and ``last`` are seconds since 1970."""

    what: str
    remedy: str
    first: float
    last: float
    count: int = 0


class WarningStore:
    """An observer that stores the last different warnings."""

    def __init__(self, wall: Callable[[], float]) -> None:
        self._wall = wall
        self._warnings: OrderedDict[str, StoredWarning] = OrderedDict()

    def __call__(self, event: Event) -> None:
        if not isinstance(event, Warned):
            return
        now = self._wall()
        warning = self._warnings.setdefault(event.what, StoredWarning(event.what, event.remedy, now, now))
        warning.last, warning.count = now, warning.count + 1
        self._warnings.move_to_end(event.what)
        if len(self._warnings) > MAX_WARNINGS:
            self._warnings.popitem(last=False)

    def all(self) -> tuple[StoredWarning, ...]:
        """All stored warnings, the latest first."""
        return tuple(reversed(self._warnings.values()))


def _key_count(trace: Trace) -> int:
    return sum(len(keys) for span in trace.spans for _, keys in span.row_keys)


def _without_keys(trace: Trace) -> Trace:
    spans = tuple([msgspec.structs.replace(span, row_keys=()) if span.row_keys else span for span in trace.spans])
    return msgspec.structs.replace(trace, spans=spans)
