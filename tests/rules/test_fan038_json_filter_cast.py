"""tests/e2e/database/test_examples.py runs its examples on real Postgres; here is what needs no server."""

from __future__ import annotations

from proxy.analysis.workload import Workload
from proxy.schema.snapshot import Database
from proxy.settings.rules import RuleSettings
from rules.fan038_json_filter_cast import RULE, inspect


def test_an_empty_database_has_no_finding() -> None:
    assert list(inspect(Database(), Workload(1), RuleSettings().of(RULE))) == []
