"""Makes a trace of the spans with one trace id: its requests to PostgREST, the route, and the code that made each.

Spans have neither the header section nor the rows of an answer. What is unknown stays unknown, and rules that need
it find nothing.
"""

from collections import Counter
from collections.abc import Iterable, Mapping
from itertools import count

import msgspec

from proxy.http1.head import parse_fields
from proxy.model import Outcome, Query, Span, Trace
from proxy.path.batches.chunking import with_long_list
from proxy.path.reading.fingerprint import read_query
from proxy.path.reading.identity import HeaderNames, HeadRules, read_head
from proxy.postgrest.request.in_list import shortened
from proxy.receiver.endpoints import Endpoints
from proxy.receiver.http_request import HttpRequest
from proxy.receiver.otel_span import CONSUMER, SERVER, OtelSpan
from proxy.sidecar.request_context import LiteralHasher, list_and_keys, literal_shape
from proxy.traces.writes import WriteCounts

NANO = 1e-9
MAX_TEXT = 200
"""Characters of a route or a caller: the same as of the headers X-Fanin-Route and X-Fanin-Caller."""
HEAD = read_head(parse_fields(b"Host: unknown", "FANIN102"), 1, HeadRules(b"", HeaderNames(), (), b""))
"""The header section of a request of which a span has none."""
UNREAD = {
    "no-query": "their spans have no query string: let the instrumentation record url.full with its query",
    "redacted": "values of their query were replaced: let the instrumentation record url.full as it is",
}
"""Why requests to PostgREST are left out, and what to do."""


class PostgrestRequest(msgspec.Struct, frozen=True):
    """A request to PostgREST with its span."""

    span: OtelSpan
    request: HttpRequest
    mount: bytes


class SpanReading(msgspec.Struct, frozen=True):
    """How requests are read: the schema of a request without a profile, and limits."""

    schema: str
    max_url: int
    max_spans: int


class Assembler:
    """Makes traces. ``left_out`` counts the requests to PostgREST that could not be read, by a key of ``UNREAD``."""

    def __init__(self, endpoints: Endpoints, reading: SpanReading, salt: bytes, epoch: float = 0.0) -> None:
        self.endpoints = endpoints
        self.left_out: Counter[str] = Counter()
        self._unknown: Counter[str] = Counter()
        """Number of answers that do not show their rows or bytes."""
        self._reading = reading
        self._hash_literal = LiteralHasher(salt)
        self._epoch = round(epoch / NANO)
        self._writes = WriteCounts()
        self._calls = count(1)

    def trace(self, id_: str, spans: Mapping[str, OtelSpan], requests: Mapping[str, HttpRequest]) -> Trace | None:
        """The trace of ``spans``, by their ids; ``requests`` are those that are HTTP requests.

        None if none of them is for PostgREST.
        """
        found = {key: read for key, request in requests.items() if (read := self._read(spans[key], request))}
        queries = [read for key, read in found.items() if not _is_within(spans[key], spans, found)]
        if not queries:
            return None
        queries.sort(key=lambda read: read.span.start)
        kept = queries[: self._reading.max_spans]
        made = sorted(map(self._span, kept, (_caller(read.span, spans) for read in kept)), key=lambda span: span.end)
        numbered = tuple(msgspec.structs.replace(span, number=number) for number, span in enumerate(made, 1))
        return Trace(
            id=id_,
            explicit=True,
            mixed=False,
            truncated=len(queries) > len(kept),
            part=1,
            route=_route(queries, spans),
            start=min(span.start for span in made),
            end=made[-1].end,
            spans=numbered,
        )

    def shows(self, name: str) -> bool:
        """Whether each answer so far has ``rows`` or ``bytes``; no span has another of these fields."""
        return name in ("rows", "bytes") and not self._unknown[name]

    def warnings(self, source: str) -> list[str]:
        """What of ``source`` was left out."""
        return [
            f"{source}: requests to PostgREST that were left out: {number}, because {UNREAD[reason]}"
            for reason, number in sorted(self.left_out.items())
        ]

    def _read(self, span: OtelSpan, request: HttpRequest) -> PostgrestRequest | None:
        mount = self.endpoints.mount_of(request)
        if mount is None:
            return None
        reason = "" if self.endpoints.has_queries(request) else "no-query"
        if reason and request.path.startswith(mount + b"/rpc/"):
            reason = ""
        reason = reason or ("redacted" if request.is_redacted else "")
        if reason:
            self.left_out[reason] += 1
            return None
        return PostgrestRequest(span, request, mount)

    def _span(self, read: PostgrestRequest, caller: str) -> Span:
        request, start, end = read.request, self._seconds(read.span.start), self._seconds(read.span.end)
        query = self._query(read)
        listed, key_types = list_and_keys(query)
        method = request.method
        self._unknown["rows"] += request.rows is None
        self._unknown["bytes"] += request.size is None
        writes = self._writes.before(query.relation)
        if method not in ("GET", "HEAD", "OPTIONS"):
            self._writes.add(query.relation)
        target = method.encode() + b" " + request.origin.encode() + request.target
        return Span(
            number=0,
            method=method,
            relation=query.relation,
            fingerprint=query.fingerprint,
            same=self._hash_literal(target),
            literals=tuple(self._hash_literal(literal) if literal else 0 for literal in query.filters),
            key_types=key_types,
            caller=caller,
            retry=request.retry,
            start=start,
            end=max(start, end),
            status=request.status,
            size=request.size or 0,
            rows=-1 if request.rows is None else request.rows,
            cut=None,
            outcome=Outcome.PASSED if request.status else Outcome.FAILED,
            call=next(self._calls),
            shared=1,
            bypass_reason=query.bypass_reason or "mode",
            head_size=len(target),
            listed=listed,
            limit=query.limit[0] if query.limit else None,
            offset=query.offset,
            upstream=max(0.0, end - start),
            shapes=tuple(map(literal_shape, query.filters)),
            writes=writes,
        )

    def _query(self, read: PostgrestRequest) -> Query:
        target, method = read.request.target, read.request.method.encode()
        options = (HEAD, read.mount, self._reading.schema, self._reading.max_url)
        if len(target) <= self._reading.max_url:
            return read_query(method, target, *options)
        short, place = shortened(target, self._reading.max_url)
        return with_long_list(read_query(method, short, *options), target, place)

    def _seconds(self, nanoseconds: int) -> float:
        return (nanoseconds - self._epoch) * NANO


