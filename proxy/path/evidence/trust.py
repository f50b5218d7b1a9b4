"""Whether a relation's answers may be made from answers to others: trust is earned by comparing with originals.

A foreign table may answer ``column = value`` and not ``column = ANY (…)``; a view may have other rows each time that it
is read. A merged answer does not show that. So a new subject is on probation: before a client gets a slice of one of
its merged or shared answers, some slices are compared with what PostgREST answers alone.
"""

import enum
from collections.abc import Iterable, Mapping, Sequence

import msgspec

from proxy.bounded_table import MAX_BYTES, BoundedTable
from proxy.model import Query

MAX_EMPTY_COMPARED = 16
"""Slices without a row that are compared per call at most; the other ones of that call are not used."""
EMPTY_FACTOR = 10
"""How many times more slices without a row are compared: a row that a merged answer lost leaves such a slice."""

COUNTS = 300
"""Estimated bytes of the counts of one query."""
DIFFERENCES = 3
"""Differences in a row after which equal reads share no call any more."""

Pair = tuple[str, str, bytes]
"""Relation, profile, and the column that calls are merged by; an empty column: equal reads that share a call."""


class Subject(msgspec.Struct, frozen=True):
    """What an answer earns trust for: its pair, and its query, since another query of the pair may embed a view or
    select a computed column for the first time.
    """

    pair: Pair
    fingerprint: str = ""


class Mismatch(msgspec.Struct, frozen=True):
    """A pair whose answers are not made from others any more: ``since`` is a monotonic time in seconds.
    ``difference`` says where they differed, without values.
    """

    relation: str
    profile: str
    column: bytes
    since: float
    difference: str


def trusted_name(query: Query) -> str:
    """The relation of a pair. HEADs are merged into a GET, which SQL can see: they earn trust of their own."""
    return query.relation if query.method == b"GET" else f"{query.method.decode()} {query.relation}"


class Kind(enum.Enum):
    """What a slice holds. Each kind earns trust of its own."""

    EMPTY = "empty"
    ONE = "one"
    SEVERAL = "several"


def kind_of(rows: int) -> Kind:
    """The kind of a slice of ``rows`` rows."""
    return Kind.EMPTY if rows <= 0 else Kind.ONE if rows == 1 else Kind.SEVERAL


class Check(msgspec.Struct, frozen=True):
    """What has to be done before a call's slices are used, by filter value."""

    compare: tuple[bytes, ...] = ()
    """Their slices are compared with originals."""
    unused: tuple[bytes, ...] = ()
    """Their slices are not used: they would have to be compared, and there are too many of them."""


FACTORS = {kind: EMPTY_FACTOR if kind is Kind.EMPTY else 1 for kind in Kind}
NOTHING = Check()
NO_COLUMNS: frozenset[bytes] = frozenset()


class _Record(msgspec.Struct):
    """What is known of one pair."""

    matched: dict[Kind, int] = {}
    differed: int = 0
    """Differences since the last match, of two answers that should have been equal."""


