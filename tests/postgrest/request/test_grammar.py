"""Names, paths and quoted values are parsed as in PostgREST."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from proxy.postgrest.request.grammar import Cursor, FieldPath, GrammarError, Step


@pytest.mark.parametrize(
    ("text", "name", "rest"),
    [
        ("id", "id", ""),
        ("with spaces and-dashes", "with spaces and-dashes", ""),
        (" trimmed ", "trimmed", ""),
        ("data->k", "data", "->k"),
        ("a.b", "a", ".b"),
        ("123_$é", "123_$é", ""),
        ('" kept . "x', " kept . ", "x"),
        (r'"a\"b\\"', 'a"b\\', ""),
    ],
)
def test_a_name_ends_as_in_postgrest(text: str, name: str, rest: str) -> None:
    cursor = Cursor(text)
    assert cursor.name() == name
    assert cursor.rest == rest


@pytest.mark.parametrize("text", ["", ":", ".a", "*", '"open', "a-", "->k"])
def test_an_invalid_name_is_rejected_with_its_position(text: str) -> None:
    with pytest.raises(GrammarError, match=r"a name expected at character \d"):
        Cursor(text).name()


@pytest.mark.parametrize(
    ("text", "steps"),
    [
        ("", ()),
        ("->a->>b", (Step("->", "a", False), Step("->>", "b", False))),
        ("->0->>-1", (Step("->", "0", True), Step("->>", "-1", True))),
        ("->1a", (Step("->", "1a", False),)),
        ("->0.desc", (Step("->", "0", True),)),
        ('->"a.b"->!@#$%^&*_a', (Step("->", "a.b", False), Step("->", "!@#$%^&*_a", False))),
        ("->a-b", (Step("->", "a-b", False),)),
    ],
)
def test_a_path_has_keys_and_indexes(text: str, steps: tuple[Step, ...]) -> None:
    assert Cursor(text).path() == steps


def test_the_text_of_a_field_is_as_in_the_request() -> None:
    assert str(FieldPath("a", (Step("->", "b", False), Step("->>", "0", True)))) == "a->b->>0"


@given(st.text(max_size=40))
def test_any_text_is_parsed_or_rejected_with_a_grammar_error(text: str) -> None:
    for read in (Cursor.field, Cursor.name, Cursor.path, Cursor.quoted, Cursor.identifier):
        try:
            read(Cursor(text))
        except GrammarError:
            pass
