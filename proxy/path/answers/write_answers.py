"""Splits the answer to a call for several writes (FAN004) into the answer that each write alone would have got.

The rows of the answer are those that were written, each with its key first. What cannot be told apart without doubt is
not guessed: the writes are done, so that their callers can only be told that the outcome is unknown.

Source: docs/explanation/merging.md#writes.
"""

from collections.abc import Iterable, Iterator

from proxy.http1.head import HeaderField, Response, first_value
from proxy.model import MINIMAL, REPRESENTATION, FallbackReason, Media, Slice, WriteCall
from proxy.postgrest.response.content_range import rows_and_total
from proxy.postgrest.response.echoes import ShareableLines, shareable_lines
from proxy.postgrest.response.gateway import Gateway
from proxy.postgrest.response.headers import COPIED_HEADERS
from proxy.postgrest.response.problem import ErrorBody, read_error_body
from proxy.postgrest.response.rows import marked_rows

WRITE_HEADERS = COPIED_HEADERS | {b"content-range", b"preference-applied"}
OK, NO_CONTENT = b"HTTP/1.1 200 OK", b"HTTP/1.1 204 No Content"
ONE_ROW, NO_ROW = b"0-0/*", b"*/*"
BAD_REQUEST, TIMEOUT, SERVER_ERROR = 400, 408, 500


def is_refused(answer: Response) -> bool:
    """Whether PostgREST refused a call, so that nothing was written: a 4xx with its error. SQL can set another status
    on what it has written (``response.status``), and a gateway answers 408 after it has passed a request on.
    """
    status = answer.line.status
    is_client_error = BAD_REQUEST <= status < SERVER_ERROR and status != TIMEOUT
    return is_client_error and read_error_body(answer.body) != ErrorBody()


def split_writes(
    call: WriteCall, alias: bytes, answer: Response, gateway: Gateway
) -> dict[bytes, Slice | None] | FallbackReason:
    """The slice of each literal from the answer to a call that succeeded, or why it cannot be split. None: the write
    wants one object and changed no row.
    """
    shared = shareable_lines(answer.fields, WRITE_HEADERS, gateway, [write.head for write in call.writes.values()])
    if isinstance(shared, FallbackReason):
        return shared
    if answer.line.line != (OK if call.returns_rows else NO_CONTENT):
        return FallbackReason("status")
    media = call.first.head.media
    if not call.returns_rows or media is None:
        head = b"\r\n".join([NO_CONTENT, *(field.line for field in shared.lines), b""])
        return dict.fromkeys(call.writes, Slice(head, b"", -1, echoes=shared.echoes))
    rows = _rows(call, alias, answer, media)
    if isinstance(rows, FallbackReason):
        return rows
    return {literal: _slice(call, shared, rows.get(literal), media) for literal in call.writes}


def _rows(call: WriteCall, alias: bytes, answer: Response, media: Media) -> dict[bytes, bytes] | FallbackReason:
    """The row of each literal that has one."""
    marked = marked_rows(answer.body, alias, media.separator)
    if marked is None:
        return FallbackReason("shape")
    rows = dict(marked)
    if len(rows) != len(marked) or not rows.keys() <= call.writes.keys():
        return FallbackReason("unexpected-key")
    counted, _ = rows_and_total(first_value(answer.fields, b"content-range"))
    if call.first.query.method == b"PATCH" and counted != len(rows):
        return FallbackReason("shape")
    if first_value(answer.fields, b"content-type") != media.array_type:
        return FallbackReason("headers", "content-type")
    return rows


def _slice(call: WriteCall, shared: ShareableLines[HeaderField], row: bytes | None, media: Media) -> Slice | None:
    head = b"\r\n".join([*_head(call, shared.lines, row is not None, media), b""])
    rows = int(row is not None)
    if call.first.form.wants != REPRESENTATION:
        return Slice(head, b"", rows, echoes=shared.echoes)
    if media.singular and row is None:
        return None
    body = (row or b"") if media.singular else b"[" + (row or b"") + b"]"
    return Slice(head + b"Content-Length: %d\r\n" % len(body), body, rows, echoes=shared.echoes)


def _head(call: WriteCall, fields: Iterable[HeaderField], has_row: bool, media: Media) -> Iterator[bytes]:
    """The lines of a write's own head: PostgREST numbers the rows of a PATCH, and not those of a DELETE."""
    wants = call.first.form.wants
    yield OK if wants == REPRESENTATION else NO_CONTENT
    for field in fields:
        name = field.line.partition(b":")[0]
        if field.name == b"content-range":
            yield name + b": " + (ONE_ROW if has_row and call.first.query.method == b"PATCH" else NO_ROW)
        elif field.name == b"content-type":
            if wants == REPRESENTATION:
                yield name + b": " + media.own_type
        elif field.name == b"content-profile":
            if wants == REPRESENTATION:  # PostgREST names the schema of a body
                yield field.line
        elif field.name == b"preference-applied":
            if wants == REPRESENTATION:
                yield field.line
            elif wants == MINIMAL:
                yield name + b": " + MINIMAL
        else:
            yield field.line
