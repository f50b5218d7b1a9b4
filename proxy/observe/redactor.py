"""Redacts log records of libraries and messages of the interpreter to source, location and error type.

Their text may contain parts of a request: aiohttp's parse errors quote bytes of a head, asyncio's messages the repr of
running objects.
"""

import logging
import sys
import threading
import traceback
import warnings
from collections.abc import Callable
from typing import Any

import structlog

from proxy.observe.rate_limit import RateLimit

Restore = Callable[[], None]


class Redactor(logging.Handler):
    """The only handler of Python's root logger."""

    def __init__(self, rate: RateLimit) -> None:
        super().__init__(logging.WARNING)
        self._rate = rate
        self._log = structlog.get_logger()

    def emit(self, record: logging.LogRecord) -> None:
        """Called by ``logging``, which holds this handler's lock: records come from any thread."""
        error = record.exc_info[1] if record.exc_info else None
        self._write(record.name, record.levelname.lower(), f"{record.pathname}:{record.lineno}", error)

    def report(self, source: str, level: str, location: str, error: BaseException | None) -> None:
        """Log a message that does not come from a logger."""
        with self.lock or threading.Lock():
            self._write(source, level, location, error)

    def _write(self, source: str, level: str, location: str, error: BaseException | None) -> None:
        left_out = self._rate.acquire()
        if left_out is not None:
            self._log.warning(
                "library",
                message="a library or Python logged something",
                source=source,
                said=level,
                at=location,
                **error_location(error),
                remedy="The text is left out because it may contain parts of a request. If this recurs, report it.",
                left_out=left_out,
            )


def install(redactor: Redactor) -> Restore:
    """Send all log records, warnings and unhandled exceptions to ``redactor``; the returned function undoes it."""
    root = logging.getLogger()
    before = root.handlers[:], root.level, warnings.showwarning, sys.excepthook, sys.unraisablehook
    threads = threading.excepthook
    root.handlers[:] = [redactor]
    root.setLevel(logging.WARNING)
    warnings.showwarning = _show_warning(redactor)
    sys.excepthook = lambda kind, error, trace: redactor.report("python", "error", "", error)
    sys.unraisablehook = lambda unraisable: redactor.report("python", "error", "", unraisable.exc_value)
    threading.excepthook = lambda failure: redactor.report("python thread", "error", "", failure.exc_value)

    def undo() -> None:
        root.handlers[:], level, warnings.showwarning, sys.excepthook, sys.unraisablehook = before
        root.setLevel(level)
        threading.excepthook = threads

    return undo


def error_location(error: BaseException | None) -> dict[str, object]:
    """Type and source lines of an exception, without its message, which may contain a value."""
    if error is None:
        return {}
    frames = traceback.extract_tb(error.__traceback__)
    return {
        "error": type(error).__name__,
        "traceback": [f"{frame.filename}:{frame.lineno} {frame.name}" for frame in frames],
    }


def _show_warning(redactor: Redactor) -> Any:
    def show(message: Warning | str, category: type[Warning], filename: str, lineno: int, *_: object) -> None:
        redactor.report(f"python {category.__name__}", "warning", f"{filename}:{lineno}", None)

    return show
