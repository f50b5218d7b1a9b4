"""tests/e2e/database/test_examples.py runs its examples on real Postgres; here is what needs no server."""

from __future__ import annotations

import pytest
from msgspec.structs import replace

from proxy.analysis.workload import Workload
from proxy.schema.relation import Index, IndexKey, Relation
from proxy.schema.snapshot import Database
from proxy.settings.rules import RuleSettings
from rules.fan023_duplicate_index import RULE, inspect
from tests.rules.traces import told

MONTH, CREATOR = IndexKey("month", "month"), IndexKey("creator_id", "creator_id")
WIDE = Index("public", "t", "wide", "btree", (MONTH, CREATOR), unique=True, size=600)
NARROW = Index("public", "t", "narrow", "btree", (MONTH,), size=100)


def times(narrow: Index, *lines: str) -> int:
    database = Database(
        schemas=("public",), relations=(Relation(schema="public", name="t", kind="r", indexes=(WIDE, narrow)),)
    )
    workload = Workload(10)
    for trace in told(lines):
        workload.add(trace)
    return len(list(inspect(database, workload, RuleSettings().of(RULE))))


def test_an_empty_database_has_no_finding() -> None:
    assert list(inspect(Database(), Workload(1), RuleSettings().of(RULE))) == []


def test_a_much_smaller_prefix_that_requests_search_by_is_of_use() -> None:
    assert times(NARROW, "GET /t?month=eq.5&order=month.desc") == 0


@pytest.mark.parametrize(
    ("narrow", "lines"),
    [
        (NARROW, ()),
        (NARROW, ("GET /t?month=eq.5&creator_id=eq.7",)),
        (NARROW, ("GET /t?month=gt.5",)),
        (NARROW, ("GET /u?month=eq.5",)),
        (replace(NARROW, size=400), ("GET /t?month=eq.5",)),
    ],
)
def test_another_prefix_is_redundant(narrow: Index, lines: tuple[str, ...]) -> None:
    assert times(narrow, *lines) == 1
