"""One TCP, TLS or unix connection, with flow control in both directions, and the message bodies that it carries."""

import asyncio
from collections.abc import AsyncIterator
from typing import cast

from proxy.http1.chunked import ChunkDecoder
from proxy.http1.framing import CHUNKED, UNTIL_CLOSE
from proxy.transport.resume import resume

HIGH_WATER = 256 * 1024
"""Bytes in a connection's read or write buffer above which reading or writing pauses."""

TIMER_SLACK = 0.001
"""Seconds by which a timer may fire early: event loops round to milliseconds."""


class EndOfStreamError(ConnectionError):
    """The other side closed the connection while more bytes were expected."""


class Connection(asyncio.Protocol):
    """Received bytes are in ``buffer``; ``write`` sends. At most one task reads and one writes at a time."""

    def __init__(self) -> None:
        self.buffer = bytearray()
        self.ended = False
        self.broken = False
        self.failure: BaseException | None = None
        self._loop = asyncio.get_running_loop()
        self._transport: asyncio.Transport | None = None
        self._reader: asyncio.Future[None] | None = None
        self._deadline = 0.0
        """When the reader's wait times out, by the loop's clock."""
        self._timer: asyncio.TimerHandle | None = None
        self._writer: asyncio.Future[None] | None = None
        self._closed = self._loop.create_future()
        self._reading = True
        self._writing = True

    def __repr__(self) -> str:
        state = "ended" if self.ended else "open"
        return f"<{type(self).__name__} {state} buffered={len(self.buffer)}>"

    # Called by the event loop.

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = cast("asyncio.Transport", transport)
        self._transport.set_write_buffer_limits(high=HIGH_WATER)

    def data_received(self, data: bytes) -> None:
        self.buffer += data
        if self._reading and len(self.buffer) > HIGH_WATER:
            self._pause(True)
        self._wake_reader()

    def eof_received(self) -> bool | None:
        self._end()
        return False

    def connection_lost(self, exc: Exception | None) -> None:
        self.broken = exc is not None
        self._end()
        if self._writer is not None and not self._writer.done():
            self._writer.set_exception(EndOfStreamError())
        if not self._closed.done():
            self._closed.set_result(None)
        self._transport = None  # uvloop's refers to this connection for ever: a cycle, left to the collector

    def pause_writing(self) -> None:
        self._writing = False

    def resume_writing(self) -> None:
        self._writing = True
        if self._writer is not None and not self._writer.done():
            self._writer.set_result(None)

    # Called by the connection's user.

    async def wait_for_data(self, seconds: float) -> None:
        """Wait until ``buffer`` grows. Raises EndOfStreamError, TimeoutError, or the exception that ``fail`` got."""
        if self.failure is not None:
            raise self.failure
        if self.ended:
            raise EndOfStreamError
        if not self._reading:
            self._pause(False)
        reader = self._reader = self._loop.create_future()
        self._set_deadline(self._loop.time() + seconds)
        try:
            await reader
        finally:
            if self._reader is reader:  # another reader may have replaced one that was cancelled
                self._reader = None
            del reader  # it holds what it raises, which holds this frame: a cycle, left to the collector

    def resume(self) -> None:
        """Continue to read after ``buffer`` was emptied. While reading is paused, the end of the stream is not seen."""
        if not self._reading and len(self.buffer) <= HIGH_WATER:
            self._pause(False)

    def write(self, data: bytes) -> None:
        """Send ``data``. Await ``drain`` before sending much more."""
        if self._transport is not None and not self.ended and not self._transport.is_closing():
            self._transport.write(data)

    @property
    def can_write(self) -> bool:
        """Whether ``drain`` would return at once."""
        return self._writing and not self.ended

    async def drain(self, seconds: float) -> None:
        """Wait until the write buffer is small enough to send more.

        Raises EndOfStreamError if the connection has ended, TimeoutError if the peer accepted no byte for ``seconds``.
        """
        while True:
            if self.ended:
                raise EndOfStreamError
            if self._writing:
                return
            unsent = self._unsent()
            try:
                await self._writable(seconds)
            except TimeoutError:
                if self._unsent() >= unsent:
                    raise

    def fail(self, failure: BaseException) -> None:
        """Make the waiting reader, and each later one, raise ``failure``."""
        self.failure = failure
        if self._reader is not None and not self._reader.done():
            self._reader.set_exception(failure)

    def write_eof(self) -> None:
        """Close the sending side after all data is sent. Reading goes on."""
        if self._transport is None or self.ended or self._transport.is_closing():
            return
        if self._transport.can_write_eof():
            self._transport.write_eof()

    def close(self) -> None:
        """Close after all data is sent, which never ends if the peer accepts nothing: see ``wait_closed``."""
        if self._transport is not None:
            self._transport.close()

    async def wait_closed(self, seconds: float) -> None:
        """Close after all data is sent, and wait for that. Aborts if the peer accepts no byte for ``seconds``."""
        self.close()
        unsent = self._unsent() + 1
        try:
            while self._transport is not None and not self._closed.done():
                if self._unsent() >= unsent:
                    self.abort()
                    return
                unsent = self._unsent()
                await asyncio.wait((self._closed,), timeout=seconds)
        except asyncio.CancelledError:
            self.abort()
            raise

    def abort(self) -> None:
        """Close at once and drop unsent data, so that the peer sees that the message is incomplete."""
        if self._transport is not None:
            self._transport.abort()

    def address(self, name: str) -> object:
        """``peername`` or ``sockname`` of the connection; None when unknown."""
        return None if self._transport is None else self._transport.get_extra_info(name)

    def endpoints(self) -> tuple[object, object] | None:
        """(own address and port, peer's address and port) of a TCP connection, which identify it; None otherwise."""
        own, peer = self.address("sockname"), self.address("peername")
        if not isinstance(own, tuple) or not isinstance(peer, tuple):
            return None
        return own[:2], peer[:2]

    async def _writable(self, seconds: float) -> None:
        writer = self._writer = self._loop.create_future()
        timer = self._loop.call_later(seconds, _expire, writer)
        try:
            await writer
        finally:
            timer.cancel()
            if self._writer is writer:
                self._writer = None
            del writer

    def _unsent(self) -> int:
        """Bytes in the write buffer."""
        return 0 if self._transport is None else self._transport.get_write_buffer_size()

    def _pause(self, pause: bool) -> None:
        if self._transport is None or self._transport.is_closing():
            return
        self._reading = not pause
        if pause:
            self._transport.pause_reading()
        else:
            self._transport.resume_reading()

    def _wake_reader(self) -> None:
        if self._reader is not None and not self._reader.done():
            resume(self._reader, None)

    def _set_deadline(self, due: float) -> None:
        """Have the reader time out at ``due``. One timer is reused for many waits, because nearly all end in time, and
        a new timer for each would cost more than the wait itself.
        """
        self._deadline = due
        if self._timer is not None and self._timer.when() > due:
            self._cancel_timer()
        if self._timer is None:
            self._timer = self._loop.call_at(due, self._check_deadline)

    def _cancel_timer(self) -> None:
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None

    def _check_deadline(self) -> None:
        self._timer = None
        if self._reader is None:
            return
        if self._loop.time() < self._deadline - TIMER_SLACK:
            self._set_deadline(self._deadline)
        else:
            _expire(self._reader)

    def _end(self) -> None:
        self.ended = True
        self._cancel_timer()
        if self._reader is not None and not self._reader.done():
            self._reader.set_exception(EndOfStreamError())


