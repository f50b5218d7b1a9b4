"""Whether reads got an array of rows or one object, which code in place of them has to return too.

Tests: tests/e2e/fixes/test_printed_singles.py.
"""

from collections.abc import Iterable, Sequence

from msgspec.structs import replace

from proxy.analysis.fingerprint import ParsedFingerprint
from proxy.analysis.spans import succeeded
from proxy.findings.model import Fix
from proxy.model import Span

OBJECT, STRIPPED, OTHER = "object", "nulls=stripped", "other"
"""What ``Span.media`` and ``ParsedFingerprint.media`` contain."""


def as_asked(parsed: ParsedFingerprint, spans: Iterable[Span]) -> ParsedFingerprint:
    """The read with the media that all ``spans`` ask for; an array of rows if they differ."""
    asked = {span.media for span in spans}
    (media,) = asked if len(asked) == 1 else ("",)
    return replace(parsed, media=media) if media else parsed


def as_rows(parsed: ParsedFingerprint) -> ParsedFingerprint:
    """The read as one of an array of rows."""
    return replace(parsed, media=STRIPPED if STRIPPED in parsed.media else "") if OBJECT in parsed.media else parsed


def wants_object(parsed: ParsedFingerprint) -> bool:
    """Whether the read gets one object, and an error unless there is exactly one row."""
    return OBJECT in parsed.media


def shape_risk(spans: Sequence[Span], fix: Fix) -> str:
    """What to change in code that returns an array, if the application may have one object; empty if it has none."""
    if not fix.supabase_js:
        return ""
    reads = [span for span in spans if span.method == "GET" and span.relation]
    objects = [OBJECT in span.media for span in reads]
    if any(objects) and not all(objects):
        return " Some of the calls ask for one object (.single()): take the first row of the code's array there."
    if any(objects) or not reads or any(span.rows > 1 or not succeeded(span) for span in reads):
        return ""
    return " The code returns an array; add .maybeSingle() if the call has it, which fanin cannot see in a request."
