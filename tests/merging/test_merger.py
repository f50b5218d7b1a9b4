"""The merger with calls that end when and as a test says: everybody is answered once, and nothing is left in flight."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING

from proxy.errors.codes import BYPASS_REASONS
from proxy.merging.fetch import BadValue, FetchResult
from proxy.merging.waiters import BufferedAnswer, SendAlone
from proxy.model import FallbackReason, Slice
from proxy.observe.events import MergingPaused, Warned, WindowClosed
from tests.factories import member
from tests.merging.harness import Calls, Made, bodies, finish, ids, shares, turns

if TYPE_CHECKING:
    from proxy.model import MergedCall


async def test_each_gets_the_share_of_its_own_literal() -> None:
    made = Made(Calls())
    replies = await finish(made.ask(*ids(3, 1, 2, 1)))
    assert bodies(replies) == [b"3", b"1", b"2", b"1"]
    assert {reply.shared for reply in replies if isinstance(reply, BufferedAnswer)} == {4}
    made.assert_at_rest()


async def test_who_is_alone_goes_alone_with_no_reason() -> None:
    made = Made(Calls())
    (reply,) = await finish(made.ask(*ids(1)))
    assert isinstance(reply, SendAlone)
    assert (reply.reason, reply.is_fallback) == (None, False)
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
    made = Made(Calls(lambda _: FallbackReason("ties")))
    replies = await finish(made.ask(*ids(1, 2, 3)))
    assert all(isinstance(reply, SendAlone) and reply.is_fallback for reply in replies)
    assert made.doubts() == ["ties"]
    made.assert_at_rest()


async def test_an_exception_in_the_call_is_a_doubt_and_is_told() -> None:
    def broken(_: MergedCall) -> FetchResult:
        raise ZeroDivisionError

    made = Made(Calls(broken))
    replies = await finish(made.ask(*ids(1, 2)))
    assert all(isinstance(reply, SendAlone) and reply.is_fallback for reply in replies)
    assert made.doubts() == ["bug"]
    assert [event.error for event in made.said if isinstance(event, Warned)]


async def test_a_share_that_is_missing_sends_everybody_alone() -> None:
    made = Made(Calls(lambda call: {next(iter(call.requests_by_value)): Slice(b"", b"", 0)}))
    replies = await finish(made.ask(*ids(1, 2)))
    assert all(isinstance(reply, SendAlone) for reply in replies)
    assert made.merger.batcher.waiting == 0


async def test_a_call_that_is_too_slow_is_cancelled_and_everybody_goes_alone() -> None:
    calls = Calls()
    calls.going.clear()
    made = Made(calls, deadline_floor=1e-9)
    replies = await finish(made.ask(*ids(1, 2)))
    assert all(isinstance(reply, SendAlone) and reply.is_fallback for reply in replies)
    assert made.doubts() == ["deadline"]
    assert calls.cancelled == 1
    made.assert_at_rest()


async def test_waiting_for_a_connection_is_not_on_the_deadlines_time() -> None:
    calls = Calls()
    calls.place.clear()
    made = Made(calls, deadline_floor=1e-9)
    asked = made.ask(*ids(1, 2))
    await turns(50)
    assert not made.doubts()
    calls.going.clear()
    calls.place.set()
    await finish(asked)
    assert made.doubts() == ["deadline"]


# Poison.


async def test_without_its_poison_a_batch_is_merged_once_more() -> None:
    def poisoned(call: MergedCall) -> FetchResult:
        return BadValue("smallint", b"40000") if b"eq.40000" in call.requests_by_value else shares(call)

    made = Made(Calls(poisoned))
    replies = await finish(made.ask(*ids(1, 40000, 2)))
    assert bodies(replies) == [b"1", None, b"2"]
    assert isinstance(replies[1], SendAlone)
    assert replies[1].reason == "literal"
    assert [len(call.requests_by_value) for call in made.calls.made] == [3, 2]
    made.assert_at_rest()


async def test_a_batch_that_is_poisoned_twice_ends_in_the_originals() -> None:
    poisons = iter([BadValue("integer", b"9000000000"), BadValue("smallint", b"40000")])
    made = Made(Calls(lambda call: next(poisons, None) or shares(call)))
    replies = await finish(made.ask(*ids(1, 2, 40000, 9_000_000_000)))
    assert all(isinstance(reply, SendAlone) for reply in replies)
    assert [len(call.requests_by_value) for call in made.calls.made] == [4, 3]
    assert made.doubts() == ["bad-value", "bad-value"]
    made.assert_at_rest()


# Bypass reasons that depend on more than the request.


async def test_after_a_failure_merging_pauses() -> None:
    made = Made(Calls(lambda _: FallbackReason("ties")))
    await finish(made.ask(*ids(1, 2)))
    replies = await finish(made.ask(*ids(1, 2)))
    assert [reply.reason for reply in replies if isinstance(reply, SendAlone)] == ["paused", "paused"]
    made.now = 1.0
    await finish(made.ask(*ids(1, 2)))
    assert len(made.calls.made) == 2
    made.assert_at_rest()


async def test_pauses_grow_for_that_query_and_caller_alone_until_a_merged_answer_is_good() -> None:
    calls = Calls(lambda _: FallbackReason("ties"))
    made, lengths = Made(calls, pause_first=1.0, pause_max=5.0), []
    for _ in range(4):
        await finish(made.ask(*ids(1, 2)))
        lengths.append(next(length for length in (1.0, 2.0, 4.0, 5.0) if not paused(made, length)))
        made.now += lengths[-1]
    assert lengths == [1.0, 2.0, 4.0, 5.0]
    await finish([asyncio.create_task(made.merger.ask(member(one, "Host: h\nCookie: a=b"))) for one in ids(1, 2)])
    assert not paused(made, 1.0), "another caller's first pause"
    made.now += 1.0
    calls.answer = shares
    await finish(made.ask(*ids(1, 2)))
    calls.answer = lambda _: FallbackReason("ties")
    await finish(made.ask(*ids(1, 2)))
    assert not paused(made, 1.0)
    made.assert_at_rest()


def paused(made: Made, seconds: float) -> int:
    """How many queries will be paused in that time."""
    now, made.now = made.now, made.now + seconds
    found = made.merger.paused
    made.now = now
    return found


async def test_a_pause_is_told_once_with_its_doubt_and_shown_while_it_lasts() -> None:
    made = Made(Calls(lambda _: FallbackReason("ties")), max_keys=2)
    await finish(made.ask(*ids(1, 2, 3, 4)))
    assert len(made.calls.made) == 2
    assert [event.reason for event in made.said if isinstance(event, MergingPaused)] == ["ties"]
    assert made.merger.paused == 1
    made.now = 1.0
    assert made.merger.paused == 0


async def test_who_gathered_behind_a_call_that_fails_is_not_merged_in_the_pause() -> None:
    calls = Calls(lambda _: FallbackReason("ties"))
    calls.going.clear()
    made = Made(calls)
    first = made.ask(*ids(1, 2))
    await turns()
    second = made.ask(*ids(3, 4))
    await turns()
    calls.going.set()
    await finish(first)
    replies = await finish(second)
    assert [reply.reason for reply in replies if isinstance(reply, SendAlone)] == ["paused", "paused"]
    assert len(calls.made) == 1
    made.assert_at_rest()


async def test_a_query_that_was_answered_wrong_is_merged_for_no_identity_until_its_pause_is_over() -> None:
    made = Made(Calls())
    made.mismatch_pauses.start("GET t?id=eq.?", 0.0)
    for lines in ("Host: h", "Host: h\nCookie: a=b"):
        tasks = [asyncio.create_task(made.merger.ask(member(target, lines))) for target in ids(1, 2)]
        replies = await finish(tasks)
        assert [reply.reason for reply in replies if isinstance(reply, SendAlone)] == [
            "mismatch-paused",
            "mismatch-paused",
        ]
    assert bodies(await finish(made.ask("/u?id=eq.1", "/u?id=eq.2"))) == [b"1", b"2"]
    made.now = 60.0
    assert bodies(await finish(made.ask(*ids(1, 2)))) == [b"1", b"2"]
    made.assert_at_rest()


async def test_who_waits_in_a_window_when_the_query_is_found_wrong_goes_alone() -> None:
    made = Made(Calls())
    tasks = made.ask(*ids(1, 2))
    await turns(1)
    made.mismatch_pauses.start("GET t?id=eq.?", 0.0)
    replies = await finish(tasks)
    assert [reply.reason for reply in replies if isinstance(reply, SendAlone)] == ["mismatch-paused", "mismatch-paused"]
    made.assert_at_rest()


async def test_queries_with_large_answers_are_not_merged() -> None:
    made = Made(Calls(lambda call: dict.fromkeys(call.requests_by_value, Slice(b"", b"x" * 100, 1))), max_key_body=20)
    await finish(made.ask(*ids(1, 2)))
    replies = await finish(made.ask(*ids(1, 2)))
    assert [reply.reason for reply in replies if isinstance(reply, SendAlone)] == ["large-rows", "large-rows"]
    made.assert_at_rest()


async def test_beyond_the_queries_that_may_be_tracked_requests_go_alone() -> None:
    calls = Calls()
    calls.going.clear()
    made = Made(calls, max_tracked=1)
    first = made.ask(*ids(1, 2))
    await turns()
    (reply,) = await finish(made.ask("/u?id=eq.1"))
    assert isinstance(reply, SendAlone)
    assert reply.reason == "busy"
    calls.going.set()
    await finish(first)
    made.assert_at_rest()


def test_the_reasons_are_in_the_table() -> None:
    assert {"paused", "mismatch-paused", "large-rows", "busy", "literal"} <= set(BYPASS_REASONS)


# Windows.


async def test_a_window_leaves_before_it_holds_more_than_it_may() -> None:
    made = Made(Calls(), max_window=5)
    replies = await finish(made.ask(*ids(*range(12))))
    assert bodies(replies) == [str(n).encode() for n in range(12)]
    assert [event.size for event in made.said if isinstance(event, WindowClosed)] == [5, 5, 2]
    made.assert_at_rest()


async def test_a_known_max_rows_bounds_the_keys_of_a_call() -> None:
    made = Made(Calls())
    made.evidence.record_cut(3, 0.0)
    await finish(made.ask(*ids(*range(8))))
    assert {len(call.requests_by_value) for call in made.calls.made} == {2}
    made.assert_at_rest()


async def test_a_single_original_in_flight_holds_others_until_it_is_back() -> None:
    made = Made(Calls())
    (ticket,) = await asyncio.gather(*made.ask(*ids(1)))
    assert isinstance(ticket, SendAlone)
    waiting = made.ask(*ids(2, 3))
    await turns()
    assert not any(task.done() for task in waiting)
    ticket.slot.release(0.01)
    ticket.slot.release(0.01)
    assert bodies(await finish(waiting)) == [b"2", b"3"]
    made.assert_at_rest()
