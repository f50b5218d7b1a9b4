"""`fanin serve` as an operator meets it: start line, metrics, health, log lines, debug trees, the end."""

from __future__ import annotations

import asyncio
import json
import re
import signal
import subprocess
import sys
import time
from typing import TYPE_CHECKING, Any

import aiohttp
import asyncpg
import pytest
from prometheus_client.parser import text_string_to_metric_families

from proxy.demo.server import free_port
from proxy.demo.sidecar import NO_CHECKS, Fanin
from proxy.demo.stack import statements

if TYPE_CHECKING:
    from tests.conftest import Stack

pytestmark = [pytest.mark.e2e, pytest.mark.stack]

PATIENCE = 60.0  # seconds
QUICK = {"trace.quiet_explicit": "0.05", **NO_CHECKS}


async def burst(stack: Stack, url: str, trace: str, keys: int = 20) -> list[str]:
    """Concurrent reads of payout profiles by key; returns the keys."""
    headers = {"Authorization": f"Bearer {stack.token}", "X-Fanin-Trace": trace, "X-Fanin-Route": "GET /export"}
    connection = await asyncpg.connect(stack.dsn)
    try:
        rows = await connection.fetch("select creator_id from creator_payout_profiles order by 1 limit $1", keys)
    finally:
        await connection.close()
    async with aiohttp.ClientSession(headers=headers, connector=aiohttp.TCPConnector(limit=0)) as session:

        async def one(key: str) -> None:
            target = f"{url}/creator_payout_profiles?select=*&creator_id=eq.{key}"
            async with session.get(target) as answer:
                assert [row["creator_id"] for row in await answer.json()] == [key]

        await asyncio.gather(*(one(str(row[0])) for row in rows))
    return [str(row[0]) for row in rows]


def lines_with(fanin: Fanin, what: str) -> str:
    """All that fanin printed, once ``what`` is part of it."""
    until = time.monotonic() + PATIENCE
    while what not in (printed := fanin.printed()):
        assert time.monotonic() < until, f"'{what}' was never printed: {printed}"
        time.sleep(0.02)
    return printed


async def get(url: str) -> tuple[int, str]:
    async with aiohttp.ClientSession() as session, session.get(url) as answer:
        return answer.status, await answer.text()


async def samples(admin: str) -> dict[str, float]:
    """Every series summed over its labels."""
    _, text = await get(f"{admin}/metrics")
    sums: dict[str, float] = {}
    for family in text_string_to_metric_families(text):
        for sample in family.samples:
            sums[sample.name] = sums.get(sample.name, 0.0) + sample.value
    return sums


async def test_metrics_agree_with_postgres_own_count(stack: Stack) -> None:
    connection = await asyncpg.connect(stack.dsn)
    try:
        with Fanin(stack.url, settings=QUICK) as fanin:
            before = await statements(connection)
            await burst(stack, fanin.url, "m1", keys=40)
            calls = await statements(connection) - before
            seen = await samples(fanin.admin_url)
    finally:
        await connection.close()
    assert seen["fanin_requests_total"] == 40
    assert seen["fanin_upstream_calls_total"] == calls < 40
    assert seen["fanin_calls_saved"] == 40 - calls
    assert seen["fanin_batch_size_sum"] == 40
    assert seen["fanin_waiting"] == seen["fanin_upstream_busy"] == 0


async def test_health_needs_no_upstream_unless_asked_for(stack: Stack) -> None:
    with Fanin(f"http://127.0.0.1:{free_port()}", settings={"mount": "/"}) as fanin:
        assert await get(f"{fanin.admin_url}/livez") == (200, "alive\n")
        assert (await get(f"{fanin.url}/t?id=eq.1"))[0] == 502
        assert await get(f"{fanin.admin_url}/readyz") == (200, "ready\n")
        assert (await get(f"{fanin.admin_url}/readyz?upstream"))[0] == 503


async def test_a_closed_trace_is_one_json_line_without_any_value(stack: Stack) -> None:
    with Fanin(stack.url, settings=QUICK) as fanin:
        keys = await burst(stack, fanin.url, "log-1")
        printed = lines_with(fanin, '"trace": "log-1"')
    lines: list[dict[str, Any]] = [json.loads(line) for line in printed.splitlines() if line.startswith("{")]
    (line,) = (line for line in lines if line.get("trace") == "log-1")
    assert line["queries"] == 20
    assert line["upstream_calls"] < 20
    assert line["findings"][0].startswith("FAN001:public.creator_payout_profiles:GET /export:")
    assert not any(key in printed for key in keys)
    assert stack.token not in printed


