"""A plan is read from EXPLAIN's JSON, and each node's own share is of the whole statement."""

from __future__ import annotations

from typing import Any

from proxy.plans.tree import Plan, most_expensive, own_shares, read_plan


def node(kind: str, cost: float, rows: float, *plans: dict[str, Any], **fields: Any) -> dict[str, Any]:
    named = {name.replace("_", " "): value for name, value in fields.items()}
    return {"Node Type": kind, "Total Cost": cost, "Plan Rows": rows, "Plans": list(plans), **named}


def plan(root: dict[str, Any], **times: float) -> Plan:
    return read_plan([{"Plan": root, **{name.replace("_", " "): value for name, value in times.items()}}])


def shares(root: dict[str, Any]) -> list[float]:
    return [round(share, 3) for share in own_shares(plan(root).root)]


def test_relations_are_named_once_with_their_schemas() -> None:
    scan = node("Seq Scan", 5, 1, Relation_Name="t", Schema="s", Filter="(id = 1)")
    made = plan(node("Append", 10, 2, scan, scan))
    assert made.relations == (("s", "t"),)
    assert [one.kind for one in made.root.walk()] == ["Append", "Seq Scan", "Seq Scan"]


def test_the_own_share_is_without_the_nodes_below() -> None:
    assert shares(node("Sort", 100, 9, node("Seq Scan", 80, 9))) == [0.2, 0.8]


def test_the_inner_side_of_a_nested_loop_counts_once_per_row_of_the_outer_side() -> None:
    outer = node("Seq Scan", 10, 9, Parent_Relationship="Outer")
    inner = node("Index Scan", 10, 1, Parent_Relationship="Inner")
    assert shares(node("Nested Loop", 100, 9, outer, inner)) == [0, 0.1, 0.9]


def test_a_limit_that_stops_early_costs_no_more_than_itself() -> None:
    assert shares(node("Limit", 5, 1, node("Seq Scan", 80, 900))) == [0, 1]


def test_a_subplan_per_row_has_the_cost_of_all_its_loops() -> None:
    filtered = node("Seq Scan", 1000, 50, node("Result", 9, 1, Parent_Relationship="SubPlan", Subplan_Name="SubPlan 1"))
    assert shares(filtered) == [0.1, 0.9]
    filtered["Filter"] = "(hashed SubPlan 1)"
    assert shares(filtered)[1] == 0.009


def test_measured_times_count_before_estimates() -> None:
    def measured(time: float, loops: float = 1) -> dict[str, Any]:
        return {"Actual_Loops": loops, "Actual_Rows": 2, "Actual_Total_Time": time}

    inner = node("Index Scan", 90, 1, Parent_Relationship="Inner", **measured(1, 5), Rows_Removed_by_Filter=3)
    outer = node("Seq Scan", 1, 9, Parent_Relationship="Outer", **measured(15))
    root = node("Nested Loop", 100, 9, outer, inner, **measured(20))
    assert shares(root) == [0, 0.75, 0.25]
    assert most_expensive(plan(root).root) == 1
    made = plan(root, Execution_Time=21.0)
    assert made.execution_ms == 21.0
    actual = made.root.children[1].actual
    assert actual is not None
    assert (actual.rows, actual.milliseconds, actual.removed) == (10, 5, 15)


def test_what_did_not_fit_into_memory_is_marked() -> None:
    fields = {"Actual_Loops": 1, "Actual_Rows": 2, "Actual_Total_Time": 3}
    actual = plan(node("Sort", 1, 1, Sort_Space_Type="Disk", **fields)).root.actual
    assert actual is not None
    assert actual.on_disk
