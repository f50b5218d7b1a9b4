"""What just happened, to whoever follows it: server-sent events (https://html.spec.whatwg.org/#server-sent-events).

Nobody is waited for: a reader that falls behind is cut off, and traffic does not notice.

Tests: tests/e2e/pages/test_api.py.
"""

import asyncio

from aiohttp import web

QUEUE = 16
"""Messages that a reader may be behind."""
HEARTBEAT = 15.0
"""Seconds of silence after which a reader is written to, so that one who has gone is noticed."""
HEADERS = {"Content-Type": "text/event-stream", "X-Accel-Buffering": "no"}


class _Reader:
    """One who follows. ``task`` is the one that writes to it."""

    def __init__(self) -> None:
        self.queue: asyncio.Queue[bytes] = asyncio.Queue(QUEUE)
        self.task = asyncio.current_task()


class EventStream:
    """At most ``limit`` readers, each greeted with ``hello``: JSON on one line."""

    def __init__(self, limit: int, hello: bytes = b"{}") -> None:
        self.dropped = 0
        """Readers that were cut off, or turned away."""
        self._limit = limit
        self._hello = b"retry: 2000\nevent: hello\ndata: %b\n\n" % hello
        self._readers: set[_Reader] = set()
        self._closed = False

    def __len__(self) -> int:
        return len(self._readers)

    def publish(self, event: str, data: bytes) -> None:
        """Tell everybody; ``data`` is JSON on one line."""
        message = b"event: %b\ndata: %b\n\n" % (event.encode(), data)
        for reader in tuple(self._readers):
            if reader.queue.full():
                self.dropped += 1
                self._cut(reader)
            else:
                reader.queue.put_nowait(message)

    async def follow(self, request: web.Request) -> web.StreamResponse:
        """Handle a request of a reader, until it goes or is cut off."""
        if self._closed or len(self._readers) >= self._limit:
            self.dropped += 1
            return web.json_response({"message": "There are limits.viewers readers already."}, status=503)
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
        """No more readers, and none of those that are."""
        self._closed = True
        self.drop_all()

    def drop_all(self) -> None:
        """Cut everybody off; who wants to may come again."""
        for reader in tuple(self._readers):
            self._cut(reader)

    def _cut(self, reader: _Reader) -> None:
        self._readers.discard(reader)
        if reader.task is not None:
            reader.task.cancel()


async def _next(queue: "asyncio.Queue[bytes]") -> bytes:
    try:
        return await asyncio.wait_for(queue.get(), HEARTBEAT)
    except TimeoutError:
        return b":\n\n"
