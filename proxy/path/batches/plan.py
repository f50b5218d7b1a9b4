"""Plans the upstream calls for a batch: requests with one group key share a call, the rest are sent unchanged.

A group key is a request's target without the value of one filter, and its identity.

Source: docs/explanation/architecture.md#plan.
"""

import heapq
from collections.abc import Iterable, Iterator, Mapping, Sequence
from operator import itemgetter

import msgspec

from proxy.model import Column, Identical, Key, LiteralClass, MergedCall, PendingRequest, PlannedCall, Single
from proxy.postgrest.request.in_list import list_column
from proxy.postgrest.request.literals import fold
from proxy.postgrest.request.media import ARRAY
from proxy.postgrest.request.row_range import lowest
from proxy.postgrest.request.set_filter import (
    COUNTED_ROWS,
    QUOTED_FILTER_BYTES,
    bare_elements,
    counts_by_address,
    element,
    hidden_columns,
    merged_limit,
    merged_target,
    needs_list_quotes,
)
from proxy.postgrest.request.target import decoded
from proxy.postgrest.response.content_location import around_value
from proxy.postgrest.row_address import CTID, address_columns
from proxy.postgrest.row_order import order_of
from proxy.postgrest.types import NO_COLUMN, are_columns, can_merge, known_column, mixes_classes


class CallLimits(msgspec.Struct, frozen=True):
    """Limits of a merged call (unique keys, bytes of its target), and the known columns of the relation."""

    max_keys: int
    max_url: int
    columns: Mapping[bytes, Column] = {}
    expects_all_keys: bool = True
    """Whether recent answers had a row for every key."""
    addressed: frozenset[bytes] = frozenset()
    """Key columns whose calls select the addresses of rows."""


LIMIT_DIGITS = 12
"""Bytes reserved in the target for the digits of a merged call's limit."""

GroupKey = tuple[bytes, int, bytes, str, bytes]
LiteralsByValue = dict[bytes, tuple[bytes, ...]]
"""Per filter value, its literals."""
ColumnMap = Mapping[bytes, Column]


def plan(batch: Sequence[PendingRequest], alias: bytes, limits: CallLimits) -> list[PlannedCall]:
    """The calls for ``batch``, in which all requests have one fingerprint and one identity.

    Every request is in exactly one call.
    """
    calls: list[PlannedCall] = []
    for key, requests in partition(batch, limits.columns):
        calls += _calls_for_group(key, requests, alias, limits)
    return calls


def originals(requests: Iterable[PendingRequest]) -> list[PlannedCall]:
    """Calls that send ``requests`` unchanged; byte-equal requests share a call."""
    equal: dict[tuple[bytes, bytes, bytes], list[PendingRequest]] = {}
    for request in requests:
        key = (request.query.method, request.query.target, request.head.coalescing_identity)
        equal.setdefault(key, []).append(request)
    return [Single(same[0]) if len(same) == 1 else Identical(tuple(same)) for same in equal.values()]


def partition(batch: Sequence[PendingRequest], known: ColumnMap) -> list[tuple[Key | None, list[PendingRequest]]]:
    """Groups of requests with one group key, the largest first; the key is None for the requests that share none.

    Among group keys of one size the leftmost parameter wins, then the first in the batch, so that the plan depends on
    the batch only. A size in the heap can be too large, because requests went into other groups, but never too small.
    """
    requests_by_group, keys = _group_keys(batch, known)
    of_all = [group for group, requests in requests_by_group.items() if len(requests) == len(batch) > 1]
    if of_all:
        group = min(of_all, key=itemgetter(1))
        return [(keys[group], requests_by_group[group])]
    group_keys = list(requests_by_group)
    heap = [
        (-len(requests_by_group[group]), group[1], at)
        for at, group in enumerate(group_keys)
        if len(requests_by_group[group]) > 1
    ]
    heapq.heapify(heap)
    groups: list[tuple[Key | None, list[PendingRequest]]] = []
    grouped: set[PendingRequest] = set()
    while heap:
        size, start, at = heapq.heappop(heap)
        group = group_keys[at]
        left = requests_by_group[group] = [request for request in requests_by_group[group] if request not in grouped]
        if len(left) == -size:
            groups.append((keys[group], left))
            grouped.update(left)
        elif len(left) > 1:
            heapq.heappush(heap, (-len(left), start, at))
    rest = [request for request in batch if request not in grouped]
    return [*groups, (None, rest)] if rest else groups


def can_share(request: PendingRequest, key: Key, known: ColumnMap) -> bool:
    """Whether the known columns suffice to find the rows of this filter value in a merged answer, and their order."""
    return _may_vary(request, key, known) and _fits(key, known_column(key.name, known))


