"""Shapes contain operators and never values."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from proxy.postgrest.request.operators import MAX_DEPTH, filter_shape, tree_shape


@pytest.mark.parametrize(
    ("value", "form", "literal"),
    [
        (b"eq.1", b"eq.?", b"1"),
        (b"eq.a.b", b"eq.?", b"a.b"),
        (b"eq.", b"eq.?", b""),
        (b"not.eq.1", b"not.eq.?", b"1"),
        (b"in.(1,2)", b"in.?", b"(1,2)"),
        (b"eq(any).{1,2}", b"eq(any).?", b"{1,2}"),
        (b"fts(french).chat", b"fts(?).?", b"french).chat"),
        (b"is.null", b"is.null", b""),
        (b"not.is.true", b"not.is.true", b""),
        (b"is.hunter2", b"is.?", b"hunter2"),
        (b"hunter2", b"?", b"hunter2"),
        (b"john.doe@example.com", b"?", b"john.doe@example.com"),
        (b"not.john.doe", b"not.?", b"john.doe"),
        (b"not.not.eq.1", b"not.?", b"not.eq.1"),
        (b"", b"?", b""),
    ],
)
def test_the_shape_of_a_filter_is_its_operator_and_a_placeholder(value: bytes, form: bytes, literal: bytes) -> None:
    assert filter_shape(value) == (form, literal)


@pytest.mark.parametrize(
    ("value", "form"),
    [
        (b"(a.eq.1,b.is.null)", b"(a.eq.?,b.is.null)"),
        (b"(a.eq.1,and(b.gt.2,not.or(c.lt.3,d.eq.4)))", b"(a.eq.?,and(b.gt.?,not.or(c.lt.?,d.eq.?)))"),
        (b'(a.eq."x,y)",b.not.eq.2)', b"(a.eq.?,b.not.eq.?)"),
        (b"(a.in.(1,2),b.cs.{3,4})", b"(a.in.?,b.cs.?)"),
        (b"(secret)", b"(?)"),
        (b"", b"(?)"),
    ],
)
def test_the_shape_of_a_tree_is_its_operators_and_placeholders(value: bytes, form: bytes) -> None:
    assert tree_shape(value)[0] == form


def test_two_trees_with_other_values_differ_in_their_literals_only() -> None:
    one, two = tree_shape(b"(a.eq.1,b.eq.2)"), tree_shape(b"(a.eq.1,b.eq.3)")
    assert one[0] == two[0]
    assert one[1] != two[1]


@pytest.mark.parametrize("piece", [b"and(", b"not.or("])
def test_the_shape_of_a_tree_ends_at_the_maximum_depth(piece: bytes) -> None:
    form, _ = tree_shape(b"(" + piece * 10_000 + b"a.eq.1")
    assert form.count(b"(") <= MAX_DEPTH + 1


def test_repeated_nots_do_not_recurse() -> None:
    assert filter_shape(b"not." * 20_000)[0] == b"not.?"


@given(st.binary(max_size=80))
def test_a_value_without_operator_is_not_in_the_shape(value: bytes) -> None:
    secret = b"hunter2" + value.replace(b".", b"")
    assert b"hunter2" not in filter_shape(secret)[0]


def test_a_quote_behind_a_backslash_does_not_end_a_value() -> None:
    shape, literal = tree_shape(b'(a.eq."x\\",token.eq.1",b.in.("y\\\\",z))')
    assert shape == b"(a.eq.?,b.in.?)"
    assert b"token" in literal
