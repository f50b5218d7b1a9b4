"""A link between fanin and PostgREST that a test can hold: requests, or answers, wait until it is let go or cut."""

from __future__ import annotations

import asyncio
from contextlib import asynccontextmanager
from typing import TYPE_CHECKING
from urllib.parse import urlsplit

if TYPE_CHECKING:
    from collections.abc import AsyncIterator


class HeldLink:
    """Passes bytes on, but for those in a direction that is held."""

    def __init__(self, upstream: str) -> None:
        self.requests, self.answers = asyncio.Event(), asyncio.Event()
        """Whether requests and answers are passed on."""
        self.requests.set()
        self.answers.set()
        self.held_requests = 0
        """Pieces of requests that waited."""
        self.held_answers = 0
        self.port = 0
        self._to = urlsplit(upstream)
        self._writers: set[asyncio.StreamWriter] = set()
        self._tasks: set[asyncio.Task[None]] = set()

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}"

    def cut(self) -> None:
        """Reset all connections; what was held is lost."""
        for task in self._tasks:
            task.cancel()
        for writer in self._writers:
            writer.transport.abort()

    async def serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        """One connection."""
        try:
            others_reader, others_writer = await asyncio.open_connection(self._to.hostname, self._to.port)
        except OSError:
            writer.transport.abort()
            return
        self._writers |= {writer, others_writer}
        for source, sink, is_request in ((reader, others_writer, True), (others_reader, writer, False)):
            task = asyncio.create_task(self._pass_on(source, sink, is_request))
            self._tasks.add(task)

    async def _pass_on(self, source: asyncio.StreamReader, sink: asyncio.StreamWriter, is_request: bool) -> None:
        gate = self.requests if is_request else self.answers
        try:
            while data := await source.read(65536):
                if not gate.is_set():
                    self.held_requests += is_request
                    self.held_answers += not is_request
                    await gate.wait()
                sink.write(data)
        except ConnectionError:
            pass
        sink.close()


@asynccontextmanager
async def held_link(upstream: str) -> AsyncIterator[HeldLink]:
    """A link to ``upstream``, at first open."""
    link = HeldLink(upstream)
    server = await asyncio.start_server(link.serve, "127.0.0.1", 0)
    link.port = server.sockets[0].getsockname()[1]
    try:
        yield link
    finally:
        server.close()
        link.cut()
