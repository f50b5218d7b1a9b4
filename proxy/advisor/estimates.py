"""What an index would save by statistics alone, where no plan with it can be asked for.

Tests: tests/e2e/database/test_index_advisor.py.
"""

from proxy.advisor.sizes import predicate_share
from proxy.plans.proposed_index import ProposedIndex
from proxy.plans.tree import Plan
from proxy.schema.names import quoted
from proxy.schema.relation import Relation

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
    if index.where:
        column = stats.get(index.where.partition(" = ")[0])
        return None if column is None else predicate_share(index, column)
    column = stats.get(index.keys[0])
    if column is None or not column.n_distinct:
        return None
    return 1 / max(column.distinct(relation.rows), 1)
