"""Converts recordings of older formats to the current one.

Format 1 (fanin 0.1) had other names for two bypass reasons, two outcomes and the field ``bypass_reason``.
"""

from typing import Any

import msgspec

OUTCOMES = {"replayed": "fallback", "stitched": "chunked"}
REASONS = {"list-room": "chunk-limit", "mistrusted": "mismatch-paused"}
"""Bypass reasons of format 1 that have another name in format 2."""


def from_format_1(line: bytes) -> bytes:
    """Convert a trace's line from format 1 to format 2. msgspec.DecodeError if it is not JSON."""
    trace: Any = msgspec.json.decode(line)
    spans = trace.get("spans") if isinstance(trace, dict) else None
    for span in spans if isinstance(spans, list) else ():
        if isinstance(span, dict):
            _upgrade(span)
    return msgspec.json.encode(trace)


def _upgrade(span: dict[str, Any]) -> None:
    if "refusal" in span:
        span["bypass_reason"] = _renamed(REASONS, span.pop("refusal"))
    if "outcome" in span:
        span["outcome"] = _renamed(OUTCOMES, span["outcome"])


def _renamed(names: dict[str, str], value: Any) -> Any:
    """The new name of ``value``; anything else as it is, for the reader to reject."""
    return names.get(value, value) if isinstance(value, str) else value
