"""UpstreamAnswer: after which answers a connection can carry another call."""

from __future__ import annotations

from typing import TYPE_CHECKING, cast

import pytest

from proxy.http1.answer_head import AnswerHead
from proxy.http1.framing import canonical_response, response_framing
from proxy.http1.head import StatusLine, parse_fields
from proxy.transport.connection import Body, Connection
from proxy.upstream.messages import UpstreamAnswer
from tests.transport.fake_connection import FakeTransport

if TYPE_CHECKING:
    from proxy.upstream.connection import UpstreamConnection


def answer(lines: str, body: bytes = b"", status: int = 200, minor: int = 1) -> UpstreamAnswer:
    connection = Connection()
    FakeTransport(connection)
    connection.data_received(body)
    line = StatusLine(status, minor, b"")
    fields = parse_fields("\r\n".join(lines.split("\n")).encode() if lines else b"", "FANIN503")
    framed = Body(connection, response_framing(b"GET", line, fields), 20.0, "FANIN503")
    head = AnswerHead(line, canonical_response(line, fields), framed.framing)
    made = UpstreamAnswer(cast("UpstreamConnection", connection), head, framed)
    framed.ready()
    return made


@pytest.mark.parametrize(
    ("head", "body", "status", "minor", "reusable"),
    [
        ("Content-Length: 2", b"ok", 200, 1, True),
        ("Content-Length: 3", b"ok", 200, 1, False),
        ("Content-Length: 2\nConnection: keep-alive", b"ok", 200, 1, True),
        ("Content-Length: 2\nConnection: x, Close", b"ok", 200, 1, False),
        ("Content-Length: 2\nConnection: " + "x," * 200 + "close", b"ok", 200, 1, False),
        ("Content-Length: 2", b"ok", 200, 0, False),
        ("", b"until the close", 200, 1, False),
        ("", b"", 204, 1, True),
        ("Content-Length: 0", b"", 204, 1, True),
        ("", b"", 304, 1, True),
        ("Content-Length: 5", b"", 304, 1, False),
        ("Transfer-Encoding: chunked", b"", 304, 1, False),
    ],
)
async def test_a_connection_is_reused_only_if_the_end_of_the_answer_is_certain(
    head: str, body: bytes, status: int, minor: int, reusable: bool
) -> None:
    assert answer(head, body, status, minor).reusable is reusable


@pytest.mark.parametrize(("limit", "body"), [(2, None), (3, b"abc")])
async def test_a_body_is_read_whole_or_not_at_all(limit: int, body: bytes | None) -> None:
    connection = Connection()
    FakeTransport(connection)
    connection.data_received(b"abc")
    framed = Body(connection, 3, 20.0, "FANIN503")
    read = UpstreamAnswer(cast("UpstreamConnection", connection), AnswerHead(StatusLine(200, 1, b""), (), 3), framed)
    assert await read.read(limit) == body
