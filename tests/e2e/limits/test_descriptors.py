"""File descriptors run out: it is said, counted, told to clients, and over when there are some again."""

from __future__ import annotations

import asyncio
import json
import signal
import sys
from contextlib import AsyncExitStack, asynccontextmanager
from pathlib import Path
from typing import TYPE_CHECKING

from proxy.demo.server import free_port
from tests.e2e.support.harness import OK, RawClient, ScriptedConnection, ScriptedUpstream, answers, ask

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

TIMEOUT = 60.0  # seconds
READ = b"GET /t?id=eq.1 HTTP/1.1\r\nHost: h\r\n\r\n"
LIVE = b"GET /livez HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n"
READY = LIVE.replace(b"/livez", b"/readyz")
SCRAPE = LIVE.replace(b"/livez", b"/metrics")


class Limited:
    """A fanin that may open few file descriptors, and its log."""

    def __init__(self, process: asyncio.subprocess.Process, port: int, admin: int) -> None:
        self.process = process
        self.port = port
        self.admin = admin
        self.log: list[dict[str, object]] = []

    async def read_log(self) -> None:
        assert self.process.stderr is not None
        while line := await self.process.stderr.readline():
            self.log.append(json.loads(line))

    async def logged(self, text: str) -> dict[str, object]:
        async with asyncio.timeout(TIMEOUT):
            while True:
                for line in self.log:
                    if text in str(line["message"]):
                        return line
                await asyncio.sleep(0.01)

    async def metric(self, name: str) -> float:
        text = (await ask(self.admin, SCRAPE)).body.decode()
        return sum(float(line.rsplit(" ", 1)[1]) for line in text.splitlines() if line.startswith(name))

    async def ready(self) -> None:
        async with asyncio.timeout(TIMEOUT):
            while (await ask(self.admin, READY)).status != 200:  # noqa: ASYNC110 – a probe
                await asyncio.sleep(0.05)


@asynccontextmanager
async def limited_fanin(upstream: str, descriptors: int, *flags: str) -> AsyncIterator[Limited]:
    port, admin = free_port(), free_port()
    fanin = Path(sys.executable).with_name("fanin")
    flags = ("--mount", "/", "--profile", "postgrest", "--set", "drain.idle=0", *flags)
    listen = ("--listen", f"127.0.0.1:{port}", "--admin", f"127.0.0.1:{admin}")
    process = await asyncio.create_subprocess_exec(
        *("sh", "-c", f'ulimit -n {descriptors}; exec "$@"', "sh"),
        *(str(fanin), "serve", "--upstream", upstream, *listen, *flags),
        stderr=asyncio.subprocess.PIPE,
    )
    made = Limited(process, port, admin)
    reading = asyncio.create_task(made.read_log())
    try:
        await made.logged(f"admin port {admin}")
        yield made
        process.send_signal(signal.SIGTERM)
        assert await asyncio.wait_for(process.wait(), TIMEOUT) == 0
    finally:
        if process.returncode is None:
            process.kill()
            await process.wait()
        await reading


async def test_too_few_descriptors_are_said_at_start_and_when_none_is_left() -> None:
    async def slow(connection: ScriptedConnection) -> None:
        while await connection.request() is not None:
            await asyncio.sleep(0.2)
            await connection.send(OK)

    async with ScriptedUpstream(slow) as upstream, limited_fanin(upstream.url, 64, "--mode", "pass") as fanin:
        warning = await fanin.logged("the process may open 64 file descriptors")
        assert "ulimit -n" in str(warning["remedy"])
        seen = await asyncio.gather(*(codes_of_a_client(fanin.port) for _ in range(80)))
        codes = [code for client in seen for code in client]
        assert "FANIN509" in codes, "clients get the true cause"
        assert not any(code.startswith("FANIN501") for code in codes)
        line = await fanin.logged("no file descriptor is left")
        assert line["level"] == "warning"
        assert await fanin.metric("fanin_descriptors_exhausted_total") > 0
        assert await fanin.metric('fanin_faults_total{code="FANIN509"}') > 0
        await fanin.ready()
        assert (await ask(fanin.port, READ.replace(b"\r\n\r\n", b"\r\nConnection: close\r\n\r\n"))).status == 200
        said = [line for line in fanin.log if "no file descriptor is left" in str(line["message"])]
        assert len(said) == 1


async def codes_of_a_client(port: int) -> list[str]:
    """Codes of fanin's errors in some answers on one connection; empty if it was closed."""
    found = []
    try:
        async with RawClient(port) as client:
            for _ in range(5):
                await client.send(READ)
                answer = await client.answer()
                if answer.status != 200:
                    found.append(str(json.loads(answer.body)["code"]))
    except (OSError, AssertionError):
        pass
    return found


async def test_silent_connections_to_the_admin_port_leave_the_data_port_its_descriptors() -> None:
    async with (
        ScriptedUpstream(answers(OK)) as upstream,
        limited_fanin(upstream.url, 128, "--mode", "pass") as fanin,
        AsyncExitStack() as stack,
    ):
        for _ in range(300):
            try:
                await stack.enter_async_context(RawClient(fanin.admin))
            except OSError:
                continue
        for _ in range(20):
            client = await stack.enter_async_context(RawClient(fanin.port))
            await client.send(READ)
            assert (await client.answer()).status == 200
        assert (await ask(fanin.admin, LIVE)).status == 200
        assert await fanin.metric("fanin_admin_connections ") <= 128 // 16
        assert await fanin.metric("fanin_descriptors_exhausted_total") == 0


async def test_probes_are_answered_while_clients_have_all_descriptors() -> None:
    async with (
        ScriptedUpstream(answers(OK)) as upstream,
        limited_fanin(upstream.url, 64, "--mode", "pass") as fanin,
        AsyncExitStack() as stack,
    ):
        for _ in range(100):
            await stack.enter_async_context(RawClient(fanin.port))
        await fanin.logged("no file descriptor is left")
        for _ in range(10):
            assert (await ask(fanin.admin, LIVE)).status == 200
            assert (await ask(fanin.admin, READY)).status == 503
