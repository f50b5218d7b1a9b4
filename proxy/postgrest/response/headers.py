"""The headers of PostgREST's answers, by what they depend on, and which of them may go to several.

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
"""Headers that are the same for every member, because members agree in everything they depend on."""

REBUILT_HEADERS = (b"content-range", b"content-location")
"""Headers of every read, in PostgREST's order, whose values are made anew for each member."""

READ_HEADERS = COPIED_HEADERS | {*REBUILT_HEADERS, b"preference-applied"}
"""Headers of a merged read."""

TEMPLATE_HEADERS = COPIED_HEADERS | {b"proxy-status"}
"""Headers of a 406 that are the same whichever key it is about."""

SHARED_HEADERS = TEMPLATE_HEADERS | {b"www-authenticate", b"retry-after"}
"""Headers of an error that is everybody's. Any other, a cookie say, may be meant for one caller."""

SAME_HEADERS = SHARED_HEADERS | {
    *(b"content-range", b"content-location", b"preference-applied", b"proxy-status"),
    *(b"content-encoding", b"content-language", b"etag", b"last-modified", b"cache-control", b"expires"),
}
"""Headers that tell of what was asked for and of nothing else (RFC 9110 §8): byte-equal requests may get copies."""

FRAMING_HEADERS = frozenset((b"transfer-encoding", b"content-length", b"connection", b"keep-alive"))


class HeaderLine(Protocol):
    """A header line: name in lower case, value without outer blanks, the line as it came without its CRLF."""

    @property
    def name(self) -> bytes: ...
    @property
    def value(self) -> bytes: ...
    @property
    def line(self) -> bytes: ...


AnyLine = TypeVar("AnyLine", bound=HeaderLine)


def shareable(lines: Iterable[AnyLine], known: frozenset[bytes], gateway: Gateway) -> list[AnyLine] | FallbackReason:
    """The lines of an answer that go to all whom it serves: those with ``known`` names, and the gateway's own.

    Framing and the gateway's cookies are left out. Any other header may be meant for one caller: a doubt.
    """
    kept = []
    for line in lines:
        if line.name in known or gateway.adds_header(line.name):
            kept.append(line)
        elif line.name not in FRAMING_HEADERS and not gateway.sets_cookie(line.name, line.value):
            return FallbackReason("headers", line.name.decode("ascii"))
    return kept


def is_per_answer(name: bytes, gateway: Gateway) -> bool:
    """Whether the header ``name`` tells of the very answer that it is in: when, how long, by which way it came."""
    return name in TIME_HEADERS or gateway.adds_header(name)


def per_answer_lines(lines: Iterable[HeaderLine], gateway: Gateway) -> dict[bytes, bytes]:
    """The stamps of an answer: all lines of a name, each with its CRLF."""
    found: dict[bytes, bytes] = {}
    for line in lines:
        if is_per_answer(line.name, gateway):
            found[line.name] = found.get(line.name, b"") + line.line + b"\r\n"
    return found
