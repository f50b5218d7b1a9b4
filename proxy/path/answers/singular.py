"""Templates of PostgREST's 406, the answer to a request for one object that matches 0 or several rows.

Its headers and its text depend on PostgREST's release (docs/explanation/merging.md#single-objects). Therefore a real
answer is stored per identity and used as a template for other numbers of rows. The Server header names the release; if
a gateway replaces it, the template expires after a short time.
"""

from collections.abc import Iterator

import msgspec

from proxy.bounded_table import MAX_BYTES, BoundedTable
from proxy.http1.head import HeaderField, line_of
from proxy.model import FallbackReason, NotSingular, RequestHead, Slice
from proxy.postgrest.response.echoes import shareable_lines
from proxy.postgrest.response.gateway import Gateway
from proxy.postgrest.response.headers import TEMPLATE_HEADERS, is_per_answer
from proxy.postgrest.response.problem import read_error_body

_BEFORE_NUMBER, _AFTER_NUMBER = b'"The result contains ', b" rows"
NOT_SINGULAR_CODE = "PGRST116"
UNVERSIONED_LIFETIME = 60.0
"""Seconds until a template expires if its Server header does not name PostgREST's release."""


class NotSingularTemplate(msgspec.Struct, frozen=True):
    """A 406 without the parts that differ per answer: some header lines, and the number of rows in its body."""

    server: bytes
    """The Server line, which names the release."""
    head: tuple[tuple[bytes, bytes], ...]
    """Lines, each with its CRLF, and the name of the header to insert after them; empty after the last lines."""
    before_number: bytes
    after_number: bytes

    @property
    def size(self) -> int:
        """Bytes of its texts."""
        head = sum(len(lines) + len(name) for lines, name in self.head)
        return len(self.server) + head + len(self.before_number) + len(self.after_number)

    def render(self, result: NotSingular) -> Slice:
        """The answer for ``result``: its number of rows and its per-answer header lines in this template."""
        body = self.before_number + b"%d" % result.rows + self.after_number
        head = b"".join([lines + result.per_answer_lines.get(name, b"") for lines, name in self.head])
        return Slice(head + b"Content-Length: %d\r\n" % len(body), body, 0, echoes=result.echoes)


def read_template(
    status_line: bytes, fields: tuple[HeaderField, ...], body: bytes, gateway: Gateway, request: RequestHead
) -> NotSingularTemplate | None:
    """The template of the 406 that answers ``request``; None if its body is another error, or a header may depend on
    the row.
    """
    before, start, rest = body.partition(_BEFORE_NUMBER)
    digits, end, after = rest.partition(_AFTER_NUMBER)
    if not (start and end and digits.isdigit()) or read_error_body(body).code != NOT_SINGULAR_CODE:
        return None
    shared = shareable_lines(fields, TEMPLATE_HEADERS, gateway, (request,))
    if isinstance(shared, FallbackReason):
        return None
    echoed = frozenset(echo.name for echo in shared.echoes)
    head = tuple(_split_at_per_answer_lines(status_line, shared.lines, gateway, echoed))
    return NotSingularTemplate(line_of(fields, b"server"), head, before + _BEFORE_NUMBER, _AFTER_NUMBER + after)


def _split_at_per_answer_lines(
    status_line: bytes, fields: list[HeaderField], gateway: Gateway, echoed: frozenset[bytes]
) -> Iterator[tuple[bytes, bytes]]:
    """The lines of a head, split where a per-answer header is removed; a repeated header counts at its first line."""
    lines, seen = status_line + b"\r\n", set()
    for field in fields:
        if field.name not in echoed and not is_per_answer(field.name, gateway):
            lines += field.line + b"\r\n"
        elif field.name not in seen:
            seen.add(field.name)
            yield lines, field.name
            lines = b""
    yield lines, b""


class NotSingularTemplates:
    """One template per identity, at most ``limit`` and ``max_bytes``; the oldest are dropped."""

    def __init__(self, limit: int, max_bytes: int = MAX_BYTES) -> None:
        self.table: BoundedTable[bytes, tuple[NotSingularTemplate, float]] = BoundedTable(limit, max_bytes)

    def learn(self, identity_hash: bytes, template: NotSingularTemplate, now: float) -> None:
        """Store the ``template`` of an answer to this identity."""
        self.table.put(identity_hash, (template, now), template.size)

    def slice_for(self, result: Slice | NotSingular, identity_hash: bytes, now: float) -> Slice | None:
        """The answer for ``result``; None if it needs a template and there is none for this identity."""
        if isinstance(result, Slice):
            return result
        template = self.get(identity_hash, result.server, now)
        return None if template is None else template.render(result)

    def get(self, identity_hash: bytes, server: bytes, now: float) -> NotSingularTemplate | None:
        """The template of an identity; None if its Server line differs from ``server``, or if it expired."""
        template, learned = self.table.get(identity_hash) or (None, now)
        if template is None or template.server != server:
            return None
        return template if b"postgrest/" in server or now - learned <= UNVERSIONED_LIFETIME else None
