"""Determines where a body ends (RFC 9112 §6.3). Framing that two servers could read differently is an error."""

from proxy.allowed_differences import HOP_BY_HOP
from proxy.errors.codes import FaultError
from proxy.http1.head import HeaderField, StatusLine, tokens

CHUNKED = -1
UNTIL_CLOSE = -2

CONNECTION_OPTIONS = HOP_BY_HOP | {b"close", b"trailer", b"transfer-encoding"}
"""Allowed values of ``Connection``. Any other value names an end-to-end header, which fanin would have to remove
although the database may read it.
"""


def request_framing(fields: tuple[HeaderField, ...], minor: int) -> int:
    """Bytes of the request body, or ``CHUNKED``. FANIN103 if it is ambiguous, FANIN111 for an unknown coding."""
    length, codings = _content_lengths(fields), tokens(fields, b"transfer-encoding")
    if _has_field(fields, b"transfer-encoding"):
        if length or minor == 0:
            raise FaultError("FANIN103")
        if codings != [b"chunked"]:
            raise FaultError("FANIN111")
        return CHUNKED
    return _single_length(length, "FANIN103")


def response_framing(method: bytes, line: StatusLine, fields: tuple[HeaderField, ...]) -> int:
    """Bytes of the answer's body, ``CHUNKED`` or ``UNTIL_CLOSE``. FANIN503 if it is ambiguous."""
    length, codings = _content_lengths(fields), tokens(fields, b"transfer-encoding")
    if method == b"HEAD" or line.status < 200 or line.status in (204, 304):
        return 0
    if _has_field(fields, b"transfer-encoding"):
        if length or codings != [b"chunked"] or line.minor == 0:
            raise FaultError("FANIN503", "ambiguous body length")
        return CHUNKED
    return _single_length(length, "FANIN503") if length else UNTIL_CLOSE


def _has_field(fields: tuple[HeaderField, ...], name: bytes) -> bool:
    return any(field.name == name for field in fields)


def _content_lengths(fields: tuple[HeaderField, ...]) -> list[bytes]:
    return [field.value for field in fields if field.name == b"content-length"]


def _single_length(lengths: list[bytes], fault: str) -> int:
    """The value of the single Content-Length; 0 if there is none. At most 18 digits, so that no server overflows."""
    if not lengths:
        return 0
    value = lengths[0]
    if len(lengths) > 1 or not value.isdigit() or len(value) > 18:
        raise FaultError(fault)
    return int(value)
