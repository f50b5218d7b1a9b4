"""A transport without a socket, for tests of connections."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from proxy.transport.connection import Connection


class FakeTransport(asyncio.Transport):
    """Records writes and calls of pause_reading and resume_reading; ``unsent`` is the size of its write buffer."""

    def __init__(self, connection: Connection, **extra: Any) -> None:
        super().__init__(extra)
        self.written = b""
        self.reading_calls: list[str] = []
        self.closing = False
        self.aborted = False
        self.eof = False
        self.unsent = 0
        self._connection = connection
        connection.connection_made(self)

    def set_write_buffer_limits(self, high: int | None = None, low: int | None = None) -> None:
        self.high = high

    def get_write_buffer_size(self) -> int:
        return self.unsent

    def write(self, data: bytes | bytearray | memoryview[Any]) -> None:
        assert not self.closing, "a write after the close"
        self.written += bytes(data)

    def pause_reading(self) -> None:
        self.reading_calls.append("pause")

    def resume_reading(self) -> None:
        self.reading_calls.append("resume")

    def can_write_eof(self) -> bool:
        return True

    def write_eof(self) -> None:
        self.eof = True

    def is_closing(self) -> bool:
        return self.closing

    def close(self) -> None:
        if not self.closing and not self.unsent:
            asyncio.get_running_loop().call_soon(self._connection.connection_lost, None)
        self.closing = True

    def abort(self) -> None:
        if not self.aborted:
            asyncio.get_running_loop().call_soon(self._connection.connection_lost, None)
        self.closing = self.aborted = True
