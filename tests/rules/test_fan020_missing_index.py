"""tests/e2e/database/test_examples.py runs its examples on real Postgres; here is what needs no server."""

from __future__ import annotations

from msgspec.structs import replace

from proxy.analysis.workload import Workload
from proxy.audit.database import inspect_database
from proxy.schema.snapshot import Database, NotChecked
from proxy.settings.rules import RuleSettings
from rules.fan020_missing_index import RULE

UNKNOWN = NotChecked(RULE.code, "it took too long", "")


def test_it_reports_what_the_advisor_says() -> None:
    database = replace(Database(), read=frozenset(RULE.needs))
    found = inspect_database(database, Workload(1), [RULE], RuleSettings(), lambda _: None, [UNKNOWN])
    assert (found.findings, found.not_checked) == ((), (UNKNOWN,))


def test_without_requests_it_does_not_run() -> None:
    found = inspect_database(Database(), Workload(1), [RULE], RuleSettings(), lambda _: None)
    assert (found.findings, found.not_checked) == ((), ())
