"""Publishes messages to browsers as server-sent events (https://html.spec.whatwg.org/#server-sent-events).

Publishing never waits: a reader that is too slow is disconnected, so that it cannot delay requests.

Tests: tests/e2e/pages/test_api.py.
"""

import asyncio

from aiohttp import web

MAX_QUEUED = 16
"""Maximum number of unsent messages per reader."""
HEARTBEAT = 15.0
"""Seconds without a message after which a comment is sent, to detect a closed connection."""
HEADERS = {"Content-Type": "text/event-stream", "X-Accel-Buffering": "no"}


class _Reader:
    """A connected reader; ``task`` writes to it."""

    def __init__(self) -> None:
        self.queue: asyncio.Queue[bytes] = asyncio.Queue(MAX_QUEUED)
        self.task = asyncio.current_task()


class EventStream:
    """A stream with at most ``limit`` readers; each first gets ``hello``, JSON on one line."""

    def __init__(self, limit: int, hello: bytes = b"{}") -> None:
        self.dropped = 0
        """Number of readers that were disconnected or rejected."""
        self._limit = limit
        self._hello = b"retry: 2000\nevent: hello\ndata: %b\n\n" % hello
        self._readers: set[_Reader] = set()
        self._closed = False

    def __len__(self) -> int:
        return len(self._readers)

    def publish(self, event: str, data: bytes) -> None:
        """Send a message to all readers; ``data`` is JSON on one line."""
        message = b"event: %b\ndata: %b\n\n" % (event.encode(), data)
        for reader in tuple(self._readers):
            if reader.queue.full():
                self.dropped += 1
                self._disconnect(reader)
            else:
                reader.queue.put_nowait(message)

    async def follow(self, request: web.Request) -> web.StreamResponse:
        """Handle the request of a reader until either side closes the connection."""
        if self._closed or len(self._readers) >= self._limit:
            self.dropped += 1
            message = "Too many readers: raise limits.viewers, or close another page."
            return web.json_response({"message": message}, status=503)
        reader = _Reader()
        self._readers.add(reader)
        answer = web.StreamResponse(headers=HEADERS)
        try:
            await answer.prepare(request)
            await answer.write(self._hello)
            while True:
                await answer.write(await _next(reader.queue))
        except (asyncio.CancelledError, ConnectionError):
            if request.transport is not None:
                request.transport.abort()
            raise
        finally:
            self._readers.discard(reader)

    def close(self) -> None:
        """Disconnect all readers and accept no more."""
        self._closed = True
        self.drop_all()

    def drop_all(self) -> None:
        """Disconnect all readers; they may reconnect."""
        for reader in tuple(self._readers):
            self._disconnect(reader)

    def _disconnect(self, reader: _Reader) -> None:
        self._readers.discard(reader)
        if reader.task is not None:
            reader.task.cancel()


async def _next(queue: "asyncio.Queue[bytes]") -> bytes:
    try:
        return await asyncio.wait_for(queue.get(), HEARTBEAT)
    except TimeoutError:
        return b":\n\n"
