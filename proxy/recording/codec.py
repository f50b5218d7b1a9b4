"""Encodes and decodes recordings: closed traces as lines of JSON, without values.

The first line of a file is a ``RecordingHead``, every other line a ``RecordedTrace``. Findings are not in the file:
the reader runs the rules again.
"""

from collections.abc import Callable, Iterable, Iterator
from hashlib import blake2b
from itertools import takewhile
from typing import Any, TypeVar

import msgspec

from proxy.model import NOT_JSON, RowKeys, Span, Trace
from proxy.recording.schema import (
    CURRENT_FORMAT,
    MAX_TEXT,
    FormatVersion,
    Literal,
    RecordedSpan,
    RecordedTrace,
    RecordingHead,
)
from proxy.recording.upgrade import from_format_1


class RecordingError(ValueError):
    """A line that is not part of a recording. The message contains the file, the line number and what is wrong."""


T = TypeVar("T")
Redact = Callable[[Span], tuple[str, str, str]]
"""Returns the method, relation and fingerprint of a span as they may be written to a file."""

_json = msgspec.json.Encoder()
_NO_SPANS = b'"spans":[]'
"""Cannot occur in a text, in which quotation marks have a backslash."""
_format = msgspec.json.Decoder(FormatVersion)
_head = msgspec.json.Decoder(RecordingHead)
_trace = msgspec.json.Decoder(RecordedTrace)


def salt_of(key: bytes) -> bytes:
    """The salt of the literals' hashes, derived from the process's secret ``key`` without revealing it."""
    return blake2b(b"literals", digest_size=16, key=key).digest()


def encode_line(value: RecordingHead | RecordedTrace) -> bytes:
    """Encode a line of a recording."""
    return _json.encode(value) + b"\n"


def encode_trace(trace: Trace, redact: Redact) -> bytes:
    """Encode a trace as a line. Spans are encoded one by one, so that a thread can pause in ``redact``."""
    return b"".join(trace_pieces(trace, redact))


def trace_pieces(trace: Trace, redact: Redact) -> Iterator[bytes]:
    """The same in pieces, one per span."""
    before, _, after = _line_without_spans(trace).partition(_NO_SPANS)
    yield before + _NO_SPANS[:-1]
    for number, span in enumerate(trace.spans):
        yield (b"," if number else b"") + _json.encode(_recorded_span(span, *redact(span)))
    yield b"]" + after


def _line_without_spans(trace: Trace) -> bytes:
    spans: Any = ()
    recorded = RecordedTrace(
        id=trace.id[:MAX_TEXT],
        start=trace.start,
        end=trace.end,
        spans=spans,
        route=trace.route[:MAX_TEXT],
        explicit=trace.explicit,
        mixed=trace.mixed,
        truncated=trace.truncated,
        part=trace.part,
    )
    return encode_line(recorded)


def _recorded_span(span: Span, method: str, relation: str, fingerprint: str) -> RecordedSpan:
    return RecordedSpan(
        method=method,
        relation=relation,
        fingerprint=fingerprint,
        start=span.start,
        end=span.end,
        status=span.status,
        size=span.size,
        rows=span.rows,
        outcome=span.outcome,
        same=_hex(span.same),
        call=span.call,
        shared=span.shared,
        parts=span.parts,
        upstream=span.upstream,
        literals=_literals(span),
        keys=span.key_types if fingerprint == span.fingerprint else (),
        caller=span.caller[:MAX_TEXT],
        retry=span.retry,
        bypass_reason=span.bypass_reason,
        fallback_reason=span.fallback_reason,
        unused_calls=span.unused_calls,
        differing_headers=span.differing_headers[:MAX_TEXT],
        call_headers=span.call_headers,
        cut=span.cut,
        head_size=span.head_size,
        listed=span.listed,
        limit=span.limit,
        offset=span.offset,
        total=span.total,
        identity=_hex(span.identity),
        exact_identity=_hex(span.exact_identity),
        writes=span.writes,
        connection=span.connection,
        connected=span.connected,
        row_keys=tuple((name, tuple([_hex(key) if key else None for key in keys])) for name, keys in span.row_keys),
        preferences=span.preferences,
        media=span.media,
        role=_hex(span.role),
        function=span.function if 200 <= span.status < 300 else "",  # PostgREST has accepted the name
    )


