"""Each format has the usual keys first, one line per event, and values that its readers can split."""

from __future__ import annotations

import io
import json
from typing import TYPE_CHECKING, Any

import pytest
import structlog

from proxy.observe.log_format import configure, line

if TYPE_CHECKING:
    from collections.abc import Iterator

    from proxy.observe.log_format import LineFormat

FIELDS: dict[str, Any] = {
    "event": "trace",
    "message": "2 requests → 1 call",
    "ms": 1.5,
    "keys": ["a b", 'c"'],
    "off": False,
}


@pytest.fixture(autouse=True)
def _reset() -> Iterator[None]:
    yield
    structlog.reset_defaults()


def logged(line_format: LineFormat, **more: Any) -> str:
    stream = io.StringIO()
    configure(stream, line_format)
    fields = FIELDS | more
    structlog.get_logger().info(fields.pop("event"), **fields)
    return stream.getvalue()


def test_json_lines_have_the_usual_keys_first() -> None:
    read = json.loads(logged("json"))
    assert list(read)[:4] == ["timestamp", "level", "event", "message"]
    assert read == FIELDS | {"level": "info", "timestamp": read["timestamp"]}
    assert "→" in logged("json")


def test_logfmt_quotes_what_is_not_one_word() -> None:
    text = logged("logfmt").rstrip("\n")
    first, rest = text.split(" ", 1)
    assert first.startswith("timestamp=20")
    assert rest == (
        'level=info event=trace message="2 requests → 1 call" ms=1.5 keys="[\\"a b\\",\\"c\\\\\\"\\"]" off=false'
    )


@pytest.mark.parametrize(
    ("value", "shown"), [("", '""'), ("a=b", '"a=b"'), ("a\nb", '"a\\nb"'), ("a", "a"), (None, "null")]
)
def test_a_logfmt_value_cannot_end_early(value: Any, shown: str) -> None:
    assert logged("logfmt", ms=value).count("\n") == 1
    assert f" ms={shown} " in logged("logfmt", ms=value)


def test_console_lines_leave_out_what_is_empty() -> None:
    text = logged("console", keys=[], off="")
    assert text.endswith(" info    trace: 2 requests → 1 call  ms=1.5\n")


@pytest.mark.parametrize("line_format", ["json", "logfmt", "console"])
def test_a_line_made_by_itself_is_the_one_that_would_be_logged(line_format: LineFormat) -> None:
    by_itself = line(line_format, "info", FIELDS)
    assert by_itself.partition("info")[2] == logged(line_format).partition("info")[2]


def test_nothing_below_info_is_logged() -> None:
    stream = io.StringIO()
    configure(stream)
    structlog.get_logger().debug("x", message="y")
    assert not stream.getvalue()
