"""Callers that leave at every turn between arrival and answer: nobody else notices, and nothing is left behind."""

from __future__ import annotations

import asyncio
from collections import Counter
from typing import TYPE_CHECKING

import pytest

from proxy.merging.fetch import BadValue, FetchResult
from proxy.merging.waiters import BufferedAnswer, SendAlone
from proxy.model import FallbackReason
from tests.merging.harness import Calls, Made, ids, shares, turns

if TYPE_CHECKING:
    from proxy.model import MergedCall


@pytest.mark.parametrize("turn", range(7))
@pytest.mark.parametrize("leavers", [[0], [1], [0, 1], [0, 1, 2], [2], [0, 2]])
@pytest.mark.parametrize("kind", ["shares", "doubt", "bad-value", "alone"])
async def test_hanging_up_at_any_turn_leaves_nothing_behind(turn: int, leavers: list[int], kind: str) -> None:
    def answer(call: MergedCall) -> FetchResult:
        if kind == "doubt":
            return FallbackReason("ties")
        return (
            BadValue("smallint", b"40000")
            if kind == "bad-value" and b"eq.40000" in call.requests_by_value
            else shares(call)
        )

    made = Made(Calls(answer))
    numbers = [1, 2, 40000]
    tasks = made.ask(*(ids(*numbers) if kind != "alone" else [f"/t?id=eq.{n}&a=gt.{n}" for n in numbers]))
    await turns(turn)
    for leaver in leavers:
        tasks[leaver].cancel()
    async with asyncio.timeout(10):
        replies = await asyncio.gather(*tasks, return_exceptions=True)
    for at, reply in enumerate(replies):
        if isinstance(reply, SendAlone):
            reply.slot.release()
        assert isinstance(reply, BufferedAnswer | SendAlone) or (
            at in leavers and isinstance(reply, asyncio.CancelledError)
        )
        if isinstance(reply, BufferedAnswer):
            assert reply.slice.body == str(numbers[at]).encode()
    await turns()
    made.assert_at_rest()


async def test_the_last_to_hang_up_cancels_the_call() -> None:
    calls = Calls()
    calls.going.clear()
    made = Made(calls)
    tasks = made.ask(*ids(1, 2))
    await turns()
    tasks[0].cancel()
    await turns()
    assert calls.cancelled == 0
    tasks[1].cancel()
    await turns()
    assert calls.cancelled == 1
    await asyncio.gather(*tasks, return_exceptions=True)
    made.assert_at_rest()


async def test_the_last_to_hang_up_in_a_window_cancels_its_timer() -> None:
    made = Made(Calls())
    (ticket,) = await asyncio.gather(*made.ask(*ids(1)))
    tasks = made.ask(*ids(2, 3))
    await turns()
    assert made.merger.batcher.open_windows
    for task in tasks:
        task.cancel()
    await asyncio.gather(*tasks, return_exceptions=True)
    assert not made.merger.batcher.open_windows
    assert isinstance(ticket, SendAlone)
    ticket.slot.release()
    made.assert_at_rest()


async def test_a_reply_that_came_as_its_caller_left_gives_its_place_back() -> None:
    made = Made(Calls())
    left: Counter[type] = Counter()
    for turn in range(8):
        (task,) = made.ask(*ids(1))
        await turns(turn)
        task.cancel()
        (reply,) = await asyncio.gather(task, return_exceptions=True)
        left[type(reply)] += 1
        if isinstance(reply, SendAlone):
            reply.slot.release()
        await turns()
        made.assert_at_rest()
    assert set(left) == {SendAlone, asyncio.CancelledError}
