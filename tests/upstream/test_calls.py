"""A call is told once, when it is over, with what came of it; one that was never sent is not told."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING

import pytest

from proxy.errors.codes import FaultError
from proxy.observe.events import CANCELLED, NO_ANSWER, Event, Events, UpstreamCalled
from proxy.postgrest.response.gateway import POSTGREST
from proxy.upstream.calls import CallLabels, ObservedCall, UpstreamContext
from proxy.upstream.client import Upstream, UpstreamRequest
from proxy.upstream.mount import Mount
from tests.e2e.harness import OK, ScriptedUpstream, Talk, answers, free_port, settings, until

if TYPE_CHECKING:
    from collections.abc import Callable

GET = UpstreamRequest(b"GET", b"GET /t HTTP/1.1\r\nHost: h\r\n\r\n")


class Made:
    """An upstream, what is said of its calls, and a clock that a test turns."""

    def __init__(self, url: str, **changes: object) -> None:
        self.now = 0.0
        self.said: list[Event] = []
        self.events = Events()
        self.events.subscribe(self.said.append)
        self.upstream = Upstream(settings(url, **changes), lambda: self.now)

    def call(self, leaves: Callable[[], None] | None = None) -> ObservedCall:
        outgoing = UpstreamRequest(GET.method, GET.head, on_sent=leaves)
        note = CallLabels("merged", b"GET", "t", "FAN001")
        context = UpstreamContext(
            self.upstream, self.upstream.calls, Mount(b"", b""), POSTGREST, self.events, lambda: self.now
        )
        return context.call(outgoing, note)


async def test_an_answered_call_is_told_with_its_status_and_its_time() -> None:
    async with ScriptedUpstream(answers(OK)) as server:
        made = Made(server.url)
        call = made.call()
        async with call as answer:
            made.now = 2.0
            assert await answer.read(9) == b"ok"
            assert (call.sent, call.seconds) == (True, 2.0)
            assert not made.said
        assert made.said == [UpstreamCalled("t", "merged", 2.0, 200, "GET", "FAN001")]
        made.upstream.close()


async def test_a_call_that_was_turned_down_in_the_queue_is_none() -> None:
    async with ScriptedUpstream(answers(OK)) as server:
        made = Made(server.url, pool__calls=1, limits__queue=1)
        async with made.call():
            queued = asyncio.create_task(made.call().__aenter__())
            await asyncio.sleep(0)
            refused = made.call()
            with pytest.raises(FaultError, match="FANIN505"):
                await refused.__aenter__()
            assert (refused.sent, refused.seconds) == (False, 0.0)
            queued.cancel()
            await asyncio.gather(queued, return_exceptions=True)
        assert len(made.said) == 1
        made.upstream.close()


async def test_waiting_for_a_place_is_not_upstreams_time() -> None:
    async with ScriptedUpstream(answers(OK)) as server:
        made, left = Made(server.url, pool__calls=1), []
        async with made.call() as first:
            second = made.call(lambda: left.append(made.now))
            entering = asyncio.create_task(second.__aenter__())
            await asyncio.sleep(0)
            made.now = 5.0
            await first.read(9)
        answer = await entering
        assert left == [5.0]
        made.now = 6.0
        await answer.read(9)
        await second.__aexit__(None, None, None)
        assert [event.seconds for event in made.said if isinstance(event, UpstreamCalled)] == [5.0, 1.0]
        made.upstream.close()


async def test_a_refused_connection_is_a_call_without_answer() -> None:
    made = Made(f"http://127.0.0.1:{free_port()}")
    with pytest.raises(FaultError, match="FANIN501"):
        await made.call().__aenter__()
    assert made.said == [UpstreamCalled("t", "merged", 0.0, NO_ANSWER, "GET", "FAN001")]


async def test_a_call_that_is_given_up_before_its_answer_is_told_as_that() -> None:
    async def silent(talk: Talk) -> None:
        await talk.gone()

    async with ScriptedUpstream(silent) as server:
        made = Made(server.url)
        waiting = asyncio.create_task(made.call().__aenter__())
        await until(lambda: made.upstream.calls.busy)
        waiting.cancel()
        await asyncio.gather(waiting, return_exceptions=True)
        assert [event.status for event in made.said if isinstance(event, UpstreamCalled)] == [CANCELLED]


@pytest.mark.parametrize(
    ("error", "status"),
    [
        (FaultError("FANIN502"), NO_ANSWER),
        (FaultError("FANIN108"), CANCELLED),  # the caller's body, for which upstream can do nothing
        (ConnectionAbortedError(), 200),
        (asyncio.CancelledError(), 200),
    ],
    ids=lambda value: repr(value)[:40],
)
async def test_what_fails_after_the_head_is_told_by_whose_fault_it_was(error: BaseException, status: int) -> None:
    async with ScriptedUpstream(answers(OK)) as server:
        made = Made(server.url)
        with pytest.raises(type(error)):
            async with made.call():
                raise error
        assert [event.status for event in made.said if isinstance(event, UpstreamCalled)] == [status]
        assert made.upstream.calls.busy == 0
