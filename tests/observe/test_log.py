"""One JSON line a closed trace, warnings with a remedy, a rate for each kind, and no text of an exception."""

from __future__ import annotations

import io
import json
import logging
import sys
import threading
import warnings
from typing import TYPE_CHECKING, Any

import pytest
import structlog
from msgspec.structs import replace

from proxy.observe import log
from proxy.observe.events import SettingsReloaded, TraceClosed, Warned, WindowClosed
from proxy.settings.observability import LogSettings
from proxy.settings.rules import RuleSettings
from rules.fan001_n_plus_one_read import RULE, detect
from tests.rules.traces import parallel

if TYPE_CHECKING:
    from collections.abc import Iterator

SECRET = "eyJhbGciOiJIUzI1NiJ9.secret"
READS = parallel([f"GET /t?id=eq.{n}" for n in range(6)])
CLOSED = TraceClosed(READS, tuple(detect(READS, RuleSettings().of(RULE))))


@pytest.fixture
def stream() -> Iterator[io.StringIO]:
    stream = io.StringIO()
    log.configure(stream)
    yield stream
    structlog.reset_defaults()


@pytest.fixture
def captured(stream: io.StringIO) -> Iterator[io.StringIO]:
    """With what libraries and Python say."""
    release = log.LogOutput(LogSettings, lambda: 0.0).capture()
    yield stream
    release()


def lines(stream: io.StringIO) -> list[dict[str, Any]]:
    return [json.loads(line) for line in stream.getvalue().splitlines()]


def trace_log(per_second: float = 20.0) -> tuple[log.TraceLog, log.LogOutput, list[float]]:
    """A log with its lines and its clock."""
    clock = [0.0]
    made = log.LogOutput(lambda: LogSettings(traces=per_second), lambda: clock[0])
    return log.TraceLog(made.traces), made, clock


def test_a_closed_trace_is_one_line_with_its_counts(stream: io.StringIO) -> None:
    write, _, _ = trace_log()
    write(CLOSED)
    write(WindowClosed(1, 0.0))
    (line,) = lines(stream)
    assert line["queries"] == 6
    assert line["upstream_calls"] == 6
    assert line["route"] == "GET /export"
    assert line["outcomes"] == {"passed": 6}
    assert line["findings"] == ["FAN001:public.t:GET /export:GET t?id=eq.?"]
    assert line["left_out"] == 0


def test_a_finding_on_names_that_upstream_did_not_take_is_not_shown(stream: io.StringIO) -> None:
    write, _, _ = trace_log()
    unknown = tuple(replace(span, status=404) for span in READS.spans)
    write(TraceClosed(replace(READS, spans=unknown), CLOSED.findings))
    assert lines(stream)[0]["findings"] == []


def test_above_the_rate_traces_are_left_out_and_the_next_line_says_how_many(stream: io.StringIO) -> None:
    write, made, clock = trace_log(per_second=2)
    for _ in range(7):
        write(CLOSED)
    clock[0] = 1.0
    for _ in range(3):
        write(CLOSED)
    assert [line["left_out"] for line in lines(stream)] == [0, 0, 5, 0]
    assert made.left_out()["trace",] == 6


def test_what_was_left_out_after_the_last_line_is_told_at_the_end(stream: io.StringIO) -> None:
    write, made, _ = trace_log(per_second=1)
    write(CLOSED)
    made.close()
    assert len(lines(stream)) == 1
    for _ in range(3):
        write(CLOSED)
    made.close()
    made.close()
    assert [(line["event"], line.get("trace")) for line in lines(stream)[1:]] == [("left out", 3)]


def test_no_rate_is_no_line(stream: io.StringIO) -> None:
    write, made, clock = trace_log(per_second=0)
    write(CLOSED)
    clock[0] = 99.0
    write(CLOSED)
    assert not stream.getvalue()
    assert made.left_out()["trace",] == 2


def test_a_rate_below_one_is_a_line_now_and_then(stream: io.StringIO) -> None:
    write, _, clock = trace_log(per_second=0.125)
    for second in range(20):
        clock[0] = float(second)
        write(CLOSED)
    assert [line["left_out"] for line in lines(stream)] == [0, 7, 7]


