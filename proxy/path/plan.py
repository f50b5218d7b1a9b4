"""Which calls serve a batch: members with byte-equal cuts share one, the rest go as they came (DESIGN.md §6)."""

import heapq
from collections.abc import Iterable, Iterator, Mapping, Sequence

import msgspec

from proxy.model import Alone, Call, Key, LiteralClass, Member, Merged
from proxy.postgrest.content_location import around_literal
from proxy.postgrest.literals import fits, opposite
from proxy.postgrest.media import ARRAY
from proxy.postgrest.set_filter import hidden_column, merged_target


class Bounds(msgspec.Struct, frozen=True):
    """What a merged call may hold: unique keys, bytes of its target, and per column the type that was learnt."""

    max_keys: int
    max_url: int
    types: Mapping[bytes, str] = {}


LONGEST_LIMIT = 12
"""Digits that the limit of a merged call may have."""

Cut = tuple[bytes, int, bytes, LiteralClass, bytes]
Owners = dict[bytes, list[Member]]


def plan(batch: Sequence[Member], alias: bytes, bounds: Bounds) -> list[Call]:
    """The calls for ``batch``, whose members have one fingerprint and one identity. Every member is in exactly one."""
    calls: list[Call] = []
    for key, members in partition(batch, bounds.types):
        calls += _calls(key, members, alias, bounds)
    return calls


def partition(batch: Sequence[Member], types: Mapping[bytes, str]) -> list[tuple[Key | None, list[Member]]]:
    """Groups that share a cut, the largest first; the key is None for those who share none.

    Among cuts of one size the leftmost parameter wins, then the first in the batch, so that a plan depends on nothing
    but the batch. A cut's size in the heap may be out of date, because its members went with others; never too small.
    """
    sharing, keys = _cuts(batch, types)
    cuts = list(sharing)
    heap = [(-len(sharing[cut]), cut[1], at) for at, cut in enumerate(cuts) if len(sharing[cut]) > 1]
    heapq.heapify(heap)
    groups: list[tuple[Key | None, list[Member]]] = []
    gone: set[Member] = set()
    while heap:
        size, start, at = heapq.heappop(heap)
        left = sharing[cuts[at]] = [member for member in sharing[cuts[at]] if member not in gone]
        if len(left) == -size:
            groups.append((keys[cuts[at]], left))
            gone.update(left)
        elif len(left) > 1:
            heapq.heappush(heap, (-len(left), start, at))
    rest = [member for member in batch if member not in gone]
    return [*groups, (None, rest)] if rest else groups


def _cuts(batch: Sequence[Member], types: Mapping[bytes, str]) -> tuple[dict[Cut, list[Member]], dict[Cut, Key]]:
    """Who has which cut, and a key of each cut."""
    sharing: dict[Cut, list[Member]] = {}
    keys: dict[Cut, Key] = {}
    for member in batch:
        for key in member.query.keys:
            if fits(key.literal, key.kind, types.get(key.name, "")):
                cut = _cut(member, key)
                sharing.setdefault(cut, []).append(member)
                keys.setdefault(cut, key)
    return sharing, keys


def _cut(member: Member, key: Key) -> Cut:
    """The target without the key's literal, and the identity: what members of one call must have byte-equal."""
    target = member.query.target
    return (target[: key.start], key.start, target[key.end :], key.kind, member.head.identity)


def _calls(key: Key | None, members: list[Member], alias: bytes, bounds: Bounds) -> Iterable[Call]:
    if key is None:
        return [Alone(member) for member in members]
    owners: Owners = {}
    for member in members:
        owners.setdefault(_own(key, member).literal, []).append(member)
    return [
        call
        for chunk in _chunks(owners, _room(key, members[0], alias, bounds), bounds.max_keys)
        for call in _call(key, chunk, alias, bounds)
    ]


def _own(key: Key, member: Member) -> Key:
    """The member's own literal for the column of ``key``."""
    return next(own for own in member.query.keys if own.name == key.name)


def _room(key: Key, member: Member, alias: bytes, bounds: Bounds) -> int:
    """Bytes that are left for literals, each with its comma."""
    query, own = member.query, _own(key, member)
    bare = merged_target(query, own, _column(alias, own), ())
    digits = LONGEST_LIMIT if query.limit is not None else 0
    return bounds.max_url - len(bare) - digits + 1


def _column(alias: bytes, key: Key) -> bytes:
    return hidden_column(alias, key.name)


def _chunks(owners: Owners, room: int, max_keys: int) -> Iterator[Owners]:
    """``owners`` cut by unique keys, by bytes, and so that no chunk holds both ``v`` and ``-v``.

    Two chunks are open at most: a literal has one opposite, which is in one of them.
    """
    filling: list[tuple[Owners, int]] = []
    for literal, members in owners.items():
        size = len(literal) + 1
        yield from (chunk for chunk, used in filling if len(chunk) >= max_keys or used + size > room)
        filling = [(chunk, used) for chunk, used in filling if len(chunk) < max_keys and used + size <= room]
        for at, (chunk, used) in enumerate(filling):
            if opposite(literal) not in chunk:
                chunk[literal] = members
                filling[at] = (chunk, used + size)
                break
        else:
            filling.append(({literal: members}, size))
    yield from (chunk for chunk, _ in filling)


def _call(key: Key, owners: Owners, alias: bytes, bounds: Bounds) -> Iterable[Call]:
    """One call for ``owners``, or one each where there is nothing to share or no room for it."""
    members = next(iter(owners.values()))
    first = members[0]
    own, query = _own(key, first), first.query
    target = merged_target(query, own, _column(alias, own), owners)
    if (len(owners) == 1 and len(members) == 1) or len(target) > bounds.max_url:
        return [Alone(member) for sharing in owners.values() for member in sharing]
    around = around_literal(query.target[query.path_end + 1 :], own.name, own.literal)
    media, limit = first.head.media or ARRAY, None if query.limit is None else query.limit[0]
    return [Merged(target, own.name, own.kind, owners, around, media, first.head.counted, limit)]
