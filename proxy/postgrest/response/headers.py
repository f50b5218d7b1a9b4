"""Headers of PostgREST's answers, by what they depend on: which of them several callers may receive.

Source: docs/explanation/merging.md#response-headers.
"""

from collections.abc import Iterable
from typing import Protocol, TypeVar

from proxy.allowed_differences import TIME_HEADERS
from proxy.model import FallbackReason
from proxy.postgrest.response.gateway import Gateway

CORS_HEADERS = frozenset(
    (b"access-control-allow-origin", b"access-control-expose-headers", b"access-control-allow-credentials")
)
COPIED_HEADERS = CORS_HEADERS | {
    *(b"date", b"server", b"content-type", b"content-profile", b"vary", b"server-timing", b"warning")
}
"""Headers that are the same for every request of a merged call, because all that they depend on is the same."""

REBUILT_HEADERS = (b"content-range", b"content-location")
"""Headers of every read, in PostgREST's order, whose values are computed for each filter value."""

READ_HEADERS = COPIED_HEADERS | {*REBUILT_HEADERS, b"preference-applied"}
"""Headers of a merged read."""

TEMPLATE_HEADERS = COPIED_HEADERS | {b"proxy-status"}
"""Headers of a 406 that do not depend on the key."""

SHARED_HEADERS = TEMPLATE_HEADERS | {b"www-authenticate", b"retry-after"}
"""Headers of an error that all callers may receive. Any other, for example a cookie, may be for one caller only."""

SAME_HEADERS = SHARED_HEADERS | {
    *(b"content-range", b"content-location", b"preference-applied", b"proxy-status"),
    *(b"content-encoding", b"content-language", b"etag", b"last-modified", b"cache-control", b"expires"),
}
"""Headers that depend on the request only (RFC 9110 §8), so that byte-equal requests may receive copies."""

DROPPED_HEADERS = frozenset((b"transfer-encoding", b"content-length", b"connection", b"keep-alive"))
"""Headers of the connection and of the framing, which are left out of a shared answer."""


class HeaderLine(Protocol):
    """A header line: name in lower case, value without surrounding blanks, the line as received without its CRLF."""

    @property
    def name(self) -> bytes: ...
    @property
    def value(self) -> bytes: ...
    @property
    def line(self) -> bytes: ...


AnyLine = TypeVar("AnyLine", bound=HeaderLine)


def shareable(lines: Iterable[AnyLine], known: frozenset[bytes], gateway: Gateway) -> list[AnyLine] | FallbackReason:
    """The lines of an answer that all its callers may receive: those with ``known`` names, the gateway's, and those of
    which the operator says so.

    Framing headers and the gateway's cookies are left out. Any other header may be for one caller only, and is
    returned as the fallback reason.
    """
    kept = []
    for line in lines:
        if line.name in known or line.name in gateway.same or gateway.adds_header(line.name):
            kept.append(line)
        elif line.name not in DROPPED_HEADERS and not gateway.sets_cookie(line.name, line.value):
            return FallbackReason("headers", line.name.decode("ascii"))
    return kept


def is_per_answer(name: bytes, gateway: Gateway) -> bool:
    """Whether the header ``name`` differs from answer to answer: time headers, and those of the gateway."""
    return name in TIME_HEADERS or gateway.adds_header(name)


def per_answer_lines(
    lines: Iterable[HeaderLine], gateway: Gateway, echoed: frozenset[bytes] = frozenset()
) -> dict[bytes, bytes]:
    """The lines of an answer for which ``is_per_answer`` holds, or whose name is ``echoed``, by name, each with its
    CRLF.
    """
    texts: dict[bytes, bytes] = {}
    for line in lines:
        if line.name in echoed or is_per_answer(line.name, gateway):
            texts[line.name] = texts.get(line.name, b"") + line.line + b"\r\n"
    return texts
