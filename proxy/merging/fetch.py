"""Makes a merged call and judges its answer: shares, a doubt, or a literal to blame."""

from collections.abc import Callable
from typing import TYPE_CHECKING, Protocol

import msgspec

from proxy.errors.codes import FaultError
from proxy.http1.head import HeaderField, StatusLine, first_value
from proxy.model import FallbackReason, MergedCall, NotSingular, PendingRequest, Slice
from proxy.observe.events import Events
from proxy.path.demultiplex import demultiplex
from proxy.path.max_rows import MaxRowsEvidence
from proxy.postgrest.request.set_filter import is_cut
from proxy.postgrest.response.content_range import rows_and_total
from proxy.postgrest.response.gateway import Gateway
from proxy.postgrest.response.headers import SHARED_HEADERS, shareable
from proxy.postgrest.response.problem import SHARED, blamed_literal, read_error_body
from proxy.settings.model import Settings
from proxy.upstream.calls import CallLabels, ObservedCall
from proxy.upstream.client import Upstream, UpstreamAnswer, UpstreamConnection, UpstreamRequest
from proxy.upstream.mount import Mount

if TYPE_CHECKING:
    from proxy.upstream.pool import ConnectionPool

COUNT = b"Prefer: count=exact\r\n"


class BadValue(msgspec.Struct, frozen=True):
    """A literal was not of the column's type, which upstream's error named."""

    type_name: str
    literal: bytes


class FetchedAnswer(msgspec.Struct, frozen=True):
    """A merged call's whole answer. ``body`` is None when it was larger than merge.max_body."""

    line: StatusLine
    fields: tuple[HeaderField, ...]
    body: bytes | None


FetchResult = dict[bytes, Slice | NotSingular] | FallbackReason | BadValue


def leader(call: MergedCall) -> PendingRequest:
    """The first member: its head, but for what merging changes, is sent for all."""
    return next(iter(call.owners.values()))[0]


class FetchesMerged(Protocol):
    """Whoever makes merged calls. ``leaves`` is told each time that a call has a connection and is sent;
    ``number`` is the one that its members' spans will have.
    """

    async def fetch(
        self, call: MergedCall, alias: bytes, leaves: Callable[[], None], number: int = 0
    ) -> FetchResult: ...


class Fetcher:
    """Merged calls of one upstream, over ``lane``."""

    def __init__(
        self,
        settings: Settings,
        upstream: Upstream,
        lane: "ConnectionPool[UpstreamConnection]",
        route: Mount,
        gateway: Gateway,
        evidence: MaxRowsEvidence,
        events: Events,
        clock: Callable[[], float],
    ) -> None:
        self._merge = settings.merge
        self._upstream = upstream
        self._lane = lane
        self._route = route
        self._gateway = gateway
        self._evidence = evidence
        self._events = events
        self._clock = clock

    async def fetch(self, call: MergedCall, alias: bytes, leaves: Callable[[], None], number: int = 0) -> FetchResult:
        """Send ``call`` and judge the answer; once more with a count where max-rows may have cut it."""
        unique = call.column is not None and call.column.unique
        counted = call.counted or not (unique or self._evidence.proves(call.expected, self._clock()))
        try:
            got = await self._get(call, counted, leaves, number)
            if not counted and self._needs_count(call, got):
                counted = True
                got = await self._get(call, counted, leaves, number)
        except FaultError as error:
            return FallbackReason("connection", error.fault.code)
        return FallbackReason("too-large") if got.body is None else self._judge(call, alias, got, got.body, counted)

    async def _get(self, call: MergedCall, counted: bool, leaves: Callable[[], None], number: int) -> FetchedAnswer:
        member = leader(call)
        line = b"GET " + self._route.upstream_target(call.target) + b" HTTP/1.1\r\n"
        head = b"".join((line, member.head.merged, COUNT if counted and not call.counted else b"", b"\r\n"))
        note = CallLabels("merged", b"GET", member.query.relation, costs="FAN001", number=number)
        outgoing = UpstreamRequest(b"GET", head, on_sent=leaves)
        async with ObservedCall(self._upstream, self._lane, outgoing, note, self._events, self._clock) as answer:
            return await self._read(answer)

    async def _read(self, answer: UpstreamAnswer) -> FetchedAnswer:
        return FetchedAnswer(answer.line, answer.fields, await answer.read(self._merge.max_body))

    def _needs_count(self, call: MergedCall, got: FetchedAnswer) -> bool:
        rows, _ = rows_and_total(first_value(got.fields, b"content-range"))
        all_there = call.column is not None and call.column.unique and rows == len(call.literals)
        return got.line.status == 200 and not (all_there or self._evidence.proves(rows, self._clock()))

    def _judge(self, call: MergedCall, alias: bytes, got: FetchedAnswer, body: bytes, counted: bool) -> FetchResult:
        rows, total = rows_and_total(first_value(got.fields, b"content-range"))
        if counted and got.line.status == 206 and total is not None and rows < total:
            return self._cut(call, rows)
        if got.line.status != 200:
            return _judge_error(call, got, body, self._gateway)
        if counted and total != rows:
            return FallbackReason("incomplete")
        self._evidence.record_rows(rows, self._clock())
        location = first_value(got.fields, b"content-location") or b""
        path = location.rpartition(b"?")[0]  # a relation's name may hold a '?', what follows it cannot
        ties = self._merge.ties == "any"
        return demultiplex(call, alias, path, got.line.line, got.fields, body, ties, self._gateway)

    def _cut(self, call: MergedCall, rows: int) -> FallbackReason:
        """Rows are missing: our own limit cut them, or max-rows, which is then known."""
        if is_cut(call, rows):
            return FallbackReason("limit")
        self._evidence.record_cut(rows, self._clock())
        return FallbackReason("incomplete")


def _judge_error(call: MergedCall, got: FetchedAnswer, body: bytes, gateway: Gateway) -> FetchResult:
    problem = read_error_body(body)
    if problem.code in SHARED:
        kept = shareable(got.fields, SHARED_HEADERS, gateway)
        if isinstance(kept, FallbackReason):
            return kept
        head = b"\r\n".join([got.line.line, *(field.line for field in kept)])
        share = Slice(head + b"\r\nContent-Length: %d\r\n" % len(body), body, -1)
        return dict.fromkeys(call.owners, share)
    type_name, literal = blamed_literal(problem) or ("", "")
    blamed = literal.encode()
    if type_name and blamed in call.literals:
        return BadValue(type_name, blamed)
    return FallbackReason("status", problem.code)
