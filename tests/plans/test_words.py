"""Plans in words: every node has a sentence, the most expensive one a mark, and reports no values."""

from __future__ import annotations

import pytest

from proxy.plans.words import AGGREGATES, JOINS, WORDS, as_is, hide_values, lines, said
from tests.plans.test_tree import node, plan


def test_a_table_that_is_read_whole_is_said_so_with_what_is_kept() -> None:
    scan = node("Seq Scan", 80, 2000, Relation_Name="videos", Schema="public", Filter="(status = 'open'::text)")
    (line,) = lines(plan(scan))
    assert line == (
        "→ Seq Scan: reads the whole table public.videos, keeps those where (status = ?::text) "
        "(2,000 rows expected, cost 80, 100 % of it here)"
    )


def test_values_are_shown_only_where_asked_for() -> None:
    condition = "((t.id = 5) AND (t.a1 ~~ 'it''s%'::text) AND (p.n < '-2.5'::numeric) AND (x = -7) AND (\"c 3\" = $1))"
    assert hide_values(condition) == (
        '((t.id = ?) AND (t.a1 ~~ ?::text) AND (p.n < ?::numeric) AND (x = ?) AND ("c 3" = $1))'
    )
    root = plan(node("Index Scan", 8, 1, Index_Name="t_pkey", Relation_Name="t", Index_Cond="(id = 5)")).root
    assert said(root) == "reads rows of t by index t_pkey where (id = ?)"
    assert said(root, as_is) == "reads rows of t by index t_pkey where (id = 5)"


def test_the_tree_is_indented_and_the_most_expensive_node_marked() -> None:
    scan = node("Seq Scan", 80, 9, Relation_Name="t")
    shown = list(lines(plan(node("Limit", 101, 5, node("Sort", 100, 9, scan, Sort_Key=["t.at DESC"])))))
    assert [line.partition(":")[0] for line in shown] == ["  Limit", "    Sort", "→     Seq Scan"]
    assert "stops after 5 rows" in shown[0]
    assert "sorts by t.at DESC" in shown[1]


def test_nodes_that_only_pass_rows_on_are_left_out() -> None:
    scan = node("Seq Scan", 80, 9, Relation_Name="t")
    (line,) = lines(plan(node("Subquery Scan", 80, 9, node("Gather", 80, 9, scan))))
    assert line.startswith("→ Seq Scan")
    filtered = node("Subquery Scan", 80, 9, scan, Filter="(n > 1)")
    assert len(list(lines(plan(filtered)))) == 2


def test_an_index_without_a_condition_is_read_in_its_order() -> None:
    scan = node("Index Only Scan", 8, 1, Index_Name="i", Relation_Name="t", Scan_Direction="Backward")
    assert said(plan(scan).root) == "reads index i alone, without the rows of t from its end, in its order"


def test_what_was_measured_is_shown_beside_what_was_expected() -> None:
    scan = node("Seq Scan", 80, 9, Relation_Name="t", Actual_Loops=2, Actual_Rows=50, Actual_Total_Time=1.5)
    (line,) = lines(plan({**scan, "Rows Removed by Filter": 450}))
    assert line.endswith("(100 rows, expected 18, 900 removed, 2 times, 3.00 ms, 100 % here)")


@pytest.mark.parametrize("kind", [*WORDS, *JOINS])
def test_every_node_has_a_sentence(kind: str) -> None:
    root = node(kind, 8, 1, Index_Name="i", Relation_Name="t", Function_Name="f", Join_Type="Left", Sort_Key=["a {b}"])
    shown = said(plan(root).root)
    assert " " in shown
    assert "{name}" not in shown


@pytest.mark.parametrize("strategy", [*AGGREGATES, ""])
def test_every_aggregate_has_a_sentence(strategy: str) -> None:
    assert " rows" in said(plan(node("Aggregate", 8, 1, Strategy=strategy)).root)


def test_a_node_that_was_not_reached_says_so() -> None:
    scan = node("Seq Scan", 80, 9, Relation_Name="t", Actual_Loops=0, Actual_Rows=0, Actual_Total_Time=0.0)
    assert next(lines(plan(scan))).endswith("(never run)")


def test_an_unknown_node_keeps_its_name() -> None:
    assert said(plan(node("Custom Scan", 8, 1)).root) == "Custom Scan"
