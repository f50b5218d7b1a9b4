"""The merger with calls that end when and as a test says: everybody is answered once, and nothing is left in flight."""

from __future__ import annotations

import asyncio
from collections import Counter
from typing import TYPE_CHECKING, Any, cast

import pytest

from proxy.config import Merge, Settings
from proxy.errors import REFUSALS
from proxy.observe.events import Event, Events, Left, Replayed, Warned
from proxy.path.evidence import RowEvidence
from proxy.path.split import Doubt, Share
from proxy.shell.fetch import Poisoned, Result
from proxy.shell.merger import Merger, Served, Ticket
from tests.made import member

if TYPE_CHECKING:
    from collections.abc import Callable

    from proxy.model import Merged
    from proxy.shell.fetch import Fetcher


def shares(call: Merged) -> Result:
    return {literal: Share(b"", literal, 1) for literal in call.owners}


class Calls:
    """A fetcher whose calls wait until they are let go; then ``answer`` says what comes of them."""

    def __init__(self, answer: Callable[[Merged], Result] = shares) -> None:
        self.answer = answer
        self.made: list[Merged] = []
        self.going = asyncio.Event()
        self.going.set()
        self.cancelled = 0

    async def fetch(self, call: Merged, _: bytes) -> Result:
        self.made.append(call)
        try:
            await self.going.wait()
        except asyncio.CancelledError:
            self.cancelled += 1
            raise
        return self.answer(call)


class Made:
    """A merger, what it said, and a clock that stands still."""

    def __init__(self, calls: Calls, **merge: Any) -> None:
        self.calls = calls
        self.now = 0.0
        self.said: list[Event] = []
        self.evidence = RowEvidence(None, 60.0)
        events = Events()
        events.subscribe(self.said.append)
        settings = Settings(merge=Merge(**{"deadline_floor": 30.0, "max_wait": 30.0, **merge}))
        self.merger = Merger(settings, cast("Fetcher", calls), self.evidence, events, lambda: self.now)

    def ask(self, *targets: str) -> list[asyncio.Task[Served | Ticket]]:
        members = [member(target) for target in targets]
        return [asyncio.create_task(self.merger.ask(one)) for one in members]

    def doubts(self) -> list[str]:
        return [event.reason for event in self.said if isinstance(event, Replayed)]

    def assert_at_rest(self) -> None:
        """Nobody waits, nothing is in flight, no timer runs, and nothing was a bug."""
        assert self.merger.waiting == 0
        assert not self.merger._timers
        assert not self.merger._tasks
        assert all(gate.idle for gate in self.merger._gates._gates.values())
        assert not [event for event in self.said if isinstance(event, Warned)]


async def turns(count: int = 8) -> None:
    for _ in range(count):
        await asyncio.sleep(0)


def ids(*numbers: int) -> list[str]:
    return [f"/t?id=eq.{number}" for number in numbers]


async def finish(tasks: list[asyncio.Task[Served | Ticket]]) -> list[Served | Ticket]:
    """Every reply; tickets are used as the pipeline uses them."""
    replies = await asyncio.gather(*tasks)
    for reply in replies:
        if isinstance(reply, Ticket):
            reply.done(0.01)
    await turns()
    return replies


def bodies(replies: list[Served | Ticket]) -> list[bytes | None]:
    return [reply.share.body if isinstance(reply, Served) else None for reply in replies]


async def test_each_gets_the_share_of_its_own_literal() -> None:
    made = Made(Calls())
    replies = await finish(made.ask(*ids(3, 1, 2, 1)))
    assert bodies(replies) == [b"3", b"1", b"2", b"1"]
    assert {reply.shared for reply in replies if isinstance(reply, Served)} == {4}
    made.assert_at_rest()


async def test_who_is_alone_goes_alone_with_no_reason() -> None:
    made = Made(Calls())
    (reply,) = await finish(made.ask(*ids(1)))
    assert isinstance(reply, Ticket)
    assert (reply.reason, reply.replays) == (None, False)
    made.assert_at_rest()


