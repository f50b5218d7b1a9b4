"""What libraries and the interpreter have to say: who, where and what kind of error, and none of the text.

Any of it may quote a request: aiohttp's parse errors have the bytes of a head in them, asyncio's the repr of whatever
was under way.
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

Hook = Callable[[], None]


class Redactor(logging.Handler):
    """The only handler of Python's ``logging``."""

    def __init__(self, rate: RateLimit) -> None:
        super().__init__(logging.WARNING)
        self._rate = rate
        self._log = structlog.get_logger()

    def emit(self, record: logging.LogRecord) -> None:
        """``logging`` holds this handler's lock: records may come from any thread."""
        error = record.exc_info[1] if record.exc_info else None
        self._write(record.name, record.levelname.lower(), f"{record.pathname}:{record.lineno}", error)

    def tell(self, source: str, level: str, place: str, error: BaseException | None) -> None:
        """The same of what does not come from a logger."""
        with self.lock or threading.Lock():
            self._write(source, level, place, error)

    def _write(self, source: str, level: str, place: str, error: BaseException | None) -> None:
        left_out = self._rate.ask()
        if left_out is not None:
            self._log.warning(
                "library",
                source=source,
                said=level,
                at=place,
                **where(error),
                remedy="Its text is left out, for it may quote a request. If it recurs, report it.",
                left_out=left_out,
            )


def install(redactor: Redactor) -> Hook:
    """Everything that Python would print by itself goes to ``redactor``; what is returned undoes that."""
    root = logging.getLogger()
    before = root.handlers[:], root.level, warnings.showwarning, sys.excepthook, sys.unraisablehook
    threads = threading.excepthook
    root.handlers[:] = [redactor]
    root.setLevel(logging.WARNING)
    warnings.showwarning = _warned(redactor)
    sys.excepthook = lambda kind, error, place: redactor.tell("python", "error", "", error)
    sys.unraisablehook = lambda told: redactor.tell("python", "error", "", told.exc_value)
    threading.excepthook = lambda told: redactor.tell("python thread", "error", "", told.exc_value)

    def undo() -> None:
        root.handlers[:], level, warnings.showwarning, sys.excepthook, sys.unraisablehook = before
        root.setLevel(level)
        threading.excepthook = threads

    return undo


def where(error: BaseException | None) -> dict[str, object]:
    """Type and code lines of an exception; its message may quote a value, so it stays out."""
    if error is None:
        return {}
    frames = traceback.extract_tb(error.__traceback__)
    return {
        "error": type(error).__name__,
        "traceback": [f"{frame.filename}:{frame.lineno} {frame.name}" for frame in frames],
    }


def _warned(redactor: Redactor) -> Any:
    def show(message: Warning | str, category: type[Warning], filename: str, lineno: int, *_: object) -> None:
        redactor.tell(f"python {category.__name__}", "warning", f"{filename}:{lineno}", None)

    return show
