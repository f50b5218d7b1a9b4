"""Which calls serve a batch: members with byte-equal cuts share one, the rest go as they came (DESIGN.md §6)."""

from collections.abc import Iterable, Mapping, Sequence

import msgspec

from proxy.model import Alone, Call, Key, LiteralClass, Member, Merged
from proxy.postgrest.content_location import around_literal
from proxy.postgrest.literals import fits, opposite
from proxy.postgrest.set_filter import hidden_column, merged_target


class Bounds(msgspec.Struct, frozen=True):
    """What a merged call may hold: unique keys, bytes of its target, and per column the type that was learnt."""

    max_keys: int
    max_url: int
    types: Mapping[bytes, str] = {}


Cut = tuple[bytes, int, bytes, LiteralClass, bytes]


def plan(batch: Sequence[Member], alias: bytes, bounds: Bounds) -> list[Call]:
    """The calls for ``batch``, whose members have one fingerprint and one identity. Every member is in exactly one."""
    calls: list[Call] = []
    for key, members in partition(batch, bounds.types):
        calls += _calls(key, members, alias, bounds)
    return calls


def partition(batch: Sequence[Member], types: Mapping[bytes, str]) -> list[tuple[Key | None, list[Member]]]:
    """Groups that share a cut, the largest first; the key is None for those who share none.

    Among cuts of one size the leftmost parameter wins, so that a plan depends on nothing but the batch.
    """
    left = list(batch)
    groups: list[tuple[Key | None, list[Member]]] = []
    while left:
        sharing: dict[Cut, list[Member]] = {}
        keys: dict[Cut, Key] = {}
        for member in left:
            for key in member.query.keys:
                if not fits(key.literal, key.kind, types.get(key.name, "")):
                    continue
                cut = _cut(member, key)
                sharing.setdefault(cut, []).append(member)
                keys.setdefault(cut, key)
        best = max(sharing, key=lambda cut: (len(sharing[cut]), -cut[1]), default=None)
        if best is None or len(sharing[best]) < 2:
            groups.append((None, left))
            break
        taken = sharing[best]
        groups.append((keys[best], taken))
        gone = set(map(id, taken))
        left = [member for member in left if id(member) not in gone]
    return groups


def _cut(member: Member, key: Key) -> Cut:
    """The target without the key's literal, and the identity: what members of one call must have byte-equal."""
    target = member.query.target
    return (target[: key.start], key.start, target[key.end :], key.kind, member.head.identity)


def _calls(key: Key | None, members: list[Member], alias: bytes, bounds: Bounds) -> Iterable[Call]:
    if key is None:
        return [Alone(member) for member in members]
    owners: dict[bytes, list[Member]] = {}
    for member in members:
        literal = next(k.literal for k in member.query.keys if k.name == key.name)
        owners.setdefault(literal, []).append(member)
    return [_call(key, chunk, alias) for chunk in _chunks(owners, members[0], bounds)]


def _chunks(owners: dict[bytes, list[Member]], member: Member, bounds: Bounds) -> Iterable[dict[bytes, list[Member]]]:
    """``owners`` cut by unique keys, by bytes, and so that no chunk holds both ``v`` and ``-v``."""
    room = bounds.max_url - len(member.query.target) - 100
    open_chunks: list[tuple[dict[bytes, list[Member]], int]] = []
    for literal, members in owners.items():
        size = len(literal) + 1
        for at, (chunk, used) in enumerate(open_chunks):
            fits = len(chunk) < bounds.max_keys and used + size <= room
            if fits and opposite(literal) not in chunk:
                chunk[literal] = members
                open_chunks[at] = (chunk, used + size)
                break
        else:
            open_chunks.append(({literal: members}, size))
    return [chunk for chunk, _ in open_chunks]


def _call(key: Key, owners: dict[bytes, list[Member]], alias: bytes) -> Call:
    members = next(iter(owners.values()))
    first = members[0]
    if len(owners) == 1 and len(members) == 1:
        return Alone(first)
    own = next(k for k in first.query.keys if k.name == key.name)
    query = first.query
    target = merged_target(
        query.target,
        query.path_end,
        query.select,
        (own.start, own.end),
        hidden_column(alias, own.name),
        owners,
    )
    around = around_literal(query.target[query.path_end + 1 :], own.name, own.literal)
    return Merged(target, own.name, own.kind, owners, around)
