"""Estimates the bytes in memory of spans and traces: cheap, and a little too high rather than too low.

A text that spans share is counted once per trace. A test compares the estimates with what ``tracemalloc`` measures.
"""

from collections.abc import Iterable

from proxy.model import Span, Trace

SPAN, PER_TEXT = 708, 60
"""Bytes of a span with its numbers, and of a text without its characters."""
PER_LITERAL, PER_SHAPE, PER_KEY_TYPE, PER_ROW_KEY = 44, 100, 180, 44


def span_bytes(span: Span) -> int:
    """Bytes of a span without its fingerprint and its relation."""
    size = SPAN + PER_LITERAL * len(span.literals) + PER_KEY_TYPE * len(span.key_types)
    if span.caller or span.differing_headers or span.target or span.shapes or span.row_keys:
        size += len(span.caller) + len(span.differing_headers) + len(span.target) + PER_SHAPE * len(span.shapes)
        size += PER_ROW_KEY * sum([len(keys) for _, keys in span.row_keys])
    return size


def text_bytes(text: str) -> int:
    """Bytes of a text."""
    return PER_TEXT + len(text)


def spans_bytes(spans: Iterable[Span]) -> int:
    """Bytes of spans that are held together."""
    texts: set[str] = set()
    total = 0
    for span in spans:
        total += span_bytes(span)
        if span.fingerprint not in texts:
            texts.add(span.fingerprint)
            total += text_bytes(span.fingerprint) + text_bytes(span.relation)
    return total


def trace_bytes(trace: Trace) -> int:
    """Bytes of a closed trace; measured now unless they were while it was open."""
    return trace.held_bytes or spans_bytes(trace.spans)
