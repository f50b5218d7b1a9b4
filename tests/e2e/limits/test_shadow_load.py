"""Comparing gives way: it holds up nobody, holds little, and is gone when it is told to go."""

from __future__ import annotations

import asyncio
import json
from contextlib import asynccontextmanager
from typing import TYPE_CHECKING, Any

import pytest

from proxy.admin.gauges import gauges
from tests.e2e.support.bursts import get, sockets, together
from tests.e2e.support.faulty_upstream import REQUESTS, correct_answer, faulty_upstream, is_merged
from tests.e2e.support.harness import TIMEOUT, ScriptedConnection, ScriptedUpstream, fanin, until
from tests.e2e.support.sidecar_events import SidecarEvents

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

pytestmark = pytest.mark.e2e
SHADOW: dict[str, Any] = {"mode": "shadow", "shadow__wait": TIMEOUT}
CHECKED: dict[str, Any] = {"shadow__share": 1.0, "shadow__answers": 1000, "shadow__wait": TIMEOUT}
ROWS = [[{"id": n}] for n in range(1, 41)]


class HeldUpstream:
    """An upstream that keeps some requests waiting until it is opened."""

    def __init__(self) -> None:
        self.opened = asyncio.Event()
        self.cancelled = 0

    async def fine(self, connection: ScriptedConnection, request: bytes) -> None:
        await connection.send(correct_answer(request))

    async def held(self, connection: ScriptedConnection, request: bytes) -> None:
        opened, left = asyncio.create_task(self.opened.wait()), asyncio.create_task(connection.gone())
        await asyncio.wait((opened, left), return_when=asyncio.FIRST_COMPLETED)
        self.cancelled += left.done()
        for task in (opened, left):
            task.cancel()
        await asyncio.gather(opened, left, return_exceptions=True)
        await connection.send(correct_answer(request))


@asynccontextmanager
async def faulty_upstream_with_events(
    fault: Any, changes: dict[str, Any], **more: Any
) -> AsyncIterator[tuple[ScriptedUpstream, SidecarEvents]]:
    async with faulty_upstream(fault, **changes | more) as (upstream, sidecar):
        yield upstream, SidecarEvents(sidecar)


async def rows_of_answers(clients: Any) -> list[Any]:
    return [json.loads((await client.answer()).body) for client in clients]


async def test_in_mode_shadow_nobody_waits_for_the_merged_answer() -> None:
    gate = HeldUpstream()
    async with faulty_upstream_with_events(gate.held, SHADOW) as (upstream, watch):
        answers = await together(watch.sidecar.port, REQUESTS)
        assert [json.loads(one.body) for one in answers] == ROWS
        await upstream.until(lambda: sum(map(is_merged, upstream.requests)))
        assert not watch.comparisons()
        gate.opened.set()
        await watch.wait_until_idle()
    assert watch.comparisons()["match"] > 20
    assert watch.calls_by_kind() == {"original": 40, "shadow": sum(map(is_merged, upstream.requests))}


async def test_in_mode_shadow_whatever_becomes_of_merged_calls_the_callers_do_not_notice() -> None:
    async def die(connection: ScriptedConnection, _: bytes) -> None:
        connection.abort()

    async with faulty_upstream_with_events(die, SHADOW) as (_, watch):
        answers = await together(watch.sidecar.port, REQUESTS)
        await watch.wait_until_idle()
    assert [json.loads(one.body) for one in answers] == ROWS
    assert watch.outcomes() == {("passed", "mode"): 40}
    assert watch.comparisons()["unusable"] > 20
    assert watch.pause_reasons() == ["connection"]


async def test_in_mode_shadow_merged_calls_leave_only_while_nobody_waits_for_upstream() -> None:
    gate = HeldUpstream()

    async def script(connection: ScriptedConnection) -> None:
        while (request := await connection.request()) is not None:
            await (gate.fine if is_merged(request) else gate.held)(connection, request)

    changes = SHADOW | {"pool__calls": 3, "shadow__wait": 0.02, "profile": "postgrest"}
    async with ScriptedUpstream(script) as upstream, fanin(upstream.url, **changes) as sidecar:
        watch = SidecarEvents(sidecar)
        async with sockets(sidecar.port, 40) as clients:
            for client, request in zip(clients, REQUESTS, strict=True):
                client.writer.write(request)
            await until(lambda: sidecar.upstream.calls.waiting == 37 and watch.comparisons()["skipped"])
            assert len(upstream.requests) == 3
            gate.opened.set()
            assert await rows_of_answers(clients) == ROWS
        await watch.wait_until_idle()
        assert watch.calls_by_kind() == {"original": 40}
        assert set(watch.comparisons()) == {"skipped"}
        assert watch.pause_reasons() == ["load"]


