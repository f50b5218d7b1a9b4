"""Headers of an answer that repeat a header of the request, such as the one that PostgREST's server-trace-header names.

In an answer for several requests such a line has the value of the request that was sent. Each caller gets its own.

Source: docs/explanation/merging.md#echoed-headers.
"""

from collections import Counter
from collections.abc import Sequence
from typing import Generic

import msgspec

from proxy.model import Echo, FallbackReason, RequestHead, Slice
from proxy.postgrest.response.gateway import Gateway
from proxy.postgrest.response.headers import READ_HEADERS, AnyLine, HeaderLine, shareable

BLANKS = b" \t"
MAX_SEARCHED = 4_000_000
"""Bytes of requests, times lines of an answer, that are searched for echoes at most: some milliseconds. PostgREST has
one such line, and reads at most 50 kB of each request.
"""


class ShareableLines(msgspec.Struct, Generic[AnyLine], frozen=True):
    """The lines of an answer that all its callers may receive, and those in which each has a value of its own."""

    lines: list[AnyLine]
    echoes: tuple[Echo, ...] = ()


def shareable_lines(
    fields: Sequence[AnyLine], known: frozenset[bytes], gateway: Gateway, heads: Sequence[RequestHead]
) -> ShareableLines[AnyLine] | FallbackReason:
    """The lines of an answer to the first of ``heads`` that the others may receive too, as ``shareable`` decides, and
    the headers that it repeats from the request. The fallback reason if there is a header of another kind.
    """
    kept = shareable(fields, known, gateway)
    if not isinstance(kept, FallbackReason):
        return ShareableLines(kept)
    echoes = _echoes(fields, known, heads)
    if not echoes:
        return kept
    kept = shareable(fields, known | {echo.name for echo in echoes}, gateway)
    return kept if isinstance(kept, FallbackReason) else ShareableLines(kept, echoes)


def with_own_values(answer: Slice, head: RequestHead) -> Slice:
    """``answer`` as the request with ``head`` would get it alone: with its own values in the lines that repeat them."""
    own = answer.head
    for echo in answer.echoes:
        value = _values(head, echo.name)[:1] or [b""]
        line = echo.written + (value[0].strip(BLANKS) if echo.trimmed else value[0])
        own = own.replace(b"\r\n" + echo.line + b"\r\n", b"\r\n" + line + b"\r\n", 1)
    return msgspec.structs.replace(answer, head=own, echoes=()) if answer.echoes else answer


def trace_header(fields: Sequence[HeaderLine], head: RequestHead) -> bytes:
    """The name of PostgREST's server-trace-header (lower case), if this answer to a read shows it; else empty.

    PostgREST writes it between ``Server`` and ``Content-Range``. A header that SQL sets never stands there: it comes
    after PostgREST's own.
    """
    at = _after_server(fields)
    if not 0 < at < len(fields) - 1 or fields[at].name in READ_HEADERS or fields[at + 1].name != b"content-range":
        return b""
    value = fields[at].value
    repeated = value and [own.strip(BLANKS) for own in _values(head, fields[at].name)[:1]] == [value]
    return fields[at].name if repeated else b""


def _after_server(fields: Sequence[HeaderLine]) -> int:
    """Index of the line after PostgREST's ``Server``; 0 if another server answered."""
    for at, field in enumerate(fields):
        if field.name == b"server":
            return at + 1 if field.value.startswith(b"postgrest/") else 0
    return 0


def _echoes(fields: Sequence[HeaderLine], known: frozenset[bytes], heads: Sequence[RequestHead]) -> tuple[Echo, ...]:
    count, after_server = Counter(field.name for field in fields), _after_server(fields)
    unknown = [(at, field) for at, field in enumerate(fields) if field.name not in known and count[field.name] == 1]
    if len(unknown) * sum(len(head.forwarded_lines) for head in heads) > MAX_SEARCHED:
        return ()
    echoes = []
    for at, field in unknown:
        echo = _echo(field, heads, is_postgrests=at > 0 and at == after_server)
        echoes += [] if echo is None else [echo]
    return tuple(echoes)


def _echo(field: HeaderLine, heads: Sequence[RequestHead], is_postgrests: bool) -> Echo | None:
    """The echo that a line of an answer to the first of ``heads`` is; None if it is none.

    PostgREST repeats the first line, and writes an empty value for a request without it. What another server does then
    is not known, so that each request must have the header once.
    """
    values = _values(heads[0], field.name)
    name, _, written = field.line.partition(b":")
    if not is_postgrests and any(len(_values(head, field.name)) != 1 for head in heads):
        return None
    sent = values[0] if values else b""
    if sent.strip(BLANKS) != field.value:
        return None
    blanks = written[: len(written) - len(written.lstrip(BLANKS))] if field.value else written
    trimmed = bool(field.value) and written.lstrip(BLANKS) != sent
    return Echo(field.name, name + b":" + blanks, field.line, trimmed)


def _values(head: RequestHead, name: bytes) -> list[bytes]:
    """The values of a header among the lines that were sent, without the blanks before them."""
    lines = head.forwarded_lines
    lower = b"\r\n" + lines.lower()
    values, mark = [], b"\r\n" + name + b":"
    at = lower.find(mark)
    while at >= 0:
        begin = at + len(mark) - 2
        values.append(lines[begin : lines.index(b"\r\n", begin)].lstrip(BLANKS))
        at = lower.find(mark, at + 1)
    return values
