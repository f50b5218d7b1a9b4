"""What an index would save by statistics alone, where no plan with it can be asked for.

Tests: tests/e2e/database/test_index_advisor.py.
"""

from proxy.plans.proposed_index import ProposedIndex
from proxy.plans.tree import Plan
from proxy.schema.names import quoted
from proxy.schema.relation import ColumnStats, Relation

SELECTIVE = 0.1
"""Largest share of rows for which reading by an index is taken to be cheaper."""
LOOKUP = 0.01
"""Least share of the cost that remains."""


def estimated_share(index: ProposedIndex, relation: Relation, plan: Plan) -> float:
    """The share of the statement's cost that remains with the index: 1 where statistics tell no gain."""
    reads_whole = any(
        node.kind == "Seq Scan" and (node.schema, node.relation) == (index.schema, index.table)
        for node in plan.root.walk()
    )
    if not reads_whole or index.method != "btree":
        return 1.0
    share = _share_of_rows(index, relation)
    return 1.0 if share is None or share > SELECTIVE else max(share, LOOKUP)


def _share_of_rows(index: ProposedIndex, relation: Relation) -> float | None:
    stats = {quoted(column.name): column.stats for column in relation.columns}
    name, _, value = index.where.partition(" = ")
    if index.where:
        column = stats.get(name)
        return None if column is None else _frequencies(column).get(value.strip("'").replace("''", "'"))
    column = stats.get(index.keys[0])
    if column is None or not column.n_distinct:
        return None
    distinct = column.n_distinct if column.n_distinct > 0 else -column.n_distinct * max(relation.rows, 1)
    return 1 / max(distinct, 1)


def _frequencies(column: ColumnStats) -> dict[str, float]:
    return dict(zip(column.common_values, column.common_frequencies, strict=False))
