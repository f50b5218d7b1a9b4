"""A connection to upstream: has anything arrived that nobody asked for, and has upstream received all of a request?"""

import asyncio
import os
import select
import socket
import sys
from collections.abc import Callable

from proxy.transport.connection import Connection

if sys.platform != "win32":
    from fcntl import ioctl

SIOCOUTQ = 0x5411
"""Linux, asm-generic/ioctls.h: the bytes of a TCP socket that the other system has not acknowledged (tcp(7))."""
TIMED_OUT = (b"HTTP/1.1 408 ", b"HTTP/1.0 408 ")
"""What servers send, and then close, when a connection was idle for too long (RFC 9110 §15.5.9)."""


class UpstreamConnection(Connection):
    """A connection to upstream. While open, its endpoints are in ``open_endpoints``.

    ``on_unasked`` is called when bytes have arrived that belong to no answer.
    """

    def __init__(self, open_endpoints: set[object], on_unasked: Callable[[], None]) -> None:
        super().__init__()
        self.calls = 0
        """Calls so far."""
        self.idle_since = 0.0
        self._in_call = True
        self._written = 0
        """Bytes of the request of this call that were written so far."""
        self._answer_due = False
        """Whether the next bytes are the first after another call's answer."""
        self._open_endpoints = open_endpoints
        self._endpoints: object = None
        self._on_unasked = on_unasked
        self._poll: select.poll | None = None

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        super().connection_made(transport)
        self._endpoints = self.endpoints()
        if self._endpoints is not None:
            self._open_endpoints.add(self._endpoints)
        if self._descriptor >= 0 and hasattr(select, "poll"):  # not on Windows
            self._poll = select.poll()
            self._poll.register(self._descriptor, select.POLLIN)

    def connection_lost(self, exc: Exception | None) -> None:
        super().connection_lost(exc)
        self._open_endpoints.discard(self._endpoints)

    def data_received(self, data: bytes) -> None:
        if self._answer_due:
            self._answer_due = False
            if self._has_received_nothing():
                self.abort()
                self._report_unasked(data)
                return
        unasked = not self._in_call  # before the answer is read, which may end the call at once
        super().data_received(data)
        if unasked:
            self.abort()
            self._report_unasked(data)

    def write(self, data: bytes) -> None:
        self._written += len(data)
        super().write(data)

    def begin_call(self) -> None:
        """The next bytes are an answer; but if upstream has received no byte of the request when they arrive, they are
        unasked, and the connection ends before an answer.
        """
        self._answer_due = self.calls > 0
        self.calls += 1
        self._in_call, self._written = True, 0

    def end_call(self) -> bool:
        """An answer was read to its end. False if the connection cannot carry another call: more has arrived, or may
        have arrived without being seen.
        """
        self._in_call = False
        if self.buffer:
            self._report_unasked(bytes(self.buffer[:13]))
            return False
        if not self._reading and self.address("ssl_object") is not None:
            return False  # the TLS layer may hold bytes while reading is paused
        self.resume()
        return not self.ended

    def is_silent(self) -> bool:
        """Whether it is open and nothing arrived since the last answer, not even in the socket: the event loop reads
        that only in its next turn, and then it would be taken for the answer to the next request.
        """
        if self.ended or self.buffer:
            return False
        if self._poll is None or not self._poll.poll(0):
            return True
        if self.address("ssl_object") is None:  # else the bytes may be of TLS itself
            self._report_unasked(self._peek())
        return False

    def has_unreceived(self) -> bool:
        """Whether upstream's system has certainly not received all that was written."""
        return self._unsent() > 0 or self._unacknowledged() > 0

    def _has_received_nothing(self) -> bool:
        """Whether upstream's system has certainly received no byte of this call's request. Unknown with a unix socket,
        where a byte counts as long as the server has not read all that was written with it.
        """
        if self._endpoints is None or not self._written:
            return False
        return self._unsent() + self._unacknowledged() >= self._written

    def _unacknowledged(self) -> int:
        """Bytes in the socket that upstream's system has not received."""
        descriptor = self._descriptor
        if descriptor < 0 or not sys.platform.startswith("linux"):
            return 0
        try:
            return int.from_bytes(ioctl(descriptor, SIOCOUTQ, b"\0" * 4), sys.byteorder)
        except OSError:
            return 0

    @property
    def _descriptor(self) -> int:
        """The file descriptor of the socket; -1 if there is none, or none any more."""
        plain = None if self._transport is None else self._transport.get_extra_info("socket")
        return -1 if plain is None else int(plain.fileno())

    def _peek(self) -> bytes:
        """The first bytes in the socket, which stay there; empty if upstream has closed."""
        try:
            with socket.socket(fileno=os.dup(self._descriptor)) as copy:
                copy.setblocking(False)
                return copy.recv(len(TIMED_OUT[0]), socket.MSG_PEEK)
        except OSError:
            return b""

    def _report_unasked(self, data: bytes) -> None:
        if data and not data.startswith(TIMED_OUT):
            self._on_unasked()
