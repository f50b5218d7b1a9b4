"""Where a body ends; an ambiguous length is an error."""

from __future__ import annotations

import pytest

from proxy.errors.codes import FaultError
from proxy.http1.framing import (
    CHUNKED,
    UNTIL_CLOSE,
    canonical_request,
    canonical_response,
    request_framing,
    response_framing,
)
from proxy.http1.head import StatusLine, parse_fields


def request(block: bytes, minor: int = 1) -> int:
    return request_framing(parse_fields(block, "FANIN102"), minor)


def response(block: bytes, method: bytes = b"GET", status: int = 200, minor: int = 1) -> int:
    return response_framing(method, StatusLine(status, minor, b""), parse_fields(block, "FANIN503"))


@pytest.mark.parametrize(
    ("block", "framing"),
    [
        (b"", 0),
        (b"Host: h", 0),
        (b"Content-Length: 0", 0),
        (b"content-length:\t12 ", 12),
        (b"Content-Length: 0012", 12),
        (b"Content-Length: 999999999999999999", 999_999_999_999_999_999),
        (b"Transfer-Encoding: chunked", CHUNKED),
        (b"transfer-encoding: CHUNKED ,", CHUNKED),
    ],
)
def test_the_length_of_a_request_body(block: bytes, framing: int) -> None:
    assert request(block) == framing


@pytest.mark.parametrize(
    ("block", "code"),
    [
        (b"Content-Length: 1\r\nContent-Length: 1", "FANIN103"),
        (b"Content-Length: 1\r\ncontent-length: 2", "FANIN103"),
        (b"Content-Length: 1\r\nTransfer-Encoding: chunked", "FANIN103"),
        (b"Transfer-Encoding: chunked\r\nContent-Length: 0", "FANIN103"),
        *((b"Content-Length:" + value, "FANIN103") for value in (b"", b"+1", b"-1", b"0x1", b"1,1", b"1 1", b"1.0")),
        (b"Content-Length: \xd9\xa5", "FANIN103"),
        (b"Content-Length: 1000000000000000000", "FANIN103"),
        *(
            (b"Transfer-Encoding:" + value, "FANIN111")
            for value in (b"", b",", b"gzip", b"gzip, chunked", b"chunked, chunked", b"chunked;q=1", b"xchunked")
        ),
        (b"Transfer-Encoding: chunked\r\nTransfer-Encoding: chunked", "FANIN111"),
    ],
)
def test_a_request_body_of_ambiguous_length_is_an_error(block: bytes, code: str) -> None:
    with pytest.raises(FaultError, match=code):
        request(block)


def test_chunked_http_1_0_is_an_error() -> None:
    with pytest.raises(FaultError, match="FANIN103"):
        request(b"Transfer-Encoding: chunked", minor=0)
    with pytest.raises(FaultError, match="FANIN503"):
        response(b"Transfer-Encoding: chunked", minor=0)


@pytest.mark.parametrize(
    ("method", "status"),
    [(b"HEAD", 200), (b"HEAD", 404), (b"GET", 204), (b"GET", 304), (b"GET", 101), (b"GET", 199)],
)
@pytest.mark.parametrize("block", [b"", b"Content-Length: 5", b"Transfer-Encoding: chunked"])
def test_these_answers_never_have_a_body(method: bytes, status: int, block: bytes) -> None:
    assert response(block, method, status) == 0


def test_an_answer_ends_by_length_by_chunks_or_with_the_connection() -> None:
    assert response(b"Content-Length: 5") == 5
    assert response(b"Transfer-Encoding: Chunked") == CHUNKED
    assert response(b"X: y") == UNTIL_CLOSE
    assert response(b"", minor=0) == UNTIL_CLOSE


