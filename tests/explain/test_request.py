"""The command line contains a request line, a path or a URL; for anything else an error says what to do."""

from __future__ import annotations

import pytest

from proxy.explain.request import RequestError, looks_like_request, read_columns, read_request
from tests.explain.factories import explained


def test_a_request_is_a_line_a_path_or_a_url() -> None:
    forms = (
        *("GET /t?id=eq.1", "GET /t?id=eq.1 HTTP/1.1", "/t?id=eq.1", "http://h:8000/t?id=eq.1"),
        *("GET https://h/t?id=eq.1#part", " GET  /t?id=eq.1 "),
    )
    for words in forms:
        request = read_request(words, [])
        assert (request.method, request.target, request.minor) == (b"GET", b"/t?id=eq.1", 1)
    assert read_request("http://h", []).target == b"/"
    assert read_request("http://h?a=eq.1", []).target == b"/?a=eq.1"
    assert read_request("DELETE /t HTTP/1.0", []).minor == 0


@pytest.mark.parametrize(
    ("words", "headers", "said"),
    [
        ("GET /t?a=eq.b c", (), "write it as %20"),
        ("GET t", (), "neither a path nor a URL"),
        ("ftp://h/t", (), "neither a path nor a URL"),
        ("G(T /t", (), "METHOD SP TARGET"),
        ("GET /t\x1b[31m", (), "METHOD SP TARGET"),
        ("GET /t HTTP/3", (), "METHOD SP TARGET"),
        ("/t", ("nonsense",), "-H 'Name: value'"),
        ("/t", ("",), "-H 'Name: value'"),
        ("/t", ("A: b\r\nC: d",), "-H 'Name: value'"),
        ("/t", ("Connection: cookie",), "hop-by-hop"),
        ("/t", ("Host: a", "Host: b"), "exactly one Host"),
    ],
)
def test_an_invalid_request_is_an_error_that_says_what_to_do(words: str, headers: tuple[str, ...], said: str) -> None:
    with pytest.raises(RequestError, match=said.replace("(", r"\(")):
        explained(words, *headers)


@pytest.mark.parametrize("assignment", ["id", "=text", "id=", "id= unique"])
def test_a_type_is_column_equals_type(assignment: str) -> None:
    with pytest.raises(RequestError, match="COLUMN=TYPE"):
        read_columns([assignment], certain=False)


def test_types_may_have_their_short_names() -> None:
    columns = read_columns(["id=int unique", "k=varchar(20)", "d->>x=y"], certain=True)
    assert (columns[b"id"].type, columns[b"id"].unique, columns[b"id"].deterministic) == ("integer", True, True)
    assert (columns[b"k"].type, columns[b"k"].unique) == ("character varying", False)


@pytest.mark.parametrize(
    ("words", "is_request"), [("GET /t", True), ("http://h", True), ("/t", True), ("limit", False)]
)
def test_words_with_a_space_or_a_slash_are_a_request(words: str, is_request: bool) -> None:
    assert looks_like_request(words) is is_request