class Body:
    """The body of one message, read from a connection by its framing. ``done``: its last byte was read."""

    def __init__(
        self, connection: Connection, framing: int, idle: float, fault: str, *, reset_ends: bool = False
    ) -> None:
        """``framing``: the length in bytes, ``CHUNKED`` or ``UNTIL_CLOSE``. ``idle``: seconds that ``pieces`` waits for
        data. ``fault``: code for malformed chunks. ``reset_ends``: a reset may end a body until the close.
        """
        self.done = framing == 0
        self.framing = framing
        self._reset_ends = reset_ends
        self._connection = connection
        self._idle = idle
        self._left = framing
        self._chunks = ChunkDecoder(fault) if framing == CHUNKED else None

    def ready(self) -> bytes:
        """The data that has arrived, without waiting; may be empty. ``ChunkDecoder`` bounds the chunks of one call."""
        buffer = self._connection.buffer
        if self.done:
            return b""
        if self._chunks is not None:
            data = self._chunks.decode(buffer)
            self.done = self._chunks.done
            return data
        if self.framing == UNTIL_CLOSE:
            data = bytes(buffer)
            del buffer[:]
            self.done = self._connection.ended and not self._broken
            return data
        data = bytes(buffer[: self._left])
        del buffer[: len(data)]
        self._left -= len(data)
        self.done = self._left == 0
        return data

    async def pieces(self) -> AsyncIterator[bytes]:
        """The data as it arrives. Raises EndOfStreamError if the body ends early, TimeoutError if it stalls."""
        while True:
            data = self.ready()
            if data:
                yield data
            elif self.done:
                return
            elif self._chunks is None or not self._chunks.unfinished:
                await self._wait()
            if self._chunks is not None and self._chunks.unfinished:
                await asyncio.sleep(0)  # others' turn: many small chunks cost more than their bytes

    async def _wait(self) -> None:
        try:
            await self._connection.wait_for_data(self._idle)
        except EndOfStreamError:
            if self.framing != UNTIL_CLOSE or self._broken:
                raise

    @property
    def _broken(self) -> bool:
        """Whether the connection ended with an error that does not end the body."""
        return self._connection.broken and not self._reset_ends


def _expire(future: "asyncio.Future[None]") -> None:
    if not future.done():
        future.set_exception(TimeoutError())
