"""The state of one request in the pipeline: the request, its answer, and the span that is made of them."""

from hashlib import blake2b
from typing import TYPE_CHECKING

import msgspec
from msgspec.structs import replace

from proxy.analysis.values.row_keys import MAX_BODY_BYTES, row_keys
from proxy.model import LiteralClass, Outcome, Query, Span
from proxy.path.kept.remembered import MAX_ANSWER
from proxy.postgrest.request.in_list import estimate_list, list_column
from proxy.postgrest.request.literals import canonical
from proxy.postgrest.request.row_range import lowest
from proxy.server.server import ClientRequest
from proxy.sidecar.caller_roles import CallerRoles

if TYPE_CHECKING:
    from proxy.merging.comparing.shadow import AnswerCopy
    from proxy.merging.kept.fills import Fill
    from proxy.merging.kept.trace_memory import TraceVisit
    from proxy.traces.grouping import OpenTrace

_KINDS = {None: LiteralClass.TEXT.value} | {kind: kind.value for kind in LiteralClass}
MAX_TARGET = 8192
"""The most bytes of a target that a span keeps, with show_values."""

UNKNOWN_STATUSES = frozenset((408, 499, *range(501, 600)))
"""Statuses of a write after which upstream may still be working on it."""


class LiteralHasher:
    """The keyed 64-bit hash of a literal, which replaces it in spans."""

    def __init__(self, salt: bytes) -> None:
        self._salted = blake2b(digest_size=8, key=salt)

    def __call__(self, literal: bytes) -> int:
        hash_ = self._salted.copy()  # a copy saves hashing the key, which costs as much as a literal
        hash_.update(literal)
        return int.from_bytes(hash_.digest(), "big")


class SpanOptions(msgspec.Struct, frozen=True):
    """What spans keep of requests."""

    hash_literal: LiteralHasher
    shapes: bool
    """Whether spans keep the class and length of each literal."""
    values: bool
    """Whether spans keep targets with their values."""
    roles: CallerRoles | None = None
    """Where spans get the role of the caller from; None: they have none."""


class ClientAnswer(msgspec.Struct, eq=False):
    """What was sent to the client so far."""

    began: bool = False
    """Whether any byte was sent."""
    status: int = 0
    size: int = 0
    """Bytes of the body."""
    rows: int = -1
    total: int = -1
    """The rows without limit and offset, if the client asked for their number; else -1."""
    key_bytes: bytearray | None = None
    """The part of the body that row keys are read from; None if they are not read."""
    remembered: bytearray | None = None
    """The body so far, if the trace remembers it; None if it does not, or if the body is too large."""
    coding: bytes = b""
    """Value of Content-Encoding."""

    def add(self, data: bytes | memoryview) -> None:
        """Record a piece of the body."""
        self.size += len(data)
        if self.key_bytes is not None and len(self.key_bytes) <= MAX_BODY_BYTES:
            self.key_bytes += data
        if self.remembered is not None:
            self.remembered += data
            if len(self.remembered) > MAX_ANSWER:
                self.remembered = None


class UpstreamUse(msgspec.Struct, eq=False):
    """The upstream call or calls that answered the request."""

    call: int = 0
    """The number of the call; 0 if no call answered the request."""
    shared: int = 1
    """Number of requests that the call answered."""
    parts: int = 1
    """Number of upstream calls for the answer."""
    seconds: float = 0.0
    """Time of the upstream calls, set when the answer is complete."""
    waited: float = 0.0
    """Time until the answer's head, while the rest is streamed."""
    unused_calls: tuple[int, ...] = ()
    """Numbers of the calls for the request that could not answer it."""
    head_size: int = 0
    """For a request with a long list: bytes of the head that upstream would get without chunks."""


