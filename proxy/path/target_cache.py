"""Targets that differ from one read before in one plain literal are not taken apart again: a fan-out's all do."""

from collections import OrderedDict
from collections.abc import Callable

import msgspec

from proxy.model import Key, LiteralClass, Query, RequestHead
from proxy.postgrest.request.literals import canonical
from proxy.postgrest.request.target import LOGIC, RESERVED, decoded

ReadTarget = Callable[[bytes, bytes, RequestHead], Query]
"""Method, target and head to what they say."""

MAX_TEMPLATES = 1024
"""Stencils remembered."""
_EQ = b"=eq."
_SAMPLE = b"0"
"""The literal of the target that a template is made of: no client's value is kept."""


class ParsedTemplate(msgspec.Struct, frozen=True):
    """What the ``query`` with the sample says of all like it; their literals are of filter ``at`` and key ``key``."""

    query: Query
    filter_index: int
    key_index: int | None

    def instantiate(self, target: bytes, literal: bytes, begin: int, kind: LiteralClass) -> Query:
        """The query for ``target``, whose ``literal`` begins at ``begin``."""
        like, moved = self.query, len(literal) - len(_SAMPLE)
        return Query(
            method=like.method,
            target=target,
            relation=like.relation,
            fingerprint=like.fingerprint,
            filters=(*like.filters[: self.filter_index], literal, *like.filters[self.filter_index + 1 :]),
            path_end=like.path_end,
            select=like.select and _shifted(like.select, begin, moved),
            limit=like.limit and (like.limit[0], *_shifted(like.limit[1:], begin, moved)),
            offset=like.offset,
            order=like.order,
            keys=tuple([self._shifted_key(at, key, literal, begin, kind) for at, key in enumerate(like.keys)]),
            bypass_reason=like.bypass_reason,
        )

    def _shifted_key(self, at: int, key: Key, literal: bytes, begin: int, kind: LiteralClass) -> Key:
        if at == self.key_index:
            return Key(key.name, b"eq." + literal, (literal,), key.start, begin + len(literal), kind)
        start, end = _shifted((key.start, key.end), begin, len(literal) - len(_SAMPLE))
        return Key(key.name, key.value, key.literals, start, end, key.kind)


def _shifted(place: tuple[int, int], begin: int, by: int) -> tuple[int, int]:
    """Where ``place`` is when what is at ``begin`` is longer by so much."""
    return place if place[0] < begin else (place[0] + by, place[1] + by)


class TargetCache:
    """``read`` for targets of at most ``longest`` bytes."""

    def __init__(self, read: ReadTarget, longest: int) -> None:
        self._read = read
        self._longest = longest
        self._templates: OrderedDict[tuple[bytes | str | None, ...], ParsedTemplate | None] = OrderedDict()

    def read(self, method: bytes, target: bytes, head: RequestHead) -> Query:
        """What ``read`` says, sooner."""
        begin = target.find(_EQ) + len(_EQ)
        end = target.find(b"&", begin)
        rest = b"" if end < 0 else target[end:]
        literal = target[begin : len(target) - len(rest)]
        kind = canonical(literal) if begin >= len(_EQ) and len(target) <= self._longest else None
        if kind is None:
            return self._read(method, target, head)
        known = (method, target[:begin], rest, head.accept_profile, head.content_profile, head.bypass_reason)
        if known in self._templates:
            template = self._templates[known]
            self._templates.move_to_end(known)
        else:
            template = self._templates[known] = _template(self._read(method, known[1] + _SAMPLE + rest, head), begin)
            if len(self._templates) > MAX_TEMPLATES:
                self._templates.popitem(last=False)
        return (
            self._read(method, target, head) if template is None else template.instantiate(target, literal, begin, kind)
        )


def _template(query: Query, begin: int) -> ParsedTemplate | None:
    """The template of a query whose sample begins at ``begin``; None where that is the literal of no filter."""
    _, mark, before = query.target[: begin - len(_EQ)].partition(b"?")
    raw = before.rpartition(b"&")[2]
    name = decoded(raw)
    if not query.relation or not mark or b"=" in raw or name in RESERVED or name in LOGIC:
        return None
    key = next((at for at, key in enumerate(query.keys) if key.start == begin - len(b"eq.")), None)
    return ParsedTemplate(query, before.count(b"&"), key)
