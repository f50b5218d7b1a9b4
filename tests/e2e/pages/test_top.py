"""`fanin top` on a real terminal: it shows what is asked, sorts by key, and leaves the terminal as it was."""

from __future__ import annotations

import asyncio
import os
import pty
import signal
import sys
import termios
from contextlib import asynccontextmanager
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from tests.e2e.support.bursts import get, together
from tests.e2e.support.harness import OK, TIMEOUT, ScriptedUpstream, answers, ask, fanin_program

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

    from tests.e2e.support.harness import Program

pytestmark = [pytest.mark.e2e]
FANIN = str(Path(sys.executable).with_name("fanin"))
QUICK = ("--set", "trace.quiet_explicit=0.05", "--set", "trace.quiet_inferred=0.05")
FINGERPRINTS = b"GET /api/fingerprints HTTP/1.1\r\nHost: 127.0.0.1\r\nConnection: close\r\n\r\n"


@asynccontextmanager
async def busy_fanin(*flags: str) -> AsyncIterator[Program]:
    """A fanin that was asked for two kinds of things."""
    async with ScriptedUpstream(answers(OK)) as upstream, fanin_program(upstream.url, *QUICK, *flags) as running:
        await together(running.port, [get("/many?offset=1"), get("/many?offset=2"), get("/few?id=eq.1")])
        async with asyncio.timeout(TIMEOUT):
            while b"GET few" not in (await ask(running.admin, FINGERPRINTS)).body:  # noqa: ASYNC110 – no word is sent
                await asyncio.sleep(0.02)
        yield running


def admin_url(running: Program) -> str:
    return f"http://127.0.0.1:{running.admin}"


class Terminal:
    """A process on a terminal of 24 lines."""

    def __init__(self, process: asyncio.subprocess.Process, master: int, slave: int) -> None:
        self.process = process
        self._master = master
        self._slave = slave
        self.shown = b""
        self.before = termios.tcgetattr(slave)

    def press(self, key: bytes) -> None:
        os.write(self._master, key)

    async def until(self, text: bytes) -> None:
        """Read until ``text`` was shown since the last time."""
        async with asyncio.timeout(TIMEOUT):
            while text not in self.shown:
                self.shown += await asyncio.to_thread(os.read, self._master, 65536)
        self.shown = self.shown.partition(text)[2]

    @property
    def is_as_before(self) -> bool:
        return bool(termios.tcgetattr(self._slave) == self.before)


@asynccontextmanager
async def terminal(*words: str) -> AsyncIterator[Terminal]:
    master, slave = pty.openpty()
    termios.tcsetwinsize(slave, (24, 140))
    own = ("COLUMNS", "LINES")  # of the terminal, if any, that the tests were started on
    environment = {name: value for name, value in os.environ.items() if name not in own} | {"TERM": "xterm-256color"}
    process = await asyncio.create_subprocess_exec(
        FANIN, *words, stdin=slave, stdout=slave, stderr=slave, env=environment
    )
    try:
        yield Terminal(process, master, slave)
    finally:
        if process.returncode is None:
            process.kill()
        await process.wait()
        os.close(master)
        os.close(slave)


@pytest.mark.parametrize("end", [b"q", b"\x03"])
async def test_it_shows_sorts_and_ends_with_q_and_ctrl_c(end: bytes) -> None:
    async with (
        busy_fanin() as running,
        terminal("top", "--admin", f"http://127.0.0.1:{running.admin}", "--every", "0.1") as one,
    ):
        await one.until(b"calls\xe2\x86\x93")
        await one.until(b"GET many?offset=?")
        await one.until(b"GET few?id=eq.?")
        one.press(b"c")
        await one.until(b"calls\xe2\x86\x91")
        await one.until(b"GET few?id=eq.?")
        await one.until(b"GET many?offset=?")
        await together(running.port, [get("/new?id=eq.1")])
        await one.until(b"GET new?id=eq.?")
        if end == b"q":
            one.press(b"q")
        else:
            one.process.send_signal(signal.SIGINT)
        await one.until(b"\x1b[?25h")
        await one.until(b"\x1b[?1049l")
        async with asyncio.timeout(TIMEOUT):
            assert await one.process.wait() == 0
        assert one.is_as_before


async def test_without_a_terminal_it_prints_the_table_once() -> None:
    async with busy_fanin() as running:
        words = ("top", "--admin", admin_url(running))
        process = await asyncio.create_subprocess_exec(FANIN, *words, stdout=asyncio.subprocess.PIPE)
        told, _ = await asyncio.wait_for(process.communicate(), TIMEOUT)
        assert process.returncode == 0
        assert [line.split()[1] for line in told.decode().splitlines()[1:-1]] == ["many?offset=?", "few?id=eq.?"]


async def test_one_that_cannot_be_read_says_so() -> None:
    process = await asyncio.create_subprocess_exec(
        FANIN, "top", "--admin", "http://127.0.0.1:1", stderr=asyncio.subprocess.PIPE
    )
    _, errors = await asyncio.wait_for(process.communicate(), TIMEOUT)
    assert process.returncode == 75
    assert b"is it the admin port of a fanin?" in errors
    assert b"Traceback" not in errors
