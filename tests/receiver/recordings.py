"""Recordings for tests, made of spans."""

from __future__ import annotations

from typing import TYPE_CHECKING

from proxy.recording.codec import encode_line, encode_trace
from proxy.recording.schema import CURRENT_FORMAT, RecordingHead
from tests.receiver.spans import client, gathered, server

if TYPE_CHECKING:
    from pathlib import Path


def recording_of_a_loop(file: Path) -> Path:
    """A recording of one trace: the route ``GET /a`` reads ``t`` twelve times, one row after another."""
    root = server("GET /a")
    loop = [client(f"http://db/t?select=id&id=eq.{n}", root.id, start=2_000_000 * n) for n in range(12)]
    (trace,), _ = gathered(root, *loop)
    line = encode_trace(trace, lambda span: (span.method, span.relation, span.fingerprint))
    file.write_bytes(encode_line(RecordingHead(CURRENT_FORMAT, "0", "00", 0.0)) + line)
    return file
