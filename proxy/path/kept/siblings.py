"""The requests that a loop is expected to make next: the same query with another value of one filter.

Source: docs/explanation/prefetching.md.
"""

from urllib.parse import quote_from_bytes

import msgspec

from proxy.model import Key, Query
from proxy.postgrest.request.literals import class_of

_EQ = b"eq."
MAX_LITERAL = 256
"""Bytes of the longest value that is fetched ahead."""

Shape = tuple[bytes, bytes, bytes, bytes]
"""Method, the target before and after the value of a filter, and the hash of the identity: equal for look-alikes."""


class VariedKey(msgspec.Struct, frozen=True, gc=False):
    """A filter ``column=eq.literal`` of a request, whose literal a loop may vary."""

    key: Key
    shape: Shape
    literal: bytes


def varied_keys(query: Query, identity_hash: bytes) -> list[VariedKey]:
    """The filters of ``query`` whose literal a loop may vary."""
    target = query.target
    return [
        VariedKey(key, (query.method, target[: key.start], target[key.end :], identity_hash), key.literals[0])
        for key in query.keys
        if key.value.startswith(_EQ)
    ]


def sibling(query: Query, key: Key, literal: bytes) -> Query:
    """``query`` with another ``literal`` in the filter ``key``, as a client would have sent it."""
    raw = _EQ + quote_from_bytes(literal, safe="").encode()
    target = query.target[: key.start] + raw + query.target[key.end :]
    shift = len(raw) - (key.end - key.start)
    at = query.target.count(b"&", query.path_end, key.start)
    own = Key(key.name, _EQ + literal, (literal,), key.start, key.start + len(raw), class_of((literal,)))
    limit = query.limit
    return msgspec.structs.replace(
        query,
        target=target,
        filters=(*query.filters[:at], raw[len(_EQ) :], *query.filters[at + 1 :]),
        select=query.select and _shifted(query.select, key.start, shift),
        limit=limit and (limit[0], *_shifted((limit[1], limit[2]), key.start, shift)),
        keys=tuple([own if each.start == key.start else _shifted_key(each, key.start, shift) for each in query.keys]),
    )


def _shifted(span: tuple[int, int], start: int, shift: int) -> tuple[int, int]:
    """``span`` (start and end) after the value at ``start`` became longer by ``shift`` bytes."""
    return span if span[0] < start else (span[0] + shift, span[1] + shift)


def _shifted_key(key: Key, start: int, shift: int) -> Key:
    begin, end = _shifted((key.start, key.end), start, shift)
    return Key(key.name, key.value, key.literals, begin, end, key.kind)
