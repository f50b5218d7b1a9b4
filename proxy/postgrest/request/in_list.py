"""A long ``column=in.(…)`` of a target: where it lies, and what is in it.

https://postgrest.org/en/v12/references/api/tables_views.html#operators
"""

from collections.abc import Iterable

from proxy.model import LiteralClass
from proxy.postgrest.request.literals import are_uuids, canonical

_IN = b"in."
_STAND_IN = b"in.(0)"
"""What stands for a long list where only the kind of query matters."""

MAX_PARSED_TARGET = 65_536
"""Bytes of a target that is taken apart though no list makes it long."""

_ESCAPES = ((b"%2C", b","), (b"%2c", b","), (b"%28", b"("), (b"%29", b")"))
"""How client libraries write what a list needs."""


def long_list(target: bytes, rest: int) -> tuple[int, int] | None:
    """Where the value of the ``column=in.(…)`` lies without which ``target`` has ``rest`` bytes at most.

    None when another parameter is long too, or there is no such one. What is more than half has the middle in it.
    """
    path_end, middle = target.find(b"?"), len(target) // 2
    if not 0 < path_end < middle:
        return None
    begin = max(target.rfind(b"&", path_end, middle), path_end) + 1
    end = target.find(b"&", middle)
    end = end if end >= 0 else len(target)
    start = target.find(b"=", begin, end) + 1
    fits = len(target) - (end - start) <= rest
    return (start, end) if start and fits and target.startswith(_IN, start) else None


def shortened(target: bytes, rest: int) -> tuple[bytes, tuple[int, int] | None]:
    """``target`` without what makes it longer than ``rest`` bytes, and where the list lay that was taken out of it.

    What a query asks for is worked out by this: the time that takes must not depend on what fills a megabyte.
    """
    place = long_list(target, rest - len(_STAND_IN))
    if place is not None:
        return target[: place[0]] + _STAND_IN + target[place[1] :], place
    return target if len(target) <= MAX_PARSED_TARGET else target.partition(b"?")[0][:rest], None


def list_column(target: bytes, place: tuple[int, int]) -> bytes:
    """The raw name of the parameter whose value lies there."""
    begin = max(target.rfind(b"?", 0, place[0]), target.rfind(b"&", 0, place[0]))
    return target[begin + 1 : place[0] - 1]


def canonical_list(value: bytes) -> tuple[LiteralClass, list[bytes]] | None:
    """The elements of a raw ``in.(…)``, each once, in their order; None unless all are canonical and of one class.

    Anything quoted, empty, blank or escaped, and anything behind the list, has meanings of its own
    (docs/explanation/merging.md#lists).
    """
    text = _unescaped(value)
    if text[:4] != b"in.(" or text[-1:] != b")":
        return None
    elements = list(dict.fromkeys(text[4:-1].split(b",")))
    if are_uuids(text[4:-1]):
        return LiteralClass.UUID, elements
    kind, *others = set(map(canonical, elements))
    return None if kind is None or others else (kind, elements)


def bare_list(literals: Iterable[bytes]) -> bytes:
    """``in.(a,b)`` for canonical literals, which need neither quotes nor escapes."""
    return b"in.(" + b",".join(literals) + b")"


def estimate_list(value: bytes) -> tuple[int, str]:
    """About how many elements a raw ``in.(…)`` has, and what class the first is of: to tell, not to decide by."""
    text = _unescaped(value)
    kind = canonical(text[4:][:64].partition(b",")[0].rstrip(b")"))
    return text.count(b",") + 1, "" if kind is None else kind.value


def _unescaped(value: bytes) -> bytes:
    """``value`` with commas and parentheses as themselves; what else is escaped stays so, and so is no literal."""
    for written, plain in _ESCAPES:
        value = value.replace(written, plain)
    return value
