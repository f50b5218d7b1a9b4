"""Each key has a merged call, depends on types, and keeps or loses the order of several rows."""

from __future__ import annotations

import pytest

from proxy.explain.facts import explain
from proxy.explain.keys import NOT_BY_ADDRESS
from proxy.explain.request import read_request
from proxy.model import Column
from proxy.postgrest.catalog import Catalog
from proxy.settings.loading import load
from tests.explain.factories import explained, only_way

U = "0b5e7c1a-9f0e-4d55-8f6b-3a4b5c6d7e8"


def test_every_key_has_its_own_merged_call() -> None:
    explanation = explained("/t?select=a&id=eq.7&owner=eq." + U + "1")
    assert explanation.merging.verdict == "merges"
    one, two = explanation.merging.ways
    assert (one.column, one.literal, one.sibling) == ("id", "integer", "eq.8")
    assert one.call == f"/t?select=f…:id::text,a&id=in.(7,8)&owner=eq.{U}1"
    assert (two.column, two.literal) == ("owner", "uuid")
    assert two.call == f"/t?select=f…:owner::text,a&id=eq.7&owner=in.({U}1,{U}0)"


@pytest.mark.parametrize(
    ("literal", "type_name", "sibling"),
    [
        ("9" * 39, "", str(10**39 - 2)),
        ("32767", "smallint", "32766"),
        (U + "0", "uuid", U + "1"),
        ("another", "text", "other"),
        ("true", "boolean", "false"),
        ("2024-02-28", "date", "2024-02-29"),
    ],
)
def test_the_value_of_the_other_request_fits_the_type(literal: str, type_name: str, sibling: str) -> None:
    way = only_way(f"/t?k=eq.{literal}", types=(f"k={type_name}",) if type_name else ())
    assert way.verdict == "merges"
    assert way.sibling == f"eq.{sibling}"


def test_a_text_literal_depends_on_the_type_of_its_column() -> None:
    way = only_way("/t?k=eq.true")
    assert way.verdict == "depends"
    assert way.types.endswith(": text, character varying, character, name, boolean, enum")
    assert way.asked == ("k",)
    assert way.supposed == "k is text"
    assert way.call == "/t?select=f…:k::text,*&k=in.(true,another)"
    assert explained("/t?k=eq.true").merging.bypass is None


def test_a_text_literal_does_not_merge_if_fanin_may_not_look_up_its_type() -> None:
    explanation = explained("/t?k=eq.true", merge__ask_types=False)
    assert explanation.merging.verdict == "never"
    assert explanation.merging.bypass is not None
    assert explanation.merging.bypass.code == "literal"
    assert explanation.merging.ways[0].asked == ()
    assert explained("/t?k=eq.true", merge__ask_types=False, db_uri="postgres://h/d").merging.verdict == "depends"


@pytest.mark.parametrize(
    ("k", "type_name"), [("true", "citext"), ("01", "integer"), ("1", '"char"'), ("%C3%A9", "text")]
)
def test_a_literal_that_its_type_prints_differently_does_not_merge(k: str, type_name: str) -> None:
    explanation = explained(f"/t?k=eq.{k}", types=(f"k={type_name}",))
    assert explanation.merging.verdict == "never"
    assert type_name in explanation.merging.ways[0].types


def test_a_type_from_the_catalog_includes_the_collation() -> None:
    assert only_way("/t?k=eq.%C3%A9", types=("k=text",), db_uri="postgres://h/d").verdict == "merges"


def test_text_from_json_needs_no_type() -> None:
    way = only_way("/t?d->>k=eq.x")
    assert (way.verdict, way.types, way.asked) == ("merges", "d->>k is text", ())


def test_lists_merge_depending_on_their_order() -> None:
    assert only_way("/t?id=in.(1,2)&order=at").supposed == "at is timestamp with time zone"
    assert only_way("/t?id=in.(1,2)&order=at", types=("at=date",)).verdict == "merges"
    assert only_way("/t?id=in.(1,2)&order=at", types=("at=numeric",)).verdict == "never"
    assert explained("/t?id=in.(1,2)").merging.bypass is not None


@pytest.mark.parametrize(
    ("target", "types", "verdict", "said"),
    [
        ("/t?k=eq.1", (), "physical", "there is no order, so that the call also selects ctid"),
        ("/t?k=eq.1&order=d->a", (), "ties", "not one to four plain columns"),
        ("/t?k=eq.1&order=at", (), "unknown", "the type of at decides"),
        ("/t?k=eq.1&order=at,id", ("at=date",), "unknown", "the type of id decides"),
        ("/t?k=eq.1&order=at,id", ("at=date", "id=int unique"), "total", "at, id leaves no ties"),
        ("/t?k=eq.1&order=at,id", ("at=date", "id=int"), "carried", "also selects at, id;"),
        ("/t?k=eq.1&order=at,id", ("at=date", "id=numeric"), "ties", "the type of id can tie"),
        ("/t?k=eq.1&order=at", ("k=int unique",), "one", "k is unique"),
    ],
)
def test_the_order_decides_whether_several_rows_merge(
    target: str, types: tuple[str, ...], verdict: str, said: str
) -> None:
    ties = only_way(target, types=types).ties
    assert ties.verdict == verdict
    assert said in ties.text


def test_rows_that_are_only_counted_need_no_order() -> None:
    ties = only_way("/t?select=count&k=eq.1").ties
    assert (ties.verdict, ties.text) == ("one", "the rows are only counted")


def test_a_column_whose_index_orders_its_rows_does_not_merge_by_address() -> None:
    catalog = Catalog({"public.t": {b"k": Column(type="integer", deterministic=True, by_address=False)}})
    physical = load({"merge.ties": "physical"}).settings
    explanation = explain(read_request("/t?k=eq.1", ()), physical, None, {}, catalog)
    (way,) = explanation.merging.ways
    assert (way.ties.verdict, way.ties.text) == ("ties", NOT_BY_ADDRESS)


def test_settings_and_media_type_decide_whether_several_rows_merge() -> None:
    assert only_way("/t?k=eq.1", merge__ties="any").ties.verdict == "any"
    assert only_way("/t?k=eq.1", merge__ties="none").ties.text.endswith("since there is no order")
    assert only_way("/t?k=eq.1", merge__ask_types=False).ties.verdict == "ties"
    assert only_way("/t?k=eq.1&order=at", merge__ask_types=False).ties.verdict == "ties"
    assert only_way("/t?k=eq.1", "Accept: application/vnd.pgrst.object+json").ties.verdict == "one"


def test_a_request_does_not_merge_if_a_call_cannot_have_two_keys() -> None:
    assert only_way("/t?k=eq.1", merge__max_keys=1).verdict == "never"
    assert only_way("/t?k=eq.1", merge__max_url=50).verdict == "never"


def test_a_count_reads_the_key_and_the_address_of_each_row() -> None:
    way = only_way("HEAD /t?k=eq.1", "Prefer: count=exact")
    assert way.call == "/t?select=f…:k::text,f…0:ctid::text&k=in.(1,2)&limit=2001"
    assert (way.verdict, way.ties.verdict) == ("merges", "one")
    assert "the relation must be a table" in way.ties.text
    way = only_way("HEAD /t?select=id&k=eq.1", "Prefer: count=exact")
    assert way.call == "/t?select=f…:k::text,id&k=in.(1,2)&limit=2001"
    assert "ctid" not in way.ties.text
