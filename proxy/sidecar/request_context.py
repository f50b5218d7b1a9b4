"""One request on its way through the pipeline: what is known so far of its span."""

from hashlib import blake2b
from typing import TYPE_CHECKING

import msgspec

from proxy.analysis.row_keys import MOST_BYTES, row_keys
from proxy.model import LiteralClass, Outcome, Query, Span
from proxy.postgrest.request.in_list import column_of, listed
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
    """Whether it is kept what literals look like."""
    values: bool
    """Whether targets are kept as they came."""


class RequestContext(msgspec.Struct, eq=False):
    """Filled in by the pipeline as the answer comes about."""

    request: ClientRequest
    query: Query
    bypass_reason: str | None
    trace: "OpenTrace | None" = None
    began_answer: bool = False
    outcome: Outcome = Outcome.PASSED
    status: int = 0
    size: int = 0
    rows: int = -1
    call: int = 0
    shared: int = 1
    fault: str = ""
    """The code of our own error, where that is the answer."""
    saved_by: str = ""
    """The rule whose call answered it."""
    upstream_seconds: float = 0.0
    waited: float = 0.0
    """Seconds that upstream has taken so far, while its answer is passed on."""
    copy: "AnswerCopy | None" = None
    """Who is told what is answered, in mode shadow."""
    head_size: int = 0
    """Bytes of the head that upstream would be sent, where a long list is in it."""
    parts: int = 1
    """Upstream calls that the answer took."""
    total: int = -1
    key_bytes: bytearray | None = None
    """The answer's body as far as its rows' keys are read; None where they are not."""

    @property
    def disposition(self) -> str:
        """What became of it, for a header."""
        if self.outcome in (Outcome.MERGED, Outcome.SHARED):
            return f"{self.outcome.value}; size={self.shared}; calls=1"
        if self.outcome is Outcome.CHUNKED:
            return f"chunked; calls={self.parts}"
        return self.outcome.value + (f"; reason={self.bypass_reason}" if self.bypass_reason else "")

    def fanin_headers(self, now: float, timing: bool) -> str:
        """Header lines about it, each with its CRLF; ``timing`` asks for Server-Timing
        (https://www.w3.org/TR/server-timing/), in milliseconds.
        """
        lines = [f"X-Fanin: {self.disposition}"]
        if self.trace is not None:
            if self.call:
                self.trace.joined(self.call)
            name = self.trace.id.encode("ascii", "backslashreplace").decode()
            counts = f"X-Fanin-Queries: {self.trace.begun}", f"X-Fanin-Saved: {self.trace.saved}"
            lines += [f"X-Fanin-Trace: {name}", *counts]
        if timing:
            seconds = self.upstream_seconds + self.waited
            upstream = f", upstream;dur={1000 * seconds:.1f}" if seconds else ""
            lines.append(f"Server-Timing: fanin;dur={1000 * (now - self.request.arrived):.1f}{upstream}")
        return "".join(f"{line}\r\n" for line in lines)

    def show(self, data: bytes | memoryview) -> None:
        """A piece of the answer's body."""
        self.size += len(data)
        if self.key_bytes is not None and len(self.key_bytes) <= MOST_BYTES:
            self.key_bytes += data

    def span(self, number: int, now: float, keeping: SpanOptions, max_rows: int | None) -> Span:
        """The span at its end, ``now``. ``max_rows`` is PostgREST's, if known."""
        request, query, hashed = self.request, self.query, keeping.hashed
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
            status=self.status,
            size=self.size,
            rows=self.rows,
            cut=None if max_rows is None else self.rows == max_rows,
            outcome=self.outcome,
            call=self.call,
            shared=self.shared,
            bypass_reason=self.bypass_reason,
            head_size=self.head_size,
            listed=count,
            parts=self.parts,
            limit=None if query.limit is None else query.limit[0],
            offset=query.offset,
            total=self.total,
            row_keys=row_keys(self.key_bytes, hashed) if self.key_bytes else (),
            upstream=self.upstream_seconds,
            shapes=tuple([_shape(literal) for literal in query.filters]) if keeping.shapes else (),
            target=_target(request.line.target) if keeping.values else "",
        )


def _listed(query: Query) -> tuple[int, tuple[tuple[str, str], ...]]:
    """About how many elements a long list has, and the type classes of the columns that filters are on."""
    if query.long_list is None:
        return 0, tuple([(key.name.decode(), key.kind._value_) for key in query.keys])
    count, kind = listed(query.target[query.long_list[0] : query.long_list[1]])
    return count, ((column_of(query.target, query.long_list).decode("utf-8", "replace"), kind),)


def _target(target: bytes) -> str:
    """What is kept of a target with its values; nothing of one with the key that Supabase takes there."""
    return "" if len(target) > MOST_TARGET or b"apikey" in target else target.decode("latin-1")


def _shape(literal: bytes) -> tuple[str, int]:
    return (_KINDS[canonical(literal)], len(literal)) if literal else ("", 0)
