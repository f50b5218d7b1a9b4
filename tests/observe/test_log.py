"""The log has one JSON line per closed trace, warnings with a remedy, a rate limit per kind, and no exception text."""

from __future__ import annotations

import logging
from typing import TYPE_CHECKING

from msgspec.structs import replace

from proxy.observe import log
from proxy.observe.events import RequestAnswered, SettingsReloaded, TraceClosed, Warned, WindowClosed
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
    output = log.LogOutput(lambda: LogSettings(traces=per_second), lambda: clock[0])
    return log.TraceLog(output.traces), output, clock


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


def test_calls_to_other_services_are_not_counted(stream: io.StringIO) -> None:
    write, _, _ = trace_log()
    other = replace(READS.spans[0], number=9, call=9, relation="", bypass_reason="outside-mount")
    write(TraceClosed(replace(READS, spans=(*READS.spans, other)), ()))
    (line,) = lines(stream)
    assert (line["queries"], line["upstream_calls"]) == (6, 6)
    assert line["message"] == "7 requests, 6 upstream calls"


def test_a_finding_on_names_that_postgrest_never_accepted_is_not_logged(stream: io.StringIO) -> None:
    write, _, _ = trace_log()
    unknown = tuple(replace(span, status=404) for span in READS.spans)
    write(TraceClosed(replace(READS, spans=unknown), CLOSED.findings))
    assert lines(stream)[0]["findings"] == []


def test_above_the_rate_traces_are_suppressed_and_the_next_line_has_their_number(stream: io.StringIO) -> None:
    write, output, clock = trace_log(per_second=2)
    for _ in range(7):
        write(CLOSED)
    clock[0] = 1.0
    for _ in range(3):
        write(CLOSED)
    assert [line["left_out"] for line in lines(stream)] == [0, 0, 5, 0]
    assert output.left_out()["trace",] == 6


def test_the_number_of_lines_suppressed_at_the_end_is_logged_on_close(stream: io.StringIO) -> None:
    write, output, _ = trace_log(per_second=1)
    write(CLOSED)
    output.close()
    assert len(lines(stream)) == 1
    for _ in range(3):
        write(CLOSED)
    output.close()
    output.close()
    assert [(line["event"], line.get("trace")) for line in lines(stream)[1:]] == [("left out", 3)]


def test_a_rate_of_0_suppresses_all_lines(stream: io.StringIO) -> None:
    write, output, clock = trace_log(per_second=0)
    write(CLOSED)
    clock[0] = 99.0
    write(CLOSED)
    assert not stream.getvalue()
    assert output.left_out()["trace",] == 2


def test_a_rate_below_1_allows_a_line_occasionally(stream: io.StringIO) -> None:
    write, _, clock = trace_log(per_second=0.125)
    for second in range(20):
        clock[0] = float(second)
        write(CLOSED)
    assert [line["left_out"] for line in lines(stream)] == [0, 7, 7]


def test_a_warning_has_a_remedy_and_the_location_of_an_error_but_not_its_text(stream: io.StringIO) -> None:
    try:
        raise ValueError(SECRET)
    except ValueError as error:
        log.Warnings(log.LogOutput(LogSettings).warnings)(Warned("something failed", "Look at it.", error))
    (line,) = lines(stream)
    assert line["remedy"] == "Look at it."
    assert line["error"] == "ValueError"
    assert "test_log.py" in line["traceback"][0]
    assert "secret" not in stream.getvalue()


def test_warnings_have_their_own_rate(stream: io.StringIO) -> None:
    output = log.LogOutput(lambda: LogSettings(warnings=2), lambda: 0.0)
    for _ in range(5):
        log.Warnings(output.warnings)(Warned("a", "b"))
    assert len(lines(stream)) == 2
    assert output.left_out() == {("trace",): 0, ("warning",): 3, ("library",): 0}


def test_changed_settings_are_logged_by_name_without_values(stream: io.StringIO) -> None:
    write = log.Warnings(log.LogOutput(LogSettings).warnings)
    for event in (SettingsReloaded(("mode", "admin_token")), SettingsReloaded(())):
        write(event)
    write(SettingsReloaded(None))
    assert [line["changed"] for line in lines(stream)] == [["mode", "admin_token"], []]


def test_library_records_have_a_rate_too(stream: io.StringIO) -> None:
    output = log.LogOutput(lambda: LogSettings(warnings=2), lambda: 0.0)
    restore = output.capture()
    for _ in range(9):
        logging.getLogger("aiohttp.server").error("a")
    restore()
    output.close()
    assert [line["event"] for line in lines(stream)] == ["library", "library", "left out"]
    assert lines(stream)[-1]["library"] == 7


def test_the_access_log_has_a_line_per_request_with_confirmed_names_only(stream: io.StringIO) -> None:
    write = log.AccessLog()
    known, unknown = (
        READS.spans[0],
        replace(READS.spans[0], status=404, relation="eyJhbGciOiJIUzI1NiJ9", method="X-SECRET"),
    )
    for span in (known, unknown):
        write(RequestAnswered(span, 0.0))
    write(CLOSED)
    first, second = lines(stream)
    assert (first["event"], first["method"], first["relation"], first["status"]) == ("access", "GET", "public.t", 200)
    assert (first["outcome"], first["ms"]) == ("passed", round(1000 * (known.end - known.start), 1))
    assert (second["method"], second["relation"], second["status"]) == ("other", "…", 404)


def test_every_line_has_the_usual_keys(stream: io.StringIO) -> None:
    write, output, _ = trace_log()
    warn = log.Warnings(output.warnings)
    write(CLOSED)
    warn(Warned("something failed", "Look at it."))
    warn(SettingsReloaded(()))
    for line in lines(stream):
        assert {"timestamp", "level", "event", "message"} <= line.keys()
