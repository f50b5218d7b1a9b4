"""AnswerHeadReader: a head that was read before is read again with the same result."""

from __future__ import annotations

import pytest

from proxy.errors.codes import FaultError
from proxy.http1.answer_head import MAX_AROUND_BYTES, MAX_LINES, AnswerHeadReader
from proxy.http1.framing import CHUNKED, canonical_response, response_framing
from proxy.http1.head import parse_fields, parse_status_line

DATE, LENGTH, CODED = b"Date: today", b"Content-Length: 12", b"Transfer-Encoding: chunked"
LINES = [
    [DATE, LENGTH],
    [CODED, DATE],
    [DATE],
    [],
    [b"content-length: 12", DATE],
    [b"Content-Length:12", DATE],
    [b"Content-Length: 012"],
    [b"Content-Length: 0"],
    [b"Content-Length: "],
    [b"Content-Length: +1"],
    [b"Content-Length: 1234567890123456789"],
    [LENGTH, LENGTH],
    [LENGTH, CODED],
    [b"Transfer-Encoding: Chunked"],
    [b"Transfer-Encoding: chunked "],
    [b"Transfer-Encoding: gzip, chunked"],
    [LENGTH, b"Connection: close"],
    [LENGTH, b"Keep-Alive: timeout=5"],
    [b"Content-Location: /t?id=eq.1", LENGTH],
    [b"bad line", LENGTH],
    [b"name : value", LENGTH],
    [b"Value: \0", LENGTH],
]
FIRST = [
    b"HTTP/1.1 200 OK",
    b"HTTP/1.0 200 OK",
    b"HTTP/1.1 204 No Content",
    b"HTTP/1.1 304 ",
    b"HTTP/1.1 101 Switching",
]


def expected(method: bytes, first: bytes, lines: list[bytes]) -> object:
    try:
        line, fields = parse_status_line(first), parse_fields(b"\r\n".join(lines), "FANIN503")
        return line, response_framing(method, line, fields), canonical_response(line, fields)
    except FaultError as error:
        return error.fault.code


def read(reader: AnswerHeadReader, method: bytes, first: bytes, lines: list[bytes]) -> object:
    try:
        head = reader.read(method, b"\r\n".join([first, *lines]))
    except FaultError as error:
        return error.fault.code
    if head.as_received:
        assert head.as_received == b"\r\n".join([head.line.line, *[field.line for field in head.fields]])
    return head.line, head.framing, head.fields


@pytest.mark.parametrize("method", [b"GET", b"HEAD"])
@pytest.mark.parametrize("first", FIRST)
@pytest.mark.parametrize("lines", LINES)
def test_a_remembered_line_is_read_as_a_new_one(method: bytes, first: bytes, lines: list[bytes]) -> None:
    reader = AnswerHeadReader()
    for _ in range(2):
        assert read(reader, method, first, lines) == expected(method, first, lines)


@pytest.mark.parametrize(
    ("lines", "as_received"),
    [
        ([DATE, LENGTH], True),
        ([DATE, CODED], True),
        ([DATE], False),
        ([LENGTH, b"Connection: close"], False),
        ([LENGTH, b"Keep-Alive: 5"], False),
        ([b"content-length: 12"], False),
    ],
)
def test_only_a_head_of_which_nothing_is_rewritten_or_removed_is_given_on_as_it_is(
    lines: list[bytes], as_received: bool
) -> None:
    block = b"\r\n".join([FIRST[0], *lines])
    assert AnswerHeadReader().read(b"GET", block).as_received == (block if as_received else b"")


@pytest.mark.parametrize("name", [b"Content-Location: ", b"Content-Location:", b"content-location: "])
@pytest.mark.parametrize("values", [[b"/t?id=eq.1", b"/t?id=eq.2"], [b"/t", b"/t?\0"], [b"", b" a "]])
@pytest.mark.parametrize("lines", LINES)
def test_a_head_with_another_location_is_read_as_a_new_one(
    lines: list[bytes], values: list[bytes], name: bytes
) -> None:
    reader = AnswerHeadReader()
    for first in FIRST[:3]:
        for at in range(len(lines) + 1):
            for value in (*values, *values):
                located = [*lines[:at], name + value, *lines[at:]]
                assert read(reader, b"GET", first, located) == expected(b"GET", first, located)
    assert "id=eq" not in repr(reader._around)


def test_a_bounded_number_of_heads_is_remembered() -> None:
    reader = AnswerHeadReader()
    for number in range(3 * MAX_LINES):
        reader.read(b"GET", b"HTTP/1.1 200 OK\r\nContent-Location: /\r\nContent-Length: %d" % number)
        assert 0 < len(reader._around) <= MAX_LINES
    reader = AnswerHeadReader()
    reader.read(b"GET", b"HTTP/1.1 200 OK\r\nContent-Location: /\r\nContent-Length: 1\r\nX: " + b"x" * MAX_AROUND_BYTES)
    assert not reader._around


def test_a_bounded_number_of_lines_is_remembered() -> None:
    reader = AnswerHeadReader()
    for number in range(3 * MAX_LINES):
        head = reader.read(b"GET", b"HTTP/1.1 200 %d\r\nX-N: %d\r\nTransfer-Encoding: chunked" % (number, number))
        assert head.framing == CHUNKED
    assert len(reader._fields) <= MAX_LINES >= len(reader._status_lines)


def test_a_line_with_the_literals_of_a_request_is_not_remembered() -> None:
    reader = AnswerHeadReader()
    reader.read(b"GET", b"HTTP/1.1 200 OK\r\nContent-Location: /t?id=eq.1\r\nContent-Length: 2")
    assert list(reader._fields) == [b"Content-Length: 2"]