async def test_whoever_asks_while_a_call_is_in_flight_is_in_the_next_one() -> None:
    calls = Calls()
    calls.going.clear()
    made = Made(calls)
    first = made.ask(*ids(1, 2))
    await turns()
    second = made.ask(*ids(1, 2))
    await turns()
    assert len(calls.made) == 1
    calls.going.set()
    assert bodies(await finish(first)) == bodies(await finish(second)) == [b"1", b"2"]
    assert len(calls.made) == 2
    made.assert_at_rest()


async def test_a_doubt_sends_everybody_alone_once() -> None:
    made = Made(Calls(lambda _: Doubt("ties")))
    replies = await finish(made.ask(*ids(1, 2, 3)))
    assert all(isinstance(reply, Ticket) and reply.replays for reply in replies)
    assert made.doubts() == ["ties"]
    made.assert_at_rest()


async def test_an_exception_in_the_call_is_a_doubt_and_is_told() -> None:
    def broken(_: Merged) -> Result:
        raise ZeroDivisionError

    made = Made(Calls(broken))
    replies = await finish(made.ask(*ids(1, 2)))
    assert all(isinstance(reply, Ticket) and reply.replays for reply in replies)
    assert made.doubts() == ["bug"]
    assert [event.error for event in made.said if isinstance(event, Warned)]


async def test_a_share_that_is_missing_sends_everybody_alone() -> None:
    made = Made(Calls(lambda call: {next(iter(call.owners)): Share(b"", b"", 0)}))
    replies = await finish(made.ask(*ids(1, 2)))
    assert all(isinstance(reply, Ticket) for reply in replies)
    assert made.merger.waiting == 0


async def test_a_call_that_is_too_slow_is_cancelled_and_everybody_goes_alone() -> None:
    calls = Calls()
    calls.going.clear()
    made = Made(calls, deadline_floor=1e-9)
    replies = await finish(made.ask(*ids(1, 2)))
    assert all(isinstance(reply, Ticket) and reply.replays for reply in replies)
    assert made.doubts() == ["deadline"]
    assert calls.cancelled == 1
    made.assert_at_rest()


# Poison.


async def test_without_its_poison_a_batch_is_merged_once_more() -> None:
    def poisoned(call: Merged) -> Result:
        return Poisoned("smallint") if b"40000" in call.owners else shares(call)

    made = Made(Calls(poisoned))
    replies = await finish(made.ask(*ids(1, 40000, 2)))
    assert bodies(replies) == [b"1", None, b"2"]
    assert isinstance(replies[1], Ticket)
    assert replies[1].reason == "learnt-type"
    assert [len(call.owners) for call in made.calls.made] == [3, 2]
    made.assert_at_rest()


async def test_a_batch_that_is_poisoned_twice_ends_in_the_originals() -> None:
    types = iter(["integer", "smallint"])
    made = Made(Calls(lambda call: Poisoned(name) if (name := next(types, "")) else shares(call)))
    replies = await finish(made.ask(*ids(1, 2, 40000, 9_000_000_000)))
    assert all(isinstance(reply, Ticket) for reply in replies)
    assert [len(call.owners) for call in made.calls.made] == [4, 3]
    assert made.doubts() == ["poison", "poison"]
    made.assert_at_rest()


# Refusals that depend on more than the request.


async def test_after_a_failure_merging_pauses() -> None:
    made = Made(Calls(lambda _: Doubt("ties")))
    await finish(made.ask(*ids(1, 2)))
    replies = await finish(made.ask(*ids(1, 2)))
    assert [reply.reason for reply in replies if isinstance(reply, Ticket)] == ["paused", "paused"]
    made.now = 1.0
    await finish(made.ask(*ids(1, 2)))
    assert len(made.calls.made) == 2
    made.assert_at_rest()


async def test_who_gathered_behind_a_call_that_fails_is_not_merged_in_the_pause() -> None:
    calls = Calls(lambda _: Doubt("ties"))
    calls.going.clear()
    made = Made(calls)
    first = made.ask(*ids(1, 2))
    await turns()
    second = made.ask(*ids(3, 4))
    await turns()
    calls.going.set()
    await finish(first)
    replies = await finish(second)
    assert [reply.reason for reply in replies if isinstance(reply, Ticket)] == ["paused", "paused"]
    assert len(calls.made) == 1
    made.assert_at_rest()


