"""Reads request heads from client connections, with timeouts and a limit on the memory for long heads."""

from collections.abc import Callable

from proxy.errors.codes import FaultError
from proxy.http1.head_scanner import HeadLimits, HeadScanner, find_short_end
from proxy.settings.model import Settings
from proxy.transport.connection import Connection, EndOfStreamError


class RequestHeadReader:
    """Reads the heads of all connections. Long ones count against a budget until ``release``."""

    def __init__(self, settings: Settings, on_mount: Callable[[bytes], bool], clock: Callable[[], float]) -> None:
        self.held = 0
        """Bytes of long heads in memory now."""
        self._on_mount = on_mount
        self._clock = clock
        self._sizes: dict[Connection, int] = {}
        self.apply_settings(settings)

    def apply_settings(self, settings: Settings) -> None:
        """Use these limits and timeouts from now on."""
        limits = settings.limits
        self._limits = HeadLimits(limits.head_bytes, max(limits.head_bytes, limits.long_head_bytes), self._on_mount)
        self._budget = limits.long_heads
        self._timeouts = settings.timeouts

    async def next_head(self, client: Connection) -> bytes | None:
        """The next head without its empty line. None if the client closed the connection, or sent nothing for
        timeouts.keep_alive. FaultError FANIN108 after timeouts.head, FANIN109 over the budget.
        """
        self.release(client)
        if not client.buffer:
            try:
                await client.wait_for_data(self._timeouts.keep_alive)
            except (TimeoutError, EndOfStreamError):
                return None
        end = find_short_end(client.buffer, self._limits)  # limits may have changed during the wait
        if end < 0:
            try:
                end = await self._find_end(client)
            except FaultError:
                self.release(client)
                raise
        if end < 0:
            return None
        block = bytes(client.buffer[:end])
        del client.buffer[: end + 4]
        client.resume()
        return block

    def whole_head(self, client: Connection) -> bytes | None:
        """The head in the buffer of ``client`` without its empty line, if it is all there, is short, and is alone."""
        buffer = client.buffer
        end = find_short_end(buffer, self._limits)
        if end < 0 or len(buffer) != end + 4:
            return None
        block = bytes(buffer[:end])
        buffer.clear()
        return block

    def release(self, client: Connection) -> None:
        """The request of ``client`` has ended: its head no longer counts against the budget."""
        if self._sizes:
            self.held -= self._sizes.pop(client, 0)

    async def _find_end(self, client: Connection) -> int:
        """Where the head ends, after waiting for it; -1 if the client closed the connection or sent nothing."""
        scanner = HeadScanner(self._limits)
        seconds, began = self._timeouts.keep_alive, 0.0
        while (end := scanner.find_end(client.buffer)) < 0:
            if scanner.is_long:
                self._reserve(client, len(client.buffer))
            if client.buffer:
                began = began or self._clock()
                seconds = self._timeouts.head - (self._clock() - began)
            try:
                await client.wait_for_data(max(seconds, 0.0))
            except TimeoutError:
                if client.buffer:
                    raise FaultError("FANIN108") from None
                return -1
            except EndOfStreamError:
                return -1
        if scanner.is_long:
            self._reserve(client, end)
        return end

    def _reserve(self, client: Connection, size: int) -> None:
        """Count ``size`` bytes for the head of ``client``. FaultError FANIN109 if all long heads exceed the budget."""
        others = self.held - self._sizes.get(client, 0)
        if others + size > self._budget:
            raise FaultError("FANIN109", "limits.long_heads, which all connections share")
        self._sizes[client] = size
        self.held = others + size
