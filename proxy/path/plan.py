"""Which calls serve a batch: members with byte-equal cuts share one, the rest go as they came.

Source: docs/explanation/architecture.md#plan.
"""

import heapq
from collections.abc import Iterable, Iterator, Mapping, Sequence

import msgspec

from proxy.model import Column, Identical, Key, LiteralClass, MergedCall, PendingRequest, PlannedCall, Query, Single
from proxy.postgrest.request.literals import fold
from proxy.postgrest.request.media import ARRAY
from proxy.postgrest.request.set_filter import (
    QUOTED_FILTER_BYTES,
    bare_elements,
    element,
    hidden_columns,
    merged_target,
    needs_quotes,
)
from proxy.postgrest.response.content_location import around_value
from proxy.postgrest.types import can_merge, is_totally_ordered, known_column, mixes_classes


class CallLimits(msgspec.Struct, frozen=True):
    """What a merged call may hold: unique keys, bytes of its target, and what is known of the relation's columns."""

    max_keys: int
    max_url: int
    columns: Mapping[bytes, Column] = {}
    rows_per_key: float = 1.0
    """Rows that a key had lately."""


LIMIT_DIGITS = 12
"""Digits that the limit of a merged call may have."""

GroupKey = tuple[bytes, int, bytes, str, bytes]
LiteralsByValue = dict[bytes, tuple[bytes, ...]]
"""The literals of each filter value."""
KnownColumns = Mapping[bytes, Column]


def plan(batch: Sequence[PendingRequest], alias: bytes, bounds: CallLimits) -> list[PlannedCall]:
    """The calls for ``batch``, whose members have one fingerprint and one identity. Every member is in exactly one."""
    calls: list[PlannedCall] = []
    for key, members in partition(batch, bounds.columns):
        calls += _calls_for_group(key, members, alias, bounds)
    return calls


def originals(members: Iterable[PendingRequest]) -> list[PlannedCall]:
    """``members`` as they came: those that are byte-equal share a call."""
    alike: dict[tuple[bytes, bytes, bytes], list[PendingRequest]] = {}
    for member in members:
        alike.setdefault((member.query.method, member.query.target, member.head.coalescing_identity), []).append(member)
    return [Single(same[0]) if len(same) == 1 else Identical(tuple(same)) for same in alike.values()]


def partition(batch: Sequence[PendingRequest], known: KnownColumns) -> list[tuple[Key | None, list[PendingRequest]]]:
    """Groups that share a cut, the largest first; the key is None for those who share none.

    Among cuts of one size the leftmost parameter wins, then the first in the batch, so that a plan depends on nothing
    but the batch. A cut's size in the heap may be out of date, because its members went with others; never too small.
    """
    sharing, keys = _group_keys(batch, known)
    cuts = list(sharing)
    heap = [(-len(sharing[cut]), cut[1], at) for at, cut in enumerate(cuts) if len(sharing[cut]) > 1]
    heapq.heapify(heap)
    groups: list[tuple[Key | None, list[PendingRequest]]] = []
    gone: set[PendingRequest] = set()
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


def can_share(query: Query, key: Key, known: KnownColumns) -> bool:
    """Whether it can be told which rows are of this filter value, and in what order, by what is known of columns."""
    if len(key.literals) > 1 and not order_of(query, known).is_known:
        return False
    column = known_column(key.name, known)
    if column is None:
        return key.kind is not LiteralClass.TEXT
    return all(can_merge(literal, column) for literal in key.literals)


def why_not_merged(member: PendingRequest, known: KnownColumns) -> str | None:
    """The bypass reason of a member that shares no call, if there is one: that it found no company is none."""
    fitting = (can_share(member.query, key, known) for key in member.query.keys)
    return None if any(fitting) else "literal"


def _group_keys(
    batch: Sequence[PendingRequest], known: KnownColumns
) -> tuple[dict[GroupKey, list[PendingRequest]], dict[GroupKey, Key]]:
    """Who has which cut, and a key of each cut."""
    sharing: dict[GroupKey, list[PendingRequest]] = {}
    keys: dict[GroupKey, Key] = {}
    for member in batch:
        for key in member.query.keys:
            if can_share(member.query, key, known):
                cut = _group_key(member, key, known_column(key.name, known))
                found = sharing.get(cut)
                if found is None:
                    sharing[cut], keys[cut] = [member], key
                else:
                    found.append(member)
    return sharing, keys


def _group_key(member: PendingRequest, key: Key, column: Column | None) -> GroupKey:
    """The target without the key's value, and the identity: what members of one call must have byte-equal."""
    target = member.query.target
    group = "" if mixes_classes(column) else key.kind._value_  # which takes a third of the time that `value` takes
    return (target[: key.start], key.start, target[key.end :], group, member.head.identity)


class KnownOrder(msgspec.Struct, frozen=True):
    """An order, as far as columns are known: `total` leaves no ties, `carried` shows where there are none."""

    is_total: bool
    columns: tuple[Column, ...]

    @property
    def is_known(self) -> bool:
        return self.is_total or bool(self.columns)


def order_of(query: Query, known: KnownColumns) -> KnownOrder:
    """What the query's order says of rows with the same key."""
    columns = [known_column(name, known) for name in query.order]
    total = any(column is not None and column.unique for column in columns)
    sorting = tuple(column for column in columns if column is not None and is_totally_ordered(column))
    return KnownOrder(total, () if total or len(sorting) < len(columns) else sorting)


