"""Upstream calls: one event when the call has ended, with its result; none for a call that was never sent."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING

import pytest
from msgspec.structs import replace

from proxy.errors.codes import FaultError
from proxy.observe.events import CANCELLED, NO_ANSWER, Event, Events, UpstreamCalled
from proxy.postgrest.response.gateway import POSTGREST
from proxy.upstream.calls import CallLabels, ObservedCall, UpstreamContext
from proxy.upstream.client import Upstream
from proxy.upstream.messages import UpstreamRequest
from proxy.upstream.mount import Mount
from tests.e2e.support.harness import OK, ScriptedConnection, ScriptedUpstream, answers, free_port, settings, until

if TYPE_CHECKING:
    from collections.abc import Callable

GET = UpstreamRequest(b"GET", b"GET /t HTTP/1.1\r\nHost: h\r\n\r\n")


class CallsHarness:
    """An upstream, the events of its calls, and a clock that the test moves."""

    def __init__(self, url: str, **changes: object) -> None:
        self.now = 0.0
        self.emitted: list[Event] = []
        self.events = Events()
        self.events.subscribe(self.emitted.append)
        self.upstream = Upstream(settings(url, **changes), lambda: self.now)

    def call(self, on_sent: Callable[[], None] | None = None) -> ObservedCall:
        request = UpstreamRequest(GET.method, GET.head, on_sent=on_sent)
        labels = CallLabels("merged", b"GET", "t", "FAN001")
        context = UpstreamContext(
            self.upstream, self.upstream.calls, Mount(b"", b""), POSTGREST, self.events, lambda: self.now
        )
        return context.call(request, labels)


async def test_the_event_of_an_answered_call_has_its_status_and_time() -> None:
    async with ScriptedUpstream(answers(OK)) as server:
        harness = CallsHarness(server.url)
        call = harness.call()
        async with call as answer:
            harness.now = 2.0
            assert await answer.read(9) == b"ok"
            assert (call.sent, call.seconds) == (True, 2.0)
            assert not harness.emitted
        assert harness.emitted == [UpstreamCalled("t", "merged", 2.0, 200, "GET", "FAN001")]
        harness.upstream.close()


async def test_a_call_whose_callback_fails_is_not_sent_and_emits_no_event() -> None:
    def fails() -> None:
        raise RuntimeError

    async with ScriptedUpstream(answers(OK)) as server:
        harness = CallsHarness(server.url)
        call = harness.call(fails)
        with pytest.raises(RuntimeError):
            await call.__aenter__()
        assert (call.sent, harness.emitted) == (False, [])
        harness.upstream.close()


async def test_a_call_that_the_pool_refuses_emits_no_event() -> None:
    async with ScriptedUpstream(answers(OK)) as server:
        harness = CallsHarness(server.url, pool__calls=1, limits__queue=1)
        async with harness.call():
            queued = asyncio.create_task(harness.call().__aenter__())
            await asyncio.sleep(0)
            refused = harness.call()
            with pytest.raises(FaultError, match="FANIN505"):
                await refused.__aenter__()
            assert (refused.sent, refused.seconds) == (False, 0.0)
            queued.cancel()
            await asyncio.gather(queued, return_exceptions=True)
        assert len(harness.emitted) == 1
        harness.upstream.close()


async def test_the_time_of_a_call_does_not_include_the_wait_in_the_queue() -> None:
    async with ScriptedUpstream(answers(OK)) as server:
        harness, sent_at = CallsHarness(server.url, pool__calls=1), []
        async with harness.call() as first:
            second = harness.call(lambda: sent_at.append(harness.now))
            entering = asyncio.create_task(second.__aenter__())
            await asyncio.sleep(0)
            harness.now = 5.0
            await first.read(9)
        answer = await entering
        assert sent_at == [5.0]
        harness.now = 6.0
        await answer.read(9)
        await second.__aexit__(None, None, None)
        assert [event.seconds for event in harness.emitted if isinstance(event, UpstreamCalled)] == [5.0, 1.0]
        harness.upstream.close()


async def test_a_refused_connection_is_a_call_without_answer() -> None:
    harness = CallsHarness(f"http://127.0.0.1:{free_port()}")
    with pytest.raises(FaultError, match="FANIN501"):
        await harness.call().__aenter__()
    (event,) = harness.emitted
    assert isinstance(event, UpstreamCalled)
    assert replace(event, fault=None) == UpstreamCalled("t", "merged", 0.0, NO_ANSWER, "GET", "FAN001")
    assert event.fault is not None
    assert event.fault.fault.code == "FANIN501"


async def test_the_event_of_a_call_that_is_cancelled_before_its_answer_says_so() -> None:
    async def silent(talk: ScriptedConnection) -> None:
        await talk.gone()

    async with ScriptedUpstream(silent) as server:
        harness = CallsHarness(server.url)
        waiting = asyncio.create_task(harness.call().__aenter__())
        await until(lambda: harness.upstream.calls.busy)
        waiting.cancel()
        await asyncio.gather(waiting, return_exceptions=True)
        assert [event.status for event in harness.emitted if isinstance(event, UpstreamCalled)] == [CANCELLED]


@pytest.mark.parametrize(
    ("error", "status"),
    [
        (FaultError("FANIN502"), NO_ANSWER),
        (FaultError("FANIN108"), CANCELLED),  # an incomplete body of the client is not upstream's fault
        (ConnectionAbortedError(), 200),
        (asyncio.CancelledError(), 200),
    ],
    ids=lambda value: repr(value)[:40],
)
async def test_the_status_of_a_failed_call_depends_on_whose_fault_it_is(error: BaseException, status: int) -> None:
    async with ScriptedUpstream(answers(OK)) as server:
        harness = CallsHarness(server.url)
        with pytest.raises(type(error)):
            async with harness.call():
                raise error
        assert [event.status for event in harness.emitted if isinstance(event, UpstreamCalled)] == [status]
        assert harness.upstream.calls.busy == 0