@pytest.mark.parametrize(
    "block",
    [
        b"Content-Length: 1\r\nContent-Length: 1",
        b"Content-Length: 1\r\nTransfer-Encoding: chunked",
        b"Transfer-Encoding: gzip, chunked",
        b"Transfer-Encoding:",
        b"Content-Length: x",
    ],
)
def test_an_answer_of_ambiguous_length_is_an_error(block: bytes) -> None:
    with pytest.raises(FaultError, match="FANIN503"):
        response(block)


# What the other side gets.


def request_lines(block: bytes) -> list[bytes]:
    fields = parse_fields(block, "FANIN102")
    return [field.line for field in canonical_request(fields, request_framing(fields, 1))]


def response_lines(block: bytes, status: int = 200) -> list[bytes]:
    return [field.line for field in canonical_response(StatusLine(status, 1, b""), parse_fields(block, "FANIN503"))]


@pytest.mark.parametrize(
    "value",
    [
        b"chunked ",
        b"chunked\t",
        b"\tchunked",
        b"Chunked",
        b"chunked,",
        b",chunked",
        b" , chunked ,, ",
        b"chunked\r\nTransfer-Encoding:",
        b"\r\ntransfer-encoding: chunked\r\nTRANSFER-ENCODING: ,",
    ],
)
def test_chunked_in_any_spelling_is_forwarded_in_one(value: bytes) -> None:
    block = b"A: b\r\nTransfer-Encoding:" + value + b"\r\nC: d"
    assert request_lines(block) == [b"A: b", b"Transfer-Encoding: chunked", b"C: d"]
    assert response_lines(block) == [b"A: b", b"Transfer-Encoding: chunked", b"C: d"]


@pytest.mark.parametrize("value", [b"12", b"012 ", b"\t12\t", b"000000000000000012"])
def test_a_length_in_any_spelling_is_forwarded_in_one(value: bytes) -> None:
    block = b"content-length:" + value + b"\r\nX: y"
    assert request_lines(block) == response_lines(block) == [b"Content-Length: 12", b"X: y"]


def test_host_and_expect_are_forwarded_in_one_spelling() -> None:
    block = b"HOST:\th\t\r\nexpect:100-Continue \r\nX: y\r\nExpect: 100-continue"
    assert request_lines(block) == [b"Host: h", b"Expect: 100-continue", b"X: y"]


@pytest.mark.parametrize("value", [b"", b"100", b"100-continue, 100-continue", b"100-continue;q=1", b"x"])
def test_another_expectation_is_an_error(value: bytes) -> None:
    with pytest.raises(FaultError, match="FANIN117"):
        request_lines(b"Expect: " + value)


def test_an_answer_without_framing_stays_as_it_is() -> None:
    fields = parse_fields(b"a:b\r\nHOST: h", "FANIN503")
    assert canonical_response(StatusLine(200, 1, b""), fields) is fields


@pytest.mark.parametrize(
    ("status", "block", "expected"),
    [
        (304, b"content-length: 05", [b"Content-Length: 5"]),
        (204, b"content-length: 0", [b"Content-Length: 0"]),
        (204, b"Content-Length: 5\r\nX: y", [b"X: y"]),
        (204, b"Transfer-Encoding: chunked\r\nX: y", [b"X: y"]),
        (103, b"Content-Length: 0\r\nX: y", [b"X: y"]),
        (100, b"Transfer-Encoding: chunked", []),
    ],
)
def test_an_answer_that_has_no_body_does_not_say_that_it_has_one(
    status: int, block: bytes, expected: list[bytes]
) -> None:
    assert response_lines(block, status) == expected


@pytest.mark.parametrize("status", [103, 200, 204, 304])
@pytest.mark.parametrize(
    "block", [b"Content-Length: 1, 1", b"Content-Length: x", b"Transfer-Encoding: gzip", b"Transfer-Encoding:"]
)
def test_malformed_framing_of_any_answer_is_an_error(block: bytes, status: int) -> None:
    with pytest.raises(FaultError, match="FANIN503"):
        response_lines(block, status)
