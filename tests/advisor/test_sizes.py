"""The estimated size of an index: of a partial one, by the share of rows that its condition picks."""

from __future__ import annotations

import pytest

from proxy.advisor.sizes import estimated_size
from proxy.plans.proposed_index import ProposedIndex
from proxy.schema.relation import ColumnStats, Relation, TableColumn

COLUMNS = (
    TableColumn("owner", "bigint", stats=ColumnStats(-0.1, 0, 8)),
    TableColumn("del at", "date", stats=ColumnStats(5, 0.75, 4, ("x IS NULL",), (0.05,))),
)
TABLE = Relation(schema="public", name="t", kind="r", rows=1000, columns=COLUMNS)


@pytest.mark.parametrize(
    ("where", "share"),
    [
        ("", 1.0),
        ('"del at" IS NULL', 0.75),
        ('"del at" IS NOT NULL', 0.25),
        ("\"del at\" = 'x IS NULL'", 0.05),
    ],
)
def test_a_partial_index_has_the_share_of_rows_that_its_condition_picks(where: str, share: float) -> None:
    index = ProposedIndex("public", "t", ("owner",), where=where)
    assert estimated_size(index, TABLE) == pytest.approx(1000 * (8 + 16) * share)
