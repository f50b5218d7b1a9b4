"""The SQL of the documents of rules over the database, on real Postgres."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from rules import RULES
from tests.rules.test_documents import LOOK_ALIKE, requests, section

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable

    from proxy.analysis.rule import AnyRule
    from proxy.audit.database import DatabaseFindings

DATABASE_RULES = [rule for rule in RULES if rule.inspect_database]


def sql(rule: AnyRule, heading: str) -> str:
    return "\n".join(line for line in section(rule, heading).splitlines() if line.startswith("    "))


def traffic(rule: AnyRule, heading: str) -> list[str]:
    """The requests in comments of the SQL, for rules over both."""
    return requests(section(rule, heading).replace("    -- ", "    "))


@pytest.mark.parametrize("rule", DATABASE_RULES, ids=lambda rule: rule.code)
@pytest.mark.parametrize(("heading", "times"), [("Example", 1), (LOOK_ALIKE, 0), ("Use instead", 0)])
async def test_the_example_is_found_and_its_look_alike_and_its_repair_are_not(
    rule: AnyRule, heading: str, times: int, inspected: Callable[..., Awaitable[DatabaseFindings]]
) -> None:
    found = await inspected(rule, sql(rule, heading), traffic=traffic(rule, heading))
    assert [finding.code for finding in found.findings] == [rule.code] * times
    assert found.not_checked == ()


@pytest.mark.parametrize("rule", DATABASE_RULES, ids=lambda rule: rule.code)
async def test_the_printed_fix_of_the_example_runs_as_printed_and_makes_the_rule_silent(
    rule: AnyRule, inspected: Callable[..., Awaitable[DatabaseFindings]]
) -> None:
    example = sql(rule, "Example")
    seen = traffic(rule, "Example")
    (finding,) = (await inspected(rule, example, traffic=seen)).findings
    if not finding.fix.sql:
        assert finding.fix.reason
        return
    found = await inspected(rule, f"{example}\n{finding.fix.sql}", traffic=seen)
    assert (found.findings, found.not_checked) == ((), ())


@pytest.mark.parametrize("rule", DATABASE_RULES, ids=lambda rule: rule.code)
async def test_the_printed_undo_runs_as_printed_and_the_finding_is_back(
    rule: AnyRule, inspected: Callable[..., Awaitable[DatabaseFindings]]
) -> None:
    example = sql(rule, "Example")
    seen = traffic(rule, "Example")
    (finding,) = (await inspected(rule, example, traffic=seen)).findings
    undo = finding.fix.sql.partition("-- undo: ")[2]
    if not finding.fix.sql or "analyze" in finding.fix.sql:  # statistics are not undone
        return
    assert undo
    found = await inspected(rule, f"{example}\n{finding.fix.sql}\n\n{undo}", traffic=seen)
    assert [each.key for each in found.findings] == [finding.key]
