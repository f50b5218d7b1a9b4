"""Recordings of format 1 are converted; all committed recordings of clients have format 1."""

from __future__ import annotations

import msgspec
import pytest

from proxy.model import Outcome
from proxy.recording.codec import encode_line, read_recording
from proxy.recording.schema import RecordingHead
from proxy.recording.upgrade import from_format_1

HEAD = RecordingHead(1, "0.1.0", "00", 0.0)
SPAN = {
    "method": "GET",
    "relation": "public.t",
    "fingerprint": "GET public.t",
    "start": 0.0,
    "end": 1.0,
    "status": 200,
    "size": 2,
    "rows": 0,
    "same": "0" * 16,
    "call": 1,
    "shared": 1,
    "parts": 1,
    "upstream": 0.5,
    "literals": [],
    "keys": [],
}


def trace(**changes: object) -> bytes:
    spans = [{**SPAN, "outcome": "passed", "refusal": None, **changes}]
    return msgspec.json.encode({"id": "a", "start": 0.0, "end": 1.0, "spans": spans}) + b"\n"


@pytest.mark.parametrize(
    ("changes", "outcome", "reason"),
    [
        ({"outcome": "replayed"}, Outcome.FALLBACK, None),
        ({"outcome": "stitched"}, Outcome.CHUNKED, None),
        ({"outcome": "merged"}, Outcome.MERGED, None),
        ({"refusal": "list-room"}, Outcome.PASSED, "chunk-limit"),
        ({"refusal": "mistrusted"}, Outcome.PASSED, "mismatch-paused"),
        ({"refusal": "offset"}, Outcome.PASSED, "offset"),
    ],
)
def test_names_of_format_1_are_converted(changes: dict[str, str], outcome: Outcome, reason: str | None) -> None:
    _, traces = read_recording("old", [encode_line(HEAD), trace(**changes)])
    (span,) = next(traces).spans
    assert (span.outcome, span.bypass_reason) == (outcome, reason)


@pytest.mark.parametrize("line", [b"[]", b'{"spans": [{"outcome": []}]}', b'{"spans": 1}', b'{"spans": [1]}', b"1"])
def test_other_json_is_left_to_the_decoder(line: bytes) -> None:
    assert msgspec.json.decode(from_format_1(line)) == msgspec.json.decode(line)
