"""Settings that change while fanin runs: nothing is lost, what is under way ends as it began, errors change nothing."""

from __future__ import annotations

import asyncio
import json
import os
import signal
import sys
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from proxy.admin.gauges import gauges
from proxy.demo.sidecar import NO_CHECKS, Fanin
from tests.e2e.support.bursts import get, statement_counter, together
from tests.e2e.support.faulty_upstream import correct_answer, is_merged
from tests.e2e.support.harness import (
    OK,
    TIMEOUT,
    RawClient,
    ScriptedConnection,
    ScriptedUpstream,
    answers,
    ask,
    fanin,
    settings,
    until,
)
from tests.e2e.support.load import load

if TYPE_CHECKING:
    from collections.abc import Iterator

    from tests.conftest import Stack

CLIENTS = 32
PLAIN = {"mount": "/", "profile": "postgrest"}


def headers(stack: Stack, *more: str) -> tuple[str, ...]:
    return (f"Authorization: Bearer {stack.token}", *more)


class ReloadableFanin:
    """A fanin with a settings file, which a test writes anew."""

    def __init__(self, program: Fanin, file: Path) -> None:
        self.program = program
        self._file = file

    def reload(self, text: str) -> None:
        self._file.write_text(text, encoding="utf-8")
        os.kill(self.program.pid, signal.SIGHUP)

    def lines(self, event: str) -> list[dict[str, Any]]:
        """Log lines of that kind."""
        printed = [line for line in self.program.printed().splitlines() if line.startswith("{")]
        return [line for line in map(json.loads, printed) if line.get("event") == event]

    async def changed(self, count: int) -> list[list[str]]:
        """What each of ``count`` reloads changed."""
        await until(lambda: len(self.lines("settings")) >= count)
        return [line["changed"] for line in self.lines("settings")]

    async def told(self, text: str) -> None:
        """Wait for a warning."""
        await until(lambda: any(text in line["message"] for line in self.lines("warning")))

    async def setting(self, name: str) -> Any:
        """Its value as the admin port shows it."""
        request = b"GET /api/config HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n"
        rows = json.loads((await ask(self.program.admin_port, request)).body)
        return next(row["value"] for row in rows if row["name"] == name)


@contextmanager
def reloadable_fanin(upstream: str, tmp_path: Path, text: str = "", **flags: str) -> Iterator[ReloadableFanin]:
    file = tmp_path / "fanin.toml"
    file.write_text(text, encoding="utf-8")
    with Fanin(upstream, settings={**NO_CHECKS, **flags}, flags=("--config", str(file))) as program:
        yield ReloadableFanin(program, file)


@pytest.mark.stack
async def test_reloads_under_load_lose_no_request(stack: Stack, tmp_path: Path) -> None:
    def read(number: int) -> bytes:
        return get(f"/creators?select=id&limit={1 + number % 50}", *headers(stack))

    with reloadable_fanin(stack.url, tmp_path) as one:
        async with load(one.program.port, CLIENTS, read) as made:
            for number, mode in enumerate(("observe", "rewrite", "pass", "shadow", "rewrite"), 1):
                before = len(made.answers)
                one.reload(f'mode = "{mode}"\nmerge.max_keys = {number}\n')
                await one.changed(number)
                await until(lambda before=before: len(made.answers) > before + 5 * CLIENTS)  # type: ignore[misc]
        assert await one.setting("mode") == "rewrite"
        assert await one.setting("merge.max_keys") == 5
    assert made.failures == []
    assert set(made.statuses) == {200}
    assert (made.last, made.refused) == (0, 0), "connections stay"


@pytest.mark.stack
async def test_a_new_mode_holds_for_the_next_burst_by_the_count_of_postgres(stack: Stack, tmp_path: Path) -> None:
    with reloadable_fanin(stack.url, tmp_path) as one:
        async with statement_counter(stack.dsn) as counter:

            async def statements(number: int) -> int:
                await counter.reset()
                requests = [get(f"/creators?select=id,email&id=eq.{n}", *headers(stack)) for n in IDS]
                answers = await together(one.program.port, requests)
                assert {answer.status for answer in answers} == {200}, number
                return await counter.statements()

            assert await statements(1) < len(IDS)
            one.reload('mode = "observe"\n')
            assert await one.changed(1) == [["mode"]]
            assert await statements(2) == len(IDS)
            one.reload("")
            assert await one.changed(2) == [["mode"], ["mode"]]
            assert await statements(3) < len(IDS)


IDS = [f"00000000-0000-4000-8000-{number:012}" for number in range(40)]


async def test_settings_that_do_not_fit_change_nothing_and_are_told(tmp_path: Path) -> None:
    async with ScriptedUpstream(answers(OK)) as upstream:
        with reloadable_fanin(upstream.url, tmp_path, 'mode = "observe"\n', **PLAIN) as one:
            for text, why in (
                ('mode = "fast"\n', "mode: Input should be 'pass', 'observe', 'shadow' or 'rewrite'"),
                ('moed = "pass"\n', "no setting is called 'moed'; did you mean 'mode'?"),
                ("mode = \n", "is not TOML"),
                ("[[override]]\nrelation = 'a'\nmode = 'pass'\n", "'mode' cannot be overridden"),
            ):
                one.reload(text)
                await one.told(why)
                assert await one.setting("mode") == "observe"
            assert (await ask(one.program.port, get("/t"))).status == 200
            metrics = await ask(one.program.admin_port, b"GET /metrics HTTP/1.1\r\nHost: localhost\r\n\r\n")
            assert b'fanin_reloads_total{result="failed"} 4.0\n' in metrics.body
            assert b"fanin_last_reload_ok 0.0\n" in metrics.body
            one.reload('mode = "pass"\n')
            assert await one.changed(1) == [["mode"]]
            assert await one.setting("mode") == "pass"


