"""Callers that leave while they share a call: nobody else notices, and nothing is left behind."""

from __future__ import annotations

import asyncio

import pytest

from proxy.errors.codes import FaultError
from proxy.merging.waiters import BufferedAnswer, FailedCall, SendAlone, StreamedAnswer
from tests.merging.harness import FINE, Made, Originals, bodies, finish, settled, tickets, turns

PAGE = "/t?order=id&offset=10"


@pytest.mark.parametrize("turn", range(8))
@pytest.mark.parametrize("leavers", [[0], [1], [0, 1], [0, 1, 2], [2]])
@pytest.mark.parametrize("kind", ["shared", "header", "fault", "large"])
async def test_hanging_up_at_any_turn_leaves_nothing_behind(turn: int, leavers: list[int], kind: str) -> None:
    originals = {
        "shared": Originals(),
        "header": Originals(FINE + b"\r\nX-Film: 2"),
        "fault": Originals(FaultError("FANIN502")),
        "large": Originals(body=b"x" * 99),
    }[kind]
    made = Made(originals=originals, max_body=50)
    tasks = made.share(*[PAGE] * 3)
    await turns(turn)
    for leaver in leavers:
        tasks[leaver].cancel()
    async with asyncio.timeout(10):
        replies = await asyncio.gather(*tasks, return_exceptions=True)
    for at, reply in enumerate(replies):
        if isinstance(reply, SendAlone):
            reply.slot.release()
        elif isinstance(reply, StreamedAnswer):
            reply.done()
        else:
            left = at in leavers and isinstance(reply, asyncio.CancelledError)
            assert left or isinstance(reply, BufferedAnswer | FailedCall)
    await turns()
    made.assert_at_rest()


async def test_the_first_to_ask_may_leave_and_the_others_are_answered() -> None:
    made = Made()
    made.originals.going.clear()
    first, *others = made.share(PAGE, PAGE, PAGE)
    await turns()
    first.cancel()
    await turns()
    made.originals.going.set()
    replies = await settled(made, others)
    assert bodies(replies) == [b"[]", b"[]"]
    assert [reply.shared for reply in replies if isinstance(reply, BufferedAnswer)] == [2, 2]
    assert made.originals.cancelled == 0


async def test_the_last_to_leave_cancels_the_call() -> None:
    made = Made()
    made.originals.going.clear()
    tasks = made.share(PAGE, PAGE)
    await turns()
    for task in tasks:
        assert made.originals.cancelled == 0
        task.cancel()
        await turns()
    assert made.originals.cancelled == 1
    await asyncio.gather(*tasks, return_exceptions=True)
    made.assert_at_rest()


async def test_an_answer_handed_to_one_who_just_left_is_let_go() -> None:
    made = Made(originals=Originals(FINE + b"\r\nX-Film: 2"))
    first, second = made.share(PAGE, PAGE)
    while not made.doubts():
        await turns(1)
    first.cancel()
    (ticket,) = await finish([second])
    assert tickets([ticket]) == [True]
    await asyncio.gather(first, return_exceptions=True)
    made.assert_at_rest()
