"""The traces that closed last, for whoever looks at them: bounded by their number, and by that of their spans."""

from collections import OrderedDict
from collections.abc import Callable

import msgspec

from proxy.findings import Finding
from proxy.model import Trace
from proxy.observe.events import Closed, Event, Warned
from proxy.observe.taken import Names

WARNINGS = 100
"""Different warnings that are kept."""


class Entry(msgspec.Struct, frozen=True):
    """A closed trace under a ``number`` that no other one has."""

    number: int
    trace: Trace
    findings: tuple[Finding, ...]
    ended: float
    """When it closed, in seconds since 1970."""


class Kept:
    """An observer that keeps at most ``traces`` traces with at most ``spans`` spans together; but always the last."""

    def __init__(self, traces: int, spans: int, names: Names, wall: Callable[[], float]) -> None:
        """``wall`` tells seconds since 1970; ``names`` learns what may be shown."""
        self.names = names
        self.spans = 0
        self.dropped = 0
        self.told: Callable[[Entry], None] = lambda _: None
        """Is told of each trace that is new here."""
        self._traces = traces
        self._most = spans
        self._wall = wall
        self._entries: OrderedDict[int, Entry] = OrderedDict()

    def __len__(self) -> int:
        return len(self._entries)

    def __call__(self, event: Event) -> None:
        if isinstance(event, Closed):
            self.names.learn(event.trace.spans)
            number = self.dropped + len(self._entries) + 1
            entry = Entry(number, _without_row_keys(event.trace), event.findings, self._wall())
            self._entries[number] = entry
            self.spans += len(entry.trace.spans)
            self._make_room()
            self.told(entry)

    def all(self) -> tuple[Entry, ...]:
        """The newest comes first."""
        return tuple(reversed(self._entries.values()))

    def find(self, name: str) -> Entry | None:
        """The one of that number; where it is no number, the newest one of that trace id."""
        if name.isascii() and name.isdigit():
            return self._entries.get(int(name[:18]))
        return next((entry for entry in reversed(self._entries.values()) if entry.trace.id == name), None)

    def _make_room(self) -> None:
        while len(self._entries) > self._traces or (self.spans > self._most and len(self._entries) > 1):
            _, entry = self._entries.popitem(last=False)
            self.spans -= len(entry.trace.spans)
            self.dropped += 1


class Notice(msgspec.Struct):
    """A warning, however often it was given; times are seconds since 1970."""

    what: str
    remedy: str
    first: float
    last: float
    count: int = 0


class Notices:
    """An observer that keeps the last warnings, each once."""

    def __init__(self, wall: Callable[[], float]) -> None:
        self._wall = wall
        self._notices: OrderedDict[str, Notice] = OrderedDict()

    def __call__(self, event: Event) -> None:
        if not isinstance(event, Warned):
            return
        now = self._wall()
        notice = self._notices.setdefault(event.what, Notice(event.what, event.remedy, now, now))
        notice.last, notice.count = now, notice.count + 1
        self._notices.move_to_end(event.what)
        if len(self._notices) > WARNINGS:
            self._notices.popitem(last=False)

    def all(self) -> tuple[Notice, ...]:
        """The latest comes first."""
        return tuple(reversed(self._notices.values()))


def _without_row_keys(trace: Trace) -> Trace:
    """Keys in answers are remembered until their trace was judged, and no longer: they take most of the memory."""
    if not any(span.row_keys for span in trace.spans):
        return trace
    spans = tuple([msgspec.structs.replace(span, row_keys=()) for span in trace.spans])
    return msgspec.structs.replace(trace, spans=spans)
