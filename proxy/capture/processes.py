"""The processes that a command starts: found, and ended, wherever they are."""

import ctypes
import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

_PR_SET_CHILD_SUBREAPER = 36
"""From linux/prctl.h."""
POLL = 0.02
"""Seconds between two looks at processes that are ending."""
KILLING = 5.0
"""Seconds after which processes that cannot be killed, such as another user's, are given up."""


def adopt_orphans() -> None:
    """On Linux: descendants whose parent ends become children of this process, so that they can still be found."""
    if sys.platform == "linux":
        try:
            ctypes.CDLL(None).prctl(_PR_SET_CHILD_SUBREAPER, 1)
        except (OSError, AttributeError):  # a C library without it: then orphans are not found
            pass


def descendants(pid: int) -> set[int]:
    """The running processes below ``pid``."""
    children: dict[int, list[int]] = {}
    for child, parent in _running():
        children.setdefault(parent, []).append(child)
    found: set[int] = set()
    waiting = [pid]
    while waiting:
        below = [child for child in children.get(waiting.pop(), ()) if child not in found]
        found.update(below)
        waiting += below
    return found


class ProcessTree:
    """The processes below this one. ``command`` is the child whose status is wanted."""

    def __init__(self, command: int = 0) -> None:
        self.command = command
        self.status: int | None = None
        """Wait status of ``command`` once it has ended."""

    def reap(self) -> None:
        """Collect the children that have ended, adopted ones included."""
        try:
            while (ended := os.waitpid(-1, os.WNOHANG)) != (0, 0):
                if ended[0] == self.command:
                    self.status = ended[1]
        except ChildProcessError:
            pass

    def end(self, grace: float) -> int:
        """End all: SIGTERM, and SIGKILL after ``grace`` seconds. Returns how many there were.

        Those that end of themselves within a moment do not count.
        """
        if self._has_ended(10 * POLL):
            return 0
        left = descendants(os.getpid())
        _send(left, signal.SIGTERM)
        if not self._has_ended(grace):
            self.kill()
        return len(left)

    def kill(self) -> None:
        """SIGKILL to all, until there are none; those that start others meanwhile included."""
        deadline = time.monotonic() + KILLING
        while (left := descendants(os.getpid())) and time.monotonic() < deadline:
            _send(left, signal.SIGKILL)
            time.sleep(POLL)
            self.reap()

    def _has_ended(self, seconds: float) -> bool:
        """Whether all of them end within ``seconds``."""
        deadline = time.monotonic() + seconds
        while True:
            self.reap()
            if not descendants(os.getpid()):
                return True
            if time.monotonic() > deadline:
                return False
            time.sleep(POLL)


def _send(pids: set[int], number: signal.Signals) -> None:
    for pid in pids:
        try:
            os.kill(pid, number)
        except (ProcessLookupError, PermissionError):  # it has ended, or became another user's
            pass


def _running() -> Iterator[tuple[int, int]]:
    """Each process with its parent, without those that have ended and were not waited for."""
    if not Path("/proc/self/stat").exists():
        yield from _listed()
        return
    for entry in os.scandir("/proc"):
        if entry.name.isdecimal():
            try:
                state, parent = Path(entry.path, "stat").read_bytes().rpartition(b")")[2].split()[:2]
            except (OSError, ValueError):  # it has ended meanwhile
                continue
            if state not in (b"Z", b"X"):
                yield int(entry.name), int(parent)


def _listed() -> Iterator[tuple[int, int]]:
    """The same where there is no /proc (macOS)."""
    command = ["/bin/ps", "-A", "-o", "pid=,ppid=,stat="]
    listed = subprocess.run(command, capture_output=True, text=True, check=False)  # noqa: S603 – constant
    for line in listed.stdout.splitlines():
        pid, parent, state = line.split()[:3]
        if not state.startswith("Z"):
            yield int(pid), int(parent)
