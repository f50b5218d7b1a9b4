"""The plan of one request names the role, the names of the claims, the policies and the index that would help."""

from __future__ import annotations

import msgspec

from proxy.plans.explained import AddedPolicy, ExplainedStatement, explained_lines
from tests.plans.test_tree import node, plan

SCAN = plan(node("Seq Scan", 80, 9, Relation_Name="t", Filter="(a = 'x'::text)"))


def test_a_plan_that_was_not_run_says_so_and_shows_the_values_that_were_typed() -> None:
    shown = list(explained_lines(ExplainedStatement(SCAN, "anon"), (), ()))
    assert shown[0] == "Plan         as the role anon; estimated, since it was not run (--analyze runs it)"
    assert shown[1].startswith("  → Seq Scan: reads the whole table t, keeps those where (a = 'x'::text)")
    assert shown[2] == "Policies     none is added for the role anon"


def test_policies_are_listed_each_with_its_condition() -> None:
    policies = (
        AddedPolicy("s", "t", "own rows", True, "(a =\n  auth.uid())"),
        AddedPolicy("s", "t", "not deleted", False, ""),
        AddedPolicy("s", "u", "", False, ""),
    )
    shown = list(explained_lines(ExplainedStatement(SCAN, "anon", policies), ("sub",), ("CREATE INDEX …",)))
    assert "with the claims sub;" in shown[0]
    assert shown[2:] == [
        'Policies     s.t: "own rows": (a = auth.uid())',
        '             s.t: "not deleted" (restrictive): true',
        "             s.u: no policy lets this role see a row",
        "Index        CREATE INDEX …",
    ]


def test_a_plan_that_was_run_has_its_time() -> None:
    run = msgspec.structs.replace(SCAN, execution_ms=1234.5)
    assert "run in 1,234.50 ms, read only, and rolled back" in next(
        explained_lines(ExplainedStatement(run, "anon"), (), ())
    )
