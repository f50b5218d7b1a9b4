"""What an index costs the writes to its table: bytes, milliseconds, and updates that stop being heap-only (HOT).

PostgreSQL, "Heap-Only Tuples": an update is heap-only if it changes no column that an index has.
"""

from collections.abc import Iterator, Mapping

import msgspec

from proxy.plans.proposed_index import ProposedIndex
from proxy.schema.names import quoted
from proxy.schema.relation import Relation

ESTIMATED_MS = 0.01
"""Milliseconds for one more entry in an index whose pages are in memory; a rule of thumb."""


class WriteCost(msgspec.Struct, frozen=True):
    """What one more row in an index costs, on average over the rows of the table."""

    bytes: float
    milliseconds: float = ESTIMATED_MS
    measured: int = 0
    """Rows by which the milliseconds were measured; 0: they are estimated."""


class ObservedWrites(msgspec.Struct, frozen=True):
    """What was observed of the writes to a table."""

    writes: int = 0
    updates: Mapping[str, int] | None = None
    """Calls of updates by the column that they set; None if no source shows what they set."""


def risk(index: ProposedIndex, relation: Relation, cost: WriteCost, observed: ObservedWrites) -> str:
    """The risk of an index, as sentences."""
    return " ".join((*_writes(cost, observed.writes), *_updates(index, relation, observed)))


def _writes(cost: WriteCost, writes: int) -> Iterator[str]:
    how = f"measured by --trial on {cost.measured:,} rows" if cost.measured else "both estimated"
    yield f"Each row that is written adds about {cost.bytes:.0f} bytes and {cost.milliseconds:.3f} ms ({how})."
    if writes:
        total = f"{writes * cost.bytes / 1000:,.1f} kB and {writes * cost.milliseconds:,.1f} ms"
        yield f"{writes:,} writes were observed: {total}, if each is one row."
    else:
        yield "No write to the table was observed."


def _updates(index: ProposedIndex, relation: Relation, observed: ObservedWrites) -> Iterator[str]:
    new = sorted(_columns(index, relation) - _indexed(relation))
    names = ", ".join(new)
    if not new:
        yield "Its columns are in other indexes already, so that no further update stops being heap-only (HOT)."
        return
    stats = relation.stats
    if stats is not None and stats.updated:
        yield f"{stats.hot_updated:,} of {stats.updated:,} updates were heap-only (HOT) by the database's statistics."
    elif stats is not None and observed.updates is None:
        yield f"The statistics have no update; one that changes {names} would not be heap-only (HOT)."
        return
    if observed.updates is None:
        yield f"Those that change {names} stop being so; what updates set is not known (--statements shows it)."
    elif setting := {name: observed.updates[name] for name in new if name in observed.updates}:
        seen = ", ".join(f"{calls:,} set {name}" for name, calls in setting.items())
        yield f"Updates that change {names} stop being heap-only; of those observed, {seen}."
    else:
        yield f"No observed update sets {names}: they stay heap-only."


def _columns(index: ProposedIndex, relation: Relation) -> set[str]:
    """The columns of keys, INCLUDE and predicate; of an expression, those whose names it has."""
    texts = [*index.keys, *index.include, index.where]
    words = {word for text in texts for word in _words(text)}
    return {column.name for column in relation.columns if quoted(column.name) in words}


def _words(text: str) -> Iterator[str]:
    """Names in a text, quoted ones with their quotes; no literals."""
    for number, part in enumerate(text.split("'")):
        if number % 2 == 0:
            for place, piece in enumerate(part.split('"')):
                if place % 2:
                    yield f'"{piece}"'
                else:
                    yield from "".join(one if one.isalnum() or one in "_$" else " " for one in piece).split()


def _indexed(relation: Relation) -> set[str]:
    """The columns of the indexes that there are; those of expressions and predicates are left out."""
    keys = {key.column for index in relation.indexes for key in index.keys if key.column}
    return keys | {name for index in relation.indexes for name in index.include}
