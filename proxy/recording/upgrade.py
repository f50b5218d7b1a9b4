"""Recordings of older formats, brought to today's.

Format 1 (fanin 0.1) had other words for why a request was not merged and for two outcomes.
"""

from typing import Any

import msgspec

OUTCOMES = {"replayed": "fallback", "stitched": "chunked"}
REASONS = {"list-room": "chunk-limit", "mistrusted": "mismatch-paused"}
"""Of the reasons why requests were not merged, those that have another name now."""


def from_format_1(line: bytes) -> bytes:
    """A trace's line of format 1 as one of format 2. msgspec.DecodeError for what is no JSON."""
    trace: Any = msgspec.json.decode(line)
    spans = trace.get("spans") if isinstance(trace, dict) else None
    for span in spans if isinstance(spans, list) else ():
        if isinstance(span, dict):
            _upgrade(span)
    return msgspec.json.encode(trace)


def _upgrade(span: dict[str, Any]) -> None:
    if "refusal" in span:
        reason = span.pop("refusal")
        span["bypass_reason"] = REASONS.get(reason, reason)
    if "outcome" in span:
        span["outcome"] = OUTCOMES.get(span["outcome"], span["outcome"])
