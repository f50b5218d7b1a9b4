"""Determines where a body ends (RFC 9112 §6.3), and writes the headers that say so in one spelling.

Framing that two servers could read differently is an error. What is no error has several spellings, and servers differ
in which of them they understand: PostgREST's does not take ``chunked`` with a blank behind it for chunked. So the other
side never gets such a header as it came, but as fanin writes what it read.
"""

from proxy.allowed_differences import HOP_BY_HOP
from proxy.errors.codes import FaultError
from proxy.http1.head import HeaderField, StatusLine, first_value, tokens

CHUNKED = -1
UNTIL_CLOSE = -2

CONNECTION_OPTIONS = HOP_BY_HOP | {b"close", b"trailer", b"transfer-encoding"}
"""Allowed values of ``Connection``. Any other value names an end-to-end header, which fanin would have to remove
although the database may read it.
"""

_CONTINUE = b"100-continue"


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


def canonical_request(fields: tuple[HeaderField, ...], framing: int) -> tuple[HeaderField, ...]:
    """``fields`` with Transfer-Encoding, Content-Length, Expect and Host written once, in fanin's own spelling.

    ``framing`` is that of the fields. FANIN117 for an expectation other than 100-continue.
    """
    values = {b"transfer-encoding": b"chunked", b"content-length": b"%d" % framing, b"expect": _CONTINUE}
    for field in fields:
        if field.name == b"expect" and field.value.lower() != _CONTINUE:
            raise FaultError("FANIN117")
    host = first_value(fields, b"host")
    return _rewritten(fields, values if host is None else {**values, b"host": host})


def canonical_response(line: StatusLine, fields: tuple[HeaderField, ...]) -> tuple[HeaderField, ...]:
    """``fields`` with Transfer-Encoding and Content-Length written once, in fanin's own spelling; without them where
    they may not be (RFC 9110 §8.6, RFC 9112 §6.1). FANIN503 if one of them is malformed.

    Answers to HEAD and 304 have no body, but may say how one would be framed.
    """
    length, codings = _content_lengths(fields), tokens(fields, b"transfer-encoding")
    is_coded = _has_field(fields, b"transfer-encoding")
    if not length and not is_coded:
        return fields
    size = _single_length(length, "FANIN503")
    if is_coded and (length or codings != [b"chunked"]):
        raise FaultError("FANIN503", "ambiguous body length")
    if line.status < 200 or (line.status == 204 and (size or is_coded)):
        return tuple([field for field in fields if field.name not in (b"transfer-encoding", b"content-length")])
    return _rewritten(fields, {b"transfer-encoding": b"chunked", b"content-length": b"%d" % size})


def _rewritten(fields: tuple[HeaderField, ...], values: dict[bytes, bytes]) -> tuple[HeaderField, ...]:
    """``fields`` with these values for these names: the first line of each is written anew, the others are dropped."""
    kept, written = [], set()
    for field in fields:
        value = values.get(field.name)
        if value is None:
            kept.append(field)
        elif field.name not in written:
            written.add(field.name)
            kept.append(HeaderField(field.name, value, field.name.title() + b": " + value))
    return tuple(kept)


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
