"""Spans of OpenTelemetry for tests, as an instrumented client makes them."""

from __future__ import annotations

import json
from itertools import count
from typing import TYPE_CHECKING, Any

from proxy.receiver.assembly import Assembler, SpanReading
from proxy.receiver.endpoints import Endpoints
from proxy.receiver.gathering import Gatherer
from proxy.receiver.otel_span import CLIENT, SERVER, OtelSpan

if TYPE_CHECKING:
    from proxy.model import Trace

_ids = count(1)


def client(url: str, parent: str = "", *, method: str = "GET", status: int = 200, **more: Any) -> OtelSpan:
    """A request of an HTTP client."""
    start = more.pop("start", 0)
    own: dict[str, Any] = {"http.request.method": method, "url.full": url, "http.response.status_code": status}
    found = own | {name.replace("__", "."): value for name, value in more.items()}
    return OtelSpan("t1", f"{next(_ids):016x}", parent, method, CLIENT, start, start + 1_000_000, found)


def server(name: str = "GET /orders", parent: str = "", **attributes: Any) -> OtelSpan:
    """A request that a server answered."""
    found = {key.replace("__", "."): value for key, value in attributes.items()}
    return OtelSpan("t1", f"{next(_ids):016x}", parent, name, SERVER, 0, 9_000_000, found)


def gathered(*spans: OtelSpan, upstreams: tuple[str, ...] = (), max_spans: int = 100) -> tuple[list[Trace], Assembler]:
    """The traces of the spans, and what made them."""
    assembler = Assembler(Endpoints(upstreams), SpanReading("public", 7000, max_spans), b"salt")
    gatherer = Gatherer(assembler)
    return [*gatherer.add(spans), *gatherer.quiet_since(0.0)], assembler


def line(*spans: OtelSpan) -> bytes:
    """The spans as a line of the Collector's file exporter."""
    written = [
        {
            "traceId": span.trace,
            "spanId": span.id,
            "parentSpanId": span.parent,
            "name": span.name,
            "kind": span.kind,
            "startTimeUnixNano": str(span.start),
            "endTimeUnixNano": str(span.end),
            "attributes": [{"key": key, "value": _value(value)} for key, value in span.attributes.items()],
        }
        for span in spans
    ]
    return json.dumps({"resourceSpans": [{"resource": {}, "scopeSpans": [{"spans": written}]}]}).encode() + b"\n"


def _value(value: Any) -> dict[str, Any]:
    return {"intValue": str(value)} if isinstance(value, int) else {"stringValue": value}
