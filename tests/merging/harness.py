"""A merger and its sharing, whose calls end when and as a test says, and whose clock stands still."""

from __future__ import annotations

import asyncio
from contextlib import asynccontextmanager
from typing import TYPE_CHECKING, Any, cast

from proxy.errors.codes import FaultError
from proxy.http1.head import parse_fields, parse_status_line
from proxy.merging.coalescer import Coalescer
from proxy.merging.merger import Merger
from proxy.merging.waiters import BufferedAnswer, Reply, SendAlone, StreamedAnswer
from proxy.model import Column, Slice
from proxy.observe.events import Event, Events, FellBack, Warned
from proxy.path.coalescing import stable_in_settings
from proxy.path.columns import ColumnRegistry, table_of
from proxy.postgrest.response.gateway import POSTGREST
from proxy.settings.model import Settings
from proxy.settings.rules import RuleSettings
from proxy.settings.tables import MergeSettings
from proxy.transport.connection import Body, Connection
from proxy.upstream.calls import UpstreamContext
from proxy.upstream.client import UpstreamAnswer, UpstreamRequest
from proxy.upstream.mount import Mount
from proxy.upstream.pool import ConnectionPool
from proxy.upstream.state import UpstreamState
from tests.factories import member

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Callable, Mapping

    from proxy.merging.fetch import FetchResult
    from proxy.model import MergedCall, PendingRequest
    from proxy.upstream.client import Upstream, UpstreamConnection
    from proxy.upstream.column_types import ColumnTypeResolver


def shares(call: MergedCall) -> FetchResult:
    return {value: Slice(b"", value.removeprefix(b"eq."), 1) for value in call.requests_by_value}


class Calls:
    """A fetcher whose calls wait until they are let go; then ``answer`` says what comes of them."""

    def __init__(self, answer: Callable[[MergedCall], FetchResult] = shares) -> None:
        self.answer = answer
        self.made: list[MergedCall] = []
        self.going = asyncio.Event()
        self.going.set()
        self.place = asyncio.Event()
        self.place.set()
        self.cancelled = 0

    async def fetch(self, call: MergedCall, alias: bytes, on_sent: Callable[[], None], number: int = 0) -> FetchResult:
        self.made.append(call)
        try:
            await self.place.wait()
            on_sent()
            await self.going.wait()
        except asyncio.CancelledError:
            self.cancelled += 1
            raise
        return self.answer(call)


class KnownColumns:
    """Column types that are known without asking upstream."""

    def __init__(self, columns: ColumnRegistry) -> None:
        self.columns = columns

    def known(self, member: PendingRequest) -> Mapping[bytes, Column]:
        return self.columns.known(table_of(member), 0.0)

    def record_bad_value(self, member: PendingRequest, name: bytes, type_name: str, literal: bytes) -> None:
        self.columns.record_bad_value(table_of(member), name, type_name, literal, 0.0)

    def unresolved(self, _: object) -> list[bytes]:
        return []


FINE = b"HTTP/1.1 200 OK\r\nContent-Range: 0-0/*\r\nContent-Type: application/json; charset=utf-8"


class Originals:
    """An upstream that answers shared calls with ``head`` and ``body`` once it is let go.

    A FaultError as ``head`` is raised; of a body longer than ``there`` the rest comes when a test feeds it.
    """

    def __init__(self, head: bytes | FaultError = FINE, body: bytes = b"[]", there: int | None = None) -> None:
        self.head = head
        self.body = body
        self.there = len(body) if there is None else there
        self.made: list[bytes] = []
        self.going = asyncio.Event()
        self.going.set()
        self.full = isinstance(head, FaultError) and head.fault.code == "FANIN505"
        self.cancelled = 0
        self.open = 0
        self.wire: Connection | None = None

    @asynccontextmanager
    async def send(self, _: object, call: UpstreamRequest) -> AsyncIterator[UpstreamAnswer]:
        self.made.append(call.head)
        self.open += 1
        try:
            if call.on_sent is not None and not self.full:
                call.on_sent()
            await self.going.wait()
            if isinstance(self.head, FaultError):
                raise self.head
            yield self._answer(self.head, call.method)
        except asyncio.CancelledError:
            self.cancelled += 1
            raise
        finally:
            self.open -= 1

    def _answer(self, head: bytes, method: bytes) -> UpstreamAnswer:
        self.wire = Connection()
        first, _, rest = head.partition(b"\r\n")
        line, fields = parse_status_line(first), parse_fields(rest, "FANIN503")
        framing = 0 if method == b"HEAD" else len(self.body)
        if framing:
            self.wire.buffer += self.body[: self.there]
        return UpstreamAnswer(
            cast("UpstreamConnection", self.wire), line, fields, Body(self.wire, framing, 20.0, "FANIN503")
        )


