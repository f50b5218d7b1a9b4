"""Reads the heads of answers. Most lines of an answer were in an earlier one too, so that they are parsed once.

The heads of a second's answers to similar requests often differ in Content-Location only.
"""

import msgspec

from proxy.allowed_differences import HOP_BY_HOP
from proxy.http1.framing import CHUNKED, canonical_response, response_framing
from proxy.http1.head import HeaderField, StatusLine, parse_field, parse_status_line

MAX_LINES = 512
"""The most lines that are remembered of each kind; when there are more, all are forgotten."""
MAX_LINE_BYTES = 256
"""The most bytes of a line that is remembered."""
_NEVER_SAME = b"content-location"
"""It has the request's literals."""
_BEFORE_LOCATION = b"\r\nContent-Location: "
MAX_AROUND_BYTES = 2048
"""The most bytes of a head without Content-Location that is remembered."""
_SPECIAL = HOP_BY_HOP | {b"content-length", b"transfer-encoding"}
_CHUNKED_LINE = b"Transfer-Encoding: chunked"
_LENGTH = b"Content-Length: "


class AnswerHead(msgspec.Struct, frozen=True, gc=False):
    """``fields`` have their framing in fanin's own spelling, as ``canonical_response`` writes it."""

    line: StatusLine
    fields: tuple[HeaderField, ...]
    framing: int
    """Bytes of the body, ``CHUNKED`` or ``UNTIL_CLOSE``."""
    as_received: bytes = b""
    """The head without its empty line, if its client may get all of it unchanged; else empty."""


class ParsedHead(msgspec.Struct, frozen=True, gc=False):
    """The status line and the header lines of a head, as they are."""

    line: StatusLine
    fields: tuple[HeaderField, ...]
    framing: int | None
    """The framing of a final answer with a body, if all lines can be given on as they are; else None."""


class AnswerHeadReader:
    """Parses heads; a FaultError FANIN503 says that one is malformed or ambiguous."""

    def __init__(self) -> None:
        self._fields: dict[bytes, HeaderField] = {}
        self._status_lines: dict[bytes, StatusLine] = {}
        self._around: dict[tuple[bytes, bytes], tuple[ParsedHead, int]] = {}
        """By what is before and after the value of Content-Location: the head, and the index of this line's field."""

    def parse(self, block: bytes) -> ParsedHead:
        """The head ``block``, without its empty line."""
        before, found, rest = block.partition(_BEFORE_LOCATION)
        if not found:
            return self._parse(block)
        value, _, after = rest.partition(b"\r\n")
        around = self._around.get((before, after))
        if around is None:
            return self._remember(block, before, after)
        head, at = around
        location = parse_field(_BEFORE_LOCATION[2:] + value, "FANIN503")
        return ParsedHead(head.line, (*head.fields[:at], location, *head.fields[at + 1 :]), head.framing)

    def _remember(self, block: bytes, before: bytes, after: bytes) -> ParsedHead:
        head, at = self._parse(block), before.count(b"\r\n")
        others = head.fields[:at] + head.fields[at + 1 :]
        if len(before) + len(after) <= MAX_AROUND_BYTES and all(field.name != _NEVER_SAME for field in others):
            if len(self._around) >= MAX_LINES:
                self._around.clear()
            empty = HeaderField(_NEVER_SAME, b"", b"")  # in place of the one with the request's literals
            fields = (*head.fields[:at], empty, *head.fields[at + 1 :])
            self._around[before, after] = ParsedHead(head.line, fields, head.framing), at
        return head

    def _parse(self, block: bytes) -> ParsedHead:
        lines = block.split(b"\r\n")
        first = lines[0]
        status = self._status_lines.get(first) or self._status_line(first)
        if len(lines) == 1:
            return ParsedHead(status, (), None)
        known = self._fields
        fields = []
        for line in lines[1:]:
            field = known.get(line)
            fields.append(field if field is not None else self._field(line))
        return ParsedHead(status, tuple(fields), _framing_as_received(status, fields))

    def read(self, method: bytes, block: bytes) -> AnswerHead:
        """The head of a final answer to a request with ``method``."""
        return self.framed(method, self.parse(block), block)

    def framed(self, method: bytes, head: ParsedHead, block: bytes) -> AnswerHead:
        """The head that was parsed from ``block``, with what follows from its lines together."""
        line, fields = head.line, head.fields
        if head.framing is not None:
            return AnswerHead(line, fields, 0 if method == b"HEAD" else head.framing, block)
        framing = response_framing(method, line, fields)
        return AnswerHead(line, canonical_response(line, fields), framing)

    def _field(self, line: bytes) -> HeaderField:
        field = parse_field(line, "FANIN503")
        if len(line) <= MAX_LINE_BYTES and field.name != _NEVER_SAME:
            if len(self._fields) >= MAX_LINES:
                self._fields.clear()
            self._fields[line] = field
        return field

    def _status_line(self, line: bytes) -> StatusLine:
        status = parse_status_line(line)
        if len(line) <= MAX_LINE_BYTES:
            if len(self._status_lines) >= MAX_LINES:
                self._status_lines.clear()
            self._status_lines[line] = status
        return status


def _framing_as_received(line: StatusLine, fields: list[HeaderField]) -> int | None:
    special = [field for field in fields if field.name in _SPECIAL]
    if len(special) == 1 and line.status >= 200 and line.minor == 1 and line.status not in (204, 304):
        return _plain_framing(special[0])
    return None


def _plain_framing(field: HeaderField) -> int | None:
    """The framing by a line that fanin itself would write the same; None for any other line."""
    if field.line == _CHUNKED_LINE:
        return CHUNKED
    value = field.value
    if field.line == _LENGTH + value and value.isdigit() and len(value) <= 18 and (value[:1] != b"0" or value == b"0"):
        return int(value)
    return None
