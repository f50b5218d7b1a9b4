"""How PostgREST's own server reads requests: the real one is asked what the reader of the tests says of it."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from tests.e2e.support.harness import RawClient
from tests.e2e.support.request_readers import UnreadableError, read_as_postgrest

if TYPE_CHECKING:
    from tests.conftest import Stack

pytestmark = pytest.mark.stack

CALL = b"POST /rpc/nope HTTP/1.1\r\nHost: h\r\nContent-Type: application/json\r\n"
NEXT = b"GET /nothing?next HTTP/1.1\r\nHost: h\r\nConnection: close\r\n\r\n"


def coded(value: bytes) -> bytes:
    return CALL + b"Transfer-Encoding:" + value + b"\r\n\r\n2\r\n{}\r\n0\r\n\r\n"


def sized(value: bytes, body: bytes = b"{}") -> bytes:
    return CALL + b"Content-Length:" + value + b"\r\n\r\n" + body


def chunks(stream: bytes) -> bytes:
    return CALL + b"Transfer-Encoding: chunked\r\n\r\n" + stream


READS = {
    **{f"coding {value!r}": coded(value) for value in (b"chunked", b" Chunked", b"\tchunked", b" chunked\t")},
    **{f"coding {value!r}": coded(value) for value in (b" chunked ", b" chunked,", b" ,chunked", b" x, chunked")},
    "a second line without a coding": coded(b" chunked\r\nTransfer-Encoding:"),
    "a first line without a coding": coded(b"\r\nTransfer-Encoding: chunked"),
    **{f"length {value!r}": sized(value) for value in (b"2", b" 2 ", b" 02", b" 2, 2", b" 2 2")},
    **{f"length {value!r}": sized(value, b"") for value in (b" +2", b" 0x2", b" -2", b"", b" 0")},
    "two lengths": sized(b" 9\r\nContent-Length: 2"),
    "a length and a coding": sized(b" 9\r\nTransfer-Encoding: chunked", b"2\r\n{}\r\n0\r\n\r\n"),
    "a blank before the colon": CALL + b"Content-Length : 2\r\n\r\n",
    "no colon": CALL + b"nonsense\r\nContent-Length: 2\r\n\r\n{}",
    "a bare LF": b"GET /nothing HTTP/1.1\nHost: h\n\n",
    "a bare CR in a value": CALL + b"X: a\rContent-Length: 2\r\n\r\n",
    "a blank after a chunk's size": chunks(b"2 \r\n{}\r\n0\r\n\r\n"),
    "a bare LF after a chunk's size": chunks(b"2\n{}\r\n0\r\n\r\n"),
    "an extension": chunks(b"2;x=y\r\n{}\r\n0\r\n\r\n"),
    "a trailer": chunks(b"2\r\n{}\r\n0\r\nX: y\r\n\r\n"),
    "no chunk": chunks(b"0\r\n\r\n"),
    "a body of a GET": b"GET /nothing HTTP/1.1\r\nHost: h\r\nContent-Length: 2\r\n\r\n{}",
    "empty lines before it": b"\r\n\r\n",
}


def is_next_read(stream: bytes) -> bool:
    """Whether the reader of the tests finds ``NEXT`` as a request of its own at the end."""
    try:
        return read_as_postgrest(stream)[-1].target == b"/nothing?next"
    except UnreadableError as error:
        return any(request.target == b"/nothing?next" for request in error.before)


@pytest.mark.parametrize("raw", READS.values(), ids=list(READS))
async def test_the_reader_finds_the_next_request_where_postgrest_answers_it(stack: Stack, raw: bytes) -> None:
    async with RawClient(stack.url) as client:
        await client.send(raw + NEXT)
        client.finish()
        answers = await client.rest()
    statuses = [answers[at + 9 : at + 12] for at in range(len(answers)) if answers.startswith(b"HTTP/1.1 ", at)]
    assert (len(statuses) == 2 and statuses[1] == b"404") is is_next_read(raw + NEXT), statuses
