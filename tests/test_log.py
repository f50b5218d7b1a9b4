"""One JSON line a closed trace, warnings with a remedy, and no text of an exception."""

from __future__ import annotations

import io
import json
import logging
from typing import TYPE_CHECKING, Any

import pytest
import structlog

from proxy.observe import log
from proxy.observe.events import Closed, Left, Reread, Warned
from tests.rules.traces import parallel

if TYPE_CHECKING:
    from collections.abc import Iterator


@pytest.fixture
def stream() -> Iterator[io.StringIO]:
    stream = io.StringIO()
    levels = {name: logging.getLogger(name).level for name in ("aiohttp", "asyncio")}
    log.configure(stream)
    yield stream
    structlog.reset_defaults()
    for name, level in levels.items():
        logging.getLogger(name).setLevel(level)


def lines(stream: io.StringIO) -> list[dict[str, Any]]:
    return [json.loads(line) for line in stream.getvalue().splitlines()]


def test_a_closed_trace_is_one_line_with_its_counts(stream: io.StringIO) -> None:
    log.TraceLog()(Closed(parallel([f"GET /t?id=eq.{n}" for n in range(3)]), ()))
    log.TraceLog()(Left(1, 0.0))
    (line,) = lines(stream)
    assert line["queries"] == 3
    assert line["upstream_calls"] == 3
    assert line["route"] == "GET /export"
    assert line["outcomes"] == {"passed": 3}


def test_a_warning_has_a_remedy_and_the_place_of_an_error_but_not_its_text(stream: io.StringIO) -> None:
    try:
        raise ValueError("eyJhbGciOiJIUzI1NiJ9.secret")
    except ValueError as error:
        log.Warnings()(Warned("something failed", "Look at it.", error))
    (line,) = lines(stream)
    assert line["remedy"] == "Look at it."
    assert line["error"] == "ValueError"
    assert "test_log.py" in line["traceback"][0]
    assert "secret" not in stream.getvalue()


def test_settings_that_changed_are_named_and_not_shown(stream: io.StringIO) -> None:
    for event in (Reread(("mode", "admin_token")), Reread(())):
        log.Warnings()(event)
    log.Warnings()(Reread(None))
    assert [line["changed"] for line in lines(stream)] == [["mode", "admin_token"], []]


def test_loggers_that_print_heads_are_silent(stream: io.StringIO) -> None:
    assert not logging.getLogger("aiohttp.server").isEnabledFor(logging.ERROR)
