"""A fingerprint is read back into the request that it was made from, with a question mark for each literal."""

from __future__ import annotations

import pytest

from proxy.path.reading.fingerprint import read_query
from proxy.postgrest.request.api_request import read_api_request
from proxy.sql.expressions import UnwritableError
from proxy.sql.fingerprints import request_of
from proxy.sql.planned import planned
from tests.factories import head
from tests.sql.test_planned import RELATIONS


def fingerprint_of(target: str) -> str:
    return read_query(b"GET", target.encode(), head(), b"", "app", 8192).fingerprint


@pytest.mark.parametrize(
    "target",
    [
        "/item",
        "/item?id=eq.1",
        "/item?id=in.(1,2)&select=id,facts-%3Ea",
        "/item?id=not.in.(1,2)&order=id.desc.nullslast",
        "/item?or=(id.in.(1,2),and(shop_id.eq.3,facts-%3E%3Ea.like(any).{x,y}))",
        "/item?id=eq(any).{1,2}&not.and=(id.gt.1,id.is.null)",
        "/item?select=id,shop!inner(name)&shop.name=eq.a&shop.order=name",
        "/shop?name=is.null&id=not.is.null",
        "/item?facts=cs.{%22a%22:1}",
    ],
)
def test_the_statement_of_a_fingerprint_is_that_of_its_request(target: str) -> None:
    request = read_api_request(b"GET", target.encode(), b"", "", (), b"")
    assert request is not None
    assert (
        planned(request_of(fingerprint_of(target)), RELATIONS).statements() == planned(request, RELATIONS).statements()
    )


def test_limit_offset_and_count_are_those_that_were_sent() -> None:
    text = fingerprint_of("/item?id=eq.1&limit=5&offset=20")
    rows, count = planned(request_of(text, 5, 20, ("count=exact",)), RELATIONS).statements()
    assert rows.endswith("LIMIT 5 OFFSET 20")
    assert count.startswith("SELECT count(*)")
    assert "LIMIT" not in planned(request_of(text, None), RELATIONS).statements()[0]


def test_another_schema_is_that_of_the_fingerprint() -> None:
    assert request_of("GET other.item?id=eq.?").schema == "other"
    assert request_of("GET item?id=eq.?").schema == ""


@pytest.mark.parametrize(
    ("fingerprint", "named"),
    [
        ("GET item?…", "no parameters"),
        ("GET /rpc", "a call of a function"),
        ("GET …#0123", "no parameters"),
        ("GET item?facts=fts(?).?", "language"),
        ("GET item?or=(facts.not.plfts(?).?)", "language"),
        ("GET shop?select=id,item(id)&item.limit=?", r"item\.limit"),
    ],
)
def test_what_a_fingerprint_does_not_tell_is_named(fingerprint: str, named: str) -> None:
    with pytest.raises(UnwritableError, match=named):
        request_of(fingerprint)
