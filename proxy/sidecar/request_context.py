"""One request on its way through the pipeline: what it is, what it was answered, and the span that it becomes."""

from hashlib import blake2b
from typing import TYPE_CHECKING

import msgspec

from proxy.analysis.row_keys import MOST_BYTES, row_keys
from proxy.model import LiteralClass, Outcome, Query, Span
from proxy.postgrest.request.in_list import estimate_list, list_column
from proxy.postgrest.request.literals import canonical
from proxy.server.server import ClientRequest

if TYPE_CHECKING:
    from proxy.merging.shadow import AnswerCopy
    from proxy.traces.grouping import OpenTrace

_KINDS = {None: LiteralClass.TEXT.value} | {kind: kind.value for kind in LiteralClass}
MOST_TARGET = 8192
"""Bytes of a target that is kept where values are shown."""


class LiteralHasher:
    """The keyed 64-bit hash of a literal, which stands for it in spans."""

    def __init__(self, salt: bytes) -> None:
        self._salted = blake2b(digest_size=8, key=salt)

    def __call__(self, literal: bytes) -> int:
        hash_ = self._salted.copy()  # the key is taken in already, which takes as long as a literal
        hash_.update(literal)
        return int.from_bytes(hash_.digest(), "big")


class SpanOptions(msgspec.Struct, frozen=True):
    """What spans keep of requests."""

    hashed: LiteralHasher
    shapes: bool
    """Whether spans keep what literals look like."""
    values: bool
    """Whether spans keep targets with their values."""


class ClientAnswer(msgspec.Struct, eq=False):
    """What the client has been sent so far."""

    began: bool = False
    status: int = 0
    size: int = 0
    """Bytes of the body."""
    rows: int = -1
    total: int = -1
    """Rows without limit and offset, where the client asked for their number; else -1."""
    key_bytes: bytearray | None = None
    """The body as far as its rows' keys are read; None where they are not."""

    def add(self, data: bytes | memoryview) -> None:
        """A piece of the body."""
        self.size += len(data)
        if self.key_bytes is not None and len(self.key_bytes) <= MOST_BYTES:
            self.key_bytes += data


class UpstreamUse(msgspec.Struct, eq=False):
    """The upstream call, or calls, that answered the request."""

    call: int = 0
    """The call's number; 0: no call answered it."""
    shared: int = 1
    """How many requests the call answered."""
    parts: int = 1
    """Upstream calls that the answer took."""
    seconds: float = 0.0
    """Upstream's time, known when the answer is complete."""
    waited: float = 0.0
    """Upstream's time until the answer's head, while the rest is passed on."""
    head_size: int = 0
    """Bytes of the head that upstream would be sent, where a long list is in it."""


class RequestContext(msgspec.Struct, eq=False):
    """Filled in by the pipeline as the answer comes about."""

    request: ClientRequest
    query: Query
    bypass_reason: str | None
    trace: "OpenTrace | None" = None
    outcome: Outcome = Outcome.PASSED
    fault: str = ""
    """The code of fanin's own error, where that is the answer."""
    saved_by: str = ""
    """The rule whose call answered it."""
    answer: ClientAnswer = msgspec.field(default_factory=ClientAnswer)
    upstream: UpstreamUse = msgspec.field(default_factory=UpstreamUse)
    copy: "AnswerCopy | None" = None
    """In mode shadow: the copy of the answer that is compared."""

    @property
    def disposition(self) -> str:
        """What became of it, as the header X-Fanin says it."""
        if self.outcome in (Outcome.MERGED, Outcome.SHARED):
            return f"{self.outcome.value}; size={self.upstream.shared}; calls=1"
        if self.outcome is Outcome.CHUNKED:
            return f"chunked; calls={self.upstream.parts}"
        return self.outcome.value + (f"; reason={self.bypass_reason}" if self.bypass_reason else "")

    def fanin_headers(self, now: float, timing: bool) -> str:
        """Header lines about it, each with its CRLF; ``timing`` asks for Server-Timing
        (https://www.w3.org/TR/server-timing/), in milliseconds.
        """
        lines = [f"X-Fanin: {self.disposition}"]
        if self.trace is not None:
            if self.upstream.call:
                self.trace.record_call(self.upstream.call)
            name = self.trace.id.encode("ascii", "backslashreplace").decode()
            counts = f"X-Fanin-Queries: {self.trace.request_count}", f"X-Fanin-Saved: {self.trace.calls_saved}"
            lines += [f"X-Fanin-Trace: {name}", *counts]
        if timing:
            seconds = self.upstream.seconds + self.upstream.waited
            upstream = f", upstream;dur={1000 * seconds:.1f}" if seconds else ""
            lines.append(f"Server-Timing: fanin;dur={1000 * (now - self.request.arrived):.1f}{upstream}")
        return "".join(f"{line}\r\n" for line in lines)

    def span(self, number: int, now: float, options: SpanOptions, max_rows: int | None) -> Span:
        """The span at its end, ``now``. ``max_rows`` is PostgREST's, if known."""
        request, query, answer, upstream = self.request, self.query, self.answer, self.upstream
        hashed = options.hashed
        count, key_types = _listed(query)
        return Span(
            number=number,
            method=query.method.decode("ascii"),
            relation=query.relation,
            fingerprint=query.fingerprint,
            same=hash((query.method, query.target, request.head.identity_hash)),
            literals=tuple([hashed(literal) if literal else 0 for literal in query.filters]),
            key_types=key_types,
            caller=request.head.caller,
            retry=request.head.retry,
            start=request.arrived,
            end=now,
            status=answer.status,
            size=answer.size,
            rows=answer.rows,
            cut=None if max_rows is None else answer.rows == max_rows,
            outcome=self.outcome,
            call=upstream.call,
            shared=upstream.shared,
            bypass_reason=self.bypass_reason,
            head_size=upstream.head_size,
            listed=count,
            parts=upstream.parts,
            limit=None if query.limit is None else query.limit[0],
            offset=query.offset,
            total=answer.total,
            row_keys=row_keys(answer.key_bytes, hashed) if answer.key_bytes else (),
            upstream=upstream.seconds,
            shapes=tuple([_shape(literal) for literal in query.filters]) if options.shapes else (),
            target=_target(request.line.target) if options.values else "",
        )


def _listed(query: Query) -> tuple[int, tuple[tuple[str, str], ...]]:
    """About how many elements a long list has, and the type classes of the columns that filters are on."""
    if query.long_list is None:
        return 0, tuple([(key.name.decode(), key.kind._value_) for key in query.keys])
    count, kind = estimate_list(query.target[query.long_list[0] : query.long_list[1]])
    return count, ((list_column(query.target, query.long_list).decode("utf-8", "replace"), kind),)


def _target(target: bytes) -> str:
    """What is kept of a target with its values; nothing of one that holds the key which Supabase accepts there."""
    return "" if len(target) > MOST_TARGET or b"apikey" in target else target.decode("latin-1")


def _shape(literal: bytes) -> tuple[str, int]:
    return (_KINDS[canonical(literal)], len(literal)) if literal else ("", 0)
