"""After any answer of upstream, however wrong, the next requests of other identities get their own answers."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING

import pytest

from tests.e2e.support.harness import RawClient, ScriptedConnection, ScriptedUpstream, fanin
from tests.e2e.support.hostile_answers import ANSWERS, Hostile

if TYPE_CHECKING:
    from proxy.sidecar.sidecar import Sidecar
    from tests.e2e.support.harness import RawAnswer

METHODS = (b"GET", b"POST", b"HEAD")
KINDS = 60
"""The least number of kinds."""
SHORT, LONG = 0.05, 600.0
"""Seconds that fanin waits for hostile answers, some of which never end, and for the others."""
IDENTITIES = 3


def own_body(identity: bytes, method: bytes) -> bytes:
    return b"own of " + identity + b" by " + method


async def script(connection: ScriptedConnection) -> None:
    """Answer each request with what belongs to its token; but with a hostile answer if its path names one."""
    names = list(ANSWERS)
    while (request := await connection.request()) is not None:
        method, target, _ = request.split(b" ", 2)
        if target.startswith(b"/hostile"):
            if await _play(connection, ANSWERS[names[int(target[8:])]]):
                return
            continue
        identity = request.partition(b"Authorization: ")[2].partition(b"\r\n")[0]
        body = own_body(identity, method)
        answer = b"HTTP/1.1 200 OK\r\nX-Own: %b\r\nContent-Length: %d\r\n\r\n" % (identity, len(body))
        await connection.send(answer + (b"" if method == b"HEAD" else body))


async def _play(connection: ScriptedConnection, hostile: Hostile) -> bool:
    """Send a hostile answer. Returns whether the connection ends with it."""
    for piece in hostile.pieces:
        await connection.send(piece)
        await asyncio.sleep(0)
    if hostile.then == "reset":
        connection.abort()
    return hostile.then != "stay"


def request(method: bytes, path: bytes, identity: bytes) -> bytes:
    body = b"Content-Length: 3\r\n\r\nabc" if method == b"POST" else b"\r\n"
    return method + b" " + path + b" HTTP/1.1\r\nHost: h\r\nAuthorization: " + identity + b"\r\n" + body


async def assert_own(client: RawClient, method: bytes, identity: bytes) -> None:
    await client.send(request(method, b"/own", identity))
    answer = await client.answer(method)
    assert (answer.status, answer.values(b"x-own")) == (200, [identity])
    assert answer.body == (b"" if method == b"HEAD" else own_body(identity, method))


def assert_sound(answer: RawAnswer) -> None:
    """Nothing that belongs to no answer is in it, and what breaks off does not look whole."""
    assert b"foreign" not in answer.body or not (answer.complete and answer.values(b"content-length"))
    assert len(answer.values(b"content-length")) + len(answer.values(b"transfer-encoding")) <= 1


def test_the_kinds_are_many() -> None:
    assert len(ANSWERS) >= KINDS


@pytest.mark.parametrize("mode", ["pass", "rewrite"])
@pytest.mark.parametrize("method", METHODS)
async def test_after_every_hostile_answer_others_get_their_own(method: bytes, mode: str) -> None:
    async with ScriptedUpstream(script) as upstream, fanin(upstream.url, mode=mode) as sidecar:
        for number in range(len(ANSWERS)):
            _wait_for_upstream(sidecar, SHORT)
            sidecar.upstream._reuse_from = 0.0  # else one faulty answer would keep all later ones from doing harm
            async with RawClient(sidecar.port) as client:
                await client.send(request(method, b"/hostile%d" % number, b"victim"))
                closes = await _read(client, method)
                _wait_for_upstream(sidecar, LONG)
                for other in range(IDENTITIES):
                    async with RawClient(sidecar.port) as innocent:
                        for again in METHODS:
                            await assert_own(innocent, again, b"innocent-%d-%d" % (number, other))
                if not closes:
                    await assert_own(client, method, b"victim")


def _wait_for_upstream(sidecar: Sidecar, seconds: float) -> None:
    """Of the next calls."""
    timeouts = sidecar.settings.timeouts
    sidecar.upstream.apply_timeouts(timeouts.model_copy(update={"upstream_head": seconds, "upstream_idle": seconds}))


async def _read(client: RawClient, method: bytes) -> bool:
    """Read the answer to a request that upstream answered wrong. Returns whether its connection ends with it."""
    try:
        answer = await client.answer(method)
    except AssertionError:  # closed before a byte of an answer
        return True
    assert_sound(answer)
    return not answer.complete or bool(answer.values(b"connection")) or client.reader.at_eof()