class RequestContext(msgspec.Struct, eq=False):
    """The state of one request. The pipeline fills it in."""

    request: ClientRequest
    query: Query
    bypass_reason: str | None
    trace: "OpenTrace | None" = None
    outcome: Outcome = Outcome.PASSED
    fault: str = ""
    """The code of fanin's own error, if that is the answer."""
    fallback_reason: str = ""
    """Why a merged or shared call could not answer the request; empty if none was tried."""
    differing_headers: str = ""
    """The headers because of which the request shares no call with similar reads: names joined by commas."""
    saved_by: str = ""
    """The rule whose rewrite answered the request; empty if none."""
    answer: ClientAnswer = msgspec.field(default_factory=ClientAnswer)
    upstream: UpstreamUse = msgspec.field(default_factory=UpstreamUse)
    awaits_merged_write: bool = False
    """Whether a call with the write of others may carry this one too: it goes on although this client disconnected."""
    writes: int = 0
    """Writes to the relation before the request, from ``WriteCounts``."""
    visit: "TraceVisit | None" = None
    """What is remembered of its trace, if something may be fetched ahead."""
    age: float = 0.0
    """Seconds since its answer was asked for, if that was fetched ahead or kept."""
    is_stale: bool = False
    """Whether its answer was kept, and is being fetched again meanwhile."""
    fill: "Fill | None" = None
    """Where its answer is kept, if it may answer others too."""
    copy: "AnswerCopy | None" = None
    """In mode shadow: the copy of the answer that is compared."""

    @property
    def is_write_settled(self) -> bool:
        """Whether a write that was answered, or not sent, can take no effect any more."""
        if self.awaits_merged_write:
            return False
        return self.outcome not in (Outcome.GONE, Outcome.FAILED) or not self.upstream.call

    @property
    def is_write_unknown(self) -> bool:
        """Whether the status of a write leaves open whether it takes effect later: a gateway's error, in most cases."""
        return self.answer.status in UNKNOWN_STATUSES

    @property
    def disposition(self) -> str:
        """The value of the header X-Fanin: the outcome and its details."""
        if self.outcome in (Outcome.MERGED, Outcome.SHARED):
            return f"{self.outcome.value}; size={self.upstream.shared}; calls=1"
        if self.outcome is Outcome.CHUNKED:
            return f"chunked; calls={self.upstream.parts}"
        if self.outcome is Outcome.PREFETCHED:
            return f"prefetched; age={self.age:.3f}"
        if self.outcome is Outcome.CACHED:
            return f"cached; age={self.age:.3f}" + ("; stale" if self.is_stale else "")
        reason = self.fallback_reason if self.outcome is Outcome.FALLBACK else self.bypass_reason
        return self.outcome.value + (f"; reason={reason}" if reason else "")

    def fanin_headers(self, now: float, timing: bool) -> str:
        """fanin's header lines for the answer, each with its CRLF. ``timing`` adds Server-Timing, in milliseconds
        (https://www.w3.org/TR/server-timing/).
        """
        lines = [f"X-Fanin: {self.disposition}"]
        if self.trace is not None:
            if self.upstream.call:
                self.trace.record_call(self.upstream.call)
            name = self.trace.id.encode("ascii", "backslashreplace").decode()
            counts = f"X-Fanin-Queries: {self.trace.queries}", f"X-Fanin-Saved: {self.trace.calls_saved}"
            lines += [f"X-Fanin-Trace: {name}", *counts]
        if timing:
            seconds = self.upstream.seconds + self.upstream.waited
            upstream = f", upstream;dur={1000 * seconds:.1f}" if seconds else ""
            lines.append(f"Server-Timing: fanin;dur={1000 * (now - self.request.arrived):.1f}{upstream}")
        return "".join(f"{line}\r\n" for line in lines)

    def span(self, number: int, now: float, options: SpanOptions, max_rows: int | None) -> Span:
        """The span of the request, which ends ``now``. ``max_rows`` is PostgREST's db-max-rows, if known.

        It is made in steps, each with fewer than 15 keywords: Python makes a dict of more, which takes longer than all
        the rest.
        """
        request, query, answer, upstream, head = self.request, self.query, self.answer, self.upstream, self.request.head
        count, key_types = list_and_keys(query)
        span = Span(
            number,
            query.method.decode("ascii"),
            query.relation,
            query.fingerprint,
            hash((query.method, query.target, head.identity_hash)),
            tuple([options.hash_literal(literal) if literal else 0 for literal in query.filters]),
            key_types,
            head.caller,
            head.retry,
            request.arrived,
            now,
            answer.status,
            answer.size,
            answer.rows,
            cut=None if max_rows is None else answer.rows == max_rows,
            outcome=self.outcome,
            call=upstream.call,
            shared=upstream.shared,
            bypass_reason=self.bypass_reason,
            exact_identity=int.from_bytes(head.identity_hash[:8]),
            role=options.roles.of(request.head) if options.roles is not None else 0,
            media="other" if head.media is None else head.media.asked,
        )
        span = replace(
            span,
            parts=upstream.parts,
            limit=head.range_limit if query.limit is None else lowest(query.limit[0], head.range_limit),
            offset=query.offset,
            total=answer.total,
            upstream=upstream.seconds,
            preferences="" if query.method in (b"GET", b"HEAD") else head.write_preferences,
            fallback_reason=self.fallback_reason,
            unused_calls=upstream.unused_calls,
            differing_headers=self.differing_headers,
            identity=int.from_bytes(head.caller_hash[:8]),
            writes=self.writes,
            connection=request.client.number,
            connected=request.client.opened,
            function=query.function,
        )
        if head.row_window is not None and query.limit is None and not query.offset:
            span = replace(span, offset=head.row_window[0], limit=head.row_window[1])
        if head.call_headers:
            span = replace(span, call_headers=head.call_headers)
        if count or upstream.head_size or answer.key_bytes:
            keys = row_keys(answer.key_bytes, options.hash_literal) if answer.key_bytes else ()
            span = replace(span, head_size=upstream.head_size, listed=count, row_keys=keys)
        return self._with_texts(span, options) if options.shapes or options.values else span

    def _with_texts(self, span: Span, options: SpanOptions) -> Span:
        """``span`` with what the settings want of its request's literals."""
        shapes = tuple([literal_shape(literal) for literal in self.query.filters]) if options.shapes else ()
        return replace(span, shapes=shapes, target=_target(self.request.line.target) if options.values else "")


def list_and_keys(query: Query) -> tuple[int, tuple[tuple[str, str], ...]]:
    """The estimated number of elements of a long list (0: none), and the columns of filters with their type classes."""
    if query.long_list is None:
        return 0, tuple([(key.name.decode(), key.kind._value_) for key in query.keys])
    count, kind = estimate_list(query.target[query.long_list[0] : query.long_list[1]])
    return count, ((list_column(query.target, query.long_list).decode("utf-8", "replace"), kind),)


def _target(target: bytes) -> str:
    """The target to keep in a span; empty if it is too long or contains an API key, which Supabase accepts there."""
    return "" if len(target) > MAX_TARGET or b"apikey" in target else target.decode("latin-1")


def literal_shape(literal: bytes) -> tuple[str, int]:
    """The class of a literal and the number of its bytes; ``("", 0)`` if there is none."""
    return (_KINDS[canonical(literal)], len(literal)) if literal else ("", 0)
