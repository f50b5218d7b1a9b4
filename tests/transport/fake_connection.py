"""A transport without a socket: what was written, whether it reads, how full it is."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from proxy.transport.connection import Connection


class FakeTransport(asyncio.Transport):
    """Keeps what is written; ``stuck`` bytes are said to wait for the peer."""

    def __init__(self, wire: Connection, **extra: Any) -> None:
        super().__init__(extra)
        self.written = b""
        self.told: list[str] = []
        self.closing = False
        self.aborted = False
        self.eof = False
        self.stuck = 0
        self._wire = wire
        wire.connection_made(self)

    def set_write_buffer_limits(self, high: int | None = None, low: int | None = None) -> None:
        self.high = high

    def get_write_buffer_size(self) -> int:
        return self.stuck

    def write(self, data: bytes | bytearray | memoryview[Any]) -> None:
        assert not self.closing, "a write after the close"
        self.written += bytes(data)

    def pause_reading(self) -> None:
        self.told.append("pause")

    def resume_reading(self) -> None:
        self.told.append("resume")

    def can_write_eof(self) -> bool:
        return True

    def write_eof(self) -> None:
        self.eof = True

    def is_closing(self) -> bool:
        return self.closing

    def close(self) -> None:
        if not self.closing and not self.stuck:
            asyncio.get_running_loop().call_soon(self._wire.connection_lost, None)
        self.closing = True

    def abort(self) -> None:
        if not self.aborted:
            asyncio.get_running_loop().call_soon(self._wire.connection_lost, None)
        self.closing = self.aborted = True
