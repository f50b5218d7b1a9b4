"""Where a body ends; an ambiguous length is an error."""

from __future__ import annotations

import pytest

from proxy.errors.codes import FaultError
from proxy.http1.framing import CHUNKED, UNTIL_CLOSE, request_framing, response_framing
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
