"""An upstream that is down, slow or malformed: clients are told in PostgREST's shape, and get no half body as whole."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING

import pytest

from proxy.errors.codes import FAULTS
from tests.e2e.support.error_codes import error_code
from tests.e2e.support.harness import (
    RawClient,
    ScriptedConnection,
    ScriptedUpstream,
    ask,
    fanin,
    free_port,
)

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable


GET = b"GET /t HTTP/1.1\r\nHost: h\r\n\r\n"


POST = b"POST /t HTTP/1.1\r\nHost: h\r\n"
SHORT, LONG = 0.1, 60.0


async def test_nothing_listens_upstream() -> None:
    async with fanin(f"http://localhost:{free_port()}") as sidecar, RawClient(sidecar.port) as client:
        for _ in range(2):  # the client's connection lives on
            await client.send(GET)
            answer = await client.answer()
            assert error_code(answer) == "FANIN501"
            assert b"127.0.0.1" not in answer.body


async def test_an_upstream_that_has_no_address() -> None:
    async with fanin("http://no-such-host.invalid") as sidecar:
        assert error_code(await ask(sidecar.port, GET)) == "FANIN501"


async def silent(connection: ScriptedConnection) -> None:
    await connection.request()
    await connection.gone()


def then_closes(data: bytes) -> Callable[[ScriptedConnection], Awaitable[None]]:
    async def script(connection: ScriptedConnection) -> None:
        await connection.request()
        await connection.send(data)

    return script


def then_resets(data: bytes) -> Callable[[ScriptedConnection], Awaitable[None]]:
    async def script(connection: ScriptedConnection) -> None:
        await connection.request()
        await connection.send(data)
        connection.abort()

    return script


def then_stalls(data: bytes) -> Callable[[ScriptedConnection], Awaitable[None]]:
    async def script(connection: ScriptedConnection) -> None:
        await connection.request()
        await connection.send(data)
        await connection.gone()

    return script


BROKEN = {
    "no answer": (silent, "FANIN504"),
    "half a head": (then_stalls(b"HTTP/1.1 200 OK\r\nConte"), "FANIN504"),
    "only 1xx": (then_stalls(b"HTTP/1.1 103 Early Hints\r\n\r\n"), "FANIN504"),
    "closes": (then_closes(b""), "FANIN502"),
    "resets": (then_resets(b""), "FANIN502"),
    "closes in the head": (then_closes(b"HTTP/1.1 200 OK\r\nConte"), "FANIN502"),
    "garbage": (then_stalls(b"SSH-2.0-OpenSSH_9.6\r\n\r\n"), "FANIN503"),
    "a bad status": (then_stalls(b"HTTP/1.1 2000 OK\r\n\r\n"), "FANIN503"),
    "a status below 100": (then_stalls(b"HTTP/1.1 099 OK\r\n\r\n"), "FANIN503"),
    "HTTP/2": (then_stalls(b"HTTP/2.0 200 OK\r\n\r\n"), "FANIN503"),
    "a folded line": (then_stalls(b"HTTP/1.1 200 OK\r\nX: a\r\n b\r\n\r\n"), "FANIN503"),
    "a bare LF in a value": (then_stalls(b"HTTP/1.1 200 OK\r\nX: a\nSet-Cookie: b\r\n\r\n"), "FANIN503"),
    "a NUL": (then_stalls(b"HTTP/1.1 200 OK\r\nX: \0\r\n\r\n"), "FANIN503"),
    "two lengths": (then_stalls(b"HTTP/1.1 200 OK\r\nContent-Length: 1\r\nContent-Length: 2\r\n\r\n"), "FANIN503"),
    "length and chunked": (
        then_stalls(b"HTTP/1.1 200 OK\r\nContent-Length: 1\r\nTransfer-Encoding: chunked\r\n\r\n"),
        "FANIN503",
    ),
    "another coding": (then_stalls(b"HTTP/1.1 200 OK\r\nTransfer-Encoding: gzip\r\n\r\n"), "FANIN503"),
    "an empty coding": (then_stalls(b"HTTP/1.1 200 OK\r\nTransfer-Encoding:\r\n\r\n"), "FANIN503"),
    "chunked in HTTP/1.0": (then_stalls(b"HTTP/1.0 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n"), "FANIN503"),
    "an endless head": (then_stalls(b"HTTP/1.1 200 OK\r\nX: " + b"x" * 600_000), "FANIN503"),
}


CASES = {
    f"{method.decode()}: {name}": (method, *case)
    for name, case in BROKEN.items()
    for method in (b"GET", b"DELETE", b"HEAD")
    if method == b"GET" or case[1] != "FANIN503"
}


@pytest.mark.parametrize(("method", "script", "expected"), CASES.values(), ids=list(CASES))
async def test_an_upstream_without_a_sound_head_is_told_in_postgrests_shape(
    method: bytes, script: Callable[[ScriptedConnection], Awaitable[None]], expected: str
) -> None:
    raw = GET.replace(b"GET", method)
    async with ScriptedUpstream(script) as upstream:
        changes = {"timeouts__upstream_head": SHORT, "timeouts__upstream_idle": LONG}
        async with fanin(upstream.url, **changes) as sidecar, RawClient(sidecar.port) as client:
            await client.send(raw)
            answer = await client.answer(method)
            if method == b"HEAD":
                assert (answer.status, answer.body) == (FAULTS[expected].status, b"")
            else:
                assert error_code(answer, method) == expected
            # Nothing of the error's body is left to be taken for the next answer.
            await client.send(raw)
            assert (await client.answer(method)).status == FAULTS[expected].status


TORN = {
    "short of its length": then_closes(b"HTTP/1.1 200 OK\r\nContent-Length: 10\r\n\r\nabc"),
    "without its last chunk": then_closes(b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nabc\r\n"),
    "with a bad chunk": then_closes(b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nabc\r\nxyz\r\n"),
    "reset": then_resets(b"HTTP/1.1 200 OK\r\nContent-Length: 10\r\n\r\nabc"),
    "stalled": then_stalls(b"HTTP/1.1 200 OK\r\nContent-Length: 10\r\n\r\nabc"),
    "stalled in a chunk": then_stalls(b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n9\r\nabc"),
}


@pytest.mark.parametrize("script", TORN.values(), ids=list(TORN))
async def test_a_body_that_breaks_off_is_never_passed_off_as_whole(
    script: Callable[[ScriptedConnection], Awaitable[None]],
) -> None:
    async with (
        ScriptedUpstream(script) as upstream,
        fanin(upstream.url, timeouts__upstream_idle=SHORT, mode="pass") as sidecar,
    ):
        try:
            answer = await ask(sidecar.port, GET)
        except AssertionError:  # cut before the first byte came through
            return
        assert not answer.complete or answer.status >= 500


async def test_an_upstream_that_takes_no_upload_is_504() -> None:
    async def deaf(connection: ScriptedConnection) -> None:
        await connection.head()
        await hold.wait()

    hold = asyncio.Event()
    body = b"x" * 20_000_000
    async with ScriptedUpstream(deaf) as upstream, fanin(upstream.url, timeouts__upstream_idle=SHORT) as sidecar:
        async with RawClient(sidecar.port) as client:
            client.writer.write(POST + b"Content-Length: %d\r\n\r\n" % len(body) + body)
            assert error_code(await client.answer()) == "FANIN504"
        hold.set()
