"""How large an index would be, from statistics."""

from proxy.plans.proposed_index import NOT_NULL, NULL, ProposedIndex
from proxy.schema.names import quoted
from proxy.schema.relation import ColumnStats, Relation

SMALL_PAGES = 10
"""A smaller table is read as a whole as fast as by an index."""
ENTRY = 16
"""Bytes of an entry besides its keys."""
UNKNOWN_WIDTH = 32
MANY = 0.1


def estimated_size(index: ProposedIndex, relation: Relation) -> float:
    """Bytes, without the saving by equal keys."""
    by_name = {quoted(column.name): column for column in relation.columns}
    width, share = 0, 1.0
    for key in (*index.keys, *index.include):
        column = by_name.get(key.split(" DESC")[0].split(" NULLS")[0].split(" text_")[0])
        width += column.stats.avg_width if column is not None and column.stats is not None else UNKNOWN_WIDTH
    column = by_name.get(predicate_column(index))
    if column is not None and column.stats is not None:
        common = predicate_share(index, column.stats)
        share = MANY if common is None else common
    return max(relation.rows, 0) * share * (width + ENTRY)


def predicate_column(index: ProposedIndex) -> str:
    """The column of a partial index's predicate, as SQL; empty without one."""
    if index.is_for_nulls:
        return index.where.removesuffix(NULL).removesuffix(NOT_NULL)
    return index.where.partition(" = ")[0]


def predicate_share(index: ProposedIndex, stats: ColumnStats) -> float | None:
    """The share of rows that the predicate of a partial index picks; None if not known.

    It is ``column = 'value'``, ``column IS NULL`` or ``column IS NOT NULL``.
    """
    if index.is_for_nulls:
        return stats.null_frac if index.where.endswith(NULL) else 1 - stats.null_frac
    return stats.frequency(index.where.partition(" = ")[2].strip("'").replace("''", "'"))
