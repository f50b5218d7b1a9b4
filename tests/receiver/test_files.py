"""Files of OTLP are traffic like recordings; what cannot be read is an error that says what to do."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

import pytest

from proxy.receiver.files import named_upstreams, read_otlp
from proxy.recording.source import DataAccessError
from proxy.settings.loading import load
from proxy.settings.sources import ConfigError
from tests.receiver.spans import client, line, server

if TYPE_CHECKING:
    from pathlib import Path

SETTINGS = load({}).settings


@pytest.fixture
def file(tmp_path: Path) -> Path:
    return tmp_path / "spans.jsonl"


def test_spans_of_one_trace_may_be_in_several_lines(file: Path) -> None:
    root = server("GET /a")
    file.write_bytes(line(client("http://db/t?id=eq.1", root.id)) + b"\n" + line(root) + b'{"resourceMetrics":[]}\n')
    ((source, trace),) = read_otlp([file], (), SETTINGS)
    assert (source.name, trace.route, len(trace.spans)) == (str(file), "GET /a", 1)
    assert source.head.lacks == ("rows", "total", "bytes", "headers")


def test_what_answers_show_is_not_lacking(file: Path) -> None:
    file.write_bytes(line(client("http://db/t?id=eq.1", http__response__body__size=3)))
    ((source, _),) = read_otlp([file], (), SETTINGS)
    assert source.head.lacks == ("rows", "total", "headers")


def test_a_line_that_is_being_written_ends_the_file(file: Path) -> None:
    file.write_bytes(line(client("http://db/t?id=eq.1")) + b'{"resourceSp')
    assert len(list(read_otlp([file], (), SETTINGS))) == 1


def test_one_message_in_many_lines_is_read_too(file: Path) -> None:
    file.write_text(json.dumps(json.loads(line(client("http://db/t?id=eq.1"))), indent=2), encoding="utf-8")
    assert len(list(read_otlp([file], (), SETTINGS))) == 1
    for text, message in (
        ("{\n secret", "spans.jsonl: is not OTLP in JSON"),
        ("[\n]", "Expected `object`, got `array`"),
    ):
        file.write_text(text, encoding="utf-8")
        with pytest.raises(DataAccessError, match=message) as caught:
            list(read_otlp([file], (), SETTINGS))
        assert "secret" not in str(caught.value)


def test_a_byte_order_mark_is_left_out(file: Path) -> None:
    text = json.loads(line(client("http://db/t?id=eq.1")))
    for indent in (None, 2):
        file.write_text(json.dumps(text, indent=indent), encoding="utf-8-sig")
        assert len(list(read_otlp([file], (), SETTINGS))) == 1


@pytest.mark.parametrize(
    ("data", "message"),
    [
        (b"secret\n", r"spans.jsonl:1: is not OTLP in JSON"),
        (line(client("http://db/t?id=eq.1")) + b"secret\nmore\n", r"spans.jsonl:2: is not OTLP in JSON"),
        (b"", r"0 spans, and none is of an HTTP client's request .* --upstream"),
        (line(client("http://mail/send")), r"1 spans, and none .* --upstream"),
        (line(client("https://x.supabase.co/rest/v1/t")), r"left out: 1, because their spans have no query"),
    ],
)
def test_a_file_without_queries_is_an_error(file: Path, data: bytes, message: str) -> None:
    file.write_bytes(data)
    with pytest.raises(DataAccessError, match=message) as caught:
        list(read_otlp([file], (), SETTINGS))
    assert "secret" not in str(caught.value)


def test_a_file_that_is_not_there_is_an_error(file: Path) -> None:
    with pytest.raises(DataAccessError, match="cannot be read"):
        list(read_otlp([file], (), SETTINGS))


def test_an_upstream_is_a_url() -> None:
    assert named_upstreams(["http://db:3000"]) == ("http://db:3000",)
    with pytest.raises(ConfigError, match="--upstream: 'db' is not a URL"):
        named_upstreams(["db"])