def _literals(span: Span) -> tuple[Literal | None, ...]:
    """Per parameter, its literal. Without shapes, which spans have only while recording, both are unknown."""
    shapes = span.shapes or (("text", 0),) * len(span.literals)
    pairs = zip(shapes, span.literals, strict=True)
    return tuple([Literal(kind, length, _hex(hash_)) if hash_ else None for (kind, length), hash_ in pairs])


def read_traces(name: str, lines: Iterable[bytes]) -> Iterator[Trace]:
    """The traces of the file ``name``. RecordingError if a line is not part of a recording."""
    _, traces = read_recording(name, lines)
    yield from traces


def read_recording(name: str, lines: Iterable[bytes]) -> tuple[RecordingHead, Iterator[Trace]]:
    """The head of the file ``name``, and an iterator over its traces. Both raise RecordingError.

    A last line without its end is left out: the process ended while it was being written.
    """
    complete = enumerate(takewhile(lambda text: text.endswith(b"\n"), lines), 1)
    first = next(complete, None)
    if first is None:
        raise RecordingError(f"{name}:1: is empty; the first line of a recording contains fanin-recording")
    head = _decoded(name, _read_head, *first)
    return head, (_decoded(name, READERS[head.format], number, text) for number, text in complete)


def _decoded(name: str, reader: Callable[[bytes], T], number: int, text: bytes) -> T:
    try:
        return reader(text)
    except (*NOT_JSON, ValueError) as error:
        raise RecordingError(f"{name}:{number}: {error}") from None


def _read_head(text: bytes) -> RecordingHead:
    """Decode the first line. The format comes first, because the head of a later format may have other fields."""
    try:
        format_ = _format.decode(text).format
    except msgspec.DecodeError as error:
        raise ValueError(f"is not a recording of fanin serve --record: {error}") from None
    if format_ not in READERS:
        formats = ", ".join(map(str, READERS))
        raise ValueError(f"has recording format {format_}, but this fanin reads {formats}: use a newer fanin")
    return _head.decode(text)


def _read_trace(text: bytes) -> Trace:
    trace = _trace.decode(text)
    return Trace(
        id=trace.id,
        explicit=trace.explicit,
        mixed=trace.mixed,
        truncated=trace.truncated,
        part=trace.part,
        route=trace.route,
        start=trace.start,
        end=trace.end,
        spans=tuple([_span(span, number) for number, span in enumerate(trace.spans, 1)]),
    )


def _span(span: RecordedSpan, number: int) -> Span:
    return Span(
        number=number,
        method=span.method,
        relation=span.relation,
        fingerprint=span.fingerprint,
        same=int(span.same, 16),
        literals=tuple([int(literal.hash, 16) if literal else 0 for literal in span.literals]),
        key_types=span.keys,
        caller=span.caller,
        retry=span.retry,
        start=span.start,
        end=span.end,
        status=span.status,
        size=span.size,
        rows=span.rows,
        cut=span.cut,
        outcome=span.outcome,
        call=span.call,
        shared=span.shared,
        bypass_reason=span.bypass_reason,
        fallback_reason=span.fallback_reason,
        unused_calls=span.unused_calls,
        differing_headers=span.differing_headers,
        call_headers=span.call_headers,
        head_size=span.head_size,
        listed=span.listed,
        parts=span.parts,
        limit=span.limit,
        offset=span.offset,
        total=span.total,
        row_keys=_row_keys(span),
        identity=int(span.identity, 16),
        exact_identity=int(span.exact_identity, 16),
        writes=span.writes,
        connection=span.connection,
        connected=span.connected,
        upstream=span.upstream,
        shapes=tuple([(literal.kind, literal.length) if literal else ("", 0) for literal in span.literals]),
        preferences=span.preferences,
        function=span.function,
        media=span.media,
        role=int(span.role, 16),
    )


READERS: dict[int, Callable[[bytes], Trace]] = {
    1: lambda text: _read_trace(from_format_1(text)),
    CURRENT_FORMAT: _read_trace,
}
"""Per format, the decoder of a trace's line."""


def _row_keys(span: RecordedSpan) -> RowKeys:
    return tuple((name, tuple([int(key, 16) if key else 0 for key in keys])) for name, keys in span.row_keys)


def _hex(number: int) -> str:
    return f"{number & 0xFFFF_FFFF_FFFF_FFFF:016x}"