async def test_log_lines_above_the_rate_are_left_out_and_counted(stack: Stack) -> None:
    with Fanin(stack.url, settings={**QUICK, "log.traces": "1"}) as fanin:
        for n in range(6):
            await burst(stack, fanin.url, f"many-{n}", keys=1)
        left_out, until = 0, time.monotonic() + PATIENCE
        while left_out + fanin.printed().count('"trace": "many-') < 6:
            assert time.monotonic() < until, "a trace is neither logged nor counted"
            _, text = await get(f"{fanin.admin_url}/metrics")
            found = re.search(r'^fanin_log_lines_left_out_total\{kind="trace"\} (\d+)', text, re.MULTILINE)
            left_out = int(found[1]) if found else 0
        assert 0 < left_out < 6


async def test_debug_prints_the_trace_as_a_tree_with_its_finding_and_marks_answers(stack: Stack) -> None:
    with Fanin(stack.url, settings={**QUICK, "debug": "true"}) as fanin:
        keys = await burst(stack, fanin.url, "tree-1")
        async with aiohttp.ClientSession() as session, session.get(f"{fanin.url}/creators?limit=1") as answer:
            assert answer.headers["X-Fanin"] == "passed; reason=no-key"
        printed = lines_with(fanin, "async function listPayoutProfilesByCreatorIds(creatorIds)")
    assert "● GET /export  20 requests → " in printed
    assert "merged: " in printed
    assert not any(key in printed for key in keys)


async def test_sigterm_finishes_what_is_in_flight_and_exits_0(stack: Stack) -> None:
    port, admin = free_port(), free_port()
    command = [sys.executable, "-m", "proxy", "serve", "--upstream", stack.url]
    process = await asyncio.create_subprocess_exec(
        *command, "--listen", f"127.0.0.1:{port}", "--admin", f"127.0.0.1:{admin}", stderr=asyncio.subprocess.PIPE
    )
    try:
        assert process.stderr is not None
        assert (await asyncio.wait_for(process.stderr.readline(), PATIENCE)).count(b'"fanin ')
        reader, writer = await asyncio.open_connection("127.0.0.1", port)
        head = b"POST /videos HTTP/1.1\r\nHost: a\r\nContent-Length: 2\r\nContent-Type: application/json\r\n"
        writer.write(head + b"Expect: 100-continue\r\n\r\n")
        assert (await asyncio.wait_for(reader.readuntil(b"\r\n\r\n"), PATIENCE)).startswith(b"HTTP/1.1 100 ")
        process.send_signal(signal.SIGTERM)
        async with asyncio.timeout(PATIENCE):
            while await get(f"http://127.0.0.1:{admin}/readyz") != (503, "draining\n"):
                pass
        writer.write(b"[]")
        answer = await asyncio.wait_for(reader.read(), PATIENCE)
        writer.close()
        assert await asyncio.wait_for(process.wait(), PATIENCE) == 0
    finally:
        if process.returncode is None:
            process.kill()
    assert answer.startswith(b"HTTP/1.1 ")
    assert b"\r\nConnection: close\r\n" in answer


def test_a_taken_port_is_named_and_worth_another_start(stack: Stack) -> None:
    with Fanin(stack.url) as first:
        command = [sys.executable, "-m", "proxy", "serve", "--upstream", stack.url, "--admin", "off"]
        second = subprocess.run(
            [*command, "--listen", f"127.0.0.1:{first.port}"], capture_output=True, text=True, timeout=30, check=False
        )
    assert second.returncode == 75  # systemd starts it again; with 2, invalid settings, it would not
    assert f"listen: cannot bind 127.0.0.1:{first.port}" in second.stderr


def test_an_upstream_that_is_our_own_listener_is_refused() -> None:
    port = free_port()
    command = [sys.executable, "-m", "proxy", "serve", "--listen", f"127.0.0.1:{port}"]
    told = subprocess.run(
        [*command, "--upstream", f"http://localhost:{port}"], capture_output=True, text=True, timeout=30, check=False
    )
    assert told.returncode == 2
    assert "is fanin's own listener" in told.stderr