class Made:
    """A merger with its sharing, what they said, and a clock that stands still."""

    def __init__(
        self,
        calls: Calls | None = None,
        originals: Originals | None = None,
        rules: RuleSettings | None = None,
        **merge: Any,
    ) -> None:
        self.calls = calls or Calls()
        self.originals = originals or Originals()
        self.now = 0.0
        self.said: list[Event] = []
        events = Events()
        events.subscribe(self.said.append)
        settings = Settings(
            merge=MergeSettings(**{"deadline_floor": 30.0, "max_wait": 30.0, **merge}),
            rules=rules or RuleSettings(),
        )
        client = cast("Upstream", self.originals)
        pool: ConnectionPool[UpstreamConnection] = ConnectionPool(9, 0, 9, 9.0)
        context = UpstreamContext(client, pool, Mount(b"", b""), POSTGREST, events, lambda: self.now)
        self.state = UpstreamState(settings, context)
        self.evidence, self.mismatch_pauses = self.state.max_rows, self.state.mismatches
        self.columns = ColumnRegistry(60.0, 9)
        self.state.column_types = cast("ColumnTypeResolver", KnownColumns(self.columns))
        self.sharing = Coalescer(settings, self.state, stable_in_settings((), "public"))
        self.merger = Merger(settings.merge, self.state, self.calls, self.sharing)

    def ask(self, *targets: str) -> list[asyncio.Task[Reply]]:
        members = [member(target) for target in targets]
        return [asyncio.create_task(self.merger.ask(one)) for one in members]

    def share(self, *targets: str, lines: str = "Host: h", method: bytes = b"GET") -> list[asyncio.Task[Reply]]:
        """What the sharing is asked for reads that cannot be merged."""
        members = [member(target, lines, method=method) for target in targets]
        assert all(map(self.sharing.takes, members))
        return [asyncio.create_task(self.sharing.ask(one, one.query.bypass_reason)) for one in members]

    def doubts(self) -> list[str]:
        return [event.reason for event in self.said if isinstance(event, FellBack)]

    def assert_at_rest(self) -> None:
        """Nobody waits, nothing is in flight, no timer runs, and nothing was a bug."""
        for held in (self.merger, self.sharing):
            assert held.batcher.waiting == 0
            assert not held.batcher.open_windows
            assert not held.batcher._tasks
            assert all(gate.idle for gate in held.batcher.schedulers._schedulers.values())
        assert not self.originals.open
        assert not [event for event in self.said if isinstance(event, Warned)]


async def turns(count: int = 8) -> None:
    for _ in range(count):
        await asyncio.sleep(0)


def ids(*numbers: int) -> list[str]:
    return [f"/t?id=eq.{number}" for number in numbers]


async def finish(tasks: list[asyncio.Task[Reply]]) -> list[Reply]:
    """Every reply; tickets are used as the pipeline uses them."""
    replies = await asyncio.gather(*tasks)
    for reply in replies:
        if isinstance(reply, SendAlone):
            reply.slot.release(0.01)
    await turns()
    return replies


def bodies(replies: list[Reply]) -> list[bytes | None]:
    return [reply.slice.body if isinstance(reply, BufferedAnswer) else None for reply in replies]


def tickets(replies: list[Reply]) -> list[bool]:
    """Of those who go alone: whether a call was made for them in vain."""
    return [reply.is_fallback for reply in replies if isinstance(reply, SendAlone)]


async def settled(made: Made, tasks: list[asyncio.Task[Reply]]) -> list[Reply]:
    """Every reply, used as the pipeline uses it."""
    replies = await finish(tasks)
    for reply in replies:
        if isinstance(reply, StreamedAnswer):
            reply.done()
    await turns()
    made.assert_at_rest()
    return replies
