"""Heads are parsed without changing a byte, or are an error."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from proxy.errors.codes import FaultError
from proxy.http1.head import (
    MAX_ELEMENTS,
    UNREAD,
    first_value,
    has_bare_lf,
    parse_fields,
    parse_request_line,
    parse_status_line,
    tokens,
)

TOKEN = b"!#$%&'*+-.^_`|~0123456789abcxyzABCXYZ"


def error_of(code: str) -> pytest.RaisesExc[FaultError]:
    return pytest.raises(FaultError, match=code)


@pytest.mark.parametrize("method", [b"GET", b"get", b"M-SEARCH", b"X", TOKEN])
@pytest.mark.parametrize("target", [b"/", b"*", b"http://h/x", b'/\xff\xc3\xa9?a=%zz#f"<>\\^`{|}', b"/t?"])
@pytest.mark.parametrize(("version", "minor"), [(b"HTTP/1.1", 1), (b"HTTP/1.0", 0)])
def test_any_method_and_any_target_stay_unchanged(method: bytes, target: bytes, version: bytes, minor: int) -> None:
    line = parse_request_line(b" ".join((method, target, version)))
    assert (line.method, line.target, line.minor) == (method, target, minor)


@pytest.mark.parametrize(
    "line",
    [
        b"",
        b"GET",
        b"GET /",
        b"GET  / HTTP/1.1",
        b" GET / HTTP/1.1",
        b"GET / HTTP/1.1 ",
        b"GET /a b HTTP/1.1",
        b"G\x00T / HTTP/1.1",
        b"G:T / HTTP/1.1",
        b"GET /\x00 HTTP/1.1",
        b"GET /\t HTTP/1.1",
        b"GET /\x7f HTTP/1.1",
        b"GET /\r HTTP/1.1",
        b"GET /\n HTTP/1.1",
        b"GET / http/1.1",
        b"GET / HTTP/1.11",
        b"GET / HTTPS/1.1",
    ],
)
def test_an_invalid_request_line_is_an_error(line: bytes) -> None:
    with error_of("FANIN101"):
        parse_request_line(line)


@pytest.mark.parametrize("version", [b"HTTP/2.0", b"HTTP/0.9", b"HTTP/1.2", b"HTTP/3.0"])
def test_an_unsupported_version_is_another_error_than_an_invalid_one(version: bytes) -> None:
    with error_of("FANIN110"):
        parse_request_line(b"GET / " + version)


@pytest.mark.parametrize("line", [b"HTTP/1.1 200 OK", b"HTTP/1.1 200 ", b"HTTP/1.1 200", b"HTTP/1.0 999 \xe9 x  y "])
def test_a_status_line_keeps_its_reason_phrase_unchanged(line: bytes) -> None:
    parsed = parse_status_line(line)
    assert parsed.line == line
    assert parsed.status == int(line[9:12])
    assert parsed.minor == int(line[7:8])


@pytest.mark.parametrize(
    "line",
    [
        b"",
        b"HTTP/1.1",
        b"HTTP/1.1 20",
        b"HTTP/1.1 2000",
        b"HTTP/1.1 20x",
        b"HTTP/1.1 099 x",
        b"HTTP/1.1  200 OK",
        b"HTTP/2 200 OK",
        b"HTTP/1.1 200 O\nK",
        b"HTTP/1.1 200 O\x00K",
        b"HTTP/1.1 200 O\rK",
        b"ICY 200 OK",
        "HTTP/1.1 ٢٠٠ OK".encode(),
    ],
)
def test_an_invalid_status_line_is_an_error(line: bytes) -> None:
    with error_of("FANIN503"):
        parse_status_line(line)


def test_fields_have_their_name_value_and_unchanged_line() -> None:
    block = b"Host: h\r\nX-a:\t b \t\r\nx-A:\r\nX-N: \xff\xc3\xa9"
    fields = parse_fields(block, "FANIN102")
    assert b"\r\n".join(field.line for field in fields) == block
    assert [field.name for field in fields] == [b"host", b"x-a", b"x-a", b"x-n"]
    assert [field.value for field in fields] == [b"h", b"b", b"", b"\xff\xc3\xa9"]
    assert first_value(fields, b"x-a") == b"b"
    assert first_value(fields, b"none") is None


@pytest.mark.parametrize(
    "block",
    [
        b"x",
        b": v",
        b"a b: v",
        b"a : v",
        b"a\t: v",
        b" a: v",
        b"a: v\r\n folded",
        b"a: v\r\n\tfolded",
        b"a: v\r\n",
        b"a: \x00",
        b"a: b\rc: d",
        b"a: b\nc: d",
        b"a: \x0bv",
        b"a: \x7f",
        b"\xe9: v",
        b"a\x00: v",
        b"(a): v",
        b"a: v\r\n\r\nb: v",
    ],
)
def test_a_line_that_servers_could_read_differently_is_an_error(block: bytes) -> None:
    with error_of("FANIN102"):
        parse_fields(block, "FANIN102")


@given(st.binary(max_size=60))
def test_every_block_is_an_error_or_kept_completely(block: bytes) -> None:
    try:
        fields = parse_fields(block, "FANIN102")
    except FaultError:
        return
    assert b"\r\n".join(field.line for field in fields) == block
    assert all(b"\n" not in field.line and b"\r" not in field.line and b"\0" not in field.line for field in fields)


def test_list_headers_are_read_over_all_their_lines() -> None:
    fields = parse_fields(b"Connection: Close,, ,\tTE\r\nX: y\r\nconnection: Upgrade", "FANIN102")
    assert tokens(fields, b"connection") == [b"close", b"te", b"upgrade"]


@pytest.mark.parametrize("block", [b"A: " + b"b," * 200 + b"close", b"A: b,b\r\nA:,,,\r\n" * 50 + b"A: close"])
def test_the_end_of_a_long_list_is_not_read_and_that_shows(block: bytes) -> None:
    found = tokens(parse_fields(block, "FANIN102"), b"a")
    assert found[-1] == UNREAD
    assert len(found) <= MAX_ELEMENTS + 1


@pytest.mark.parametrize(
    ("text", "start", "bare"),
    [
        (b"", 0, False),
        (b"a\r\nb", 0, False),
        (b"a\nb", 0, True),
        (b"\n", 0, True),
        (b"a\r\n\nb", 0, True),
        (b"a\r\nb", 2, False),
        (b"a\n\r\nb", 2, False),
        (b"a\r\nb\n", 3, True),
    ],
)
def test_a_bare_lf_is_found_from_an_index_on(text: bytes, start: int, bare: bool) -> None:
    assert has_bare_lf(bytearray(text), start) is bare
