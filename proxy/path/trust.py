"""Whether a relation's answers may be made from answers to others: trust is earned by comparing with originals.

A foreign table may answer ``column = value`` and not ``column = ANY (…)``; a view may have other rows each time that it
is read. A merged answer does not show that. So a new subject is on probation: before a client gets a slice of one of
its merged or shared answers, some slices are compared with what PostgREST answers alone.
"""

import enum
from collections import OrderedDict
from collections.abc import Iterable, Mapping, Sequence

import msgspec

from proxy.model import Query

MAX_EMPTY_COMPARED = 16
"""Slices without a row that are compared per call at most; the other ones of that call are not used."""
EMPTY_FACTOR = 10
"""How many times more slices without a row are compared: a row that a merged answer lost leaves such a slice."""

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
    mismatch: Mismatch | None = None


class Trust:
    """By pair and query, how many slices of each kind were found right, or that one was wrong. At most ``limit`` pairs
    and as many queries.
    """

    def __init__(self, needed: int, limit: int) -> None:
        """``needed`` slices of each kind must be right before others of that kind are used unseen; 0: none. For a
        further query of the same pair it is one.
        """
        self.needed = needed
        self._limit = limit
        self._records: OrderedDict[Pair, _Record] = OrderedDict()
        self._queries: OrderedDict[tuple[Pair, int], dict[Kind, int]] = OrderedDict()
        """Matches by pair and hash of the fingerprint."""
        self._wrong_columns: dict[tuple[str, str], frozenset[bytes]] = {}
        """By relation and profile; asked for with every batch."""

    def __len__(self) -> int:
        return len(self._records)

    @property
    def mismatches(self) -> list[Mismatch]:
        """The pairs that were found wrong, and are not merged or shared any more."""
        return [record.mismatch for record in self._records.values() if record.mismatch is not None]

    def is_wrong(self, pair: Pair) -> bool:
        """Whether a slice of the pair differed from an original that stayed the same."""
        record = self._records.get(pair)
        return record is not None and record.mismatch is not None

    def has_differed(self, pair: Pair) -> bool:
        """Whether the last two answers that should have been equal differed."""
        record = self._records.get(pair)
        return record is not None and record.differed > 0

    def wrong_columns(self, relation: str, profile: str) -> frozenset[bytes]:
        """Columns of a relation that calls are not merged by any more."""
        return self._wrong_columns.get((relation, profile), NO_COLUMNS)

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
        record = self._records.get(pair)
        return 0 if record is None else record.matched.get(Kind.SEVERAL, 0)

    def record_matches(self, subject: Subject, rows: Iterable[int]) -> None:
        """Slices of so many rows each are what originals are."""
        record, key = self._record(subject.pair), (subject.pair, hash(subject.fingerprint))
        query = self._queries.setdefault(key, {})
        self._queries.move_to_end(key)
        if len(self._queries) > self._limit:
            self._queries.popitem(last=False)
        for count in rows:
            kind = kind_of(count)
            record.matched[kind] = record.matched.get(kind, 0) + 1
            query[kind] = query.get(kind, 0) + 1
            record.differed = 0

    def record_difference(self, pair: Pair, difference: str, now: float) -> bool:
        """Two equal reads at one time had different answers. A client may have written in between; after
        ``DIFFERENCES`` of them without a match the relation is taken to differ each time.

        True if it was not wrong before.
        """
        record = self._record(pair)
        record.differed += 1
        return record.differed >= DIFFERENCES and self.record_wrong(pair, difference, now)

    def record_wrong(self, pair: Pair, difference: str, now: float) -> bool:
        """A slice differs from an original that stays the same. True if it was not wrong before."""
        record = self._record(pair)
        if record.mismatch is not None:
            return False
        relation, profile, column = pair
        record.mismatch = Mismatch(relation, profile, column, now, difference)
        if column:
            self._wrong_columns[relation, profile] = self.wrong_columns(relation, profile) | {column}
        return True

    def forget(self) -> None:
        """The schema changed: everything has to be earned again."""
        self._records.clear()
        self._queries.clear()
        self._wrong_columns.clear()

    def _missing(self, subject: Subject) -> dict[Kind, int]:
        """By kind, how many slices must still be right."""
        record = self._records.get(subject.pair)
        of_pair = record.matched if record is not None else {}
        of_query = self._queries.get((subject.pair, hash(subject.fingerprint)), {})
        return {
            kind: max(factor * self.needed - of_pair.get(kind, 0), factor - of_query.get(kind, 0))
            for kind, factor in FACTORS.items()
        }

    def _record(self, pair: Pair) -> _Record:
        record = self._records.setdefault(pair, _Record())
        self._records.move_to_end(pair)
        while len(self._records) > self._limit:
            self._drop_one()
        return record

    def _drop_one(self) -> None:
        """Forget the pair that was compared longest ago; one that was found wrong only if all were."""
        for pair, record in self._records.items():
            if record.mismatch is None:
                del self._records[pair]
                return
        (relation, profile, column), _ = self._records.popitem(last=False)
        self._wrong_columns[relation, profile] = self.wrong_columns(relation, profile) - {column}


def spread(values: Sequence[bytes], count: int) -> list[bytes]:
    """At most ``count`` of ``values``, as far apart as they can be."""
    if count >= len(values):
        return list(values)
    return [values[at * len(values) // count] for at in range(count)]
