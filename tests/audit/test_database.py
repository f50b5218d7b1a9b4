"""Rules over a database: what cannot be checked is listed, and never clean."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
from msgspec.structs import replace

from proxy.analysis.workload import Workload
from proxy.audit.database import inspect_database, usages_of
from proxy.findings.model import DatabaseObject
from proxy.schema.snapshot import Database, NotChecked
from proxy.settings.rules import RuleSettings
from rules.fan026_rls_disabled import RULE
from tests.check.factories import finding
from tests.rules.traces import parallel

if TYPE_CHECKING:
    from collections.abc import Iterator

FOUND = replace(finding("public.videos"), object=DatabaseObject("table", "public", "videos"))
UNJUDGED = NotChecked("FAN026", "the policy was not parsed", "Look at it.", "public.videos.own")
READ = Database(schemas=("public",), read=frozenset(RULE.needs))


def yields(*what: object) -> object:
    def inspect(*_: object) -> Iterator[object]:
        yield from what

    return replace(RULE, inspect_database=inspect)


def inspected(rule: object, database: Database = READ) -> tuple[tuple[str, ...], tuple[NotChecked, ...], list[str]]:
    failed: list[str] = []
    found = inspect_database(database, Workload(10), [rule], RuleSettings(), failed.append)  # type: ignore[list-item]
    assert all(each.statements == RULE.needs for each in found.findings)
    return tuple(each.code for each in found.findings), found.not_checked, failed


def test_findings_name_the_statements_that_their_rule_needs() -> None:
    assert inspected(yields(FOUND, UNJUDGED)) == ((FOUND.code,), (UNJUDGED,), [])


@pytest.mark.parametrize("part", RULE.needs)
def test_a_rule_that_lacks_a_part_is_not_checked_and_says_why(part: str) -> None:
    missing = NotChecked(part, "the role may not read it", "Grant it.")
    database = replace(READ, read=READ.read - {part}, not_checked=(missing,))
    codes, not_checked, _ = inspected(yields(FOUND), database)
    assert codes == ()
    assert not_checked == (missing, NotChecked("FAN026", f"part {part}: the role may not read it", "Grant it."))


def test_a_rule_that_raises_is_not_checked() -> None:
    def inspect(*_: object) -> Iterator[object]:
        yield FOUND
        raise ValueError

    codes, not_checked, failed = inspected(replace(RULE, inspect_database=inspect))
    assert (codes, [each.check for each in not_checked], failed) == ((), ["FAN026"], ["FAN026"])


def test_requests_are_found_by_table_and_a_bare_name_is_of_the_first_schema() -> None:
    trace = parallel(["GET /videos?id=eq.1 → 1 rows, 1 kB, 10 ms", "GET /songs?id=eq.1 → 1 rows, 1 kB, 10 ms"])
    spans = [replace(each, relation=name) for each, name in zip(trace.spans, ("videos", "songs"), strict=True)]
    workload = Workload(10)
    workload.add(replace(trace, spans=tuple(spans)))
    assert [usage.relation for usage in usages_of(FOUND, workload, ("public", "other"))] == ["videos"]
    assert usages_of(FOUND, workload, ("other", "public")) == []
    assert usages_of(finding("videos"), workload, ("public",)) == []


def test_the_requests_that_a_finding_quotes_are_those_that_pay_for_it_each_once() -> None:
    workload = Workload(10)
    workload.add(parallel(["GET /videos?a->>b=eq.1", "GET /videos?id=eq.1", "GET /videos?a->>b=eq.2"]))
    quoted = replace(FOUND, queries=("GET videos?a->>b=eq.?", "GET videos?a->>b=eq.?"))
    assert [usage.calls for usage in usages_of(quoted, workload, ("public",))] == [2]


def test_a_finding_about_the_database_itself_is_paid_for_by_all_requests() -> None:
    workload = Workload(10)
    workload.add(parallel(["GET /videos?id=eq.1", "GET /songs?id=eq.1"]))
    about = replace(FOUND, object=DatabaseObject("database", "", "app"))
    assert sum(usage.calls for usage in usages_of(about, workload, ("public",))) == 2
