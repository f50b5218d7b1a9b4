"""The statements to plan for a fingerprint: PostgREST's SQL, with each set of representative values.

``facts_of_database`` answers from a snapshot of the database what ``parameters`` asks about columns.
"""

from collections.abc import Sequence

import msgspec

from proxy.plans.parameters import ColumnFacts, FactsOf, Label, Representatives, constants, representatives
from proxy.schema.snapshot import Database
from proxy.sql.expressions import UnwritableError
from proxy.sql.fingerprints import request_of
from proxy.sql.planned import Planned, planned, statements_for
from proxy.sql.relationships import DeclaredSchema


class SeenCalls(msgspec.Struct, frozen=True):
    """What was seen of the calls of a fingerprint."""

    fingerprint: str
    limit: int | None = None
    """The limit that most of them had."""
    offset: int = 0
    prefers: tuple[str, ...] = ()
    """``count=exact`` if they count their rows."""
    literals: Sequence[Sequence[int]] = ()
    """Per call, the hashes of its literals (``Span.literals``)."""
    salt: bytes = b""
    """The key of these hashes; of one recording, since each has its own."""


class LabelledStatement(msgspec.Struct, frozen=True):
    """A statement without parameters. ``label`` says which values it has."""

    label: Label
    text: str


class StatementSet(msgspec.Struct, frozen=True):
    """The statements of a fingerprint; one per set of values, and as many with the total where it is counted."""

    sql: Planned
    chosen: Representatives
    rows: tuple[LabelledStatement, ...]
    counts: tuple[LabelledStatement, ...] = ()


def statements_of(
    seen: SeenCalls, declared: DeclaredSchema, facts_of: FactsOf, max_rows: int | None = None
) -> StatementSet:
    """The statements of a fingerprint. UnwritableError, which says why, if there is no exact SQL."""
    request = request_of(seen.fingerprint, seen.limit, seen.offset, seen.prefers)
    sql = planned(request, declared, max_rows)
    params = seen.fingerprint.partition("?")[2].split("&")
    known = constants(sql.parameters, params, seen.literals, seen.salt, facts_of) if seen.salt else {}
    chosen = representatives(sql.parameters, facts_of, known)
    if chosen.missing:
        columns = ", ".join(chosen.missing)
        raise UnwritableError(f"a filter on {columns}, of whose values nothing is known: run ANALYZE on the table")
    rows, counts = [], []
    made = statements_for(sql, [one.values for one in chosen.sets])
    for one, texts in zip(chosen.sets, made, strict=True):
        rows.append(LabelledStatement(one.label, texts[0]))
        counts += [LabelledStatement(one.label, text) for text in texts[1:]]
    return StatementSet(sql, chosen, tuple(rows), tuple(counts))


def facts_of_database(database: Database) -> FactsOf:
    """What a snapshot says of columns: their types without modifiers, and their statistics."""
    facts = {
        ((relation.schema, relation.name), column.name): ColumnFacts(_bare(column.type), column.stats)
        for relation in database.relations
        for column in relation.columns
    }
    return lambda table, column: facts.get((table, column))


def _bare(type_name: str) -> str:
    """``character varying(20)`` without its modifier."""
    before, _, rest = type_name.partition("(")
    return before.strip() + rest.partition(")")[2]
