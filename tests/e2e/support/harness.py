"""fanin in this process or as a program, between a raw client and an upstream that plays scripts."""

from __future__ import annotations

import asyncio
import inspect
import re
import signal
import socket
import sys
import time
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from proxy.demo.sidecar import NO_CHECKS
from proxy.observe.events import Events
from proxy.settings.loading import load
from proxy.sidecar.sidecar import Sidecar
from rules import RULES
from tests.e2e.support.metrics_check import RUNNING, MetricsCheck, check_exposition
from tests.e2e.support.raw_client import TIMEOUT as TIMEOUT
from tests.e2e.support.raw_client import RawAnswer as RawAnswer
from tests.e2e.support.raw_client import RawClient as RawClient
from tests.e2e.support.raw_client import ask as ask
from tests.e2e.support.scripted_upstream import OK as OK
from tests.e2e.support.scripted_upstream import ScriptedConnection as ScriptedConnection
from tests.e2e.support.scripted_upstream import ScriptedUpstream as ScriptedUpstream
from tests.e2e.support.scripted_upstream import answers as answers

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Callable

    from proxy.settings.model import Settings

PATIENT = {"merge.deadline_floor": "60"}
"""However slow the machine is, merged calls are answered in time. Tests of the deadline set their own."""
SCRAPE = b"GET /metrics HTTP/1.1\r\nHost: 127.0.0.1\r\nConnection: close\r\n\r\n"


def settings(upstream: str, **changes: Any) -> Settings:
    """Settings for a test: a free port, no admin port; ``changes`` by dotted name, with ``__`` for the dot."""
    flags = {"upstream": upstream, "listen": "127.0.0.1:0", "admin": "off", "mount": "/", "profile": "postgrest"}
    flags |= NO_CHECKS | PATIENT
    if "db_uri" in changes:
        flags["timeouts.connect"] = "60"  # so long the start waits for the catalog
    return load(flags | {name.replace("__", "."): value for name, value in changes.items()}).settings


@asynccontextmanager
async def fanin(upstream: str, **changes: Any) -> AsyncIterator[Sidecar]:
    """A fanin in this process, drained at the end; then its check are checked."""
    changes = {"drain__delay": 0.001, "drain__timeout": 0.2, "drain__idle": 0} | changes
    sidecar = await Sidecar.create(settings(upstream, **changes), RULES, Events(), time.monotonic)
    await sidecar.start()
    check = MetricsCheck(sidecar)
    RUNNING.append(check)
    try:
        yield sidecar
    finally:
        RUNNING.remove(check)
        await sidecar.stop()
    check.check()


@dataclass
class Program:
    """``fanin serve`` as a process of its own."""

    pid: int
    port: int
    admin: int
    process: asyncio.subprocess.Process

    def peak_memory(self) -> int:
        """The most bytes that it ever had resident (Linux)."""
        with open(f"/proc/{self.pid}/status", encoding="ascii") as status:
            text = status.read()
        found = re.search(r"^VmHWM:\s+(\d+) kB$", text, re.MULTILINE)
        assert found is not None
        return int(found[1]) * 1024


@asynccontextmanager
async def fanin_program(upstream: str, *flags: str) -> AsyncIterator[Program]:
    """``fanin serve`` on free ports; at the end its check are checked, and it is asked to end, and waited for."""
    common = ["--listen", "127.0.0.1:0", "--admin", "127.0.0.1:0"]
    for name, value in (
        {"drain.delay": "0.001", "drain.timeout": "1", "drain.idle": "0"} | NO_CHECKS | PATIENT
    ).items():
        common += ["--set", f"{name}={value}"]
    process = await asyncio.create_subprocess_exec(
        str(Path(sys.executable).with_name("fanin")),
        *("serve", "--upstream", upstream, "--mount", "/", "--profile", "postgrest", *common, *flags),
        stdout=asyncio.subprocess.DEVNULL,
        stderr=asyncio.subprocess.PIPE,
    )
    try:
        made = Program(process.pid, *await _ports_in_start_line(process), process)
        yield made
        if process.returncode is None:
            check_exposition((await ask(made.admin, SCRAPE)).body.decode())
    finally:
        if process.returncode is None:
            process.send_signal(signal.SIGTERM)
        await asyncio.wait_for(process.communicate(), TIMEOUT)


async def _ports_in_start_line(process: asyncio.subprocess.Process) -> tuple[int, int]:
    """The ports in fanin's start line: for clients, and for its administration."""
    assert process.stderr is not None
    told = b""
    async with asyncio.timeout(TIMEOUT):
        while line := await process.stderr.readline():
            told += line
            if found := re.search(rb"fanin [\d.]+: http://[^ ]*:(\d+) .* admin port (\d+)", line):
                return int(found[1]), int(found[2])
    raise AssertionError(f"fanin did not start: {told.decode()}")


def free_port() -> int:
    """A port that nothing listens on, a moment ago."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


async def until(condition: Callable[[], object]) -> None:
    """Wait until ``condition`` holds, of which nobody sends word. AssertionError with its code after ``TIMEOUT``."""
    try:
        async with asyncio.timeout(TIMEOUT):
            while not condition():  # noqa: ASYNC110 – gauges send no word
                await asyncio.sleep(0.005)
    except TimeoutError:
        raise AssertionError(f"not within {TIMEOUT:g} s: {_code_of(condition)}") from None


def _code_of(condition: Callable[[], object]) -> str:
    try:
        return inspect.getsource(condition).strip()
    except (OSError, TypeError):
        return repr(condition)
