"""Standard error and standard output of ``fanin serve``: the log, the start line, the trees of --debug.

Tests: tests/e2e/operations/test_outputs.py.
"""

import sys
from collections.abc import Callable
from contextlib import AsyncExitStack
from functools import partial
from typing import TextIO

from proxy.observe.line_writer import LineWriter, descriptor_of
from proxy.observe.log_format import LineFormat, configure, line
from proxy.settings.model import Settings
from proxy.text.counted import counted


class Terminal:
    """Standard error and standard output: their writers, and the format of the log."""

    def __init__(self, settings: Settings, stack: AsyncExitStack) -> None:
        """Logs to stderr from now on. ``stack`` gets what writes the waiting lines at the end."""
        self._format, self._settings, self._stack = settings.log.format, settings.log, stack
        self.stderr = self._writer(sys.stderr, partial(_dropped_line, self._format))
        self.streams = {"stderr": self.stderr}
        if settings.debug:
            self.streams["stdout"] = self._writer(sys.stdout, "({} lines left out: nobody read them)\n".format)
        configure(self.stderr, self._format)

    def say(self, event: str, text: str) -> None:
        """Write ``text`` to stderr: as a line of the log, or plainly if the log is for people."""
        plain = self._format == "console"
        self.stderr.write(f"{text}\n" if plain else line(self._format, "info", {"event": event, "message": text}))

    def _writer(self, stream: TextIO | None, dropped_line: Callable[[int], str]) -> LineWriter:
        writer = LineWriter(descriptor_of(stream), self._settings.queue, dropped_line)
        self._stack.callback(writer.close, self._settings.flush_timeout)
        return writer


def _dropped_line(line_format: LineFormat, count: int) -> str:
    text = f"{counted(count, 'line')} of the log left out: nobody read them in time, or the write failed"
    return line(line_format, "warning", {"event": "output", "message": text, "dropped": count})
