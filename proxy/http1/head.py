"""Parses the heads of requests and answers without changing a byte (RFC 9112 §2–5).

A parser library would suffice for answers, but not for requests: llhttp, for example, rejects unknown methods and raw
UTF-8 in targets, and PostgREST answers both with its own errors.
"""

import msgspec

from proxy.errors.codes import FaultError

_TOKEN_BYTES = bytes(c for c in range(33, 127) if c not in b'"(),/:;<=>?@[\\]{}')
"""The bytes of a token (RFC 9110 §5.6.2), as a deletion table for ``bytes.translate``."""
_KNOWN_METHODS = frozenset((b"GET", b"HEAD", b"POST", b"PATCH", b"PUT", b"DELETE", b"OPTIONS"))
_VALUE_BYTES = b"\t" + bytes(range(0x20, 0x7F)) + bytes(range(0x80, 0x100))
_TARGET_BYTES = bytes(range(0x21, 0x7F)) + bytes(range(0x80, 0x100))

MAX_ELEMENTS = 100
"""The most elements of a list header that are read, with empty ones."""
UNREAD = b","


class HeaderField(msgspec.Struct, frozen=True, gc=False):
    """One header line: its name in lower case, its value without surrounding blanks, and the line as received."""

    name: bytes
    value: bytes
    line: bytes


class RequestLine(msgspec.Struct, frozen=True, gc=False):
    """``METHOD SP TARGET SP VERSION``; ``minor`` is 0 or 1."""

    method: bytes
    target: bytes
    minor: int


class StatusLine(msgspec.Struct, frozen=True, gc=False):
    """``VERSION SP CODE SP REASON``; ``line`` is the whole line as received."""

    status: int
    minor: int
    line: bytes


class Response(msgspec.Struct, frozen=True):
    """A whole answer: its body is without transfer coding."""

    line: StatusLine
    fields: tuple[HeaderField, ...]
    body: bytes


def parse_request_line(line: bytes) -> RequestLine:
    """Parse ``line`` (without its CRLF). FANIN101 if it is not a request line, FANIN110 for an unknown version."""
    parts = line.split(b" ", 3)  # bounded, because a long line of blanks would give one part per blank
    if len(parts) != 3:
        raise FaultError("FANIN101")
    method, target, version = parts
    if method not in _KNOWN_METHODS and (not method or method.translate(None, _TOKEN_BYTES)):
        raise FaultError("FANIN101")
    if not target or target.translate(None, _TARGET_BYTES):
        raise FaultError("FANIN101")
    return RequestLine(method, target, _minor_version(version, "FANIN101"))


def parse_status_line(line: bytes) -> StatusLine:
    """Parse the first line of an answer. FANIN503 if it is not a status line."""
    version, _, rest = line.partition(b" ")
    code = rest[:3]
    if not (code.isdigit() and len(code) == 3 and rest[3:4] in (b"", b" ")) or code < b"100":
        raise FaultError("FANIN503", "bad status line")
    if line.translate(None, _VALUE_BYTES):
        raise FaultError("FANIN503", "control character in the status line")
    return StatusLine(int(code), _minor_version(version, "FANIN503"), line)


def parse_fields(block: bytes, fault: str) -> tuple[HeaderField, ...]:
    """Parse the header lines of ``block`` (separated by CRLF, without the empty line). ``fault`` if one is malformed.

    Folded lines, names with blanks, bare CR or LF and control characters are errors: two servers can read such a head
    differently, which makes request smuggling possible (RFC 9112 §5.1, §5.2, §11.2).
    """
    if not block:
        return ()
    return tuple([parse_field(line, fault) for line in block.split(b"\r\n")])


def parse_field(line: bytes, fault: str) -> HeaderField:
    """Parse one header line, without its CRLF; else the same as ``parse_fields``."""
    name, colon, value = line.partition(b":")
    if not colon or not name or name.translate(None, _TOKEN_BYTES) or value.translate(None, _VALUE_BYTES):
        raise FaultError(fault)
    return HeaderField(name.lower(), value.strip(b" \t"), line)


def has_bare_lf(buffer: bytearray, start: int) -> bool:
    """Whether an LF at ``start`` or later has no CR before it, which is an error in a head (RFC 9112 §2.2)."""
    return buffer.count(b"\n", start) != buffer.count(b"\r\n", max(start - 1, 0))


def first_value(fields: tuple[HeaderField, ...], name: bytes) -> bytes | None:
    """The value of the first header ``name`` (lower case); None if there is none."""
    for field in fields:
        if field.name == name:
            return field.value
    return None


def line_of(fields: tuple[HeaderField, ...], name: bytes) -> bytes:
    """The first line of the header ``name`` (lower case) as received; empty if there is none."""
    return next((field.line for field in fields if field.name == name), b"")


def tokens(fields: tuple[HeaderField, ...], name: bytes) -> list[bytes]:
    """All elements of a comma-separated list header, in lower case, from all its lines. Empty elements are ignored
    (RFC 9110 §5.6.1.2). The end of a list of more than ``MAX_ELEMENTS`` is ``UNREAD``, which is no valid element.
    """
    found: list[bytes] = []
    elements = 0
    for field in fields:
        if field.name == name:
            elements += 1 + field.value.count(b",")
            if elements > MAX_ELEMENTS:
                return [*found, UNREAD]
            found += [token for part in field.value.lower().split(b",") if (token := part.strip(b" \t"))]
    return found


def _minor_version(version: bytes, fault: str) -> int:
    if version == b"HTTP/1.1":
        return 1
    if version == b"HTTP/1.0":
        return 0
    well_formed = version[:5] == b"HTTP/" and len(version) == 8 and version[6:7] == b"."
    raise FaultError("FANIN110" if well_formed and fault == "FANIN101" else fault)