async def test_queries_with_large_answers_are_not_merged() -> None:
    made = Made(Calls(lambda call: dict.fromkeys(call.owners, Share(b"", b"x" * 100, 1))), max_key_body=20)
    await finish(made.ask(*ids(1, 2)))
    replies = await finish(made.ask(*ids(1, 2)))
    assert [reply.reason for reply in replies if isinstance(reply, Ticket)] == ["large-rows", "large-rows"]
    made.assert_at_rest()


async def test_beyond_the_queries_that_may_be_tracked_requests_go_alone() -> None:
    calls = Calls()
    calls.going.clear()
    made = Made(calls, max_tracked=1)
    first = made.ask(*ids(1, 2))
    await turns()
    (reply,) = await finish(made.ask("/u?id=eq.1"))
    assert isinstance(reply, Ticket)
    assert reply.reason == "busy"
    calls.going.set()
    await finish(first)
    made.assert_at_rest()


def test_the_reasons_are_in_the_table() -> None:
    assert {"paused", "large-rows", "busy", "learnt-type"} <= set(REFUSALS)


# Windows.


async def test_a_window_leaves_before_it_holds_more_than_it_may() -> None:
    made = Made(Calls(), max_window=5)
    replies = await finish(made.ask(*ids(*range(12))))
    assert bodies(replies) == [str(n).encode() for n in range(12)]
    assert [event.size for event in made.said if isinstance(event, Left)] == [5, 5, 2]
    made.assert_at_rest()


async def test_a_known_max_rows_bounds_the_keys_of_a_call() -> None:
    made = Made(Calls())
    made.evidence.cut_at(3, 0.0)
    await finish(made.ask(*ids(*range(8))))
    assert {len(call.owners) for call in made.calls.made} == {2}
    made.assert_at_rest()


async def test_a_single_original_in_flight_holds_others_until_it_is_back() -> None:
    made = Made(Calls())
    (ticket,) = await asyncio.gather(*made.ask(*ids(1)))
    assert isinstance(ticket, Ticket)
    waiting = made.ask(*ids(2, 3))
    await turns()
    assert not any(task.done() for task in waiting)
    ticket.done(0.01)
    ticket.done(0.01)
    assert bodies(await finish(waiting)) == [b"2", b"3"]
    made.assert_at_rest()


# Hang-ups: at every turn between arrival and answer.


@pytest.mark.parametrize("turn", range(7))
@pytest.mark.parametrize("leavers", [[0], [1], [0, 1], [0, 1, 2], [2], [0, 2]])
@pytest.mark.parametrize("kind", ["shares", "doubt", "poison", "alone"])
async def test_hanging_up_at_any_turn_leaves_nothing_behind(turn: int, leavers: list[int], kind: str) -> None:
    def answer(call: Merged) -> Result:
        if kind == "doubt":
            return Doubt("ties")
        return Poisoned("smallint") if kind == "poison" and b"40000" in call.owners else shares(call)

    made = Made(Calls(answer))
    numbers = [1, 2, 40000]
    tasks = made.ask(*(ids(*numbers) if kind != "alone" else [f"/t?id=eq.{n}&a=gt.{n}" for n in numbers]))
    await turns(turn)
    for leaver in leavers:
        tasks[leaver].cancel()
    async with asyncio.timeout(10):
        replies = await asyncio.gather(*tasks, return_exceptions=True)
    for at, reply in enumerate(replies):
        if isinstance(reply, Ticket):
            reply.done(None)
        assert isinstance(reply, Served | Ticket) or (at in leavers and isinstance(reply, asyncio.CancelledError))
        if isinstance(reply, Served):
            assert reply.share.body == str(numbers[at]).encode()
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
    assert made.merger._timers
    for task in tasks:
        task.cancel()
    await asyncio.gather(*tasks, return_exceptions=True)
    assert not made.merger._timers
    assert isinstance(ticket, Ticket)
    ticket.done(None)
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
        if isinstance(reply, Ticket):
            reply.done(None)
        await turns()
        made.assert_at_rest()
    assert set(left) == {Ticket, asyncio.CancelledError}