def _is_within(span: OtelSpan, spans: Mapping[str, OtelSpan], found: Mapping[str, object]) -> bool:
    """Whether an ancestor is a request to PostgREST too: then a second instrumentation, or a gateway, made this one."""
    return any(ancestor.id in found for ancestor in _ancestors(span, spans))


def _ancestors(span: OtelSpan, spans: Mapping[str, OtelSpan]) -> Iterable[OtelSpan]:
    """The known ancestors, the parent first. Ids that go round in a circle end it."""
    seen = {span.id}
    while span.parent in spans and span.parent not in seen:
        span = spans[span.parent]
        seen.add(span.id)
        yield span


def _route(queries: Iterable[PostgrestRequest], spans: Mapping[str, OtelSpan]) -> str:
    """The route of the server, or the job, that made all queries; if several did, the root of the trace."""
    lines = [line for read in queries if (line := list(_ancestors(read.span, spans)))]
    if not lines:
        return ""
    names = {_route_name(next((one for one in line if one.kind in (SERVER, CONSUMER)), line[-1])) for line in lines}
    return (names.pop() if len(names) == 1 else _route_name(lines[0][-1]))[:MAX_TEXT]


def _route_name(span: OtelSpan) -> str:
    """``GET /orders/{id}`` if the span has its route, else its name."""
    route = span.text("http.route")
    method = span.text("http.request.method", "http.method")
    return f"{method} {route}".strip() if route else span.name


def _caller(span: OtelSpan, spans: Mapping[str, OtelSpan]) -> str:
    """The code that made the request, if the span or its parent says so: ``file:line``, else the function."""
    for one in (span, *list(_ancestors(span, spans))[:1]):
        file, line = one.text("code.file.path", "code.filepath"), one.number("code.line.number", "code.lineno")
        function = one.text("code.function.name", "code.function")
        if file:
            return (f"{file}:{line}" if line else file)[-MAX_TEXT:]
        if function:
            return function[:MAX_TEXT]
    return ""
