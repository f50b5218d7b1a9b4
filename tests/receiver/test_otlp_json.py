"""OTLP in JSON is read as its specification says; anything else is an error that quotes nothing."""

from __future__ import annotations

import json
from typing import Any

import pytest

from proxy.receiver.otlp_json import OtlpError, read_json
from tests.receiver.spans import client, line


def message(**span: Any) -> bytes:
    return json.dumps({"resourceSpans": [{"scopeSpans": [{"spans": [span]}]}]}).encode()


def test_a_span_is_read_with_its_ids_times_and_attributes() -> None:
    sent = client("http://db:3000/t?id=eq.1", "00000000000000ff")
    (read,) = read_json(line(sent))
    assert read == sent


@pytest.mark.parametrize(
    ("value", "read"),
    [
        ({"stringValue": "a"}, "a"),
        ({"intValue": "7"}, 7),
        ({"intValue": 7}, 7),
        ({"boolValue": False}, False),
        ({"doubleValue": 0.5}, 0.5),
        ({"arrayValue": {"values": [{"stringValue": "a"}]}}, None),
        ({"kvlistValue": {}}, None),
        ({}, None),
    ],
)
def test_attributes_of_basic_types_are_kept(value: dict[str, Any], read: object) -> None:
    (span,) = read_json(message(traceId="A" * 32, attributes=[{"key": "k", "value": value}], unknown=1))
    assert span.attributes.get("k") == read
    assert span.trace == "a" * 32


@pytest.mark.parametrize(("kind", "number"), [(3, 3), ("SPAN_KIND_CLIENT", 3), ("other", 0)])
def test_a_kind_is_a_number_or_a_name(kind: int | str, number: int) -> None:
    (span,) = read_json(message(kind=kind))
    assert span.kind == number


@pytest.mark.parametrize(
    "data", [b'{"resourceMetrics": []}', b'{"resourceLogs": [{"a": 1}]}', b"{}", b'{"resourceSpans": []}']
)
def test_messages_of_other_kinds_have_no_spans(data: bytes) -> None:
    assert list(read_json(data)) == []


@pytest.mark.parametrize(
    "data",
    [
        b"",
        b"secret",
        b"[]",
        b'{"secret": 1}',
        b'{"resourceSpans": 1}',
        b"\xff\xfe",
        message(startTimeUnixNano="secret"),
    ],
)
def test_anything_else_is_an_error_without_what_was_sent(data: bytes) -> None:
    with pytest.raises(OtlpError, match="is not OTLP in JSON") as caught:
        list(read_json(data))
    assert "secret" not in str(caught.value)
