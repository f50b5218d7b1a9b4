"""Output that nobody reads stops nothing: the data port, the admin port and SIGTERM work with full pipes."""

from __future__ import annotations

import asyncio
import json
import os
import signal
import sys
from contextlib import asynccontextmanager
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from proxy.demo.server import free_port
from tests.e2e.support.harness import OK, ScriptedUpstream, answers, ask

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

TIMEOUT = 60.0  # seconds
READ = b"GET /t?id=eq.1 HTTP/1.1\r\nHost: h\r\nX-Fanin-Trace: %d\r\nConnection: close\r\n\r\n"
LIVE = b"GET /livez HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n"
SCRAPE = b"GET /metrics HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n"
ACCESS, SMALL = "--set=log.access=true", "--set=log.queue=10000"
QUIET = {"trace.quiet_explicit": "0.001", "log.traces": "100000", "shadow.share": "0", "drain.idle": "0"}


class Unread:
    """A fanin whose stdout and stderr are a pipe that is full when it starts, and that nobody reads."""

    def __init__(self, process: asyncio.subprocess.Process, port: int, admin: int, pipe: int) -> None:
        self.process = process
        self.port = port
        self.admin = admin
        self._pipe = pipe

    async def metric(self, name: str) -> float:
        text = (await ask(self.admin, SCRAPE)).body.decode()
        return sum(float(line.rsplit(" ", 1)[1]) for line in text.splitlines() if line.startswith(name))

    async def read_until(self, mark: str) -> str:
        """Read its output from now on, until ``mark`` is in it."""
        got = ""
        async with asyncio.timeout(TIMEOUT):
            while mark not in got:
                got += (await asyncio.to_thread(os.read, self._pipe, 65_536)).decode()
        return got


@asynccontextmanager
async def unread_fanin(upstream: str, *flags: str) -> AsyncIterator[Unread]:
    port, admin = free_port(), free_port()
    read_end, write_end = os.pipe()
    os.set_blocking(write_end, False)
    fill(write_end)
    os.set_blocking(write_end, True)
    arguments = ["--upstream", upstream, "--listen", f"127.0.0.1:{port}", "--admin", f"127.0.0.1:{admin}"]
    arguments += ["--mount", "/", "--profile", "postgrest", *flags]
    for name, value in QUIET.items():
        arguments += ["--set", f"{name}={value}"]
    fanin = str(Path(sys.executable).with_name("fanin"))
    process = await asyncio.create_subprocess_exec(fanin, "serve", *arguments, stdout=write_end, stderr=write_end)
    os.close(write_end)
    try:
        made = Unread(process, port, admin, read_end)
        await answering(made)
        yield made
    finally:
        if process.returncode is None:
            process.kill()
        await process.wait()
        os.close(read_end)


def fill(pipe: int) -> None:
    try:
        while True:
            os.write(pipe, b"." * 4096)
    except BlockingIOError:
        return


async def answering(fanin: Unread) -> None:
    """Wait until the admin port answers."""
    async with asyncio.timeout(TIMEOUT):
        while True:
            try:
                assert (await ask(fanin.admin, LIVE)).status == 200
            except OSError:
                await asyncio.sleep(0.02)
            else:
                return


@pytest.mark.parametrize("flag", ["--debug", ACCESS])
async def test_full_pipes_stop_neither_requests_nor_health_nor_the_end(flag: str) -> None:
    async with ScriptedUpstream(answers(OK)) as upstream, unread_fanin(upstream.url, flag, SMALL) as fanin:
        for number in range(200):
            assert (await ask(fanin.port, READ % number)).status == 200
        assert (await ask(fanin.admin, LIVE)).status == 200
        async with asyncio.timeout(TIMEOUT):
            while not await fanin.metric("fanin_output_lines_dropped_total"):
                found = await asyncio.gather(*[ask(fanin.port, READ % number) for number in range(40)])
                assert {answer.status for answer in found} == {200}
        assert await fanin.metric("fanin_output_waiting_bytes") <= 20_000
        fanin.process.send_signal(signal.SIGTERM)
        assert await asyncio.wait_for(fanin.process.wait(), TIMEOUT) == 0


async def test_dropped_lines_are_told_when_somebody_reads_again() -> None:
    async with ScriptedUpstream(answers(OK)) as upstream, unread_fanin(upstream.url, ACCESS, SMALL) as fanin:
        async with asyncio.timeout(TIMEOUT):
            while not await fanin.metric("fanin_output_lines_dropped_total"):
                assert (await ask(fanin.port, READ % 0)).status == 200
        printed = await fanin.read_until('"event": "output"')
        lines = [json.loads(line) for line in printed.splitlines() if line.startswith("{") and line.endswith("}")]
        told = next(line for line in lines if line["event"] == "output")
        assert told["dropped"] > 0
        assert told["level"] == "warning"


async def test_waiting_lines_are_written_at_the_end() -> None:
    async with ScriptedUpstream(answers(OK)) as upstream, unread_fanin(upstream.url, ACCESS) as fanin:
        for _ in range(20):
            assert (await ask(fanin.port, READ % 1)).status == 200
        fanin.process.send_signal(signal.SIGTERM)
        printed = await fanin.read_until('"event": "trace"')
        assert printed.count('"event": "access"') == 20
        assert await asyncio.wait_for(fanin.process.wait(), TIMEOUT) == 0


@pytest.mark.parametrize("closed", ["<&- >&- 2>&-", "2>&-", ">&-"])
async def test_standard_streams_that_the_parent_closed_do_no_harm(closed: str) -> None:
    port = free_port()
    fanin = str(Path(sys.executable).with_name("fanin"))
    async with ScriptedUpstream(answers(OK)) as upstream:
        process = await asyncio.create_subprocess_exec(
            *("sh", "-c", f'exec "$@" {closed}', "sh", fanin, "serve", "--upstream", upstream.url, "--admin", "off"),
            *("--listen", f"127.0.0.1:{port}", "--mount", "/", "--profile", "postgrest", "--debug"),
        )
        try:
            async with asyncio.timeout(TIMEOUT):
                while True:
                    try:
                        assert (await ask(port, READ % 1)).status == 200
                        break
                    except OSError:
                        await asyncio.sleep(0.05)
            process.send_signal(signal.SIGTERM)
            assert await asyncio.wait_for(process.wait(), TIMEOUT) == 0
        finally:
            if process.returncode is None:
                process.kill()
                await process.wait()
