"""A client span is the request that was sent, by the stable names and the ones before; what hides values is told."""

from __future__ import annotations

from typing import Any

import pytest

from proxy.receiver.http_request import origin_of, read_request
from proxy.receiver.otel_span import OtelSpan
from tests.receiver.spans import client, server

OLD = {"http.method": "GET", "http.status_code": 200}


def span(**attributes: Any) -> OtelSpan:
    return OtelSpan("t", "s", "", "GET", 3, 0, 1, attributes)


@pytest.mark.parametrize(
    "attributes",
    [
        {"http.request.method": "GET", "url.full": "http://DB:3000/t?id=eq.1", "http.response.status_code": 200},
        {"http.method": "GET", "http.url": "http://db:3000/t?id=eq.1#x", "http.status_code": "200"},
        OLD | {"http.scheme": "http", "net.peer.name": "db", "net.peer.port": 3000, "http.target": "/t?id=eq.1"},
        OLD | {"http.scheme": "http", "http.host": "db:3000", "http.target": "/t?id=eq.1"},
        OLD
        | {"url.scheme": "http", "server.address": "db", "server.port": 3000, "url.path": "/t", "url.query": "id=eq.1"},
    ],
)
def test_a_request_is_read_by_the_names_of_each_time(attributes: dict[str, Any]) -> None:
    request = read_request(span(**attributes))
    assert request is not None
    assert (request.origin, request.target, request.status) == ("http://db:3000", b"/t?id=eq.1", 200)


@pytest.mark.parametrize(
    "attributes",
    [
        {},
        {"http.request.method": "GET"},
        {"http.request.method": "GET", "url.full": "postgres://db/t"},
        {"http.request.method": "GET", "url.full": "http://[::1"},
        {"http.request.method": "GET", "url.full": "http://db:99999999/t"},
        {"url.full": "http://db/t"},
    ],
)
def test_a_span_that_tells_no_request_is_none(attributes: dict[str, Any]) -> None:
    assert read_request(span(**attributes)) is None


def test_the_span_of_a_server_is_no_request() -> None:
    assert read_request(server(http__request__method="GET", url__full="http://db/t")) is None


def test_a_password_in_the_url_is_left_out() -> None:
    request = read_request(client("https://user:secret@db/t?id=eq.1"))
    assert request is not None
    assert request.origin == "https://db:443"
    assert "secret" not in str(request)


@pytest.mark.parametrize(
    ("query", "hidden"),
    [
        ("id=eq.REDACTED", True),
        ("id=REDACTED", True),
        ("id=eq.[Filtered]", True),
        ("id=eq.****", True),
        ("id=eq.%3Credacted%3E", True),
        ("select=*", False),
        ("name=like.*", False),
        ("name=like.**", False),
        ("name=eq.", False),
        ("id=eq.1", False),
    ],
)
def test_values_that_a_redactor_replaced_are_told(query: str, hidden: bool) -> None:
    request = read_request(client(f"http://db/t?{query}"))
    assert request is not None
    assert request.is_redacted is hidden


@pytest.mark.parametrize(
    ("query", "found"),
    [
        ("id=eq.1", True),
        ("a=not.in.(1)", True),
        ("a=fts(english).b", True),
        ("select=id", True),
        ("page=2&q=a.b", False),
        ("", False),
    ],
)
def test_a_filter_is_told_by_its_operator(query: str, found: bool) -> None:
    request = read_request(client(f"http://db/t?{query}"))
    assert request is not None
    assert request.has_filter is found


def test_an_origin_has_its_port() -> None:
    assert origin_of("https://db/rest/v1/") == ("https://db:443", "/rest/v1")
    with pytest.raises(ValueError, match="http"):
        origin_of("db:3000")
