"""How large an index would be, from statistics.

Tests: tests/e2e/database/test_index_advisor.py.
"""

from proxy.plans.proposed_index import ProposedIndex
from proxy.schema.names import quoted
from proxy.schema.relation import Relation

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
    column = by_name.get(index.where.partition(" = ")[0])
    if column is not None and column.stats is not None:
        value = index.where.partition(" = ")[2].strip("'").replace("''", "'")
        share = dict(zip(column.stats.common_values, column.stats.common_frequencies, strict=False)).get(value, MANY)
    return max(relation.rows, 0) * share * (width + ENTRY)
