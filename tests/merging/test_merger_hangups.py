"""Clients that disconnect in each loop iteration between arrival and answer: the other requests are answered."""

from __future__ import annotations

import asyncio
from collections import Counter
from typing import TYPE_CHECKING

import pytest

from proxy.merging.waiters import BufferedAnswer, SendAlone
from proxy.model import FallbackReason
from proxy.postgrest.response.problem import BadLiteral
from tests.merging.harness import FakeFetcher, MergingHarness, ids, run_loop, slices_of

if TYPE_CHECKING:
    from proxy.merging.fetch import FetchResult
    from proxy.model import MergedCall


@pytest.mark.parametrize("iterations", range(7))
@pytest.mark.parametrize("disconnected", [[0], [1], [0, 1], [0, 1, 2], [2], [0, 2]])
@pytest.mark.parametrize("kind", ["merged", "fallback", "bad-value", "alone"])
async def test_a_disconnect_at_any_time_leaves_nothing_in_flight(
    iterations: int, disconnected: list[int], kind: str
) -> None:
    def answer(call: MergedCall) -> FetchResult:
        if kind == "fallback":
            return FallbackReason("ties")
        return (
            BadLiteral("smallint", b"40000")
            if kind == "bad-value" and b"eq.40000" in call.requests_by_value
            else slices_of(call)
        )

    harness = MergingHarness(FakeFetcher(answer))
    numbers = [1, 2, 40000]
    tasks = harness.merge(*(ids(*numbers) if kind != "alone" else [f"/t?id=eq.{n}&a=gt.{n}" for n in numbers]))
    await run_loop(iterations)
    for position in disconnected:
        tasks[position].cancel()
    async with asyncio.timeout(60):
        replies = await asyncio.gather(*tasks, return_exceptions=True)
    for at, reply in enumerate(replies):
        if isinstance(reply, SendAlone):
            reply.slot.release()
        assert isinstance(reply, BufferedAnswer | SendAlone) or (
            at in disconnected and isinstance(reply, asyncio.CancelledError)
        )
        if isinstance(reply, BufferedAnswer):
            assert reply.slice.body == str(numbers[at]).encode()
    await run_loop()
    harness.assert_idle()


LONG = [f"/t?select={'a' * 300}&id=eq.{number}" for number in range(1000, 1400)]


@pytest.mark.parametrize("iterations", range(8))
@pytest.mark.parametrize("some", [slice(0, 100), slice(100, 400), slice(0, 400), slice(0, 1)], ids=str)
@pytest.mark.parametrize("accepted", [1000, 900, 0])
async def test_a_disconnect_while_a_shorter_call_is_tried_leaves_nothing_in_flight(
    iterations: int, some: slice, accepted: int
) -> None:
    def answer(call: MergedCall) -> FetchResult:
        return slices_of(call) if len(call.target) <= accepted else FallbackReason("status", "414")

    harness = MergingHarness(FakeFetcher(answer), max_keys=1000)
    tasks = harness.merge(*LONG)
    await run_loop(iterations)
    for task in tasks[some]:
        task.cancel()
    async with asyncio.timeout(60):
        replies = await asyncio.gather(*tasks, return_exceptions=True)
    for task, reply in zip(tasks, replies, strict=True):
        if isinstance(reply, SendAlone):
            reply.slot.release()
        assert isinstance(reply, BufferedAnswer | SendAlone) or task in tasks[some]
    await run_loop()
    harness.assert_idle()


async def test_the_last_disconnect_cancels_the_call() -> None:
    fetcher = FakeFetcher()
    fetcher.resume.clear()
    harness = MergingHarness(fetcher)
    tasks = harness.merge(*ids(1, 2))
    await run_loop()
    tasks[0].cancel()
    await run_loop()
    assert fetcher.cancelled == 0
    tasks[1].cancel()
    await run_loop()
    assert fetcher.cancelled == 1
    await asyncio.gather(*tasks, return_exceptions=True)
    harness.assert_idle()


async def test_the_last_disconnect_in_a_window_cancels_its_timer() -> None:
    harness = MergingHarness()
    (reply,) = await asyncio.gather(*harness.merge(*ids(1)))
    tasks = harness.merge(*ids(2, 3))
    await run_loop()
    assert harness.merger.batcher.open_windows
    for task in tasks:
        task.cancel()
    await asyncio.gather(*tasks, return_exceptions=True)
    assert not harness.merger.batcher.open_windows
    assert isinstance(reply, SendAlone)
    reply.slot.release()
    harness.assert_idle()


async def test_a_reply_that_arrives_with_the_disconnect_releases_its_slot() -> None:
    harness = MergingHarness()
    outcomes: Counter[type] = Counter()
    for iterations in range(8):
        (task,) = harness.merge(*ids(1))
        await run_loop(iterations)
        task.cancel()
        (reply,) = await asyncio.gather(task, return_exceptions=True)
        outcomes[type(reply)] += 1
        if isinstance(reply, SendAlone):
            reply.slot.release()
        await run_loop()
        harness.assert_idle()
    assert set(outcomes) == {SendAlone, asyncio.CancelledError}
