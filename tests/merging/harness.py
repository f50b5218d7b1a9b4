"""A merger and a coalescer with a fake fetcher, a fake upstream and a fake clock, which the test controls."""

from __future__ import annotations

import asyncio
from contextlib import asynccontextmanager
from typing import TYPE_CHECKING, Any, cast

from proxy.errors.codes import FaultError
from proxy.http1.answer_head import AnswerHead
from proxy.http1.head import parse_fields, parse_status_line
from proxy.merging.coalescer import Coalescer
from proxy.merging.merger import Merger
from proxy.merging.waiters import BufferedAnswer, Reply, SendAlone, StreamedAnswer
from proxy.model import Column, Slice
from proxy.observe.events import Event, Events, FellBack, Warned
from proxy.path.batches.coalescing import stable_in_settings
from proxy.path.evidence.columns import ColumnRegistry, table_of
from proxy.postgrest.response.gateway import POSTGREST
from proxy.settings.model import Settings
from proxy.settings.rules import RuleSettings
from proxy.settings.tables import MergeSettings
from proxy.transport.connection import Body, Connection
from proxy.upstream.calls import UpstreamContext
from proxy.upstream.messages import UpstreamAnswer, UpstreamRequest
from proxy.upstream.mount import Mount
from proxy.upstream.pool import ConnectionPool
from proxy.upstream.state import UpstreamState
from tests.factories import member

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Callable, Mapping

    from proxy.merging.fetch import FetchResult
    from proxy.model import MergedCall, PendingRequest
    from proxy.upstream.client import Upstream
    from proxy.upstream.connection import UpstreamConnection
    from proxy.upstream.facts.column_types import ColumnTypeResolver


def slices_of(call: MergedCall) -> FetchResult:
    """A slice per literal: the literal is its body."""
    return {value: Slice(b"", value.removeprefix(b"eq."), 1) for value in call.requests_by_value}


class FakeFetcher:
    """Calls wait for ``connection_free``, then for ``resume``; ``answer`` computes their result."""

    def __init__(self, answer: Callable[[MergedCall], FetchResult] = slices_of) -> None:
        self.answer = answer
        self.sent: list[MergedCall] = []
        self.resume = asyncio.Event()
        self.resume.set()
        self.connection_free = asyncio.Event()
        self.connection_free.set()
        self.cancelled = 0

    async def fetch(self, call: MergedCall, alias: bytes, on_sent: Callable[[], None], number: int = 0) -> FetchResult:
        self.sent.append(call)
        try:
            await self.connection_free.wait()
            on_sent()
            await self.resume.wait()
        except asyncio.CancelledError:
            self.cancelled += 1
            raise
        return self.answer(call)


class KnownColumns:
    """Column types that are known without asking upstream."""

    enabled = False

    def __init__(self, columns: ColumnRegistry) -> None:
        self.columns = columns

    def known(self, request: PendingRequest) -> Mapping[bytes, Column]:
        return self.columns.known(table_of(request), 0.0)

    def record_bad_value(self, request: PendingRequest, name: bytes, type_name: str, literal: bytes) -> None:
        self.columns.record_bad_value(table_of(request), name, type_name, literal, 0.0)

    def unresolved(self, _: object) -> list[bytes]:
        return []


OK_HEAD = b"HTTP/1.1 200 OK\r\nContent-Range: 0-0/*\r\nContent-Type: application/json; charset=utf-8"


NOT_SENT = ("FANIN505", "FANIN507", "FANIN512", "FANIN513")
"""Faults of calls for which there was no place."""


class FakeUpstream:
    """Answers calls with ``head`` and ``body`` when ``resume`` is set. A FaultError as ``head`` is raised.

    Only ``arrived`` bytes of the body are there at first; the test feeds the others to ``connection``.
    """

    def __init__(self, head: bytes | FaultError = OK_HEAD, body: bytes = b"[]", arrived: int | None = None) -> None:
        self.head = head
        self.body = body
        self.arrived = len(body) if arrived is None else arrived
        self.heads: list[bytes] = []
        self.resume = asyncio.Event()
        self.resume.set()
        self.full = isinstance(head, FaultError) and head.fault.code in NOT_SENT
        self.cancelled = 0
        self.open = 0
        self.connection: Connection | None = None

    @asynccontextmanager
    async def send(
        self, _: object, call: UpstreamRequest, on_sent: Callable[[], None]
    ) -> AsyncIterator[UpstreamAnswer]:
        self.heads.append(call.head)
        self.open += 1
        try:
            if not self.full:
                on_sent()
            await self.resume.wait()
            if isinstance(self.head, FaultError):
                raise self.head
            yield self._answer(self.head, call.method)
        except asyncio.CancelledError:
            self.cancelled += 1
            raise
        finally:
            self.open -= 1

    def _answer(self, head: bytes, method: bytes) -> UpstreamAnswer:
        self.connection = Connection()
        first, _, rest = head.partition(b"\r\n")
        line, fields = parse_status_line(first), parse_fields(rest, "FANIN503")
        framing = 0 if method == b"HEAD" else len(self.body)
        if framing:
            self.connection.buffer += self.body[: self.arrived]
        body = Body(self.connection, framing, 20.0, "FANIN503")
        return UpstreamAnswer(cast("UpstreamConnection", self.connection), AnswerHead(line, fields, framing), body)


