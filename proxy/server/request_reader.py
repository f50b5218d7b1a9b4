"""Request heads off client connections: one after another, in time, and no more at once than may be held."""

from collections.abc import Callable

from proxy.errors.codes import FaultError
from proxy.http1.head_scanner import HeadLimits, HeadScanner, find_short_end
from proxy.settings.model import Settings
from proxy.transport.connection import Connection, EndOfStreamError


class RequestHeadReader:
    """The heads of all connections. Long ones are counted until their requests are over: see ``release``."""

    def __init__(self, settings: Settings, on_mount: Callable[[bytes], bool], clock: Callable[[], float]) -> None:
        self.held = 0
        """Bytes of the long heads that are held now."""
        self._on_mount = on_mount
        self._clock = clock
        self._holders: dict[Connection, int] = {}
        self.apply_settings(settings)

    def apply_settings(self, settings: Settings) -> None:
        """Limits and timeouts for the heads that come from now on."""
        limits = settings.limits
        self._search = HeadLimits(limits.head_bytes, max(limits.head_bytes, limits.long_head_bytes), self._on_mount)
        self._budget = limits.long_heads
        self._timeouts = settings.timeouts

    async def next_head(self, client: Connection) -> bytes | None:
        """The next head without its empty line; None when the client left, or stayed silent, between requests."""
        if self._holders:
            self.release(client)
        if not client.buffer:
            try:
                await client.wait_for_data(self._timeouts.keep_alive)
            except (TimeoutError, EndOfStreamError):
                return None
        end = find_short_end(client.buffer, self._search)  # by the limits that hold now, not when the wait began
        if end < 0:
            try:
                end = await self._search_end(client)
            except FaultError:
                self.release(client)
                raise
        if end < 0:
            return None
        block = bytes(client.buffer[:end])
        del client.buffer[: end + 4]
        client.resume()
        return block

    def release(self, client: Connection) -> None:
        """The request of ``client`` is over."""
        self.held -= self._holders.pop(client, 0)

    async def _search_end(self, client: Connection) -> int:
        """Where the head ends, however it comes; -1 when the client left, or was silent."""
        search = HeadScanner(self._search)
        seconds, began = self._timeouts.keep_alive, 0.0
        while (end := search.find_end(client.buffer)) < 0:
            if search.is_long:
                self._hold(client, len(client.buffer))
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
        if search.is_long:
            self._hold(client, end)
        return end

    def _hold(self, client: Connection, size: int) -> None:
        """FANIN109 when all long heads together are too much."""
        others = self.held - self._holders.get(client, 0)
        if others + size > self._budget:
            raise FaultError("FANIN109", "limits.long_heads, which all connections share")
        self._holders[client] = size
        self.held = others + size
