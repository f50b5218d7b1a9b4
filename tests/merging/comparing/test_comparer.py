"""ShadowComparer: a difference is repeated until its meaning is clear."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import msgspec
import pytest

from proxy.merging.comparing.comparer import MAX_BUGS, OVERHEAD, BackgroundEvents, ShadowComparer, as_compared, is_busy
from proxy.model import FallbackReason, MergedCall, NotSingular, Slice
from proxy.observe.events import (
    AnswersCompared,
    Event,
    Events,
    FellBack,
    MergingPaused,
    UpstreamCalled,
    Warned,
    WindowClosed,
)
from proxy.path.batches.plan import CallLimits, plan
from proxy.path.evidence.comparison import (
    FAILED,
    MATCH,
    MISMATCH,
    SKIPPED,
    UNSTABLE,
    UNUSABLE,
    ComparedAnswer,
)
from proxy.postgrest.response.gateway import POSTGREST
from proxy.upstream.calls import UpstreamContext
from proxy.upstream.client import Upstream
from proxy.upstream.mount import Mount
from proxy.upstream.state import UpstreamState
from tests.e2e.support.harness import settings, until
from tests.factories import fields, member

if TYPE_CHECKING:
    from collections.abc import Callable

    from proxy.merging.fetch import FetchResult
    from proxy.model import PendingRequest

HEAD = b"HTTP/1.1 200 OK\r\n"


class ComparerHarness:
    """A comparer whose originals and merged answers the test sets."""

    def __init__(self, **changes: Any) -> None:
        self.events: list[Event] = []
        self.sent: list[str] = []
        self.now = 0.0
        events = Events()
        events.subscribe(self.events.append)
        changed = settings("http://127.0.0.1:9", **changes)
        client = Upstream(changed, lambda: self.now)
        context = UpstreamContext(client, client.calls, Mount(b"", b""), POSTGREST, events, lambda: self.now)
        self.comparer = ShadowComparer(changed.merge, UpstreamState(changed, context))
        (call,) = plan([member(f"/t?id=eq.{n}") for n in (1, 2)], b"alias", CallLimits(9, 9000))
        assert isinstance(call, MergedCall)
        self.call = call
        self.pairs = [(literal, requests[0]) for literal, requests in call.requests_by_value.items()]

    def set_answers(self, patch: pytest.MonkeyPatch, originals: str, merged: Callable[[], FetchResult]) -> None:
        """Further originals have these letters as bodies, one per round; ``merged`` answers merged calls."""
        versions = iter(originals)
        current = {"version": originals[0]}

        async def original(request: PendingRequest) -> ComparedAnswer | str:
            if request is self.pairs[0][1]:
                self.sent.append("original")
                current["version"] = next(versions, originals[-1])
            return ComparedAnswer(HEAD, current["version"].encode())

        async def fetch(*_: object) -> FetchResult:
            self.sent.append("merged")
            return merged()

        patch.setattr(self.comparer, "original", original)
        patch.setattr(self.comparer.fetcher, "fetch", fetch)

    def slices(self, body: bytes) -> dict[bytes, Slice | NotSingular | None]:
        return {literal: Slice(HEAD, body, 1) for literal in self.call.requests_by_value}

    async def compare(self, first: ComparedAnswer | str, merged_body: bytes = b"m") -> dict[str, int]:
        async def fetch_original(_: PendingRequest) -> ComparedAnswer | str:
            return first

        await self.comparer.compare(self.call, b"alias", self.slices(merged_body), self.pairs, fetch_original)
        assert self.comparer.budget.reserved == 0
        return {event.result: event.answers for event in self.events if isinstance(event, AnswersCompared)}


def answer(body: bytes) -> ComparedAnswer:
    return ComparedAnswer(HEAD, body)


async def test_equal_answers_need_no_further_call(monkeypatch: pytest.MonkeyPatch) -> None:
    harness = ComparerHarness()
    harness.set_answers(monkeypatch, "x", lambda: harness.slices(b"x"))
    assert await harness.compare(answer(b"m")) == {MATCH: 2}
    assert not harness.sent


async def test_a_difference_is_repeated_twice_between_originals_then_the_query_is_paused_with_a_warning(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    harness = ComparerHarness()
    harness.set_answers(monkeypatch, "ooo", lambda: harness.slices(b"m"))
    assert await harness.compare(answer(b"o")) == {MISMATCH: 2}
    assert harness.sent == ["original", "merged", "original", "merged", "original"]
    assert harness.comparer.pauses.paused("GET t?id=eq.?", 0.0)
    assert harness.comparer.paused == 1
    assert [event.reason for event in harness.events if isinstance(event, MergingPaused)] == [MISMATCH]
    (warning,) = (event for event in harness.events if isinstance(event, Warned))
    assert warning.what.endswith("GET t?id=eq.?: the body from byte 0 on, 1 bytes became 1")
    assert warning.what.startswith("2 of 2 merged answers")


async def test_a_second_mismatch_during_the_pause_is_counted_without_a_warning(monkeypatch: pytest.MonkeyPatch) -> None:
    harness = ComparerHarness()
    harness.set_answers(monkeypatch, "o", lambda: harness.slices(b"m"))
    await harness.compare(answer(b"o"))
    harness.events.clear()
    assert await harness.compare(answer(b"o")) == {MISMATCH: 2}
    assert [type(event) for event in harness.events] == [AnswersCompared]


@pytest.mark.parametrize(("originals", "calls"), [("xoo", 1), ("oxo", 3), ("oox", 5)])
async def test_an_original_that_changes_ends_the_comparison(
    monkeypatch: pytest.MonkeyPatch, originals: str, calls: int
) -> None:
    harness = ComparerHarness()
    harness.set_answers(monkeypatch, originals, lambda: harness.slices(b"m"))
    result = await harness.compare(answer(b"o"))
    assert MISMATCH not in result
    assert result[UNSTABLE] >= 1
    assert len(harness.sent) == calls


async def test_a_repeated_merged_answer_that_is_equal_ends_the_comparison(monkeypatch: pytest.MonkeyPatch) -> None:
    harness = ComparerHarness()
    harness.set_answers(monkeypatch, "o", lambda: harness.slices(b"o"))
    assert await harness.compare(answer(b"o")) == {UNSTABLE: 2}
    assert harness.sent == ["original", "merged"]


@pytest.mark.parametrize(
    ("result", "counted"),
    [
        (FallbackReason("connection", "FANIN505"), SKIPPED),
        (FallbackReason("connection", "FANIN507"), SKIPPED),
        (FallbackReason("ties"), FAILED),
    ],
    ids=str,
)
async def test_a_repeated_merged_call_without_an_answer_is_no_mismatch(
    monkeypatch: pytest.MonkeyPatch, result: FallbackReason, counted: str
) -> None:
    harness = ComparerHarness()
    harness.set_answers(monkeypatch, "o", lambda: result)
    assert await harness.compare(answer(b"o")) == {counted: 2}


async def test_missing_originals_and_unusable_slices_are_counted_as_such(monkeypatch: pytest.MonkeyPatch) -> None:
    harness = ComparerHarness()
    assert await harness.compare(FAILED) == {FAILED: 2}
    harness.events.clear()
    monkeypatch.setattr(
        harness, "slices", lambda _: dict.fromkeys(harness.call.requests_by_value, NotSingular({}, b"", 0))
    )
    assert await harness.compare(answer(b"o")) == {UNUSABLE: 2}


async def test_beyond_the_memory_budget_nothing_is_compared() -> None:
    harness = ComparerHarness(shadow__max_bytes=2 * OVERHEAD)
    assert await harness.compare(answer(b"m")) == {SKIPPED: 2}


async def test_bugs_are_reported_and_after_a_few_comparisons_stop() -> None:
    harness = ComparerHarness()
    for _ in range(MAX_BUGS):
        harness.comparer.start(
            harness.comparer.compare(harness.call, b"", {}, harness.pairs, harness.comparer.original)
        )
        await until(lambda: not harness.comparer.running)
    warnings = [event.what for event in harness.events if isinstance(event, Warned)]
    assert warnings == ["a comparison failed"] * (MAX_BUGS - 1) + [
        "a comparison failed; after 3 failures no more are made"
    ]
    harness.events.clear()
    assert await harness.compare(answer(b"m")) == {SKIPPED: 2}


async def test_after_close_no_comparison_runs_or_starts() -> None:
    harness = ComparerHarness()

    async def never(_: PendingRequest) -> ComparedAnswer | str:
        await until(lambda: False)
        return FAILED

    harness.comparer.start(harness.comparer.compare(harness.call, b"", harness.slices(b"m"), harness.pairs, never))
    await harness.comparer.close()
    assert (harness.comparer.running, harness.comparer.budget.reserved) == (0, 0)
    assert await harness.compare(answer(b"m")) == {SKIPPED: 2}


def test_events_of_background_calls_are_marked() -> None:
    emitted: list[Event] = []
    events = Events()
    events.subscribe(emitted.append)
    background = BackgroundEvents(events)
    call, fallback = UpstreamCalled("t", "merged", 0.1, 200, costs="FAN001"), FellBack("ties", "", "t", 4)
    late = msgspec.structs.replace(fallback, reason="load")
    for event in (call, WindowClosed(3, 0.1), fallback, late):
        background.emit(event)
    assert emitted == [
        msgspec.structs.replace(call, kind="shadow"),
        WindowClosed(3, 0.1),
        fallback,
        AnswersCompared(UNUSABLE, 4),
        late,
        AnswersCompared(SKIPPED, 4),
    ]


def test_a_compressed_answer_is_not_compared() -> None:
    from proxy.http1.head import parse_status_line

    line = parse_status_line(b"HTTP/1.1 200 OK")
    assert as_compared(line, fields("A: b"), b"x") == ComparedAnswer(b"HTTP/1.1 200 OK\r\nA: b", b"x")
    assert as_compared(line, fields("Content-Encoding: gzip"), b"x") == SKIPPED


def test_only_a_call_that_got_no_connection_in_time_is_busy() -> None:
    assert is_busy(FallbackReason("connection", "FANIN505"))
    assert is_busy(FallbackReason("connection", "FANIN507"))
    assert not is_busy(FallbackReason("connection", "FANIN502"))
    assert not is_busy({})
