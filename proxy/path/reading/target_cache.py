"""Cache of parsed targets: a target that differs from a parsed one in a single literal is not parsed again.

The targets of a fan-out differ in one literal only.
"""

from collections import OrderedDict
from collections.abc import Callable

import msgspec

from proxy.model import Key, LiteralClass, Query, RequestHead
from proxy.postgrest.request.literals import canonical
from proxy.postgrest.request.target import LOGIC, RESERVED_PARAMS, decoded

ReadTarget = Callable[[bytes, bytes, RequestHead], Query]
"""Parses method, target and head."""

MAX_TEMPLATES = 16_384
"""The most templates that are kept: more than merge.max_tracked, the fingerprints whose state is kept."""
MAX_TEMPLATE_BYTES = 24_000_000
"""The most estimated bytes of all templates."""
TEMPLATE, PER_BYTE = 700, 10
"""Measured bytes in memory of a template: without its texts, and per byte of its target."""
_EQ = b"=eq."
EQ_BYTES = len(_EQ)
_SAMPLE = b"0"
"""The literal in the target of a template, so that no client's value is stored."""


class ParsedTemplate(msgspec.Struct, frozen=True, gc=False):
    """A query parsed with the sample literal. ``key_index`` says which of its keys has that literal."""

    query: Query
    filters: tuple[tuple[bytes, ...], tuple[bytes, ...]]
    """Its filters before and after that literal."""
    key_index: int | None
    is_last: bool
    """Whether nothing that is after the literal has a position in the query."""

    def instantiate(self, target: bytes, literal: bytes, begin: int, kind: LiteralClass) -> Query:
        """The query for ``target``, whose ``literal`` begins at ``begin``."""
        template, (before, after) = self.query, self.filters
        shift = 0 if self.is_last else len(literal) - len(_SAMPLE)
        keys = self._keys(literal, begin, kind, shift)
        query = msgspec.structs.replace(template, target=target, filters=(*before, literal, *after), keys=keys)
        return query if not shift else _with_positions(query, begin, shift)

    def _keys(self, literal: bytes, begin: int, kind: LiteralClass, shift: int) -> tuple[Key, ...]:
        keys, at = self.query.keys, self.key_index
        if at is None:
            return tuple([_shifted_key(key, begin, shift) for key in keys]) if shift else keys
        key = keys[at]
        own = Key(key.name, b"eq." + literal, (literal,), key.start, begin + len(literal), kind)
        if len(keys) == 1:
            return (own,)
        return tuple([own if other is key else _shifted_key(other, begin, shift) for other in keys])


def _shifted_key(key: Key, begin: int, shift: int) -> Key:
    if key.start < begin or not shift:
        return key
    return Key(key.name, key.value, key.literals, key.start + shift, key.end + shift, key.kind)


def _shifted(span: tuple[int, int], begin: int, shift: int) -> tuple[int, int]:
    """``span`` (start and end) after the text at ``begin`` became longer by ``shift`` bytes."""
    return span if span[0] < begin else (span[0] + shift, span[1] + shift)


def _with_positions(query: Query, begin: int, shift: int) -> Query:
    """``query`` after the text at ``begin`` became longer by ``shift`` bytes."""
    select, limit = query.select, query.limit
    return msgspec.structs.replace(
        query,
        select=None if select is None else _shifted(select, begin, shift),
        limit=None if limit is None else (limit[0], *_shifted(limit[1:], begin, shift)),
    )


class TargetCache:
    """Caches ``read`` for targets of at most ``longest`` bytes."""

    def __init__(self, read: ReadTarget, longest: int) -> None:
        self._read = read
        self._longest = longest
        self._templates: OrderedDict[tuple[bytes | str | None, ...], ParsedTemplate | None] = OrderedDict()
        self._sizes: dict[tuple[bytes | str | None, ...], int] = {}
        self._held_bytes = 0

    def read(self, method: bytes, target: bytes, head: RequestHead) -> Query:
        """Same result as ``read``, from the cache if possible."""
        begin = target.find(_EQ) + EQ_BYTES
        end = target.find(b"&", begin)
        rest = b"" if end < 0 else target[end:]
        literal = target[begin : len(target) - len(rest)]
        kind = canonical(literal) if begin >= EQ_BYTES and len(target) <= self._longest else None
        if kind is None:
            return self._read(method, target, head)
        key = (method, target[:begin], rest, head.accept_profile, head.content_profile, head.bypass_reason)
        template = self._templates.get(key)
        if template is None and key not in self._templates:
            template = _template(self._read(method, key[1] + _SAMPLE + rest, head), begin)
            self._store(key, template, TEMPLATE + PER_BYTE * (begin + len(rest)))
        return (
            self._read(method, target, head) if template is None else template.instantiate(target, literal, begin, kind)
        )

    def _store(self, key: tuple[bytes | str | None, ...], template: ParsedTemplate | None, size: int) -> None:
        self._templates[key] = template
        self._sizes[key] = size
        self._held_bytes += size
        while len(self._templates) > MAX_TEMPLATES or self._held_bytes > MAX_TEMPLATE_BYTES:
            oldest, _ = self._templates.popitem(last=False)
            self._held_bytes -= self._sizes.pop(oldest)


def _template(query: Query, begin: int) -> ParsedTemplate | None:
    """The template of a query whose sample begins at ``begin``; None if the sample is not the literal of a filter."""
    _, mark, before = query.target[: begin - len(_EQ)].partition(b"?")
    raw = before.rpartition(b"&")[2]
    name = decoded(raw)
    if not query.relation or not mark or b"=" in raw or name in RESERVED_PARAMS or name in LOGIC:
        return None
    key = next((at for at, key in enumerate(query.keys) if key.start == begin - len(b"eq.")), None)
    index = before.count(b"&")
    positions = [query.select[0] if query.select else 0, query.limit[1] if query.limit else 0]
    is_last = max([*positions, *[key.start for key in query.keys]]) < begin
    return ParsedTemplate(query, (query.filters[:index], query.filters[index + 1 :]), key, is_last)