def _may_vary(request: PendingRequest, key: Key, known: ColumnMap) -> bool:
    """The part of ``can_share`` that depends on no filter value, only on how many the key has."""
    own = known.get(key.name)
    if (own is not None and own.mismatched) or not has_no_aggregate(request, known):
        return False
    if request.query.method == b"HEAD":
        return not counts_by_address(request.query) or bool(address_columns(known))
    return len(key.literals) == 1 or order_of(request.query, known).is_known


def _fits(key: Key, column: Column | None) -> bool:
    """Whether the rows of the key's literals can be found in a merged answer."""
    if column is None:
        return key.kind is not LiteralClass.TEXT
    return all(can_merge(literal, column) for literal in key.literals)


def has_no_aggregate(request: PendingRequest, known: ColumnMap) -> bool:
    """Whether ``select`` has no aggregate, or only the number of rows."""
    return are_columns(request.query.aggregates, known) or counts_rows(request, known)


def counts_rows(request: PendingRequest, known: ColumnMap) -> bool:
    """Whether ``select=count`` asks for the number of rows: the relation is known to have no such column.

    With a Range or a count, what PostgREST answers depends on more than that number.
    """
    head, column = request.head, known.get(b"count")
    plain = request.query.counted != b"" and not head.exact_count and head.range_limit is None
    return plain and column is not None and column.type == NO_COLUMN


def why_not_merged(request: PendingRequest, known: ColumnMap) -> str | None:
    """The bypass reason of a request that shares no call; None if it only was the single one of its group."""
    shareable = (can_share(request, key, known) for key in request.query.keys)
    if any(shareable):
        return None
    if not has_no_aggregate(request, known):
        return "aggregate"
    columns = (known.get(key.name) for key in request.query.keys)
    if counts_by_address(request.query) and not address_columns(known):
        return "head"
    return "mismatched" if any(column is not None and column.mismatched for column in columns) else "literal"


def _group_keys(
    batch: Sequence[PendingRequest], known: ColumnMap
) -> tuple[dict[GroupKey, list[PendingRequest]], dict[GroupKey, Key]]:
    """Per group key, its requests and one of their keys. A request is in as many groups as it has keys."""
    requests_by_group: dict[GroupKey, list[PendingRequest]] = {}
    keys: dict[GroupKey, Key] = {}
    shapes: dict[tuple[bytes, bool], tuple[bool, Column | None]] = {}
    for request in batch:
        for key in request.query.keys:
            shape = key.name, len(key.literals) == 1
            found = shapes.get(shape)
            if found is None:  # once for the batch, whose requests have one fingerprint and one identity
                found = shapes[shape] = _may_vary(request, key, known), known_column(key.name, known)
            allowed, column = found
            if allowed and _fits(key, column):
                group = _group_key(request, key, column)
                requests = requests_by_group.get(group)
                if requests is None:
                    requests_by_group[group], keys[group] = [request], key
                else:
                    requests.append(request)
    return requests_by_group, keys


def _group_key(request: PendingRequest, key: Key, column: Column | None) -> GroupKey:
    """The target without the key's value, and the identity: all requests of one call have them byte-equal."""
    target = request.query.target
    kind = "" if mixes_classes(column) else key.kind._value_  # `_value_` takes a third of the time of `value`
    return (target[: key.start], key.start, target[key.end :], kind, request.head.identity)


def _calls_for_group(
    key: Key | None, requests: list[PendingRequest], alias: bytes, limits: CallLimits
) -> list[PlannedCall]:
    if key is None:
        return originals(requests)
    requests_by_value: dict[bytes, list[PendingRequest]] = {}
    literals_by_value: LiteralsByValue = {}
    for request in requests:
        keys = request.query.keys
        own = keys[0] if len(keys) == 1 else _own_key(key, request)
        requests_by_value.setdefault(own.value, []).append(request)
        literals_by_value[own.value] = own.literals
    template = _CallTemplate(_own_key(key, requests[0]), requests[0], alias, limits)
    parts = template.split(literals_by_value)
    return [call for part in parts for call in template.build(part, requests_by_value)]


def _own_key(key: Key, request: PendingRequest) -> Key:
    """The key of ``request`` with the column of ``key``."""
    keys = request.query.keys
    return keys[0] if keys[0].name == key.name else next(own for own in keys if own.name == key.name)


