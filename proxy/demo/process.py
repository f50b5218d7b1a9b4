"""Child processes that do not outlive this process: started in the foreground, ended by pid.

A child is started by a shell, which first starts a guard: a process that waits for the end of a pipe whose other end
only this process has. When this process ends, even by SIGKILL, the guard sends the child the signal that stops it. Then
the shell becomes the child. No Python code runs between fork and exec, where other threads may hold locks for ever.
"""

from __future__ import annotations

import errno
import os
import shutil
import signal
import subprocess
import threading
import time
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any, NamedTuple, Self

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping, Sequence
    from pathlib import Path

_GUARDED = """
exec 3<&0 </dev/null
( (cd / && exec >/dev/null 2>&1; read -r line <&3; kill -s "$0" $$) & )
exec 3<&-
exec "$@"
"""
# The guard is no child of the program, which may wait for its children, but a member of its process group.
_POLL = 0.02  # seconds between two checks of a server that is starting
_TAIL = 20  # log lines in an error message


class StackError(RuntimeError):
    """A server could not be found or started; the message says which, and what to do."""


class User(NamedTuple):
    """The numeric user and group that a child runs as."""

    uid: int
    gid: int


@contextmanager
def uninterrupted() -> Iterator[None]:
    """Defer SIGINT and SIGTERM until the end of the block, so that it runs completely.

    The block must be short or bounded in time; blocks can be nested. Does nothing outside the
    main thread, where Python delivers no signals.
    """
    if threading.current_thread() is not threading.main_thread():
        yield
        return
    handlers: dict[signal.Signals, Callable[[int, Any], Any]] = {}
    held: list[tuple[signal.Signals, Any]] = []
    try:
        for number in (signal.SIGINT, signal.SIGTERM):
            handler = signal.getsignal(number)
            if callable(handler):  # SIG_DFL and SIG_IGN raise nothing inside Python code
                handlers[number] = handler
                signal.signal(number, lambda n, frame: held.append((signal.Signals(n), frame)))
        yield
    finally:
        for number, handler in handlers.items():
            signal.signal(number, handler)
        # Call the handler, do not raise the signal again: an event loop has already seen it on its wakeup socket.
        for number, frame in held:
            handlers[number](number, frame)


class Child:
    """A direct child in a separate session: Ctrl-C in the terminal reaches only this process, which ends the child.

    `stop` is the signal that stops it; after `grace` seconds its process group is killed. Output
    is appended to `log`. Raises StackError when the program cannot be started.
    """

    def __init__(
        self,
        argv: Sequence[str],
        *,
        log: Path,
        env: Mapping[str, str],
        stop: signal.Signals = signal.SIGTERM,
        grace: float = 5.0,
        user: User | None = None,
    ) -> None:
        self.name = os.path.basename(argv[0])
        self._log, self._stop, self._grace = log, stop, grace
        if shutil.which(argv[0], path=env.get("PATH")) is None:
            why = os.strerror(errno.EACCES if os.path.exists(argv[0]) else errno.ENOENT)
            raise StackError(f"cannot start {argv[0]}: {why}")
        guard_end, self._pipe = os.pipe()
        try:
            with log.open("ab") as output:
                self._process = subprocess.Popen(
                    ["/bin/sh", "-c", _GUARDED, stop.name.removeprefix("SIG"), *argv],
                    stdin=guard_end,
                    stdout=output,
                    stderr=output,
                    env=env,
                    cwd=log.parent,
                    start_new_session=True,
                    user=user and user.uid,
                    group=user and user.gid,
                    extra_groups=[] if user else None,
                )
        except OSError as error:
            os.close(self._pipe)
            raise StackError(f"cannot start {argv[0]}: {error.strerror or error}") from error
        finally:
            os.close(guard_end)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.end()

    @property
    def pid(self) -> int:
        """The process id, which the kernel does not reuse before the child has been waited for."""
        return self._process.pid

    def poll(self) -> int | None:
        """Return the exit code (minus the signal, if one ended it), or None while it runs."""
        return self._process.poll()

    def wait(self, timeout: float) -> int:
        """Return the exit code. Raises StackError if it still runs after `timeout` seconds."""
        try:
            return self._process.wait(timeout)
        except subprocess.TimeoutExpired as error:
            raise StackError(self._report(f"did not finish in {timeout:g} s")) from error

    def wait_until(self, ready: Callable[[], bool], *, timeout: float) -> None:
        """Return once `ready()`. Raises StackError if the child ends, or after `timeout` s."""
        deadline = time.monotonic() + timeout
        while not ready():
            code = self.poll()
            if code is not None:
                raise StackError(self._report(f"ended with code {code} while starting"))
            if time.monotonic() > deadline:
                raise StackError(self._report(f"was not ready after {timeout:g} s"))
            time.sleep(_POLL)

    def fail(self, what: str) -> StackError:
        """Return the error for a child that `what` (a verb phrase), with the end of its log."""
        return StackError(self._report(what))

    def end(self) -> None:
        """Stop the child, and kill its process group after `grace` seconds. If it has ended, only its guard is left."""
        if self._process.poll() is None:
            self._process.send_signal(self._stop)
            try:
                self._process.wait(self._grace)
            except subprocess.TimeoutExpired:
                os.killpg(self._process.pid, signal.SIGKILL)
                self._process.wait()
        self._end_guard()

    def _end_guard(self) -> None:
        """Kill the guard, before the kernel can give the child's pid to another process that the guard would stop."""
        if self._pipe < 0:
            return
        try:
            os.killpg(self._process.pid, signal.SIGKILL)
        except (ProcessLookupError, PermissionError):
            pass  # nothing is left of the group
        os.close(self._pipe)
        self._pipe = -1

    def _report(self, what: str) -> str:
        try:
            lines = self._log.read_text(errors="replace").splitlines()[-_TAIL:]
        except OSError as error:
            lines = [f"(its log cannot be read: {error})"]
        return "\n    ".join([f"{self.name} {what}. The end of its log:", *(lines or ["(empty)"])])


def remove_tree(directory: Path, *, tries: int = 100) -> None:
    """Remove `directory`. Retries for 2 s, because children of a killed server may still write to it."""
    for _ in range(tries):
        shutil.rmtree(directory, ignore_errors=True)
        if not directory.exists():
            return
        time.sleep(_POLL)
    shutil.rmtree(directory)  # raises the error