def _calls_for_group(
    key: Key | None, members: list[PendingRequest], alias: bytes, bounds: CallLimits
) -> list[PlannedCall]:
    if key is None:
        return originals(members)
    owners: dict[bytes, list[PendingRequest]] = {}
    claims: LiteralsByValue = {}
    for member in members:
        own = _own_key(key, member)
        owners.setdefault(own.value, []).append(member)
        claims[own.value] = own.literals
    mould = _CallTemplate(_own_key(key, members[0]), members[0], alias, bounds)
    return [call for chunk in mould.split(claims) for call in mould.build(chunk, owners)]


def _own_key(key: Key, member: PendingRequest) -> Key:
    """The member's own value for the column of ``key``."""
    keys = member.query.keys
    return keys[0] if keys[0].name == key.name else next(own for own in keys if own.name == key.name)


class _CallTemplate:
    """What all calls of a group have in common; ``key`` is the first member's own."""

    def __init__(self, key: Key, first: PendingRequest, alias: bytes, bounds: CallLimits) -> None:
        query = first.query
        self._key, self._first, self._limits = key, first, bounds
        self._column = known_column(key.name, bounds.columns)
        self._mixes_classes = mixes_classes(self._column)
        self._order = order_of(query, bounds.columns)
        carried = query.order if self._order.columns else ()
        self._hidden = hidden_columns(alias, key.name, carried)
        self._location = around_value(query.target[query.path_end + 1 :], key.name, key.value)
        self._limit = None if query.limit is None else query.limit[0]

    def split(self, claims: LiteralsByValue) -> Iterator[LiteralsByValue]:
        """``claims`` cut by unique keys, by bytes, and so that no two literals of a chunk can be equal.

        ``v`` and ``-v`` can, under a collation that ignores punctuation.
        """
        if self._fits_one_call(claims):
            yield claims
            return
        quoted = any(needs_quotes(literal) for literals in claims.values() for literal in literals)
        room = self._literal_bytes()
        filling: list[_LiteralSet] = []
        for value, literals in claims.items():
            folded = {self._fold(literal): literal for literal in literals}
            size = len(literals) + sum([len(element(literal, quoted)) for literal in literals])
            full = [chunk for chunk in filling if not chunk.has_room(len(literals), size, self._limits.max_keys, room)]
            for chunk in full:
                yield chunk.literals_by_value
                filling.remove(chunk)
            for chunk in filling:
                if chunk.can_distinguish(folded):
                    break
            else:
                chunk = _LiteralSet()
                filling.append(chunk)
            chunk.add(value, literals, folded, size)
        yield from (chunk.literals_by_value for chunk in filling)

    def _fits_one_call(self, claims: LiteralsByValue) -> bool:
        """Whether all of them make one call, as they nearly always do: of plain literals it is seen at a glance."""
        literals = {literal for some in claims.values() for literal in some}
        text = bare_elements(literals)
        can_merge = text is not None and len(literals) <= self._limits.max_keys and len(text) < self._literal_bytes()
        return can_merge and len({self._fold(literal) for literal in literals}) == len(literals)

    def build(self, claims: LiteralsByValue, owners: dict[bytes, list[PendingRequest]]) -> list[PlannedCall]:
        """One call for ``claims``, or originals where there is one filter value only, or no room."""
        sharing = {value: owners[value] for value in claims}
        literals = dict.fromkeys(literal for some in claims.values() for literal in some)
        target = merged_target(self._first.query, self._key, self._hidden, len(sharing), literals)
        if len(sharing) == 1 or len(target) > self._limits.max_url:
            return originals(member for members in sharing.values() for member in members)
        head = self._first.head
        return [
            MergedCall(
                target=target,
                key=self._key.name,
                column=self._column,
                requests_by_value=sharing,
                literals_by_value=claims,
                order_columns=self._order.columns,
                order_is_total=self._order.is_total,
                content_location=self._location,
                media=head.media or ARRAY,
                exact_count=head.exact_count,
                limit=self._limit,
                expected_rows=int(len(literals) * self._limits.rows_per_key),
            )
        ]

    def _literal_bytes(self) -> int:
        """Bytes that are left for literals, each with its comma."""
        bare_elements = merged_target(self._first.query, self._key, self._hidden, 0, ())
        digits = LIMIT_DIGITS if self._limit is not None else 0
        return self._limits.max_url - len(bare_elements) - digits - QUOTED_FILTER_BYTES + 1

    def _fold(self, literal: bytes) -> bytes:
        """What two literals have in common that could be equal."""
        return fold(literal) if self._mixes_classes else literal.lstrip(b"-")


class _LiteralSet:
    """The claims of one call while they are gathered."""

    def __init__(self) -> None:
        self.literals_by_value: LiteralsByValue = {}
        self._folded: dict[bytes, bytes] = {}
        self._bytes = 0

    def has_room(self, keys: int, size: int, max_keys: int, room: int) -> bool:
        return len(self._folded) + keys <= max_keys and self._bytes + size <= room

    def can_distinguish(self, folded: Mapping[bytes, bytes]) -> bool:
        """Whether none of these literals could be equal to another one here."""
        return all(self._folded.get(short, literal) == literal for short, literal in folded.items())

    def add(self, value: bytes, literals: tuple[bytes, ...], folded: Mapping[bytes, bytes], size: int) -> None:
        self.literals_by_value[value] = literals
        self._folded.update(folded)
        self._bytes += size