class Trust:
    """By pair and query, how many slices of each kind were found right, or that one was wrong. At most ``limit`` pairs
    and as many queries, and ``max_bytes`` of each.
    """

    def __init__(self, needed: int, limit: int, max_bytes: int = MAX_BYTES) -> None:
        """``needed`` slices of each kind must be right before others of that kind are used unseen; 0: none. For a
        further query of the same pair it is one.
        """
        self.needed = needed
        self.trusted: BoundedTable[Pair, _Record] = BoundedTable(limit, max_bytes)
        self.wrong: BoundedTable[Pair, Mismatch] = BoundedTable(limit, max_bytes)
        """Pairs that were found wrong: no number of others makes fanin forget them."""
        self.queries: BoundedTable[int, dict[Kind, int]] = BoundedTable(limit, max_bytes)
        """Matches by the hash of pair and fingerprint."""
        self._wrong_columns: dict[tuple[str, str], frozenset[bytes]] = {}
        """By relation and profile; asked for with every batch."""

    def __len__(self) -> int:
        return len(self.trusted) + len(self.wrong)

    @property
    def mismatches(self) -> list[Mismatch]:
        """The pairs that were found wrong, and are not merged or shared any more."""
        return list(self.wrong.values())

    def is_wrong(self, pair: Pair) -> bool:
        """Whether a slice of the pair differed from an original that stayed the same."""
        return pair in self.wrong

    def has_differed(self, pair: Pair) -> bool:
        """Whether the last two answers that should have been equal differed."""
        record = self.trusted.get(pair)
        return pair in self.wrong or (record is not None and record.differed > 0)

    def wrong_columns(self, relation: str, profile: str) -> frozenset[bytes]:
        """Columns of a relation that calls are not merged by any more."""
        return self._wrong_columns.get((relation, profile), NO_COLUMNS)

    def may_check(self, subject: Subject) -> bool:
        """Whether there are slices that ``check`` would have compared."""
        return bool(self.needed) and any(count > 0 for count in self._missing(subject).values())

    def check(self, subject: Subject, rows: Mapping[bytes, int]) -> Check:
        """What to compare before slices of ``rows`` rows, by filter value, are used."""
        if not self.needed:
            return NOTHING
        missing = self._missing(subject)
        if all(count <= 0 for count in missing.values()):
            return NOTHING
        by_kind: dict[Kind, list[bytes]] = {kind: [] for kind in Kind}
        for value, count in rows.items():
            by_kind[kind_of(count)].append(value)
        compare: list[bytes] = []
        for kind in (Kind.ONE, Kind.SEVERAL):
            compare += spread(by_kind[kind], max(0, missing[kind]))
        unused: list[bytes] = []
        if missing[Kind.EMPTY] > 0:
            room = min(missing[Kind.EMPTY], MAX_EMPTY_COMPARED)
            compare, unused = compare + by_kind[Kind.EMPTY][:room], by_kind[Kind.EMPTY][room:]
        return Check(tuple(compare), tuple(unused)) if compare or unused else NOTHING

    def matched(self, pair: Pair) -> int:
        """How many slices with several rows were found right."""
        record = self.trusted.get(pair)
        return 0 if record is None else record.matched.get(Kind.SEVERAL, 0)

    def record_matches(self, subject: Subject, rows: Iterable[int]) -> None:
        """Slices of so many rows each are what originals are."""
        record, key = self._record(subject.pair), hash((subject.pair, subject.fingerprint))
        query = self.queries.get(key) or {}
        self.queries.put(key, query, COUNTS)
        for count in rows:
            kind = kind_of(count)
            record.matched[kind] = record.matched.get(kind, 0) + 1
            query[kind] = query.get(kind, 0) + 1
            record.differed = 0

    def record_difference(self, pair: Pair, difference: str, now: float) -> bool:
        """Two equal reads at one time had different answers. A client may have written in between; after
        ``DIFFERENCES`` of them without a match the relation is taken to differ each time. What it earned before is
        lost: a view that has few different answers has equal ones now and then.

        True if it was not wrong before.
        """
        record = self._record(pair)
        record.matched.clear()
        record.differed += 1
        return record.differed >= DIFFERENCES and self.record_wrong(pair, difference, now)

    def record_wrong(self, pair: Pair, difference: str, now: float) -> bool:
        """A slice differs from an original that stays the same. True if it was not wrong before."""
        if pair in self.wrong:
            return False
        self.trusted.pop(pair)
        relation, profile, column = pair
        dropped = self.wrong.dropped
        self.wrong.put(pair, Mismatch(relation, profile, column, now, difference), _size_of(pair) + len(difference))
        if self.wrong.dropped > dropped:
            self._wrong_columns.clear()
        for relation, profile, name in self.wrong if self.wrong.dropped > dropped else (pair,):
            if name:
                self._wrong_columns[relation, profile] = self.wrong_columns(relation, profile) | {name}
        return True

    def forget(self) -> None:
        """The schema changed: everything has to be earned again."""
        self.trusted.clear()
        self.wrong.clear()
        self.queries.clear()
        self._wrong_columns.clear()

    def _missing(self, subject: Subject) -> dict[Kind, int]:
        """By kind, how many slices must still be right."""
        record = self.trusted.get(subject.pair)
        of_pair = record.matched if record is not None else {}
        of_query = self.queries.get(hash((subject.pair, subject.fingerprint))) or {}
        return {
            kind: max(factor * self.needed - of_pair.get(kind, 0), factor - of_query.get(kind, 0))
            for kind, factor in FACTORS.items()
        }

    def _record(self, pair: Pair) -> _Record:
        record = self.trusted.get(pair) or _Record()
        self.trusted.put(pair, record, _size_of(pair))
        return record


def _size_of(pair: Pair) -> int:
    return sum(map(len, pair))


def spread(values: Sequence[bytes], count: int) -> list[bytes]:
    """At most ``count`` of ``values``, as far apart as they can be."""
    if count >= len(values):
        return list(values)
    return [values[at * len(values) // count] for at in range(count)]
