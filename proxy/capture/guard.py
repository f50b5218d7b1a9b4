"""The process between fanin and the command: it starts the command, passes signals on, and leaves no process behind.

It is forked from fanin before anything else is started, and adopts orphans. When fanin ends in whatever way, also by
SIGKILL, the guard reads the end of the connection to it and ends the command with all its descendants.

Tests: tests/e2e/operations/test_capture_processes.py.
"""

import asyncio
import json
import os
import select
import signal
import socket
import subprocess
import sys
import time
from collections import Counter
from collections.abc import Mapping, Sequence

import msgspec

from proxy.capture.processes import ProcessTree, adopt_orphans

PASSED_ON = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP, signal.SIGQUIT)
"""Signals that a user sends to end a command."""
GRACE = 5.0
"""Seconds between a signal to end, and SIGKILL."""
NOT_FOUND, NOT_EXECUTABLE, SIGNALLED = 127, 126, 128
"""Exit codes, as those of shells; SIGNALLED plus the number of the signal that ended the command."""


class CommandEnd(msgspec.Struct, frozen=True):
    """How the command ended."""

    code: int
    fault: str = ""
    """Why it could not be started; else empty."""
    left: int = 0
    """Processes that it left running, and that were ended."""


class Guard:
    """The side of fanin. ``start`` runs the command; ``end`` waits for its end."""

    def __init__(self, pid: int, connection: socket.socket) -> None:
        self._pid = pid
        self._connection = connection
        self._signals: Counter[int] = Counter()

    @classmethod
    def fork(cls, command: Sequence[str]) -> "Guard":
        """Fork the guard of ``command``. There must be no other thread and no event loop yet."""
        adopt_orphans()
        ours, theirs = socket.socketpair()
        sys.stdout.flush()
        sys.stderr.flush()
        pid = os.fork()
        if pid == 0:
            code = 1
            try:
                ours.close()
                adopt_orphans()
                GuardProcess(theirs, command).run()
                code = 0
            finally:
                os._exit(code)
        theirs.close()
        return cls(pid, ours)

    def start(self, variables: Mapping[str, str]) -> None:
        """Start the command with ``variables`` in addition to the environment. Signals are passed on from now on."""
        self._connection.setblocking(False)
        loop = asyncio.get_running_loop()
        for number in PASSED_ON:
            if number in (signal.SIGINT, signal.SIGTERM) or signal.getsignal(number) is not signal.SIG_IGN:  # nohup
                loop.add_signal_handler(number, self._on_signal, number)
        self._send({"variables": dict(variables)})

    async def end(self) -> CommandEnd:
        """Wait for the end of the command and of all processes that it started."""
        loop, received = asyncio.get_running_loop(), b""
        while not received.endswith(b"\n"):
            data = await loop.sock_recv(self._connection, 65536)
            if not data:  # the guard was killed
                ProcessTree().kill()
                return CommandEnd(SIGNALLED + signal.SIGKILL, "the process that runs the command was killed")
            received += data
        return msgspec.json.decode(received, type=CommandEnd)

    def close(self) -> None:
        """Wait until the guard has ended. If the command still runs, the guard ends it before."""
        self._connection.close()
        try:
            os.waitpid(self._pid, 0)
        except ChildProcessError:  # the guard was killed, and `end` has collected it
            pass

    def _on_signal(self, number: int) -> None:
        self._signals[number] += 1
        self._send({"signal": number, "count": self._signals[number]})

    def _send(self, message: object) -> None:
        try:
            self._connection.send(json.dumps(message).encode() + b"\n")
        except OSError:  # the guard has ended, and ``end`` knows
            pass


class GuardProcess:
    """The guard's own side."""

    def __init__(self, connection: socket.socket, command: Sequence[str]) -> None:
        self._connection = connection
        self._command = command
        self._buffer = b""
        self._signals: Counter[int] = Counter()
        self._tree = ProcessTree()
        self._deadline: float | None = None
        """When the command is killed, because a signal for fanin alone has asked for its end."""

    def run(self) -> None:
        """Run the command and report its end. Without an order to start, return."""
        wakes, woken = socket.socketpair()
        woken.setblocking(False)
        signal.set_wakeup_fd(woken.fileno(), warn_on_full_buffer=False)
        for number in PASSED_ON:
            if number in (signal.SIGINT, signal.SIGTERM) or signal.getsignal(number) is not signal.SIG_IGN:
                signal.signal(number, lambda received, _: self._count(received))
        signal.signal(signal.SIGCHLD, lambda *_: None)  # it wakes `select`
        while b"\n" not in self._buffer:
            if not self._receive():
                return
        first, _, self._buffer = self._buffer.partition(b"\n")
        try:
            process = subprocess.Popen(  # noqa: S603 – the user's own command
                self._command, env=os.environ | json.loads(first)["variables"], close_fds=False
            )
        except OSError as error:
            code = NOT_EXECUTABLE if isinstance(error, PermissionError) else NOT_FOUND
            self._report(CommandEnd(code, f"{self._command[0]}: {error.strerror}"))
            return
        self._tree.command = process.pid
        has_ended = self._wait(wakes)
        left = self._tree.end(GRACE)
        if has_ended:
            process.returncode = code = os.waitstatus_to_exitcode(self._tree.status or 0)
            self._report(CommandEnd(SIGNALLED - code if code < 0 else code, left=left))

    def _wait(self, wakes: socket.socket) -> bool:
        """Wait until the command ends. False if fanin ended before."""
        while True:
            self._tree.reap()
            if self._tree.status is not None:
                return True
            seconds = None if self._deadline is None else max(0.0, self._deadline - time.monotonic())
            ready, _, _ = select.select([self._connection, wakes], [], [], seconds)
            if wakes in ready:
                wakes.recv(4096)
            if self._connection in ready:
                if not self._receive():
                    return False
                self._pass_on()
            if self._deadline is not None and time.monotonic() >= self._deadline:
                self._tree.kill()

    def _pass_on(self) -> None:
        """Send the command the signals that only fanin got. Those of a terminal go to all processes of the group."""
        *lines, self._buffer = self._buffer.split(b"\n")
        for message in map(json.loads, lines):
            number = message["signal"]
            if message["count"] > self._signals[number]:
                self._signals[number] += 1
                now = time.monotonic()
                self._deadline = now if self._deadline is not None else now + GRACE  # the second one ends the wait
                try:
                    os.kill(self._tree.command, number)
                except ProcessLookupError:
                    pass

    def _count(self, number: int) -> None:
        self._signals[number] += 1

    def _receive(self) -> bool:
        """Read what fanin sends; False if it has ended."""
        try:
            data = self._connection.recv(65536)
        except OSError:
            return False
        self._buffer += data
        return bool(data)

    def _report(self, end: CommandEnd) -> None:
        try:
            self._connection.sendall(msgspec.json.encode(end) + b"\n")
        except OSError:  # fanin was killed meanwhile; the command has ended too
            pass
