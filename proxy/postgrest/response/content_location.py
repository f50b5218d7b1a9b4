"""Computes the Content-Location header of a read as PostgREST does.

Source: docs/explanation/merging.md#content-location.
"""

from proxy.postgrest.request.target import decoded

_UNRESERVED = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_.~"
_ESCAPES = [chr(c) if c in _UNRESERVED else "".join(f"%{byte:02X}" for byte in chr(c).encode()) for c in range(256)]


def percent_encoded(text: bytes) -> bytes:
    """``text`` with all but unreserved bytes as ``%XX``. PostgREST encodes bytes above 127 twice."""
    if not text.translate(None, _UNRESERVED):
        return text
    return "".join([_ESCAPES[byte] for byte in text]).encode()


def canonical_query(query: bytes) -> bytes:
    """The query of Content-Location for a raw query (without ``?`` and ``;``).

    Parameters are sorted by name; the values of equal names are joined by commas.
    """
    values: dict[bytes, list[bytes]] = {}
    for part in query.removesuffix(b"&").split(b"&"):  # an empty text after the last & is no parameter
        name, _, value = part.partition(b"=")
        values.setdefault(decoded(name), []).append(percent_encoded(decoded(value)))
    return b"&".join(percent_encoded(name) + b"=" + b",".join(values[name]) for name in sorted(values))


def around_value(query: bytes, key: bytes, value: bytes) -> tuple[bytes, bytes]:
    """The canonical query before and after ``escaped(value)``, for a ``key`` that occurs once.

    ``key`` and ``value`` are decoded.
    """
    parts = canonical_query(query).split(b"&")
    name = percent_encoded(key) + b"="
    at = parts.index(name + percent_encoded(value))
    return b"&".join([*parts[:at], name]), b"&".join([b"", *parts[at + 1 :]])
