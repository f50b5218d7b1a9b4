"""Filters and trees of filters are parsed as in PostgREST."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from proxy.postgrest.request.conditions import Condition, Tree, read_filter, read_tree
from proxy.postgrest.request.grammar import FieldPath, GrammarError, Step, TooDeepError
from proxy.postgrest.request.operators import IS_VALUES, OPERATORS, filter_shape

A, B = FieldPath("a"), FieldPath("b")


@pytest.mark.parametrize(
    ("value", "condition"),
    [
        ("eq.1", Condition(A, "eq", "1")),
        ("eq.", Condition(A, "eq")),
        ('eq."x",(y)', Condition(A, "eq", '"x",(y)')),
        ("not.eq.x", Condition(A, "eq", "x", negated=True)),
        ("eq(any).{1,2}", Condition(A, "eq", "{1,2}", argument="any")),
        ("not.like(all).{*a}", Condition(A, "like", "{*a}", negated=True, argument="all")),
        ("isdistinct.x", Condition(A, "isdistinct", "x")),
        ("fts(english).a&b", Condition(A, "fts", "a&b", argument="english")),
        ("wfts.a or b", Condition(A, "wfts", "a or b")),
        ("is.NULL", Condition(A, "is", "null")),
        ("not.is.true", Condition(A, "is", "true", negated=True)),
        ("in.(1,2, 3)", Condition(A, "in", values=("1", "2", " 3"))),
        ('in.( "a,b" ,c)', Condition(A, "in", values=('"a', 'b" ', "c"))),
        ('in.("a,b","c\\"")', Condition(A, "in", values=("a,b", 'c"'))),
        ("in.()", Condition(A, "in", values=("",))),
        ("in.(a,)", Condition(A, "in", values=("a", ""))),
    ],
)
def test_a_filter_is_parsed(value: str, condition: Condition) -> None:
    assert read_filter("a", value) == ((), condition, "")


@pytest.mark.parametrize(("value", "ignored"), [("is.nullx", "x"), ("in.(1)x", "x")])
def test_trailing_text_that_postgrest_ignores_is_returned(value: str, ignored: str) -> None:
    assert read_filter("a", value)[2] == ignored


@pytest.mark.parametrize("operator", sorted(OPERATORS - {b"in", b"is"}))
def test_every_operator_of_fingerprints_is_parsed(operator: bytes) -> None:
    value = operator.decode() + ".x"
    assert read_filter("a", value)[1] == Condition(A, operator.decode(), "x")
    assert filter_shape(value.encode()) == (operator + b".?", b"x")


@pytest.mark.parametrize("word", sorted(IS_VALUES))
def test_every_value_of_is_is_parsed(word: bytes) -> None:
    assert read_filter("a", f"is.{word.decode()}")[1].value == word.decode()


@pytest.mark.parametrize(
    "value",
    [
        "1",
        "",
        "eq",
        "equals.1",
        "is.nothing",
        "in.1",
        "in.(1",
        "neq(any).{1}",
        "eq().1",
        "eq(some).1",
        "fts().x",
        "not.x",
    ],
)
def test_text_that_postgrest_rejects_is_rejected(value: str) -> None:
    with pytest.raises(GrammarError):
        read_filter("a", value)


def test_a_name_may_be_a_path_into_embeds_and_json() -> None:
    path, condition, _ = read_filter("r.s.d->a->>0", "eq.1")
    assert path == ("r", "s")
    assert condition.field == FieldPath("d", (Step("->", "a", False), Step("->>", "0", True)))


@pytest.mark.parametrize(
    ("name", "value", "path", "tree"),
    [
        ("or", "(a.eq.1,b.is.null)", (), Tree("or", False, (Condition(A, "eq", "1"), Condition(B, "is", "null")))),
        ("not.and", "(a.not.eq.1)", (), Tree("and", True, (Condition(A, "eq", "1", negated=True),))),
        ("r.not.or", "(a.eq.1)", ("r",), Tree("or", True, (Condition(A, "eq", "1"),))),
        (
            "or",
            "(a.eq.1, not.and(b.gt.2,a.in.(3,4)) )",
            (),
            Tree(
                "or",
                False,
                (
                    Condition(A, "eq", "1"),
                    Tree("and", True, (Condition(B, "gt", "2"), Condition(A, "in", values=("3", "4")))),
                ),
            ),
        ),
        (
            "or",
            '(a.eq."x,y)",b.cs.{1,2},a.eq.x y)',
            (),
            Tree("or", False, (Condition(A, "eq", "x,y)"), Condition(B, "cs", "{1,2}"), Condition(A, "eq", "x y"))),
        ),
        ("or", "(not.eq.1)", (), Tree("or", False, (Condition(FieldPath("not"), "eq", "1"),))),
    ],
)
def test_a_tree_is_parsed(name: str, value: str, path: tuple[str, ...], tree: Tree) -> None:
    assert read_tree(name, value) == (path, tree, "")


@pytest.mark.parametrize("value", ["", "a.eq.1", "()", "(a.eq.1", "(a)", "(not.a.eq.1)", "(xor(a.eq.1))", "(a.eq.1,)"])
def test_a_tree_that_postgrest_rejects_is_rejected(value: str) -> None:
    with pytest.raises(GrammarError):
        read_tree("or", value)


def test_nesting_beyond_the_maximum_depth_is_rejected() -> None:
    with pytest.raises(TooDeepError):
        read_tree("or", "(and" * 5000 + "(a.eq.1)" + ")" * 5000)


@given(st.text(alphabet='abeqinsort.,()not{}" \\é', max_size=30))
def test_any_text_is_parsed_or_rejected_with_a_grammar_error(text: str) -> None:
    for read in (read_filter, read_tree):
        for name, value in ((text, "eq.1"), ("or", text)):
            try:
                read(name, value)
            except GrammarError:
                pass