async def test_what_takes_a_restart_is_named_and_stays(tmp_path: Path) -> None:
    async with ScriptedUpstream(answers(OK)) as upstream:
        with reloadable_fanin(upstream.url, tmp_path, **PLAIN) as one:
            one.reload('pool.calls = 7\nadmin_token = "hidden-hidden-hidden"\ncatalog.schemas = ["a"]\n')
            assert await one.changed(1) == [["admin_token"]]
            await one.told("changed settings need a restart to take effect: pool.calls, catalog.schemas")
            assert await one.setting("pool.calls") == 64
            assert "hidden" not in one.program.printed()


# In this process.


async def test_requests_under_way_end_under_the_settings_that_they_began_under() -> None:
    """A batch whose call is under way is merged and handed out, although merging is off by then."""
    go = asyncio.Event()

    async def waits(connection: ScriptedConnection) -> None:
        while (request := await connection.request()) is not None:
            if is_merged(request):
                await go.wait()
            await connection.send(correct_answer(request))

    async with ScriptedUpstream(waits) as upstream, fanin(upstream.url, merge__deadline_floor=20.0) as sidecar:
        requests = [get(f"/t?id=eq.{n}") for n in range(10)]
        burst = asyncio.create_task(together(sidecar.port, requests))
        await upstream.until(lambda: any(map(is_merged, upstream.requests)))
        old = sidecar.policy.default.merger
        sidecar.apply_settings(settings(upstream.url, mode="observe"))
        assert sidecar.policy.default.merger is not old
        assert gauges(sidecar)["waiting"] > 0
        alone = await together(sidecar.port, requests)
        assert [one.values(b"content-range") for one in alone] == [[b"0-0/*"]] * 10
        go.set()
        assert [json.loads(one.body) for one in await burst] == [[{"id": n}] for n in range(10)]
        assert sum(map(is_merged, upstream.requests)) == 1
        await until(lambda: not sidecar.retired)


async def test_a_connection_has_the_new_limits_headers_and_neutral_list_with_its_next_request() -> None:
    async with ScriptedUpstream(answers(OK)) as upstream, fanin(upstream.url) as sidecar:
        async with RawClient(sidecar.port) as client:

            async def asked(*lines: str) -> Any:
                await client.send(get("/t?id=eq.1", *lines))
                return await client.answer()

            assert (await asked()).values(b"x-fanin") == []
            sidecar.apply_settings(settings(upstream.url, headers="on", forwarded="append", trace__headers=["x-job"]))
            assert (await asked()).values(b"x-fanin") == [b"passed"]
            assert b"X-Forwarded-For: 127.0.0.1\r\n" in upstream.requests[-1]
            await asked("X-Job: nightly")
            assert "nightly" in {trace.id for trace in sidecar.traces.drain()}
            sidecar.apply_settings(settings(upstream.url, limits__head_bytes=1000, limits__long_head_bytes=1000))
            assert (await asked("X: " + "x" * 2000)).status == 431
        assert len(upstream.connections) == 1, "upstream's connection stayed too"


# By relation and route.


@pytest.mark.stack
async def test_a_relation_or_route_of_its_own_is_merged_or_not_by_the_count_of_postgres(stack: Stack) -> None:
    override = [
        {"relation": "public.creators", "route": "by one", "rules": {"fan001": "report"}},
        {"route": "apart", "merge": {"max_keys": 10}},
    ]
    async with fanin(stack.url, override=override) as sidecar, statement_counter(stack.dsn) as counter:

        async def statements(*routes: str) -> int:
            await counter.reset()
            lines = [headers(stack, f"X-Fanin-Route: {routes[number % len(routes)]}") for number in range(len(IDS))]
            requests = [get(f"/creators?select=id&id=eq.{one}", *more) for one, more in zip(IDS, lines, strict=True)]
            assert {answer.status for answer in await together(sidecar.port, requests)} == {200}
            return await counter.statements()

        await statements("warm")
        assert await statements("any") < 10
        assert await statements("by one") == len(IDS)
        assert await statements("apart") >= 4
        mixed = await statements("any", "by one")
        assert len(IDS) / 2 < mixed < len(IDS)
        assert len(sidecar.policies) == 3


async def test_a_sighup_while_fanin_starts_does_not_end_it() -> None:
    asked, answer = asyncio.Event(), asyncio.Event()

    async def slow(connection: ScriptedConnection) -> None:
        while await connection.request() is not None:
            asked.set()
            await answer.wait()
            await connection.send(OK)

    program = str(Path(sys.executable).with_name("fanin"))
    async with ScriptedUpstream(slow) as upstream:
        flags = ("--upstream", upstream.url, "--listen", "127.0.0.1:0", "--admin", "off")
        process = await asyncio.create_subprocess_exec(program, "serve", *flags, stderr=asyncio.subprocess.PIPE)
        assert process.stderr is not None
        try:
            async with asyncio.timeout(TIMEOUT):
                await asked.wait()
                process.send_signal(signal.SIGHUP)
                await asyncio.sleep(0.05)
                answer.set()
                while b'"settings"' not in await process.stderr.readline():
                    assert not process.stderr.at_eof()
                process.send_signal(signal.SIGTERM)
                assert await process.wait() == 0
        finally:
            if process.returncode is None:
                process.kill()
                await process.wait()