def test_a_warning_has_a_remedy_and_the_place_of_an_error_but_not_its_text(stream: io.StringIO) -> None:
    try:
        raise ValueError(SECRET)
    except ValueError as error:
        log.Warnings(log.LogOutput(LogSettings).warnings)(Warned("something failed", "Look at it.", error))
    (line,) = lines(stream)
    assert line["remedy"] == "Look at it."
    assert line["error"] == "ValueError"
    assert "test_log.py" in line["traceback"][0]
    assert "secret" not in stream.getvalue()


def test_warnings_have_a_rate_of_their_own(stream: io.StringIO) -> None:
    made = log.LogOutput(lambda: LogSettings(warnings=2), lambda: 0.0)
    for _ in range(5):
        log.Warnings(made.warnings)(Warned("a", "b"))
    assert len(lines(stream)) == 2
    assert made.left_out() == {("trace",): 0, ("warning",): 3, ("library",): 0}


def test_settings_that_changed_are_named_and_not_shown(stream: io.StringIO) -> None:
    write = log.Warnings(log.LogOutput(LogSettings).warnings)
    for event in (SettingsReloaded(("mode", "admin_token")), SettingsReloaded(())):
        write(event)
    write(SettingsReloaded(None))
    assert [line["changed"] for line in lines(stream)] == [["mode", "admin_token"], []]


@pytest.mark.parametrize("name", ["aiohttp.server", "asyncio", "asyncpg.pool", "py.warnings", "any.other", None])
def test_of_what_a_library_logs_only_who_where_and_the_kind_of_error_is_told(
    captured: io.StringIO, name: str | None
) -> None:
    logger = logging.getLogger(name)
    for level in (logging.WARNING, logging.ERROR, logging.CRITICAL):
        try:
            raise KeyError(SECRET)
        except KeyError:
            logger.log(level, f"{SECRET} %s", SECRET, exc_info=True, stack_info=True, extra={"secret": SECRET})  # noqa: G004
    assert "secret" not in captured.getvalue().replace("test_log.py", "")
    found = lines(captured)
    assert [line["said"] for line in found] == ["warning", "error", "critical"]
    assert all(line["source"] == (name or "root") and line["error"] == "KeyError" for line in found)
    assert all("test_log.py:" in line["at"] for line in found)


def test_what_a_library_says_at_a_lower_level_is_not_told(captured: io.StringIO) -> None:
    logging.getLogger("asyncio").info(SECRET)
    logging.getLogger("aiohttp").debug(SECRET)
    assert not captured.getvalue()


def test_what_python_prints_by_itself_is_told_without_its_text(
    captured: io.StringIO, capfd: pytest.CaptureFixture[str]
) -> None:
    class Bad:
        def __del__(self) -> None:
            raise ValueError(SECRET)

    def fail() -> None:
        raise ValueError(SECRET)

    Bad()
    thread = threading.Thread(target=fail)
    thread.start()
    thread.join()
    with warnings.catch_warnings():
        warnings.simplefilter("always")
        warnings.showwarning(SECRET, RuntimeWarning, "x.py", 7)
    sys.excepthook(ValueError, ValueError(SECRET), None)
    assert "secret" not in captured.getvalue()
    told = [(line["source"], line.get("error")) for line in lines(captured)]
    assert told == [
        ("python", "ValueError"),
        ("python thread", "ValueError"),
        ("python RuntimeWarning", None),
        ("python", "ValueError"),
    ]
    assert capfd.readouterr() == ("", "")


def test_libraries_have_a_rate_too(stream: io.StringIO) -> None:
    made = log.LogOutput(lambda: LogSettings(warnings=2), lambda: 0.0)
    release = made.capture()
    for _ in range(9):
        logging.getLogger("aiohttp.server").error("a")
    release()
    made.close()
    assert [line["event"] for line in lines(stream)] == ["library", "library", "left out"]
    assert lines(stream)[-1]["library"] == 7


def test_once_released_python_is_as_it_was(stream: io.StringIO) -> None:
    before = (sys.excepthook, sys.unraisablehook, threading.excepthook, logging.getLogger().handlers[:])
    log.LogOutput(LogSettings).capture()()
    assert (sys.excepthook, sys.unraisablehook, threading.excepthook, logging.getLogger().handlers[:]) == before
