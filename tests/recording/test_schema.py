"""Every field of a recording is described and typed, and what does not fit is refused when it is read."""

from __future__ import annotations

import json
from typing import Any

import msgspec
import pytest

from proxy.recording.schema import Literal, RecordedSpan, RecordedTrace, RecordingHead

SPAN: dict[str, Any] = {
    "method": "GET",
    "relation": "public.videos",
    "fingerprint": "GET videos?id=eq.?",
    "start": 1.0,
    "end": 1.5,
    "status": 200,
    "size": 10,
    "rows": 1,
    "outcome": "passed",
    "same": "0" * 16,
}
TRACE: dict[str, Any] = {"id": "t", "start": 1.0, "end": 1.5, "spans": [SPAN]}


@pytest.mark.parametrize("table", [RecordingHead, RecordedTrace, RecordedSpan, Literal])
def test_every_field_is_described(table: type[msgspec.Struct]) -> None:
    for field in msgspec.structs.fields(table):
        assert any(each.description for each in field.type.__metadata__ if isinstance(each, msgspec.Meta)), field.name


def read(**changes: Any) -> RecordedTrace:
    return msgspec.json.decode(json.dumps(TRACE | changes).encode(), type=RecordedTrace)


def test_fields_that_are_not_there_have_their_defaults() -> None:
    (span,) = read().spans
    assert (span.call, span.shared, span.total, span.literals, span.bypass_reason) == (0, 1, -1, (), None)


@pytest.mark.parametrize(
    "changes",
    [
        {"spans": []},
        {"id": "x" * 201},
        {"spans": [SPAN | {"same": "0" * 15}]},
        {"spans": [SPAN | {"size": -1}]},
        {"spans": [SPAN | {"outcome": "lost"}]},
        {"spans": [SPAN | {"literals": [["integer", -1, "0" * 16]]}]},
        {"spans": [{name: value for name, value in SPAN.items() if name != "status"}]},
    ],
)
def test_what_does_not_fit_is_refused(changes: dict[str, Any]) -> None:
    with pytest.raises(msgspec.ValidationError):
        read(**changes)
