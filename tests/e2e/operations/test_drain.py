"""The end of a fanin under load: whoever is connected is answered, and told that it is the last time."""

from __future__ import annotations

import asyncio
import os
import re
import shutil
import signal
from typing import TYPE_CHECKING

import pytest

from proxy.demo.sidecar import NO_CHECKS, Fanin
from tests.e2e.support.bursts import get
from tests.e2e.support.harness import OK, TIMEOUT, RawClient, ScriptedConnection, ScriptedUpstream, ask, fanin, until
from tests.e2e.support.load import load

if TYPE_CHECKING:
    from pathlib import Path

    from tests.conftest import Stack

CLIENTS = 32
READY = b"GET /readyz HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n"


def read_request(stack: Stack, number: int) -> bytes:
    """One of the reads of a fan-out."""
    return get(f"/creators?select=id&limit={1 + number % 50}", f"Authorization: Bearer {stack.token}")


async def exit_code_of(program: Fanin) -> int:
    """Its exit code."""
    await until(lambda: program.poll() is not None)
    return program.poll() or 0


@pytest.mark.stack
@pytest.mark.parametrize("delay", [0.0, 1.0])
async def test_under_load_sigterm_loses_no_request(stack: Stack, delay: float) -> None:
    """Each client opens a connection as soon as its last one ended: none that was accepted goes without an answer."""
    settings = {"drain.delay": str(delay), "drain.idle": "0.2", **NO_CHECKS}
    with Fanin(stack.url, settings=settings) as program:
        async with load(program.port, CLIENTS, lambda number: read_request(stack, number)) as made:
            await until(lambda: len(made.answers) > 10 * CLIENTS)
            before = made.last
            os.kill(program.pid, signal.SIGTERM)
            await until(lambda: made.refused == CLIENTS)
        assert await exit_code_of(program) == 0
    assert before == 0
    assert made.failures == []
    assert set(made.statuses) == {200}
    assert made.last >= CLIENTS


@pytest.mark.stack
@pytest.mark.skipif(shutil.which("wrk") is None, reason="there is no wrk")
async def test_under_wrk_sigterm_loses_no_request_while_connections_are_still_accepted(
    stack: Stack, tmp_path: Path
) -> None:
    """wrk opens connections until its time is over; drain.delay is longer, as a load balancer's patience should be."""
    script = tmp_path / "token.lua"
    script.write_text(f'wrk.headers["Authorization"] = "Bearer {stack.token}"\n', encoding="utf-8")
    with Fanin(stack.url, settings={"drain.delay": "4", **NO_CHECKS}) as program:
        command = ["wrk", "-t1", f"-c{CLIENTS}", "-d3s", "-s", str(script), f"{program.url}/creators?select=id&limit=1"]
        wrk = await asyncio.create_subprocess_exec(*command, stdout=asyncio.subprocess.PIPE)
        async with asyncio.timeout(TIMEOUT):
            while b" 200" not in (await ask(program.port, read_request(stack, 1))).status_line:
                pass
        os.kill(program.pid, signal.SIGTERM)
        told, _ = await wrk.communicate()
        assert program.poll() is None, "it ended before wrk did, so that this proves nothing"
        assert await exit_code_of(program) == 0
    printed = told.decode()
    assert wrk.returncode == 0
    assert int(re.search(r"(\d+) requests in", printed)[1]) > CLIENTS  # type: ignore[index]
    assert "Socket errors" not in printed
    assert "Non-2xx" not in printed


async def test_the_second_signal_ends_the_wait() -> None:
    async def silent(connection: ScriptedConnection) -> None:
        await connection.request()
        await connection.gone()

    async with ScriptedUpstream(silent) as upstream:
        with Fanin(upstream.url, settings={"mount": "/", "profile": "postgrest", "drain.delay": "3600"}) as program:
            async with RawClient(program.port) as client:
                await client.send(get("/t"))
                await upstream.until(lambda: upstream.requests)
                os.kill(program.pid, signal.SIGTERM)
                async with asyncio.timeout(TIMEOUT):
                    while (await ask(program.admin_port, READY)).status != 503:
                        pass
                os.kill(program.pid, signal.SIGTERM)
                assert await client.rest() == b""
            assert await exit_code_of(program) == 0


async def test_an_answer_that_began_before_the_end_is_followed_by_another_one_that_says_close() -> None:
    """Its head had gone out without saying that the connection ends, so the client may send once more."""
    go = asyncio.Event()

    async def slow(connection: ScriptedConnection) -> None:
        await connection.request()
        await connection.send(OK[:-1])
        await go.wait()
        await connection.send(OK[-1:])
        await connection.request()
        await connection.send(OK)

    async with (
        ScriptedUpstream(slow) as upstream,
        fanin(upstream.url, drain__timeout=TIMEOUT) as sidecar,
        RawClient(sidecar.port) as client,
    ):
        await client.send(get("/t"))
        await client.until(b"\r\n\r\n")
        assert sidecar.server is not None
        sidecar.server.draining = True
        go.set()
        assert await client.exactly(len(OK.partition(b"\r\n\r\n")[2])) == OK.partition(b"\r\n\r\n")[2]
        await client.send(get("/t"))
        answer = await client.answer()
        assert (answer.body, answer.values(b"connection")) == (b"ok", [b"close"])
        assert await client.rest() == b""


async def test_draining_finishes_what_is_in_flight_and_says_close() -> None:
    go = asyncio.Event()

    async def waits(connection: ScriptedConnection) -> None:
        await connection.request()
        await go.wait()
        await connection.send(OK)

    async with ScriptedUpstream(waits) as upstream, fanin(upstream.url, drain__timeout=TIMEOUT) as sidecar:
        async with RawClient(sidecar.port) as busy, RawClient(sidecar.port) as lazy:
            await busy.send(get("/t"))
            await upstream.until(lambda: upstream.requests)
            stopping = asyncio.create_task(sidecar.stop())
            assert await lazy.rest() == b""
            go.set()
            answer = await busy.answer()
            assert answer.body == b"ok"
            assert answer.values(b"connection") == [b"close"]
            assert await busy.rest() == b""
        await stopping


async def test_draining_cuts_what_takes_too_long() -> None:
    async def silent(connection: ScriptedConnection) -> None:
        await connection.request()
        await connection.gone()

    async with ScriptedUpstream(silent) as upstream, fanin(upstream.url, drain__timeout=0.05) as sidecar:
        async with RawClient(sidecar.port) as client:
            await client.send(get("/t"))
            await upstream.until(lambda: upstream.requests)
            await sidecar.stop()
            assert await client.rest() == b""
        await upstream.until(lambda: upstream.connections[0].closed)
