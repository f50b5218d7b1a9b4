"""A request is parsed with its values, and what cannot be parsed is noted."""

from __future__ import annotations

import pytest

from proxy.postgrest.request.api_request import ApiRequest, OrderTerm, QueryLevel, read_api_request, read_order
from proxy.postgrest.request.conditions import Condition
from proxy.postgrest.request.grammar import FieldPath, GrammarError, Step


def parsed(target: str, method: bytes = b"GET", mount: bytes = b"", profile: str = "") -> ApiRequest:
    request = read_api_request(method, target.encode(), mount, profile, (b"count=exact",), b"0-9")
    assert request is not None
    return request


def test_all_parameters_of_a_read_are_parsed() -> None:
    request = parsed(
        "/rest/v1/my%20t?select=id,r(*)&a=eq.1&limit=5&r.b=gt.2&r.order=b.desc&r.offset=1", mount=b"/rest/v1"
    )
    assert (request.method, request.relation, request.schema) == ("GET", "my t", "")
    assert (request.prefers, request.range, request.notes) == (("count=exact",), "0-9", ())
    assert [item.output_name for item in request.items] == ["", "r"]
    assert request.root == QueryLevel((), (Condition(FieldPath("a"), "eq", "1"),), limit="5")
    order = (OrderTerm(FieldPath("b"), "desc", "", ""),)
    assert request.levels["r",] == QueryLevel(("r",), (Condition(FieldPath("b"), "gt", "2"),), order, offset="1")


def test_columns_and_on_conflict_of_a_write_are_parsed() -> None:
    request = parsed("/t?columns=a,%22b%20c%22&on_conflict=a", b"POST", profile="shop")
    assert (request.columns, request.on_conflict, request.schema, request.writes) == (
        ("a", "b c"),
        ("a",),
        "shop",
        True,
    )


@pytest.mark.parametrize("target", ["/", "/rpc/f", "/a/b", "*", "/t?a=eq.%00", "/t?a=eq.%FF"])
def test_a_target_without_relation_or_of_invalid_bytes_is_not_parsed(target: str) -> None:
    assert read_api_request(b"GET", target.encode(), b"", "", (), b"") is None


@pytest.mark.parametrize(
    ("target", "note"),
    [
        ("/t?a=1", "PostgREST rejects a=1, so it is left out"),
        ("/t?select=a,", "PostgREST rejects select=a,"),
        ("/t?order=a.up", "PostgREST rejects order=a.up"),
        ("/t?select=a)b", "PostgREST ignores ')b' at the end of select"),
        ("/t?a=in.(1)x", "PostgREST ignores 'x' at the end of a"),
        ("/t?select=a&select=b", "select occurs more than once: PostgREST uses the first one"),
        ("/t?order=a&order=b", "order occurs more than once: PostgREST uses the first one"),
        ("/t?limit=1&limit=2", "limit occurs more than once: PostgREST uses the last one"),
        ("/t?a=eq.1;b=eq.2", "A ';' separates parameters"),
        ("/t?a=is.not_null", "13 or later"),
        ("/t?or=" + "(and" * 99, "nested deeper"),
    ],
)
def test_rejected_ignored_and_uncertain_parameters_are_noted(target: str, note: str) -> None:
    assert note in parsed(target).notes[0]


def test_a_repeated_parameter_counts_as_in_postgrest() -> None:
    request = parsed("/t?select=a&select=b&order=a&order=b&limit=1&limit=2&a=eq.1&a=eq.2")
    assert [str(item.field) for item in request.items if not item.output_name] == ["a"]  # type: ignore[union-attr]
    assert [str(item.field) for item in request.root.order] == ["a"]
    assert request.root.limit == "2"
    assert len(request.root.where) == 2


def test_a_value_that_a_note_quotes_is_shortened() -> None:
    assert len(parsed("/t?a=" + "x" * 9000).notes[0]) < 400


def test_names_and_values_are_decoded_and_names_without_value_ignored() -> None:
    request = parsed("/t?%61=eq.b+c%21&b&&select")
    assert request.root.where == (Condition(FieldPath("a"), "eq", "b c!"),)
    assert request.items == ()


@pytest.mark.parametrize(
    ("text", "order"),
    [
        ("a", OrderTerm(FieldPath("a"), "", "", "")),
        ("a.asc.nullsfirst", OrderTerm(FieldPath("a"), "asc", "first", "")),
        ("a.nullslast", OrderTerm(FieldPath("a"), "", "last", "")),
        ("d->k->0.desc", OrderTerm(FieldPath("d", (Step("->", "k", False), Step("->", "0", True))), "desc", "", "")),
        ("r(a).desc.nullslast", OrderTerm(FieldPath("a"), "desc", "last", "r")),
        ('"a.b".desc', OrderTerm(FieldPath("a.b"), "desc", "", "")),
    ],
)
def test_an_order_item_is_parsed(text: str, order: OrderTerm) -> None:
    assert read_order(text) == (order,)
    assert read_order(f"{text},{text}") == (order, order)


@pytest.mark.parametrize("text", ["", "a,", "a.up", "a.nullslast.desc", "a.desc.desc", "r(a", "a desc;"])
def test_an_order_that_postgrest_rejects_is_rejected(text: str) -> None:
    with pytest.raises(GrammarError):
        read_order(text)
