"""No input of a client or of upstream makes one turn of the event loop long: others would wait for it."""

from __future__ import annotations

import asyncio

import pytest

from tests.e2e.support.harness import OK, RawClient, ScriptedUpstream, answers, fanin
from tests.e2e.support.loop_turns import LongestTurn

MOST = 20_000
"""The most calls of functions in one turn: about 2 ms."""
GET = b"GET /t HTTP/1.1\r\nHost: h\r\n"
POST = b"POST /t HTTP/1.1\r\nHost: h\r\n"
CODED = POST + b"Transfer-Encoding: chunked\r\n\r\n"
HEAD = b"HTTP/1.1 200 OK\r\n"
COUNT = 10_000

REQUESTS = {
    "chunks of one byte": CODED + b"1\r\na\r\n" * COUNT + b"0\r\n\r\n",
    "long lines of chunks": CODED + (b"1;" + b"x" * 4000 + b"\r\na\r\n") * 50,
    "endless trailers": CODED + b"0\r\n" + b"x:\r\n" * COUNT,
    "empty lines": b"\r\n" * COUNT * 5,
    "empty lines after a request": GET + b"\r\n" + b"\r\n" * COUNT * 5,
    "as many header lines as allowed": GET + b"a:\r\n" * 999 + b"\r\n",
    "too many header lines": GET + b"a:\r\n" * 15_900 + b"\r\n",
    "pipelined requests": (GET + b"\r\n") * 500,
    **{
        f"{name.decode()} of {unit!r}": GET + name + b": " + (unit * 60_000)[:60_000] + b"\r\n\r\n"
        for name in (b"Connection", b"Transfer-Encoding", b"Upgrade", b"Prefer", b"Accept", b"Cookie", b"X", b"Range")
        for unit in (b",", b"a,", b";q=1,", b'"', b"=")
    },
    "a target of parameters": b"GET /t?" + b"a&" * 30_000 + b" HTTP/1.1\r\nHost: h\r\n\r\n",
    "a target of blanks": b"GET /" + b" " * 60_000 + b" HTTP/1.1\r\nHost: h\r\n\r\n",
}
ANSWERS = {
    "chunks of one byte": b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n"
    + b"1\r\na\r\n" * COUNT
    + b"0\r\n\r\n",
    "as many header lines as allowed": HEAD + b"a:\r\n" * 998 + b"Content-Length: 0\r\n\r\n",
    "too many header lines": HEAD + b"a:\r\n" * 40_000 + b"Content-Length: 0\r\n\r\n",
    "1xx answers": b"HTTP/1.1 103 Early Hints\r\n\r\n" * COUNT + OK,
    "a long list in Connection": HEAD + b"Connection: " + b"," * 200_000 + b"\r\nContent-Length: 0\r\n\r\n",
    "a flood of answers": OK * COUNT,
}


async def _exchange(raw: bytes, answer: bytes, turn: LongestTurn) -> None:
    changes = {"mode": "pass", "timeouts__body_idle": 0.1, "timeouts__keep_alive": 0.1, "timeouts__head": 0.1}
    async with (
        ScriptedUpstream(answers(answer)) as upstream,
        fanin(upstream.url, **changes) as sidecar,
        RawClient(sidecar.port) as client,
    ):
        with turn:
            client.writer.write(raw)
            await client.rest()


def longest(raw: bytes, answer: bytes = OK) -> int:
    """The most calls in one turn while fanin handles ``raw``, to which upstream gives ``answer``."""
    turn = LongestTurn()
    with asyncio.Runner(loop_factory=asyncio.new_event_loop) as runner:
        runner.run(_exchange(raw, answer, turn))
    return turn.calls


@pytest.mark.parametrize("raw", REQUESTS.values(), ids=list(REQUESTS))
def test_no_request_makes_a_turn_long(raw: bytes) -> None:
    assert longest(raw) <= MOST


@pytest.mark.parametrize("answer", ANSWERS.values(), ids=list(ANSWERS))
def test_no_answer_makes_a_turn_long(answer: bytes) -> None:
    assert longest(GET + b"\r\n", answer) <= MOST
