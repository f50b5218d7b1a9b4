"""A request is parsed with its values, and what cannot be parsed is noted."""

from __future__ import annotations

import pytest

from proxy.postgrest.request.api_request import ApiRequest, Level, OrderTerm, read_api_request, read_order
from proxy.postgrest.request.conditions import Condition
from proxy.postgrest.request.grammar import FieldPath, GrammarError, Step


def asked(target: str, method: bytes = b"GET", mount: bytes = b"", profile: str = "") -> ApiRequest:
    found = read_api_request(method, target.encode(), mount, profile, (b"count=exact",), b"0-9")
    assert found is not None
    return found


def test_all_parameters_of_a_read_are_parsed() -> None:
    read = asked("/rest/v1/my%20t?select=id,r(*)&a=eq.1&limit=5&r.b=gt.2&r.order=b.desc&r.offset=1", mount=b"/rest/v1")
    assert (read.method, read.relation, read.schema) == ("GET", "my t", "")
    assert (read.prefers, read.range, read.doubts) == (("count=exact",), "0-9", ())
    assert [item.output_name for item in read.items] == ["", "r"]
    assert read.root == Level((), (Condition(FieldPath("a"), "eq", "1"),), limit="5")
    order = (OrderTerm(FieldPath("b"), "desc", "", ""),)
    assert read.levels["r",] == Level(("r",), (Condition(FieldPath("b"), "gt", "2"),), order, offset="1")


def test_columns_and_on_conflict_of_a_write_are_parsed() -> None:
    read = asked("/t?columns=a,%22b%20c%22&on_conflict=a", b"POST", profile="shop")
    assert (read.columns, read.on_conflict, read.schema, read.writes) == (("a", "b c"), ("a",), "shop", True)


@pytest.mark.parametrize("target", ["/", "/rpc/f", "/a/b", "*", "/t?a=eq.%00", "/t?a=eq.%FF"])
def test_a_target_without_relation_or_of_invalid_bytes_is_not_parsed(target: str) -> None:
    assert read_api_request(b"GET", target.encode(), b"", "", (), b"") is None


@pytest.mark.parametrize(
    ("target", "doubt"),
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
def test_rejected_ignored_and_uncertain_parameters_are_noted(target: str, doubt: str) -> None:
    assert doubt in asked(target).doubts[0]


def test_a_repeated_parameter_counts_as_in_postgrest() -> None:
    read = asked("/t?select=a&select=b&order=a&order=b&limit=1&limit=2&a=eq.1&a=eq.2")
    assert [str(item.field) for item in read.items if not item.output_name] == ["a"]  # type: ignore[union-attr]
    assert [str(item.field) for item in read.root.order] == ["a"]
    assert read.root.limit == "2"
    assert len(read.root.where) == 2


def test_a_value_that_a_note_quotes_is_shortened() -> None:
    assert len(asked("/t?a=" + "x" * 9000).doubts[0]) < 400


def test_names_and_values_are_decoded_and_names_without_value_ignored() -> None:
    read = asked("/t?%61=eq.b+c%21&b&&select")
    assert read.root.where == (Condition(FieldPath("a"), "eq", "b c!"),)
    assert read.items == ()


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
