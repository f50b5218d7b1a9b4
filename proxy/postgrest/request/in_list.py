"""Finds and parses the long ``column=in.(…)`` of a target.

https://postgrest.org/en/v12/references/api/tables_views.html#operators
"""

from collections.abc import Iterable

from proxy.model import LiteralClass
from proxy.postgrest.request.literals import are_uuids, canonical

_IN = b"in."
_STAND_IN = b"in.(0)"
"""Replaces the long list in a shortened target."""

MAX_PARSED_TARGET = 8192
"""A target without a long list is parsed up to this size in bytes: longer ones could take more than 10 ms."""
UNREAD = "?…".encode()
"""Stands for the parameters of a target that is too long: one without a value, which PostgREST would ignore."""

_ESCAPES = ((b"%2C", b","), (b"%2c", b","), (b"%28", b"("), (b"%29", b")"))
"""Percent-encodings of a list's separators, which some client libraries send."""


def long_list(target: bytes, rest: int) -> tuple[int, int] | None:
    """Start and end of the value of the ``column=in.(…)`` without which ``target`` has at most ``rest`` bytes.

    None if there is no such list, or another parameter is long too. A list of more than half of the target contains
    its middle, so only the parameter at the middle is examined.
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
    """``target`` shortened to about ``rest`` bytes for parsing, and the place of the list that was removed.

    Parsing a target of a megabyte would take too long. Without a long list, a target of more than
    ``MAX_PARSED_TARGET`` bytes is cut to its path, with ``UNREAD`` in place of its parameters.
    """
    place = long_list(target, rest - len(_STAND_IN))
    if place is not None:
        return target[: place[0]] + _STAND_IN + target[place[1] :], place
    if len(target) <= MAX_PARSED_TARGET:
        return target, None
    path, mark, _ = target.partition(b"?")
    return path[:rest] + (UNREAD if mark else b""), None


def list_column(target: bytes, place: tuple[int, int]) -> bytes:
    """The raw name of the parameter whose value is at ``place``."""
    begin = max(target.rfind(b"?", 0, place[0]), target.rfind(b"&", 0, place[0]))
    return target[begin + 1 : place[0] - 1]


def canonical_list(value: bytes) -> tuple[LiteralClass, list[bytes]] | None:
    """The distinct elements of a raw ``in.(…)`` in their order; None unless all are canonical and of one class.

    PostgREST treats quoted, empty, blank and escaped elements, and text after the list, specially
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
    """Approximate number of elements of a raw ``in.(…)``, and the class of the first: for reports only."""
    text = _unescaped(value)
    kind = canonical(text[4:][:64].partition(b",")[0].rstrip(b")"))
    return text.count(b",") + 1, "" if kind is None else kind.value


def _unescaped(value: bytes) -> bytes:
    """``value`` with its commas and parentheses decoded. Other escapes stay, so that their element is not canonical."""
    for escape, character in _ESCAPES:
        value = value.replace(escape, character)
    return value
