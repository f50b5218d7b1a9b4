"""Of what libraries and Python say, the log has who, where and the kind of error, and no text."""

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
def test_of_what_a_library_logs_only_who_where_and_the_kind_of_error_is_told(
    captured: io.StringIO, name: str | None
) -> None:
    logger = logging.getLogger(name)
    for level in (logging.WARNING, logging.ERROR, logging.CRITICAL):
        try:
            raise KeyError(SECRET)
        except KeyError:
            logger.log(level, f"{SECRET} %s", SECRET, exc_info=True, stack_info=True, extra={"secret": SECRET})  # noqa: G004
    assert "secret" not in captured.getvalue().replace("test_redactor.py", "")
    found = lines(captured)
    assert [line["said"] for line in found] == ["warning", "error", "critical"]
    assert all(line["source"] == (name or "root") and line["error"] == "KeyError" for line in found)
    assert all("test_redactor.py:" in line["at"] for line in found)


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


def test_once_released_python_is_as_it_was(stream: io.StringIO) -> None:
    before = (sys.excepthook, sys.unraisablehook, threading.excepthook, logging.getLogger().handlers[:])
    log.LogOutput(LogSettings).capture()()
    assert (sys.excepthook, sys.unraisablehook, threading.excepthook, logging.getLogger().handlers[:]) == before
