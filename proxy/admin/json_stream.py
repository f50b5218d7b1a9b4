"""JSON in pieces, each made when the one before it was sent: an answer of the API is never in memory as a whole."""

from collections.abc import Iterable, Iterator, Mapping
from typing import Any

import msgspec

encode = msgspec.json.encode


class Pieces:
    """JSON of one value, in pieces."""

    def __init__(self, pieces: Iterable[bytes]) -> None:
        self._pieces = pieces

    def __iter__(self) -> Iterator[bytes]:
        return iter(self._pieces)


def array(items: Iterable[Any]) -> Pieces:
    """An array; one piece per item, or several if the item is ``Pieces`` itself."""
    return Pieces(_enclosed(b"[", ((b"", item) for item in items), b"]"))


def members(items: Iterable[tuple[str, Any]]) -> Pieces:
    """An object; one piece per member, or several if its value is ``Pieces``."""
    return Pieces(_enclosed(b"{", ((encode(name) + b":", value) for name, value in items), b"}"))


def object_of(values: Mapping[str, Any]) -> Pieces:
    """``members`` of a mapping."""
    return members(values.items())


def _enclosed(opening: bytes, items: Iterable[tuple[bytes, Any]], closing: bytes) -> Iterator[bytes]:
    yield opening
    separator = b""
    for name, value in items:
        if isinstance(value, Pieces):
            yield separator + name
            yield from value
        else:
            yield separator + name + encode(value)
        separator = b","
    yield closing
