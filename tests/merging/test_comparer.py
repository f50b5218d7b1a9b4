"""A comparison asks again until it is clear what a difference means, and says so without counting on callers."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import msgspec
import pytest

from proxy.merging.comparer import FAILURES, OVERHEAD, BackgroundEvents, ShadowComparer, as_compared, is_busy
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
from proxy.path.comparison import (
    FAILED,
    MATCH,
    MISMATCH,
    SKIPPED,
    UNSTABLE,
    UNUSABLE,
    ComparedAnswer,
)
from proxy.path.plan import CallLimits, plan
from proxy.postgrest.response.gateway import POSTGREST
from proxy.upstream.calls import UpstreamContext
from proxy.upstream.client import Upstream
from proxy.upstream.mount import Mount
from proxy.upstream.state import UpstreamState
from tests.e2e.harness import settings, until
from tests.factories import fields, member

if TYPE_CHECKING:
    from collections.abc import Callable

    from proxy.merging.fetch import FetchResult
    from proxy.model import PendingRequest

HEAD = b"HTTP/1.1 200 OK\r\n"


class Made:
    """A checker whose answers a test tells: what each original says, then what each merged call says."""

    def __init__(self, **changes: Any) -> None:
        self.said: list[Event] = []
        self.asked: list[str] = []
        self.now = 0.0
        events = Events()
        events.subscribe(self.said.append)
        found = settings("http://127.0.0.1:9", **changes)
        client = Upstream(found, lambda: self.now)
        context = UpstreamContext(client, client.calls, Mount(b"", b""), POSTGREST, events, lambda: self.now)
        self.checker = ShadowComparer(found.merge, UpstreamState(found, context))
        (call,) = plan([member(f"/t?id=eq.{n}") for n in (1, 2)], b"alias", CallLimits(9, 9000))
        assert isinstance(call, MergedCall)
        self.call = call
        self.pairs = [(literal, members[0]) for literal, members in call.requests_by_value.items()]

    def tell(self, patch: pytest.MonkeyPatch, originals: str, merged: Callable[[], FetchResult]) -> None:
        """Further originals say the letters one after another, of every member; merged calls what ``merged`` says."""
        versions = iter(originals)
        current = {"version": originals[0]}

        async def original(one: PendingRequest) -> ComparedAnswer | str:
            if one is self.pairs[0][1]:
                self.asked.append("original")
                current["version"] = next(versions, originals[-1])
            return ComparedAnswer(HEAD, current["version"].encode())

        async def fetch(*_: object) -> FetchResult:
            self.asked.append("merged")
            return merged()

        patch.setattr(self.checker, "original", original)
        patch.setattr(self.checker.fetcher, "fetch", fetch)

    def shares(self, body: bytes) -> dict[bytes, Slice | NotSingular]:
        return {literal: Slice(HEAD, body, 1) for literal in self.call.requests_by_value}

    async def compare(self, first: ComparedAnswer | str, share: bytes = b"m") -> dict[str, int]:
        async def ask(_: PendingRequest) -> ComparedAnswer | str:
            return first

        await self.checker.compare(self.call, b"alias", self.shares(share), self.pairs, ask)
        assert self.checker.budget.reserved == 0
        return {event.result: event.answers for event in self.said if isinstance(event, AnswersCompared)}


def heard(body: bytes) -> ComparedAnswer:
    return ComparedAnswer(HEAD, body)


async def test_what_is_the_same_at_once_takes_no_further_call(monkeypatch: pytest.MonkeyPatch) -> None:
    made = Made()
    made.tell(monkeypatch, "x", lambda: made.shares(b"x"))
    assert await made.compare(heard(b"m")) == {MATCH: 2}
    assert not made.asked


async def test_what_differs_is_asked_for_twice_more_between_originals_then_paused_and_told(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    made = Made()
    made.tell(monkeypatch, "ooo", lambda: made.shares(b"m"))
    assert await made.compare(heard(b"o")) == {MISMATCH: 2}
    assert made.asked == ["original", "merged", "original", "merged", "original"]
    assert made.checker.pauses.paused("GET t?id=eq.?", 0.0)
    assert made.checker.paused == 1
    assert [event.reason for event in made.said if isinstance(event, MergingPaused)] == [MISMATCH]
    (told,) = (event for event in made.said if isinstance(event, Warned))
    assert told.what.endswith("GET t?id=eq.?: the body from byte 0 on, 1 bytes became 1")
    assert told.what.startswith("2 of 2 merged answers")


async def test_a_second_finding_in_the_pause_is_counted_and_not_told_again(monkeypatch: pytest.MonkeyPatch) -> None:
    made = Made()
    made.tell(monkeypatch, "o", lambda: made.shares(b"m"))
    await made.compare(heard(b"o"))
    made.said.clear()
    assert await made.compare(heard(b"o")) == {MISMATCH: 2}
    assert [type(event) for event in made.said] == [AnswersCompared]


@pytest.mark.parametrize(("originals", "calls"), [("xoo", 1), ("oxo", 3), ("oox", 5)])
async def test_an_original_that_changes_ends_it(monkeypatch: pytest.MonkeyPatch, originals: str, calls: int) -> None:
    made = Made()
    made.tell(monkeypatch, originals, lambda: made.shares(b"m"))
    result = await made.compare(heard(b"o"))
    assert MISMATCH not in result
    assert result[UNSTABLE] >= 1
    assert len(made.asked) == calls


async def test_a_merged_answer_that_comes_right_ends_it(monkeypatch: pytest.MonkeyPatch) -> None:
    made = Made()
    made.tell(monkeypatch, "o", lambda: made.shares(b"o"))
    assert await made.compare(heard(b"o")) == {UNSTABLE: 2}
    assert made.asked == ["original", "merged"]


@pytest.mark.parametrize(
    ("result", "counted"),
    [(FallbackReason("connection", "FANIN505"), SKIPPED), (FallbackReason("ties"), FAILED)],
    ids=str,
)
async def test_a_merged_call_that_is_not_answered_again_proves_nothing(
    monkeypatch: pytest.MonkeyPatch, result: FallbackReason, counted: str
) -> None:
    made = Made()
    made.tell(monkeypatch, "o", lambda: result)
    assert await made.compare(heard(b"o")) == {counted: 2}


async def test_what_could_not_be_heard_or_filled_in_is_counted_as_that(monkeypatch: pytest.MonkeyPatch) -> None:
    made = Made()
    assert await made.compare(FAILED) == {FAILED: 2}
    made.said.clear()
    monkeypatch.setattr(made, "shares", lambda _: dict.fromkeys(made.call.requests_by_value, NotSingular({}, b"", 0)))
    assert await made.compare(heard(b"o")) == {UNUSABLE: 2}


async def test_beyond_what_may_be_held_nothing_is_asked() -> None:
    made = Made(shadow__max_bytes=2 * OVERHEAD)
    assert await made.compare(heard(b"m")) == {SKIPPED: 2}


async def test_bugs_are_told_and_end_comparing_after_a_few() -> None:
    made = Made()
    for _ in range(FAILURES):
        made.checker.start(made.checker.compare(made.call, b"", {}, made.pairs, made.checker.original))
        await until(lambda: not made.checker.running)
    told = [event.what for event in made.said if isinstance(event, Warned)]
    assert told == ["a comparison failed"] * (FAILURES - 1) + ["a comparison failed; after 3 failures no more are made"]
    made.said.clear()
    assert await made.compare(heard(b"m")) == {SKIPPED: 2}


async def test_after_the_end_nothing_runs_and_nothing_begins() -> None:
    made = Made()

    async def never(_: PendingRequest) -> ComparedAnswer | str:
        await until(lambda: False)
        return FAILED

    made.checker.start(made.checker.compare(made.call, b"", made.shares(b"m"), made.pairs, never))
    await made.checker.close()
    assert (made.checker.running, made.checker.budget.reserved) == (0, 0)
    assert await made.compare(heard(b"m")) == {SKIPPED: 2}


def test_the_calls_that_are_made_beside_are_told_apart() -> None:
    said: list[Event] = []
    events = Events()
    events.subscribe(said.append)
    beside = BackgroundEvents(events)
    call, fallback = UpstreamCalled("t", "merged", 0.1, 200, costs="FAN001"), FellBack("ties", "", "t", 4)
    late = msgspec.structs.replace(fallback, reason="load")
    for event in (call, WindowClosed(3, 0.1), fallback, late):
        beside.emit(event)
    assert said == [
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


def test_only_a_call_that_was_not_made_for_want_of_a_place_is_busy() -> None:
    assert is_busy(FallbackReason("connection", "FANIN505"))
    assert not is_busy(FallbackReason("connection", "FANIN502"))
    assert not is_busy({})