class MergingHarness:
    """A merger with its coalescer, their events, and a clock that only the test moves."""

    def __init__(
        self,
        fetcher: FakeFetcher | None = None,
        upstream: FakeUpstream | None = None,
        rules: RuleSettings | None = None,
        **merge: Any,
    ) -> None:
        self.fetcher = fetcher or FakeFetcher()
        self.upstream = upstream or FakeUpstream()
        self.now = 0.0
        self.events: list[Event] = []
        events = Events()
        events.subscribe(self.events.append)
        settings = Settings(
            merge=MergeSettings(**{"deadline_floor": 30.0, "max_wait": 30.0, "probation": 0, **merge}),
            rules=rules or RuleSettings(),
        )
        client = cast("Upstream", self.upstream)
        pool: ConnectionPool[UpstreamConnection] = ConnectionPool(9, 0, 9, 9.0)
        context = UpstreamContext(client, pool, Mount(b"", b""), POSTGREST, events, lambda: self.now)
        self.state = UpstreamState(settings, context)
        self.max_rows, self.mismatch_pauses = self.state.max_rows, self.state.mismatches
        self.columns = ColumnRegistry(60.0, 9)
        self.state.column_types = cast("ColumnTypeResolver", KnownColumns(self.columns))
        self.coalescer = Coalescer(settings, self.state, stable_in_settings((), "public"))
        self.merger = Merger(settings.merge, self.state, self.fetcher, self.coalescer)

    def merge(self, *targets: str) -> list[asyncio.Task[Reply]]:
        """Submit GET requests to the merger."""
        requests = [member(target) for target in targets]
        return [asyncio.create_task(self.merger.reply_to(request)) for request in requests]

    def coalesce(self, *targets: str, lines: str = "Host: h", method: bytes = b"GET") -> list[asyncio.Task[Reply]]:
        """Submit reads that cannot be merged to the coalescer."""
        requests = [member(target, lines, method=method) for target in targets]
        assert all(map(self.coalescer.accepts, requests))
        replies = [self.coalescer.reply_to(request, request.query.bypass_reason) for request in requests]
        return [asyncio.create_task(reply) for reply in replies]

    def fallback_reasons(self) -> list[str]:
        return [event.reason for event in self.events if isinstance(event, FellBack)]

    def assert_idle(self) -> None:
        """No request waits, no call is in flight, no timer runs, and no bug was caught."""
        for strategy in (self.merger, self.coalescer):
            assert strategy.batcher.waiting == 0
            assert not strategy.batcher.open_windows
            assert not strategy.batcher._tasks
            assert all(scheduler.idle for scheduler in strategy.batcher.schedulers._schedulers.values())
        assert not self.upstream.open
        assert not [event for event in self.events if isinstance(event, Warned) and event.error is not None]


async def run_loop(iterations: int = 8) -> None:
    """Run the event loop for some iterations."""
    for _ in range(iterations):
        await asyncio.sleep(0)


def ids(*numbers: int) -> list[str]:
    return [f"/t?id=eq.{number}" for number in numbers]


async def finish(tasks: list[asyncio.Task[Reply]]) -> list[Reply]:
    """Every reply, with the slots of ``SendAlone`` released as the pipeline releases them."""
    replies = await asyncio.gather(*tasks)
    for reply in replies:
        if isinstance(reply, SendAlone):
            reply.slot.release(0.01)
    await run_loop()
    return replies


def bodies(replies: list[Reply]) -> list[bytes | None]:
    return [reply.slice.body if isinstance(reply, BufferedAnswer) else None for reply in replies]


def fallbacks(replies: list[Reply]) -> list[bool]:
    """``is_fallback`` of each request that is sent alone."""
    return [reply.is_fallback for reply in replies if isinstance(reply, SendAlone)]


async def finish_all(harness: MergingHarness, tasks: list[asyncio.Task[Reply]]) -> list[Reply]:
    """Every reply, handled as the pipeline handles it; then the harness is idle."""
    replies = await finish(tasks)
    for reply in replies:
        if isinstance(reply, StreamedAnswer):
            reply.finish()
    await run_loop()
    harness.assert_idle()
    return replies