class _CallTemplate:
    """The common properties of all calls of a group; ``key`` is the key of its ``first`` request."""

    def __init__(self, key: Key, first: PendingRequest, alias: bytes, limits: CallLimits) -> None:
        query = first.query
        self._key, self._first, self._limits = key, first, limits
        self._column = known_column(key.name, limits.columns)
        self._mixes_classes = mixes_classes(self._column)
        self._order = order_of(query, limits.columns)
        order_columns = query.order if self._order.columns else ()
        self._counts = query.method == b"HEAD"
        self._address = address_columns(limits.columns) if key.name in limits.addressed and not self._counts else ()
        by_address = (CTID,) if counts_by_address(query) else ()
        more = by_address if self._counts else self._address or order_columns
        self._hidden, self._hidden_texts = hidden_columns(alias, key.name, more), len(more)
        self._counted = query.counted if counts_rows(first, limits.columns) else b""
        name = decoded(list_column(query.target, (key.start, key.end)))
        self._location = around_value(query.target[query.path_end + 1 :], name, key.value)
        own_limit = lowest(None if query.limit is None else query.limit[0], first.head.range_limit)
        self._limit = COUNTED_ROWS if self._counts else own_limit

    def split(self, literals_by_value: LiteralsByValue) -> Iterator[LiteralsByValue]:
        """Split by number of keys, by bytes, and so that no two literals of one call can be equal.

        ``v`` and ``-v`` can be equal, under a collation that ignores punctuation.
        """
        if self._fits_one_call(literals_by_value):
            yield literals_by_value
            return
        quoted = any(needs_list_quotes(literal) for literals in literals_by_value.values() for literal in literals)
        max_keys, max_bytes = self._limits.max_keys, self._literal_bytes()
        open_sets: list[_LiteralSet] = []
        for value, literals in literals_by_value.items():
            folded = {self._fold(literal): literal for literal in literals}
            size = len(literals) + sum([len(element(literal, quoted)) for literal in literals])
            full = [part for part in open_sets if not part.has_room(len(literals), size, max_keys, max_bytes)]
            for part in full:
                yield part.literals_by_value
                open_sets.remove(part)
            for part in open_sets:
                if part.can_distinguish(folded):
                    break
            else:
                part = _LiteralSet()
                open_sets.append(part)
            part.add(value, literals, folded, size)
        yield from (part.literals_by_value for part in open_sets)

    def _fits_one_call(self, literals_by_value: LiteralsByValue) -> bool:
        """Whether one call is enough: a fast check that may return False for literals that are not plain."""
        literals = {literal for some in literals_by_value.values() for literal in some}
        text = bare_elements(literals)
        if text is None or len(literals) > self._limits.max_keys or len(text) >= self._literal_bytes():
            return False
        if not (self._mixes_classes or text.startswith(b"-") or b",-" in text):
            return True  # distinct literals are their own normal forms
        return len({self._fold(literal) for literal in literals}) == len(literals)

    def build(
        self, literals_by_value: LiteralsByValue, requests_by_value: dict[bytes, list[PendingRequest]]
    ) -> list[PlannedCall]:
        """One merged call; the originals if there is only one filter value, or if the target would be too long."""
        own = {value: requests_by_value[value] for value in literals_by_value}
        literals = dict.fromkeys(literal for some in literals_by_value.values() for literal in some)
        limit = None if self._limit is None else merged_limit(self._limit, len(own))
        target = merged_target(self._first.query, self._key, self._hidden, limit, literals, self._counted != b"")
        if len(own) == 1 or len(target) > self._limits.max_url:
            return originals(request for requests in own.values() for request in requests)
        head = self._first.head
        return [
            MergedCall(
                target=target,
                key=self._key.name,
                column=self._column,
                requests_by_value=own,
                literals_by_value=literals_by_value,
                literals=frozenset(literals),
                order_columns=self._order.columns,
                order_is_total=self._order.is_total,
                content_location=self._location,
                media=head.media or ARRAY,
                exact_count=head.exact_count,
                limit=self._limit,
                counted=self._counted,
                expects_all_keys=self._limits.expects_all_keys,
                address_columns=len(self._address),
                hidden_texts=self._hidden_texts,
                counts=self._counts,
            )
        ]

    def _literal_bytes(self) -> int:
        """Bytes of the target that are available for literals, each with its comma."""
        empty = merged_target(self._first.query, self._key, self._hidden, 0, ())
        digits = LIMIT_DIGITS if self._limit is not None else 0
        return self._limits.max_url - len(empty) - digits - QUOTED_FILTER_BYTES + 1

    def _fold(self, literal: bytes) -> bytes:
        """A normal form: literals that could be equal have the same one."""
        return fold(literal) if self._mixes_classes else literal.lstrip(b"-")


class _LiteralSet:
    """The literals of one call while ``split`` collects them."""

    def __init__(self) -> None:
        self.literals_by_value: LiteralsByValue = {}
        self._folded: dict[bytes, bytes] = {}
        self._bytes = 0

    def has_room(self, keys: int, size: int, max_keys: int, max_bytes: int) -> bool:
        return len(self._folded) + keys <= max_keys and self._bytes + size <= max_bytes

    def can_distinguish(self, folded: Mapping[bytes, bytes]) -> bool:
        """Whether none of these literals could be equal to a different literal in the set."""
        return all(self._folded.get(form, literal) == literal for form, literal in folded.items())

    def add(self, value: bytes, literals: tuple[bytes, ...], folded: Mapping[bytes, bytes], size: int) -> None:
        self.literals_by_value[value] = literals
        self._folded.update(folded)
        self._bytes += size
