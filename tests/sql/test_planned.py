"""Reads as the planner sees them: parameters, values, totals and what has no SQL. The rows: test_planned_sql.py."""

from __future__ import annotations

import pytest

from proxy.postgrest.request.api_request import read_api_request
from proxy.sql.expressions import UnwritableError
from proxy.sql.planned import Planned, planned, statements_for
from proxy.sql.relationships import DeclaredSchema, Reference

SHOP, ITEM = ("app", "shop"), ("app", "item")
RELATIONS = DeclaredSchema(
    schema="app",
    columns={
        SHOP: {"id": "integer", "name": "text", "tone": "color"},
        ITEM: {"id": "integer", "shop_id": "integer", "facts": "jsonb"},
    },
    foreign_keys=(Reference("item_shop_id_fkey", ITEM, ("shop_id",), SHOP, ("id",)),),
    primary_keys={SHOP: ("id",), ITEM: ("id",)},
    represented=frozenset(("color",)),
)


def sql(
    target: str, *prefers: bytes, method: bytes = b"GET", range_: bytes = b"", max_rows: int | None = None
) -> Planned:
    request = read_api_request(method, target.encode(), b"", "", prefers, range_)
    assert request is not None
    return planned(request, RELATIONS, max_rows)


def test_values_are_parameters_with_their_columns_and_can_be_filled_in() -> None:
    made = sql("/item?id=in.(1,2)&facts->>a=eq.x'y&limit=3&offset=4")
    (text,) = made.statements()
    assert text.endswith("WHERE item.id = ANY($1) AND item.facts ->> 'a' = $2 LIMIT 3 OFFSET 4")
    assert [(one.column, one.path, one.operator, one.is_array) for one in made.parameters] == [
        ("id", "", "in", True),
        ("facts", "->>a", "eq", False),
    ]
    assert made.values == {1: '{"1","2"}', 2: "x'y"}
    assert "ANY('{\"1\",\"2\"}') AND item.facts ->> 'a' = 'x''y'" in made.statements(made.values)[0]


def test_every_level_is_limited_by_max_rows() -> None:
    (text,) = sql("/shop?select=id,item(id)&limit=9", max_rows=5).statements()
    assert text.count("LIMIT 5") == 2


def test_a_total_has_no_limit_and_keeps_only_embeds_that_filter() -> None:
    _, count = sql("/item?select=id,shop!inner(id)&id=lt.3&limit=1", b"count=exact").statements()
    assert "EXISTS(SELECT 1 FROM app.shop" in count
    assert "LIMIT" not in count
    _, count = sql("/item?select=id,shop(id)", b"count=exact").statements()
    assert count == "SELECT count(*) FROM (SELECT 1 FROM app.item) AS counted"


def test_the_relations_are_named_once() -> None:
    assert sql("/shop?select=id,item(id,shop(id))").relations == (SHOP, ITEM)


@pytest.mark.parametrize(
    ("target", "named"),
    [
        ("/shop?select=id,nothing(id)", "without a known foreign key: shop and nothing"),
        ("/shop?tone=eq.red", "data representation"),
        ("/elsewhere", "app.elsewhere, which is not in the catalog"),
        ("/shop?id=1", "PostgREST rejects id=1"),
    ],
)
def test_what_cannot_be_told_has_no_sql_and_is_named(target: str, named: str) -> None:
    with pytest.raises(UnwritableError, match=named):
        sql(target)


def test_a_write_and_a_range_without_rows_have_no_sql() -> None:
    with pytest.raises(UnwritableError, match="PATCH"):
        sql("/shop?id=eq.1", method=b"PATCH")
    with pytest.raises(UnwritableError, match="416"):
        sql("/shop", range_=b"9-3")


def test_texts_for_several_sets_of_values_are_those_of_each() -> None:
    relations = DeclaredSchema(columns={("public", "t"): {"a": "text", "b$1": "text"}})
    for target in ("/t?a=eq.1&a=in.(2,3)&or=(a.is.null,a.like.x*)&limit=3", "/t?b$1=eq.1&a=eq.2"):
        request = read_api_request(b"GET", target.encode(), b"", "", [], b"")
        assert request is not None
        sql = planned(request, relations)
        sets = [{number: f"{label}'$2\\{number}" for number in sql.values} for label in ("x", "y")]
        assert statements_for(sql, sets) == [sql.statements(values) for values in sets]
