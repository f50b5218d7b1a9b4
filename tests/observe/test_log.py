"""One JSON line a closed trace, warnings with a remedy, a rate for each kind, and no text of an exception."""

from __future__ import annotations

import logging
from typing import TYPE_CHECKING

from msgspec.structs import replace

from proxy.observe import log
from proxy.observe.events import SettingsReloaded, TraceClosed, Warned, WindowClosed
from proxy.settings.observability import LogSettings
from proxy.settings.rules import RuleSettings
from rules.fan001_n_plus_one_read import RULE, detect
from tests.observe.log_lines import lines
from tests.rules.traces import parallel

if TYPE_CHECKING:
    import io

SECRET = "eyJhbGciOiJIUzI1NiJ9.secret"
READS = parallel([f"GET /t?id=eq.{n}" for n in range(6)])
CLOSED = TraceClosed(READS, tuple(detect(READS, RuleSettings().of(RULE))))


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


def test_libraries_have_a_rate_too(stream: io.StringIO) -> None:
    made = log.LogOutput(lambda: LogSettings(warnings=2), lambda: 0.0)
    release = made.capture()
    for _ in range(9):
        logging.getLogger("aiohttp.server").error("a")
    release()
    made.close()
    assert [line["event"] for line in lines(stream)] == ["library", "library", "left out"]
    assert lines(stream)[-1]["library"] == 7
