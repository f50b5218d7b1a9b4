"""Recordings: closed traces as lines of JSON, without their values. What is written here is what is read here.

A file begins with a ``RecordingHead``; each further line is a ``RecordedTrace``. What was found in it is not in the
file: rules are run again by whoever reads it.
"""

from collections.abc import Callable, Iterable, Iterator
from hashlib import blake2b
from itertools import takewhile
from typing import Any, TypeVar

import msgspec

from proxy.model import RowKeys, Span, Trace
from proxy.recording.schema import FORMAT, MAX_TEXT, FormatVersion, Literal, RecordedSpan, RecordedTrace, RecordingHead
from proxy.recording.upgrade import from_format_1


class RecordingError(ValueError):
    """A line that is none of a recording; the message names its file, its number, and what is wrong."""


T = TypeVar("T")
Redact = Callable[[Span], tuple[str, str, str]]
"""From a span to what may be told of its method, its relation and its fingerprint."""

_json = msgspec.json.Encoder()
_format = msgspec.json.Decoder(FormatVersion)
_head = msgspec.json.Decoder(RecordingHead)
_trace = msgspec.json.Decoder(RecordedTrace)


def salt_of(key: bytes) -> bytes:
    """The salt of a process whose own key is ``key``, which the salt does not tell."""
    return blake2b(b"literals", digest_size=16, key=key).digest()


def encode_line(value: RecordingHead | RecordedTrace) -> bytes:
    """A line of a recording."""
    return _json.encode(value) + b"\n"


def encode_trace(trace: Trace, hide: Redact) -> bytes:
    """The line of a trace. It is made span by span, so that a thread that does it can give way in ``hide``."""
    spans: Any = tuple([msgspec.Raw(_json.encode(_recorded_span(span, *hide(span)))) for span in trace.spans])
    whole = RecordedTrace(
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
    return encode_line(whole)


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
        cut=span.cut,
        head_size=span.head_size,
        listed=span.listed,
        limit=span.limit,
        offset=span.offset,
        total=span.total,
        row_keys=tuple((name, tuple([_hex(key) if key else None for key in keys])) for name, keys in span.row_keys),
    )


def _literals(span: Span) -> tuple[Literal | None, ...]:
    """Without shapes, which are kept only for recordings, nothing is known but that they differ."""
    shapes = span.shapes or (("text", 0),) * len(span.literals)
    pairs = zip(shapes, span.literals, strict=True)
    return tuple([Literal(kind, length, _hex(hash_)) if hash_ else None for (kind, length), hash_ in pairs])


def read_traces(name: str, lines: Iterable[bytes]) -> Iterator[Trace]:
    """The traces of the file ``name``. RecordingError for what is none of a recording."""
    _, traces = read_recording(name, lines)
    yield from traces


def read_recording(name: str, lines: Iterable[bytes]) -> tuple[RecordingHead, Iterator[Trace]]:
    """The first line of the file ``name``, and the traces of the others. RecordingError, also from the iterator.

    A last line that does not end was being written when the process ended: it is left out.
    """
    whole = enumerate(takewhile(lambda text: text.endswith(b"\n"), lines), 1)
    first = next(whole, None)
    if first is None:
        raise RecordingError(f"{name}:1: is empty; a recording begins with a line that says fanin-recording")
    head = _decoded(name, _read_head, *first)
    return head, (_decoded(name, READERS[head.format], number, text) for number, text in whole)


def _decoded(name: str, reader: Callable[[bytes], T], number: int, text: bytes) -> T:
    try:
        return reader(text)
    except (msgspec.DecodeError, ValueError) as error:
        raise RecordingError(f"{name}:{number}: {error}") from None


def _read_head(text: bytes) -> RecordingHead:
    """The first line: its format before all else, since a later one may have other fields."""
    try:
        format_ = _format.decode(text).format
    except msgspec.DecodeError as error:
        raise ValueError(f"is no recording of fanin serve --record: {error}") from None
    if format_ not in READERS:
        formats = ", ".join(map(str, READERS))
        raise ValueError(f"is a recording of format {format_}, and this fanin reads {formats}: use a newer fanin")
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
        head_size=span.head_size,
        listed=span.listed,
        parts=span.parts,
        limit=span.limit,
        offset=span.offset,
        total=span.total,
        row_keys=_row_keys(span),
        upstream=span.upstream,
        shapes=tuple([(literal.kind, literal.length) if literal else ("", 0) for literal in span.literals]),
    )


READERS: dict[int, Callable[[bytes], Trace]] = {
    1: lambda text: _read_trace(from_format_1(text)),
    FORMAT: _read_trace,
}
"""By format, what reads a trace's line."""


def _row_keys(span: RecordedSpan) -> RowKeys:
    return tuple((name, tuple([int(key, 16) if key else 0 for key in keys])) for name, keys in span.row_keys)


def _hex(number: int) -> str:
    return f"{number & 0xFFFF_FFFF_FFFF_FFFF:016x}"
