"""Builds fanin's own error answers: a body in PostgREST's shape, with Retry-After if the client may repeat."""

import msgspec

from proxy.errors.codes import MAYBE_SENT_CODES, NOT_SENT_CODES, FaultError

SAFE_METHODS = frozenset((b"GET", b"HEAD", b"OPTIONS"))


def body_of(error: FaultError) -> bytes:
    """The JSON body for ``error``, with PostgREST's four fields in PostgREST's order."""
    return msgspec.json.encode(
        {
            "code": error.fault.code,
            "details": error.details,
            "hint": error.fault.hint,
            "message": error.fault.message,
        }
    )


def response_of(error: FaultError, extra: bytes = b"", *, keep: bool = False, method: bytes = b"") -> bytes:
    """The whole answer for ``error`` to a request with ``method``.

    ``extra`` is header lines, each with its CRLF; ``keep`` leaves the connection open.
    """
    body, without_body = body_of(error), method == b"HEAD"
    may_retry = error.fault.code in NOT_SENT_CODES or (error.fault.code in MAYBE_SENT_CODES and method in SAFE_METHODS)
    retry = b"Retry-After: %d\r\n" % error.retry_after if may_retry else b""
    return (
        f"HTTP/1.1 {error.fault.status} {error.fault.reason}\r\n"
        "Content-Type: application/json; charset=utf-8\r\n"
        f"Content-Length: {len(body)}\r\n"
    ).encode() + b"".join(
        (retry, extra, b"" if keep else b"Connection: close\r\n", b"\r\n", b"" if without_body else body)
    )