async def test_in_mode_shadow_a_merged_call_waits_a_while_for_the_pool_to_be_calm() -> None:
    async with faulty_upstream_with_events(HeldUpstream().fine, SHADOW, pool__calls=2) as (_, watch):
        answers = await together(watch.sidecar.port, REQUESTS)
        await watch.wait_until_idle()
    assert [json.loads(one.body) for one in answers] == ROWS
    assert watch.comparisons()["match"] > 20
    assert "skipped" not in watch.comparisons()


async def test_in_mode_rewrite_a_batch_is_not_compared_while_callers_wait() -> None:
    gate = HeldUpstream()
    async with faulty_upstream_with_events(gate.held, CHECKED, pool__calls=1) as (upstream, watch):
        async with sockets(watch.sidecar.port, 60) as clients:
            for client, request in zip(clients[:40], REQUESTS, strict=True):
                client.writer.write(request)
            await upstream.until(lambda: upstream.requests)
            others = [get(f"/u?id=eq.{n}&limit=0") for n in range(20)]
            for client, request in zip(clients[40:], others, strict=True):
                client.writer.write(request)
            await until(lambda: watch.sidecar.upstream.calls.waiting >= 20)
            gate.opened.set()
            first = await rows_of_answers(clients[:40])
            await rows_of_answers(clients[40:])
        await watch.wait_until_idle()
        assert first == ROWS
        assert watch.comparisons()["skipped"] > 20
        assert watch.comparisons()["skipped"] + watch.comparisons()["match"] == watch.outcomes()["merged", ""]


async def test_comparisons_make_no_more_calls_at_once_than_they_may_and_take_no_callers_place() -> None:
    async with faulty_upstream_with_events(HeldUpstream().fine, CHECKED, shadow__concurrency=3) as (upstream, watch):
        await together(watch.sidecar.port, REQUESTS)
        await watch.wait_until_idle()
        assert watch.comparisons()["match"] > 20
        assert len(upstream.connections) <= sum(watch.calls_by_kind()[kind] for kind in ("merged", "original")) + 3
        assert watch.sidecar.upstream.calls.busy == 0


@pytest.mark.parametrize("changes", [SHADOW, CHECKED], ids=["shadow", "rewrite"])
async def test_what_would_hold_more_bytes_than_allowed_is_skipped(changes: dict[str, Any]) -> None:
    async with faulty_upstream_with_events(HeldUpstream().fine, changes, shadow__max_bytes=3 * 4200) as (_, watch):
        answers = await together(watch.sidecar.port, REQUESTS)
        await watch.wait_until_idle()
    assert [json.loads(one.body) for one in answers] == ROWS
    assert watch.comparisons()["skipped"] > 20
    assert set(watch.comparisons()) <= {"match", "skipped"}


async def test_in_mode_shadow_large_and_compressed_answers_are_skipped() -> None:
    async def script(connection: ScriptedConnection) -> None:
        while (request := await connection.request()) is not None:
            more = "Content-Encoding: gzip\r\n" if b"/zip?" in request and not is_merged(request) else ""
            await connection.send(correct_answer(request, more))

    changes = SHADOW | {"profile": "postgrest", "merge__max_key_body": 9}
    async with ScriptedUpstream(script) as upstream, fanin(upstream.url, **changes) as sidecar:
        watch = SidecarEvents(sidecar)
        await together(sidecar.port, [get(f"/t?id=eq.{n}") for n in range(1, 41)])
        await together(sidecar.port, [get(f"/zip?id=eq.{n}") for n in range(1, 10)])
        await watch.wait_until_idle()
    assert set(watch.comparisons()) == {"skipped"}
    assert watch.comparisons()["skipped"] > 30


# The end of callers, and of fanin.


