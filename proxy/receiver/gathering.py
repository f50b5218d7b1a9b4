"""Gathers spans by trace until a trace is complete, within limits."""

from collections import OrderedDict
from collections.abc import Iterable, Iterator

from proxy.model import Trace
from proxy.receiver.assembly import Assembler
from proxy.receiver.http_request import HttpRequest, read_request
from proxy.receiver.otel_span import OtelSpan

MAX_SPANS = 1_000_000
"""Maximum number of spans that wait for the rest of their trace, in memory: about 1 kB each."""


class _Open:
    """A trace of which spans have come."""

    def __init__(self) -> None:
        self.spans: dict[str, OtelSpan] = {}
        self.requests: dict[str, HttpRequest] = {}
        self.changed = 0.0


class Gatherer:
    """Open traces. The one that has been quiet longest closes early if there are too many spans."""

    def __init__(self, assembler: Assembler, max_spans: int = MAX_SPANS) -> None:
        self.spans = 0
        """Number of spans that came."""
        self.closed_early = 0
        """Number of traces that closed because there were too many spans."""
        self._assembler = assembler
        self._max_spans = max_spans
        self._held = 0
        self._open: OrderedDict[str, _Open] = OrderedDict()

    def add(self, spans: Iterable[OtelSpan], now: float = 0.0) -> Iterator[Trace]:
        """Add spans that came ``now``; yields the traces that close early. A span that comes again counts once."""
        for span in spans:
            self.spans += 1
            if not span.trace or not span.id:
                continue
            open_ = self._open.setdefault(span.trace, _Open())
            self._open.move_to_end(span.trace)
            open_.changed = now
            self._held += span.id not in open_.spans
            request = read_request(span)
            if request is not None:
                open_.requests[span.id] = request
                self._assembler.endpoints.learn(request)
            open_.spans[span.id] = _without_attributes(span) if request is None else span
            while self._held > self._max_spans:
                self.closed_early += 1
                yield from self._close(next(iter(self._open)))

    def quiet_since(self, moment: float) -> Iterator[Trace]:
        """The traces to which no span was added since ``moment``; they are closed."""
        while self._open and (first := next(iter(self._open.items())))[1].changed <= moment:
            yield from self._close(first[0])

    def _close(self, id_: str) -> Iterator[Trace]:
        open_ = self._open.pop(id_)
        self._held -= len(open_.spans)
        trace = self._assembler.trace(id_, open_.spans, open_.requests)
        if trace is not None:
            yield trace


NEEDED = ("http.route", "http.request.method", "http.method")


def _without_attributes(span: OtelSpan) -> OtelSpan:
    """A span that is no request, with what names routes and code only."""
    kept = {name: value for name, value in span.attributes.items() if name in NEEDED or name.startswith("code.")}
    return OtelSpan(span.trace, span.id, span.parent, span.name, span.kind, span.start, span.end, kept)
