"""When a caller's token expires, read without checking the signature: it only shortens how long answers are kept."""

import base64
import math

import msgspec

from proxy.model import NOT_JSON


class _Claims(msgspec.Struct):
    exp: float | None = None


def token_expiry(lines: bytes) -> float:
    """The earliest ``exp`` (RFC 7519 §4.1.4) of the bearer tokens in header ``lines``, in seconds of Unix time;
    infinity if there is none.
    """
    earliest = math.inf
    for line in lines.split(b"\r\n"):
        name, _, value = line.partition(b":")
        if name.lower() == b"authorization":
            parts = value.strip(b" \t").split(b".")
            earliest = min(earliest, _expiry(parts[1]) if len(parts) == 3 else math.inf)
    return earliest


def _expiry(payload: bytes) -> float:
    try:
        text = base64.urlsafe_b64decode(payload + b"=" * (-len(payload) % 4))
        claims = msgspec.json.decode(text, type=_Claims)
    except (ValueError, *NOT_JSON):
        return math.inf
    return math.inf if claims.exp is None else claims.exp
