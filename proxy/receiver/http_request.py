"""The HTTP request that a client span stands for, by the stable names of attributes and by the ones before them.

https://opentelemetry.io/docs/specs/semconv/http/http-spans/
"""

from urllib.parse import urlsplit

import msgspec

from proxy.postgrest.request.operators import OPERATORS
from proxy.postgrest.request.target import decoded, split_target
from proxy.receiver.otel_span import CLIENT, OtelSpan

PORTS = {"http": 80, "https": 443}
HIDDEN = frozenset((b"redacted", b"filtered", b"masked", b"hidden", b"removed"))
"""What redactors write in place of a value, in whatever brackets."""
BRACKETS = b"[]<>(){}*_- "
FEWEST_STARS = 3
"""Asterisks that are a hidden value; fewer are a pattern, or all columns."""


class HttpRequest(msgspec.Struct, frozen=True):
    """A request. ``path`` and ``query`` are as they were sent."""

    method: str
    origin: str
    """``https://host:443``; the host in lower case."""
    path: bytes
    query: bytes
    status: int
    """0 if there was no answer."""
    size: int | None
    """Bytes of the answer's body, where the span has them."""
    rows: int | None
    retry: bool

    @property
    def target(self) -> bytes:
        return self.path + b"?" + self.query if self.query else self.path

    @property
    def has_filter(self) -> bool:
        """Whether the query has a filter or a select, as only PostgREST has them."""
        return any(
            param.name == b"select" or _operator(param.value) in OPERATORS for param in split_target(self.target)[1]
        )

    @property
    def is_redacted(self) -> bool:
        """Whether a value of the query was replaced before the span was sent."""
        return any(
            _is_hidden(decoded(param.value)) for param in split_target(self.target)[1] if param.name != b"select"
        )


def read_request(span: OtelSpan) -> HttpRequest | None:
    """The request of ``span``; None if it is not that of an HTTP client, or does not tell the address."""
    method = span.text("http.request.method", "http.method")
    if span.kind != CLIENT or not method:
        return None
    try:
        parts = urlsplit(_url(span))
        host, port = parts.hostname, parts.port
    except ValueError:
        return None
    if not host or parts.scheme not in PORTS:
        return None
    return HttpRequest(
        method=method if method != "_OTHER" else span.text("http.request.method_original") or "OTHER",
        origin=f"{parts.scheme}://{host}:{port or PORTS[parts.scheme]}",
        path=(parts.path or "/").encode("utf-8", "replace"),
        query=parts.query.encode("utf-8", "replace"),
        status=span.number("http.response.status_code", "http.status_code") or 0,
        size=span.number("http.response.body.size", "http.response_content_length"),
        rows=span.number("db.response.returned_rows"),
        retry=bool(span.number("http.request.resend_count", "http.resend_count")),
    )


def origin_of(url: str) -> tuple[str, str]:
    """The origin and the path of a URL, without a slash at the end. ValueError if it is not one of HTTP."""
    parts = urlsplit(url)
    if not parts.hostname or parts.scheme not in PORTS:
        raise ValueError("is not an http:// or https:// URL")
    return f"{parts.scheme}://{parts.hostname}:{parts.port or PORTS[parts.scheme]}", parts.path.rstrip("/")


def _url(span: OtelSpan) -> str:
    """The whole URL, put together if the span has only its parts."""
    url = span.text("url.full", "http.url")
    if url:
        return url
    host = span.text("server.address", "net.peer.name", "http.host")
    port = span.number("server.port", "net.peer.port")
    scheme = span.text("url.scheme", "http.scheme") or "http"
    query = span.text("url.query")
    target = span.text("http.target") or span.text("url.path") + (f"?{query}" if query else "")
    authority = host if port is None or ":" in host else f"{host}:{port}"
    return f"{scheme}://{authority}{target}" if host and target else ""


def _operator(value: bytes) -> bytes:
    return value.removeprefix(b"not.").partition(b".")[0].partition(b"(")[0] if b"." in value else b""


def _is_hidden(value: bytes) -> bool:
    literal = value.rpartition(b".")[2]
    return literal.strip(BRACKETS).lower() in HIDDEN or (len(literal) >= FEWEST_STARS and not literal.strip(b"*"))