async def test_in_mode_shadow_the_last_to_hang_up_cancels_the_merged_call_and_nothing_is_left() -> None:
    gate = HeldUpstream()

    async def script(connection: ScriptedConnection) -> None:
        while (request := await connection.request()) is not None:
            await gate.held(connection, request)

    async with ScriptedUpstream(script) as upstream, fanin(upstream.url, profile="postgrest", **SHADOW) as sidecar:
        watch = SidecarEvents(sidecar)
        async with sockets(sidecar.port, 40) as clients:
            for client, request in zip(clients, REQUESTS, strict=True):
                client.writer.write(request)
            await upstream.until(lambda: len(upstream.requests) == 40 + sum(map(is_merged, upstream.requests)))
            await upstream.until(lambda: sum(map(is_merged, upstream.requests)))
            assert gauges(sidecar)["shadow_held_bytes"] > 0
            for client in clients:
                client.abort()
        await watch.wait_until_idle()
        await upstream.until(lambda: gate.cancelled == len(upstream.requests))
        assert watch.outcomes()["gone", "mode"] == 40
        assert sidecar.upstream.calls.busy == 0


async def test_in_mode_shadow_who_hung_up_is_skipped_and_the_others_are_compared() -> None:
    gate = HeldUpstream()

    async def script(connection: ScriptedConnection) -> None:
        while (request := await connection.request()) is not None:
            await (gate.fine if is_merged(request) else gate.held)(connection, request)

    async with ScriptedUpstream(script) as upstream, fanin(upstream.url, profile="postgrest", **SHADOW) as sidecar:
        watch = SidecarEvents(sidecar)
        async with sockets(sidecar.port, 40) as clients:
            for client, request in zip(clients, REQUESTS, strict=True):
                client.writer.write(request)
            await upstream.until(lambda: sum(map(is_merged, upstream.requests)))
            for client in clients[30:]:
                client.abort()
            await until(lambda: watch.outcomes()["gone", "mode"] == 10)
            gate.opened.set()
            assert await rows_of_answers(clients[:30]) == ROWS[:30]
        await watch.wait_until_idle()
    assert watch.comparisons()["match"] >= 20
    assert set(watch.comparisons()) <= {"match", "skipped"}


@pytest.mark.parametrize("changes", [SHADOW, CHECKED], ids=["shadow", "rewrite"])
async def test_fanin_stops_without_waiting_for_comparisons(changes: dict[str, Any]) -> None:
    gate = HeldUpstream()
    beside = asyncio.Event()

    async def script(connection: ScriptedConnection) -> None:
        while (request := await connection.request()) is not None:
            if is_merged(request) == (changes is SHADOW):
                beside.set()
                await gate.held(connection, request)
            else:
                await connection.send(correct_answer(request))

    settings = changes | {"profile": "postgrest", "drain__timeout": 100.0, "merge__deadline_floor": 100.0}
    async with ScriptedUpstream(script) as upstream:
        async with fanin(upstream.url, **settings) as sidecar:
            watch = SidecarEvents(sidecar)
            async with sockets(sidecar.port, 40) as clients:
                for client, request in zip(clients, REQUESTS, strict=True):
                    client.writer.write(request)
                assert await rows_of_answers(clients) == ROWS
                await beside.wait()
            async with asyncio.timeout(TIMEOUT):
                await sidecar.stop()
            await watch.wait_until_idle()
        await upstream.until(lambda: gate.cancelled)
        assert set(watch.comparisons()) <= {"skipped"}
        assert not watch.warnings()


async def test_a_bug_in_comparing_is_told_ends_it_after_a_while_and_reaches_no_caller(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    def broken(*_: object) -> None:
        raise ZeroDivisionError

    monkeypatch.setattr("proxy.merging.comparing.comparer.Comparison", broken)
    async with faulty_upstream_with_events(HeldUpstream().fine, CHECKED) as (_, watch):
        for _ in range(5):
            answers = await together(watch.sidecar.port, REQUESTS)
            assert [json.loads(one.body) for one in answers] == ROWS
            await watch.wait_until_idle()
        checker = watch.sidecar.policy.default.comparer
        assert checker.closed
    assert "after 3 failures no more are made" in watch.warnings()[-1]
    assert set(watch.comparisons()) == {"failed", "skipped"}
