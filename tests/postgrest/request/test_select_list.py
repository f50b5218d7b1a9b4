"""``select`` is parsed as in PostgREST: aliases, casts, aggregates, nested embeds."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from proxy.postgrest.request.grammar import FieldPath, GrammarError, Step, TooDeepError
from proxy.postgrest.request.select_list import Embed, SelectItem, read_select

ID = SelectItem(FieldPath("id"))


@pytest.mark.parametrize(
    ("text", "item"),
    [
        ("id", ID),
        ("*", SelectItem(FieldPath("*"))),
        (" a:id::text ", SelectItem(FieldPath("id"), "a", "text")),
        ("id::double precision", SelectItem(FieldPath("id"), "", "double precision")),
        ("d->a->>0", SelectItem(FieldPath("d", (Step("->", "a", False), Step("->>", "0", True))))),
        ("count()", SelectItem(FieldPath("*"), "", "", "count")),
        ("n:count()::int", SelectItem(FieldPath("*"), "n", "", "count", "int")),
        ("a:id::text.max()::int", SelectItem(FieldPath("id"), "a", "text", "max", "int")),
        ("count", SelectItem(FieldPath("count"))),
        ("r()", Embed("r", "", "", False, False, ())),
        ("a:r!fk!inner(id)", Embed("r", "a", "fk", True, False, (ID,))),
        ("r!left!fk(id)", Embed("r", "", "fk", False, False, (ID,))),
        ("...r(id)", Embed("r", "", "", False, True, (ID,))),
        ("r(s(id))", Embed("r", "", "", False, False, (Embed("s", "", "", False, False, (ID,)),))),
    ],
)
def test_an_item_is_parsed(text: str, item: SelectItem | Embed) -> None:
    assert read_select(text) == ((item,), "")


def test_several_items_are_parsed() -> None:
    items, rest = read_select("id,r(id,id), id")
    assert [item.output_name for item in items] == ["", "r", ""]
    assert not rest


@pytest.mark.parametrize(
    ("text", "rest"),
    [
        ("", ""),
        (",id", ",id"),
        ("id)junk", ")junk"),
        ("a(b))c,(", ")c,("),
        *((text, text) for text in ("...r", "...id,x", "...r!inner", "...", "...r::text")),
    ],
)
def test_trailing_text_that_postgrest_ignores_is_returned(text: str, rest: str) -> None:
    assert read_select(text)[1] == rest


@pytest.mark.parametrize(
    "text",
    ["id,", "id;x", "a:*", "*x", "id::", "id.median()", "r(id", "r!(id)", "r!inner", "id,...r", "...r("],
)
def test_text_that_postgrest_rejects_is_rejected(text: str) -> None:
    with pytest.raises(GrammarError):
        read_select(text)


def test_nesting_beyond_the_maximum_depth_is_rejected() -> None:
    with pytest.raises(TooDeepError):
        read_select("a(" * 5000 + "b" + ")" * 5000)


@pytest.mark.parametrize(
    ("text", "output_name"),
    [("id", ""), ("a:id", "a"), ("d->a->0", "a"), ("d->0", "d"), ("d->>k", "k"), ("id.sum()", ""), ("d->a.max()", "")],
)
def test_an_item_has_the_output_name_that_postgrest_gives_it(text: str, output_name: str) -> None:
    ((item,), _) = read_select(text)
    assert item.output_name == output_name


@given(st.text(alphabet="ab:*.,()!->0\"'\\ é", max_size=30))
def test_any_text_is_parsed_or_rejected_with_a_grammar_error(text: str) -> None:
    try:
        read_select(text)
    except GrammarError:
        pass
