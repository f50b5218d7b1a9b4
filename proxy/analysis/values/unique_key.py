"""Columns that identify a row, as the database declares them: never guessed from their names."""

from collections.abc import Collection

from proxy.analysis.fingerprint import ParsedFingerprint
from proxy.postgrest.database_facts import DatabaseFacts

HOW_TO_KNOW = "fanin reads columns and keys from the database (db_uri) or from PostgREST (detect.openapi)"


def page_key(parsed: ParsedFingerprint, facts: DatabaseFacts) -> tuple[str, ...]:
    """Columns without nulls that make an order of the rows total: a unique one of the query's own order, or the primary
    key. Empty if none is known.
    """
    relation = facts.of(parsed.name)
    if relation is None:
        return ()
    known = ((item.column, relation.columns.get(item.column.encode())) for item in parsed.order)
    unique = next((name for name, column in known if column is not None and column.unique), "")
    return (unique,) if unique else relation.primary_key


def columns_without_nulls(parsed: ParsedFingerprint, facts: DatabaseFacts) -> tuple[str, ...]:
    """The columns of the order that are known to have no nulls."""
    relation = facts.of(parsed.name)
    return tuple(item.column for item in parsed.order if relation is not None and relation.has_no_nulls(item.column))


def row_key(parsed: ParsedFingerprint, facts: DatabaseFacts) -> str:
    """The one column of the primary key; empty if it is unknown, or has several columns."""
    relation = facts.of(parsed.name)
    return relation.primary_key[0] if relation is not None and len(relation.primary_key) == 1 else ""


def has_key(parsed: ParsedFingerprint, columns: Collection[str], facts: DatabaseFacts) -> bool:
    """Whether a declared key of the relation is among ``columns``; False if none is known."""
    relation = facts.of(parsed.name)
    if relation is None:
        return False
    unique = any(column.unique and name.decode() in columns for name, column in relation.columns.items())
    return unique or relation.is_unique(columns)


def finds_one(parsed: ParsedFingerprint, column: str, facts: DatabaseFacts) -> bool:
    """Whether a value of ``column`` belongs to one row at most, as far as is known of the database."""
    relation = facts.of(parsed.name)
    if relation is None or not (relation.complete and relation.can_have_indexes):
        return True
    return has_key(parsed, [column], facts)


def no_key_reason(parsed: ParsedFingerprint, facts: DatabaseFacts) -> str:
    """Why no page starts after the last row of the one before it."""
    if facts.of(parsed.name) is None:
        return f"No code: the primary key of {parsed.name}, after which a page starts, is unknown; {HOW_TO_KNOW}."
    return f"No code: {parsed.name} has no primary key, after whose last value the next page could start."
