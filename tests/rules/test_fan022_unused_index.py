"""tests/e2e/database/test_examples.py runs its examples on real Postgres; here is what needs no server."""

from __future__ import annotations

from proxy.analysis.workload import Workload
from proxy.schema.snapshot import Database, NotChecked, Server
from proxy.settings.rules import RuleSettings
from rules.fan022_unused_index import RULE, inspect


def test_statistics_of_unknown_age_are_not_checked() -> None:
    assert [type(each) for each in inspect(Database(), Workload(1), RuleSettings().of(RULE))] == [NotChecked]


def test_nothing_is_said_about_a_replica() -> None:
    database = Database(server=Server(replica=True, now=1e9, stats_reset=1.0))
    found = list(inspect(database, Workload(1), RuleSettings().of(RULE)))
    assert [isinstance(each, NotChecked) and each.remedy for each in found] == ["Connect to the primary."]
