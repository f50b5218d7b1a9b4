"""An upstream that answers each request which the RFCs allow, and keeps the bytes of every connection."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, Self, cast

from tests.e2e.support.request_readers import ReadRequest, Stream, strict_request

if TYPE_CHECKING:
    from types import TracebackType

ANSWER = b"HTTP/1.1 200 OK\r\nContent-Type: text/plain\r\nContent-Length: 2\r\n\r\n"


class RecordedConnection(asyncio.Protocol):
    """One connection: its bytes, the whole requests in them, and why it was given up."""

    def __init__(self) -> None:
        self.received = b""
        self.requests: list[ReadRequest] = []
        self.wrong = ""
        self._at = 0

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = cast("asyncio.Transport", transport)

    def data_received(self, data: bytes) -> None:
        self.received += data
        while self._at < len(self.received) and not self.wrong:
            stream = Stream(self.received[self._at :])
            try:
                request = strict_request(stream)
            except ValueError as error:
                if str(error).startswith("not valid"):
                    self.wrong = str(error)
                    self._transport.close()
                return
            self._at += stream.at
            self.requests.append(request)
            self._transport.write(ANSWER + (b"" if request.method == b"HEAD" else b"ok"))


class RecordingUpstream:
    """``async with RecordingUpstream() as upstream``."""

    def __init__(self) -> None:
        self.connections: list[RecordedConnection] = []
        self.url = ""

    async def __aenter__(self) -> Self:
        self._server = await asyncio.get_running_loop().create_server(self._accept, "127.0.0.1", 0)
        self.url = f"http://127.0.0.1:{self._server.sockets[0].getsockname()[1]}"
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, value: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._server.close()

    def _accept(self) -> RecordedConnection:
        self.connections.append(RecordedConnection())
        return self.connections[-1]
