"""Merger with a fake fetcher: every request gets one reply, and no call stays in flight."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING

import pytest

from proxy.errors.codes import BYPASS_REASONS, WAITED_CODES
from proxy.merging import merger
from proxy.merging.fetch import FetchResult
from proxy.merging.waiters import BufferedAnswer, FailedCall, SendAlone
from proxy.model import FallbackReason, Slice
from proxy.observe.events import MergingPaused, Warned, WindowClosed
from proxy.postgrest.response.problem import BadLiteral
from proxy.upstream.overload import MAX_RETRY_AFTER
from tests.factories import member
from tests.merging.harness import FakeFetcher, MergingHarness, bodies, finish, ids, run_loop, slices_of

if TYPE_CHECKING:
    from proxy.merging.fetch import FetchResult
    from proxy.model import MergedCall


async def test_each_request_gets_the_slice_of_its_literal() -> None:
    harness = MergingHarness()
    replies = await finish(harness.merge(*ids(3, 1, 2, 1)))
    assert bodies(replies) == [b"3", b"1", b"2", b"1"]
    assert {reply.shared for reply in replies if isinstance(reply, BufferedAnswer)} == {4}
    harness.assert_idle()


async def test_a_lone_request_is_sent_alone_with_no_bypass_reason() -> None:
    harness = MergingHarness()
    (reply,) = await finish(harness.merge(*ids(1)))
    assert isinstance(reply, SendAlone)
    assert (reply.reason, reply.is_fallback) == (None, False)
    harness.assert_idle()


async def test_a_batch_of_one_is_not_planned(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delattr(merger, "plan")
    harness = MergingHarness()
    (reply,) = await finish(harness.merge(*ids(1)))
    assert isinstance(reply, SendAlone)
    harness.assert_idle()


async def test_requests_that_arrive_while_a_call_is_in_flight_are_in_the_next_call() -> None:
    fetcher = FakeFetcher()
    fetcher.resume.clear()
    harness = MergingHarness(fetcher)
    first = harness.merge(*ids(1, 2))
    await run_loop()
    second = harness.merge(*ids(1, 2))
    await run_loop()
    assert len(fetcher.sent) == 1
    fetcher.resume.set()
    assert bodies(await finish(first)) == bodies(await finish(second)) == [b"1", b"2"]
    assert len(fetcher.sent) == 2
    harness.assert_idle()


async def test_after_a_fallback_reason_every_request_is_sent_alone_once() -> None:
    harness = MergingHarness(FakeFetcher(lambda _: FallbackReason("ties")))
    replies = await finish(harness.merge(*ids(1, 2, 3)))
    assert all(isinstance(reply, SendAlone) and reply.is_fallback for reply in replies)
    assert harness.fallback_reasons() == ["ties"]
    harness.assert_idle()


@pytest.mark.parametrize("code", sorted(WAITED_CODES))
async def test_requests_of_a_call_that_was_refused_or_waited_too_long_do_not_wait_again_and_merge_the_next_time(
    code: str,
) -> None:
    harness = MergingHarness(FakeFetcher(lambda _: FallbackReason("connection", code)))
    for _ in range(2):
        replies = await finish(harness.merge(*ids(1, 2, 3)))
        assert [reply.error.fault.code for reply in replies if isinstance(reply, FailedCall)] == [code] * 3
    assert not [event for event in harness.events if isinstance(event, MergingPaused)]
    harness.assert_idle()


async def test_the_requests_of_a_refused_call_are_not_told_to_come_back_all_at_once() -> None:
    harness = MergingHarness(FakeFetcher(lambda _: FallbackReason("connection", "FANIN513")))
    replies = await finish(harness.merge(*ids(*range(100))))
    seconds = {reply.error.retry_after for reply in replies if isinstance(reply, FailedCall)}
    assert seconds == set(range(1, MAX_RETRY_AFTER + 1))


async def test_an_exception_in_the_call_is_reported_and_every_request_is_sent_alone() -> None:
    def broken(_: MergedCall) -> FetchResult:
        raise ZeroDivisionError

    harness = MergingHarness(FakeFetcher(broken))
    replies = await finish(harness.merge(*ids(1, 2)))
    assert all(isinstance(reply, SendAlone) and reply.is_fallback for reply in replies)
    assert harness.fallback_reasons() == ["bug"]
    assert [event.error for event in harness.events if isinstance(event, Warned)]


async def test_after_a_missing_slice_every_request_is_sent_alone() -> None:
    harness = MergingHarness(FakeFetcher(lambda call: {next(iter(call.requests_by_value)): Slice(b"", b"", 0)}))
    replies = await finish(harness.merge(*ids(1, 2)))
    assert all(isinstance(reply, SendAlone) for reply in replies)
    assert harness.merger.batcher.waiting == 0


async def test_a_call_past_its_deadline_is_cancelled_and_every_request_is_sent_alone() -> None:
    fetcher = FakeFetcher()
    fetcher.resume.clear()
    harness = MergingHarness(fetcher, deadline_floor=1e-9)
    replies = await finish(harness.merge(*ids(1, 2)))
    assert all(isinstance(reply, SendAlone) and reply.is_fallback for reply in replies)
    assert harness.fallback_reasons() == ["deadline"]
    assert fetcher.cancelled == 1
    harness.assert_idle()


async def test_the_deadline_does_not_include_the_wait_for_a_connection() -> None:
    fetcher = FakeFetcher()
    fetcher.connection_free.clear()
    harness = MergingHarness(fetcher, deadline_floor=1e-9)
    tasks = harness.merge(*ids(1, 2))
    await run_loop(50)
    assert not harness.fallback_reasons()
    fetcher.resume.clear()
    fetcher.connection_free.set()
    await finish(tasks)
    assert harness.fallback_reasons() == ["deadline"]


# Bad values.


async def test_a_batch_is_merged_again_without_its_bad_value() -> None:
    def with_bad_value(call: MergedCall) -> FetchResult:
        return BadLiteral("smallint", b"40000") if b"eq.40000" in call.requests_by_value else slices_of(call)

    harness = MergingHarness(FakeFetcher(with_bad_value))
    replies = await finish(harness.merge(*ids(1, 40000, 2)))
    assert bodies(replies) == [b"1", None, b"2"]
    assert isinstance(replies[1], SendAlone)
    assert replies[1].reason == "literal"
    assert [len(call.requests_by_value) for call in harness.fetcher.sent] == [3, 2]
    harness.assert_idle()


async def test_after_a_second_bad_value_every_request_is_sent_alone() -> None:
    bad_values = iter([BadLiteral("integer", b"9000000000"), BadLiteral("smallint", b"40000")])
    harness = MergingHarness(FakeFetcher(lambda call: next(bad_values, None) or slices_of(call)))
    replies = await finish(harness.merge(*ids(1, 2, 40000, 9_000_000_000)))
    assert all(isinstance(reply, SendAlone) for reply in replies)
    assert [len(call.requests_by_value) for call in harness.fetcher.sent] == [4, 3]
    assert harness.fallback_reasons() == ["bad-value", "bad-value"]
    harness.assert_idle()


# Bypass reasons that depend on more than the request.


async def test_merging_pauses_after_a_fallback() -> None:
    harness = MergingHarness(FakeFetcher(lambda _: FallbackReason("ties")))
    await finish(harness.merge(*ids(1, 2)))
    replies = await finish(harness.merge(*ids(1, 2)))
    assert [reply.reason for reply in replies if isinstance(reply, SendAlone)] == ["paused", "paused"]
    harness.now = 1.0
    await finish(harness.merge(*ids(1, 2)))
    assert len(harness.fetcher.sent) == 2
    harness.assert_idle()


async def test_pauses_grow_per_query_and_identity_until_a_merged_answer_is_used() -> None:
    fetcher = FakeFetcher(lambda _: FallbackReason("ties"))
    harness, lengths = MergingHarness(fetcher, pause_first=1.0, pause_max=5.0), []
    for _ in range(4):
        await finish(harness.merge(*ids(1, 2)))
        lengths.append(next(length for length in (1.0, 2.0, 4.0, 5.0) if not paused(harness, length)))
        harness.now += lengths[-1]
    assert lengths == [1.0, 2.0, 4.0, 5.0]
    await finish(
        [asyncio.create_task(harness.merger.reply_to(member(target, "Host: h\nCookie: a=b"))) for target in ids(1, 2)]
    )
    assert not paused(harness, 1.0), "the first pause of another identity"
    harness.now += 1.0
    fetcher.answer = slices_of
    await finish(harness.merge(*ids(1, 2)))
    fetcher.answer = lambda _: FallbackReason("ties")
    await finish(harness.merge(*ids(1, 2)))
    assert not paused(harness, 1.0)
    harness.assert_idle()


def paused(harness: MergingHarness, seconds: float) -> int:
    """Number of queries that are paused at ``seconds`` from now."""
    now, harness.now = harness.now, harness.now + seconds
    count = harness.merger.paused
    harness.now = now
    return count


async def test_a_pause_is_reported_once_with_its_fallback_reason_and_counted_while_it_lasts() -> None:
    harness = MergingHarness(FakeFetcher(lambda _: FallbackReason("ties")), max_keys=2)
    await finish(harness.merge(*ids(1, 2, 3, 4)))
    assert len(harness.fetcher.sent) == 2
    assert [event.reason for event in harness.events if isinstance(event, MergingPaused)] == ["ties"]
    assert harness.merger.paused == 1
    harness.now = 1.0
    assert harness.merger.paused == 0


async def test_a_window_that_closes_during_a_pause_is_not_merged() -> None:
    fetcher = FakeFetcher(lambda _: FallbackReason("ties"))
    fetcher.resume.clear()
    harness = MergingHarness(fetcher)
    first = harness.merge(*ids(1, 2))
    await run_loop()
    second = harness.merge(*ids(3, 4))
    await run_loop()
    fetcher.resume.set()
    await finish(first)
    replies = await finish(second)
    assert [reply.reason for reply in replies if isinstance(reply, SendAlone)] == ["paused", "paused"]
    assert len(fetcher.sent) == 1
    harness.assert_idle()


async def test_after_a_mismatch_the_query_is_merged_for_no_identity_until_its_pause_ends() -> None:
    harness = MergingHarness()
    harness.mismatch_pauses.start("GET t?id=eq.?", 0.0)
    for lines in ("Host: h", "Host: h\nCookie: a=b"):
        tasks = [asyncio.create_task(harness.merger.reply_to(member(target, lines))) for target in ids(1, 2)]
        replies = await finish(tasks)
        assert [reply.reason for reply in replies if isinstance(reply, SendAlone)] == [
            "mismatch-paused",
            "mismatch-paused",
        ]
    assert bodies(await finish(harness.merge("/u?id=eq.1", "/u?id=eq.2"))) == [b"1", b"2"]
    harness.now = 60.0
    assert bodies(await finish(harness.merge(*ids(1, 2)))) == [b"1", b"2"]
    harness.assert_idle()


async def test_requests_in_a_window_are_sent_alone_when_a_mismatch_is_found() -> None:
    harness = MergingHarness()
    tasks = harness.merge(*ids(1, 2))
    await run_loop(1)
    harness.mismatch_pauses.start("GET t?id=eq.?", 0.0)
    replies = await finish(tasks)
    assert [reply.reason for reply in replies if isinstance(reply, SendAlone)] == ["mismatch-paused", "mismatch-paused"]
    harness.assert_idle()


async def test_queries_with_large_answers_are_not_merged() -> None:
    harness = MergingHarness(
        FakeFetcher(lambda call: dict.fromkeys(call.requests_by_value, Slice(b"", b"x" * 100, 1))), max_key_body=20
    )
    await finish(harness.merge(*ids(1, 2)))
    replies = await finish(harness.merge(*ids(1, 2)))
    assert [reply.reason for reply in replies if isinstance(reply, SendAlone)] == ["large-rows", "large-rows"]
    harness.assert_idle()


async def test_beyond_max_tracked_requests_are_sent_alone() -> None:
    fetcher = FakeFetcher()
    fetcher.resume.clear()
    harness = MergingHarness(fetcher, max_tracked=1)
    first = harness.merge(*ids(1, 2))
    await run_loop()
    (reply,) = await finish(harness.merge("/u?id=eq.1"))
    assert isinstance(reply, SendAlone)
    assert reply.reason == "busy"
    fetcher.resume.set()
    await finish(first)
    harness.assert_idle()


def test_the_bypass_reasons_are_in_the_table() -> None:
    assert {"paused", "mismatch-paused", "large-rows", "busy", "literal"} <= set(BYPASS_REASONS)


# Windows.


async def test_a_window_is_flushed_when_it_holds_max_window_requests() -> None:
    harness = MergingHarness(max_window=5)
    replies = await finish(harness.merge(*ids(*range(12))))
    assert bodies(replies) == [str(n).encode() for n in range(12)]
    assert [event.size for event in harness.events if isinstance(event, WindowClosed)] == [5, 5, 2]
    harness.assert_idle()


async def test_a_known_max_rows_limits_the_keys_per_call() -> None:
    harness = MergingHarness()
    harness.max_rows.record_cut(3, 0.0)
    await finish(harness.merge(*ids(*range(8))))
    assert {len(call.requests_by_value) for call in harness.fetcher.sent} == {2}
    harness.assert_idle()


async def test_requests_wait_while_a_lone_original_is_in_flight() -> None:
    harness = MergingHarness()
    (reply,) = await asyncio.gather(*harness.merge(*ids(1)))
    assert isinstance(reply, SendAlone)
    waiting = harness.merge(*ids(2, 3))
    await run_loop()
    assert not any(task.done() for task in waiting)
    reply.slot.release(0.01)
    reply.slot.release(0.01)
    assert bodies(await finish(waiting)) == [b"2", b"3"]
    harness.assert_idle()
