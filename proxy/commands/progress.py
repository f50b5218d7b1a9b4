"""Says on a terminal what a command is doing, once it has taken longer than a second."""

import sys
import threading
from types import TracebackType
from typing import TextIO

from proxy.text.terminal import safe

AFTER = 1.0
"""Seconds."""
EVERY = 0.2
"""Seconds between two updates."""
WIDTH = 100
CLEAR = "\r\x1b[2K"


class Progress:
    """One line that changes, and that is removed at the end; nothing where the stream is no terminal."""

    def __init__(self, stream: TextIO | None = None, after: float = AFTER, every: float = EVERY) -> None:
        self._stream = sys.stderr if stream is None else stream
        self._times = (after, every)
        self._text = ""
        self._ended = threading.Event()
        self._thread: threading.Thread | None = None

    def tell(self, text: str) -> None:
        """Show ``text`` from now on."""
        self._text = text

    def __enter__(self) -> "Progress":
        if self._stream.isatty():
            self._thread = threading.Thread(target=self._show, daemon=True)
            self._thread.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._ended.set()
        if self._thread is not None:
            self._thread.join()

    def _show(self) -> None:
        after, every = self._times
        shown = ""
        ended = self._ended.wait(after)
        while not ended:
            if self._text != shown:
                shown = self._text
                self._stream.write(f"{CLEAR}fanin: {safe(shown)[:WIDTH]}")
                self._stream.flush()
            ended = self._ended.wait(every)
        if shown:
            self._stream.write(CLEAR)
            self._stream.flush()
