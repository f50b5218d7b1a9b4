"""Content-Location as PostgREST 12 writes it; the expected values are from a real server."""

from __future__ import annotations

import pytest

from proxy.postgrest.request.target import decoded
from proxy.postgrest.response.content_location import around_value, canonical_query, percent_encoded


@pytest.mark.parametrize(
    ("query", "canonical"),
    [
        (b"id=eq.1&id=gt.0&select=id", b"id=eq.1,gt.0&select=id"),
        (b"title=eq.%C3%A9", b"title=eq.%C3%83%C2%A9"),
        (b"select=*&title=eq.a%20b+c", b"select=%2A&title=eq.a%20b%20c"),
        (b"select&id=eq.1", b"id=eq.1&select="),
        (b"&&id=eq.1&", b"=,&id=eq.1"),
        (b"id=eq.1&", b"id=eq.1"),
        (b"id=eq.1&&", b"=&id=eq.1"),
        (b"%73elect=id&id=eq.1", b"id=eq.1&select=id"),
        (b"id+=eq.1", b"id%20=eq.1"),
        (b"id=eq.1&select=id&title=eq.a%2", b"id=eq.1&select=id&title=eq.a%252"),
        (b"id=eq.1&title=eq.a#b", b"id=eq.1&title=eq.a%23b"),
        (b"select=f:id::text,%20id&id=eq.1", b"id=eq.1&select=f%3Aid%3A%3Atext%2C%20id"),
    ],
)
def test_a_query_is_written_as_in_postgrest(query: bytes, canonical: bytes) -> None:
    assert canonical_query(query) == canonical


def test_unreserved_bytes_stay_and_high_bytes_are_encoded_twice() -> None:
    assert percent_encoded(b"aZ09-_.~") == b"aZ09-_.~"
    assert percent_encoded(b"/\xc3\xbf") == b"%2F%C3%83%C2%BF"


@pytest.mark.parametrize("query", [b"select=a&id=eq.7&z=eq.7", b"id=eq.7", b"z=gt.1&id=eq.7&", b"a=eq.7&id=eq.7&&"])
def test_the_text_around_a_value_gives_the_query_of_every_value(query: bytes) -> None:
    before, after = around_value(query, b"id", b"eq.7")
    for raw in (b"7", b"-12", b"a%20b", b"%C3%A9", "é".encode(), b"%26"):
        query_of_value = canonical_query(query.replace(b"id=eq.7", b"id=eq." + raw))
        assert before + percent_encoded(b"eq." + decoded(raw)) + after == query_of_value
