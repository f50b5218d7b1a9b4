"""Writes lines to a pipe, a terminal or a file in a thread of its own, so that no reader can stop the event loop.

A write to a pipe that nobody reads blocks until somebody does. Here it blocks only this thread: lines wait in a bounded
queue, further ones are dropped and counted, and a line gives their number as soon as the output accepts bytes again.
"""

import os
import select
import threading
from collections.abc import Callable
from typing import TextIO

MAX_WRITE = 65_536
"""Maximum bytes of one write, so that the number of waiting bytes is exact while a slow reader reads."""


class LineWriter:
    """The lines for one file descriptor. ``write`` never blocks, and may be called in any thread."""

    def __init__(self, descriptor: int, max_bytes: int, dropped_line: Callable[[int], str]) -> None:
        """``max_bytes`` may wait. ``dropped_line`` is the text, with its line end, that says how many were dropped."""
        self.dropped = 0
        """Total number of lines that were not written: the queue was full, or a write failed."""
        self.waiting = 0
        """Bytes that are not written yet."""
        self._descriptor = descriptor
        self._max_bytes = max_bytes
        self._dropped_line = dropped_line
        self._queue: list[bytes] = []
        self._reported = 0
        self._failing = False
        """Whether the last write failed."""
        self._closing = False
        self._changed = threading.Condition()
        self._thread = threading.Thread(target=self._run, name="fanin output", daemon=True)
        self._thread.start()

    def write(self, text: str) -> None:
        """Queue ``text``: whole lines, each with its line end."""
        data = text.encode(errors="backslashreplace")
        with self._changed:
            if self._closing or self.waiting + len(data) > self._max_bytes:
                self.dropped += data.count(b"\n")
                return
            self._queue.append(data)
            self.waiting += len(data)
            self._changed.notify()

    def close(self, seconds: float) -> None:
        """Write what waits, for at most ``seconds``. What is not written by then is lost; later lines are dropped."""
        with self._changed:
            self._closing = True
            self._changed.notify()
        self._thread.join(seconds)

    def _run(self) -> None:
        while True:
            with self._changed:
                self._changed.wait_for(lambda: self._queue or self._closing or self._can_report)
                lines, self._queue = self._queue, []
                if self._closing and not lines and not self._can_report:
                    return
                unreported = self.dropped - self._reported
                report = self._dropped_line(unreported).encode() if unreported else b""
                self.waiting += len(report)
            if self._write_all(b"".join(lines) + report):
                self._reported += unreported

    @property
    def _can_report(self) -> bool:
        return self.dropped > self._reported and not self._failing

    def _write_all(self, data: bytes) -> bool:
        """Write ``data``; False if the output failed, as a pipe without a reader or a full disk does."""
        written = 0
        try:
            while written < len(data):
                count = self._write_some(data[written : written + MAX_WRITE])
                written += count
                with self._changed:
                    self.waiting -= count
        except OSError:
            with self._changed:
                self.waiting -= len(data) - written
                self.dropped += data.count(b"\n", written)
                self._failing = True
            return False
        self._failing = False
        return True

    def _write_some(self, data: bytes) -> int:
        """Write some of ``data``, waiting as long as it takes. Other processes may have made the pipe non-blocking."""
        while True:
            try:
                return os.write(self._descriptor, data)
            except BlockingIOError:
                poll = select.poll()
                poll.register(self._descriptor, select.POLLOUT)
                poll.poll()


def descriptor_of(stream: TextIO | None) -> int:
    """The file descriptor of ``stream``; that of a new ``/dev/null`` if Python was started with the stream closed."""
    return os.open(os.devnull, os.O_WRONLY) if stream is None else stream.fileno()
