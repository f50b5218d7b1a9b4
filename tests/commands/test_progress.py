"""A command that takes long says on a terminal what it is doing, and leaves nothing of that behind."""

from __future__ import annotations

import io
import threading

from proxy.commands.progress import CLEAR, Progress


class Terminal(io.StringIO):
    """A terminal that tells when something was written to it."""

    def __init__(self) -> None:
        super().__init__()
        self.written = threading.Event()

    def isatty(self) -> bool:
        return True

    def flush(self) -> None:
        self.written.set()


def test_a_terminal_shows_the_step_and_is_clean_at_the_end() -> None:
    terminal = Terminal()
    with Progress(terminal, after=0, every=0.001) as progress:
        progress.tell("reading\x1b[31m the database")
        assert terminal.written.wait(30)
    shown = terminal.getvalue()
    assert "fanin: reading\\x1b[31m the database" in shown
    assert shown.endswith(CLEAR)


def test_what_ends_soon_writes_nothing() -> None:
    terminal = Terminal()
    with Progress(terminal, after=30) as progress:
        progress.tell("reading")
    assert terminal.getvalue() == ""


def test_a_file_gets_no_progress() -> None:
    file = io.StringIO()
    with Progress(file, after=0) as progress:
        progress.tell("reading")
    assert file.getvalue() == ""
