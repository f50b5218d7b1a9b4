"""Which columns of a condition an index could search by: one operand of AND, each operand of OR."""

from __future__ import annotations

import pytest

from proxy.schema.parsing import parse_expression


def columns(text: str) -> list[list[tuple[tuple[str, ...], tuple[str, ...]]]]:
    """Per conjunct and operand of its OR: the columns compared for equality, and the others."""
    return [
        [(tuple(one.name for one in arm.equal), arm.others) for arm in conjunct]
        for conjunct in parse_expression(text).conjuncts
    ]


@pytest.mark.parametrize(
    ("text", "found"),
    [
        ("(a = 1)", [[(("a",), ())]]),
        ("((a = 1) AND (b = 2))", [[(("a",), ())], [(("b",), ())]]),
        ("((a = 1) OR (b = 2))", [[(("a",), ()), (("b",), ())]]),
        ("((a = 1) OR open)", [[(("a",), ()), ((), ("open",))]]),
        ("((a = 1) OR (NOT open))", [[(("a",), ()), ((), ("open",))]]),
        ("((a = 1) OR (open IS TRUE))", [[(("a",), ()), ((), ("open",))]]),
        ("((a = 1) OR (b IS NULL))", [[(("a",), ()), ((), ("b",))]]),
        ("((a = 1) OR (b IS NOT NULL))", [[(("a",), ()), ((), ("b",))]]),
        ("((a = 1) OR (b > now()))", [[(("a",), ()), ((), ("b",))]]),
        ("((a = 1) OR ((b = 2) AND open))", [[(("a",), ()), (("b",), ("open",))]]),
        ("((a = 1) OR public.is_admin())", [[(("a",), ()), ((), ())]]),
        ("(a IN ( SELECT m.a FROM public.members m))", [[((), ())]]),
        ("(a = ANY (ARRAY( SELECT m.a FROM public.members m)))", [[(("a",), ())]]),
        ("(a = ( SELECT m.a FROM public.members m WHERE (m.b = videos.b)))", [[((), ())]]),
        ("(a = b)", [[((), ())]]),
        ("(auth.uid() = ANY (editors))", [[((), ())]]),
        ("((a = 1) OR true)", []),
    ],
)
def test_an_or_needs_an_index_for_each_operand_and_what_depends_on_the_row_none(
    text: str, found: list[list[tuple[tuple[str, ...], tuple[str, ...]]]]
) -> None:
    assert columns(text) == found


def test_a_column_of_an_or_with_an_operand_that_no_index_serves_is_no_column_to_index() -> None:
    assert parse_expression("((a = 1) OR public.is_admin())").equal_columns == ()
    assert [one.name for one in parse_expression("((a = 1) OR open)").equal_columns] == ["a"]
