"""Clients that disconnect while they share a call: the other requests are answered, and nothing stays in flight."""

from __future__ import annotations

import asyncio

import pytest

from proxy.errors.codes import FaultError
from proxy.merging.waiters import BufferedAnswer, FailedCall, SendAlone, StreamedAnswer
from tests.merging.harness import OK_HEAD, FakeUpstream, MergingHarness, bodies, fallbacks, finish, finish_all, run_loop

PAGE = "/t?order=id&offset=10"


@pytest.mark.parametrize("iterations", range(8))
@pytest.mark.parametrize("disconnected", [[0], [1], [0, 1], [0, 1, 2], [2]])
@pytest.mark.parametrize("kind", ["shared", "header", "fault", "large"])
async def test_a_disconnect_at_any_time_leaves_nothing_in_flight(
    iterations: int, disconnected: list[int], kind: str
) -> None:
    upstream = {
        "shared": FakeUpstream(),
        "header": FakeUpstream(OK_HEAD + b"\r\nX-Film: 2"),
        "fault": FakeUpstream(FaultError("FANIN502")),
        "large": FakeUpstream(body=b"x" * 99),
    }[kind]
    harness = MergingHarness(upstream=upstream, max_body=50)
    tasks = harness.coalesce(*[PAGE] * 3)
    await run_loop(iterations)
    for position in disconnected:
        tasks[position].cancel()
    async with asyncio.timeout(60):
        replies = await asyncio.gather(*tasks, return_exceptions=True)
    for at, reply in enumerate(replies):
        if isinstance(reply, SendAlone):
            reply.slot.release()
        elif isinstance(reply, StreamedAnswer):
            reply.finish()
        else:
            is_cancelled = at in disconnected and isinstance(reply, asyncio.CancelledError)
            assert is_cancelled or isinstance(reply, BufferedAnswer | FailedCall)
    await run_loop()
    harness.assert_idle()


async def test_when_the_first_client_disconnects_the_others_are_answered() -> None:
    harness = MergingHarness()
    harness.upstream.resume.clear()
    first, *others = harness.coalesce(PAGE, PAGE, PAGE)
    await run_loop()
    first.cancel()
    await run_loop()
    harness.upstream.resume.set()
    replies = await finish_all(harness, others)
    assert bodies(replies) == [b"[]", b"[]"]
    assert [reply.shared for reply in replies if isinstance(reply, BufferedAnswer)] == [2, 2]
    assert harness.upstream.cancelled == 0


async def test_the_last_disconnect_cancels_the_call() -> None:
    harness = MergingHarness()
    harness.upstream.resume.clear()
    tasks = harness.coalesce(PAGE, PAGE)
    await run_loop()
    for task in tasks:
        assert harness.upstream.cancelled == 0
        task.cancel()
        await run_loop()
    assert harness.upstream.cancelled == 1
    await asyncio.gather(*tasks, return_exceptions=True)
    harness.assert_idle()


async def test_a_streamed_answer_for_a_disconnected_client_ends_its_call() -> None:
    harness = MergingHarness(upstream=FakeUpstream(OK_HEAD + b"\r\nX-Film: 2"))
    first, second = harness.coalesce(PAGE, PAGE)
    async with asyncio.timeout(60):
        while not harness.fallback_reasons():
            await run_loop(1)
    first.cancel()
    (reply,) = await finish([second])
    assert fallbacks([reply]) == [True]
    await asyncio.gather(first, return_exceptions=True)
    harness.assert_idle()
