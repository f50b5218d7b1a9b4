"""Records of libraries and of Python are logged with source, location and kind of error, and without their text."""

from __future__ import annotations

import logging
import sys
import threading
import warnings
from typing import TYPE_CHECKING

import pytest

from proxy.observe import log
from proxy.settings.observability import LogSettings
from tests.observe.log_lines import lines

if TYPE_CHECKING:
    import io


SECRET = "eyJhbGciOiJIUzI1NiJ9.secret"


@pytest.mark.parametrize("name", ["aiohttp.server", "asyncio", "asyncpg.pool", "py.warnings", "any.other", None])
def test_a_library_record_is_reduced_to_source_location_and_error_type(captured: io.StringIO, name: str | None) -> None:
    logger = logging.getLogger(name)
    for level in (logging.WARNING, logging.ERROR, logging.CRITICAL):
        try:
            raise KeyError(SECRET)
        except KeyError:
            logger.log(level, f"{SECRET} %s", SECRET, exc_info=True, stack_info=True, extra={"secret": SECRET})  # noqa: G004
    assert "secret" not in captured.getvalue().replace("test_redactor.py", "")
    logged = lines(captured)
    assert [line["said"] for line in logged] == ["warning", "error", "critical"]
    assert all(line["source"] == (name or "root") and line["error"] == "KeyError" for line in logged)
    assert all("test_redactor.py:" in line["at"] for line in logged)


def test_a_library_record_below_warning_is_not_logged(captured: io.StringIO) -> None:
    logging.getLogger("asyncio").info(SECRET)
    logging.getLogger("aiohttp").debug(SECRET)
    assert not captured.getvalue()


def test_messages_of_the_interpreter_are_logged_without_their_text(
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
    logged = [(line["source"], line.get("error")) for line in lines(captured)]
    assert logged == [
        ("python", "ValueError"),
        ("python thread", "ValueError"),
        ("python RuntimeWarning", None),
        ("python", "ValueError"),
    ]
    assert capfd.readouterr() == ("", "")


def test_restore_resets_the_hooks_of_python(stream: io.StringIO) -> None:
    before = (sys.excepthook, sys.unraisablehook, threading.excepthook, logging.getLogger().handlers[:])
    log.LogOutput(LogSettings).capture()()
    assert (sys.excepthook, sys.unraisablehook, threading.excepthook, logging.getLogger().handlers[:]) == before
